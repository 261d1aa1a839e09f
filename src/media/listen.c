// Loudness by libebur128, everything else from one spectrum for each entry of 50 ms.

#include "media/listen.h"
#include <ebur128.h>
#include <libavutil/mem.h>
#include <libavutil/tx.h>
#include <math.h>

enum {
    MAX_ENTRIES = 4 * 3600 * SIGNALS_SOUND_HZ,
    BANDS = 24,   // of the spectrum in which onsets are sought
    PHASES = 4,   // points a sample where the true peak is looked for
    REACH = 6,    // samples on each side that a point between two depends on
    LEVELS = 100, // dB, of the histogram of levels
    FLOOR_ENTRIES = 5 * SIGNALS_SOUND_HZ, // on each side, in which the floor of noise is sought
};

// Speech lies here; the band of a telephone.
static const double SPEECH_LOW = 300, SPEECH_HIGH = 3400;
static const double BAND_LOW = 60, BAND_HIGH = 10000;
static const double SILENCE_DB = -100;
// A band that rises by this many dB from one entry to the next is as sudden as can be.
static const double SUDDEN_DB = 24;

// The voice decision, in dB: a voice begins this far above the floor and lasts until it is less
// far; it is no quieter than that, and most of its energy lies in the band of speech.
static const double VOICE_BEGIN = 9, VOICE_LAST = 5, VOICE_QUIETEST = -55, VOICE_RATIO = -6;
enum {
    VOICE_HANGOVER = 4, // entries; the pauses inside words
    VOICE_LEAD = 1,     // entries; consonants are softer than the vowel that follows
    VOICE_SHORTEST = 3,
    FLOOR_PERCENT = 10,
};

struct entry {
    struct signals_sound sound;
    float level; // dB, of the band of speech
};

struct listen {
    int rate, channels;
    ebur128_state *meter;
    int64_t frames;    // heard so far
    int64_t entry_end; // of the entry at work, in frames
    float entry_peak;
    struct entry *entries;
    size_t count, capacity;
    // The spectrum of the latest `size` frames, mixed to one channel.
    AVTXContext *transform;
    av_tx_fn run_transform;
    int size;
    float *recent; // a ring of 2 * size, written twice so that any size frames lie in a row
    int recent_at;
    float *window, *windowed;
    AVComplexFloat *spectrum;
    int band_of[BANDS + 1];
    float bands[2][BANDS];
    // True peak: the latest frames of each channel, and the filters between samples.
    float *tail; // channels * 2 * REACH
    int tail_at;
    float filter[PHASES - 1][2 * REACH];
    double true_peak;
};

// ---- setting up

static void set_up_bands(struct listen *listen)
{
    double top = fmin(BAND_HIGH, listen->rate * 0.45), bin = (double)listen->rate / listen->size;
    for (int i = 0; i <= BANDS; i++)
        listen->band_of[i] =
            (int)lrint(BAND_LOW * pow(top / BAND_LOW, (double)i / BANDS) / bin) + 1;
    for (int i = 1; i <= BANDS; i++) // none empty
        if (listen->band_of[i] <= listen->band_of[i - 1])
            listen->band_of[i] = listen->band_of[i - 1] + 1;
    for (int i = 0; i <= BANDS; i++)
        if (listen->band_of[i] > listen->size / 2)
            listen->band_of[i] = listen->size / 2;
    for (int i = 0; i < BANDS; i++)
        listen->bands[0][i] = listen->bands[1][i] = (float)SILENCE_DB;
}

// Windowed sinc: the value a quarter, half and three quarters of the way between two samples.
static void set_up_filter(struct listen *listen)
{
    for (int phase = 1; phase < PHASES; phase++) {
        double sum = 0, taps[2 * REACH];
        for (int i = 0; i < 2 * REACH; i++) {
            double x = i - (REACH - 1) - (double)phase / PHASES;
            double hann = 0.5 + 0.5 * cos(M_PI * x / REACH);
            taps[i] = (fabs(x) < 1e-9 ? 1 : sin(M_PI * x) / (M_PI * x)) * hann;
            sum += taps[i];
        }
        for (int i = 0; i < 2 * REACH; i++)
            listen->filter[phase - 1][i] = (float)(taps[i] / sum);
    }
}

static int set_up_spectrum(struct listen *listen)
{
    int hop = listen->rate / SIGNALS_SOUND_HZ;
    float scale = 1;
    listen->size = 64;
    while (listen->size * 2 <= hop)
        listen->size *= 2;
    size_t size = (size_t)listen->size;
    listen->recent = xcalloc(2 * size, sizeof *listen->recent);
    listen->window = xcalloc(size, sizeof *listen->window);
    listen->windowed = av_calloc(size + 16, sizeof *listen->windowed); // aligned for vector code
    listen->spectrum = av_calloc(size + 16, sizeof *listen->spectrum);
    if (listen->windowed == NULL || listen->spectrum == NULL)
        return -1;
    for (int i = 0; i < listen->size; i++)
        listen->window[i] = (float)(0.5 - 0.5 * cos(2 * M_PI * (i + 0.5) / listen->size));
    return av_tx_init(&listen->transform, &listen->run_transform, AV_TX_FLOAT_RDFT, 0, listen->size,
                      &scale, 0);
}

