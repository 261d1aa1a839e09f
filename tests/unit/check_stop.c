// Being asked to end: the signal waits at a descriptor, and the end it would have made is made
// late.
//
// Each case is a process of its own, whose end is looked at from outside.
#include "stages/stop.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

enum { PATIENCE_SECONDS = 20, GONE_ON = 7, BAD = 8 };

static const int stops[] = { SIGTERM, SIGINT };

static int catch_or_leave(void)
{
    int fd = stop_catch(NULL);
    if (fd < 0)
        _exit(BAD);
    return fd;
}

static bool is_readable(int fd, int seconds)
{
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    return poll(&ready, 1, seconds * 1000) == 1;
}

// Runs `live` in a process that was told nothing yet: it writes a byte to `ready` once it may be
// sent `number` (0: nothing is sent).  Returns how it ended, as of waitpid.
static int outlive(void (*live)(int ready), int number)
{
    int ends[2], status;
    char byte;
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        for (size_t i = 0; i < ARRAY_LEN(stops); i++)
            (void)signal(stops[i], SIG_DFL); // Check handles them, programs do not
        (void)signal(SIGHUP, SIG_DFL);       // ignored by what outlives its terminal (nohup)
        (void)alarm(2 * PATIENCE_SECONDS);
        live(ends[1]);
        _exit(BAD);
    }
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    if (number != 0)
        ck_assert_int_eq(kill(pid, number), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    close(ends[0]);
    return status;
}

static void expect_exit(int status, int due)
{
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == due, "status %#x, not exit %d",
                  (unsigned)status, due);
}

static void expect_signal(int status, int due)
{
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == due, "status %#x, not signal %d",
                  (unsigned)status, due);
}

static void see_it_and_go_on(int ready)
{
    int fd = catch_or_leave();
    if (is_readable(fd, 0))
        _exit(BAD);
    (void)!write(ready, "", 1);
    _exit(is_readable(fd, PATIENCE_SECONDS) ? GONE_ON : BAD);
}

START_TEST(a_signal_becomes_readable_and_does_not_end_the_process)
{
    expect_exit(outlive(see_it_and_go_on, stops[_i]), GONE_ON);
}
END_TEST

static void make_safe_and_end(int ready)
{
    int fd = catch_or_leave();
    (void)!write(ready, "", 1);
    if (is_readable(fd, PATIENCE_SECONDS))
        stop_end(fd);
    _exit(BAD);
}

START_TEST(the_end_is_the_one_that_the_signal_would_have_made)
{
    expect_signal(outlive(make_safe_and_end, stops[_i]), stops[_i]);
}
END_TEST

START_TEST(another_signal_ends_the_process_as_ever)
{
    expect_signal(outlive(see_it_and_go_on, SIGHUP), SIGHUP);
}
END_TEST

static void end_unasked(int ready)
{
    int fd = catch_or_leave();
    stop_end(fd);
    stop_end(fd);
    (void)!write(ready, "", 1);
    _exit(GONE_ON);
}

START_TEST(who_was_not_asked_to_end_goes_on_at_once)
{
    expect_exit(outlive(end_unasked, 0), GONE_ON);
}
END_TEST

static void end_unasked_then_asked(int ready)
{
    int fd = catch_or_leave();
    stop_end(fd);
    (void)!write(ready, "", 1);
    _exit(is_readable(fd, PATIENCE_SECONDS) ? GONE_ON : BAD);
}

START_TEST(who_went_on_can_still_be_asked)
{
    expect_exit(outlive(end_unasked_then_asked, stops[_i]), GONE_ON);
}
END_TEST

static void look_at_descriptor(int ready)
{
    int fd = catch_or_leave();
    (void)!write(ready, "", 1);
    _exit(fcntl(fd, F_GETFD) & FD_CLOEXEC ? GONE_ON : BAD);
}

START_TEST(a_program_that_is_started_does_not_get_the_descriptor)
{
    expect_exit(outlive(look_at_descriptor, 0), GONE_ON);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stop");
    TCase *tcase = tcase_create("stop");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_signal_becomes_readable_and_does_not_end_the_process, 0,
                        (int)ARRAY_LEN(stops));
    tcase_add_loop_test(tcase, the_end_is_the_one_that_the_signal_would_have_made, 0,
                        (int)ARRAY_LEN(stops));
    tcase_add_test(tcase, another_signal_ends_the_process_as_ever);
    tcase_add_test(tcase, who_was_not_asked_to_end_goes_on_at_once);
    tcase_add_loop_test(tcase, who_went_on_can_still_be_asked, 0, (int)ARRAY_LEN(stops));
    tcase_add_test(tcase, a_program_that_is_started_does_not_get_the_descriptor);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
