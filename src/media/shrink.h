// Pictures of a proxy: small, upright, 8 bits 4:2:0.  Private to src/media.
//
// Scaled first and turned afterwards, because then little is turned.  Of interlaced pictures one
// field is taken, which costs nothing and leaves no combs.
#ifndef CLIPSPOOL_SHRINK_H
#define CLIPSPOOL_SHRINK_H

#include "base/err.h"
#include <libavutil/frame.h>

struct shrink_wish {
    int width, height; // of the upright proxy, even
    int rotation;      // degrees clockwise that turn a decoded picture upright: 0, 90, 180, 270
    bool interlaced;
    enum AVColorSpace matrix; // what colours without planes of their own become
};

struct shrink;

struct shrink *shrink_new(const struct shrink_wish *wish);
void shrink_free(struct shrink **shrink);

// Gives a yuv420p picture of limited range in *ret_frame, borrowed until the next call.  Formats
// may change in midstream.  ERR_INPUT "picture_format" for one that cannot be scaled.
int shrink_make(struct shrink *shrink, const AVFrame *frame, AVFrame **ret_frame, struct err *err);

#endif
