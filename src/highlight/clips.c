#include "highlight/clips.h"

#include <math.h>

// Between peaks an anchor each so often, or a fraction of the wanted length where that is more.
static const double anchor_seconds = 2.0, anchor_part = 0.25;
// A peak is higher than its neighbours of one second.
enum { PEAK_CELLS = 2 };
// Points tried on each side of an anchor; beyond, every n-th is taken, so that long segments cost
// no more than short ones.
enum { POINTS_MAX = 40 };
// What a segment loses by being e times longer or shorter than wanted: as much as two plain
// boundaries.
static const double length_cost = 0.20;
// How many wanted lengths a clip may last at most.
static const double longest_part = 2.5;
// Breaking a rule of snap.h is worse than any point.
static const double broken_cost = 0.40;

void clips_add(struct clip_list *list, const struct clip *clip)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 64;
        list->clips = xrealloc(list->clips, list->capacity, sizeof *list->clips);
    }
    list->clips[list->count++] = *clip;
}

struct clip clips_make(const struct clip_source *source, double start, double end)
{
    double score = saliency_score(source->saliency, start, end);
    return (struct clip){
        .source = source->index,
        .start = start,
        .end = end,
        .score = score,
        .worth = score,
        .look = likeness_of(source->signals, start, end),
    };
}

static double unwanted(const struct clip_lengths *lengths, double length)
{
    return length_cost * fabs(log(length / lengths->wanted));
}

// ---- the best pair of points around an anchor

struct points {
    const struct snap_point *at[POINTS_MAX];
    size_t count;
};

// The allowed points in [from, until], thinned to POINTS_MAX.
static struct points points_between(const struct snap *snap, double from, double until, bool as_end)
{
    struct points points = { .count = 0 };
    size_t first = snap_from(snap, from), last = snap_from(snap, until + 1e-9);
    size_t step = (last - first) / POINTS_MAX + 1;
    for (size_t i = first; i < last && points.count < POINTS_MAX; i += step) {
        // Of each group the cheapest allowed one, so that thinning keeps cuts and pauses.
        const struct snap_point *best = NULL;
        double least = HUGE_VAL;
        for (size_t j = i; j < i + step && j < last; j++) {
            const struct snap_point *point = &snap->points[j];
            bool allowed = as_end ? point->may_end : point->may_start;
            double cost = as_end ? point->cost : point->start_cost;
            if (!allowed || cost >= least)
                continue;
            best = point;
            least = cost;
        }
        if (best)
            points.at[points.count++] = best;
    }
    return points;
}

static bool best_pair(const struct clip_source *source, const struct clip_lengths *lengths,
                      double anchor, struct clip *ret_clip)
{
    double span = fmin(lengths->most, fmax(longest_part * lengths->wanted, 2 * lengths->least));
    struct points starts = points_between(source->snap, anchor - span, anchor, false);
    struct points ends = points_between(source->snap, anchor, anchor + span, true);
    double best = -HUGE_VAL, best_start = 0, best_end = 0;
    for (size_t i = 0; i < starts.count; i++) {
        for (size_t j = 0; j < ends.count; j++) {
            double start = starts.at[i]->start, end = ends.at[j]->end, length = end - start;
            if (length < lengths->least || length > lengths->most)
                continue;
            double worth = saliency_score(source->saliency, start, end) - starts.at[i]->start_cost -
                           ends.at[j]->cost - unwanted(lengths, length);
            if (worth <= best)
                continue;
            best = worth;
            best_start = start;
            best_end = end;
        }
    }
    if (best_end <= best_start)
        return false;
    *ret_clip = clips_make(source, best_start, best_end);
    ret_clip->worth = best;
    return true;
}

// ---- where no pair will do

static double picture_from(const struct signals *signals, double time, double otherwise)
{
    size_t low = 0, high = signals->frame_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (signals->frames[middle].time < time - 1e-6)
            low = middle + 1;
        else
            high = middle;
    }
    return low < signals->frame_count ? signals->frames[low].time : otherwise;
}

