// The reel's clock and the choice of pictures, as tables.
#include "media/timeline.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

START_TEST(segments_follow_each_other_without_gap_or_drift)
{
    struct timeline timeline = { .fps_num = 30000, .fps_den = 1001 };
    double planned = 0;
    int64_t frames = 0, samples = 0;
    for (int i = 0; i < 500; i++) {
        struct timeline_segment segment;
        double start = 3.3 * i, end = start + 1.0 + 0.0137 * (i % 17);
        timeline_place(&timeline, start, end, &segment);
        ck_assert_int_eq(segment.first_frame, frames);
        ck_assert_int_eq(segment.first_sample, samples);
        timeline_add(&timeline, &segment);
        frames += segment.frames;
        samples += segment.samples;
        planned += end - start;
    }
    ck_assert_double_le(fabs((double)frames * 1001 / 30000 - planned), 0.5 * 1001 / 30000 + 1e-6);
    ck_assert_double_le(fabs((double)samples / 48000 - (double)frames * 1001 / 30000), 1.0 / 48000);
}
END_TEST

START_TEST(sound_of_a_segment_starts_with_its_first_frame)
{
    struct timeline timeline = { .fps_num = 24, .fps_den = 1 };
    struct timeline_segment segment;
    timeline_place(&timeline, 0, 1.0 / 3, &segment);
    timeline_add(&timeline, &segment);
    timeline_place(&timeline, 10, 12, &segment);
    ck_assert_double_eq_tol(timeline_sound_origin(&segment),
                            timeline_instant(&timeline, &segment, 0), 1e-6);
    ck_assert_double_le(fabs(timeline_sound_origin(&segment) - 10), 0.5 / 24 + 1e-6);
}
END_TEST

// ---- which pictures a segment shows

struct material {
    const char *name;
    double source_fps, reel_fps;
    double rounding;   // times in the source are multiples of this
    double before;     // seconds in the reel before the segment
    double first;      // picture at which the cut is laid ...
    double length;     // ... and its length in pictures
    double cut_error;  // seconds by which start and end were rounded
    int doubled, lost; // allowed within the segment
};

static const struct material materials[] = {
    { "same rate", 30, 30, 0, 0, 100, 60, 0, 0, 0 },
    { "times of 1 ms", 30, 30, 0.001, 0, 100, 60, 0, 0, 0 },
    { "times of 1 ms, cut rounded down", 30, 30, 0.001, 0, 101, 60, -0.0005, 0, 0 },
    { "times of 1 ms, cut rounded up", 30, 30, 0.001, 0, 101, 60, 0.0005, 0, 0 },
    { "ntsc, times of 1 ms", 29.97002997, 29.97002997, 0.001, 0, 997, 300, 0, 0, 0 },
    { "a third of a frame off the grid", 30, 30, 0.001, 1.0 / 90, 100, 60, 0, 0, 0 },
    { "half a frame off the grid", 30, 30, 0.001, 1.0 / 60, 100, 60, 0, 0, 0 },
    { "nearly a frame off the grid", 30, 30, 0.001, 0.9 / 30, 100, 60, 0, 0, 0 },
    { "24 at 60", 24, 60, 0.001, 0, 50, 48, 0, -1, 0 },
    { "25 at 30", 25, 30, 0.001, 0, 50, 100, 0, 20, 0 },
    { "24 at 23.976", 24, 23.976023976, 0, 0, 0, 240, 0, 1, 1 },
    { "60 at 30", 60, 30, 0.001, 0, 31, 120, 0, 0, 60 },
    { "60 at 24", 60, 24, 0, 0, 31, 120, 0, 0, 72 },
    { "a picture a second", 1, 30, 0, 0, 3, 4, 0, -1, 0 },
};

static double picture_time(const struct material *m, int64_t i)
{
    double time = (double)i / m->source_fps;
    return m->rounding > 0 ? round(time / m->rounding) * m->rounding : time;
}

struct shown {
    int64_t first, last;
    int frames, doubled, lost;
};

