// A child, its messages and its end.
#include "cli/worker.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

START_TEST(test_the_last_messages_of_a_worker_are_kept)
{
    char *argv[] = { (char[]){ "/bin/sh" }, (char[]){ "-c" },
                     (char[]){ "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; "
                               "echo last >&2; exit 3" },
                     NULL };
    cleanup(worker_release) struct worker worker = WORKER_INIT;
    struct err err = ERR_INIT;
    ck_assert_msg(worker_start(&worker, argv, false, &err) == 0, "%s", err.text);
    worker_finish(&worker, 20000);
    ck_assert(worker.ended);
    ck_assert_int_eq(WEXITSTATUS(worker.status), 3);
    ck_assert_uint_eq(worker.length, WORKER_KEPT_BYTES);
    ck_assert_mem_eq(worker.kept + worker.length - 5, "last\n", 5);
}
END_TEST

START_TEST(test_a_worker_that_does_not_end_is_killed)
{
    char *argv[] = { (char[]){ "/bin/sh" }, (char[]){ "-c" },
                     (char[]){ "trap '' TERM; echo up; while :; do sleep 60; done" }, NULL };
    cleanup(worker_release) struct worker worker = WORKER_INIT;
    ck_assert_int_eq(worker_start(&worker, argv, false, NULL), 0);
    struct pollfd fd = { .fd = worker.child.message_fd, .events = POLLIN };
    ck_assert_int_eq(poll(&fd, 1, 5000), 1);
    child_kill(&worker.child, SIGTERM);
    worker_finish(&worker, 50);
    ck_assert(worker.ended);
    ck_assert(WIFSIGNALED(worker.status));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker");
    TCase *tcase = tcase_create("worker");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_the_last_messages_of_a_worker_are_kept);
    tcase_add_test(tcase, test_a_worker_that_does_not_end_is_killed);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
