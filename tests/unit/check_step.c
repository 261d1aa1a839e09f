// Steps on disk: a result ends a step, attempts count, damage is told, a reset opens again.
#include "spool/step.h"
#include "tests/support/folder.h"
#include <check.h>
#include <sys/stat.h>

static struct folder folder;

static void set_up(void)
{
    folder_make(&folder);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static struct step load(enum stage stage, int index)
{
    struct step step = STEP_INIT;
    struct err err = ERR_INIT;
    ck_assert_msg(step_load(folder.fd, stage, index, &step, &err) == 0, "%s", err.text);
    return step;
}

START_TEST(stages_have_their_names_and_nothing_else_does)
{
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        ck_assert_int_eq(stage_from_name(stage_info[stage].name), stage);
    ck_assert_int_lt(stage_from_name("describe"), 0);
    ck_assert_int_lt(stage_from_name(""), 0);
}
END_TEST

START_TEST(files_are_named_by_stage_and_index)
{
    static const struct {
        enum stage stage;
        int index;
        const char *result, *attempts;
    } rows[] = {
        { STAGE_COMPRESS, 2, "steps/compress.2.json", "steps/compress.2.try.json" },
        { STAGE_FETCH, 0, "steps/fetch.0.json", "steps/fetch.0.try.json" },
        { STAGE_RENDER, STEP_BATCH, "steps/render.json", "steps/render.try.json" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cleanup(free_ptr) char *result = step_result_name(rows[i].stage, rows[i].index);
        cleanup(free_ptr) char *attempts = step_try_name(rows[i].stage, rows[i].index);
        ck_assert_str_eq(result, rows[i].result);
        ck_assert_str_eq(attempts, rows[i].attempts);
    }
}
END_TEST

START_TEST(a_step_without_files_is_open_and_untried)
{
    struct step step = load(STAGE_PROBE, 0);
    ck_assert_int_eq(step.state, STEP_OPEN);
    ck_assert_uint_eq(step.attempts, 0);
    ck_assert_int_eq(step.next_try, 0);
    ck_assert_int_eq(step.error.class, ERR_NONE);
}
END_TEST

START_TEST(a_result_comes_back_as_it_was)
{
    cleanup(step_release) struct step step = { .state = STEP_DONE, .attempts = 2 };
    step.started = 1800000000;
    step.ended = 1800000009;
    step.numbers = json_pack("{s:i}", "frames", 42);
    step.warnings = json_pack("[s]", "the file is cut off");
    ck_assert_int_eq(step_save(folder.fd, STAGE_COMPRESS, 3, &step, NULL), 0);

    cleanup(step_release) struct step back = load(STAGE_COMPRESS, 3);
    ck_assert_int_eq(back.state, STEP_DONE);
    ck_assert_uint_eq(back.attempts, 2);
    ck_assert_int_eq(back.started, 1800000000);
    ck_assert_int_eq(back.ended, 1800000009);
    ck_assert(json_equal(back.numbers, step.numbers));
    ck_assert(json_equal(back.warnings, step.warnings));
    cleanup(step_release) struct step other = load(STAGE_COMPRESS, 2);
    ck_assert_int_eq(other.state, STEP_OPEN);
}
END_TEST

START_TEST(a_failure_keeps_its_words_and_class)
{
    struct step step = { .state = STEP_FAILED, .attempts = 1 };
    err_set(&step.error, ERR_INPUT, "not_a_video", "clip.mp4: is not a video");
    err_hint(&step.error, "look at it in a player");
    ck_assert_int_eq(step_save(folder.fd, STAGE_PROBE, 0, &step, NULL), 0);

    struct step back = load(STAGE_PROBE, 0);
    ck_assert_int_eq(back.state, STEP_FAILED);
    ck_assert_int_eq(back.error.class, ERR_INPUT);
    ck_assert_int_eq(back.error.code, step.error.code);
    ck_assert_str_eq(back.error.id, "not_a_video");
    ck_assert_str_eq(back.error.text, "clip.mp4: is not a video");
    ck_assert_str_eq(back.error.hint, "look at it in a player");

    cleanup(json_free) json_t *shown = step_error_json(STAGE_PROBE, &back);
    cleanup(json_free) json_t *expected =
        json_pack("{s:s, s:s, s:s, s:s, s:i}", "code", "not_a_video", "stage", "probe", "message",
                  "clip.mp4: is not a video", "hint", "look at it in a player", "attempts", 1);
    ck_assert(json_equal(shown, expected));
}
END_TEST

START_TEST(attempts_survive_and_never_end_a_step)
{
    struct step step = { .state = STEP_FAILED, .attempts = 3, .started = 5, .next_try = 77 };
    err_set(&step.error, ERR_SERVICE, "away", "the service is away");
    ck_assert_int_eq(step_save_try(folder.fd, STAGE_FETCH, 1, &step, NULL), 0);
    struct step back = load(STAGE_FETCH, 1);
    ck_assert_int_eq(back.state, STEP_OPEN);
    ck_assert_uint_eq(back.attempts, 3);
    ck_assert_int_eq(back.started, 5);
    ck_assert_int_eq(back.next_try, 77);
    ck_assert_int_eq(back.error.class, ERR_SERVICE);

    step.state = STEP_DONE;
    step.error = (struct err)ERR_INIT;
    ck_assert_int_eq(step_save(folder.fd, STAGE_FETCH, 1, &step, NULL), 0);
    ck_assert_int_eq(load(STAGE_FETCH, 1).state, STEP_DONE);
}
END_TEST

START_TEST(a_forged_attempt_file_does_not_end_a_step)
{
    ck_assert_int_eq(mkdirat(folder.fd, "steps", 0700), 0);
    folder_put(&folder, "steps/plan.try.json", "{\"status\":\"done\",\"attempts\":1}");
    ck_assert_int_eq(load(STAGE_PLAN, STEP_BATCH).state, STEP_OPEN);
}
END_TEST

START_TEST(a_reset_step_is_open_and_untried)
{
    struct step step = { .state = STEP_FAILED, .attempts = 2 };
    err_set(&step.error, ERR_BUG, "crashed", "killed by SIGSEGV");
    ck_assert_int_eq(step_save_try(folder.fd, STAGE_RENDER, STEP_BATCH, &step, NULL), 0);
    ck_assert_int_eq(step_save(folder.fd, STAGE_RENDER, STEP_BATCH, &step, NULL), 0);
    ck_assert_int_eq(step_reset(folder.fd, STAGE_RENDER, STEP_BATCH, NULL), 0);
    step = load(STAGE_RENDER, STEP_BATCH);
    ck_assert_int_eq(step.state, STEP_OPEN);
    ck_assert_uint_eq(step.attempts, 0);
    cleanup(free_ptr) char *names = folder_names(&folder, "steps");
    ck_assert_str_eq(names, "");
    ck_assert_int_eq(step_reset(folder.fd, STAGE_RENDER, STEP_BATCH, NULL), 0);
}
END_TEST

static const char *const damaged[] = {
    "",
    "[]",
    "{",
    "{}",
    "{\"status\":\"finished\"}",
    "{\"status\":\"done\",\"attempts\":-1}",
    "{\"status\":\"done\",\"attempts\":\"1\"}",
    "{\"status\":\"done\",\"started\":1e300}",
    "{\"status\":\"failed\",\"error\":7}",
    "{\"status\":\"failed\",\"error\":null}",
    "{\"status\":\"failed\",\"error\":{}}",
    "{\"status\":\"failed\",\"error\":{\"class\":\"none\"}}",
    "{\"status\":\"failed\",\"error\":{\"class\":\"input\",\"code\":5}}",
    "{\"status\":\"failed\",\"error\":{\"class\":\"input\",\"text\":[]}}",
};

START_TEST(a_damaged_file_is_told_and_no_step)
{
    struct step step = STEP_INIT;
    struct err err = ERR_INIT;
    ck_assert_int_eq(mkdirat(folder.fd, "steps", 0700), 0);
    folder_put(&folder, "steps/probe.0.json", damaged[_i]);
    ck_assert_msg(step_load(folder.fd, STAGE_PROBE, 0, &step, &err) < 0, "%s", damaged[_i]);
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "probe.0.json"));
}
END_TEST