// A clip of the wanted length on pictures, from a key frame if one is near, whatever is said or cut
// there.
static bool plain_pair(const struct clip_source *source, const struct clip_lengths *lengths,
                       double anchor, struct clip *ret_clip)
{
    double wanted = fmin(fmax(lengths->wanted, lengths->least), source->duration);
    double latest = source->duration - wanted;
    double start =
        picture_from(source->signals, fmin(fmax(anchor - wanted / 2, 0), latest), latest);
    const struct snap_point *key = snap_key_near(source->snap, start, source->reach);
    start = key && key->start <= latest ? key->start : start;
    if (start > latest)
        start = fmax(latest, 0);
    double end =
        fmin(picture_from(source->signals, start + wanted, source->duration), source->duration);
    if (end - start < fmin(lengths->least, source->duration) - 1e-3 || end <= start)
        return false;
    *ret_clip = clips_make(source, start, end);
    ret_clip->worth -= broken_cost;
    return true;
}

// Where only one length is allowed, it decides.
static bool any_pair(const struct clip_source *source, const struct clip_lengths *lengths,
                     double anchor, struct clip *ret_clip)
{
    return best_pair(source, lengths, anchor, ret_clip) ||
           plain_pair(source, lengths, anchor, ret_clip);
}

// ---- all anchors

static bool is_peak(const struct saliency *saliency, size_t at)
{
    size_t first = at > PEAK_CELLS ? at - PEAK_CELLS : 0;
    for (size_t i = first; i <= at + PEAK_CELLS && i < saliency->count; i++) {
        float here = saliency->cells[at].score, there = saliency->cells[i].score;
        if (there > here || (there == here && i < at))
            return false;
    }
    return true;
}

static int earlier_first(const void *a, const void *b)
{
    const struct clip *p = a, *q = b;
    if (p->start != q->start)
        return p->start < q->start ? -1 : 1;
    return p->end < q->end ? -1 : p->end > q->end;
}

static void drop_doubles(struct clip_list *list, size_t first)
{
    if (list->count == first)
        return;
    qsort(list->clips + first, list->count - first, sizeof *list->clips, earlier_first);
    size_t kept = first;
    for (size_t i = first; i < list->count; i++)
        if (kept == first || earlier_first(&list->clips[kept - 1], &list->clips[i]) != 0)
            list->clips[kept++] = list->clips[i];
    list->count = kept;
}

// Adds what `make` finds at the anchors in [from, until).
static void add_at_anchors(const struct clip_source *source, const struct clip_lengths *lengths,
                           double from, double until,
                           bool (*make)(const struct clip_source *, const struct clip_lengths *,
                                        double, struct clip *),
                           struct clip_list *list)
{
    const struct saliency *saliency = source->saliency;
    double apart = fmax(anchor_seconds, anchor_part * lengths->wanted), due = from;
    for (size_t i = (size_t)(from / SALIENCY_CELL_SECONDS); i < saliency->count; i++) {
        double anchor = fmax(((double)i + 0.5) * SALIENCY_CELL_SECONDS, from);
        if (anchor >= until)
            break;
        if (anchor < due && !is_peak(saliency, i))
            continue;
        if (anchor >= due)
            due = anchor + apart;
        struct clip clip;
        if (make(source, lengths, anchor, &clip))
            clips_add(list, &clip);
    }
}

// True if the rules leave a pair of points of allowed length anywhere in the source.
static bool has_pair(const struct clip_source *source, const struct clip_lengths *lengths)
{
    cleanup(clips_release) struct clip_list list = CLIP_LIST_INIT;
    add_at_anchors(source, lengths, 0, source->duration, best_pair, &list);
    return list.count > 0;
}

void clips_find(const struct clip_source *source, const struct clip_lengths *lengths, double from,
                double until, struct clip_list *list)
{
    size_t first = list->count;
    until = fmin(until, source->duration);
    if (!(from < until))
        return;
    if (source->duration <= lengths->most && from <= 0) {
        struct clip whole = clips_make(source, 0, source->duration);
        whole.worth -= unwanted(lengths, source->duration);
        clips_add(list, &whole);
    }
    if (source->duration <= lengths->least)
        return; // it is taken whole or not at all
    add_at_anchors(source, lengths, from, until, lengths->fixed ? any_pair : best_pair, list);
    if (list->count == first && !has_pair(source, lengths))
        add_at_anchors(source, lengths, from, until, plain_pair, list);
    drop_doubles(list, first);
}

void clips_release(struct clip_list *list)
{
    free(list->clips);
    *list = (struct clip_list)CLIP_LIST_INIT;
}
