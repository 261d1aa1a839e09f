// A folder as the power may leave it: what it was, and which of the things done to it since then
// have reached the disk.
//
// The model knows less than any file system does for whoever does not sync.  A name is there for
// good once its folder was synced behind it, and contents once the file was; until then each may
// have reached the disk or not, independently of all others.  A rename is one step, and there for
// good once either folder was synced, as in journals; of a file that went to another folder both
// names may be found, never none.
#ifndef CLIPSPOOL_TESTS_DISK_H
#define CLIPSPOOL_TESTS_DISK_H

#include "tests/support/shimmed.h"

#include <stdio.h>

enum disk_fate {
    DISK_LOST,  // had not reached the disk
    DISK_PART,  // of a write the first half; of a rename to another folder only the new name
    DISK_ZEROS, // of a write its length alone
    DISK_THERE,
};

struct disk;

// Reads what is below the folder `path`.  Gives it; ends the test where that cannot be.
struct disk *disk_read(const char *path);
void disk_free(struct disk *disk);

// What happened, in order, with where it happened.
struct disk_event {
    const struct shim_record *record; // borrowed from the page
    char place[256]; // of what was synced: "work/ID/N/probe.json", also while that is .tmp; ""
                     // outside
};

// The records of the page, the places being those of the moment.  Gives *ret_events; returns how
// many.
size_t disk_events(const struct disk *disk, const struct shim_page *page,
                   struct disk_event **ret_events);

// What at the power cut before events[count] must be there at least: *fates has `count` of them,
// DISK_LOST for what may be lost.  Syncs of the place `left_out` (NULL: none) count for nothing.
void disk_settled(const struct disk_event *events, size_t count, const char *left_out,
                  enum disk_fate *fates);

// Puts what that makes of the disk under `path`, which must be there and empty.  Returns a sum of
// all of it by which two states can be told apart.
uint64_t disk_leave(const struct disk *disk, const struct disk_event *events, size_t count,
                    const enum disk_fate *fates, const char *path);

#endif