struct listen *listen_new(int rate, int channels)
{
    if (rate < 1000 || rate > 768000 || channels < 1 || channels > 64)
        return NULL;
    struct listen *listen = xcalloc(1, sizeof *listen);
    listen->rate = rate;
    listen->channels = channels;
    listen->meter =
        ebur128_init((unsigned)channels, (unsigned long)rate, EBUR128_MODE_M | EBUR128_MODE_I);
    listen->tail = xcalloc((size_t)channels * 2 * REACH, sizeof *listen->tail);
    listen->entry_end = rate / SIGNALS_SOUND_HZ;
    if (listen->meter == NULL || set_up_spectrum(listen) < 0)
        base_out_of_memory();
    set_up_bands(listen);
    set_up_filter(listen);
    return listen;
}

void listen_free(struct listen **listen_pointer)
{
    struct listen *listen = *listen_pointer;
    if (listen == NULL)
        return;
    if (listen->meter != NULL)
        ebur128_destroy(&listen->meter);
    av_tx_uninit(&listen->transform);
    av_free(listen->windowed);
    av_free(listen->spectrum);
    free(listen->recent);
    free(listen->window);
    free(listen->tail);
    free(listen->entries);
    free(base_take(listen_pointer));
}

// ---- one entry

static double decibel(double power)
{
    return power > 1e-10 ? 10 * log10(power) : SILENCE_DB;
}

// Energy of bins [from, to) as a share of full scale: the window's gain is taken out.
static double energy(const struct listen *listen, int from, int to)
{
    double sum = 0;
    for (int i = from; i < to; i++)
        sum += (double)(listen->spectrum[i].re * listen->spectrum[i].re +
                        listen->spectrum[i].im * listen->spectrum[i].im);
    return sum * 2 / (0.375 * listen->size * listen->size);
}

static double measure_onset(struct listen *listen)
{
    double rise = 0;
    for (int i = 0; i < BANDS; i++) {
        float level = (float)decibel(energy(listen, listen->band_of[i], listen->band_of[i + 1]));
        float before = fmaxf(listen->bands[0][i], listen->bands[1][i]);
        // What rises out of silence counts from -70 on.
        rise += fmax(0, fmax((double)level, -70) - fmax((double)before, -70));
        listen->bands[0][i] = listen->bands[1][i];
        listen->bands[1][i] = level;
    }
    return fmin(1, rise / BANDS / SUDDEN_DB);
}

static void measure_spectrum(struct listen *listen, struct entry *entry)
{
    const float *recent = listen->recent + listen->recent_at;
    for (int i = 0; i < listen->size; i++)
        listen->windowed[i] = recent[i] * listen->window[i];
    listen->run_transform(listen->transform, listen->spectrum, listen->windowed, sizeof(float));
    double bin = (double)listen->rate / listen->size;
    int half = listen->size / 2, low = (int)ceil(SPEECH_LOW / bin);
    int high = (int)fmin(half, floor(SPEECH_HIGH / bin) + 1);
    double all = energy(listen, 1, half + 1), speech = energy(listen, low < 1 ? 1 : low, high);
    entry->level = (float)decibel(speech);
    entry->sound.speech = (float)(all > 1e-10 ? fmax(-60, decibel(speech / all)) : -60);
    entry->sound.onset = (float)measure_onset(listen);
}

static void end_entry(struct listen *listen)
{
    struct entry entry = { .level = 0 };
    double loudness;
    if (ebur128_loudness_momentary(listen->meter, &loudness) != EBUR128_SUCCESS)
        loudness = -70;
    entry.sound.loudness = (float)fmin(fmax(loudness, -70), 20);
    entry.sound.peak = (float)fmax(-90, decibel((double)listen->entry_peak * listen->entry_peak));
    measure_spectrum(listen, &entry);
    if (listen->count == listen->capacity) {
        listen->capacity = listen->capacity ? 2 * listen->capacity : 1024;
        listen->entries = xrealloc(listen->entries, listen->capacity, sizeof *listen->entries);
    }
    listen->entries[listen->count++] = entry;
    listen->entry_peak = 0;
    listen->entry_end =
        (int64_t)((double)(listen->count + 1) * listen->rate / SIGNALS_SOUND_HZ + 0.5);
}

// ---- samples

// The curve between two samples can be higher than either; it is computed only where it could pass
// the highest seen so far.
static void measure_true_peak(struct listen *listen, int channel, float sample)
{
    float *tail = listen->tail + (size_t)channel * 2 * REACH;
    memmove(tail, tail + 1, (2 * REACH - 1) * sizeof *tail);
    tail[2 * REACH - 1] = sample;
    double here = fmax(fabs((double)tail[REACH - 1]), fabs((double)tail[REACH]));
    if (here > listen->true_peak)
        listen->true_peak = here;
    if (here * 2 < listen->true_peak || here <= 0)
        return;
    for (int phase = 0; phase < PHASES - 1; phase++) {
        float sum = 0;
        for (int i = 0; i < 2 * REACH; i++)
            sum += tail[i] * listen->filter[phase][i];
        listen->true_peak = fmax(listen->true_peak, fabs((double)sum));
    }
}

