// A look-ahead limiter for true peaks; see limiter.h.
#include "media/limiter.h"

#include <assert.h>
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
    RING = 512,  // a power of two above DELAY and WINDOW
    CHUNK = 256, // frames whose peaks are looked for at once, so that the compiler uses vectors
};
static_assert(DELAY + CHUNK <= RING, "a chunk must not run into what is still to come out");
// Time of recovery: 100 ms, so that the gain does not follow single periods of low notes.
static const double recovery = 1.0 / (0.1 * 48000);

struct limiter {
    double ceiling;
    float taps[PHASES - 1][TAPS];
    float overshoot;         // no interpolated value is larger than the largest sample times this
    float past[2][TAPS - 1]; // each channel's last samples
    float ring[RING][2];     // the sound on its way
    uint64_t at;             // frames taken
    double needed[RING];     // gain that each frame needs
    uint64_t lowest[RING];   // frames that may be the minimum, gains ascending: a monotonic queue
    uint64_t head, tail;     // of it
    double released;         // the minimum, recovering slowly
    double smoothed[RING];   // it, for the last AHEAD frames
    double sum;              // of smoothed
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
        float most = 0;
        for (int i = 0; i < TAPS; i++) {
            limiter->taps[phase - 1][i] /= (float)total;
            most += fabsf(limiter->taps[phase - 1][i]);
        }
        limiter->overshoot = fmaxf(limiter->overshoot, most);
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

// Raises each of `peaks` to the highest peak of the channel around its frame: from the one HALF ago
// to the one after it.  `line`: the channel's last samples and the chunk.
static void find_peaks(const struct limiter *limiter, const float line[TAPS - 1 + CHUNK],
                       float peaks[CHUNK])
{
    float largest = 0;
    for (int i = 0; i < TAPS - 1 + CHUNK; i++)
        largest = fabsf(line[i]) > largest ? fabsf(line[i]) : largest;
    if (largest * limiter->overshoot <= limiter->ceiling)
        return;
    for (int n = 0; n < CHUNK; n++) {
        float before = fabsf(line[n + HALF - 1]), after = fabsf(line[n + HALF]);
        float peak = before > after ? before : after;
        peaks[n] = peaks[n] > peak ? peaks[n] : peak;
    }
    for (int phase = 0; phase < PHASES - 1; phase++) {
        float values[CHUNK] = { 0 };
        for (int i = 0; i < TAPS; i++)
            for (int n = 0; n < CHUNK; n++)
                values[n] += limiter->taps[phase][i] * line[n + i];
        for (int n = 0; n < CHUNK; n++)
            peaks[n] = peaks[n] > fabsf(values[n]) ? peaks[n] : fabsf(values[n]);
    }
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

// Up to CHUNK frames.
static void run_chunk(struct limiter *limiter, float *frames, size_t count)
{
    float peaks[CHUNK] = { 0 };
    for (int channel = 0; channel < 2; channel++) {
        float line[TAPS - 1 + CHUNK] = { 0 };
        memcpy(line, limiter->past[channel], sizeof limiter->past[channel]);
        for (size_t i = 0; i < count; i++) {
            float sample = frames[2 * i + (size_t)channel];
            line[TAPS - 1 + i] = isfinite(sample) ? sample : 0;
        }
        find_peaks(limiter, line, peaks);
        for (size_t i = 0; i < count; i++)
            limiter->ring[(limiter->at + i) % RING][channel] = line[TAPS - 1 + i];
        memcpy(limiter->past[channel], line + count, sizeof limiter->past[channel]);
    }
    for (size_t i = 0; i < count; i++, limiter->at++) {
        double needed = peaks[i] > limiter->ceiling ? limiter->ceiling / peaks[i] : 1;
        double gain = smooth_gain(limiter, lowest_gain(limiter, needed));
        const float *out = limiter->ring[(limiter->at - DELAY) % RING];
        bool at_rest = gain > 1 - 1e-7;
        frames[2 * i] = at_rest ? out[0] : (float)(out[0] * gain);
        frames[2 * i + 1] = at_rest ? out[1] : (float)(out[1] * gain);
    }
}

void limiter_run(struct limiter *limiter, float *frames, size_t count)
{
    for (size_t done = 0; done < count; done += CHUNK)
        run_chunk(limiter, frames + 2 * done, count - done < CHUNK ? count - done : CHUNK);
}
