// The stage plan as a program, with a model on loopback that says what it is told to.
#include "spool/batch.h"
#include "spool/transcript.h"
#include "tests/support/analysed_batch.h"
#include "tests/support/chatd.h"
#include <check.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>

static struct folder folder;
static struct chatd chatd;
static char *config; // path

#define IDEA "{\"theme\":\"a day at sea\",\"outline\":[\"waves\"],\"avoid\":[]}"
#define CLIP(video, from, to, priority)                                               \
    "{\"video_index\":" video ",\"start\":" from ",\"end\":" to ",\"reason\":\"up\"," \
    "\"priority\":" priority "}"
#define GOOD                                                                                       \
    "{\"clips\":[" CLIP("2", "10.3", "17.1", "0.9") "," CLIP("0", "20.2", "28.7", "0.8") "," CLIP( \
        "1", "33", "39.9", "0.7") "]}"

static void begin(const char *const *answers, const char *job, const char *more)
{
    analysed_batch_make(&folder, job, MODEL_OPENAI);
    analysed_batch_analyze(&folder);
    chatd_start(&chatd, answers);
    cleanup(free_ptr) char *text = xasprintf(
        "spool = { root = \"%s/spool\"; };\n"
        "openai = { address = \"http://127.0.0.1:%u/v1\"; dialect = \"own\"; text_model = "
        "\"tiny\"; };\n"
        "models = { cache_bytes = 0; patience_seconds = 2; %s };\n",
        chatd.folder.path, chatd.port, more);
    ck_assert_int_eq(mkdirat(chatd.folder.fd, "spool", 0700), 0);
    folder_put(&chatd.folder, "clipspool.conf", text);
    config = xasprintf("%s/clipspool.conf", chatd.folder.path);
}

static void end(void)
{
    chatd_stop(&chatd);
    folder_remove(&folder);
    free(config);
}

static char *notes_of(const struct plan *plan)
{
    char *all = xstrdup("");
    size_t i;
    json_t *note;
    json_array_foreach(plan->notes, i, note)
    {
        cleanup(free_ptr) char *before = all;
        all = xasprintf("%s\n%s", before, json_string_value(note));
    }
    return all;
}

static char *warnings_of(void)
{
    cleanup(step_release) struct step step = STEP_INIT;
    ck_assert_int_eq(step_load(folder.fd, STAGE_PLAN, STEP_BATCH, &step, NULL), 0);
    ck_assert_int_eq(step.state, STEP_DONE);
    return step.warnings ? json_dumps(step.warnings, 0) : xstrdup("");
}

static void expect_sound(const struct plan *plan)
{
    ck_assert_uint_gt(plan->segment_count, 0);
    for (size_t i = 0; i < plan->segment_count; i++) {
        const struct plan_segment *segment = &plan->segments[i];
        ck_assert(segment->start >= 0 && segment->end <= ANALYSED_SECONDS);
        ck_assert_double_ge(segment->end - segment->start, 2 - 1e-3);
    }
}

START_TEST(a_model_makes_the_plan_and_its_cuts_are_moved_to_good_points)
{
    begin((const char *const[]){ IDEA, "Sure!\n```json\n" GOOD "\n```", NULL },
          "prompt = \"only the sea\"; target_duration = 24;", "");
    cleanup(plan_release) struct plan plan = analysed_batch_plan(&folder, config);
    cleanup(free_ptr) char *notes = notes_of(&plan), *warnings = warnings_of();
    ck_assert_str_eq(plan.provider, "openai tiny");
    ck_assert_ptr_null(plan.degraded);
    ck_assert_str_eq(plan.strategy, "highlights");
    ck_assert_msg(strstr(notes, "theme: \"a day at sea\"") != NULL, "%s", notes);
    ck_assert_ptr_null(strstr(notes, "prompt was not used"));
    ck_assert_str_eq(warnings, "");
    expect_sound(&plan);
    ck_assert_uint_eq(plan.segment_count, 3);
    static const double said[][3] = { { 2, 10.3, 17.1 }, { 0, 20.2, 28.7 }, { 1, 33, 39.9 } };
    cleanup(json_free) json_t *file = NULL;
    ck_assert_int_eq(json_read(folder.fd, BATCH_PLAN, 1 << 20, &file, NULL), 0);
    size_t placed = 0;
    for (size_t i = 0; i < 3; i++) {
        const json_t *segment = json_array_get(json_object_get(file, "segments"), i);
        ck_assert_int_eq(plan.segments[i].video_index, (int)said[i][0]);
        ck_assert_double_eq_tol(plan.segments[i].start, said[i][1], 3);
        ck_assert_double_eq_tol(plan.segments[i].end, said[i][2], 3);
        placed += strcmp(json_text(segment, "start_on", "", NULL), "picture") != 0;
        placed += strcmp(json_text(segment, "end_on", "", NULL), "picture") != 0;
    }
    ck_assert_uint_eq(placed, 6);
    ck_assert_uint_eq(chatd_count(&chatd), 2);
    end();
}
END_TEST

