// Programs are started with nothing but what they need, and their end is put into words.
#include "base/child.h"
#include "tests/support/folder.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

// Reads a pipe to its end; the other side ends by itself or is killed by the test.
static char *read_all(int fd)
{
    char *text = xcalloc(1, 1);
    size_t size = 0;
    for (;;) {
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        ck_assert_int_eq(poll(&poll_fd, 1, 20000), 1);
        text = xrealloc(text, size + 4097, 1);
        ssize_t n = read(fd, text + size, 4096);
        ck_assert_int_ge(n, 0);
        size += (size_t)n;
        text[size] = '\0';
        if (n == 0)
            return text;
    }
}

static int reap(struct child *child)
{
    int status = -1;
    ck_assert_int_eq(waitpid(child->pid, &status, 0), child->pid);
    return status;
}

// Runs a shell script; gives what it says.
static char *run(const char *script, const struct child_limits *limits, int *ret_status)
{
    struct child child = CHILD_INIT;
    struct err err = ERR_INIT;
    char shell[] = "/bin/sh", option[] = "-c";
    cleanup(free_ptr) char *copy = xstrdup(script);
    char *const argv[] = { shell, option, copy, NULL };
    ck_assert_msg(child_start(&child, argv, limits, &err) == 0, "%s", err.text);
    char *text = read_all(child.message_fd);
    int status = reap(&child);
    child_release(&child);
    ck_assert_int_eq(child.message_fd, -1);
    ck_assert_int_eq(child.progress_fd, -1);
    if (ret_status)
        *ret_status = status;
    return text;
}

static const struct {
    const char *script, *said;
} scripts[] = {
    { "echo out; echo err >&2", "out\nerr\n" },
    // The listing itself is the one beyond 3.
    { "cat; ls /proc/self/fd", "0\n1\n2\n3\n4\n" },
    { "readlink /proc/self/fd/0", "/dev/null\n" },
    { "echo ${SECRET-clean} $TZ $HOME $TMPDIR", "clean UTC /home/x /tmp/y\n" },
    { "echo $CREDENTIALS_DIRECTORY", "/run/keys\n" },
    // But for the two that belong to libc: a program that make starts has one of them ignored.
    { "while read key value; do case $key in SigBlk:|SigIgn:) echo $((0x$value & ~0x180000000));; "
      "esac; done </proc/self/status | sort -u",
      "0\n" },
    { "read pid name state parent group rest </proc/$$/stat; test $group = $$ && echo own group",
      "own group\n" },
    { "ulimit -c; ulimit -Hc", "0\n0\n" },
};

// The two signals below SIGRTMIN are the C library's, which lets nobody change them; whoever starts
// the tests may have ignored them all the same, so they are ignored here by way of the kernel.
static void ignore_signals_of_libc(void)
{
    const unsigned long ignored[16] = { (unsigned long)SIG_IGN };
    for (int number = 32; number < SIGRTMIN; number++)
        ck_assert_int_eq(syscall(SYS_rt_sigaction, number, ignored, NULL, (NSIG - 1) / 8), 0);
}

START_TEST(a_program_gets_what_it_needs_and_nothing_else)
{
    // Whatever the parent is in the midst of.
    cleanup(close_fd) int leak = open("/dev/null", O_RDONLY);
    ck_assert_int_ge(leak, 0);
    ck_assert_int_eq(dup2(leak, 200), 200);
    ck_assert_int_eq(setenv("SECRET", "key", 1), 0);
    ck_assert_int_eq(setenv("TZ", "UTC", 1), 0);
    ck_assert_int_eq(setenv("HOME", "/home/x", 1), 0);
    ck_assert_int_eq(setenv("TMPDIR", "/tmp/y", 1), 0);
    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", "/run/keys", 1), 0);
    sigset_t set;
    ck_assert_int_eq(sigemptyset(&set), 0);
    ck_assert_int_eq(sigaddset(&set, SIGTERM), 0);
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
    ck_assert(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    ignore_signals_of_libc();
    int status;
    cleanup(free_ptr) char *said = run(scripts[_i].script, NULL, &status);
    ck_assert_str_eq(said, scripts[_i].said);
    ck_assert_int_eq(status, 0);
    // And the parent is as it was.
    sigset_t now;
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, NULL, &now), 0);
    ck_assert(sigismember(&now, SIGTERM) == 1 && sigismember(&now, SIGINT) == 0);
    close(200);
}
END_TEST

