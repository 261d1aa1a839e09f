#include "tests/support/invented.h"

#include <math.h>

// splitmix64 (Steele, Lea and Flood 2014).
double invent_number(uint64_t *state, double low, double high)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return low + (high - low) * ((double)(z >> 11) / 9007199254740992.0);
}

static void invent_histogram(uint64_t *state, uint8_t histogram[SIGNALS_BINS])
{
    double weights[SIGNALS_BINS], sum = 0;
    for (size_t i = 0; i < SIGNALS_BINS; i++) {
        weights[i] = pow(invent_number(state, 0, 1), 6);
        sum += weights[i];
    }
    for (size_t i = 0; i < SIGNALS_BINS; i++)
        histogram[i] = (uint8_t)lround(255 * weights[i] / sum);
}

static double next_cut(uint64_t *state, const struct invented *invented, double from)
{
    if (invented->shot_seconds <= 0)
        return HUGE_VAL;
    return from + fmax(invented->shot_seconds * -log(invent_number(state, 0.01, 1)), 0.4);
}

struct look {
    uint8_t histogram[SIGNALS_BINS];
    double motion, brightness, sharpness, colour;
};

static void new_look(uint64_t *state, const struct invented *invented, struct look *look)
{
    invent_histogram(state, look->histogram);
    *look = (struct look){ .motion = 0.02, .brightness = 0.5, .sharpness = 0.1, .colour = 0.2 };
    invent_histogram(state, look->histogram);
    if (invented->flat)
        return;
    look->motion = pow(invent_number(state, 0.05, 0.4), 2);
    look->brightness = invent_number(state, 0.1, 0.9);
    look->sharpness = invent_number(state, 0.05, 0.2);
    look->colour = invent_number(state, 0.05, 0.5);
}

static void invent_frames(uint64_t *state, const struct invented *invented, struct signals *signals,
                          double *cuts, size_t *cut_count)
{
    struct look look;
    new_look(state, invented, &look);
    double cut = next_cut(state, invented, 0);
    for (size_t i = 0; i < signals->frame_count; i++) {
        struct signals_frame *frame = &signals->frames[i];
        double time = (double)i / signals->frame_rate;
        bool new_shot = time >= cut && signals->duration - time >= 0.4;
        if (new_shot) {
            new_look(state, invented, &look);
            cuts[(*cut_count)++] = (float)time;
            cut = next_cut(state, invented, time);
        }
        double shake = invented->flat ? 0 : invent_number(state, -0.3, 0.3);
        *frame = (struct signals_frame){
            .time = (float)time,
            .cut = (float)(new_shot ? invent_number(state, 0.5, 0.95) : look.motion * (1 + shake)),
            .motion = (float)(look.motion * (1 + shake)),
            .brightness = (float)look.brightness,
            .sharpness = (float)look.sharpness,
            .colour = (float)look.colour,
        };
        size_t sample = (size_t)(time * SIGNALS_LIKENESS_HZ);
        if (sample < signals->likeness_count)
            memcpy(signals->likeness[sample], look.histogram, sizeof look.histogram);
    }
}

static void invent_sounds(uint64_t *state, const struct invented *invented, struct signals *signals)
{
    double level = -30, changes = 0, turn = 0;
    bool voice = false;
    for (size_t i = 0; i < signals->sound_count; i++) {
        double time = (double)i / SIGNALS_SOUND_HZ, wobble = 0;
        if (time >= changes && !invented->flat) {
            level = invent_number(state, -40, -18);
            changes = time + invent_number(state, 1, 15);
        }
        if (time >= turn && !invented->wordless && !invented->flat) {
            voice = !voice;
            turn = time + (voice ? invent_number(state, 0.5, 6) : invent_number(state, 0.05, 2));
        }
        if (!invented->flat)
            wobble = voice ? invent_number(state, -8, 8) : invent_number(state, -3, 3) - 6;
        signals->sounds[i] = (struct signals_sound){
            .loudness = (float)(level + wobble / 8 + invented->gain_db),
            .peak = (float)(level + 8 + wobble + invented->gain_db),
            .speech = voice ? -2 : -12,
            .onset = (float)(invented->flat ? 0.1 : pow(invent_number(state, 0, 1), 4)),
            .voice = voice,
        };
    }
}

void invent_signals(const struct invented *invented, struct signals *ret_signals, double **ret_cuts,
                    size_t *ret_count)
{
    uint64_t state = invented->seed;
    struct signals signals = {
        .duration = invented->seconds,
        .frame_rate = invented->fps > 0 ? invented->fps : 25,
        .has_sound = !invented->mute,
        .integrated_lufs = invented->mute ? -70 : -24 + invented->gain_db,
        .true_peak_db = invented->mute ? -90 : -5 + invented->gain_db,
    };
    signals.frame_count = (size_t)fmax(ceil(signals.duration * signals.frame_rate - 1e-6), 1);
    signals.frames = xcalloc(signals.frame_count, sizeof *signals.frames);
    signals.likeness_count = (size_t)ceil(signals.duration * SIGNALS_LIKENESS_HZ);
    signals.likeness = xcalloc(signals.likeness_count, sizeof *signals.likeness);
    if (signals.has_sound)
        signals.sound_count = (size_t)ceil(signals.duration * SIGNALS_SOUND_HZ);
    signals.sounds = xcalloc(signals.sound_count + 1, sizeof *signals.sounds);

    double *cuts = xcalloc(signals.frame_count + 1, sizeof *cuts);
    size_t count = 0;
    invent_frames(&state, invented, &signals, cuts, &count);
    invent_sounds(&state, invented, &signals);
    *ret_signals = signals;
    if (!ret_cuts) {
        free(cuts);
        return;
    }
    *ret_cuts = cuts;
    *ret_count = count;
}

void invent_pictures(struct signals *signals, double start, double end, double motion,
                     double brightness)
{
    for (size_t i = 0; i < signals->frame_count; i++) {
        struct signals_frame *frame = &signals->frames[i];
        if (frame->time < start || frame->time >= end)
            continue;
        if (isfinite(motion))
            frame->motion = (float)motion;
        if (isfinite(brightness))
            frame->brightness = (float)brightness;
    }
}

void invent_sound(struct signals *signals, double start, double end, double loudness, bool voice)
{
    for (size_t i = 0; i < signals->sound_count; i++) {
        double time = (double)i / SIGNALS_SOUND_HZ;
        if (time < start || time >= end)
            continue;
        signals->sounds[i].loudness = (float)loudness;
        signals->sounds[i].peak = (float)(loudness + 8 + (voice && i % 2 ? 6 : 0)); // syllables
        signals->sounds[i].voice = voice;
    }
}
