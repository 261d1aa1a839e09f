// Hard cuts in invented signals.  How well they are found in real ones: tests/bench/bench_cuts.c.
#include "highlight/shots.h"
#include "tests/support/invented.h"
#include <check.h>
#include <math.h>

static void expect_cuts(const struct signals *signals, const double *cuts, size_t count,
                        const char *name)
{
    cleanup(free_ptr) struct analysis_span *shots = NULL;
    size_t shot_count = 0;
    ck_assert_int_eq(shots_find(signals, &shots, &shot_count), 0);
    ck_assert_msg(shot_count == count + 1, "%s: %zu shots, %zu cuts", name, shot_count, count);
    ck_assert_double_eq(shots[0].start, 0);
    ck_assert_double_eq(shots[shot_count - 1].end, signals->duration);
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(fabs(shots[i + 1].start - cuts[i]) < 1e-6, "%s: cut at %f, wanted %f", name,
                      shots[i + 1].start, cuts[i]);
        ck_assert_double_eq(shots[i].end, shots[i + 1].start);
    }
}

// Shots down to 0.4 s, still and shaken ones side by side: one in fifty may be missed, and hardly
// any invented.
START_TEST(cuts_are_found_whatever_the_camera_does)
{
    size_t wanted = 0, found = 0, right = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        cleanup(signals_release) struct signals signals = SIGNALS_INIT;
        cleanup(free_ptr) double *cuts = NULL;
        cleanup(free_ptr) struct analysis_span *shots = NULL;
        size_t count = 0, shot_count = 0;
        struct invented invented = {
            .seed = seed, .seconds = 60, .shot_seconds = 3, .fps = seed % 2 ? 25 : 59.94
        };
        invent_signals(&invented, &signals, &cuts, &count);
        shots_find(&signals, &shots, &shot_count);
        wanted += count;
        found += shot_count - 1;
        for (size_t i = 1; i < shot_count; i++)
            for (size_t j = 0; j < count; j++)
                right += fabs(shots[i].start - cuts[j]) < 1e-6;
    }
    ck_assert_msg((double)right >= 0.98 * (double)wanted, "%zu of %zu", right, wanted);
    ck_assert_msg((double)right >= 0.99 * (double)found, "%zu of %zu", right, found);
}
END_TEST

// A still scene of 10 s at 25 pictures a second, changed at one place.
static const struct {
    const char *name;
    struct {
        size_t frame;
        float cut;
    } peaks[6];
    bool other_picture; // from 5 s on
    double cuts[2];
    size_t count;
} rows[] = {
    { "nothing", { { 0, 0 } }, false, { 0 }, 0 },
    { "a cut", { { 125, 0.7f } }, true, { 5 }, 1 },
    { "a cut between like pictures", { { 125, 0.5f } }, false, { 5 }, 1 },
    { "below the floor", { { 125, 0.15f } }, false, { 0 }, 0 },
    { "a flash of one picture", { { 125, 0.8f }, { 126, 0.8f } }, false, { 0 }, 0 },
    { "a flash of two pictures", { { 125, 0.8f }, { 127, 0.8f } }, false, { 0 }, 0 },
    { "a flash at a cut", { { 125, 0.9f }, { 126, 0.8f } }, true, { 5 }, 1 },
    { "two cuts", { { 125, 0.7f }, { 150, 0.7f } }, true, { 5, 6 }, 2 },
    { "a cut too near the start", { { 4, 0.9f } }, false, { 0 }, 0 },
    { "a cut too near the end", { { 246, 0.9f } }, false, { 0 }, 0 },
    { "a shot of 0.2 s is none", { { 125, 0.9f }, { 130, 0.6f } }, true, { 5 }, 1 },
};

START_TEST(a_peak_is_a_cut_or_not)
{
    struct invented still = { .seconds = 10, .flat = true };
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    invent_signals(&still, &signals, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows[_i].peaks); i++)
        if (rows[_i].peaks[i].frame)
            signals.frames[rows[_i].peaks[i].frame].cut = rows[_i].peaks[i].cut;
    for (size_t i = 20; rows[_i].other_picture && i < signals.likeness_count; i++) {
        memset(signals.likeness[i], 0, sizeof signals.likeness[i]);
        signals.likeness[i][31] = 255;
    }
    expect_cuts(&signals, rows[_i].cuts, rows[_i].count, rows[_i].name);
}
END_TEST

START_TEST(a_shaken_camera_has_no_cuts)
{
    struct invented still = { .seconds = 10, .flat = true };
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    invent_signals(&still, &signals, NULL, NULL);
    uint64_t state = 5;
    for (size_t i = 1; i < signals.frame_count; i++)
        signals.frames[i].cut = (float)invent_number(&state, 0.1, 0.45);
    expect_cuts(&signals, NULL, 0, "shaken");
}
END_TEST

START_TEST(a_source_without_pictures_is_one_shot)
{
    struct signals signals = { .duration = 3 };
    expect_cuts(&signals, NULL, 0, "empty");
}
END_TEST

START_TEST(no_more_shots_than_an_analysis_may_have)
{
    struct invented fast = { .seconds = 1200, .flat = true };
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    invent_signals(&fast, &signals, NULL, NULL);
    for (size_t i = 10; i < signals.frame_count; i += 10)
        signals.frames[i].cut = 0.9f;
    cleanup(free_ptr) struct analysis_span *shots = NULL;
    size_t count = 0;
    shots_find(&signals, &shots, &count);
    ck_assert_uint_eq(count, ANALYSIS_MAX_ITEMS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shots");
    TCase *tcase = tcase_create("shots");
    tcase_add_test(tcase, cuts_are_found_whatever_the_camera_does);
    tcase_add_loop_test(tcase, a_peak_is_a_cut_or_not, 0, (int)ARRAY_LEN(rows));
    tcase_add_test(tcase, a_shaken_camera_has_no_cuts);
    tcase_add_test(tcase, a_source_without_pictures_is_one_shot);
    tcase_add_test(tcase, no_more_shots_than_an_analysis_may_have);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
