// What is in doubt is told with the worst there is, and looking at it leaves nothing behind.
#include "spool/doubt.h"
#include "tests/support/folder.h"
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct folder folder;
static struct doubt doubt;

static void set_up(void)
{
    folder_make(&folder);
    ck_assert_int_eq(mkdirat(folder.fd, "trip", 0755), 0);
    doubt = (struct doubt)DOUBT_INIT;
}

static void tear_down(void)
{
    doubt_release(&doubt);
    folder_remove(&folder);
}

// A file of 1 MiB that holds a byte at `written_at` and nothing else.
static void make_sparse(const char *name, off_t written_at)
{
    cleanup(close_fd) int fd = openat(folder.fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
    ck_assert_int_eq(pwrite(fd, "x", 1, written_at), 1);
}

static void expect(enum doubt_kind kind, const char *path, const char *why)
{
    doubt_look(folder.fd, "trip", 100, &doubt);
    ck_assert_msg(doubt.kind == kind, "%d: %s", doubt.kind, doubt.why ? doubt.why : "no doubt");
    if (path == NULL) {
        ck_assert_ptr_null(doubt.path);
        return;
    }
    ck_assert_str_eq(doubt.path, path);
    ck_assert_msg(strstr(doubt.why, why) != NULL, "%s", doubt.why);
}

START_TEST(whole_files_are_in_no_doubt)
{
    folder_put(&folder, "trip/a.mp4", "x");
    folder_put(&folder, "trip/job.conf", "");
    expect(DOUBT_NONE, NULL, NULL);
}
END_TEST

START_TEST(an_empty_video_is_not_all_of_it)
{
    folder_put(&folder, "trip/a.mp4", "");
    expect(DOUBT_CUT_OFF, "a.mp4", "is empty");
}
END_TEST

START_TEST(the_worst_is_told)
{
    make_sparse("trip/a.mp4", (1 << 20) - 1);
    expect(DOUBT_GAP, "a.mp4", "has a hole at 0 B");
    make_sparse("trip/b.mp4", 0);
    expect(DOUBT_CUT_OFF, "b.mp4", "is cut off: it has a hole at");
    folder_put(&folder, "trip/c.mp4", "x");
    cleanup(close_fd) int fd = openat(folder.fd, "trip/c.mp4", O_WRONLY | O_CLOEXEC);
    expect(DOUBT_OPEN, "c.mp4", "is still open for writing");
    close_fd(&fd);
    expect(DOUBT_CUT_OFF, "b.mp4", "is cut off");
}
END_TEST

START_TEST(housekeeping_is_in_no_doubt)
{
    make_sparse("trip/._a.mp4", 0);
    expect(DOUBT_NONE, NULL, NULL);
}
END_TEST

START_TEST(a_pipe_is_not_waited_for)
{
    ck_assert_int_eq(mkfifoat(folder.fd, "trip/a.mp4", 0644), 0);
    expect(DOUBT_NONE, NULL, NULL);
}
END_TEST

START_TEST(a_loose_file_is_told_by_its_name)
{
    make_sparse("clip.mp4", 0);
    doubt_look(folder.fd, "clip.mp4", 100, &doubt);
    ck_assert_int_eq(doubt.kind, DOUBT_CUT_OFF);
    ck_assert_str_eq(doubt.path, "clip.mp4");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("doubt");
    TCase *tcase = tcase_create("doubt");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, whole_files_are_in_no_doubt);
    tcase_add_test(tcase, an_empty_video_is_not_all_of_it);
    tcase_add_test(tcase, the_worst_is_told);
    tcase_add_test(tcase, housekeeping_is_in_no_doubt);
    tcase_add_test(tcase, a_pipe_is_not_waited_for);
    tcase_add_test(tcase, a_loose_file_is_told_by_its_name);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
