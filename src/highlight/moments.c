#include "highlight/moments.h"

#include <math.h>

// A moment stands out: its score lies this high, where 0.5 is what is usual in the source.
static const double moment_score = 0.62;
// It lasts as long as the score stays above this part of the way from usual up to the peak.
static const double moment_part = 0.5;
static const double moment_shortest = 1.0, moment_longest = 8.0;
// How many: enough to choose from, few enough to read.
static const double moments_per_second = 0.1;
enum { MOMENTS_LEAST = 2, MOMENTS_MOST = 200 };

// ---- reasons

// A trait is mentioned from half a deviation on; it is "much" from two on.
static const double some = 0.5, much = 2.0;
enum { REASON_PHRASES = 3 };
// Speech is a share of time, not a degree: most of it, and more than usual.
static const double speech_share = 0.5;

struct span_traits {
    double deviation[TRAIT_COUNT];
    double speech;          // mean share
    bool most[TRAIT_COUNT]; // the greatest value of the source lies in the span
};

static const struct {
    const char *most, *much, *some;
} phrases[TRAIT_COUNT] = {
    [TRAIT_MOTION] = { "the most motion", "much motion", "more motion than usual" },
    [TRAIT_LOUDNESS] = { "the loudest moment", "much louder than usual", "louder than usual" },
    [TRAIT_ONSET] = { "a sudden sound", "a sudden sound", NULL },
    [TRAIT_SHARPNESS] = { "the sharpest picture", "a much sharper picture than usual",
                          "a sharper picture than usual" },
    [TRAIT_COLOUR] = { "the most colourful picture", "much more colour than usual",
                       "more colour than usual" },
    [TRAIT_NOVELTY] = { "unlike the rest of the video", "unlike the rest of the video",
                        "unlike most of the video" },
};

static size_t greatest_cell(const struct saliency *saliency, enum saliency_trait trait)
{
    size_t best = 0;
    float greatest = -INFINITY;
    for (size_t i = 0; i < saliency->count; i++) {
        if (saliency->cells[i].value[trait] > greatest) { // false for NAN
            greatest = saliency->cells[i].value[trait];
            best = i;
        }
    }
    return best;
}

static struct span_traits look_at(const struct saliency *saliency, double start, double end)
{
    struct span_traits span = { 0 };
    size_t from = (size_t)(fmax(start, 0) / SALIENCY_CELL_SECONDS);
    size_t until = (size_t)fmin(ceil(end / SALIENCY_CELL_SECONDS), (double)saliency->count);
    if (from >= until)
        return span;
    for (size_t i = from; i < until; i++) {
        const struct saliency_cell *cell = &saliency->cells[i];
        for (size_t trait = 0; trait < TRAIT_COUNT; trait++)
            span.deviation[trait] += cell->deviation[trait] / (double)(until - from);
        if (isfinite(cell->value[TRAIT_SPEECH]))
            span.speech += cell->value[TRAIT_SPEECH] / (double)(until - from);
    }
    for (size_t trait = 0; trait < TRAIT_COUNT; trait++) {
        size_t best = greatest_cell(saliency, (enum saliency_trait)trait);
        span.most[trait] =
            best >= from && best < until && saliency->cells[best].deviation[trait] >= much;
    }
    return span;
}

static const char *phrase_for(const struct span_traits *span, enum saliency_trait trait)
{
    double deviation = span->deviation[trait];
    if (trait == TRAIT_SPEECH) {
        if (span->speech < speech_share || deviation < some)
            return NULL;
        return span->deviation[TRAIT_MOTION] <= -some ? "someone speaks while little moves"
                                                      : "someone speaks";
    }
    if (span->most[trait] && deviation >= some)
        return phrases[trait].most;
    if (deviation >= much)
        return phrases[trait].much;
    return deviation >= some ? phrases[trait].some : NULL;
}

char *moments_reason(const struct saliency *saliency, double start, double end)
{
    struct span_traits span = look_at(saliency, start, end);
    char *reason = NULL;
    bool said[TRAIT_COUNT] = { false };
    for (int k = 0; k < REASON_PHRASES; k++) {
        int next = -1;
        double best = 0;
        for (int trait = 0; trait < TRAIT_COUNT; trait++) {
            double weight = saliency_weight((enum saliency_trait)trait) * span.deviation[trait];
            if (said[trait] || weight <= best || !phrase_for(&span, (enum saliency_trait)trait))
                continue;
            best = weight;
            next = trait;
        }
        if (next < 0)
            break;
        said[next] = true;
        const char *phrase = phrase_for(&span, (enum saliency_trait)next);
        char *longer = reason ? xasprintf("%s, %s", reason, phrase) : xstrdup(phrase);
        free(reason);
        reason = longer;
    }
    return reason ? reason : xstrdup("much like the rest of the video");
}

