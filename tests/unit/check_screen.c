#include "base/text.h"
#include "cli/screen.h"

#include <check.h>
#include <fcntl.h>
#include <locale.h>
#include <pty.h>
#include <sys/ioctl.h>

static const struct {
    const char *name, *text, *safe;
} safe_cases[] = {
    { "plain", "beach.mp4", "beach.mp4" },
    { "a line break", "a\nb", "a\\x0Ab" },
    { "an escape sequence", "\x1b[2J", "\\x1B[2J" },
    { "what is no UTF-8", "a\xff", "a\\xFF" },
    { "an escaped form stays as it is", "a\\xFF", "a\\xFF" },
    { "a direction override", "a\xe2\x80\xae", "a\\xE2\\x80\\xAE" },
    { "other scripts and emoji", "\xe6\xb5\xb7 \xf0\x9f\x8f\x96", "\xe6\xb5\xb7 \xf0\x9f\x8f\x96" },
    { "a backslash at the end", "a\\", "a\\" },
    { "nothing", "", "" },
};

START_TEST(test_foreign_text_is_safe_for_a_terminal)
{
    char *safe = screen_safe(safe_cases[_i].text);
    ck_assert_msg(!strcmp(safe, safe_cases[_i].safe), "%s: %s", safe_cases[_i].name, safe);
    ck_assert(text_is_utf8(safe, strlen(safe)));
    free(safe);
}
END_TEST

START_TEST(test_lines_stay_lines_where_they_may)
{
    char *safe = screen_safe_lines("one\ntwo\x1b\n");
    ck_assert_str_eq(safe, "one\ntwo\\x1B\n");
    free(safe);
}
END_TEST

static const struct {
    const char *name, *text;
    unsigned columns;
    const char *fitted;
} fit_cases[] = {
    { "what fits stays", "beach", 5, "beach" },
    { "what does not is cut", "beach", 4, "bea\xe2\x80\xa6" },
    { "no column, no text", "beach", 0, "" },
    { "wide characters take two", "\xe6\xb5\xb7\xe6\xb5\xb7\xe6\xb5\xb7", 6,
      "\xe6\xb5\xb7\xe6\xb5\xb7\xe6\xb5\xb7" },
    { "and are never halved", "\xe6\xb5\xb7\xe6\xb5\xb7\xe6\xb5\xb7", 4,
      "\xe6\xb5\xb7\xe2\x80\xa6" },
    { "umlauts take one", "\xc3\xa4\xc3\xb6\xc3\xbc", 3, "\xc3\xa4\xc3\xb6\xc3\xbc" },
    { "accents that combine take none", "e\xcc\x81", 1, "e\xcc\x81" },
};

START_TEST(test_text_is_cut_between_characters_and_by_columns)
{
    char *fitted = screen_fit(fit_cases[_i].text, fit_cases[_i].columns);
    ck_assert_msg(!strcmp(fitted, fit_cases[_i].fitted), "%s: %s", fit_cases[_i].name, fitted);
    ck_assert_uint_le(screen_columns(fitted), fit_cases[_i].columns);
    char *padded = screen_pad(fit_cases[_i].text, fit_cases[_i].columns);
    ck_assert_uint_eq(screen_columns(padded), fit_cases[_i].columns);
    free(padded);
    free(fitted);
}
END_TEST

START_TEST(test_the_width_of_a_terminal_is_asked_for)
{
    int master, slave;
    struct winsize size = { .ws_row = 24, .ws_col = 37 };
    ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, &size), 0);
    FILE *out = fdopen(slave, "w");
    setenv("TERM", "xterm", 1);
    ck_assert_uint_eq(screen_width(out), 37);
    ck_assert(screen_is_terminal(out));
    setenv("TERM", "dumb", 1);
    ck_assert(!screen_is_terminal(out));
    fclose(out);
    close(master);
    FILE *null = fopen("/dev/null", "w");
    ck_assert_uint_eq(screen_width(null), 80);
    setenv("TERM", "xterm", 1);
    ck_assert(!screen_is_terminal(null));
    fclose(null);
}
END_TEST

START_TEST(test_a_program_gets_the_very_bytes_of_a_path)
{
    char *text = NULL;
    size_t size = 0;
    int pipe_fds[2];
    ck_assert_int_eq(pipe(pipe_fds), 0);
    FILE *out = fdopen(pipe_fds[1], "w");
    screen_path(out, "a\nb\xff");
    fclose(out);
    FILE *in = fdopen(pipe_fds[0], "r");
    ck_assert_int_eq(getdelim(&text, &size, '\0', in), 5);
    ck_assert_str_eq(text, "a\nb\xff\n");
    fclose(in);
    free(text);
}
END_TEST

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    Suite *suite = suite_create("screen");
    TCase *tcase = tcase_create("text");
    tcase_add_loop_test(tcase, test_foreign_text_is_safe_for_a_terminal, 0,
                        (int)ARRAY_LEN(safe_cases));
    tcase_add_test(tcase, test_lines_stay_lines_where_they_may);
    tcase_add_loop_test(tcase, test_text_is_cut_between_characters_and_by_columns, 0,
                        (int)ARRAY_LEN(fit_cases));
    tcase_add_test(tcase, test_the_width_of_a_terminal_is_asked_for);
    tcase_add_test(tcase, test_a_program_gets_the_very_bytes_of_a_path);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
