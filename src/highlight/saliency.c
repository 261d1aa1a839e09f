#include "highlight/saliency.h"

#include "highlight/likeness.h"
#include "highlight/robust.h"
#include "highlight/speech.h"
#include <math.h>

// What each trait counts for, and the least deviation that counts as one: differences below the
// floor are noise of the measuring, not of the scene.
static const struct {
    double weight, floor;
} traits[TRAIT_COUNT] = {
    [TRAIT_MOTION] = { 0.25, 0.001 },   [TRAIT_LOUDNESS] = { 0.25, 1.5 }, // LU; one hears about 1
    [TRAIT_ONSET] = { 0.08, 0.05 },     [TRAIT_SPEECH] = { 0.17, 0.25 },
    [TRAIT_SHARPNESS] = { 0.10, 0.01 }, [TRAIT_COLOUR] = { 0.05, 0.02 },
    [TRAIT_NOVELTY] = { 0.10, 0.05 },
};
// One wild half second must not outweigh all others together.
static const double deviation_limit = 3.0;
// Steepness of the curve that brings the weighted sum to 0..1: one deviation in everything is 0.83.
static const double steepness = 1.6;
// Differences between pictures are compared at this rate; those of wild times (bursts, still
// pictures shown for long) are not blown up.
static const double usual_rate = 25, shortest_picture = 1.0 / 120, longest_picture = 0.2;
// Mean luma below this shows nothing: fades, caps left on.
static const double black = 0.05;
// What a key moment of full score adds.
static const double moment_favour = 0.15;
// The momentary loudness at a time covers the 400 ms before it.
static const double loudness_lag = 0.2;
// signals.h: as quiet as is told apart.
static const double silence_lufs = -69.9;

// ---- measuring

struct sums {
    double motion, sharpness, colour, brightness;
    size_t frames, moving;
};

static bool begins_a_shot(const struct analysis_span *shots, size_t count, double time)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (shots[middle].start < time - 1e-4)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && low < count && shots[low].start <= time + 1e-4;
}

// Motion as it would be at 25 pictures a second: twice as many pictures move half as far each.
static double motion_rate(const struct signals_frame *before, const struct signals_frame *frame)
{
    double passed = fmin(fmax(frame->time - before->time, shortest_picture), longest_picture);
    return frame->motion / (passed * usual_rate);
}

static void measure_pictures(const struct signals *signals, const struct analysis_span *shots,
                             size_t shot_count, struct saliency *saliency)
{
    cleanup(free_ptr) struct sums *sums = xcalloc(saliency->count, sizeof *sums);
    for (size_t i = 0; i < signals->frame_count; i++) {
        const struct signals_frame *frame = &signals->frames[i];
        double at = frame->time / SALIENCY_CELL_SECONDS;
        if (!(at >= 0 && at < (double)saliency->count))
            continue;
        struct sums *sum = &sums[(size_t)at];
        sum->frames++;
        sum->sharpness += frame->sharpness;
        sum->colour += frame->colour;
        sum->brightness += frame->brightness;
        if (i > 0 && !begins_a_shot(shots, shot_count, frame->time)) {
            sum->moving++;
            sum->motion += motion_rate(frame - 1, frame);
        }
    }
    struct saliency_cell shown = { .value = { NAN, NAN, NAN, NAN, NAN, NAN, NAN } };
    for (size_t i = 0; i < saliency->count; i++) {
        // Where no picture falls into a cell the last one is still shown, and nothing moves.
        struct saliency_cell *cell = &saliency->cells[i];
        double frames = (double)sums[i].frames;
        if (sums[i].frames) {
            shown.value[TRAIT_SHARPNESS] = (float)(sums[i].sharpness / frames);
            shown.value[TRAIT_COLOUR] = (float)(sums[i].colour / frames);
            shown.brightness = (float)(sums[i].brightness / frames);
        }
        shown.value[TRAIT_MOTION] =
            sums[i].moving ? (float)(sums[i].motion / (double)sums[i].moving) : 0;
        *cell = shown;
    }
}

static void measure_sound(const struct signals *signals, struct saliency *saliency)
{
    if (!signals->has_sound)
        return;
    cleanup(free_ptr) bool *speech = speech_mark(signals);
    size_t lag = (size_t)lround(loudness_lag * SIGNALS_SOUND_HZ);
    size_t span = (size_t)lround(SALIENCY_CELL_SECONDS * SIGNALS_SOUND_HZ);
    for (size_t i = 0; i < saliency->count; i++) {
        struct saliency_cell *cell = &saliency->cells[i];
        double loudness = 0, spoken = 0, onset = 0;
        size_t heard = 0, count = 0;
        for (size_t j = i * span; j < (i + 1) * span && j < signals->sound_count; j++, count++) {
            spoken += speech[j];
            onset = fmax(onset, signals->sounds[j].onset);
        }
        for (size_t j = i * span + lag; j < (i + 1) * span + lag && j < signals->sound_count; j++) {
            loudness += signals->sounds[j].loudness;
            heard++;
        }
        if (!count)
            continue; // the sound ends before the picture
        cell->value[TRAIT_SPEECH] = (float)(spoken / (double)count);
        cell->value[TRAIT_ONSET] = (float)onset;
        if (heard)
            cell->value[TRAIT_LOUDNESS] = (float)(loudness / (double)heard);
    }
}

