#include "highlight/describe.h"

#include "base/text.h"
#include "highlight/robust.h"
#include <math.h>

// Motion: the mean difference of neighbouring pictures at 25 a second, as a share of the full
// range.
static const double motion_static = 0.001; // a tripod and nothing in front of it
static const double motion_lively = 0.020; // the picture as a whole moves
// Light and colour, 0..1.
static const double light_dark = 0.22, light_bright = 0.65;
static const double colour_none = 0.03, colour_much = 0.35;
// Loudness of the whole source; broadcasts are levelled to -23 LUFS, the web to -14.
static const double lufs_loud = -14, lufs_quiet = -35, lufs_silent = -69;
// A passage is loud or quiet this far from the source's own median, for this long, and loud only if
// it is not quiet by any measure.
static const double loud_above = 6, quiet_below = 12, loud_least = -35;
static const double passage_seconds = 2.0, passage_gap = 1.0;
enum { PASSAGES_MAX = 2 };
// Shares of time with speech.
static const double speech_some = 0.05, speech_tag = 0.30, speech_all = 0.85;
static const double fast_shot_seconds = 2.5;
enum { FAST_SHOTS = 5 };
// The onsets repeat: correlation with themselves a beat (0.3 to 1 s) later.
static const double music_correlation = 0.25, music_most_speech = 0.5, music_audible = 0.9;
static const double beat_shortest = 0.3, beat_longest = 1.0;

// ---- levels of a stretch

struct levels {
    double motion, brightness, colour; // medians
    double speech;                     // share, NAN without sound
};

static double median_of(const struct saliency *saliency, size_t from, size_t until, int trait)
{
    cleanup(free_ptr) float *values = xcalloc(until - from + 1, sizeof *values);
    size_t count = 0;
    for (size_t i = from; i < until; i++) {
        const struct saliency_cell *cell = &saliency->cells[i];
        float value = trait < 0 ? cell->brightness : cell->value[trait];
        if (isfinite(value))
            values[count++] = value;
    }
    return count ? robust_quantile(values, count, 0.5) : NAN;
}

static struct levels levels_of(const struct saliency *saliency, double start, double end)
{
    size_t from = (size_t)(fmax(start, 0) / SALIENCY_CELL_SECONDS);
    size_t until = (size_t)fmin(ceil(end / SALIENCY_CELL_SECONDS), (double)saliency->count);
    if (from >= until)
        return (struct levels){ NAN, NAN, NAN, NAN };
    struct levels levels = {
        .motion = median_of(saliency, from, until, TRAIT_MOTION),
        .brightness = median_of(saliency, from, until, -1),
        .colour = median_of(saliency, from, until, TRAIT_COLOUR),
    };
    double speech = 0;
    size_t heard = 0;
    for (size_t i = from; i < until; i++) {
        if (!isfinite(saliency->cells[i].value[TRAIT_SPEECH]))
            continue;
        speech += saliency->cells[i].value[TRAIT_SPEECH];
        heard++;
    }
    levels.speech = heard ? speech / (double)heard : NAN;
    return levels;
}

static const char *motion_word(const struct levels *levels)
{
    if (levels->motion < motion_static)
        return "static";
    return levels->motion >= motion_lively ? "lively" : "calm";
}

// NULL where there is nothing to say.  Comparisons with NAN are false.
static const char *light_word(const struct levels *levels)
{
    if (levels->brightness < light_dark)
        return "dark";
    return levels->brightness >= light_bright ? "bright" : NULL;
}

static const char *colour_word(const struct levels *levels)
{
    if (levels->colour < colour_none)
        return "monochrome";
    return levels->colour >= colour_much ? "colourful" : NULL;
}

// ---- building text

static void append(char **text, const char *separator, const char *more)
{
    if (!more)
        return;
    char *longer = *text ? xasprintf("%s%s%s", *text, separator, more) : xstrdup(more);
    free(*text);
    *text = longer;
}

// ---- passages

struct passage {
    double start, end, weight;
};

enum passage_kind { PASSAGE_LOUD, PASSAGE_QUIET, PASSAGE_SILENT };

