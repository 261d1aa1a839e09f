#include "highlight/likeness.h"

#include <math.h>

static void add_sample(struct likeness *sum, const struct signals *signals, size_t index)
{
    for (size_t bin = 0; bin < SIGNALS_BINS; bin++)
        sum->bins[bin] += signals->likeness[index][bin];
}

static void normalise(struct likeness *likeness)
{
    float total = 0;
    for (size_t bin = 0; bin < SIGNALS_BINS; bin++)
        total += likeness->bins[bin];
    for (size_t bin = 0; total > 0 && bin < SIGNALS_BINS; bin++)
        likeness->bins[bin] /= total;
}

struct likeness likeness_at(const struct signals *signals, size_t index)
{
    struct likeness likeness = { 0 };
    if (index < signals->likeness_count)
        add_sample(&likeness, signals, index);
    normalise(&likeness);
    return likeness;
}

struct likeness likeness_of(const struct signals *signals, double start, double end)
{
    struct likeness likeness = { 0 };
    if (!signals->likeness_count)
        return likeness;
    size_t last = signals->likeness_count - 1;
    size_t from = (size_t)fmin(ceil(fmax(start, 0) * SIGNALS_LIKENESS_HZ), (double)last);
    size_t until = (size_t)fmin(ceil(fmax(end, 0) * SIGNALS_LIKENESS_HZ), (double)last + 1);
    if (until <= from) // no sample inside: the one that lies nearest to the middle
        return likeness_at(signals,
                           (size_t)fmin(fmax(start + end, 0) / 2 * SIGNALS_LIKENESS_HZ + 0.5,
                                        (double)last));
    for (size_t i = from; i < until; i++)
        add_sample(&likeness, signals, i);
    normalise(&likeness);
    return likeness;
}

double likeness_compare(const struct likeness *a, const struct likeness *b)
{
    double common = 0;
    for (size_t bin = 0; bin < SIGNALS_BINS; bin++)
        common += fminf(a->bins[bin], b->bins[bin]);
    return common > 1 ? 1 : common;
}
