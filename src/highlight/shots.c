#include "highlight/shots.h"

#include "highlight/likeness.h"
#include "highlight/robust.h"
#include <math.h>

// A picture that has less than this unlike its predecessor is no cut, however still the rest is:
// below lie blinking lights and captions.
static const double cut_floor = 0.20;
// A cut must rise this many robust deviations above its surroundings.  Lower, and shaken cameras
// break into shots; higher, and cuts within action are lost.
static const double cut_deviations = 6.0;
// What a still scene may vary by without its noise becoming the measure.
static const double scale_floor = 0.015;
// Surroundings on each side: long enough for a median that two or three cuts do not move, short
// enough to follow a camera that begins to shake.
static const double window_seconds = 1.5;
enum { WINDOW_MAX = 128 }; // pictures, for very high frame rates
// Nobody cuts faster; what does is flicker.
static const double shortest_shot = 0.3;
// A flash lasts one or two pictures: up and down again within this many.
enum { FLASH_PICTURES = 3 };
// The colours on both sides of a flash agree at least this much.
static const double flash_likeness = 0.70;

struct peak {
    size_t frame;
    double strength; // robust deviations
};

// How far the peak rises above the pictures before (step -1) or after it (step 1).
static double rise(const struct signals *signals, size_t at, int step)
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
    struct robust side = robust_measure(values, count, scale_floor);
    return robust_score(&side, frames[at].cut);
}

// In robust deviations.  Each side by itself: where a still shot is followed by a shaken one, both
// together would have a median between the two and a scale as wide as their distance.
static double strength_of(const struct signals *signals, size_t at)
{
    return fmin(rise(signals, at, -1), rise(signals, at, 1));
}

static size_t find_peaks(const struct signals *signals, struct peak *peaks)
{
    size_t count = 0;
    for (size_t i = 1; i < signals->frame_count; i++) {
        if (!(signals->frames[i].cut >= cut_floor))
            continue;
        double strength = strength_of(signals, i);
        if (strength >= cut_deviations)
            peaks[count++] = (struct peak){ i, strength };
    }
    return count;
}

// Do the colours before `first` and from `last` on belong to one picture?
static bool same_picture_around(const struct signals *signals, size_t first, size_t last)
{
    double before = floor((double)signals->frames[first].time * SIGNALS_LIKENESS_HZ) - 1;
    double after = floor((double)signals->frames[last].time * SIGNALS_LIKENESS_HZ) + 1;
    if (before < 0 || after >= (double)signals->likeness_count)
        return true; // too near the edge for a shot of its own
    struct likeness a = likeness_at(signals, (size_t)before);
    struct likeness b = likeness_at(signals, (size_t)after);
    return likeness_compare(&a, &b) >= flash_likeness;
}

// Reduces each run of neighbouring peaks to its strongest, or to none if it is a flash.
static size_t drop_flashes(const struct signals *signals, struct peak *peaks, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count;) {
        size_t strongest = i, next = i + 1;
        while (next < count && peaks[next].frame - peaks[next - 1].frame <= FLASH_PICTURES) {
            if (peaks[next].strength > peaks[strongest].strength)
                strongest = next;
            next++;
        }
        bool flash =
            next - i > 1 && same_picture_around(signals, peaks[i].frame, peaks[next - 1].frame);
        if (!flash)
            peaks[kept++] = peaks[strongest];
        i = next;
    }
    return kept;
}

static int stronger_first(const void *a, const void *b)
{
    const struct peak *p = a, *q = b;
    if (p->strength != q->strength)
        return p->strength > q->strength ? -1 : 1;
    return p->frame < q->frame ? -1 : p->frame > q->frame;
}

static int earlier_first(const void *a, const void *b)
{
    const struct peak *p = a, *q = b;
    return p->frame < q->frame ? -1 : p->frame > q->frame;
}

// Keeps the strongest peaks that leave every shot its least length.
static size_t keep_apart(const struct signals *signals, struct peak *peaks, size_t count)
{
    const struct signals_frame *frames = signals->frames;
    cleanup(free_ptr) bool *taken = xcalloc(signals->frame_count + 1, sizeof *taken);
    size_t kept = 0;
    qsort(peaks, count, sizeof *peaks, stronger_first);
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
