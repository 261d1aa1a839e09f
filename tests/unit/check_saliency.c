// Saliency: what stands out in a source, and that level and gain do not.
#include "highlight/saliency.h"
#include "tests/support/invented.h"
#include <check.h>
#include <math.h>

static struct saliency measure(const struct signals *signals)
{
    struct analysis_span whole = { .end = signals->duration };
    struct saliency saliency = SALIENCY_INIT;
    saliency_measure(signals, &whole, 1, &saliency);
    return saliency;
}

static struct signals flat(double seconds)
{
    struct invented invented = { .seconds = seconds, .flat = true };
    struct signals signals;
    invent_signals(&invented, &signals, NULL, NULL);
    return signals;
}

START_TEST(a_flat_source_is_usual_everywhere)
{
    cleanup(signals_release) struct signals signals = flat(30);
    cleanup(saliency_release) struct saliency saliency = measure(&signals);
    ck_assert_uint_eq(saliency.count, 60);
    for (size_t i = 0; i < saliency.count; i++)
        ck_assert_float_eq_tol(saliency.cells[i].score, 0.5f, 1e-5);
    ck_assert_double_eq_tol(saliency_score(&saliency, 3.3, 17.1), 0.5, 1e-5);
}
END_TEST

static const struct {
    const char *name;
    enum saliency_trait trait;
    double motion, brightness, loudness;
    bool voice;
    bool above; // the score rises, else it falls
} events[] = {
    { "motion", TRAIT_MOTION, 0.1, NAN, -30, false, true },
    { "stillness", TRAIT_MOTION, 0, NAN, -30, false, false },
    { "loudness", TRAIT_LOUDNESS, NAN, NAN, -15, false, true },
    { "silence", TRAIT_LOUDNESS, NAN, NAN, -70, false, false },
    { "voice", TRAIT_SPEECH, NAN, NAN, -30, true, true },
    { "black", TRAIT_COUNT, NAN, 0, -30, false, false },
};

START_TEST(an_event_moves_the_score)
{
    cleanup(signals_release) struct signals signals = flat(60);
    invent_pictures(&signals, 20, 24, events[_i].motion, events[_i].brightness);
    invent_sound(&signals, 20, 24, events[_i].loudness, events[_i].voice);
    cleanup(saliency_release) struct saliency saliency = measure(&signals);
    double during = saliency_score(&saliency, 21, 23), before = saliency_score(&saliency, 5, 15);
    ck_assert_double_eq_tol(before, 0.5, 0.01);
    if (events[_i].above)
        ck_assert_msg(during > 0.6, "%s: %f", events[_i].name, during);
    else
        ck_assert_msg(during < 0.42, "%s: %f", events[_i].name, during);
    if (events[_i].trait < TRAIT_COUNT)
        ck_assert(fabsf(saliency.cells[44].deviation[events[_i].trait]) > 1);
}
END_TEST

START_TEST(gain_changes_no_score)
{
    struct invented quiet = { .seed = 5, .seconds = 60, .shot_seconds = 4 }, loud = quiet;
    loud.gain_db = 20;
    cleanup(signals_release) struct signals a = SIGNALS_INIT, b = SIGNALS_INIT;
    invent_signals(&quiet, &a, NULL, NULL);
    invent_signals(&loud, &b, NULL, NULL);
    invent_sound(&a, 10, 12, -70, false); // digital silence is silence at any gain
    invent_sound(&b, 10, 12, -70, false);
    cleanup(saliency_release) struct saliency first = measure(&a), second = measure(&b);
    for (size_t i = 0; i < first.count; i++)
        ck_assert_float_eq_tol(first.cells[i].score, second.cells[i].score, 1e-4);
}
END_TEST

START_TEST(noise_below_the_floor_is_no_event)
{
    cleanup(signals_release) struct signals signals = flat(60);
    invent_pictures(&signals, 20, 24, 0.0205, NAN);
    invent_sound(&signals, 20, 24, -29.5, false);
    cleanup(saliency_release) struct saliency saliency = measure(&signals);
    ck_assert_double_eq_tol(saliency_score(&saliency, 21, 23), 0.5, 0.1);
}
END_TEST

