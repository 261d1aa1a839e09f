// The time of a decoded frame, from second 0 on, whatever the file says.  Private to src/media.
//
// Missing times follow from the frame before, a clock that falls back is carried on, small steps
// back are rounding, and time always grows.
#ifndef CLIPSPOOL_CLOCK_H
#define CLIPSPOOL_CLOCK_H

#include <libavformat/avformat.h>

struct clock {
    int64_t last, next; // in the stream's time base, container time; AV_NOPTS_VALUE: none yet
    int64_t shift;      // added to times since the file's clock fell back
};
#define CLOCK_INIT                                     \
    {                                                  \
        .last = AV_NOPTS_VALUE, .next = AV_NOPTS_VALUE \
    }

// Sets pts and time_base of the next frame of a stream, in order of presentation.  `start` is the
// container time of second 0, in seconds.
void clock_stamp(struct clock *clock, const AVStream *stream, double start, AVFrame *frame);

#endif