START_TEST(a_program_starts_also_when_low_descriptors_are_closed)
{
    close(0);
    close(3);
    close(4);
    cleanup(free_ptr) char *said = run("echo progress >&3; ls /proc/self/fd", NULL, NULL);
    ck_assert_str_eq(said, "0\n1\n2\n3\n4\n");
}
END_TEST

START_TEST(progress_comes_through_its_own_pipe_which_does_not_block)
{
    struct child child = CHILD_INIT;
    char shell[] = "/bin/sh", option[] = "-c", script[] = "echo half >&3";
    char *const argv[] = { shell, option, script, NULL };
    ck_assert_int_eq(child_start(&child, argv, NULL, NULL), 0);
    ck_assert(fcntl(child.progress_fd, F_GETFL) & O_NONBLOCK);
    ck_assert(fcntl(child.message_fd, F_GETFL) & O_NONBLOCK);
    ck_assert(fcntl(child.progress_fd, F_GETFD) & FD_CLOEXEC);
    ck_assert(fcntl(child.message_fd, F_GETFD) & FD_CLOEXEC);
    cleanup(free_ptr) char *said = read_all(child.progress_fd);
    ck_assert_str_eq(said, "half\n");
    (void)reap(&child);
    child_release(&child);
}
END_TEST

static const struct {
    const char *program;
    int number;
} missing[] = {
    { "/nonexistent/stage", -ENOENT },
    { "/", -EACCES },
    { "/etc/passwd", -EACCES },
    { "/etc/passwd/stage", -ENOTDIR },
};