START_TEST(the_model_is_told_what_is_said_in_the_videos)
{
    begin((const char *const[]){ IDEA, GOOD, NULL }, "prompt = \"only the sea\";", "");
    cleanup(transcript_release) struct transcript transcript = TRANSCRIPT_INIT;
    transcript_add_sentence(&transcript, 3, 5, "look at that \"wave\"", -1);
    transcript_settle(&transcript, ANALYSED_SECONDS);
    cleanup(close_fd) int sourcedir = batch_open_source(folder.fd, 1, NULL);
    ck_assert_int_eq(transcript_save(sourcedir, &transcript, NULL), 0);
    folder_put(&folder, "2/" SOURCE_TRANSCRIPT, "{\"version\": 1, damaged");
    cleanup(plan_release) struct plan plan = analysed_batch_plan(&folder, config);
    ck_assert_str_eq(plan.provider, "openai tiny");
    for (unsigned i = 1; i <= 2; i++) {
        cleanup(free_ptr) char *asked = chatd_asked(&chatd, i);
        ck_assert_msg(strstr(asked, "said 3.0-5.0: \\\"look at that 'wave'\\\"") != NULL, "%s",
                      asked);
        ck_assert_ptr_nonnull(strstr(asked, "video 2: \\\"2.mp4\\\", 40.0 s"));
        ck_assert_ptr_nonnull(strstr(asked, "only the sea"));
    }
    cleanup(free_ptr) char *warnings = warnings_of();
    ck_assert_ptr_nonnull(strstr(warnings, "what is said in video 2 is not used"));
    end();
}
END_TEST

START_TEST(an_answer_of_no_use_is_asked_for_once_more)
{
    begin((const char *const[]){ IDEA, "{\"clips\":[" CLIP("0", "500", "510", "1") "]}", GOOD,
                                 NULL },
          NULL, "");
    cleanup(plan_release) struct plan plan = analysed_batch_plan(&folder, config);
    cleanup(free_ptr) char *notes = notes_of(&plan), *third = chatd_asked(&chatd, 3);
    ck_assert_str_eq(plan.provider, "openai tiny");
    ck_assert_ptr_null(plan.degraded);
    ck_assert_msg(strstr(notes, "the model was asked again") != NULL, "%s", notes);
    ck_assert_ptr_nonnull(strstr(third, "video 0 lasts 40.000 s"));
    expect_sound(&plan);
    end();
}
END_TEST

static const struct {
    const char *name;
    const char *answers[4];
    const char *more; // of the configuration
    unsigned asked;   // exactly; 0 also where none may be
    const char *reason;
} degradations[] = {
    { "useless twice", { IDEA, "I'd rather not.", "Really.", NULL }, "", 3, "no JSON" },
    { "the example twice",
      { IDEA, "{\"clips\":[" CLIP("0", "9061.83", "9067.29", "1") "]}",
        "{\"clips\":[" CLIP("0", "9061.83", "9067.29", "1") "]}", NULL },
      "",
      3,
      "example" },
    { "over the budget", { IDEA, GOOD, NULL }, "job_tokens = 100;", 0, "" },
    { "content that is refused",
      { "400 {\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\",\"code\":"
        "\"content_policy_violation\"}}",
        NULL },
      "",
      1,
      "" },
};