START_TEST(an_error_longer_than_its_place_is_cut)
{
    cleanup(free_ptr) char *text = xcalloc(4001, 1);
    memset(text, 'x', 4000);
    cleanup(json_free) json_t *json =
        json_pack("{s:s, s:s, s:s}", "class", "io", "text", text, "hint", text);
    struct err error;
    ck_assert_int_eq(step_error_from_json(json, &error), 0);
    ck_assert_uint_eq(strlen(error.text), sizeof error.text - 1);
    ck_assert_uint_eq(strlen(error.hint), sizeof error.hint - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("step");
    TCase *tcase = tcase_create("step");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, stages_have_their_names_and_nothing_else_does);
    tcase_add_test(tcase, files_are_named_by_stage_and_index);
    tcase_add_test(tcase, a_step_without_files_is_open_and_untried);
    tcase_add_test(tcase, a_result_comes_back_as_it_was);
    tcase_add_test(tcase, a_failure_keeps_its_words_and_class);
    tcase_add_test(tcase, attempts_survive_and_never_end_a_step);
    tcase_add_test(tcase, a_forged_attempt_file_does_not_end_a_step);
    tcase_add_test(tcase, a_reset_step_is_open_and_untried);
    tcase_add_loop_test(tcase, a_damaged_file_is_told_and_no_step, 0, (int)ARRAY_LEN(damaged));
    tcase_add_test(tcase, an_error_longer_than_its_place_is_cut);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
