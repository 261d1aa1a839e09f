// SHA256SUMS: what sha256sum writes is understood, what leads elsewhere is refused.
#include "spool/manifest.h"
#include "tests/support/folder.h"
#include "tests/support/program.h"
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUM "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OTHER "a3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct {
    const char *text, *path; // NULL: refused
} good[] = {
    { SUM "  a.mp4\n", "a.mp4" },
    { SUM "  a.mp4", "a.mp4" },
    { SUM " *a.mp4\n", "a.mp4" },
    { SUM "  a.mp4\r\n", "a.mp4" },
    { "\xef\xbb\xbf" SUM "  a.mp4\r\n\r\n", "a.mp4" },
    { SUM "  ./day 1/a.mp4\n", "day 1/a.mp4" },
    { SUM "   a.mp4\n", " a.mp4" },
    { SUM "  a\\b.mp4\n", "a\\b.mp4" },
    { "\\" SUM "  a\\\\b\\nc\\rd.mp4\n", "a\\b\nc\rd.mp4" },
    { "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855 *a.mp4", "a.mp4" },
    { SUM "  a.mp4\n" SUM "  a.mp4\n", "a.mp4" },
    { SUM "  \xff.mp4\n", "\xff.mp4" },
    { SUM "  ...\n", "..." },
};

START_TEST(what_sha256sum_writes_is_understood)
{
    cleanup(manifest_release) struct manifest manifest = MANIFEST_INIT;
    struct err err = ERR_INIT;
    int r = manifest_parse(good[_i].text, strlen(good[_i].text), &manifest, &err);
    ck_assert_msg(r == 0, "%s: %s", good[_i].text, err.text);
    const struct manifest_file *file = manifest_find(&manifest, good[_i].path);
    ck_assert_ptr_nonnull(file);
    ck_assert_str_eq(file->sum, SUM);
}
END_TEST

static const struct {
    const char *text, *says;
} bad[] = {
    { "", "no file in it" },
    { "\n\n", "no file in it" },
    { SUM, "line 1: does not begin" },
    { SUM "  \n", "line 1: does not begin" },
    { SUM "  a.mp4\nrubbish\n", "line 2: does not begin" },
    { "SHA256 (a.mp4) = " SUM "\n", "line 1" },
    { "d41d8cd98f00b204e9800998ecf8427e  a.mp4\n", "line 1" }, // MD5
    { SUM "\t\ta.mp4\n", "two blanks" },
    { SUM "  /etc/passwd\n", "not in the folder" },
    { SUM "  ../a.mp4\n", "not in the folder" },
    { SUM "  day/../../a.mp4\n", "not in the folder" },
    { SUM "  .\n", "not in the folder" },
    { SUM "  ./\n", "not in the folder" },
    { SUM "  a//b\n", "not in the folder" },
    { SUM "  a/\n", "not in the folder" },
    { "\\" SUM "  ..\\n/a\\x\n", "backslash" },
    { "\\" SUM "  a\\", "backslash" },
    { SUM "  a.mp4\n" OTHER "  a.mp4\n", "two sums for a.mp4" },
};

START_TEST(what_it_does_not_write_is_refused_with_its_line)
{
    struct manifest manifest;
    struct err err = ERR_INIT;
    ck_assert_int_lt(manifest_parse(bad[_i].text, strlen(bad[_i].text), &manifest, &err), 0);
    ck_assert_str_eq(err.id, "bad_manifest");
    ck_assert_msg(strstr(err.text, bad[_i].says) != NULL, "%s: %s", bad[_i].text, err.text);
    ck_assert_ptr_nonnull(strstr(err.hint, "sha256sum"));
    ck_assert_uint_eq(manifest.count, 0);
}
END_TEST

START_TEST(a_nul_byte_is_refused)
{
    static const char text[] = SUM "  a\0b\n";
    struct manifest manifest;
    struct err err = ERR_INIT;
    ck_assert_int_lt(manifest_parse(text, sizeof text - 1, &manifest, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "NUL"));
}
END_TEST

