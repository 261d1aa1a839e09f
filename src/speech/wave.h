// The sound of a source as the recogniser hears it: one channel of 16-bit samples at 16 kHz in a
// WAV file (SOURCE_AUDIO), read at any place.
#ifndef CLIPSPOOL_WAVE_H
#define CLIPSPOOL_WAVE_H

#include "base/err.h"

enum { WAVE_RATE = 16000 };

struct wave {
    int fd;          // its own
    int64_t offset;  // of the first sample
    int64_t samples; // in all
};
#define WAVE_INIT \
    {             \
        .fd = -1  \
    }

// Takes the open file.  Returns 0 or a negative: ERR_INPUT "bad_sound" for what is no such
// sound.
int wave_open(int fd, struct wave *wave, struct err *err);
void wave_close(struct wave *wave);

// Reads `count` samples from place `first` on; what lies behind the end is silence.
int wave_read(const struct wave *wave, int64_t first, int16_t *samples, size_t count,
              struct err *err);

// A WAV file of its own of `count` samples from place `first` on; as above.  Gives *ret_file of
// *ret_size bytes.
int wave_cut(const struct wave *wave, int64_t first, size_t count, char **ret_file,
             size_t *ret_size, struct err *err);

#endif
