// Errors: the first wins, texts are cut at a whole character, classes map to exit statuses.
#include "base/err.h"
#include "base/text.h"
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <sysexits.h>

static const struct {
    enum err_class class;
    int status;
} statuses[] = {
    { ERR_NONE, EX_OK },        { ERR_INPUT, EX_DATAERR }, { ERR_SERVICE, EX_UNAVAILABLE },
    { ERR_BUG, EX_SOFTWARE },   { ERR_SYSTEM, EX_OSERR },  { ERR_IO, EX_IOERR },
    { ERR_RETRY, EX_TEMPFAIL }, { ERR_DENIED, EX_NOPERM }, { ERR_CONFIG, EX_CONFIG },
};

START_TEST(a_class_and_its_exit_status_map_both_ways)
{
    ck_assert_int_eq(err_exit(statuses[_i].class), statuses[_i].status);
    ck_assert_int_eq(err_from_exit(statuses[_i].status), statuses[_i].class);
}
END_TEST

START_TEST(an_unknown_exit_status_is_our_fault)
{
    static const int unknown[] = { 1, 2, 64, 127, 255, -1 };
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++)
        ck_assert_int_eq(err_from_exit(unknown[i]), ERR_BUG);
}
END_TEST

static const struct {
    int number;
    enum err_class class;
    const char *id;
} numbers[] = {
    { ENOSPC, ERR_IO, "no_space" },      { EDQUOT, ERR_IO, "no_space" },
    { EFBIG, ERR_IO, "file_too_large" }, { EIO, ERR_IO, "io_error" },
    { EROFS, ERR_IO, "read_only" },      { EACCES, ERR_DENIED, "denied" },
    { EPERM, ERR_DENIED, "denied" },     { ENOENT, ERR_SYSTEM, "not_found" },
    { EMFILE, ERR_SYSTEM, "no_files" },  { ECHILD, ERR_SYSTEM, "system" },
};

START_TEST(the_number_of_a_system_call_gives_class_and_id)
{
    struct err err = ERR_INIT;
    ck_assert_int_eq(err_errno(&err, numbers[_i].number, "open %s", "clip.mp4"),
                     -numbers[_i].number);
    ck_assert_int_eq(err.class, numbers[_i].class);
    ck_assert_int_eq(err.code, -numbers[_i].number);
    ck_assert_str_eq(err.id, numbers[_i].id);
    cleanup(free_ptr) char *text =
        xasprintf("open clip.mp4: %s", strerrordesc_np(numbers[_i].number));
    ck_assert_str_eq(err.text, text);
    ck_assert_str_eq(err.hint, "");
}
END_TEST

START_TEST(the_first_failure_wins)
{
    struct err err = ERR_INIT;
    ck_assert_int_eq(err_set(&err, ERR_INPUT, "not_a_video", "%s is no video", "a"), -EINVAL);
    ck_assert_int_eq(err_errno(&err, EIO, "close"), -EIO);
    ck_assert_int_eq(err_set(&err, ERR_BUG, "late", "too late"), -EINVAL);
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert_int_eq(err.code, -EINVAL);
    ck_assert_str_eq(err.id, "not_a_video");
    ck_assert_str_eq(err.text, "a is no video");
}
END_TEST

START_TEST(nobody_asking_is_fine)
{
    ck_assert_int_eq(err_set(NULL, ERR_INPUT, "x", "x"), -EINVAL);
    ck_assert_int_eq(err_errno(NULL, EIO, "x"), -EIO);
    ck_assert_int_eq(err_hint(NULL, "x"), -EINVAL);
    ck_assert_int_eq(err_prefix(NULL, "x"), -EINVAL);
    err_clear(NULL);
}
END_TEST

START_TEST(context_goes_before_and_a_hint_is_kept)
{
    struct err err = ERR_INIT;
    (void)err_prefix(&err, "nothing to prefix");
    (void)err_hint(&err, "nothing to mend");
    ck_assert_str_eq(err.text, "");
    ck_assert_str_eq(err.hint, "");
    (void)err_errno(&err, ENOSPC, "write %s", "a");
    ck_assert_int_eq(err_hint(&err, "make room"), -ENOSPC);
    ck_assert_int_eq(err_hint(&err, "buy a disk"), -ENOSPC);
    ck_assert_int_eq(err_prefix(&err, "compress %d", 2), -ENOSPC);
    ck_assert_str_eq(err.text, "compress 2: write a: No space left on device");
    ck_assert_str_eq(err.hint, "make room");
    err_clear(&err);
    ck_assert_int_eq(err.class, ERR_NONE);
    ck_assert_str_eq(err.text, "");
}
END_TEST

// Whatever the offset of the cut, no character is left in halves.
START_TEST(a_text_too_long_is_cut_between_characters)
{
    char many[1500] = "";
    for (size_t i = 0; i < 300; i++)
        memcpy(many + i * 4, "\xF0\x9F\x8E\xAC", 5);
    for (size_t lead = 0; lead < 4; lead++) {
        struct err err = ERR_INIT;
        (void)err_set(&err, ERR_INPUT, "x", "%.*s%s", (int)lead, "aaa", many);
        ck_assert(text_is_utf8(err.text, strlen(err.text)));
        ck_assert_uint_ge(strlen(err.text), sizeof err.text - 4);
        (void)err_prefix(&err, "%s%s", "b", "c");
        ck_assert(text_is_utf8(err.text, strlen(err.text)));
        (void)err_hint(&err, "%.*s%s", (int)lead, "aaa", many);
        ck_assert(text_is_utf8(err.hint, strlen(err.hint)));
        err_clear(&err);
        (void)err_errno(&err, EIO, "%.*s%s", (int)lead, "aaa", many);
        ck_assert(text_is_utf8(err.text, strlen(err.text)));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("err");
    TCase *tcase = tcase_create("err");
    tcase_add_loop_test(tcase, a_class_and_its_exit_status_map_both_ways, 0,
                        (int)ARRAY_LEN(statuses));
    tcase_add_test(tcase, an_unknown_exit_status_is_our_fault);
    tcase_add_loop_test(tcase, the_number_of_a_system_call_gives_class_and_id, 0,
                        (int)ARRAY_LEN(numbers));
    tcase_add_test(tcase, the_first_failure_wins);
    tcase_add_test(tcase, nobody_asking_is_fine);
    tcase_add_test(tcase, context_goes_before_and_a_hint_is_kept);
    tcase_add_test(tcase, a_text_too_long_is_cut_between_characters);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
