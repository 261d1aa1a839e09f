// The names that servers give, and what is left of them.
#include "net/filename.h"

#include "base/text.h"

#include <check.h>
#include <stdio.h>

static const struct {
    const char *disposition, *path, *name;
} cases[] = {
    { NULL, "/videos/beach.mp4", "beach.mp4" },
    { NULL, "/videos/beach%20day.mp4", "beach day.mp4" },
    { NULL, "/videos/beach/", "beach" },
    { NULL, "/", "video" },
    { NULL, "", "video" },
    { NULL, NULL, "video" },
    { NULL, "/a%2Fb.mp4", "b.mp4" },
    { NULL, "/a%00b.mp4", "a_b.mp4" },
    { NULL, "/100%.mp4", "100%.mp4" },
    { NULL, "/x%4", "x%4" },
    { NULL, "/%e6%b5%b7.mp4", "\xe6\xb5\xb7.mp4" },
    { NULL, "/%ff%fe.mp4", "__.mp4" },
    { "attachment", "/a.mp4", "a.mp4" },
    { "attachment; filename=b.mp4", "/a.mp4", "b.mp4" },
    { "attachment; FILENAME = \"b c.mp4\"", "/a.mp4", "b c.mp4" },
    { "attachment; filename=\"b;c=d.mp4\"; size=3", "/a.mp4", "b;c=d.mp4" },
    { "attachment; filename=\"say \\\"hi\\\".mp4\"", "/a.mp4", "say _hi_.mp4" },
    { "attachment; x=\"filename=no.mp4\"; filename=yes.mp4", "/a.mp4", "yes.mp4" },
    { "attachment; filename=\"EURO.mp4\"; filename*=UTF-8''%e2%82%ac.mp4", NULL,
      "\xe2\x82\xac.mp4" },
    { "attachment; filename*=utf-8'en'%e2%82%ac.mp4; filename=EURO.mp4", NULL, "\xe2\x82\xac.mp4" },
    { "attachment; filename*=iso-8859-1''caf%E9.mp4", NULL, "caf\xc3\xa9.mp4" },
    { "attachment; filename*=koi8-r''%c1.mp4; filename=plain.mp4", NULL, "plain.mp4" },
    { "attachment; filename*=nonsense; filename=plain.mp4", NULL, "plain.mp4" },
    { "attachment; filename=\"caf\xe9.mp4\"", NULL, "caf_.mp4" },
    { "attachment; filename=\"unfinished.mp4", NULL, "unfinished.mp4" },
    { "attachment; filename=\"\"", "/a.mp4", "a.mp4" },
    { "attachment; filename=", "/a.mp4", "a.mp4" },
    { ";;;=;==\"", "/a.mp4", "a.mp4" },
    { "attachment; filename=\"../../etc/passwd\"", "/a.mp4", "passwd" },
    { "attachment; filename=\"/etc/shadow\"", "/a.mp4", "shadow" },
    { "attachment; filename=\"..\"", "/a.mp4", "a.mp4" },
    { "attachment; filename=\"C:\\dir\\clip.mp4\"", "/a.mp4", "clip.mp4" },
    { "attachment; filename=\".hidden.mp4\"", "/a.mp4", "hidden.mp4" },
    { "attachment; filename=\"a\x01\x1b[2J.mp4\"", "/a.mp4", "a__[2J.mp4" },
    { "attachment; filename*=UTF-8''a%C2%85b.mp4", NULL, "a_b.mp4" },
    { "attachment; filename=\"con:aux|?*.mp4 .\"", "/a.mp4", "con_aux___.mp4" },
};

START_TEST(a_name_is_the_servers_else_the_paths_and_harmless)
{
    char *name = filename_of(cases[_i].disposition, cases[_i].path);
    ck_assert_str_eq(name, cases[_i].name);
    free(name);
}
END_TEST

START_TEST(a_long_name_keeps_its_ending_and_whole_characters)
{
    char disposition[2048] = "attachment; filename=\"";
    for (int i = 0; i < 300; i++)
        memcpy(disposition + strlen(disposition), "\xe6\xb5\xb7", 4);
    memcpy(disposition + strlen(disposition), ".mp4\"", 6);
    char *name = filename_of(disposition, NULL);
    ck_assert_uint_le(strlen(name), FILENAME_MAX_BYTES);
    ck_assert_uint_gt(strlen(name), FILENAME_MAX_BYTES - 4);
    ck_assert(text_ends_with(name, ".mp4"));
    ck_assert(text_is_utf8(name, strlen(name)));
    free(name);
}
END_TEST

// Any bytes, also those that make no sense, give a name that is one harmless component.
START_TEST(whatever_is_said_the_name_is_one_component)
{
    static const char bytes[] = "a.;=\"\\'%*/fileUTF-8 \x80\xe6\x01";
    uint64_t state = 1;
    for (int round = 0; round < 20000; round++) {
        char text[64] = "x; filename*=UTF-8''";
        size_t begin = round % 2 ? 13 : 20, end = begin + 1 + (size_t)round % 40;
        for (size_t i = begin; i < end; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            text[i] = bytes[(state >> 33) % (sizeof bytes - 1)];
        }
        text[end] = '\0';
        char *name = filename_of(text, text);
        ck_assert(*name != '\0' && *name != '.' && strlen(name) <= FILENAME_MAX_BYTES);
        ck_assert(text_is_utf8(name, strlen(name)));
        ck_assert_ptr_null(strpbrk(name, "/\\\x01"));
        free(name);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("filename");
    TCase *tcase = tcase_create("filename");
    tcase_add_loop_test(tcase, a_name_is_the_servers_else_the_paths_and_harmless, 0,
                        (int)ARRAY_LEN(cases));
    tcase_add_test(tcase, a_long_name_keeps_its_ending_and_whole_characters);
    tcase_add_test(tcase, whatever_is_said_the_name_is_one_component);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
