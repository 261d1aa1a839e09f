// Where everything lies in the reel; see timeline.h.
#include "media/timeline.h"

#include <math.h>

enum { MICROSECONDS = 1000000 };

// How early, in frames, a picture may be shown before it begins.  Half a frame would be the
// nearest picture; a little less keeps exact halves (24 shown at 60 a second) on one side although
// times in many containers are rounded to 1 ms.
static const double early_frames = 0.45;

// round(a * b / c) for what fits: frames and microseconds of days.
static int64_t scale(int64_t a, int64_t b, int64_t c)
{
    __extension__ typedef __int128 wide;
    wide product = (wide)a * b;
    return (int64_t)((product >= 0 ? product + c / 2 : product - c / 2) / c);
}

static int64_t frame_at(const struct timeline *timeline, int64_t us)
{
    return scale(us, timeline->fps_num, (int64_t)timeline->fps_den * MICROSECONDS);
}

int64_t timeline_sample(const struct timeline *timeline, int64_t frame)
{
    return scale(frame, (int64_t)timeline->fps_den * TIMELINE_SAMPLE_RATE, timeline->fps_num);
}

void timeline_place(const struct timeline *timeline, double start, double end,
                    struct timeline_segment *ret_segment)
{
    struct timeline_segment segment = { .source_us = llround(start * MICROSECONDS),
                                        .duration_us = llround((end - start) * MICROSECONDS),
                                        .start_us = timeline->end_us };
    segment.first_frame = frame_at(timeline, segment.start_us);
    segment.frames =
        frame_at(timeline, segment.start_us + segment.duration_us) - segment.first_frame;
    segment.first_sample = timeline_sample(timeline, segment.first_frame);
    segment.samples =
        timeline_sample(timeline, segment.first_frame + segment.frames) - segment.first_sample;
    *ret_segment = segment;
}

void timeline_add(struct timeline *timeline, const struct timeline_segment *segment)
{
    timeline->end_us = segment->start_us + segment->duration_us;
}

double timeline_instant(const struct timeline *timeline, const struct timeline_segment *segment,
                        int64_t n)
{
    double reel_seconds =
        (double)(segment->first_frame + n) * timeline->fps_den / timeline->fps_num;
    return (double)segment->source_us / MICROSECONDS + reel_seconds -
           (double)segment->start_us / MICROSECONDS;
}

double timeline_sound_origin(const struct timeline_segment *segment)
{
    return (double)segment->source_us / MICROSECONDS +
           (double)segment->first_sample / TIMELINE_SAMPLE_RATE -
           (double)segment->start_us / MICROSECONDS;
}

void cadence_init(struct cadence *cadence, double start, double end, double source_fps,
                  double reel_fps)
{
    double fastest = fmax(reel_fps, isfinite(source_fps) ? source_fps : 0);
    double slowest = fmin(reel_fps, isfinite(source_fps) && source_fps > 0 ? source_fps : reel_fps);
    double ratio = fastest / slowest;
    *cadence = (struct cadence){ .keeps_phase = fabs(ratio - round(ratio)) < 0.002 * ratio,
                                 .start = start,
                                 .end = end,
                                 .frame = 1 / fastest,
                                 .output = 1 / reel_fps };
}

bool cadence_is_due(const struct cadence *cadence, double instant, double begin)
{
    double early = early_frames * cadence->frame;
    if (!cadence->anchored_once)
        instant = fmax(instant, cadence->start);
    if (begin > cadence->end + early - cadence->frame)
        return false;
    return begin <= instant + cadence->shift + early;
}

void cadence_anchor(struct cadence *cadence, double instant, double begin)
{
    cadence->anchored_once = true;
    if (!cadence->keeps_phase)
        return;
    double from = fmax(instant, cadence->start);
    // A picture that began long before the cut is a still, or the source is slower than the reel:
    // there is no phase to keep.
    if (fabs(begin - from) > (1 - early_frames) * cadence->frame + 1e-6)
        return;
    cadence->shift = begin - instant;
    // The grid may put the first frame half a frame before the cut; showing the first picture
    // twice there is better than showing all of them a frame early.
    if (cadence->shift > 0.55 * cadence->output)
        cadence->shift -= cadence->output;
}

struct rate {
    int num, den;
};

// What cameras, discs and phones use, ascending.
static const struct rate usual[] = {
    { 10, 1 },       { 12, 1 }, { 25, 2 }, { 15, 1 },       { 20, 1 },
    { 24000, 1001 }, { 24, 1 }, { 25, 1 }, { 30000, 1001 }, { 30, 1 },
    { 48000, 1001 }, { 48, 1 }, { 50, 1 }, { 60000, 1001 }, { 60, 1 },
};
static const double slowest_variable = 24;

static double value(struct rate rate)
{
    return (double)rate.num / rate.den;
}

static bool is_near(double a, double b, double share)
{
    return fabs(a - b) <= share * b;
}

// A whole number or a usual rate, whichever is closer.
static struct rate nearest_rate(double fps)
{
    struct rate best = { (int)fmin(fmax(round(fps), 1), 60), 1 };
    for (size_t i = 0; i < ARRAY_LEN(usual); i++)
        if (fabs(value(usual[i]) - fps) < fabs(value(best) - fps))
            best = usual[i];
    return best;
}

static struct rate next_rate(double fps)
{
    for (size_t i = 0; i < ARRAY_LEN(usual); i++)
        if (value(usual[i]) >= fps * 0.9995)
            return usual[i];
    return usual[ARRAY_LEN(usual) - 1];
}

// Slow motion at 120 or 240 a second is shown at the half or quarter of it.
static double halved(double fps)
{
    while (isfinite(fps) && fps > 60.5)
        fps /= 2;
    return fps;
}

void timeline_rate(double average, double declared, bool is_variable, int *ret_num, int *ret_den)
{
    struct rate rate = { 30, 1 };
    average = halved(average);
    bool has_average = isfinite(average) && average > 0;
    bool has_declared = isfinite(declared) && declared >= 1 && declared <= 60.5 &&
                        is_near(declared, value(nearest_rate(declared)), 0.002);
    // A gap or a doubled time pulls the average off the rate the camera ran at; where the rate
    // varies, the declared one is the grid all times lie on.
    if (has_declared && (!has_average || is_near(average, declared, 0.05) ||
                         (is_variable && declared > average && declared <= 2 * average)))
        rate = nearest_rate(declared);
    else if (has_average && is_variable)
        rate = next_rate(fmax(average, slowest_variable));
    else if (has_average && is_near(average, value(nearest_rate(average)), 0.005))
        rate = nearest_rate(average);
    else if (has_average)
        rate = next_rate(average);
    *ret_num = rate.num;
    *ret_den = rate.den;
}