START_TEST(a_program_that_cannot_be_run_is_an_error_at_once)
{
    struct child child = CHILD_INIT;
    struct err err = ERR_INIT;
    cleanup(free_ptr) char *program = xstrdup(missing[_i].program);
    char *const argv[] = { program, NULL };
    ck_assert_int_eq(child_start(&child, argv, NULL, &err), missing[_i].number);
    ck_assert_int_eq(err.class, ERR_CONFIG);
    ck_assert_str_eq(err.id, "no_program");
    ck_assert_ptr_nonnull(strstr(err.text, missing[_i].program));
    ck_assert_int_eq(child.pid, 0);
    ck_assert_int_eq(child.message_fd, -1);
    // Nothing is left to reap.
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(starting_leaves_no_descriptor_behind)
{
    int before = dup(0);
    close(before);
    for (int i = 0; i < 3; i++) {
        cleanup(free_ptr) char *said = run("true", NULL, NULL);
        struct child child = CHILD_INIT;
        char none[] = "/nonexistent";
        char *const argv[] = { none, NULL };
        ck_assert_int_lt(child_start(&child, argv, NULL, NULL), 0);
    }
    int after = dup(0);
    close(after);
    ck_assert_int_eq(after, before);
}
END_TEST

START_TEST(limits_hold)
{
    const struct child_limits limits = { .memory_bytes = 1u << 30,
                                         .file_bytes = 1 << 20,
                                         .nice = 5 };
    struct folder folder;
    folder_make(&folder);
    cleanup(free_ptr) char *script = xasprintf(
        "ulimit -v; ulimit -Hf; nice; head -c 2000000 /dev/zero >%s/large || echo too large",
        folder.path);
    int status;
    cleanup(free_ptr) char *said = run(script, &limits, &status);
    cleanup(free_ptr) char *expected = xasprintf(
        "1048576\n2048\n%d\nhead: error writing 'standard output': File too large\ntoo large\n",
        getpriority(PRIO_PROCESS, 0) + 5);
    // An AddressSanitizer build leaves the address space alone.
    const char *from = strncmp(said, "unlimited\n", 10) == 0 ? strchr(expected, '\n') : expected;
    const char *got = from == expected ? said : strchr(said, '\n');
    ck_assert_str_eq(got, from);
    ck_assert_int_eq(status, 0);
    folder_remove(&folder);
}
END_TEST

START_TEST(a_signal_reaches_the_whole_group)
{
    struct child child = CHILD_INIT;
    child_kill(&child, SIGKILL); // nobody there
    char shell[] = "/bin/sh", option[] = "-c", script[] = "sleep 1000 & echo ready; wait";
    char *const argv[] = { shell, option, script, NULL };
    ck_assert_int_eq(child_start(&child, argv, NULL, NULL), 0);
    struct pollfd poll_fd = { .fd = child.message_fd, .events = POLLIN };
    ck_assert_int_eq(poll(&poll_fd, 1, 20000), 1);
    child_kill(&child, SIGTERM);
    // The pipe ends only when sleep, which holds it too, has gone.
    cleanup(free_ptr) char *said = read_all(child.message_fd);
    ck_assert_str_eq(said, "ready\n");
    int status = reap(&child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    child_kill(&child, SIGTERM);
    child_release(&child);
    ck_assert_int_eq(child.pid, 0);
}
END_TEST

START_TEST(a_child_does_not_outlive_its_parent)
{
    int report[2];
    ck_assert_int_eq(pipe(report), 0);
    pid_t middle = fork();
    if (middle == 0) {
        struct child child = CHILD_INIT;
        char sleeper[] = "/bin/sleep", seconds[] = "1000";
        char *const argv[] = { sleeper, seconds, NULL };
        if (child_start(&child, argv, NULL, NULL) == 0)
            (void)!write(report[1], &child.pid, sizeof child.pid);
        for (;;)
            pause();
    }
    // Orphans come to us, so that the end of this one can be awaited.
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    pid_t orphan = 0;
    ck_assert_int_eq(read(report[0], &orphan, sizeof orphan), sizeof orphan);
    ck_assert_int_eq(kill(middle, SIGKILL), 0);
    ck_assert_int_eq(waitpid(middle, NULL, 0), middle);
    int status = 0;
    ck_assert_int_eq(waitpid(orphan, &status, 0), orphan);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(report[0]);
    close(report[1]);
}
END_TEST

static const struct {
    const char *script, *words;
} ends[] = {
    { "exit 0", "exit status 0" },
    { "exit 65", "exit status 65" },
    { "kill -SEGV $$", "killed by SIGSEGV" },
    { "kill -KILL $$", "killed by SIGKILL" },
    { "kill -40 $$", "killed by signal 40" },
};

START_TEST(an_end_is_put_into_words)
{
    int status;
    char words[CHILD_TEXT_SIZE];
    cleanup(free_ptr) char *said = run(ends[_i].script, NULL, &status);
    ck_assert_str_eq(child_describe(status, words), ends[_i].words);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("child");
    TCase *tcase = tcase_create("child");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, a_program_gets_what_it_needs_and_nothing_else, 0,
                        (int)ARRAY_LEN(scripts));
    tcase_add_test(tcase, a_program_starts_also_when_low_descriptors_are_closed);
    tcase_add_test(tcase, progress_comes_through_its_own_pipe_which_does_not_block);
    tcase_add_loop_test(tcase, a_program_that_cannot_be_run_is_an_error_at_once, 0,
                        (int)ARRAY_LEN(missing));
    tcase_add_test(tcase, starting_leaves_no_descriptor_behind);
    tcase_add_test(tcase, limits_hold);
    tcase_add_test(tcase, a_signal_reaches_the_whole_group);
    tcase_add_test(tcase, a_child_does_not_outlive_its_parent);
    tcase_add_loop_test(tcase, an_end_is_put_into_words, 0, (int)ARRAY_LEN(ends));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
