// What speech is recognised in: a WAV file of 16 kHz, one channel, 16 bits a sample.
//
// Its length is said first, in its header, and kept to the sample; so it is written from front to
// back.
#ifndef CLIPSPOOL_WAV_H
#define CLIPSPOOL_WAV_H

#include "base/err.h"

enum {
    WAV_RATE = 16000,
    WAV_MOST_SECONDS = 4 * 3600, // what is longer is cut off: 461 MB
};

struct wav;

// Begins a file of so many seconds at the beginning of fd, which is kept and not closed.
int wav_open(int fd, double seconds, struct wav **ret_wav, struct err *err);
void wav_free(struct wav **wav);

// The next samples; full scale is 1, louder ones are clipped.  Those beyond the length are left
// out.
int wav_add(struct wav *wav, const float *samples, size_t count, struct err *err);

// Fills up with silence what is missing, and writes what is left (not synced).
int wav_finish(struct wav *wav, struct err *err);

#endif