START_TEST(a_model_that_cannot_be_used_leaves_the_plan_to_this_machine)
{
    begin(degradations[_i].answers, "prompt = \"only the sea\";", degradations[_i].more);
    cleanup(plan_release) struct plan plan = analysed_batch_plan(&folder, config);
    cleanup(free_ptr) char *notes = notes_of(&plan), *warnings = warnings_of();
    ck_assert_str_eq(plan.provider, "local");
    ck_assert_ptr_nonnull(plan.degraded);
    ck_assert_msg(strstr(plan.degraded, "made without the model: ") &&
                      strstr(plan.degraded, degradations[_i].reason),
                  "%s: %s", degradations[_i].name, plan.degraded);
    ck_assert_msg(strstr(notes, "made without the model") != NULL, "%s", notes);
    ck_assert_msg(strstr(notes, "the prompt was not used") != NULL, "%s", notes);
    ck_assert_msg(strstr(warnings, "made without the model") != NULL, "%s", warnings);
    ck_assert_uint_eq(chatd_count(&chatd), degradations[_i].asked);
    expect_sound(&plan);
    end();
}
END_TEST

START_TEST(a_refused_key_fails_the_step_at_once)
{
    begin(
        (const char *const[]){ "401 {\"error\":{\"message\":\"no\",\"code\":\"invalid_api_key\"}}",
                               NULL },
        NULL, "");
    cleanup(free_ptr) char *output = NULL;
    ck_assert_int_eq(analysed_batch_run(&folder, "plan", NULL, config, &output), EX_NOPERM);
    ck_assert_int_eq(faccessat(folder.fd, BATCH_PLAN, F_OK, 0), -1);
    ck_assert_uint_eq(chatd_count(&chatd), 1);
    end();
}
END_TEST

START_TEST(a_service_that_is_away_is_done_without_in_the_last_try_only)
{
    begin((const char *const[]){ "503 {\"error\":{\"message\":\"down\"}}", NULL }, NULL, "");
    cleanup(free_ptr) char *output = NULL;
    int status = analysed_batch_run(&folder, "plan", NULL, config, &output);
    ck_assert_msg(status == EX_TEMPFAIL || status == EX_UNAVAILABLE, "%d: %s", status, output);
    ck_assert_int_eq(faccessat(folder.fd, BATCH_PLAN, F_OK, 0), -1);
    struct step step = { .attempts = 100, .interrupted = 1 };
    ck_assert_int_eq(step_save_try(folder.fd, STAGE_PLAN, STEP_BATCH, &step, NULL), 0);
    cleanup(plan_release) struct plan plan = analysed_batch_plan(&folder, config);
    ck_assert_str_eq(plan.provider, "local");
    ck_assert_ptr_nonnull(plan.degraded);
    end();
}
END_TEST

START_TEST(what_was_answered_is_not_asked_again)
{
    begin((const char *const[]){ IDEA, GOOD, NULL }, NULL, "");
    cleanup(plan_release) struct plan plan = analysed_batch_plan(&folder, config);
    cleanup(free_ptr) char *first = folder_get(&folder, BATCH_PLAN);
    ck_assert_int_eq(step_reset(folder.fd, STAGE_PLAN, STEP_BATCH, NULL), 0);
    cleanup(plan_release) struct plan again = analysed_batch_plan(&folder, config);
    cleanup(free_ptr) char *second = folder_get(&folder, BATCH_PLAN);
    ck_assert_str_eq(first, second);
    ck_assert_uint_eq(chatd_count(&chatd), 2);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("planning");
    TCase *tcase = tcase_create("planning");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_model_makes_the_plan_and_its_cuts_are_moved_to_good_points);
    tcase_add_test(tcase, the_model_is_told_what_is_said_in_the_videos);
    tcase_add_test(tcase, an_answer_of_no_use_is_asked_for_once_more);
    tcase_add_loop_test(tcase, a_model_that_cannot_be_used_leaves_the_plan_to_this_machine, 0,
                        (int)ARRAY_LEN(degradations));
    tcase_add_test(tcase, a_refused_key_fails_the_step_at_once);
    tcase_add_test(tcase, a_service_that_is_away_is_done_without_in_the_last_try_only);
    tcase_add_test(tcase, what_was_answered_is_not_asked_again);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
