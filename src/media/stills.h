// The pictures of a frame set, cut out of the proxy: upright and small already, and quick to
// decode.  Private to programs that make proxies.
//
// Key frame by key frame: nothing is decoded twice, and on the way to a picture only what others
// refer to.
#ifndef CLIPSPOOL_STILLS_H
#define CLIPSPOOL_STILLS_H

#include "base/err.h"
#include "spool/frames.h"

// Takes the JPEG file of an item; borrows.
typedef int stills_out(void *context, const struct frames_item *item, const void *jpeg, size_t size,
                       struct err *err);

struct stills_wish {
    int proxy_fd;       // of a proxy as proxy_make writes it; read with offsets of its own
    double rate;        // its pictures a second
    int64_t max_pixels; // of a still
    stills_out *out;
    void *context;
};

// Gives out a still for each item, in order: what the proxy shows at its time, fitted into
// max_pixels with its shape kept, never larger, sides even.  Sets frames->width and height. ERR_BUG
// "no_still" where the proxy cannot be read back.
int stills_make(const struct stills_wish *wish, struct frames *frames, struct err *err);

#endif
