// The local provider: an analysis that is whole, in order, and the same each time.
#include "highlight/local.h"
#include "tests/support/invented.h"
#include <check.h>
#include <math.h>

static void check_spans(const struct analysis_span *spans, size_t count, double duration,
                        bool touching)
{
    ck_assert_uint_le(count, ANALYSIS_MAX_ITEMS);
    for (size_t i = 0; i < count; i++) {
        ck_assert(spans[i].start >= 0 && spans[i].start < spans[i].end);
        ck_assert(spans[i].end <= duration + 1e-6);
        ck_assert(spans[i].score >= 0 && spans[i].score <= 1);
        ck_assert(i == 0 || spans[i].start >= spans[i - 1].end);
        ck_assert(!touching || i == 0 || spans[i].start == spans[i - 1].end);
    }
    ck_assert(!touching || (spans[0].start == 0 && spans[count - 1].end == duration));
}

static const struct invented kinds[] = {
    { .seed = 1, .seconds = 100, .shot_seconds = 5 },
    { .seed = 2, .seconds = 100 },
    { .seed = 3, .seconds = 0.04 },
    { .seed = 4, .seconds = 1, .mute = true },
    { .seed = 5, .seconds = 30, .flat = true },
    { .seed = 6, .seconds = 60, .shot_seconds = 0.6, .fps = 10 },
};

START_TEST(an_analysis_is_whole_and_passes_its_own_reader)
{
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    cleanup(analysis_release) struct analysis analysis = ANALYSIS_INIT, loaded = ANALYSIS_INIT;
    invent_signals(&kinds[_i], &signals, NULL, NULL);
    local_analyse(&signals, &analysis);
    ck_assert_str_eq(analysis.provider, "local");
    check_spans(analysis.shots, analysis.shot_count, kinds[_i].seconds, true);
    check_spans(analysis.scenes, analysis.scene_count, kinds[_i].seconds, true);
    check_spans(analysis.moments, analysis.moment_count, kinds[_i].seconds, false);
    ck_assert(*analysis.summary && *analysis.tags);
    for (size_t i = 0; i < analysis.scene_count; i++)
        ck_assert(analysis.scenes[i].group >= 0 && *analysis.scenes[i].text);
    cleanup(json_free) json_t *json = analysis_to_json(&analysis);
    struct err err = ERR_INIT;
    ck_assert_msg(analysis_from_json(json, kinds[_i].seconds, &loaded, &err) == 0, "%s", err.text);
    cleanup(json_free) json_t *again = analysis_to_json(&loaded);
    ck_assert(json_equal(json, again));
}
END_TEST

START_TEST(the_same_signals_give_the_same_analysis)
{
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    cleanup(analysis_release) struct analysis a = ANALYSIS_INIT, b = ANALYSIS_INIT;
    invent_signals(&kinds[_i], &signals, NULL, NULL);
    local_analyse(&signals, &a);
    local_analyse(&signals, &b);
    cleanup(json_free) json_t *first = analysis_to_json(&a), *second = analysis_to_json(&b);
    ck_assert(json_equal(first, second));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("local");
    TCase *tcase = tcase_create("local");
    tcase_add_loop_test(tcase, an_analysis_is_whole_and_passes_its_own_reader, 0,
                        (int)ARRAY_LEN(kinds));
    tcase_add_loop_test(tcase, the_same_signals_give_the_same_analysis, 0, (int)ARRAY_LEN(kinds));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
