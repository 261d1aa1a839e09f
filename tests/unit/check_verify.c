// The program verify: an answer for each folder, and nothing but an answer.
#include "tests/support/folder.h"
#include "tests/support/program.h"
#include <check.h>
#include <stdio.h>
#include <sys/stat.h>

// Of "abc", by FIPS 180-4.
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const struct {
    const char *what, *name, *sums, *contents;
    int status;
    const char *says;
} rows[] = {
    { "all is right", "trip", ABC "  a.mp4\n", "abc", 0, "" },
    { "a name like an option", "--help", ABC "  a.mp4\n", "abc", 0, "" },
    { "half a file", "trip", ABC "  a.mp4\n", "ab", 65, "a.mp4: is not what SHA256SUMS says" },
    { "a file too few", "trip", ABC "  a.mp4\n" ABC "  b.mp4\n", "abc", 65, "b.mp4 is in" },
    { "no manifest", "trip", NULL, "abc", 65, "no SHA256SUMS" },
    { "one that leads elsewhere", "trip", ABC "  /etc/passwd\n", "abc", 65, "not in the folder" },
};

START_TEST(a_folder_is_what_its_manifest_says_or_it_is_told)
{
    struct folder folder;
    cleanup(free_ptr) char *program = program_built("libexec/clipspool/verify");
    cleanup(free_ptr) char *output = NULL;
    cleanup(free_ptr) char *inner = xasprintf("incoming/%s", rows[_i].name);
    cleanup(free_ptr) char *clip = xasprintf("%s/a.mp4", inner);
    cleanup(free_ptr) char *sums = xasprintf("%s/SHA256SUMS", inner);
    cleanup(free_ptr) char *argument = xasprintf("./%s", rows[_i].name);
    folder_make(&folder);
    ck_assert_int_eq(mkdirat(folder.fd, "incoming", 0755), 0);
    ck_assert_int_eq(mkdirat(folder.fd, inner, 0755), 0);
    folder_put(&folder, clip, rows[_i].contents);
    if (rows[_i].sums)
        folder_put(&folder, sums, rows[_i].sums);
    int status = PROGRAM_RUN(&output, program, "--spool", folder.path, argument);
    ck_assert_msg(status == rows[_i].status, "%s: %d: %s", rows[_i].what, status, output);
    ck_assert_msg(strstr(output, rows[_i].says) != NULL, "%s: %s", rows[_i].what, output);
    cleanup(free_ptr) char *left = folder_names(&folder, ".");
    ck_assert_str_eq(left, "incoming");
    folder_remove(&folder);
}
END_TEST

START_TEST(arguments_are_checked)
{
    cleanup(free_ptr) char *program = program_built("libexec/clipspool/verify");
    ck_assert_int_eq(PROGRAM_RUN(NULL, program), 64);
    ck_assert_int_eq(PROGRAM_RUN(NULL, program, "a", "b"), 64);
    ck_assert_int_eq(PROGRAM_RUN(NULL, program, "--version"), 0);
    ck_assert_int_eq(PROGRAM_RUN(NULL, program, "--spool", "/nowhere", "./trip"), 71);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verify");
    TCase *tcase = tcase_create("verify");
    tcase_add_loop_test(tcase, a_folder_is_what_its_manifest_says_or_it_is_told, 0,
                        (int)ARRAY_LEN(rows));
    tcase_add_test(tcase, arguments_are_checked);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