// ---- peaks

struct stretch {
    size_t first, last; // cells
    double score;       // of the peak
};

// The cells around the peak that belong to it: still high, in the same shot, not too many.
static struct stretch grow(const struct saliency *saliency, size_t peak, double from, double until)
{
    const struct saliency_cell *cells = saliency->cells;
    struct stretch stretch = { peak, peak, cells[peak].score };
    double least = 0.5 + (stretch.score - 0.5) * moment_part;
    size_t lowest = (size_t)(from / SALIENCY_CELL_SECONDS);
    size_t highest = (size_t)fmax(ceil(until / SALIENCY_CELL_SECONDS) - 1, (double)peak);
    size_t most = (size_t)(moment_longest / SALIENCY_CELL_SECONDS);
    size_t fewest = (size_t)(moment_shortest / SALIENCY_CELL_SECONDS);
    while (stretch.last - stretch.first + 1 < most) {
        double before = stretch.first > lowest ? cells[stretch.first - 1].score : -1;
        double after = stretch.last < highest && stretch.last + 1 < saliency->count
                           ? cells[stretch.last + 1].score
                           : -1;
        bool long_enough = stretch.last - stretch.first + 1 >= fewest;
        double next = fmax(before, after);
        if (next < 0 || (long_enough && next < least))
            break;
        if (before >= after)
            stretch.first--;
        else
            stretch.last++;
    }
    return stretch;
}

static int better_first(const void *a, const void *b)
{
    const struct analysis_span *p = a, *q = b;
    if (p->score != q->score)
        return p->score > q->score ? -1 : 1;
    return p->start < q->start ? -1 : p->start > q->start;
}

static int earlier_first(const void *a, const void *b)
{
    const struct analysis_span *p = a, *q = b;
    return p->start < q->start ? -1 : p->start > q->start;
}

static bool is_peak(const struct saliency *saliency, size_t i)
{
    const struct saliency_cell *cells = saliency->cells;
    return cells[i].score >= moment_score && (i == 0 || cells[i].score > cells[i - 1].score) &&
           (i + 1 >= saliency->count || cells[i].score >= cells[i + 1].score);
}

// The best of the found moments that do not overlap.
static size_t keep_best(struct analysis_span *found, size_t count, double duration)
{
    size_t most = (size_t)fmin(MOMENTS_LEAST + duration * moments_per_second, MOMENTS_MOST);
    size_t kept = 0;
    qsort(found, count, sizeof *found, better_first);
    for (size_t i = 0; i < count && kept < most; i++) {
        bool apart = true;
        for (size_t j = 0; apart && j < kept; j++)
            apart = found[i].end <= found[j].start || found[i].start >= found[j].end;
        if (apart)
            found[kept++] = found[i];
    }
    qsort(found, kept, sizeof *found, earlier_first);
    return kept;
}

size_t moments_find(const struct saliency *saliency, const struct analysis_span *shots,
                    size_t shot_count, struct analysis_span **ret_moments)
{
    struct analysis_span *found = xcalloc(saliency->count + 1, sizeof *found);
    size_t count = 0, shot = 0;
    for (size_t i = 0; i < saliency->count; i++) {
        double middle = ((double)i + 0.5) * SALIENCY_CELL_SECONDS;
        while (shot + 1 < shot_count && shots[shot].end <= middle)
            shot++;
        if (!is_peak(saliency, i) || shot >= shot_count)
            continue;
        struct stretch stretch = grow(saliency, i, shots[shot].start, shots[shot].end);
        struct analysis_span moment = {
            .start = fmax((double)stretch.first * SALIENCY_CELL_SECONDS, shots[shot].start),
            .end = fmin((double)(stretch.last + 1) * SALIENCY_CELL_SECONDS, shots[shot].end),
            .score = stretch.score,
            .group = -1,
        };
        if (moment.end > moment.start)
            found[count++] = moment;
    }
    count = keep_best(found, count, saliency->duration);
    for (size_t i = 0; i < count; i++)
        found[i].text = moments_reason(saliency, found[i].start, found[i].end);
    *ret_moments = found;
    return count;
}
