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

// The samples of [start, end): at least one, the nearest to the middle of a short stretch.
struct range {
    size_t from, until;
};

static struct range samples_of(const struct signals *signals, double start, double end)
{
    double count = (double)signals->likeness_count;
    size_t from = (size_t)fmin(ceil(fmax(start, 0) * SIGNALS_LIKENESS_HZ), count - 1);
    size_t until = (size_t)fmin(ceil(fmax(end, 0) * SIGNALS_LIKENESS_HZ), count);
    if (until > from)
        return (struct range){ from, until };
    double middle = fmax(start + end, 0) / 2 * SIGNALS_LIKENESS_HZ + 0.5;
    size_t nearest = (size_t)fmin(middle, count - 1);
    return (struct range){ nearest, nearest + 1 };
}

struct likeness likeness_of(const struct signals *signals, double start, double end)
{
    struct likeness likeness = { 0 };
    if (!signals->likeness_count)
        return likeness;
    struct range range = samples_of(signals, start, end);
    for (size_t i = range.from; i < range.until; i++)
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

static double compare_samples(const uint8_t *a, const uint8_t *b)
{
    unsigned common = 0, total = 0;
    for (size_t bin = 0; bin < SIGNALS_BINS; bin++) {
        common += a[bin] < b[bin] ? a[bin] : b[bin];
        total += a[bin] > b[bin] ? a[bin] : b[bin];
    }
    return total ? 2.0 * common / (common + total) : 0; // sums of about 255 differ by rounding
}

double likeness_seen(const struct likeness_span *a, const struct likeness_span *b)
{
    if (!a->signals->likeness_count || !b->signals->likeness_count)
        return 0;
    struct range in = samples_of(a->signals, a->start, a->end);
    struct range of = samples_of(b->signals, b->start, b->end);
    double sum = 0;
    size_t count = 0;
    for (size_t i = in.from; i < in.until; i += SIGNALS_LIKENESS_HZ, count++) {
        double likest = 0;
        for (size_t j = of.from; j < of.until; j++)
            likest =
                fmax(likest, compare_samples(a->signals->likeness[i], b->signals->likeness[j]));
        sum += likest;
    }
    return sum / (double)count;
}
