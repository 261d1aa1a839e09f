// Tells contents apart without comparing them: a fast fingerprint that nobody can aim at.
//
// The bytes are the coefficients of a polynomial, whose value modulo the prime 2^61 - 1 is taken at
// two secret random points (L. Carter, M. Wegman, "Universal classes of hash functions", 1979).
// Two contents of n bytes have the same value at one point with a probability of at most
// (n/7 + 2) / 2^61, however they were chosen, as long as the points are not known: for files of
// 4 GB and two points, less than one in 10^18.  Not for anybody's eyes: who sees many fingerprints
// learns about the points.
#ifndef CLIPSPOOL_FINGERPRINT_H
#define CLIPSPOOL_FINGERPRINT_H

#include "base/base.h"

enum { FINGERPRINT_POINTS = 2, FINGERPRINT_HEX = 32 };

struct fingerprint {
    uint64_t point[FINGERPRINT_POINTS], value[FINGERPRINT_POINTS];
    uint64_t bytes;  // so far
    uint64_t chunk;  // up to seven bytes that are not yet a coefficient
    unsigned filled; // of them
};

// `secret`: random numbers, the same wherever fingerprints are to be compared.
void fingerprint_begin(struct fingerprint *print, const uint64_t secret[FINGERPRINT_POINTS]);
void fingerprint_add(struct fingerprint *print, const void *data, size_t size);
// Ends with the number of bytes.  Writes FINGERPRINT_HEX digits and a NUL.
void fingerprint_end(struct fingerprint *print, char ret_hex[FINGERPRINT_HEX + 1]);

#endif
