// Coded packets laid aside in a file until their turn in the reel: memory stays flat however long
// the reel is.  Private to src/media.
//
// Several threads lay packets aside at the same time, each into a parcel of its own; all share one
// unnamed file.  A parcel may be unpacked by another thread while it is being filled.
#ifndef CLIPSPOOL_SHELF_H
#define CLIPSPOOL_SHELF_H

#include "base/err.h"
#include <libavcodec/packet.h>
#include <pthread.h>
#include <stdatomic.h>

struct shelf {
    int fd;               // open read-write, borrowed; its contents belong to the shelf
    _Atomic int64_t used; // bytes
    // Of all parcels: entries, and whether they have ended.
    pthread_mutex_t lock;
    pthread_cond_t moved;
};

struct parcel_entry {
    int64_t pts, offset;
    int size, duration;
    bool is_sync;
};

// What one coder made, in coding order.
struct parcel {
    struct shelf *shelf; // kept
    struct parcel_entry *entries;
    size_t count, capacity;
    bool is_ended;
};

void shelf_init(struct shelf *shelf, int fd);
void parcel_init(struct parcel *parcel, struct shelf *shelf);
void parcel_release(struct parcel *parcel);

// Borrows packet.  ERR_IO if the disk is full.
int parcel_add(struct parcel *parcel, const AVPacket *packet, struct err *err);
// Nothing more will be added.
void parcel_end(struct parcel *parcel);
// Waits until packet number i is there or the parcel has ended.  True if it is there.
bool parcel_await(const struct parcel *parcel, size_t i);
// The time of packet number i, which is there.
int64_t parcel_time(const struct parcel *parcel, size_t i);
// Fills the blank *packet with packet number i, which is there: data, pts, duration and the key
// flag.
int parcel_get(const struct parcel *parcel, size_t i, AVPacket *packet, struct err *err);

#endif