static void hear(struct listen *listen, const float *frames, size_t count)
{
    float share = 1 / (float)listen->channels;
    for (size_t i = 0; i < count; i++, frames += listen->channels) {
        float mix = 0;
        for (int channel = 0; channel < listen->channels; channel++) {
            float sample = isfinite(frames[channel]) ? frames[channel] : 0;
            listen->entry_peak = fmaxf(listen->entry_peak, fabsf(sample));
            measure_true_peak(listen, channel, sample);
            mix += sample * share;
        }
        listen->recent[listen->recent_at] = listen->recent[listen->recent_at + listen->size] = mix;
        listen->recent_at = (listen->recent_at + 1) % listen->size;
    }
    listen->frames += (int64_t)count;
}

void listen_add(struct listen *listen, const float *frames, size_t count)
{
    while (count > 0 && listen->count < MAX_ENTRIES) {
        int64_t left = listen->entry_end - listen->frames;
        size_t part = (int64_t)count < left ? count : (size_t)left;
        // Without memory, its only failure, it stops half way and would then write past its own.
        if (ebur128_add_frames_float(listen->meter, frames, part) != EBUR128_SUCCESS)
            base_out_of_memory();
        hear(listen, frames, part);
        frames += part * (size_t)listen->channels;
        count -= part;
        if (listen->frames == listen->entry_end)
            end_entry(listen);
    }
}

// ---- voice

static int level_bin(float level)
{
    int bin = (int)(level + LEVELS);
    return bin < 0 ? 0 : bin >= LEVELS ? LEVELS - 1 : bin;
}

// The level that a tenth of the surroundings stay below.
static double floor_of(const int *histogram, int total)
{
    int below = 0;
    for (int bin = 0; bin < LEVELS; bin++) {
        below += histogram[bin];
        if (below * 100 > total * FLOOR_PERCENT)
            return bin - LEVELS + 0.5;
    }
    return 0;
}

// A voice goes on over short pauses and began a little before it was loud; what is too short even
// so is none.
static void smooth_voice(struct entry *entries, size_t count)
{
    size_t since = VOICE_HANGOVER + 1;
    for (size_t i = 0; i < count; i++) {
        since = entries[i].sound.voice ? 0 : since + 1;
        entries[i].sound.voice |= since <= VOICE_HANGOVER;
    }
    for (size_t i = 0; i < count;) {
        size_t end = i;
        while (end < count && entries[end].sound.voice)
            end++;
        bool keep = end - i >= VOICE_SHORTEST + VOICE_HANGOVER;
        for (size_t k = i; !keep && k < end; k++)
            entries[k].sound.voice = false;
        for (size_t k = i; keep && k > 0 && i - k < VOICE_LEAD;)
            entries[--k].sound.voice = true;
        i = end + 1;
    }
}

static void decide_voice(struct entry *entries, size_t count)
{
    int histogram[LEVELS] = { 0 }, total = 0;
    bool speaking = false;
    size_t ahead = 0;
    for (size_t i = 0; i < count; i++) {
        for (; ahead < count && ahead <= i + FLOOR_ENTRIES; ahead++, total++)
            histogram[level_bin(entries[ahead].level)]++;
        if (i > FLOOR_ENTRIES) {
            histogram[level_bin(entries[i - FLOOR_ENTRIES - 1].level)]--;
            total--;
        }
        double above = (double)entries[i].level - fmax(floor_of(histogram, total), -75);
        speaking = (double)entries[i].level > VOICE_QUIETEST &&
                   (double)entries[i].sound.speech > VOICE_RATIO &&
                   above > (speaking ? VOICE_LAST : VOICE_BEGIN);
        entries[i].sound.voice = speaking;
    }
    smooth_voice(entries, count);
}

// ---- the end

static double integrated(const struct listen *listen)
{
    double loudness;
    if (ebur128_loudness_global(listen->meter, &loudness) != EBUR128_SUCCESS)
        return -70;
    return fmin(fmax(loudness, -70), 20);
}

void listen_finish(struct listen *listen, struct signals *signals)
{
    size_t wanted = (size_t)ceil(signals->duration * SIGNALS_SOUND_HZ - 1e-6);
    if (wanted > MAX_ENTRIES)
        wanted = MAX_ENTRIES;
    decide_voice(listen->entries, listen->count);
    signals->has_sound = true;
    signals->sounds = xcalloc(wanted + 1, sizeof *signals->sounds);
    signals->sound_count = wanted;
    for (size_t i = 0; i < wanted; i++)
        signals->sounds[i] =
            i < listen->count
                ? listen->entries[i].sound
                : (struct signals_sound){ .loudness = -70, .peak = -90, .speech = -60 };
    signals->integrated_lufs = integrated(listen);
    signals->true_peak_db = fmax(-90, decibel(listen->true_peak * listen->true_peak));
}
