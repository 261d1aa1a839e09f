// A look-ahead limiter for true peaks, stereo at 48 kHz.  Pure arithmetic.
//
// The gain a peak needs is known before the peak comes out, so it is approached in a straight line
// over the look-ahead and recovered from slowly; what stays under the ceiling leaves bit for bit.
//
//   needed gain      ------+  +---------      minimum over the look-ahead, recovering slowly,
//                          |__|               then averaged over it: never above what is needed
//   applied gain     ---\        ___---
//                        \______/
//
// True peaks (ITU-R BS.1770-4 annex 2) are estimated by interpolating to four times the rate.
#ifndef CLIPSPOOL_LIMITER_H
#define CLIPSPOOL_LIMITER_H

#include "base/base.h"

struct limiter;

// No peak above `ceiling` (of full scale, e.g. 0.7).
struct limiter *limiter_new(double ceiling);
void limiter_free(struct limiter **limiter);

// By how many frames (pairs of samples) the sound comes out late.
size_t limiter_delay(void);

// Takes `count` interleaved frames and replaces them by the `count` that come out, those before the
// first one in being zero.
void limiter_run(struct limiter *limiter, float *frames, size_t count);

#endif
