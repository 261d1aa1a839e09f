// How far, how long: from measured rates.
#include "daemon/progress.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

static struct course course;
static struct progress_rates rates;
static const double material[] = { 100, 100 };

static void set_up(void)
{
    course_init(&course, 2, COURSE_ALL_STAGES);
    progress_rates_init(&rates);
}

static void tear_down(void)
{
    course_release(&course);
}

static struct progress_view view(void)
{
    return (struct progress_view){ .course = &course,
                                   .rates = &rates,
                                   .material = material,
                                   .reel_seconds = 40,
                                   .side_by_side = 2,
                                   .now_us = 1000000 };
}

static struct step *step(enum stage stage, int index)
{
    return course_step(&course, (struct course_place){ stage, index });
}

START_TEST(nothing_done_is_0_and_all_done_is_99_until_it_is_over)
{
    struct progress_view now = view();
    ck_assert_double_eq(progress_percent(&now), 0);
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        for (int i = 0; i < 2 && stage_info[stage].per_source; i++)
            step(stage, i)->state = STEP_DONE;
        if (!stage_info[stage].per_source)
            step(stage, STEP_BATCH)->state = STEP_DONE;
    }
    ck_assert_double_eq(progress_percent(&now), 99);
    ck_assert_double_eq(progress_remaining(&now), 0);
}
END_TEST

START_TEST(each_step_that_is_done_moves_it_on)
{
    struct progress_view now = view();
    double last = -1;
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        for (int i = 0; i < (stage_info[stage].per_source ? 2 : 1); i++) {
            double percent = progress_percent(&now);
            ck_assert_double_gt(percent, last);
            last = percent;
            step(stage, stage_info[stage].per_source ? i : STEP_BATCH)->state = STEP_DONE;
        }
    }
}
END_TEST

START_TEST(what_a_running_step_tells_counts)
{
    struct progress_view now = view();
    struct course_mark *mark = course_mark(&course, (struct course_place){ STAGE_COMPRESS, 0 });
    mark->running = true;
    mark->begun_us = now.now_us;
    mark->fraction = 0.25;
    double quarter = progress_percent(&now);
    mark->fraction = 0.75;
    ck_assert_double_eq_tol(progress_percent(&now), 3 * quarter, 1e-6);
}
END_TEST

START_TEST(a_step_that_tells_nothing_moves_on_ever_slower_and_never_ends_by_itself)
{
    struct progress_view now = view();
    struct course_mark *mark = course_mark(&course, (struct course_place){ STAGE_COMPRESS, 0 });
    mark->running = true;
    mark->begun_us = 1000000;
    double last = -1, whole;
    for (int seconds = 0; seconds < 100; seconds += 10) {
        now.now_us = 1000000 + (uint64_t)seconds * 1000000;
        ck_assert_double_gt(progress_percent(&now), last);
        last = progress_percent(&now);
    }
    mark->fraction = 1;
    whole = progress_percent(&now);
    ck_assert_double_lt(last, whole);
}
END_TEST

// Expected is about a minute at most; a machine that others use takes as long as it takes.
START_TEST(a_step_that_is_slower_than_expected_is_believed_as_far_as_it_has_come)
{
    struct progress_view now = view();
    struct course_mark *mark = course_mark(&course, (struct course_place){ STAGE_COMPRESS, 0 });
    now.side_by_side = 1;
    mark->running = true;
    mark->begun_us = 1000000;
    mark->fraction = 0.5;
    now.now_us = mark->begun_us;
    double brisk = progress_remaining(&now); // half was there at once: that is no pace
    now.now_us = mark->begun_us + 3600000000;
    double slow = progress_remaining(&now);
    ck_assert_double_gt(slow, 3600);
    ck_assert_double_lt(slow, 3600 + brisk);
    mark->fraction = 0.02; // too early to tell
    ck_assert_double_lt(progress_remaining(&now), 0.12 * 3600 / 0.02);
    mark->running = false; // cut off: as long as any
    ck_assert_double_lt(progress_remaining(&now), 3600);
    ck_assert_double_ge(progress_remaining(&now), brisk);
}
END_TEST

START_TEST(a_lost_source_is_no_progress)
{
    struct progress_view now = view();
    step(STAGE_FETCH, 0)->state = STEP_FAILED;
    step(STAGE_FETCH, 1)->state = STEP_FAILED;
    ck_assert_double_lt(progress_percent(&now), 1);
}
END_TEST

START_TEST(rates_follow_what_is_measured)
{
    struct progress_view now = view();
    double before = progress_remaining(&now);
    for (int i = 0; i < 20; i++)
        progress_learn(&rates, STAGE_COMPRESS, 100, 200.05); // 2 s a second
    ck_assert_double_eq_tol(rates.rate[STAGE_COMPRESS], 2, 0.01);
    ck_assert_double_gt(progress_remaining(&now), before + 100);
    now.side_by_side = 1;
    ck_assert_double_gt(progress_remaining(&now), 2 * 200);
}
END_TEST

START_TEST(a_download_has_a_rate_of_its_own)
{
    static const bool elsewhere[] = { false, true };
    struct progress_view now = view();
    double local = progress_remaining(&now), disk = rates.rate[STAGE_FETCH];
    now.elsewhere = elsewhere;
    now.side_by_side = 1;
    double before = progress_remaining(&now);
    ck_assert_double_gt(before, local + 20);
    for (int i = 0; i < 20; i++)
        progress_learn_download(&rates, 100, 300.05); // 3 s a second
    ck_assert_double_eq_tol(rates.download, 3, 0.01);
    ck_assert_double_eq(rates.rate[STAGE_FETCH], disk);
    // One of the two only.
    ck_assert_double_eq_tol(progress_remaining(&now), before + 100 * (3 - 0.5), 1);
}
END_TEST

static const double odd[][2] = { { 0, 1 },    { -1, 1 },        { NAN, 1 },
                                 { 10, NAN }, { 10, INFINITY }, { 10, -5 } };

START_TEST(nonsense_teaches_nothing)
{
    double before = rates.rate[STAGE_PROBE];
    progress_learn(&rates, STAGE_PROBE, odd[_i][0], odd[_i][1]);
    ck_assert_double_eq(rates.rate[STAGE_PROBE], before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("progress");
    TCase *tcase = tcase_create("progress");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, nothing_done_is_0_and_all_done_is_99_until_it_is_over);
    tcase_add_test(tcase, each_step_that_is_done_moves_it_on);
    tcase_add_test(tcase, what_a_running_step_tells_counts);
    tcase_add_test(tcase, a_step_that_tells_nothing_moves_on_ever_slower_and_never_ends_by_itself);
    tcase_add_test(tcase, a_step_that_is_slower_than_expected_is_believed_as_far_as_it_has_come);
    tcase_add_test(tcase, a_lost_source_is_no_progress);
    tcase_add_test(tcase, rates_follow_what_is_measured);
    tcase_add_test(tcase, a_download_has_a_rate_of_its_own);
    tcase_add_loop_test(tcase, nonsense_teaches_nothing, 0, ARRAY_LEN(odd));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
