// Free space as a share of blocks or inodes.
#include "daemon/space.h"
#include "tests/support/folder.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>

START_TEST(the_share_is_one)
{
    struct folder folder;
    double percent = -1;
    folder_make(&folder);
    ck_assert_int_eq(space_free_percent(folder.fd, &percent, NULL), 0);
    ck_assert(percent >= 0 && percent <= 100);
    folder_remove(&folder);
}
END_TEST

static const struct {
    const char *name, *options;
    unsigned files;
    size_t bytes; // of each
    double least, most;
} rows[] = {
    { "empty", "size=1m", 0, 0, 95, 100 },
    { "half of the blocks", "size=1m", 1, 512 * 1024, 45, 55 },
    { "nearly all blocks", "size=1m", 1, 1000 * 1024, 0, 5 },
    { "half of the inodes", "size=1m,nr_inodes=40", 20, 0, 40, 55 },
};

START_TEST(what_is_scarcer_counts)
{
    struct folder folder;
    double percent = -1;
    folder_make(&folder);
    if (mount("tmpfs", folder.path, "tmpfs", 0, rows[_i].options) < 0) {
        printf("SKIP: no file system of a small size can be mounted here\n");
        folder_remove(&folder);
        return;
    }
    cleanup(close_fd) int fd = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup(free_ptr) char *bytes = xcalloc(1, rows[_i].bytes + 1);
    for (unsigned i = 0; i < rows[_i].files; i++) {
        cleanup(free_ptr) char *name = xasprintf("file%u", i);
        cleanup(close_fd) int file = openat(fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        ck_assert_int_eq(write(file, bytes, rows[_i].bytes), (ssize_t)rows[_i].bytes);
    }
    int r = space_free_percent(fd, &percent, NULL);
    close_fd(&fd);
    ck_assert_int_eq(umount2(folder.path, MNT_DETACH), 0);
    ck_assert_int_eq(r, 0);
    ck_assert_msg(percent >= rows[_i].least && percent <= rows[_i].most, "%s: %g %%", rows[_i].name,
                  percent);
    folder_remove(&folder);
}
END_TEST

START_TEST(a_closed_descriptor_is_an_error_in_words)
{
    struct err err = ERR_INIT;
    double percent = 7;
    ck_assert_int_lt(space_free_percent(-1, &percent, &err), 0);
    ck_assert_double_eq(percent, 7);
    ck_assert(err.class != ERR_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("space");
    TCase *tcase = tcase_create("space");
    tcase_add_test(tcase, the_share_is_one);
    tcase_add_loop_test(tcase, what_is_scarcer_counts, 0, ARRAY_LEN(rows));
    tcase_add_test(tcase, a_closed_descriptor_is_an_error_in_words);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
