// What a source sounds like over time: the sound half of struct signals.  Private to src/media.
#ifndef CLIPSPOOL_LISTEN_H
#define CLIPSPOOL_LISTEN_H

#include "spool/signals.h"

struct listen;

// For sound of `rate` samples a second in `channels` channels (ordered as libav orders them), from
// second 0 on without gaps.  NULL if there is no such sound.
struct listen *listen_new(int rate, int channels);
void listen_free(struct listen **listen);

// The next `count` frames, interleaved; full scale is 1.
void listen_add(struct listen *listen, const float *frames, size_t count);

// Hands over the sounds and the values of the whole; signals->duration must be set: the entries are
// cut or filled with silence to it.
void listen_finish(struct listen *listen, struct signals *signals);

#endif
