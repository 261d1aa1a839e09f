// What the service cannot do without: it ends rather than wait for ever.
#include "daemon/service.h"
#include <check.h>
#include <errno.h>
#include <sysexits.h>

START_TEST(what_did_not_fail_or_came_too_late_ends_nothing)
{
    service_need(0);
    service_need(1);
    service_need(-ESTALE);
}
END_TEST

static const int failures[] = { -ENOMEM, -EMFILE, -EPERM };

START_TEST(a_timer_that_cannot_be_set_ends_the_process)
{
    service_need(failures[_i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("service");
    TCase *tcase = tcase_create("service");
    tcase_add_test(tcase, what_did_not_fail_or_came_too_late_ends_nothing);
    tcase_add_loop_exit_test(tcase, a_timer_that_cannot_be_set_ends_the_process, EX_OSERR, 0,
                             (int)ARRAY_LEN(failures));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
