// What each program is linked with, read from its dynamic section: a door that a review could miss.
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *program, *forbidden[6];
} cases[] = {
    { "sbin/clipspoold", { "libav", "libsw", "libcurl", "libcrypto", "libebur128" } },
    { "bin/clipspool", { "libav", "libsw", "libcurl", "libebur128", "libsystemd" } },
    { "libexec/clipspool/fetch", { "libav", "libsw", "libebur128", "libsystemd" } },
    { "libexec/clipspool/upload", { "libav", "libsw", "libebur128", "libsystemd" } },
    { "libexec/clipspool/sweep", { "libav", "libsw", "libebur128", "libsystemd" } },
    { "libexec/clipspool/verify", { "libav", "libsw", "libebur128", "libsystemd", "libcurl" } },
    { "libexec/clipspool/inquire", { "libav", "libsw", "libebur128", "libsystemd" } },
    { "libexec/clipspool/notify", { "libav", "libsw", "libebur128", "libsystemd" } },
    { "libexec/clipspool/analyze", { "libav", "libsw", "libebur128", "libsystemd" } },
    { "libexec/clipspool/plan", { "libav", "libsw", "libebur128", "libsystemd" } },
    { "libexec/clipspool/publish", { "libav", "libsw", "libebur128", "libsystemd" } },
    { "libexec/clipspool/probe", { "libcurl", "libcrypto", "libsystemd" } },
    { "libexec/clipspool/compress", { "libcurl", "libcrypto", "libsystemd" } },
    { "libexec/clipspool/preview", { "libcurl", "libcrypto", "libsystemd" } },
    { "libexec/clipspool/render", { "libcurl", "libcrypto", "libsystemd" } },
};

// The folder the programs were built in: two above tests/integration/check_links.
static char *built(const char *program)
{
    char *self = realpath("/proc/self/exe", NULL);
    ck_assert_ptr_nonnull(self);
    for (int up = 0; up < 3; up++)
        *strrchr(self, '/') = '\0';
    char *path;
    ck_assert_int_ge(asprintf(&path, "%s/%s", self, program), 0);
    free(self);
    return path;
}

static char *dynamic_section(const char *path)
{
    char *command, *text = NULL;
    size_t size = 0;
    ck_assert_int_ge(asprintf(&command, "readelf --wide --dynamic '%s'", path), 0);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    ck_assert_int_gt(getdelim(&text, &size, '\0', pipe), 0);
    ck_assert_int_eq(pclose(pipe), 0);
    free(command);
    return text;
}

START_TEST(test_a_program_needs_no_library_it_must_not_have)
{
    char *path = built(cases[_i].program);
    char *text = dynamic_section(path);
    ck_assert_msg(strstr(text, "(NEEDED)"), "%s: no dynamic section was read", path);
    for (const char *const *name = cases[_i].forbidden; *name; name++)
        ck_assert_msg(!strstr(text, *name), "%s needs %s", cases[_i].program, *name);
    free(text);
    free(path);
}
END_TEST

// The check above would pass for ever if the names were misspelt.
static const struct {
    const char *program, *needed;
} needs[] = {
    { "libexec/clipspool/compress", "libavcodec" },
    { "libexec/clipspool/compress", "libebur128" },
    { "libexec/clipspool/fetch", "libcurl" },
    { "libexec/clipspool/analyze", "libcurl" }, // where a model looks
};

START_TEST(test_the_check_sees_libraries_that_are_there)
{
    char *path = built(needs[_i].program);
    char *text = dynamic_section(path);
    ck_assert_msg(strstr(text, needs[_i].needed), "%s needs no %s", needs[_i].program,
                  needs[_i].needed);
    free(text);
    free(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("links");
    TCase *tcase = tcase_create("dynamic section");
    tcase_add_loop_test(tcase, test_a_program_needs_no_library_it_must_not_have, 0,
                        (int)(sizeof cases / sizeof *cases));
    tcase_add_loop_test(tcase, test_the_check_sees_libraries_that_are_there, 0,
                        (int)(sizeof needs / sizeof *needs));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
