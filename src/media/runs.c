// Copied and encoded runs of a segment; see runs.h.
#include "media/runs.h"

#include <math.h>

// The same share of a frame as timeline.c has: what may be shown before it begins.
static const double early_frames = 0.45;
static const double stray_frames = 0.4;
// Fewer copied pictures than this save nothing: each run costs a decoder and an encoder a start.
enum { WORTHWHILE = 6 };
// Pictures that are decoded before one shown earlier lie this near: codecs reorder 16 at most.
enum { AHEAD = 64 };
// Frames further from the origin are no place in a video but a broken time.
static const double far_frames = 1e12;

struct finder {
    const struct coded_picture *pictures;
    size_t count;
    const struct runs_wish *wish;
    double origin;
    int64_t limit; // frames of the segment that the source has a picture for
};

// The frame a picture falls on; meaningless for one whose time is none.
static int64_t frame_of(const struct finder *finder, size_t i, bool *ret_on_grid)
{
    double frames = (finder->pictures[i].time - finder->origin) / finder->wish->frame;
    double nearest = round(frames);
    *ret_on_grid = fabs(frames) < far_frames && fabs(frames - nearest) <= stray_frames;
    return fabs(frames) < far_frames ? (int64_t)nearest : INT64_MAX;
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

// Takes a frame into the line of those that came, of which `next` is the first that did not; a bit
// of `ahead` stands for each behind it.  False if it came before or cannot belong there.
static bool line_up(int64_t frame, int64_t *next, uint64_t *ahead)
{
    if (frame < *next || frame - *next >= AHEAD || *ahead >> (frame - *next) & 1)
        return false;
    *ahead |= UINT64_C(1) << (frame - *next);
    for (; *ahead & 1; *ahead >>= 1)
        ++*next;
    return true;
}

// The longest copyable run that begins at the sync picture i.  Returns its number of frames.
static int64_t run_from(const struct finder *finder, size_t i, struct run *run)
{
    bool on_grid, is_second = false; // is_second: behind a sync picture within the run
    int64_t first = frame_of(finder, i, &on_grid), next = first, best = 0;
    uint64_t ahead = 0;
    for (size_t j = i; j < finder->count; j++) {
        enum nal_picture kind = finder->pictures[j].kind;
        int64_t frame = frame_of(finder, j, &on_grid);
        bool is_earlier = frame < first;
        if (kind == NAL_NO_PICTURE)
            break;
        // Shown before the sync picture it was coded behind: nobody refers to it who is kept.  Only
        // behind an open start, or of a kind that says so itself, is this how it should be.
        if (is_earlier && (run->is_open || kind == NAL_LEADING))
            continue;
        // What leads another sync picture refers to pictures of the run, at most.
        if (kind == NAL_LEADING && !is_second)
            break;
        if (is_earlier || !on_grid || frame >= finder->limit || !line_up(frame, &next, &ahead))
            break;
        is_second = is_second || (j > i && is_sync(kind));
        if (ahead == 0) {
            best = next - first;
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
    return pictures[i].time >= pictures[run->from].time;
}
