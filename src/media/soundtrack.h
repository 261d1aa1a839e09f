// The sound of a source, made into one unbroken line from second 0 on while it is decoded, and
// handed to the measures, at its own rate, and to others, each at the rate that it wants: the
// proxy, what speech is recognised in.  Private to src/media.
#ifndef CLIPSPOOL_SOUNDTRACK_H
#define CLIPSPOOL_SOUNDTRACK_H

#include "base/err.h"
#include "media/listen.h"
#include <libavutil/frame.h>

struct soundtrack;

// Takes `count` interleaved frames.
typedef int soundtrack_out(void *context, const float *frames, size_t count, struct err *err);

struct soundtrack_outlet {
    int rate, channels; // as it is handed out
    soundtrack_out *out;
    void *context; // kept
};

enum { SOUNDTRACK_OUTLETS = 2 };

struct soundtrack_wish {
    double duration; // seconds of the source's pictures; sound beyond is left out
    struct soundtrack_outlet outlets[SOUNDTRACK_OUTLETS];
    size_t outlet_count; // at least 1
};

struct soundtrack *soundtrack_new(const struct soundtrack_wish *wish);
void soundtrack_free(struct soundtrack **soundtrack);

// The next decoded frame, at `seconds`.  Gaps become silence, overlaps are left out; a change of
// format in midstream is converted.
int soundtrack_add(struct soundtrack *soundtrack, const AVFrame *frame, double seconds,
                   struct err *err);

// Fills up to the duration and hands the measures over.  Returns 1, or 0 if no sound ever came (all
// get silence and *signals stays without sound), or a negative.
int soundtrack_finish(struct soundtrack *soundtrack, struct signals *signals, struct err *err);

#endif
