// Strips, copied packets and sound become the file.  Private to src/media.
#ifndef CLIPSPOOL_JOIN_H
#define CLIPSPOOL_JOIN_H

#include "media/cuts.h"
#include "media/dub.h"

// What the file must be found to hold, for verify.h.
struct join_packet {
    int64_t frame;                     // shown
    uint8_t hash[16];                  // of its bytes, as they were put in
    bool is_copied, is_sync, is_joint; // is_joint: the first of a strip
    bool is_original;                  // copied, and its slices are the original's bit for bit
    bool is_closed;                    // copied, and nothing behind it refers to before it
    const struct paramsets *sets;      // that it refers to, only to be told from others; NULL: none
};

struct join {
    struct join_packet *packets; // of the picture track, in coding order; owned
    size_t count;
};

// Writes the whole reel into the empty fd; the sound may still be being made.  `coded`: the track
// as the encoder of the strips has it; NULL if nothing is encoded.  Fills the blank *ret_join
// (join_release).  ERR_INPUT "not_joined" if the copied pictures turn out not to be what they
// seemed.
int join_make(const struct cuts *cuts, const struct dub *dub, const AVCodecParameters *coded,
              int fd, struct join *ret_join, struct err *err);
void join_release(struct join *join);

// The hash of a packet's bytes.
void join_hash(const uint8_t *data, size_t size, uint8_t ret_hash[16]);

#endif
