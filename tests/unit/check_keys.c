// Which key frame is near.
#include "base/base.h"
#include "highlight/keys.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>

static const double times[] = { 0, 1, 2, 4.5 };

static const struct {
    const char *name;
    double time, within, near; // NAN: none
    size_t from;
} rows[] = {
    { "on one", 1, 0, 1, 1 },
    { "a little before", 0.9, 0.2, 1, 1 },
    { "a little after", 1.1, 0.2, 1, 2 },
    { "too far from both", 1.5, 0.4, NAN, 2 },
    { "as far as may be", 1.5, 0.5, 2, 2 },
    { "the nearer of two", 1.4, 0.9, 1, 2 },
    { "before the first", -0.1, 0.2, 0, 0 },
    { "behind the last", 4.6, 0.2, 4.5, 4 },
    { "far behind the last", 9, 1, NAN, 4 },
};

START_TEST(the_nearest_within_is_found)
{
    struct keys keys = { .times = times, .count = ARRAY_LEN(times) };
    double near = keys_near(&keys, rows[_i].time, rows[_i].within);
    ck_assert_msg(isnan(rows[_i].near) ? isnan(near) : near == rows[_i].near, "%s: %f",
                  rows[_i].name, near);
    ck_assert_msg(keys_from(&keys, rows[_i].time) == rows[_i].from, "%s", rows[_i].name);
}
END_TEST

START_TEST(every_picture_may_be_one_or_none)
{
    struct keys all = { .all = true }, none = { .count = 0 };
    ck_assert_double_eq(keys_near(&all, 1.23, 0), 1.23);
    ck_assert(isnan(keys_near(&none, 1.23, 9)));
    ck_assert_uint_eq(keys_from(&none, 1.23), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keys");
    TCase *tcase = tcase_create("keys");
    tcase_add_loop_test(tcase, the_nearest_within_is_found, 0, (int)ARRAY_LEN(rows));
    tcase_add_test(tcase, every_picture_may_be_one_or_none);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