START_TEST(the_picture_of_a_cut_is_not_motion)
{
    cleanup(signals_release) struct signals signals = flat(20);
    signals.frames[250].motion = 0.9f; // at 10 s
    struct analysis_span shots[] = { { .start = 0, .end = 10 }, { .start = 10, .end = 20 } };
    cleanup(saliency_release) struct saliency saliency = SALIENCY_INIT;
    saliency_measure(&signals, shots, 2, &saliency);
    ck_assert_float_eq_tol(saliency.cells[20].value[TRAIT_MOTION], 0.02f, 1e-6);
}
END_TEST

START_TEST(without_sound_the_picture_decides)
{
    struct invented mute = { .seconds = 30, .flat = true, .mute = true };
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    invent_signals(&mute, &signals, NULL, NULL);
    invent_pictures(&signals, 10, 14, 0.2, NAN);
    cleanup(saliency_release) struct saliency saliency = measure(&signals);
    ck_assert(isnan(saliency.cells[0].value[TRAIT_LOUDNESS]));
    ck_assert(saliency_score(&saliency, 11, 13) > 0.8);
}
END_TEST

START_TEST(a_score_is_the_mean_over_the_exact_span)
{
    struct invented any = { .seed = 2, .seconds = 20, .shot_seconds = 3 };
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    invent_signals(&any, &signals, NULL, NULL);
    cleanup(saliency_release) struct saliency saliency = measure(&signals);
    double wanted = (0.2 * saliency.cells[3].score + 0.5 * saliency.cells[4].score +
                     0.1 * saliency.cells[5].score) /
                    0.8;
    ck_assert_double_eq_tol(saliency_score(&saliency, 1.8, 2.6), wanted, 1e-6);
    ck_assert_double_eq(saliency_score(&saliency, 3, 3), 0);
    ck_assert_double_eq(saliency_score(&saliency, 50, 60), 0);
}
END_TEST

START_TEST(moments_of_an_analysis_raise_the_score)
{
    cleanup(signals_release) struct signals signals = flat(20);
    cleanup(saliency_release) struct saliency saliency = measure(&signals);
    struct analysis_span moment = { .start = 5, .end = 8, .score = 1 };
    saliency_favour(&saliency, &moment, 1);
    ck_assert_double_eq_tol(saliency_score(&saliency, 5, 8), 0.65, 1e-4);
    ck_assert_double_eq_tol(saliency_score(&saliency, 9, 20), 0.5, 1e-4);
}
END_TEST

START_TEST(an_empty_source_is_no_trouble)
{
    struct signals signals = SIGNALS_INIT;
    cleanup(saliency_release) struct saliency saliency = measure(&signals);
    ck_assert_uint_eq(saliency.count, 0);
    ck_assert_double_eq(saliency_score(&saliency, 0, 1), 0);
}
END_TEST

START_TEST(the_weights_are_one_together)
{
    double sum = 0;
    for (int trait = 0; trait < TRAIT_COUNT; trait++)
        sum += saliency_weight((enum saliency_trait)trait);
    ck_assert_double_eq_tol(sum, 1, 1e-9);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("saliency");
    TCase *tcase = tcase_create("saliency");
    tcase_add_test(tcase, a_flat_source_is_usual_everywhere);
    tcase_add_loop_test(tcase, an_event_moves_the_score, 0, (int)ARRAY_LEN(events));
    tcase_add_test(tcase, gain_changes_no_score);
    tcase_add_test(tcase, noise_below_the_floor_is_no_event);
    tcase_add_test(tcase, the_picture_of_a_cut_is_not_motion);
    tcase_add_test(tcase, without_sound_the_picture_decides);
    tcase_add_test(tcase, a_score_is_the_mean_over_the_exact_span);
    tcase_add_test(tcase, moments_of_an_analysis_raise_the_score);
    tcase_add_test(tcase, an_empty_source_is_no_trouble);
    tcase_add_test(tcase, the_weights_are_one_together);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
