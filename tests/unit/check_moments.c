// Key moments: found where something happens, for the reason that holds.
#include "highlight/moments.h"
#include "tests/support/invented.h"
#include <check.h>
#include <math.h>

static struct signals flat(double seconds)
{
    struct invented invented = { .seconds = seconds, .flat = true };
    struct signals signals;
    invent_signals(&invented, &signals, NULL, NULL);
    return signals;
}

static void release(struct analysis_span *moments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(moments[i].text);
    free(moments);
}

static const struct {
    const char *name;
    double motion, brightness, loudness;
    bool voice;
    const char *reason; // "" where there is no moment
} events[] = {
    { "nothing", 0.02, NAN, -30, false, "" },
    { "motion", 0.2, NAN, -30, false, "the most motion" },
    { "loudness", NAN, NAN, -12, false, "the loudest moment" },
    { "both", 0.2, NAN, -12, false, "the loudest moment, the most motion" },
    { "a voice", NAN, NAN, -30, true, "someone speaks" },
    { "a voice, nothing moves", 0, NAN, -30, true, "" },
    { "black, but loud", NAN, 0, -12, false, "" },
};

START_TEST(a_moment_is_where_it_happens_with_the_reason)
{
    cleanup(signals_release) struct signals signals = flat(120);
    struct analysis_span whole = { .end = 120 }, *moments = NULL;
    cleanup(saliency_release) struct saliency saliency = SALIENCY_INIT;
    invent_pictures(&signals, 50, 54, events[_i].motion, NAN);
    invent_pictures(&signals, 48, 56, NAN, events[_i].brightness);
    invent_sound(&signals, 50, 54, events[_i].loudness, events[_i].voice);
    saliency_measure(&signals, &whole, 1, &saliency);
    size_t count = moments_find(&saliency, &whole, 1, &moments);
    size_t wanted = *events[_i].reason ? 1 : 0;
    ck_assert_msg(count == wanted, "%s: %zu moments", events[_i].name, count);
    if (count) {
        ck_assert_msg(moments[0].start >= 49 && moments[0].end <= 55, "%s: %f to %f",
                      events[_i].name, moments[0].start, moments[0].end);
        ck_assert_str_eq(moments[0].text, events[_i].reason);
        ck_assert(moments[0].score > 0.6 && moments[0].score <= 1);
    }
    release(moments, count);
}
END_TEST

START_TEST(a_still_speaker_is_a_reason)
{
    cleanup(signals_release) struct signals signals = flat(60);
    struct analysis_span whole = { .end = 60 };
    cleanup(saliency_release) struct saliency saliency = SALIENCY_INIT;
    invent_pictures(&signals, 20, 30, 0.01, NAN);
    invent_sound(&signals, 20, 30, -30, true);
    saliency_measure(&signals, &whole, 1, &saliency);
    cleanup(free_ptr) char *reason = moments_reason(&saliency, 21, 29);
    ck_assert_str_eq(reason, "someone speaks while little moves");
    cleanup(free_ptr) char *usual = moments_reason(&saliency, 1, 9);
    ck_assert_str_eq(usual, "much like the rest of the video");
    cleanup(free_ptr) char *outside = moments_reason(&saliency, 90, 99);
    ck_assert_str_eq(outside, "much like the rest of the video");
}
END_TEST

START_TEST(moments_are_in_order_within_shots_and_not_too_many)
{
    struct invented invented = { .seed = (uint64_t)_i, .seconds = 200, .shot_seconds = 4 };
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    cleanup(free_ptr) double *cuts = NULL;
    size_t cut_count = 0;
    invent_signals(&invented, &signals, &cuts, &cut_count);
    cleanup(free_ptr) struct analysis_span *shots = xcalloc(cut_count + 1, sizeof *shots);
    for (size_t i = 0; i <= cut_count; i++)
        shots[i] = (struct analysis_span){ .start = i ? cuts[i - 1] : 0,
                                           .end = i < cut_count ? cuts[i] : 200 };
    struct analysis_span *moments = NULL;
    cleanup(saliency_release) struct saliency saliency = SALIENCY_INIT;
    saliency_measure(&signals, shots, cut_count + 1, &saliency);
    size_t count = moments_find(&saliency, shots, cut_count + 1, &moments);
    ck_assert(count > 0 && count <= 22);
    for (size_t i = 0; i < count; i++) {
        ck_assert(moments[i].start < moments[i].end && moments[i].end - moments[i].start <= 8);
        ck_assert(i == 0 || moments[i - 1].end <= moments[i].start);
        for (size_t j = 0; j < cut_count; j++)
            ck_assert_msg(cuts[j] <= moments[i].start || cuts[j] >= moments[i].end,
                          "cut %f in %f to %f", cuts[j], moments[i].start, moments[i].end);
    }
    release(moments, count);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("moments");
    TCase *tcase = tcase_create("moments");
    tcase_add_loop_test(tcase, a_moment_is_where_it_happens_with_the_reason, 0,
                        (int)ARRAY_LEN(events));
    tcase_add_test(tcase, a_still_speaker_is_a_reason);
    tcase_add_loop_test(tcase, moments_are_in_order_within_shots_and_not_too_many, 0, 8);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
