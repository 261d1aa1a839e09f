// The sound of a source, made into one unbroken line from second 0 on while it is decoded, and
// handed to two listeners: the measures, at its own rate, and the proxy, at the proxy's.  Private
// to src/media.
#ifndef CLIPSPOOL_SOUNDTRACK_H
#define CLIPSPOOL_SOUNDTRACK_H

#include "base/err.h"
#include "media/listen.h"
#include <libavutil/frame.h>

struct soundtrack;

// Takes `count` interleaved frames for the proxy.
typedef int soundtrack_out(void *context, const float *frames, size_t count, struct err *err);

struct soundtrack_wish {
    double duration;    // seconds of the source's pictures; sound beyond is left out
    int rate, channels; // of the proxy
    soundtrack_out *out;
    void *context; // kept
};

struct soundtrack *soundtrack_new(const struct soundtrack_wish *wish);
void soundtrack_free(struct soundtrack **soundtrack);

// The next decoded frame, at `seconds`.  Gaps become silence, overlaps are left out; a change of
// format in midstream is converted.
int soundtrack_add(struct soundtrack *soundtrack, const AVFrame *frame, double seconds,
                   struct err *err);

// Fills up to the duration and hands the measures over.  Returns 1, or 0 if no sound ever came (the
// proxy gets silence and *signals stays without sound), or a negative.
int soundtrack_finish(struct soundtrack *soundtrack, struct signals *signals, struct err *err);

#endif
