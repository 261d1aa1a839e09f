#include "highlight/snap.h"

#include <math.h>

// A boundary inside speech moves this far to a pause (and further on, words are lost either way).
static const double speech_reach = 1.5;
// Shorter gaps are inside words: the closures of p, t and k last up to 150 ms.
static const double pause_least = 0.2;
// Less than this of a shot is gone before one has seen what it shows, unless it is most of a shot
// that is so short itself.
static const double sliver = 0.8, sliver_of_short = 0.4;
// Between cuts and pauses there is a point in each half second.
static const double grid = 0.5;
// A point is quiet if it lies this far below its surroundings of a second on each side.
static const double quiet_below = 3.0;
static const double quiet_around = 1.0;

static const double kind_cost[] = {
    [SNAP_EDGE] = 0.05, // cameras are fumbled with at both ends
    [SNAP_CUT] = 0,     [SNAP_PAUSE] = 0.03, [SNAP_QUIET] = 0.08, [SNAP_PLAIN] = 0.12,
};
static const double within_speech_cost = 0.25; // no pause in reach, but still words on both sides

// What the finding of points shares.
struct search {
    const struct signals *signals;
    const struct analysis_span *shots;
    size_t shot_count;
    double picture_seconds;
    struct snap *snap;
    size_t capacity;
};

// ---- speech

static void find_speech(const struct signals *signals, struct snap *snap)
{
    size_t gap = (size_t)lround(pause_least * SIGNALS_SOUND_HZ);
    snap->speeches = xcalloc(signals->sound_count / 2 + 1, sizeof *snap->speeches);
    for (size_t i = 0; signals->has_sound && i < signals->sound_count; i++) {
        if (!signals->sounds[i].voice)
            continue;
        double start = (double)i / SIGNALS_SOUND_HZ, end = (double)(i + 1) / SIGNALS_SOUND_HZ;
        size_t count = snap->speech_count;
        bool within_word =
            count && start - snap->speeches[count - 1].end < ((double)gap - 0.5) / SIGNALS_SOUND_HZ;
        if (!within_word)
            snap->speeches[snap->speech_count++].start = start;
        snap->speeches[snap->speech_count - 1].end = end;
    }
}

// The stretch of speech that `time` cuts in two, or NULL.
static const struct snap_speech *speech_at(const struct snap *snap, double time)
{
    size_t low = 0, high = snap->speech_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (snap->speeches[middle].end <= time + 1e-9)
            low = middle + 1;
        else
            high = middle;
    }
    bool inside = low < snap->speech_count && snap->speeches[low].start < time - 1e-9;
    return inside ? &snap->speeches[low] : NULL;
}

static bool cuts_speech_needlessly(const struct snap *snap, double time)
{
    const struct snap_speech *speech = speech_at(snap, time);
    return speech && (time - speech->start <= speech_reach || speech->end - time <= speech_reach);
}

// ---- pictures and shots

// The measured picture nearest to `time`.
static size_t frame_near(const struct signals *signals, double time)
{
    size_t low = 0, high = signals->frame_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (signals->frames[middle].time < time)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == signals->frame_count)
        return low - 1;
    bool earlier =
        low > 0 && time - signals->frames[low - 1].time < signals->frames[low].time - time;
    return earlier ? low - 1 : low;
}

