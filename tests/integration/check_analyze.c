// The stages analyze and plan as programs, on a batch directory made by hand.
#include "spool/analysis.h"
#include "spool/batch.h"
#include "tests/support/analysed_batch.h"
#include <check.h>
#include <errno.h>
#include <math.h>
#include <sysexits.h>

static struct folder folder;

static json_t *numbers_of(enum stage stage, int index)
{
    cleanup(step_release) struct step step = STEP_INIT;
    ck_assert_int_eq(step_load(folder.fd, stage, index, &step, NULL), 0);
    ck_assert_int_eq(step.state, STEP_DONE);
    return json_incref(step.numbers);
}

START_TEST(a_batch_is_analysed_and_planned)
{
    analysed_batch_make(&folder, "strategy = \"every-source\";", MODEL_LOCAL);
    analysed_batch_analyze(&folder);
    cleanup(json_free) json_t *analysed = numbers_of(STAGE_ANALYZE, 1);
    ck_assert_int_gt(json_int(analysed, "shots", 0, 1000, 0, NULL), 1);
    ck_assert_int_gt(json_int(analysed, "scenes", 0, 1000, 0, NULL), 0);
    ck_assert_int_ge(json_int(analysed, "moments", 0, 1000, -1, NULL), 0);

    cleanup(plan_release) struct plan plan = analysed_batch_plan(&folder, NULL);
    ck_assert_str_eq(plan.provider, "local");
    ck_assert_ptr_null(plan.degraded);
    ck_assert_str_eq(plan.strategy, "every-source");
    ck_assert_double_eq_tol(plan_total(&plan), 24, 2.4); // 20 % of 120 s
    bool seen[ANALYSED_SOURCES] = { false };
    for (size_t i = 0; i < plan.segment_count; i++)
        seen[plan.segments[i].video_index] = true;
    ck_assert(seen[0] && seen[1] && seen[2]);

    cleanup(json_free) json_t *numbers = numbers_of(STAGE_PLAN, STEP_BATCH);
    ck_assert_int_eq(json_int(numbers, "segments", 0, 1000, 0, NULL), (int64_t)plan.segment_count);
    cleanup(json_free) json_t *all = NULL;
    ck_assert_int_eq(json_read(folder.fd, BATCH_ANALYSIS, 1 << 20, &all, NULL), 0);
    ck_assert_uint_eq(json_array_size(json_object_get(all, "sources")), ANALYSED_SOURCES);
    folder_remove(&folder);
}
END_TEST

static const struct {
    const char *name, *job, *config;
    bool keyed;
} reaches[] = {
    { "by default", NULL, NULL, true },
    { "exact in job.conf", "exact = true;", NULL, false },
    { "exact in clipspool.conf", NULL, "plan = { exact = true; };", false },
    { "no reach in job.conf", "snap_seconds = 0;", "plan = { snap_seconds = 1; };", false },
    { "no reach in clipspool.conf", NULL, "plan = { snap_seconds = 0; };", false },
    { "reach in job.conf", "snap_seconds = 0.6;", "plan = { snap_seconds = 0; };", true },
};

START_TEST(segments_start_on_key_frames_unless_that_is_not_wished)
{
    analysed_batch_make(&folder, reaches[_i].job, MODEL_LOCAL);
    analysed_batch_analyze(&folder);
    folder_put(&folder, "clipspool.conf", reaches[_i].config ? reaches[_i].config : "");
    cleanup(free_ptr) char *config = xasprintf("%s/clipspool.conf", folder.path);
    cleanup(plan_release) struct plan made = analysed_batch_plan(&folder, config);
    cleanup(json_free) json_t *plan = NULL;
    ck_assert_int_eq(json_read(folder.fd, BATCH_PLAN, 1 << 20, &plan, NULL), 0);
    const json_t *segments = json_object_get(plan, "segments");
    size_t on_key = 0, count = json_array_size(segments);
    for (size_t i = 0; i < count; i++) {
        const json_t *segment = json_array_get(segments, i);
        bool said = strstr(json_text(segment, "start_on", "", NULL), "key") != NULL;
        double start = json_number(segment, "start", 0, 100, -1, NULL);
        // What is said is so, to the microsecond.
        ck_assert(said == (fabs(fmod(start, 1) - analysed_key_phase) < 2e-6));
        on_key += said;
    }
    ck_assert_uint_gt(count, 2);
    ck_assert_msg(reaches[_i].keyed ? on_key * 2 >= count : on_key == 0, "%s: %zu of %zu",
                  reaches[_i].name, on_key, count);
    folder_remove(&folder);
}
END_TEST

