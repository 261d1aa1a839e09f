// Percent-encoding: only the unreserved stay, and what is decoded is what was encoded.
#include "base/percent.h"
#include <check.h>

START_TEST(only_the_unreserved_and_those_kept_stay)
{
    static const struct {
        const char *bytes, *keep, *text;
    } rows[] = {
        { "AZaz09-._~", "", "AZaz09-._~" },
        { " !\"#$%&'()*+,/:;<=>?@[\\]^`{|}", "",
          "%20%21%22%23%24%25%26%27%28%29%2A%2B%2C%2F%3A%3B%3C%3D%3E%3F%40%5B%5C%5D%5E%60%7B%7C%"
          "7D" },
        { "\x01\x1F\x7F\x80\xFF", "", "%01%1F%7F%80%FF" },
        { "a/b c", "/", "a/b%20c" },
        { "", "", "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cleanup(free_ptr) char *text = percent_encode(rows[i].bytes, rows[i].keep);
        ck_assert_str_eq(text, rows[i].text);
    }
    cleanup(free_ptr) char *nul = percent_encode_n("a\0b", 3, "/");
    ck_assert_str_eq(nul, "a%00b");
}
END_TEST

START_TEST(every_byte_survives)
{
    char bytes[256] = "";
    for (int i = 1; i < 256; i++)
        bytes[i - 1] = (char)i;
    cleanup(free_ptr) char *text = percent_encode(bytes, "");
    cleanup(free_ptr) char *back = percent_decode_n(text, strlen(text));
    ck_assert_str_eq(back, bytes);
}
END_TEST

START_TEST(what_is_no_escape_is_refused)
{
    static const char *const wrong[] = { "%", "a%", "%4", "%4g", "%g4", "%%41", "%00", "a%00b" };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        ck_assert_ptr_null(percent_decode_n(wrong[i], strlen(wrong[i])));
    // The escape must be within the length that was given.
    ck_assert_ptr_null(percent_decode_n("%41", 2));
    cleanup(free_ptr) char *mixed = percent_decode_n("%4a%4A+", 7);
    ck_assert_str_eq(mixed, "JJ+");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("percent");
    TCase *tcase = tcase_create("percent");
    tcase_add_test(tcase, only_the_unreserved_and_those_kept_stay);
    tcase_add_test(tcase, every_byte_survives);
    tcase_add_test(tcase, what_is_no_escape_is_refused);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