static void measure_novelty(const struct signals *signals, struct saliency *saliency)
{
    if (!signals->likeness_count)
        return;
    struct likeness whole = likeness_of(signals, 0, signals->duration);
    for (size_t i = 0; i < saliency->count; i++) {
        double start = (double)i * SALIENCY_CELL_SECONDS;
        struct likeness here = likeness_of(signals, start, start + SALIENCY_CELL_SECONDS);
        saliency->cells[i].value[TRAIT_NOVELTY] = (float)(1 - likeness_compare(&here, &whole));
    }
}

// ---- judging

static bool is_black(const struct saliency_cell *cell)
{
    return cell->brightness < black;
}

// What goes into the median: black pictures and silence are not part of what is usual, or a film
// with long titles would find every normal picture remarkable.
static bool is_typical(const struct saliency_cell *cell, enum saliency_trait trait)
{
    if (!isfinite(cell->value[trait]))
        return false;
    if (trait == TRAIT_LOUDNESS)
        return cell->value[trait] > silence_lufs;
    return trait == TRAIT_ONSET || trait == TRAIT_SPEECH || !is_black(cell);
}

static void judge_trait(struct saliency *saliency, enum saliency_trait trait)
{
    cleanup(free_ptr) float *values = xcalloc(saliency->count, sizeof *values);
    size_t count = 0;
    for (size_t i = 0; i < saliency->count; i++)
        if (is_typical(&saliency->cells[i], trait))
            values[count++] = saliency->cells[i].value[trait];
    if (!count)
        return;
    struct robust robust = robust_measure(values, count, traits[trait].floor);
    for (size_t i = 0; i < saliency->count; i++) {
        struct saliency_cell *cell = &saliency->cells[i];
        if (!isfinite(cell->value[trait]))
            continue;
        double deviation = robust_score(&robust, cell->value[trait]);
        // Digital silence has no level: it is as quiet as can be, at any gain of the rest.
        if (trait == TRAIT_LOUDNESS && cell->value[trait] <= silence_lufs)
            deviation = -deviation_limit;
        cell->deviation[trait] = (float)fmin(fmax(deviation, -deviation_limit), deviation_limit);
    }
}

static double weighted(const struct saliency_cell *cell)
{
    double sum = 0, weights = 0;
    for (size_t trait = 0; trait < TRAIT_COUNT; trait++) {
        if (!isfinite(cell->value[trait]))
            continue; // without sound the picture decides alone
        sum += traits[trait].weight * cell->deviation[trait];
        weights += traits[trait].weight;
    }
    return weights > 0 ? sum / weights : 0;
}

static void sum_scores(struct saliency *saliency)
{
    for (size_t i = 0; i < saliency->count; i++)
        saliency->cells[i + 1].sum = saliency->cells[i].sum + saliency->cells[i].score;
}

static void judge(struct saliency *saliency)
{
    for (size_t trait = 0; trait < TRAIT_COUNT; trait++)
        judge_trait(saliency, trait);
    cleanup(free_ptr) double *sums = xcalloc(saliency->count, sizeof *sums);
    for (size_t i = 0; i < saliency->count; i++)
        sums[i] = weighted(&saliency->cells[i]);
    for (size_t i = 0; i < saliency->count; i++) {
        // Neighbours count too: an event lasts longer than half a second.
        double before = sums[i ? i - 1 : i], after = sums[i + 1 < saliency->count ? i + 1 : i];
        double smooth = 0.25 * before + 0.5 * sums[i] + 0.25 * after;
        struct saliency_cell *cell = &saliency->cells[i];
        cell->score = is_black(cell) ? 0 : (float)(1 / (1 + exp(-steepness * smooth)));
    }
    sum_scores(saliency);
}

void saliency_measure(const struct signals *signals, const struct analysis_span *shots,
                      size_t shot_count, struct saliency *saliency)
{
    *saliency = (struct saliency){
        .duration = signals->duration,
        .count = (size_t)ceil(fmax(signals->duration, 0) / SALIENCY_CELL_SECONDS),
    };
    saliency->cells = xcalloc(saliency->count + 1, sizeof *saliency->cells);
    measure_pictures(signals, shots, shot_count, saliency);
    measure_sound(signals, saliency);
    measure_novelty(signals, saliency);
    judge(saliency);
}

void saliency_release(struct saliency *saliency)
{
    free(saliency->cells);
    *saliency = (struct saliency)SALIENCY_INIT;
}

void saliency_favour(struct saliency *saliency, const struct analysis_span *moments, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        size_t from = (size_t)(moments[k].start / SALIENCY_CELL_SECONDS);
        double until = fmin(moments[k].end / SALIENCY_CELL_SECONDS, (double)saliency->count);
        for (size_t i = from; (double)i < until; i++) {
            struct saliency_cell *cell = &saliency->cells[i];
            if (!is_black(cell))
                cell->score = (float)fmin(cell->score + moment_favour * moments[k].score, 1);
        }
    }
    sum_scores(saliency);
}

// ---- asking

// The integral of the score from 0 to `time`.
static double score_until(const struct saliency *saliency, double time)
{
    double at = fmin(fmax(time, 0) / SALIENCY_CELL_SECONDS, (double)saliency->count);
    size_t whole = (size_t)at;
    double part = whole < saliency->count ? (at - (double)whole) * saliency->cells[whole].score : 0;
    return (saliency->cells[whole].sum + part) * SALIENCY_CELL_SECONDS;
}

double saliency_score(const struct saliency *saliency, double start, double end)
{
    end = fmin(end, (double)saliency->count * SALIENCY_CELL_SECONDS);
    start = fmax(start, 0);
    if (!(end > start))
        return 0;
    return (score_until(saliency, end) - score_until(saliency, start)) / (end - start);
}

double saliency_weight(enum saliency_trait trait)
{
    return traits[trait].weight;
}