// How far the cell is beyond the threshold; 0 or less: it is not of the kind.
static double beyond(enum passage_kind kind, double loudness, double median)
{
    if (!isfinite(loudness))
        return 0;
    if (kind == PASSAGE_SILENT)
        return lufs_silent - loudness;
    if (kind == PASSAGE_QUIET)
        return loudness > lufs_silent ? median - quiet_below - loudness : 0;
    return loudness > loud_least ? loudness - median - loud_above : 0;
}

static bool heavier(const struct passage *a, const struct passage *b)
{
    return a->weight != b->weight ? a->weight > b->weight : a->start < b->start;
}

// Keeps the heaviest PASSAGES_MAX, heaviest first.
static size_t offer(struct passage *best, size_t count, struct passage passage)
{
    if (passage.end - passage.start < passage_seconds)
        return count;
    size_t place = count;
    while (place > 0 && heavier(&passage, &best[place - 1]))
        place--;
    if (place >= PASSAGES_MAX)
        return count;
    count = count < PASSAGES_MAX ? count + 1 : count;
    for (size_t i = count - 1; i > place; i--)
        best[i] = best[i - 1];
    best[place] = passage;
    return count;
}

static size_t find_passages(const struct saliency *saliency, enum passage_kind kind, double median,
                            struct passage best[PASSAGES_MAX])
{
    size_t count = 0;
    struct passage passage = { .start = -1 };
    for (size_t i = 0; i < saliency->count; i++) {
        double start = (double)i * SALIENCY_CELL_SECONDS;
        double end = fmin(start + SALIENCY_CELL_SECONDS, saliency->duration);
        double excess = beyond(kind, saliency->cells[i].value[TRAIT_LOUDNESS], median);
        if (passage.start >= 0 && start - passage.end > passage_gap) {
            count = offer(best, count, passage);
            passage.start = -1;
        }
        if (excess <= 0)
            continue;
        if (passage.start < 0)
            passage = (struct passage){ .start = start };
        passage.end = end;
        passage.weight += excess;
    }
    if (passage.start >= 0)
        count = offer(best, count, passage);
    if (count == 2 && best[0].start > best[1].start) {
        struct passage later = best[0];
        best[0] = best[1];
        best[1] = later;
    }
    return count;
}

static void append_passages(char **text, const struct saliency *saliency, enum passage_kind kind,
                            const char *word)
{
    cleanup(free_ptr) float *values = xcalloc(saliency->count + 1, sizeof *values);
    size_t count = 0;
    for (size_t i = 0; i < saliency->count; i++)
        if (saliency->cells[i].value[TRAIT_LOUDNESS] > lufs_silent)
            values[count++] = saliency->cells[i].value[TRAIT_LOUDNESS];
    double median = robust_quantile(values, count, 0.5);
    struct passage best[PASSAGES_MAX];
    size_t found = find_passages(saliency, kind, median, best);
    for (size_t i = 0; i < found; i++) {
        char from[TEXT_TIME_SIZE], until[TEXT_TIME_SIZE];
        cleanup(free_ptr) char *words =
            xasprintf("%s%s from %s to %s", i ? "and " : "", word, text_clock(best[i].start, from),
                      text_clock(best[i].end, until));
        append(text, i ? " " : ", ", words);
    }
}

// ---- the whole source

// Correlation of the onset curve with itself `lag` samples later.
static double self_correlation(const struct signals *signals, size_t lag, double mean,
                               double variance)
{
    double sum = 0;
    size_t count = signals->sound_count - lag;
    for (size_t i = 0; i < count; i++)
        sum += (signals->sounds[i].onset - mean) * (signals->sounds[i + lag].onset - mean);
    return sum / (double)count / variance;
}

// Sound without gaps whose onsets keep a beat: not proof of music, hence "like".
static bool is_music_like(const struct signals *signals, const struct levels *levels)
{
    size_t longest = (size_t)lround(beat_longest * SIGNALS_SOUND_HZ);
    if (signals->sound_count < 8 * longest || !(levels->speech < music_most_speech))
        return false;
    double sum = 0, squares = 0;
    size_t audible = 0;
    for (size_t i = 0; i < signals->sound_count; i++) {
        double onset = signals->sounds[i].onset;
        sum += onset;
        squares += onset * onset;
        audible += signals->sounds[i].loudness > lufs_quiet - 15;
    }
    double count = (double)signals->sound_count, mean = sum / count;
    double variance = squares / count - mean * mean;
    if (variance <= 1e-6 || (double)audible < music_audible * count)
        return false;
    for (size_t lag = (size_t)lround(beat_shortest * SIGNALS_SOUND_HZ); lag <= longest; lag++)
        if (self_correlation(signals, lag, mean, variance) >= music_correlation)
            return true;
    return false;
}

