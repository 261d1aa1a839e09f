// The look at a configuration text before libconfig sees it.
#include "base/config_scan.h"
#include <check.h>
#include <stdio.h>

static struct config_report report;

static void tear_down(void)
{
    config_report_release(&report);
}

static const struct {
    const char *text, *scanned;
} kept[] = {
    { "", "" },
    { "a = 1;", "a = 1L;" },
    { "a=-1;b=+2", "a=-1L;b=+2L" },
    { "a = 1L; b = 2LL;", "a = 1L; b = 2LL;" },
    { "a = 0x1F; b = 0XffL", "a = 0x1FL; b = 0XffL" },
    { "a = 1.5; b = .5; c = 1e3; d = 1.E-2; e = -2.5e+3",
      "a = 1.5; b = .5; c = 1e3; d = 1.E-2; e = -2.5e+3" },
    { "a = [ 1, 2 ];", "a = [ 1L, 2L ];" },
    { "stage2 = 3; x-4 = 5; _6 = 7;", "stage2 = 3L; x-4 = 5L; _6 = 7L;" },
    { "a = \"1 \\\" 2\"; b = 3", "a = \"1 \\\" 2\"; b = 3L" },
    { "a = \"1 \\\\\"; b = 3", "a = \"1 \\\\\"; b = 3L" },
    { "a = /* c */ \"x\" // c\n \"y\"", "a = /* c */ \"x\" // c\n \"y\"" },
    { "a = [\"x\", \"y\"]; b = (\"z\")", "a = [\"x\", \"y\"]; b = (\"z\")" },
    { "# 1 \"\na = 2", "# 1 \"\na = 2L" },
    { "// 1 \"\na = 2", "// 1 \"\na = 2L" },
    { "/* 1 \" \n 2 */ a = 3", "/* 1 \" \n 2 */ a = 3L" },
    { "a = \"# no comment\"; b = 1", "a = \"# no comment\"; b = 1L" },
    { "a = \"/* no comment\"; b = 1", "a = \"/* no comment\"; b = 1L" },
    { "\xEF\xBB\xBF"
      "a = 1",
      "a = 1L" },
    { "a = 9223372036854775807; b = -9223372036854775808",
      "a = 9223372036854775807L; b = -9223372036854775808L" },
};

START_TEST(whole_numbers_are_marked_and_all_else_is_kept)
{
    cleanup(free_ptr) char *scanned = config_scan("f", kept[_i].text, &report);
    cleanup(free_ptr) char *ended = xasprintf("%s\n", kept[_i].scanned);
    ck_assert_ptr_nonnull(scanned);
    ck_assert_str_eq(scanned, ended);
    ck_assert_uint_eq(report.count, 0);
}
END_TEST

static const struct {
    const char *text, *report;
} refused[] = {
    { "\n a = \"x\ny", "f:2: the text that begins here has no end (\")\n" },
    { "a = \"x\\\"", "f:1: the text that begins here has no end (\")\n" },
    { "a = \"x\\", "f:1: the text that begins here has no end (\")\n" },
    { "a = 1; /* x\n", "f:1: the comment that begins here has no end (*/)\n" },
    { "/*/", "f:1: the comment that begins here has no end (*/)\n" },
    { "\na = 9223372036854775808;", "f:2: 9223372036854775808 is too large a number\n" },
    { "a = -9223372036854775809;", "f:1: -9223372036854775809 is too large a number\n" },
    { "a = 0x8000000000000000", "f:1: 0x8000000000000000 is too large a number\n" },
    { "a = 11111111111111111111111111111111111111112222",
      "f:1: 1111111111111111111111111111111111111111... is too large a number\n" },
    { "@include \"/etc/passwd\"", "f:1: @include is not allowed\n" },
    { "a = 1;\n \t@include \"x\"", "f:2: @include is not allowed\n" },
    { "# @include", "f:1: @include is not allowed\n" },
    // What libconfig would lose memory over.
    { "a \"x\"",
      "f:1: syntax error in or before `a \"x\"`: each setting is: key = value; texts go in "
      "\"quotes\", groups in { }, lists in ( )\n" },
    { "a = 1, \"x\"",
      "f:1: syntax error in or before `a = 1, \"x\"`: each setting is: key = value; texts go in "
      "\"quotes\", groups in { }, lists in ( )\n" },
    { "\"x\"", "f:1: syntax error in or before `\"x\"`: each setting is: key = value; texts go in "
               "\"quotes\", groups in { }, lists in ( )\n" },
    { "a = 1 # c\n\"x\"",
      "f:2: syntax error in or before `\"x\"`: each setting is: key = value; texts go in "
      "\"quotes\", groups in { }, lists in ( )\n" },
    { "a = {{{{{{{{{", "f:1: groups are nested too deep, allowed 8\n" },
    { "a = ((((((((((", "f:1: groups are nested too deep, allowed 8\n" },
};

