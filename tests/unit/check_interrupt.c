// Ctrl-C as an event.
#include "cli/interrupt.h"

#include <check.h>
#include <signal.h>

START_TEST(test_an_interrupt_is_an_event)
{
    cleanup(close_fd) int fd = interrupt_open();
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(interrupt_taken(fd), 0);
    ck_assert_int_eq(raise(SIGINT), 0);
    ck_assert_int_eq(interrupt_taken(fd), SIGINT);
    ck_assert_int_eq(raise(SIGTERM), 0);
    ck_assert_int_eq(interrupt_taken(fd), SIGTERM);
    ck_assert_int_eq(interrupt_taken(fd), 0);
    ck_assert_int_eq(interrupt_taken(-1), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("interrupt");
    TCase *tcase = tcase_create("interrupt");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_an_interrupt_is_an_event);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
