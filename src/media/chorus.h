// Encoding of the reel's sound by several encoders at a time.  Private to src/media.
//
// One encoder takes the sound as it comes and keeps one processor busy.  So the line is cut into
// parts, each with an encoder in a thread of its own, and the packets are put behind each other
// again.  What an encoder remembers decides how it codes a frame, above all its windows, which must
// fit those of the frame before; so each part begins with frames of the one before, whose packets
// are left out, and goes on for what an encoder looks ahead.
//
//     part n         |before|own ..............|ahead|
//     part n + 1                        |before|own ..............|ahead|
#ifndef CLIPSPOOL_CHORUS_H
#define CLIPSPOOL_CHORUS_H

#include "media/sound.h"
#include "media/voice.h"

struct chorus;

// Starts up to `voices` threads.  The sound is stereo of SOUND_RATE.  `out` gets all packets in
// order, from one thread at a time.  Keeps context.  Fills *ret_track (allocated by the caller):
// the track that results.  ERR_SYSTEM if there can be no thread.
int chorus_start(unsigned voices, voice_out *out, void *context, AVCodecParameters *ret_track,
                 struct chorus **ret_chorus, struct err *err);
// Ends it as soon as may be; what has not been given out by then is lost.
void chorus_free(struct chorus **chorus);

// Takes `count` frames of interleaved sound; waits while every thread has a part.  If an encoder or
// `out` has failed, what it failed with.
int chorus_add(struct chorus *chorus, const float *frames, size_t count, struct err *err);
// Waits until all is given out.  The same.
int chorus_finish(struct chorus *chorus, struct err *err);

#endif