START_TEST(more_files_than_allowed_are_refused)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    for (int i = 0; i <= MANIFEST_MAX_FILES; i++)
        fprintf(out, SUM "  %d\n", i);
    ck_assert_int_eq(fclose(out), 0);
    struct manifest manifest;
    struct err err = ERR_INIT;
    ck_assert_int_lt(manifest_parse(text, size, &manifest, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "one file too many"));
    free(text);
}
END_TEST

START_TEST(a_file_is_missing_until_it_is_there_as_a_file)
{
    struct folder folder;
    cleanup(manifest_release) struct manifest manifest = MANIFEST_INIT;
    struct err err = ERR_INIT;
    folder_make(&folder);
    ck_assert_int_eq(manifest_read(folder.fd, &manifest, &err), -ENOENT);
    ck_assert_int_eq(err.class, ERR_NONE);
    folder_put(&folder, MANIFEST_FILE, SUM "  a.mp4\n" SUM "  more/b.mp4\n");
    ck_assert_msg(manifest_read(folder.fd, &manifest, &err) == 0, "%s", err.text);
    ck_assert_str_eq(manifest_missing(&manifest, folder.fd)->path, "a.mp4");
    ck_assert_int_eq(symlinkat("/etc/passwd", folder.fd, "a.mp4"), 0);
    ck_assert_str_eq(manifest_missing(&manifest, folder.fd)->path, "a.mp4");
    ck_assert_int_eq(unlinkat(folder.fd, "a.mp4", 0), 0);
    folder_put(&folder, "a.mp4", "");
    ck_assert_int_eq(symlinkat("/etc", folder.fd, "more"), 0);
    ck_assert_str_eq(manifest_missing(&manifest, folder.fd)->path, "more/b.mp4");
    ck_assert_int_eq(unlinkat(folder.fd, "more", 0), 0);
    ck_assert_int_eq(mkdirat(folder.fd, "more", 0755), 0);
    folder_put(&folder, "more/b.mp4", "");
    ck_assert_ptr_null(manifest_missing(&manifest, folder.fd));
    folder_remove(&folder);
}
END_TEST

START_TEST(the_program_of_the_machine_writes_what_is_understood)
{
    struct folder folder;
    cleanup(manifest_release) struct manifest manifest = MANIFEST_INIT;
    struct err err = ERR_INIT;
    folder_make(&folder);
    folder_put(&folder, "plain.mp4", "");
    folder_put(&folder, "line\nbreak.mp4", "");
    folder_put(&folder, "back\\slash.mp4", "");
    cleanup(free_ptr) char *command =
        xasprintf("cd %s && sha256sum -b -- * > SHA256SUMS", folder.path);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "sh", "-c", command), 0);
    // With a line for itself, as it was while it was made: empty.
    ck_assert_msg(manifest_read(folder.fd, &manifest, &err) == 0, "%s", err.text);
    ck_assert_ptr_nonnull(manifest_find(&manifest, "plain.mp4"));
    ck_assert_ptr_nonnull(manifest_find(&manifest, "line\nbreak.mp4"));
    ck_assert_ptr_nonnull(manifest_find(&manifest, "back\\slash.mp4"));
    ck_assert_ptr_null(manifest_find(&manifest, MANIFEST_FILE));
    folder_remove(&folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("manifest");
    TCase *tcase = tcase_create("manifest");
    tcase_add_loop_test(tcase, what_sha256sum_writes_is_understood, 0, (int)ARRAY_LEN(good));
    tcase_add_loop_test(tcase, what_it_does_not_write_is_refused_with_its_line, 0,
                        (int)ARRAY_LEN(bad));
    tcase_add_test(tcase, a_nul_byte_is_refused);
    tcase_add_test(tcase, more_files_than_allowed_are_refused);
    tcase_add_test(tcase, a_file_is_missing_until_it_is_there_as_a_file);
    tcase_add_test(tcase, the_program_of_the_machine_writes_what_is_understood);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
