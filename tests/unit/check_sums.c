// A file is what its sum says, or it is told which one is not.
#include "stages/sums.h"
#include "tests/support/folder.h"
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

// Of "abc", by FIPS 180-4.
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static struct folder folder;

static void progressed(void *context, uint64_t bytes)
{
    *(uint64_t *)context = bytes;
}

START_TEST(a_file_is_held_against_its_sum)
{
    struct manifest_file file = { .path = (char[]){ "a.mp4" }, .sum = ABC };
    struct err err = ERR_INIT;
    uint64_t done = 0;
    folder_make(&folder);
    folder_put(&folder, "a.mp4", "abc");
    cleanup(close_fd) int fd = fs_open(folder.fd, "a.mp4", O_RDONLY);
    ck_assert_int_eq(sums_check(fd, &file, progressed, &done, &err), 0);
    ck_assert_uint_eq(done, 3);
    folder_put(&folder, "a.mp4", "abd");
    close_fd(&fd);
    fd = fs_open(folder.fd, "a.mp4", O_RDONLY);
    ck_assert_int_lt(sums_check(fd, &file, NULL, NULL, &err), 0);
    ck_assert_str_eq(err.id, "wrong_sum");
    ck_assert_ptr_nonnull(strstr(err.text, "is not what SHA256SUMS says"));
    ck_assert_ptr_nonnull(strstr(err.text, "not ba7816bf8f01..."));
    folder_remove(&folder);
}
END_TEST

static void make_nothing(void)
{
}

static void make_good(void)
{
    folder_put(&folder, "b.mp4", "abc");
}

static void make_short(void)
{
    folder_put(&folder, "b.mp4", "ab");
}

static void make_link(void)
{
    folder_put(&folder, "c", "abc");
    ck_assert_int_eq(symlinkat("c", folder.fd, "b.mp4"), 0);
}

static void make_pipe(void)
{
    ck_assert_int_eq(mkfifoat(folder.fd, "b.mp4", 0644), 0);
}

static const struct {
    void (*make)(void);
    const char *id;
} second[] = {
    { make_good, "" },
    { make_short, "wrong_sum" },
    { make_nothing, "missing_file" },
    { make_link, "missing_file" },
    { make_pipe, "missing_file" },
};

START_TEST(all_files_must_be_there_and_right)
{
    cleanup(manifest_release) struct manifest manifest = MANIFEST_INIT;
    struct err err = ERR_INIT;
    folder_make(&folder);
    folder_put(&folder, "a.mp4", "abc");
    folder_put(&folder, MANIFEST_FILE, ABC "  a.mp4\n" ABC "  b.mp4\n");
    second[_i].make();
    ck_assert_int_eq(manifest_read(folder.fd, &manifest, &err), 0);
    int r = sums_check_all(folder.fd, &manifest, &err);
    ck_assert_str_eq(err.id, second[_i].id);
    ck_assert_int_eq(r < 0, second[_i].id[0] != 0);
    if (r < 0)
        ck_assert_ptr_nonnull(strstr(err.text, "b.mp4"));
    folder_remove(&folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sums");
    TCase *tcase = tcase_create("sums");
    tcase_add_test(tcase, a_file_is_held_against_its_sum);
    tcase_add_loop_test(tcase, all_files_must_be_there_and_right, 0, (int)ARRAY_LEN(second));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