static bool is_silent(const struct signals *signals)
{
    return signals->integrated_lufs <= lufs_silent;
}

static void append_sound(char **text, const struct signals *signals,
                         const struct saliency *saliency, const struct levels *levels)
{
    if (!signals->has_sound) {
        append(text, ", ", "no sound");
        return;
    }
    if (is_silent(signals)) {
        append(text, ", ", "the sound track is silent");
        return;
    }
    // Singing passes for speech (speech.h), so over a beat either is possible.
    const char *speaks =
        is_music_like(signals, levels) ? "someone sings or speaks" : "someone speaks";
    if (levels->speech >= speech_all) {
        cleanup(free_ptr) char *words = xasprintf("%s nearly all the time", speaks);
        append(text, ", ", words);
    } else if (levels->speech >= speech_some) {
        char clock[TEXT_TIME_SIZE];
        cleanup(free_ptr) char *words =
            xasprintf("%s for %s", speaks, text_clock(levels->speech * saliency->duration, clock));
        append(text, ", ", words);
    }
    append_passages(text, saliency, PASSAGE_LOUD, "loud");
    append_passages(text, saliency, PASSAGE_QUIET, "quiet");
    append_passages(text, saliency, PASSAGE_SILENT, "silent");
}

char *describe_summary(const struct signals *signals, const struct saliency *saliency,
                       size_t shot_count)
{
    struct levels levels = levels_of(saliency, 0, saliency->duration);
    char clock[TEXT_TIME_SIZE];
    char *text = xasprintf("%s, %zu shot%s, mostly %s", text_clock(saliency->duration, clock),
                           shot_count, shot_count == 1 ? "" : "s", motion_word(&levels));
    append(&text, ", ", light_word(&levels));
    append(&text, ", ", colour_word(&levels));
    append_sound(&text, signals, saliency, &levels);
    return text;
}

char **describe_tags(const struct signals *signals, const struct saliency *saliency,
                     size_t shot_count)
{
    struct levels levels = levels_of(saliency, 0, saliency->duration);
    const char *words[ANALYSIS_MAX_TAGS] = { motion_word(&levels), light_word(&levels),
                                             colour_word(&levels) };
    size_t count = 3;
    if (shot_count == 1)
        words[count++] = "one shot";
    else if (shot_count >= FAST_SHOTS &&
             saliency->duration / (double)shot_count < fast_shot_seconds)
        words[count++] = "fast cuts";
    if (!signals->has_sound) {
        words[count++] = "no sound";
    } else if (is_silent(signals)) {
        words[count++] = "silent";
    } else {
        if (signals->integrated_lufs >= lufs_loud)
            words[count++] = "loud";
        else if (signals->integrated_lufs <= lufs_quiet)
            words[count++] = "quiet";
        if (levels.speech >= speech_tag)
            words[count++] = "speech";
        if (is_music_like(signals, &levels))
            words[count++] = "music-like";
    }
    char **tags = xcalloc(count + 1, sizeof *tags);
    for (size_t i = 0, kept = 0; i < count; i++)
        if (words[i])
            tags[kept++] = xstrdup(words[i]);
    return tags;
}

// ---- scenes

void describe_scenes(const struct saliency *saliency, struct analysis_span *scenes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct levels levels = levels_of(saliency, scenes[i].start, scenes[i].end);
        char *text = xstrdup(motion_word(&levels));
        append(&text, ", ", light_word(&levels));
        append(&text, ", ", colour_word(&levels));
        append(&text, ", ", levels.speech >= speech_tag ? "someone speaks" : NULL);
        size_t alike = 0;
        while (alike < i && scenes[alike].group != scenes[i].group)
            alike++;
        if (alike < i) {
            cleanup(free_ptr) char *words = xasprintf("looks like scene %zu", alike + 1);
            append(&text, "; ", words);
        }
        free(scenes[i].text);
        scenes[i].text = text;
    }
}