static struct shown show(const struct material *m)
{
    struct timeline timeline = { .fps_num = (int)lround(m->reel_fps * 1001),
                                 .fps_den = 1001,
                                 .end_us = llround(m->before * 1e6) };
    double start = m->first / m->source_fps + m->cut_error;
    double end = (m->first + m->length) / m->source_fps + m->cut_error;
    struct timeline_segment segment;
    struct cadence cadence;
    timeline_place(&timeline, start, end, &segment);
    cadence_init(&cadence, start, end, m->source_fps, m->reel_fps);
    struct shown shown = { .first = -1, .frames = (int)segment.frames };
    int64_t at = (int64_t)m->first - 20 > 0 ? (int64_t)m->first - 20 : 0;
    for (int64_t n = 0; n < segment.frames; n++) {
        double instant = timeline_instant(&timeline, &segment, n);
        int64_t before = at;
        while (cadence_is_due(&cadence, instant, picture_time(m, at + 1)))
            at++;
        if (n == 0) {
            cadence_anchor(&cadence, instant, picture_time(m, at));
            shown.first = at;
        } else if (at == before) {
            shown.doubled++;
        } else {
            shown.lost += (int)(at - before) - 1;
        }
    }
    shown.last = at;
    return shown;
}

START_TEST(pictures_are_shown_once_where_rates_agree_and_evenly_where_not)
{
    const struct material *m = &materials[_i];
    struct shown shown = show(m);
    ck_assert_msg(shown.first == (int64_t)m->first, "%s: first picture %d", m->name,
                  (int)shown.first);
    ck_assert_msg(shown.last < (int64_t)(m->first + m->length), "%s: last picture %d", m->name,
                  (int)shown.last);
    ck_assert_msg(m->doubled < 0 || shown.doubled <= m->doubled, "%s: %d doubled", m->name,
                  shown.doubled);
    ck_assert_msg(shown.lost <= m->lost, "%s: %d lost", m->name, shown.lost);
}
END_TEST

START_TEST(touching_segments_share_no_picture_and_lose_none)
{
    // Cuts at every phase within a picture, but the one where rounding decides which it is.
    for (int phase = 0; phase < 100; phase++) {
        if (phase == 55)
            continue;
        struct material left = { "left", 30, 30, 0.001, 0, 10 + phase / 100.0, 30, 0, 0, 0 };
        struct material right = left;
        right.first += 30;
        right.before = 1;
        struct shown a = show(&left), b = show(&right);
        ck_assert_msg(b.first == a.last + 1, "phase %d: %d then %d", phase, (int)a.last,
                      (int)b.first);
        ck_assert_int_eq(a.doubled + a.lost + b.doubled + b.lost, 0);
    }
}
END_TEST

// ---- rates

static const struct {
    double average, declared;
    bool is_variable;
    int num, den;
} rates[] = {
    { 30, 30, false, 30, 1 },
    { 29.97, 29.97, false, 30000, 1001 },
    { 23.966, 24, false, 24, 1 },
    { 29.923, 30, false, 30, 1 },
    { 23.976, 0, false, 24000, 1001 },
    { 27.019, 30.01, true, 30, 1 },
    { 10.505, 90000, true, 24, 1 },
    { 16.725, 25, true, 25, 1 },
    { 28.787, 29.97, true, 30000, 1001 },
    { 8, 8, false, 8, 1 },
    { 12.5, 12.5, false, 25, 2 },
    { 119.88, 119.88, false, 60000, 1001 },
    { 240, 240, false, 60, 1 },
    { 59.94, 59.94, false, 60000, 1001 },
    { 0, 0, false, 30, 1 },
    { NAN, 25, false, 25, 1 },
    { 0.2, 0, false, 10, 1 },
    { 37.3, 0, false, 48000, 1001 },
};

START_TEST(rates_become_one_in_common_use)
{
    int num = 0, den = 0;
    timeline_rate(rates[_i].average, rates[_i].declared, rates[_i].is_variable, &num, &den);
    ck_assert_msg(num == rates[_i].num && den == rates[_i].den, "%g (%g): %d/%d", rates[_i].average,
                  rates[_i].declared, num, den);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("timeline");
    TCase *clock = tcase_create("clock"), *pictures = tcase_create("pictures"),
          *rate = tcase_create("rates");
    tcase_add_test(clock, segments_follow_each_other_without_gap_or_drift);
    tcase_add_test(clock, sound_of_a_segment_starts_with_its_first_frame);
    tcase_add_loop_test(pictures, pictures_are_shown_once_where_rates_agree_and_evenly_where_not, 0,
                        ARRAY_LEN(materials));
    tcase_add_test(pictures, touching_segments_share_no_picture_and_lose_none);
    tcase_add_loop_test(rate, rates_become_one_in_common_use, 0, ARRAY_LEN(rates));
    suite_add_tcase(suite, clock);
    suite_add_tcase(suite, pictures);
    suite_add_tcase(suite, rate);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
