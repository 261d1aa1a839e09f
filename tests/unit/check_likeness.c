// Colour histograms compared.
#include "highlight/likeness.h"
#include <check.h>

// Four samples a second: a second all in bin 0, then one all in bin 1.
static struct signals two_seconds(void)
{
    struct signals signals = { .duration = 2, .likeness_count = 8 };
    signals.likeness = xcalloc(8, sizeof *signals.likeness);
    for (size_t i = 0; i < 8; i++)
        signals.likeness[i][i / 4] = 255;
    return signals;
}

static const struct {
    const char *name;
    double start_a, end_a, start_b, end_b, likeness;
} rows[] = {
    { "the same", 0, 1, 0, 1, 1 },
    { "within one look", 0, 0.5, 0.5, 1, 1 },
    { "nothing in common", 0, 1, 1, 2, 0 },
    { "half in common", 0, 2, 0, 1, 0.5 },
    { "shorter than the sampling", 1.01, 1.02, 1, 2, 1 },
    { "beyond the end", 50, 60, 1, 2, 1 },
    { "before the beginning", -5, 0.3, 0, 1, 1 },
};

START_TEST(likeness_is_what_the_colours_share)
{
    cleanup(signals_release) struct signals signals = two_seconds();
    struct likeness a = likeness_of(&signals, rows[_i].start_a, rows[_i].end_a);
    struct likeness b = likeness_of(&signals, rows[_i].start_b, rows[_i].end_b);
    double likeness = likeness_compare(&a, &b);
    ck_assert_msg(likeness > rows[_i].likeness - 1e-6 && likeness < rows[_i].likeness + 1e-6,
                  "%s: %f", rows[_i].name, likeness);
    ck_assert_double_eq(likeness, likeness_compare(&b, &a));
}
END_TEST

static const struct {
    const char *name;
    double start_a, end_a, start_b, end_b, seen;
} sights[] = {
    { "the same", 0, 2, 0, 2, 1 },
    { "a part of it", 0, 1, 0, 2, 1 },
    { "half of it elsewhere", 0, 2, 0, 1, 0.5 },
    { "nothing", 0, 1, 1, 2, 0 },
};

START_TEST(what_is_seen_twice_is_told_by_the_second)
{
    cleanup(signals_release) struct signals signals = two_seconds();
    struct likeness_span a = { &signals, sights[_i].start_a, sights[_i].end_a };
    struct likeness_span b = { &signals, sights[_i].start_b, sights[_i].end_b };
    double seen = likeness_seen(&a, &b);
    ck_assert_msg(seen > sights[_i].seen - 1e-6 && seen < sights[_i].seen + 1e-6, "%s: %f",
                  sights[_i].name, seen);
}
END_TEST

START_TEST(what_was_not_measured_is_like_nothing)
{
    struct signals signals = SIGNALS_INIT;
    struct likeness nothing = likeness_of(&signals, 0, 1);
    ck_assert_double_eq(likeness_compare(&nothing, &nothing), 0);
    struct likeness_span span = { &signals, 0, 1 };
    ck_assert_double_eq(likeness_seen(&span, &span), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("likeness");
    TCase *tcase = tcase_create("likeness");
    tcase_add_loop_test(tcase, likeness_is_what_the_colours_share, 0, (int)ARRAY_LEN(rows));
    tcase_add_loop_test(tcase, what_is_seen_twice_is_told_by_the_second, 0, (int)ARRAY_LEN(sights));
    tcase_add_test(tcase, what_was_not_measured_is_like_nothing);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
