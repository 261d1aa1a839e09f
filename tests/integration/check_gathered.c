// What the stage plan gathers of sources that were not all made whole.
#include "spool/batch.h"
#include "spool/transcript.h"
#include "tests/support/analysed_batch.h"
#include <check.h>
#include <stdio.h>

static struct folder folder;

static void begin(void)
{
    analysed_batch_make(&folder, NULL, MODEL_LOCAL);
    analysed_batch_analyze(&folder);
}

static const struct {
    const char *name, *file, *text; // of source 1; NULL: it is not there
    bool used;
    const char *warning; // part of it; "": none
} damages[] = {
    { "no analysis", SOURCE_ANALYSIS, NULL, false, "" },
    { "a damaged analysis", SOURCE_ANALYSIS, "{\"version\": 1, damaged", false,
      "video 1 is left out: " },
    { "damaged signals", SOURCE_SIGNALS, "[]", false, "video 1 is left out: " },
    { "a damaged probe", SOURCE_PROBE, "{}", false, "video 1 is left out: " },
    { "nothing that is said", SOURCE_TRANSCRIPT, NULL, true, "" },
    { "a damaged transcript", SOURCE_TRANSCRIPT, "{\"version\": 1, damaged", true,
      "what is said in video 1 is not used: " },
};

START_TEST(a_source_that_is_not_whole_is_left_out_and_what_is_news_is_said)
{
    begin();
    cleanup(free_ptr) char *name = xasprintf("1/%s", damages[_i].file);
    if (damages[_i].text)
        folder_put(&folder, name, damages[_i].text);
    else
        (void)unlinkat(folder.fd, name, 0);
    cleanup(plan_release) struct plan plan = analysed_batch_plan(&folder, NULL);
    cleanup(json_free) json_t *all = NULL;
    ck_assert_int_eq(json_read(folder.fd, BATCH_ANALYSIS, 1 << 20, &all, NULL), 0);
    const json_t *sources = json_object_get(all, "sources");
    ck_assert_msg(json_array_size(sources) == (damages[_i].used ? 3 : 2), "%s", damages[_i].name);
    ck_assert_int_eq(json_int(json_array_get(sources, 1), "video_index", 0, 9, -1, NULL),
                     damages[_i].used ? 1 : 2);
    cleanup(step_release) struct step step = STEP_INIT;
    ck_assert_int_eq(step_load(folder.fd, STAGE_PLAN, STEP_BATCH, &step, NULL), 0);
    const char *warning = json_string_value(json_array_get(step.warnings, 0));
    ck_assert_uint_eq(json_array_size(step.warnings), *damages[_i].warning != 0);
    ck_assert_msg(strstr(warning ? warning : "", damages[_i].warning) != NULL, "%s: %s",
                  damages[_i].name, warning);
    folder_remove(&folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gathered");
    TCase *tcase = tcase_create("gathered");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_source_that_is_not_whole_is_left_out_and_what_is_news_is_said, 0,
                        (int)ARRAY_LEN(damages));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
