// A look-ahead limiter for true peaks; see limiter.h.
#include "media/limiter.h"

#include <math.h>

enum {
    // 5 ms: short enough not to be heard as a dip before the peak, long enough not to click.
    AHEAD = 240,
    WINDOW = AHEAD + 2, // a peak lies between two samples and binds both
    // The interpolator: four positions between two samples, twelve samples around them.
    PHASES = 4,
    TAPS = 12,
    HALF = TAPS / 2,
    DELAY = AHEAD + HALF,
    RING = 512, // a power of two above DELAY and WINDOW
};
// Time of recovery: 100 ms, so that the gain does not follow single periods of low notes.
static const double recovery = 1.0 / (0.1 * 48000);

struct limiter {
    double ceiling;
    float taps[PHASES - 1][TAPS];
    float ring[RING][2];   // the sound on its way
    uint64_t at;           // frames taken
    double needed[RING];   // gain that each frame needs
    uint64_t lowest[RING]; // frames that may be the minimum, gains ascending: a monotonic queue
    uint64_t head, tail;   // of it
    double released;       // the minimum, recovering slowly
    double smoothed[RING]; // it, for the last AHEAD frames
    double sum;            // of smoothed
};

// A windowed sinc at quarter positions; the error against ideal interpolation is well under the
// 0.5 dB that twelve taps cost near half the sample rate.
static void make_taps(struct limiter *limiter)
{
    for (int phase = 1; phase < PHASES; phase++) {
        double total = 0;
        for (int i = 0; i < TAPS; i++) {
            double x = i - (HALF - 1) - (double)phase / PHASES;
            double window = 0.5 + 0.5 * cos(M_PI * x / HALF);
            double tap = sin(M_PI * x) / (M_PI * x) * window;
            limiter->taps[phase - 1][i] = (float)tap;
            total += tap;
        }
        for (int i = 0; i < TAPS; i++)
            limiter->taps[phase - 1][i] /= (float)total;
    }
}

struct limiter *limiter_new(double ceiling)
{
    struct limiter *limiter = xcalloc(1, sizeof *limiter);
    limiter->ceiling = ceiling;
    limiter->released = 1;
    limiter->sum = AHEAD;
    for (int i = 0; i < RING; i++)
        limiter->needed[i] = limiter->smoothed[i] = 1;
    make_taps(limiter);
    return limiter;
}

void limiter_free(struct limiter **limiter)
{
    free(base_take(limiter));
}

size_t limiter_delay(void)
{
    return DELAY;
}

// The highest peak from the frame HALF ago to the one after it.
static float true_peak(const struct limiter *limiter, int channel)
{
    float around[TAPS];
    for (int i = 0; i < TAPS; i++)
        around[i] = limiter->ring[(limiter->at - (TAPS - 1) + (uint64_t)i) % RING][channel];
    float peak = fmaxf(fabsf(around[HALF - 1]), fabsf(around[HALF]));
    // No interpolated value can pass the taps' absolute sum times the largest sample.
    for (int phase = 0; phase < PHASES - 1; phase++) {
        float value = 0;
        for (int i = 0; i < TAPS; i++)
            value += limiter->taps[phase][i] * around[i];
        peak = fmaxf(peak, fabsf(value));
    }
    return peak;
}

static double needed_gain(const struct limiter *limiter)
{
    float peak = fmaxf(true_peak(limiter, 0), true_peak(limiter, 1));
    return peak > limiter->ceiling ? limiter->ceiling / peak : 1;
}

// The smallest gain needed by the last WINDOW frames.
static double lowest_gain(struct limiter *limiter, double gain)
{
    limiter->needed[limiter->at % RING] = gain;
    while (limiter->tail > limiter->head &&
           limiter->needed[limiter->lowest[(limiter->tail - 1) % RING] % RING] >= gain)
        limiter->tail--;
    limiter->lowest[limiter->tail++ % RING] = limiter->at;
    if (limiter->lowest[limiter->head % RING] + WINDOW <= limiter->at)
        limiter->head++;
    return limiter->needed[limiter->lowest[limiter->head % RING] % RING];
}

static double smooth_gain(struct limiter *limiter, double lowest)
{
    limiter->released += (1 - limiter->released) * recovery;
    if (limiter->released > lowest)
        limiter->released = lowest;
    // Recovery only ever nears 1; at rest the sound passes untouched.
    if (limiter->released > 0.9999 && lowest >= 1)
        limiter->released = 1;
    limiter->sum += limiter->released - limiter->smoothed[(limiter->at - AHEAD) % RING];
    limiter->smoothed[limiter->at % RING] = limiter->released;
    return limiter->sum / AHEAD;
}

void limiter_run(struct limiter *limiter, float *frames, size_t count)
{
    for (size_t i = 0; i < count; i++, limiter->at++) {
        float *frame = frames + 2 * i, *slot = limiter->ring[limiter->at % RING];
        slot[0] = isfinite(frame[0]) ? frame[0] : 0;
        slot[1] = isfinite(frame[1]) ? frame[1] : 0;
        double gain = smooth_gain(limiter, lowest_gain(limiter, needed_gain(limiter)));
        const float *out = limiter->ring[(limiter->at - DELAY) % RING];
        bool at_rest = gain > 1 - 1e-7;
        frame[0] = at_rest ? out[0] : (float)(out[0] * gain);
        frame[1] = at_rest ? out[1] : (float)(out[1] * gain);
    }
}
