// Median and MAD: what is usual in a list of measurements, and how much they usually differ.
//
// The median absolute deviation times 1.4826 estimates the standard deviation of a normal
// distribution, but outliers, which are what we look for, do not move it (Hampel 1974; Rousseeuw
// and Croux 1993).
#ifndef CLIPSPOOL_ROBUST_H
#define CLIPSPOOL_ROBUST_H

#include "base/base.h"

struct robust {
    double median;
    double scale; // 1.4826 * MAD, not below the floor it was asked with
};

// The value at fraction 0..1 of the ascending order (0.5: the median).  Reorders `values`; 0 for an
// empty list.  O(count) on average.
float robust_quantile(float *values, size_t count, double fraction);

// Of `count` values, which are left in another order and changed.  The floor keeps a signal that
// hardly varies from being blown up into differences; it must be above 0.
struct robust robust_measure(float *values, size_t count, double floor);

// How many scales x lies above the median.
double robust_score(const struct robust *robust, double x);

#endif