START_TEST(what_libconfig_must_not_see_is_refused)
{
    ck_assert_ptr_null(config_scan("f", refused[_i].text, &report));
    ck_assert_str_eq(report.text, refused[_i].report);
}
END_TEST

static const struct {
    int size;
    bool is_fine;
} sizes[] = { { CONFIG_TEXT_MAX, true }, { CONFIG_TEXT_MAX + 1, false } };

START_TEST(a_text_is_bounded)
{
    cleanup(free_ptr) char *text = xcalloc((size_t)sizes[_i].size + 1, 1);
    memset(text, ' ', (size_t)sizes[_i].size);
    cleanup(free_ptr) char *scanned = config_scan("f", text, &report);
    ck_assert_int_eq(scanned != NULL, sizes[_i].is_fine);
    if (!sizes[_i].is_fine)
        ck_assert_str_eq(report.text, "f: the file is too large, allowed 65536 bytes\n");
}
END_TEST

START_TEST(the_settings_are_counted)
{
    cleanup(free_ptr) char *text = xcalloc(20000, 1);
    size_t used = 0;
    for (int i = 0; i < 1000; i++)
        used += (size_t)snprintf(text + used, 100, "k%d = 1;\n", i);
    cleanup(free_ptr) char *scanned = config_scan("f", text, &report);
    ck_assert_ptr_nonnull(scanned);
    (void)snprintf(text + used, 100, "more = 1;\n");
    ck_assert_ptr_null(config_scan("f", text, &report));
    ck_assert_str_eq(report.text, "f:1001: there are too many settings, allowed 1000\n");
}
END_TEST

static const struct {
    const char *text;
    int line;
    const char *report;
} explained[] = {
    { "a = on", 1, "f:1: syntax error in or before `a = on`: switches are true or false\n" },
    { "a = 50%;", 1,
      "f:1: syntax error in or before `a = 50%;`: write a number without a sign or unit\n" },
    // A line that is not there: libconfig may count one further.
    { "a\nb =", 7,
      "f:7: syntax error in or before `b =`: each setting is: key = value; texts go in \"quotes\", "
      "groups in { }, lists in ( )\n" },
    { "none = \xFF\x1B;", 1,
      "f:1: syntax error in or before `none = \\xFF\\x1B;`: each setting is: key = value; texts go "
      "in \"quotes\", groups in { }, lists in ( )\n" },
};

START_TEST(a_syntax_error_shows_the_line_and_guesses)
{
    config_scan_explain("f", explained[_i].text, explained[_i].line, "syntax error", &report);
    ck_assert_str_eq(report.text, explained[_i].report);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_scan");
    TCase *tcase = tcase_create("config_scan");
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_loop_test(tcase, whole_numbers_are_marked_and_all_else_is_kept, 0,
                        (int)ARRAY_LEN(kept));
    tcase_add_loop_test(tcase, what_libconfig_must_not_see_is_refused, 0, (int)ARRAY_LEN(refused));
    tcase_add_loop_test(tcase, a_text_is_bounded, 0, (int)ARRAY_LEN(sizes));
    tcase_add_test(tcase, the_settings_are_counted);
    tcase_add_loop_test(tcase, a_syntax_error_shows_the_line_and_guesses, 0,
                        (int)ARRAY_LEN(explained));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
