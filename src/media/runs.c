// Copied and encoded runs of a segment; see runs.h.
#include "media/runs.h"

#include <math.h>

// The same share of a frame as timeline.c has: what may be shown before it begins.
static const double early_frames = 0.45;
static const double stray_frames = 0.4;
// Fewer copied pictures than this save nothing: each run costs a decoder and an encoder a start.
enum { WORTHWHILE = 6 };

struct finder {
    const struct coded_picture *pictures;
    size_t count;
    const struct runs_wish *wish;
    double origin;
    int64_t limit; // frames of the segment that the source has a picture for
};

// The frame a picture falls on; -1 for one that lies off the grid.
static int64_t frame_of(const struct finder *finder, size_t i, bool *ret_on_grid)
{
    double frames = (finder->pictures[i].time - finder->origin) / finder->wish->frame;
    double nearest = round(frames);
    *ret_on_grid = fabs(frames - nearest) <= stray_frames;
    return (int64_t)nearest;
}

static double first_time(const struct coded_picture *pictures, size_t count,
                         const struct runs_wish *wish)
{
    double first = NAN;
    for (size_t i = 0; i < count; i++) {
        double time = pictures[i].time;
        if (pictures[i].kind != NAL_NO_PICTURE &&
            time >= wish->start - early_frames * wish->frame && !(time >= first))
            first = time;
    }
    // A first picture far behind the start: before it the last one stands still, encoded.
    return first <= wish->start + (1 - early_frames) * wish->frame ? first : NAN;
}

static bool is_sync(enum nal_picture kind)
{
    return kind == NAL_SYNC || kind == NAL_SYNC_OPEN;
}

// Shown before the sync picture that stands before it: nobody behind that picture refers to it.
static bool is_leading(enum nal_picture kind, int64_t frame, int64_t first)
{
    return kind == NAL_LEADING || frame < first;
}

// The longest copyable run that begins at the sync picture i.  Returns its number of frames.
static int64_t run_from(const struct finder *finder, size_t i, struct run *run)
{
    bool on_grid;
    int64_t first = frame_of(finder, i, &on_grid), last = first - 1, kept = 0, best = 0;
    for (size_t j = i; j < finder->count; j++) {
        enum nal_picture kind = finder->pictures[j].kind;
        int64_t frame = frame_of(finder, j, &on_grid);
        if (j > i && is_leading(kind, frame, first) && kind != NAL_NO_PICTURE) {
            // Only behind an open start, or of a kind that says so itself, is this how it should
            // be.
            if (run->is_open || kind == NAL_LEADING)
                continue;
            break;
        }
        if (kind == NAL_NO_PICTURE || !on_grid || frame >= finder->limit)
            break;
        kept++;
        if (frame > last)
            last = frame;
        if (last - first + 1 == kept) {
            best = kept;
            run->to = j + 1;
        }
    }
    run->from = i;
    run->first = first;
    run->count = best;
    return best;
}

// The next copyable run at or behind frame `at`.
static bool next_run(const struct finder *finder, int64_t at, struct run *ret_run)
{
    for (size_t i = 0; i < finder->count; i++) {
        bool on_grid;
        int64_t frame = frame_of(finder, i, &on_grid);
        if (!is_sync(finder->pictures[i].kind) || !on_grid || frame < at)
            continue;
        struct run run = { .is_copied = true,
                           .is_open = finder->pictures[i].kind == NAL_SYNC_OPEN };
        if (run_from(finder, i, &run) >= WORTHWHILE) {
            *ret_run = run;
            return true;
        }
    }
    return false;
}

size_t runs_find(const struct coded_picture *pictures, size_t count, const struct runs_wish *wish,
                 struct run *ret_runs, double *ret_origin)
{
    struct finder finder = { .pictures = pictures, .count = count, .wish = wish };
    struct run run;
    size_t runs = 0;
    int64_t at = 0;
    finder.origin = *ret_origin = first_time(pictures, count, wish);
    if (!isnan(finder.origin)) {
        double available =
            (wish->end - (1 - early_frames) * wish->frame - finder.origin) / wish->frame;
        finder.limit = (int64_t)floor(available + 1e-6) + 1;
        if (finder.limit > wish->frames)
            finder.limit = wish->frames;
    }
    while (at < finder.limit && runs + 3 <= RUNS_MAX && next_run(&finder, at, &run)) {
        if (run.first > at)
            ret_runs[runs++] = (struct run){ .first = at, .count = run.first - at };
        ret_runs[runs++] = run;
        at = run.first + run.count;
    }
    if (at < wish->frames)
        ret_runs[runs++] = (struct run){ .first = at, .count = wish->frames - at };
    return runs;
}

bool runs_keeps(const struct coded_picture *pictures, const struct run *run, size_t i)
{
    return i == run->from ||
           !(pictures[i].kind == NAL_LEADING || pictures[i].time < pictures[run->from].time);
}
