// Sound on its way from the thread that makes it to one of its own that uses it up, so that mixing
// and encoding go on at the same time.  Private to src/media.
//
// Bounded: who is too quick waits.  What comes out is what went in, in order, in pieces of other
// sizes.
#ifndef CLIPSPOOL_RELAY_H
#define CLIPSPOOL_RELAY_H

#include "media/sound.h"

struct relay;

// Starts the thread that hands everything to `out`.  Keeps context.  ERR_SYSTEM if there can be no
// thread.
int relay_start(sound_out *out, void *context, struct relay **ret_relay, struct err *err);
// Ends it at the next piece; what has not been handed out by then is lost.
void relay_free(struct relay **relay);

// Takes `count` frames; waits for room.  If `out` has failed, what it failed with.
int relay_put(struct relay *relay, const float *frames, size_t count, struct err *err);
// Waits until all is handed out.  The same.
int relay_finish(struct relay *relay, struct err *err);

#endif
