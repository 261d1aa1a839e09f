// What the pictures of a source look like over time: the picture half of struct signals.  Private
// to src/media.
#ifndef CLIPSPOOL_WATCH_H
#define CLIPSPOOL_WATCH_H

#include "spool/signals.h"
#include <libavutil/frame.h>

struct watch;

struct watch *watch_new(void);
void watch_free(struct watch **watch);

// Measures the next decoded picture, at `seconds`.  Times must not fall.  Pictures in a format that
// cannot be read, and those beyond four hours at 120 a second, are passed over.
void watch_add(struct watch *watch, const AVFrame *frame, double seconds);

// Hands over frames, likeness and frame_rate; signals->duration must be set.
void watch_finish(struct watch *watch, struct signals *signals);

#endif
