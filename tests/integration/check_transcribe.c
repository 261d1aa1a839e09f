// The stage transcribe as a program.
#include "tests/support/batch_source.h"

#include <check.h>

static struct batch_folder batch;

static void set_up(void)
{
    batch_folder_make(&batch, 1);
    close_fd(&(int){ batch_open_source(batch.batchdir, 0, NULL) });
}

static void tear_down(void)
{
    batch_folder_remove(&batch);
}

START_TEST(a_source_without_sound_has_no_transcript_and_nobody_is_warned)
{
    cleanup(free_ptr) char *output = NULL;
    ck_assert_msg(batch_source_run(&batch, STAGE_TRANSCRIBE, 0, &output) == 0, "%s", output);
    cleanup(free_ptr) char *numbers = batch_source_numbers(&batch, STAGE_TRANSCRIBE, 0);
    cleanup(free_ptr) char *warnings = batch_source_warnings(&batch, STAGE_TRANSCRIBE, 0);
    ck_assert_ptr_nonnull(strstr(numbers, "\"sentences\""));
    ck_assert_ptr_null(strchr(warnings, 'a'));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transcribe");
    TCase *tcase = tcase_create("transcribe");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_source_without_sound_has_no_transcript_and_nobody_is_warned);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