START_TEST(done_twice_the_files_are_the_same)
{
    analysed_batch_make(&folder, NULL, MODEL_LOCAL);
    analysed_batch_analyze(&folder);
    cleanup(plan_release) struct plan plan = analysed_batch_plan(&folder, NULL);
    cleanup(free_ptr) char *first = folder_get(&folder, BATCH_PLAN);
    ck_assert_int_eq(step_reset(folder.fd, STAGE_PLAN, STEP_BATCH, NULL), 0);
    ck_assert_int_eq(step_reset(folder.fd, STAGE_ANALYZE, 0, NULL), 0);
    cleanup(free_ptr) char *output = NULL;
    ck_assert_int_eq(analysed_batch_run(&folder, "analyze", "0", NULL, &output), EX_OK);
    cleanup(plan_release) struct plan again = analysed_batch_plan(&folder, NULL);
    cleanup(free_ptr) char *second = folder_get(&folder, BATCH_PLAN);
    ck_assert_str_eq(first, second);
    folder_remove(&folder);
}
END_TEST

START_TEST(a_source_that_failed_is_left_out)
{
    analysed_batch_make(&folder, NULL, MODEL_LOCAL);
    analysed_batch_analyze(&folder);
    ck_assert_int_eq(unlinkat(folder.fd, "1/" SOURCE_ANALYSIS, 0), 0);
    folder_put(&folder, "2/" SOURCE_ANALYSIS, "{\"version\": 1, damaged");
    cleanup(plan_release) struct plan plan = analysed_batch_plan(&folder, NULL);
    for (size_t i = 0; i < plan.segment_count; i++)
        ck_assert_int_eq(plan.segments[i].video_index, 0);
    cleanup(step_release) struct step step = STEP_INIT;
    ck_assert_int_eq(step_load(folder.fd, STAGE_PLAN, STEP_BATCH, &step, NULL), 0);
    ck_assert_uint_eq(json_array_size(step.warnings), 1); // the damaged one, not the missing one
    folder_remove(&folder);
}
END_TEST

START_TEST(nothing_to_cut_is_a_failure_in_words)
{
    analysed_batch_make(&folder, NULL, MODEL_LOCAL);
    cleanup(free_ptr) char *output = NULL;
    ck_assert_int_eq(analysed_batch_run(&folder, "plan", NULL, NULL, &output), EX_DATAERR);
    ck_assert_msg(strstr(output, "none of the 3 videos can be used"), "%s", output);
    ck_assert_int_eq(faccessat(folder.fd, BATCH_PLAN, F_OK, 0), -1);
    folder_remove(&folder);
}
END_TEST

START_TEST(a_prompt_that_nobody_read_is_said_to_be_unused)
{
    analysed_batch_make(&folder, "prompt = \"only the goals\";", MODEL_LOCAL);
    analysed_batch_analyze(&folder);
    cleanup(plan_release) struct plan plan = analysed_batch_plan(&folder, NULL);
    ck_assert_uint_eq(json_array_size(plan.notes), 1);
    folder_remove(&folder);
}
END_TEST

START_TEST(an_analysis_of_a_model_without_shots_is_planned_too)
{
    analysed_batch_make(&folder, NULL, MODEL_LOCAL);
    analysed_batch_analyze(&folder);
    folder_put(&folder, "1/" SOURCE_ANALYSIS,
               "{\"version\": 1, \"provider\": \"x\", \"summary\": \"y\", \"tags\": [], \"shots\": "
               "[], \"scenes\": [], \"moments\": [{\"start\": 5, \"end\": 9, \"score\": 1}]}");
    cleanup(plan_release) struct plan plan = analysed_batch_plan(&folder, NULL);
    ck_assert_uint_gt(plan.segment_count, 0);
    folder_remove(&folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("analyze");
    TCase *tcase = tcase_create("analyze");
    tcase_add_test(tcase, a_batch_is_analysed_and_planned);
    tcase_add_loop_test(tcase, segments_start_on_key_frames_unless_that_is_not_wished, 0,
                        (int)ARRAY_LEN(reaches));
    tcase_add_test(tcase, done_twice_the_files_are_the_same);
    tcase_add_test(tcase, a_source_that_failed_is_left_out);
    tcase_add_test(tcase, nothing_to_cut_is_a_failure_in_words);
    tcase_add_test(tcase, a_prompt_that_nobody_read_is_said_to_be_unused);
    tcase_add_test(tcase, an_analysis_of_a_model_without_shots_is_planned_too);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
