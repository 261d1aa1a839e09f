// Which languages the recogniser of this machine has; what it hears is in check_dictation.c.
#include "speech/recogniser.h"
#include "tests/support/folder.h"
#include "tests/support/said.h"

#include <check.h>

static struct recogniser *recogniser;

START_TEST(a_language_is_known_by_its_folder)
{
    struct err err = ERR_INIT;
    if (said_language() == NULL)
        return;
    cleanup(free_ptr) char *folder = xasprintf("%s//", said_language());
    ck_assert_msg(recogniser_open(folder, &recogniser, &err) == 0, "%s", err.text);
    ck_assert_str_eq(recogniser_language(recogniser), "en");
    recogniser_close(&recogniser);
    recogniser_close(&recogniser); // nothing there any more
}
END_TEST

START_TEST(without_a_language_it_is_said_how_to_get_one)
{
    struct folder empty;
    struct err err = ERR_INIT;
    folder_make(&empty);
    ck_assert_int_lt(recogniser_open(empty.path, &recogniser, &err), 0);
    ck_assert_int_eq(err.class, ERR_CONFIG);
    ck_assert_str_eq(err.id, "no_recogniser");
    ck_assert_ptr_nonnull(strstr(err.hint, "pocketsphinx-en-us"));
    ck_assert_ptr_null(recogniser);
    folder_remove(&empty);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recogniser");
    TCase *tcase = tcase_create("recogniser");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_language_is_known_by_its_folder);
    tcase_add_test(tcase, without_a_language_it_is_said_how_to_get_one);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
