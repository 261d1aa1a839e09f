#include "highlight/robust.h"

#include <math.h>

static const double mad_to_deviation = 1.4826;

static void swap(float *a, float *b)
{
    float kept = *a;
    *a = *b;
    *b = kept;
}

// Moves the element that belongs at `place` there, smaller ones before it (Hoare's selection).
static float choose(float *values, size_t count, size_t place)
{
    size_t low = 0, high = count - 1;
    while (low < high) {
        float pivot = values[low + (high - low) / 2];
        size_t i = low, j = high;
        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i > j)
                break;
            swap(&values[i++], &values[j]);
            if (j == 0)
                break;
            j--;
        }
        if (place <= j)
            high = j;
        else if (place >= i)
            low = i;
        else
            break;
    }
    return values[place];
}

float robust_quantile(float *values, size_t count, double fraction)
{
    if (!count)
        return 0;
    return choose(values, count, (size_t)lround(fraction * (double)(count - 1)));
}

struct robust robust_measure(float *values, size_t count, double floor)
{
    struct robust robust = { .median = robust_quantile(values, count, 0.5) };
    for (size_t i = 0; i < count; i++)
        values[i] = fabsf(values[i] - (float)robust.median);
    robust.scale = fmax(mad_to_deviation * robust_quantile(values, count, 0.5), floor);
    return robust;
}

double robust_score(const struct robust *robust, double x)
{
    return (x - robust->median) / robust->scale;
}
