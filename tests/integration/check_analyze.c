// The stages analyze and plan as programs, on a batch directory made by hand.
#include "highlight/local.h"
#include "spool/batch.h"
#include "spool/plan.h"
#include "spool/probe.h"
#include "spool/step.h"
#include "tests/support/folder.h"
#include "tests/support/invented.h"
#include "tests/support/program.h"
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sysexits.h>

enum { SOURCES = 3 };

static struct folder folder;
static const double key_phase = 0.013;

static void make_source(int index, double seconds)
{
    struct err err = ERR_INIT;
    cleanup(close_fd) int sourcedir = batch_open_source(folder.fd, index, &err);
    ck_assert_msg(sourcedir >= 0, "%s", err.text);
    struct probe probe = PROBE_INIT;
    probe.duration = seconds;
    probe.fps_num = 25;
    probe.fps_den = probe.sar_num = probe.sar_den = 1;
    probe.width = probe.coded_width = 320;
    probe.height = probe.coded_height = 240;
    probe.bit_depth = 8;
    probe.frames = (int64_t)(25 * seconds);
    (void)snprintf(probe.container, sizeof probe.container, "mov");
    (void)snprintf(probe.codec, sizeof probe.codec, "h264");
    (void)snprintf(probe.pixel_format, sizeof probe.pixel_format, "yuv420p");
    probe.video_stream = 0;
    probe.key_frame_count = (size_t)seconds; // one a second, between measured pictures
    probe.key_frames = xcalloc(probe.key_frame_count, sizeof *probe.key_frames);
    for (size_t i = 0; i < probe.key_frame_count; i++)
        probe.key_frames[i] = (double)i + key_phase;
    ck_assert_msg(probe_save(sourcedir, &probe, &err) == 0, "%s", err.text);
    probe_release(&probe);
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    struct invented invented = { .seed = (uint64_t)index, .seconds = seconds, .shot_seconds = 4 };
    invent_signals(&invented, &signals, NULL, NULL);
    ck_assert_msg(signals_save(sourcedir, &signals, &err) == 0, "%s", err.text);
}

static void make_batch(const char *job_text)
{
    struct err err = ERR_INIT;
    cleanup(config_report_release) struct config_report report = CONFIG_REPORT_INIT;
    struct batch batch = BATCH_INIT;
    folder_make(&folder);
    ck_assert_msg(job_parse("job.conf", job_text, &batch.job, &report) == 0, "%s", report.text);
    batch.id = xstrdup("20261122T041500Z-trip-3f2a");
    batch.name = xstrdup("trip");
    batch.outbox = xstrdup("trip");
    batch.sources = xcalloc(SOURCES, sizeof *batch.sources);
    batch.source_count = SOURCES;
    for (size_t i = 0; i < SOURCES; i++)
        batch.sources[i].file = xasprintf("%zu.mp4", i);
    ck_assert_msg(batch_save(folder.fd, &batch, &err) == 0, "%s", err.text);
    batch_release(&batch);
    for (int i = 0; i < SOURCES; i++)
        make_source(i, 40);
}

static int run_stage(const char *stage, const char *index, char **ret_output)
{
    cleanup(free_ptr) char *name = xasprintf("libexec/clipspool/%s", stage);
    cleanup(free_ptr) char *path = program_built(name);
    return PROGRAM_RUN(ret_output, path, folder.path, index);
}

static void analyze_all(void)
{
    static const char *const indexes[SOURCES] = { "0", "1", "2" };
    for (size_t i = 0; i < SOURCES; i++) {
        cleanup(free_ptr) char *output = NULL;
        int status = run_stage("analyze", indexes[i], &output);
        ck_assert_msg(status == EX_OK, "%d: %s", status, output);
    }
}

static struct plan run_plan(void)
{
    struct plan plan = PLAN_INIT;
    cleanup(free_ptr) char *output = NULL;
    int status = run_stage("plan", NULL, &output);
    ck_assert_msg(status == EX_OK, "%d: %s", status, output);
    ck_assert_int_eq(plan_load(folder.fd, &plan, NULL), 0);
    return plan;
}

static json_t *numbers_of(enum stage stage, int index)
{
    cleanup(step_release) struct step step = STEP_INIT;
    ck_assert_int_eq(step_load(folder.fd, stage, index, &step, NULL), 0);
    ck_assert_int_eq(step.state, STEP_DONE);
    return json_incref(step.numbers);
}

