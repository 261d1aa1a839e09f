// Stories of clocks: whatever they do, nothing expires at once because of it.
#include "spool/calendar.h"
#include "tests/support/folder.h"
#include <check.h>
#include <math.h>

#define HOUR 3600.0
#define DAY 86400.0

static struct folder folder;
static const time_t start = 1795320900; // some day in 2026

static void set_up(void)
{
    folder_make(&folder);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

// A look with the wall clock so many seconds after the start; ran < 0: the service has just
// started. Gives what is believed, in seconds after the start.
static double look(double wall, double ran, int expected)
{
    time_t now = 0;
    struct err err = ERR_INIT;
    int r = calendar_look(folder.fd, start + (time_t)wall, ran, &now, &err);
    ck_assert_msg(r == expected, "at %.0f: %d %s", wall, r, err.text);
    return difftime(now, start);
}

START_TEST(a_clock_that_goes_as_time_does_is_followed)
{
    ck_assert_double_eq(look(0, -1, 0), 0);
    for (int hour = 1; hour <= 100; hour++)
        ck_assert_double_eq(look(hour * HOUR, HOUR, 0), hour * HOUR);
}
END_TEST

START_TEST(small_corrections_and_weekends_are_believed)
{
    (void)look(0, -1, 0);
    ck_assert_double_eq(look(HOUR + 600, HOUR, 0), HOUR + 600);
    ck_assert_double_eq(look(HOUR + 600 + 2.5 * DAY, -1, 0), HOUR + 600 + 2.5 * DAY);
}
END_TEST

START_TEST(a_jump_forward_is_not_followed_until_the_service_has_run_with_it_for_days)
{
    const double jump = 3650 * DAY;
    (void)look(0, -1, 0);
    int hours = 0;
    for (; hours < 71; hours++)
        ck_assert_double_le(look(jump + hours * HOUR, HOUR, 1), 72 * HOUR);
    ck_assert_double_eq(look(jump + hours * HOUR, HOUR, 0), jump + hours * HOUR);
}
END_TEST

START_TEST(a_jump_while_the_service_was_stopped_is_none_the_better_for_restarts)
{
    const double jump = 3650 * DAY;
    (void)look(0, -1, 0);
    for (int i = 0; i < 50; i++)
        ck_assert_double_eq(look(jump + i * 60, -1, 1), 0);
    // The hours of several runs add up.
    for (int i = 0; i < 71; i++) {
        ck_assert_double_le(look(jump + i * HOUR, -1, 1), 72 * HOUR);
        ck_assert_double_le(look(jump + i * HOUR + HOUR, HOUR, 1), 72 * HOUR);
    }
    ck_assert_double_eq(look(jump + 72 * HOUR, HOUR, 0), jump + 72 * HOUR);
}
END_TEST

START_TEST(a_jump_that_is_set_right_leaves_nothing_behind)
{
    (void)look(0, -1, 0);
    for (int i = 1; i < 60; i++)
        (void)look(3650 * DAY + i * HOUR, HOUR, 1);
    ck_assert_double_eq(look(60 * HOUR, HOUR, 0), 60 * HOUR);
    // The next jump is doubted from the beginning.
    for (int i = 0; i < 71; i++)
        (void)look(3650 * DAY, HOUR, 1);
    (void)look(3650 * DAY, HOUR, 0);
}
END_TEST

START_TEST(a_clock_that_goes_back_is_believed_at_once)
{
    (void)look(0, -1, 0);
    ck_assert_double_eq(look(-400 * DAY, HOUR, 0), -400 * DAY);
    ck_assert_double_eq(look(-400 * DAY + HOUR, HOUR, 0), -400 * DAY + HOUR);
}
END_TEST

START_TEST(a_damaged_file_is_no_file)
{
    folder_put(&folder, "calendar.json", "{\"believed\": \"x\"}");
    ck_assert_double_eq(look(5 * DAY, -1, 0), 5 * DAY);
}
END_TEST

START_TEST(what_cannot_be_kept_is_an_error_and_right_all_the_same)
{
    time_t now = 0;
    struct err err = ERR_INIT;
    cleanup(close_fd) int nowhere = -1;
    ck_assert_int_lt(calendar_look(nowhere, start, -1, &now, &err), 0);
    ck_assert_int_eq(now, start);
    ck_assert_int_ne(err.class, ERR_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("calendar");
    TCase *tcase = tcase_create("calendar");
    tcase_set_timeout(tcase, 60); // each look is two syncs, and a disk may be busy
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_clock_that_goes_as_time_does_is_followed);
    tcase_add_test(tcase, small_corrections_and_weekends_are_believed);
    tcase_add_test(tcase,
                   a_jump_forward_is_not_followed_until_the_service_has_run_with_it_for_days);
    tcase_add_test(tcase, a_jump_while_the_service_was_stopped_is_none_the_better_for_restarts);
    tcase_add_test(tcase, a_jump_that_is_set_right_leaves_nothing_behind);
    tcase_add_test(tcase, a_clock_that_goes_back_is_believed_at_once);
    tcase_add_test(tcase, a_damaged_file_is_no_file);
    tcase_add_test(tcase, what_cannot_be_kept_is_an_error_and_right_all_the_same);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