// The number of shots that start at or before `time`.
static size_t shots_until(const struct search *search, double time)
{
    size_t low = 0, high = search->shot_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (search->shots[middle].start <= time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// ---- points

static void add_point(struct search *search, struct snap_point point)
{
    struct snap *snap = search->snap;
    if (snap->count == search->capacity) {
        search->capacity = search->capacity ? 2 * search->capacity : 64;
        snap->points = xrealloc(snap->points, search->capacity, sizeof *snap->points);
    }
    snap->points[snap->count++] = point;
}

static void add_edges(struct search *search)
{
    double duration = search->snap->duration, cost = kind_cost[SNAP_EDGE];
    add_point(search, (struct snap_point){ 0, 0, cost, SNAP_EDGE, .may_start = true });
    add_point(search, (struct snap_point){ duration, duration, cost, SNAP_EDGE, .may_end = true });
}

static void add_cut(struct search *search, double time)
{
    const struct signals *signals = search->signals;
    size_t frame = frame_near(signals, time);
    double end = time;
    // Pictures between the last measured one of the old shot and the first of the new may belong to
    // either, so the end keeps to the last one that is known.
    if (frame > 0 && search->picture_seconds > 0) {
        double last = signals->frames[frame - 1].time;
        if (time - last > 1.5 * search->picture_seconds)
            end = last + search->picture_seconds;
    }
    if (cuts_speech_needlessly(search->snap, time) || cuts_speech_needlessly(search->snap, end))
        return;
    add_point(search, (struct snap_point){
                          .start = time,
                          .end = end,
                          .cost = kind_cost[SNAP_CUT] +
                                  (speech_at(search->snap, time) ? within_speech_cost : 0),
                          .kind = SNAP_CUT,
                          .may_start = true,
                          .may_end = true,
                      });
}

static void add_between(struct search *search, double time, enum snap_kind kind)
{
    const struct signals *signals = search->signals;
    double at = signals->frames[frame_near(signals, time)].time;
    if (at <= 0 || at >= search->snap->duration || cuts_speech_needlessly(search->snap, at))
        return;
    size_t shots = shots_until(search, at);
    double previous = shots ? search->shots[shots - 1].start : 0;
    bool last = shots >= search->shot_count;
    double next = last ? search->snap->duration : search->shots[shots].start;
    double least = fmin(sliver, fmax((next - previous) / 2, sliver_of_short));
    if (shots > 1 && at - previous < 1e-4)
        return; // the cut itself, which is a point already
    struct snap_point point = {
        .start = at,
        .end = at,
        .cost = kind_cost[kind] + (speech_at(search->snap, at) ? within_speech_cost : 0),
        .kind = kind,
        .may_start = last || next - at >= least,
        .may_end = shots <= 1 || at - previous >= least,
    };
    if (point.may_start || point.may_end)
        add_point(search, point);
}

// The middle of the quietest 50 ms in [start, end), and how far it lies below its surroundings.
static double quietest(const struct signals *signals, double start, double end, double *ret_depth)
{
    size_t from = (size_t)ceil(start * SIGNALS_SOUND_HZ - 1e-6);
    size_t until = (size_t)fmin(end * SIGNALS_SOUND_HZ, (double)signals->sound_count);
    size_t best = from;
    for (size_t i = from; i < until; i++)
        if (signals->sounds[i].peak < signals->sounds[best].peak)
            best = i;
    *ret_depth = 0;
    if (from >= until)
        return (start + end) / 2;
    size_t around = (size_t)(quiet_around * SIGNALS_SOUND_HZ);
    double sum = 0;
    size_t count = 0;
    for (size_t i = best > around ? best - around : 0;
         i <= best + around && i < signals->sound_count; i++, count++)
        sum += signals->sounds[i].peak;
    *ret_depth = sum / (double)count - signals->sounds[best].peak;
    return ((double)best + 0.5) / SIGNALS_SOUND_HZ;
}

// Points of a stretch without a word, or of one with words only: one in each half second.
static void add_stretch(struct search *search, double start, double end, bool pause)
{
    size_t parts = (size_t)fmax(ceil((end - start) / grid - 1e-6), 1);
    for (size_t i = 0; i < parts; i++) {
        double from = start + (end - start) * (double)i / (double)parts;
        double until = start + (end - start) * (double)(i + 1) / (double)parts;
        double time = (from + until) / 2, depth = 0;
        if (search->signals->has_sound)
            time = quietest(search->signals, from, until, &depth);
        bool at_speech = pause && (i == 0 || i + 1 == parts);
        enum snap_kind kind = at_speech              ? SNAP_PAUSE
                              : depth >= quiet_below ? SNAP_QUIET
                                                     : SNAP_PLAIN;
        add_between(search, time, kind);
    }
}

static void add_all_between(struct search *search)
{
    const struct snap *snap = search->snap;
    double from = 0;
    for (size_t i = 0; i < snap->speech_count && from < snap->duration; i++) {
        const struct snap_speech *speech = &snap->speeches[i];
        if (speech->start > from)
            add_stretch(search, from, fmin(speech->start, snap->duration), true);
        double inner_start = speech->start + speech_reach, inner_end = speech->end - speech_reach;
        if (inner_end - inner_start > grid && inner_end < snap->duration)
            add_stretch(search, inner_start, inner_end, false);
        from = speech->end;
    }
    if (from < snap->duration)
        add_stretch(search, from, snap->duration, snap->speech_count > 0);
}

static int earlier_first(const void *a, const void *b)
{
    const struct snap_point *p = a, *q = b;
    if (p->start != q->start)
        return p->start < q->start ? -1 : 1;
    if (p->cost != q->cost)
        return p->cost < q->cost ? -1 : 1;
    return p->end < q->end ? -1 : p->end > q->end;
}

static void drop_doubles(struct snap *snap)
{
    size_t kept = 0;
    for (size_t i = 0; i < snap->count; i++)
        if (!kept || snap->points[i].start > snap->points[kept - 1].start)
            snap->points[kept++] = snap->points[i];
    snap->count = kept;
}

void snap_prepare(const struct signals *signals, const struct analysis_span *shots,
                  size_t shot_count, double duration, double picture_seconds, struct snap *snap)
{
    *snap = (struct snap){ .duration = duration };
    struct search search = { signals, shots, shot_count, picture_seconds, snap, 0 };
    find_speech(signals, snap);
    add_edges(&search);
    if (signals->frame_count) {
        for (size_t i = 1; i < shot_count; i++)
            if (shots[i].start > 0 && shots[i].start < duration)
                add_cut(&search, signals->frames[frame_near(signals, shots[i].start)].time);
        add_all_between(&search);
    }
    qsort(snap->points, snap->count, sizeof *snap->points, earlier_first);
    drop_doubles(snap);
}

void snap_release(struct snap *snap)
{
    free(snap->points);
    free(snap->speeches);
    *snap = (struct snap)SNAP_INIT;
}

size_t snap_from(const struct snap *snap, double time)
{
    size_t low = 0, high = snap->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (snap->points[middle].start < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// ---- segments chosen by other means

// The best point for one boundary: within reach the cheapest (distance counting too), beyond it the
// nearest.  NULL if none lies within what leaving speech may take.
static const struct snap_point *best_near(const struct snap *snap, double time, double reach,
                                          bool as_end)
{
    const struct snap_point *best = NULL;
    double least = HUGE_VAL, furthest = reach + speech_reach;
    for (size_t i = snap_from(snap, time - furthest); i < snap->count; i++) {
        const struct snap_point *point = &snap->points[i];
        double distance = fabs((as_end ? point->end : point->start) - time);
        if (point->start > time + furthest)
            break;
        if (!(as_end ? point->may_end : point->may_start))
            continue;
        // Within reach the whole distance costs as much as a plain point; beyond, any point within
        // reach is better; and between words any point is better than within them.
        double cost =
            distance <= reach ? point->cost + 0.12 * distance / fmax(reach, 1e-3) : 10 + distance;
        cost += speech_at(snap, point->start) ? 20 : 0;
        if (cost < least) {
            least = cost;
            best = point;
        }
    }
    return best;
}

void snap_segment(const struct snap *snap, double reach, double min_segment, double *start,
                  double *end)
{
    const struct snap_point *from = best_near(snap, *start, reach, false);
    const struct snap_point *until = best_near(snap, *end, reach, true);
    double new_start = from ? from->start : *start, new_end = until ? until->end : *end;
    if (new_end - new_start < fmin(min_segment, snap->duration) - 1e-3)
        return;
    *start = new_start;
    *end = new_end;
}
