// How alike two stretches of picture are, by their colours.
//
// Likeness is the intersection of two colour histograms (Swain and Ballard 1991): 1 for the same
// distribution of colours, 0 for nothing in common.  It survives movement within the picture and a
// turned camera, and knows nothing of shapes.
#ifndef CLIPSPOOL_LIKENESS_H
#define CLIPSPOOL_LIKENESS_H

#include "spool/signals.h"

struct likeness {
    float bins[SIGNALS_BINS]; // sums to 1, or all 0: nothing is known
};

// The mean colours over [start, end) seconds; a stretch shorter than the sampling takes the nearest
// sample.  Borrows.
struct likeness likeness_of(const struct signals *signals, double start, double end);

// The mean colours of the sample at `index` alone.
struct likeness likeness_at(const struct signals *signals, size_t index);

// 0..1; 0 if either is unknown.
double likeness_compare(const struct likeness *a, const struct likeness *b);

// Two stretches of two sources (or of one).
struct likeness_span {
    const struct signals *signals; // borrowed
    double start, end;             // seconds
};

// How much of the pictures of `a` is seen in `b` too, 0..1: for each second of `a` the likest
// sample of `b`, on average.  Unlike the mean colours of both it tells the same pictures, cut a
// little differently, from others of the same film.
double likeness_seen(const struct likeness_span *a, const struct likeness_span *b);

#endif