START_TEST(a_batch_is_analysed_and_planned)
{
    make_batch("strategy = \"every-source\";");
    analyze_all();
    cleanup(json_free) json_t *analysed = numbers_of(STAGE_ANALYZE, 1);
    ck_assert_int_gt(json_int(analysed, "shots", 0, 1000, 0, NULL), 1);
    ck_assert_int_gt(json_int(analysed, "scenes", 0, 1000, 0, NULL), 0);
    ck_assert_int_ge(json_int(analysed, "moments", 0, 1000, -1, NULL), 0);

    cleanup(plan_release) struct plan plan = run_plan();
    ck_assert_str_eq(plan.provider, "local");
    ck_assert_str_eq(plan.strategy, "every-source");
    ck_assert_double_eq_tol(plan_total(&plan), 24, 2.4); // 20 % of 120 s
    bool seen[SOURCES] = { false };
    for (size_t i = 0; i < plan.segment_count; i++)
        seen[plan.segments[i].video_index] = true;
    ck_assert(seen[0] && seen[1] && seen[2]);

    cleanup(json_free) json_t *numbers = numbers_of(STAGE_PLAN, STEP_BATCH);
    ck_assert_int_eq(json_int(numbers, "segments", 0, 1000, 0, NULL), (int64_t)plan.segment_count);
    cleanup(json_free) json_t *all = NULL;
    ck_assert_int_eq(json_read(folder.fd, BATCH_ANALYSIS, 1 << 20, &all, NULL), 0);
    ck_assert_uint_eq(json_array_size(json_object_get(all, "sources")), SOURCES);
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
    make_batch(reaches[_i].job);
    analyze_all();
    folder_put(&folder, "clipspool.conf", reaches[_i].config ? reaches[_i].config : "");
    cleanup(free_ptr) char *config = xasprintf("%s/clipspool.conf", folder.path);
    cleanup(free_ptr) char *path = program_built("libexec/clipspool/plan");
    cleanup(free_ptr) char *output = NULL;
    int status = PROGRAM_RUN(&output, path, "--config", config, folder.path);
    ck_assert_msg(status == EX_OK, "%d: %s", status, output);
    cleanup(json_free) json_t *plan = NULL;
    ck_assert_int_eq(json_read(folder.fd, BATCH_PLAN, 1 << 20, &plan, NULL), 0);
    const json_t *segments = json_object_get(plan, "segments");
    size_t on_key = 0, count = json_array_size(segments);
    for (size_t i = 0; i < count; i++) {
        const json_t *segment = json_array_get(segments, i);
        bool said = strstr(json_text(segment, "start_on", "", NULL), "key") != NULL;
        double start = json_number(segment, "start", 0, 100, -1, NULL);
        // What is said is so, to the microsecond.
        ck_assert(said == (fabs(fmod(start, 1) - key_phase) < 2e-6));
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
    make_batch(NULL);
    analyze_all();
    cleanup(plan_release) struct plan plan = run_plan();
    cleanup(free_ptr) char *first = folder_get(&folder, BATCH_PLAN);
    ck_assert_int_eq(step_reset(folder.fd, STAGE_PLAN, STEP_BATCH, NULL), 0);
    ck_assert_int_eq(step_reset(folder.fd, STAGE_ANALYZE, 0, NULL), 0);
    cleanup(free_ptr) char *output = NULL;
    ck_assert_int_eq(run_stage("analyze", "0", &output), EX_OK);
    cleanup(plan_release) struct plan again = run_plan();
    cleanup(free_ptr) char *second = folder_get(&folder, BATCH_PLAN);
    ck_assert_str_eq(first, second);
    folder_remove(&folder);
}
END_TEST

START_TEST(a_source_that_failed_is_left_out)
{
    make_batch(NULL);
    analyze_all();
    ck_assert_int_eq(unlinkat(folder.fd, "1/" SOURCE_ANALYSIS, 0), 0);
    folder_put(&folder, "2/" SOURCE_ANALYSIS, "{\"version\": 1, damaged");
    cleanup(plan_release) struct plan plan = run_plan();
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
    make_batch(NULL);
    cleanup(free_ptr) char *output = NULL;
    ck_assert_int_eq(run_stage("plan", NULL, &output), EX_DATAERR);
    ck_assert_msg(strstr(output, "none of the 3 videos can be used"), "%s", output);
    ck_assert_int_eq(faccessat(folder.fd, BATCH_PLAN, F_OK, 0), -1);
    folder_remove(&folder);
}
END_TEST

START_TEST(a_prompt_that_nobody_read_is_said_to_be_unused)
{
    make_batch("prompt = \"only the goals\";");
    analyze_all();
    cleanup(plan_release) struct plan plan = run_plan();
    ck_assert_uint_eq(json_array_size(plan.notes), 1);
    folder_remove(&folder);
}
END_TEST

START_TEST(an_analysis_of_a_model_without_shots_is_planned_too)
{
    make_batch(NULL);
    analyze_all();
    folder_put(&folder, "1/" SOURCE_ANALYSIS,
               "{\"version\": 1, \"provider\": \"x\", \"summary\": \"y\", \"tags\": [], \"shots\": "
               "[], \"scenes\": [], \"moments\": [{\"start\": 5, \"end\": 9, \"score\": 1}]}");
    cleanup(plan_release) struct plan plan = run_plan();
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
