#include "highlight/shots.h"

#include "highlight/likeness.h"
#include "highlight/robust.h"
#include <math.h>

// A plain cut: most of the picture is another one, and clearly more than what happens around it
// even where all is shaken.  Scores of 0.45 and more are rare within shots.
static const double plain_cut = 0.45, plain_above = 1.2;
// A faint one, between alike or dark pictures: then it must stand alone.  Lower, and blinking
// lights and captions are cuts.
static const double faint_cut = 0.20, faint_above = 1.4, faint_deviations = 6.0;
// "Around" is the greatest but for one tenth: other cuts near by do not count.
static const double around_part = 0.9;
// What a still scene may vary by without its noise becoming the measure.
static const double scale_floor = 0.015;
// Surroundings on each side: long enough for a median that two or three cuts do not move, short
// enough to follow a camera that begins to shake.
static const double window_seconds = 1.5;
enum { WINDOW_MAX = 128 }; // pictures, for very high frame rates
// Nobody cuts faster; what does is flicker.
static const double shortest_shot = 0.3;
// A flash lasts one or two pictures: up and down again within this many, nearly as far.
enum { FLASH_PICTURES = 3 };
static const double flash_part = 0.7;
// The colours on both sides of a flash agree at least this much.
static const double flash_likeness = 0.70;

struct peak {
    size_t frame;
    double score; // of the cut curve
};

struct side {
    double high;       // the greatest score but for one tenth
    double deviations; // of the peak, above this side's median
};

// The pictures before (step -1) or after (step 1) a peak.  Each side is judged by itself: where a
// still shot is followed by a shaken one, both together would have a median between the two and a
// scale as wide as their distance.
static struct side look_aside(const struct signals *signals, size_t at, int step)
{
    const struct signals_frame *frames = signals->frames;
    float values[WINDOW_MAX];
    size_t count = 0;
    for (size_t i = at + (size_t)step; i > 0 && i < signals->frame_count && count < WINDOW_MAX;
         i += (size_t)step) {
        if (fabsf(frames[at].time - frames[i].time) > window_seconds)
            break;
        values[count++] = frames[i].cut;
    }
    struct side side = { .high = robust_quantile(values, count, around_part) };
    struct robust robust = robust_measure(values, count, scale_floor);
    side.deviations = robust_score(&robust, frames[at].cut);
    return side;
}

static bool is_peak(const struct signals *signals, size_t at)
{
    double score = signals->frames[at].cut;
    if (!(score >= faint_cut))
        return false;
    struct side before = look_aside(signals, at, -1), after = look_aside(signals, at, 1);
    double high = fmax(before.high, after.high);
    if (score >= plain_cut && score >= plain_above * high)
        return true;
    return score >= faint_above * high &&
           fmin(before.deviations, after.deviations) >= faint_deviations;
}

static size_t find_peaks(const struct signals *signals, struct peak *peaks)
{
    size_t count = 0;
    for (size_t i = 1; i < signals->frame_count; i++)
        if (is_peak(signals, i))
            peaks[count++] = (struct peak){ i, signals->frames[i].cut };
    return count;
}

// Do the colours before picture `first` and from `last` on belong to one shot?
static bool same_picture_around(const struct signals *signals, size_t first, size_t last)
{
    double before = floor((double)signals->frames[first - 1].time * SIGNALS_LIKENESS_HZ + 1e-3);
    double after = ceil((double)signals->frames[last].time * SIGNALS_LIKENESS_HZ - 1e-3);
    if (before < 0 || after >= (double)signals->likeness_count)
        return true; // too near the edge for a shot of its own
    struct likeness a = likeness_at(signals, (size_t)before);
    struct likeness b = likeness_at(signals, (size_t)after);
    return likeness_compare(&a, &b) >= flash_likeness;
}

// The last (step 1) or first (step -1) picture that goes up or down with the one at `at`.
static size_t partner(const struct signals *signals, size_t at, int step)
{
    size_t furthest = at, i = at;
    for (int k = 0; k < FLASH_PICTURES; k++) {
        i += (size_t)step;
        if (i < 1 || i >= signals->frame_count)
            break;
        if (signals->frames[i].cut >= flash_part * signals->frames[at].cut)
            furthest = i;
    }
    return furthest;
}

// Reduces each run of neighbouring peaks to its greatest, or to none if it is a flash.
static size_t drop_flashes(const struct signals *signals, struct peak *peaks, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count;) {
        size_t greatest = i, next = i + 1;
        while (next < count && peaks[next].frame - peaks[next - 1].frame <= FLASH_PICTURES) {
            if (peaks[next].score > peaks[greatest].score)
                greatest = next;
            next++;
        }
        size_t first = partner(signals, peaks[i].frame, -1);
        size_t last = partner(signals, peaks[next - 1].frame, 1);
        if (first == last || !same_picture_around(signals, first, last))
            peaks[kept++] = peaks[greatest];
        i = next;
    }
    return kept;
}

static int greater_first(const void *a, const void *b)
{
    const struct peak *p = a, *q = b;
    if (p->score != q->score)
        return p->score > q->score ? -1 : 1;
    return p->frame < q->frame ? -1 : p->frame > q->frame;
}

static int earlier_first(const void *a, const void *b)
{
    const struct peak *p = a, *q = b;
    return p->frame < q->frame ? -1 : p->frame > q->frame;
}

// Keeps the greatest peaks that leave every shot its least length.
static size_t keep_apart(const struct signals *signals, struct peak *peaks, size_t count)
{
    const struct signals_frame *frames = signals->frames;
    cleanup(free_ptr) bool *taken = xcalloc(signals->frame_count + 1, sizeof *taken);
    size_t kept = 0;
    qsort(peaks, count, sizeof *peaks, greater_first);
    for (size_t i = 0; i < count && kept < ANALYSIS_MAX_ITEMS - 1; i++) {
        size_t at = peaks[i].frame;
        double time = frames[at].time;
        bool apart = time >= shortest_shot && signals->duration - time >= shortest_shot;
        for (size_t j = at; apart && j-- > 0 && time - frames[j].time < shortest_shot;)
            apart = !taken[j];
        for (size_t j = at + 1; apart && j < signals->frame_count; j++) {
            if (frames[j].time - time >= shortest_shot)
                break;
            apart = !taken[j];
        }
        if (!apart)
            continue;
        taken[at] = true;
        peaks[kept++] = peaks[i];
    }
    qsort(peaks, kept, sizeof *peaks, earlier_first);
    return kept;
}

int shots_find(const struct signals *signals, struct analysis_span **ret_shots, size_t *ret_count)
{
    cleanup(free_ptr) struct peak *peaks = xcalloc(signals->frame_count + 1, sizeof *peaks);
    size_t count = find_peaks(signals, peaks);
    count = drop_flashes(signals, peaks, count);
    count = keep_apart(signals, peaks, count);

    struct analysis_span *shots = xcalloc(count + 1, sizeof *shots);
    for (size_t i = 0; i <= count; i++)
        shots[i] = (struct analysis_span){
            .start = i ? signals->frames[peaks[i - 1].frame].time : 0,
            .end = i < count ? signals->frames[peaks[i].frame].time : signals->duration,
            .group = -1,
        };
    *ret_shots = shots;
    *ret_count = count + 1;
    return 0;
}
