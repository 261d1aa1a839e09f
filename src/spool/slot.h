// The time slots of a proxy: which one a picture is for.
#ifndef CLIPSPOOL_SLOT_H
#define CLIPSPOOL_SLOT_H

#include <math.h>

// A picture stands for the first slot that begins no earlier than this much of a slot before it, so
// that times rounded to milliseconds neither double pictures nor lose them.  Of several pictures
// for one slot the last is shown.
#define SLOT_SLACK 0.25

// The slot of a picture at `seconds`, `rate` slots a second; whole.
static inline double slot_of(double seconds, double rate)
{
    return ceil(seconds * rate - SLOT_SLACK);
}

#endif
