// The encoder of sound: an unbroken line of samples becomes AAC packets.  Private to src/media.
#ifndef CLIPSPOOL_VOICE_H
#define CLIPSPOOL_VOICE_H

#include "base/err.h"
#include <libavcodec/avcodec.h>

struct voice_wish {
    int rate, channels; // 0: 48 kHz stereo
    int64_t bitrate;    // 0: a quality, about 230 kbit/s
    int64_t first;      // the place of its first frame, samples
};

struct voice;

// Takes a packet, its pts and dts in samples, the first before the first frame by the encoder's
// priming; may take its data away.
typedef int voice_out(void *context, AVPacket *packet, struct err *err);

// Keeps context.
int voice_open(const struct voice_wish *wish, voice_out *out, void *context,
               struct voice **ret_voice, struct err *err);
void voice_free(struct voice **voice);

// The next `count` frames of interleaved sound.
int voice_add(struct voice *voice, const float *frames, size_t count, struct err *err);
// Gives out what is left.
int voice_finish(struct voice *voice, struct err *err);

// The track that results; borrowed.
const AVCodecContext *voice_context(const struct voice *voice);

#endif
