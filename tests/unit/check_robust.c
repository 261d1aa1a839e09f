// Median, quantiles and MAD, against a plain sort.
#include "highlight/robust.h"
#include "tests/support/invented.h"
#include <check.h>
#include <math.h>

static int ascending(const void *a, const void *b)
{
    float p = *(const float *)a, q = *(const float *)b;
    return p < q ? -1 : p > q;
}

START_TEST(a_quantile_is_what_sorting_gives)
{
    uint64_t state = 1;
    for (int round = 0; round < 500; round++) {
        float values[64], sorted[64];
        size_t count = (size_t)invent_number(&state, 1, 64);
        for (size_t i = 0; i < count; i++)
            values[i] = (float)floor(invent_number(&state, 0, round % 2 ? 5 : 1000));
        memcpy(sorted, values, sizeof sorted);
        qsort(sorted, count, sizeof *sorted, ascending);
        double fraction = invent_number(&state, 0, 1);
        size_t place = (size_t)lround(fraction * (double)(count - 1));
        ck_assert_float_eq(robust_quantile(values, count, fraction), sorted[place]);
    }
}
END_TEST

START_TEST(an_outlier_moves_neither_median_nor_scale)
{
    float values[] = { 1, 2, 3, 4, 1e6f };
    struct robust robust = robust_measure(values, ARRAY_LEN(values), 1e-9);
    ck_assert_double_eq(robust.median, 3);
    ck_assert_double_eq_tol(robust.scale, 1.4826, 1e-6);
    ck_assert_double_eq_tol(robust_score(&robust, 3 + 1.4826), 1, 1e-6);
}
END_TEST

START_TEST(a_flat_signal_has_the_floor_as_scale)
{
    float values[] = { 7, 7, 7, 7 };
    struct robust robust = robust_measure(values, ARRAY_LEN(values), 0.5);
    ck_assert_double_eq(robust.scale, 0.5);
    ck_assert_double_eq(robust_score(&robust, 7), 0);
}
END_TEST

START_TEST(nothing_has_median_nought)
{
    struct robust robust = robust_measure(NULL, 0, 0.5);
    ck_assert_double_eq(robust.median, 0);
    ck_assert_double_eq(robust.scale, 0.5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("robust");
    TCase *tcase = tcase_create("robust");
    tcase_add_test(tcase, a_quantile_is_what_sorting_gives);
    tcase_add_test(tcase, an_outlier_moves_neither_median_nor_scale);
    tcase_add_test(tcase, a_flat_signal_has_the_floor_as_scale);
    tcase_add_test(tcase, nothing_has_median_nought);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
