// Tells contents apart without comparing them: a fast imprint that nobody can aim at.
//
// The bytes are the coefficients of a polynomial, whose value modulo the prime 2^61 - 1 is taken at
// two secret random points (L. Carter, M. Wegman, "Universal classes of hash functions", 1979).
// Two contents of n bytes have the same value at one point with a probability of at most
// (n/7 + 2) / 2^61, however they were chosen, as long as the points are not known: for files of
// 4 GB and two points, less than one in 10^18.  Not for anybody's eyes: who sees many imprints
// learns about the points.
#ifndef CLIPSPOOL_IMPRINT_H
#define CLIPSPOOL_IMPRINT_H

#include "base/base.h"

enum { IMPRINT_POINTS = 2, IMPRINT_HEX = 32 };

struct imprint {
    uint64_t point[IMPRINT_POINTS], value[IMPRINT_POINTS];
    uint64_t bytes;  // so far
    uint64_t chunk;  // up to seven bytes that are not yet a coefficient
    unsigned filled; // of them
};

// `secret`: random numbers, the same wherever imprints are to be compared.
void imprint_begin(struct imprint *print, const uint64_t secret[IMPRINT_POINTS]);
void imprint_add(struct imprint *print, const void *data, size_t size);
// Ends with the number of bytes.  Writes IMPRINT_HEX digits and a NUL.
void imprint_end(struct imprint *print, char ret_hex[IMPRINT_HEX + 1]);

#endif
