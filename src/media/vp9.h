// Packets of VP9 (VP9 Bitstream & Decoding Process Specification 6.1, 6.2, annex B): what a packet
// shows, and the size of a key frame.  A packet may be a superframe: pictures that are not shown
// yet before the one that is.  Private to src/media; pure functions on bytes, which are hostile.
#ifndef CLIPSPOOL_VP9_H
#define CLIPSPOOL_VP9_H

#include "base/base.h"

struct vp9_packet {
    int shown;         // pictures that are shown; containers want one
    bool is_key;       // begins with a key frame that is shown: nothing after it looks behind it
    int width, height; // of the key frame
};

// -EINVAL if it holds no frames, or damaged ones.
int vp9_read(const uint8_t *data, size_t size, struct vp9_packet *ret_packet);

#endif
