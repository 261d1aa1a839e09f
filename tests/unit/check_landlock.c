// What Landlock leaves of a folder, a file and a device, each looked at by a process of its own.
#include "base/landlock.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct folder folder;

static void set_up(void)
{
    folder_make(&folder);
    ck_assert_int_eq(mkdirat(folder.fd, "in", 0700), 0);
    ck_assert_int_eq(mkdirat(folder.fd, "in/deep", 0700), 0);
    folder_put(&folder, "in/deep/file", "text");
    folder_put(&folder, "beside", "text");
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static const struct {
    const char *what, *granted;
    enum reach reach;
    const char *opened;
    int flags;
    bool can;
} rows[] = {
    { "a folder that may be listed is", "in", REACH_LIST, "in/deep", O_RDONLY | O_DIRECTORY, true },
    { "and its files are not read", "in", REACH_LIST, "in/deep/file", O_RDONLY, false },
    { "a folder that may be read is, with all below", "in", REACH_READ, "in/deep/file", O_RDONLY,
      true },
    { "and not written", "in", REACH_READ, "in/deep/file", O_WRONLY, false },
    { "nor is a file made there", "in", REACH_READ, "in/new", O_WRONLY | O_CREAT, false },
    { "a folder that may be written is", "in", REACH_WRITE, "in/deep/new", O_WRONLY | O_CREAT,
      true },
    { "what is beside it is not there", "in", REACH_WRITE, "beside", O_RDONLY, false },
    { "nor what is above", "in", REACH_WRITE, ".", O_RDONLY | O_DIRECTORY, false },
    { "a file that may be read is", "beside", REACH_READ, "beside", O_RDONLY, true },
    { "a file that may be written is", "beside", REACH_WRITE, "beside", O_RDWR, true },
    { "a file that may be listed has nothing to list", "beside", REACH_LIST, "beside", O_RDONLY,
      false },
    { "what is not there permits nothing", "missing", REACH_WRITE, "beside", O_RDONLY, false },
};

static int try(size_t i)
{
    cleanup(free_ptr) char *granted = xasprintf("%s/%s", folder.path, rows[i].granted);
    cleanup(free_ptr) char *opened = xasprintf("%s/%s", folder.path, rows[i].opened);
    const struct reach_place place = { .path = granted, .reach = rows[i].reach };
    const struct reach_list lists[] = { { &place, 1 }, { NULL, 0 } };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        landlock_restrict(lists, ARRAY_LEN(lists), NULL) < 0)
        return 9;
    cleanup(close_fd) int fd = open(opened, rows[i].flags | O_CLOEXEC, 0600);
    return fd >= 0 ? 0 : errno;
}

START_TEST(a_place_grants_what_it_says)
{
    int status;
    if (landlock_version() < 2)
        return;
    pid_t pid = fork();
    if (pid == 0)
        _exit(try((size_t)_i));
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == (rows[_i].can ? 0 : EACCES), "%s: %x",
                  rows[_i].what, (unsigned)status);
}
END_TEST

// A process that could still gain rights is not let in by the kernel, and is told.
START_TEST(what_the_kernel_refuses_is_told)
{
    int status;
    if (landlock_version() < 2)
        return;
    pid_t pid = fork();
    if (pid == 0) {
        struct err err = ERR_INIT;
        (void)!setuid(65534); // else being root is enough
        int r = landlock_restrict(NULL, 0, &err);
        _exit(r == -EPERM && err.class == ERR_SYSTEM && strcmp(err.id, "no_landlock") == 0 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("landlock");
    TCase *tcase = tcase_create("landlock");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_place_grants_what_it_says, 0, (int)ARRAY_LEN(rows));
    tcase_add_test(tcase, what_the_kernel_refuses_is_told);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
