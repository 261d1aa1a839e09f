// Free space, and whether it is enough.
#include "daemon/space.h"
#include "tests/support/folder.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

static const uint64_t GB = 1000000000;

static const struct {
    const char *name;
    struct space space;
    struct space_wish wish;
    const char *lack; // a part of it; NULL: there is none
} wishes[] = {
    { "much", { 100, 50, 90 }, { 5, 1.5, 10, 0 }, NULL },
    { "few blocks", { 100, 4, 90 }, { 5, 1.5, 1, 0 }, "only 4.0 % of the disk is free, below 5 %" },
    { "few inodes", { 100, 50, 3 }, { 5, 1.5, 1, 0 }, "only 3.0 % of the disk's inodes are free" },
    { "neither is counted", { 0, 0, 100 }, { 5, 1.5, 10, 0 }, NULL },
    { "a large batch",
      { 100, 50, 90 },
      { 5, 1.5, 34, 0 },
      "1.5 times the largest batch (34.0 GB)" },
    { "just not too large", { 100, 51, 90 }, { 5, 1.5, 34, 0 }, NULL },
    { "any size is taken", { 100, 50, 90 }, { 5, 0, 500, 0 }, NULL },
    { "others hold it",
      { 100, 50, 90 },
      { 5, 1.5, 20, 21 },
      "21.0 GB of them for batches that run" },
    { "others leave enough", { 100, 50, 90 }, { 5, 1.5, 20, 20 }, NULL },
    { "others hold the rest", { 100, 50, 90 }, { 5, 1.5, 0, 46 }, "46.0 GB of them" },
    { "others hold more than there is", { 100, 50, 90 }, { 0, 1.5, 0, 60 }, "60.0 GB of them" },
};

START_TEST(a_batch_is_taken_if_enough_stays_free)
{
    struct space space = wishes[_i].space;
    struct space_wish wish = wishes[_i].wish;
    space.total_bytes *= GB;
    space.free_bytes *= GB;
    wish.largest_bytes *= GB;
    wish.held_bytes *= GB;
    cleanup(free_ptr) char *lack = space_lack(&space, &wish);
    ck_assert_msg(!lack == !wishes[_i].lack, "%s: %s", wishes[_i].name, lack ? lack : "nothing");
    ck_assert_msg(!lack || strstr(lack, wishes[_i].lack), "%s: %s", wishes[_i].name, lack);
}
END_TEST

static double free_percent(const struct space *space)
{
    double blocks = 100.0 * (double)space->free_bytes / (double)space->total_bytes;
    return blocks < space->free_inodes_percent ? blocks : space->free_inodes_percent;
}

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
    struct space space = { 0 };
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
    int r = space_look(fd, &space, NULL);
    double percent = free_percent(&space);
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
    struct space space = { .free_bytes = 7 };
    ck_assert_int_lt(space_look(-1, &space, &err), 0);
    ck_assert_uint_eq(space.free_bytes, 7);
    ck_assert(err.class != ERR_NONE);
}
END_TEST

START_TEST(a_reserve_is_kept_once_and_given_once_and_not_where_little_is_free)
{
    struct folder folder;
    struct stat st;
    folder_make(&folder);
    folder_put(&folder, SPACE_RESERVE, ""); // as a kill may leave it
    space_keep(folder.fd);
    space_keep(folder.fd);
    ck_assert_int_eq(fstatat(folder.fd, SPACE_RESERVE, &st, 0), 0);
    ck_assert_int_ge(st.st_blocks, 1000);
    ck_assert(space_give(folder.fd));
    ck_assert(!space_give(folder.fd));
    if (mount("tmpfs", folder.path, "tmpfs", 0, "size=8m") == 0) {
        cleanup(close_fd) int small = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        space_keep(small);
        ck_assert(!space_give(small));
        close_fd(&small);
        ck_assert_int_eq(umount2(folder.path, MNT_DETACH), 0);
    }
    folder_remove(&folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("space");
    TCase *tcase = tcase_create("space");
    tcase_add_loop_test(tcase, a_batch_is_taken_if_enough_stays_free, 0, ARRAY_LEN(wishes));
    tcase_add_loop_test(tcase, what_is_scarcer_counts, 0, ARRAY_LEN(rows));
    tcase_add_test(tcase, a_closed_descriptor_is_an_error_in_words);
    tcase_add_test(tcase, a_reserve_is_kept_once_and_given_once_and_not_where_little_is_free);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
