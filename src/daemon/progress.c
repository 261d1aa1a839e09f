// Expected work, done work, remaining time.
#include "daemon/progress.h"

#include <math.h>

// A process that starts, opens its batch and leaves a durable result.
static const double startup_seconds = 0.05;

// Measured on two cores with 1080p at 30 pictures a second, profile conservative; they only have to
// be right to a factor until the first steps correct them.
// transcribe: the recogniser of this machine, at sound that is half speech.
// upload: a proxy of 3 Mbit/s on a line of 24.
static const double first_rates[STAGE_COUNT] = {
    [STAGE_FETCH] = 0.001,   [STAGE_PROBE] = 0.005,    [STAGE_COMPRESS] = 0.5,
    [STAGE_UPLOAD] = 0.1,    [STAGE_TRANSCRIBE] = 0.3, [STAGE_ANALYZE] = 0.002,
    [STAGE_PLAN] = 0.001,    [STAGE_PREVIEW] = 0.03,   [STAGE_RENDER] = 0.3,
    [STAGE_PUBLISH] = 0.002,
};

// A line of 24 Mbit/s, for what phones and cameras make.
static const double first_download_rate = 0.5;

// Each step moves a rate a third of the way: quick to learn, slow to panic.
static const double learning = 1.0 / 3;

// Phones and cameras: about 12 Mbit/s.
static const double guessed_bytes_per_second = 1.5e6;

void progress_rates_init(struct progress_rates *rates)
{
    memcpy(rates->rate, first_rates, sizeof rates->rate);
    rates->download = first_download_rate;
}

static void learn(double *rate, double material, double took)
{
    if (!(material > 0.1) || !(took >= 0) || !isfinite(took))
        return;
    double measured = fmax(took - startup_seconds, 0.0001) / material;
    *rate += (measured - *rate) * learning;
}

void progress_learn(struct progress_rates *rates, enum stage stage, double material, double took)
{
    learn(&rates->rate[stage], material, took);
}

void progress_learn_download(struct progress_rates *rates, double material, double took)
{
    learn(&rates->download, material, took);
}

double progress_guess_seconds(uint64_t size_bytes)
{
    return fmin(fmax((double)size_bytes / guessed_bytes_per_second, 1), 7200);
}

static double rate_of(const struct progress_view *view, struct course_place place)
{
    bool is_download = place.stage == STAGE_FETCH && place.index != STEP_BATCH &&
                       view->elsewhere != NULL && view->elsewhere[place.index];
    return is_download ? view->rates->download : view->rates->rate[place.stage];
}

static double expected(const struct progress_view *view, struct course_place place)
{
    double material = 0;
    if (place.index != STEP_BATCH)
        material = view->material[place.index];
    else if (place.stage > STAGE_PLAN)
        material = view->reel_seconds;
    else
        for (size_t i = 0; i < view->course->source_count; i++)
            material += view->material[i];
    return startup_seconds + rate_of(view, place) * material;
}

static double elapsed(const struct progress_view *view, const struct course_mark *mark)
{
    return view->now_us > mark->begun_us ? (double)(view->now_us - mark->begun_us) / 1e6 : 0;
}

// The share of a step that is done.  A stage that tells nothing is believed to move on, ever
// slower, never quite to its end.
static double done_share(const struct progress_view *view, struct course_place place,
                         double seconds)
{
    const struct course_mark *mark = course_mark(view->course, place);
    if (course_settled(view->course, place))
        return 1;
    if (!mark->running)
        return 0;
    if (mark->fraction > 0)
        return fmin(mark->fraction, 1);
    return 0.9 * (1 - exp(-elapsed(view, mark) / seconds));
}

// What a running step still takes.  Its own pace is believed the more of it is done, wholly from a
// fifth on, but only where it is slower than expected: what a download had from before it was cut
// off came at no pace.
static double left(const struct progress_view *view, struct course_place place, double seconds,
                   double share)
{
    const double believed_share = 0.2;
    const struct course_mark *mark = course_mark(view->course, place);
    double own = mark->running && mark->fraction > 0 ? elapsed(view, mark) / mark->fraction : 0;
    double belief = fmin(share / believed_share, 1);
    return (1 - share) * (seconds + belief * fmax(own - seconds, 0));
}

struct sums {
    double all, done;      // seconds of work
    double sources, batch; // seconds of work left, on sources and on the batch
};

static void add(const struct progress_view *view, struct course_place place, struct sums *sums)
{
    if (!course_has(view->course, place.stage))
        return;
    if (place.index != STEP_BATCH && course_source_failed(view->course, (size_t)place.index))
        return; // lost work is no progress
    double seconds = expected(view, place);
    double share = done_share(view, place, seconds);
    sums->all += seconds;
    sums->done += seconds * share;
    *(place.index == STEP_BATCH ? &sums->batch : &sums->sources) +=
        left(view, place, seconds, share);
}

static struct sums add_up(const struct progress_view *view)
{
    struct sums sums = { 0 };
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        if (!stage_info[stage].per_source) {
            add(view, (struct course_place){ stage, STEP_BATCH }, &sums);
            continue;
        }
        for (size_t i = 0; i < view->course->source_count; i++)
            add(view, (struct course_place){ stage, (int)i }, &sums);
    }
    return sums;
}

double progress_percent(const struct progress_view *view)
{
    struct sums sums = add_up(view);
    return fmin(fmax(100 * sums.done / sums.all, 0), 99);
}

double progress_remaining(const struct progress_view *view)
{
    struct sums sums = add_up(view);
    double side_by_side = fmax(fmin(view->side_by_side, (double)view->course->source_count), 1);
    return sums.sources / side_by_side + sums.batch;
}
