// The limiter: true peaks stay under the ceiling, what needs no limiting is left alone.
#include "media/limiter.h"

#include <check.h>
#include <ebur128.h>
#include <math.h>

enum { RATE = 48000, LENGTH = 2 * RATE };
static const double ceiling = 0.7;

struct tone {
    const char *name;
    double frequency, phase, level; // level of the peak
    double burst;                   // seconds of sound at 0.5 s, the rest being 0.1 of it; 0: all
};

static const struct tone tones[] = {
    { "low and loud", 60, 0, 2, 0 },
    { "middle", 997, 0, 1.5, 0 },
    { "peaks between the samples", RATE / 4.0, M_PI / 4, 1.2, 0 },
    { "high, between the samples", RATE / 6.0, 0.3, 1.3, 0 },
    { "a click", 5000, 1, 3, 0.0005 },
    { "a drum", 200, 0, 2.5, 0.05 },
    { "just over", 440, 0, 0.72, 0 },
};

static float *make(const struct tone *tone)
{
    float *frames = xcalloc(2 * LENGTH, sizeof *frames);
    for (int i = 0; i < LENGTH; i++) {
        double t = (double)i / RATE;
        bool loud = tone->burst <= 0 || (t >= 0.5 && t < 0.5 + tone->burst);
        double value = tone->level * sin(2 * M_PI * tone->frequency * t + tone->phase);
        frames[2 * i] = (float)(loud ? value : value / 10);
        frames[2 * i + 1] = frames[2 * i] / 2;
    }
    return frames;
}

static void run_in_pieces(struct limiter *limiter, float *frames, size_t count)
{
    for (size_t at = 0, piece = 1; at < count; at += piece, piece = piece * 3 % 1999 + 1) {
        piece = piece < count - at ? piece : count - at;
        limiter_run(limiter, frames + 2 * at, piece);
    }
}

static double true_peak(const float *frames, size_t count)
{
    ebur128_state *state = ebur128_init(2, RATE, EBUR128_MODE_TRUE_PEAK);
    ck_assert(ebur128_add_frames_float(state, frames, count) == EBUR128_SUCCESS);
    double left = 0;
    ck_assert(ebur128_true_peak(state, 0, &left) == EBUR128_SUCCESS);
    ebur128_destroy(&state);
    return left;
}

START_TEST(true_peaks_stay_under_the_ceiling)
{
    const struct tone *tone = &tones[_i];
    float *frames = make(tone);
    struct limiter *limiter = limiter_new(ceiling);
    run_in_pieces(limiter, frames, LENGTH);
    double peak = true_peak(frames, LENGTH);
    // An infinitely long interpolator would find a little more than one of twelve taps.
    ck_assert_msg(peak <= ceiling * 1.02, "%s: %.3f", tone->name, peak);
    ck_assert_msg(tone->burst > 0 || peak > ceiling * 0.85, "%s: %.3f", tone->name, peak);
    limiter_free(&limiter);
    free(frames);
}
END_TEST

START_TEST(quiet_sound_leaves_bit_for_bit_and_late_by_the_delay)
{
    struct tone tone = { "quiet", 997, 0, 0.6, 0 };
    float *in = make(&tone), *out = make(&tone);
    struct limiter *limiter = limiter_new(ceiling);
    run_in_pieces(limiter, out, LENGTH);
    for (size_t i = 0; i < 2 * limiter_delay(); i++)
        ck_assert(out[i] == 0);
    for (size_t i = 2 * limiter_delay(); i < (size_t)2 * LENGTH; i++)
        ck_assert_msg(out[i] == in[i - 2 * limiter_delay()], "sample %zu", i);
    limiter_free(&limiter);
    free(in);
    free(out);
}
END_TEST

START_TEST(gain_comes_back_after_a_peak)
{
    struct tone drum = { "a drum", 200, 0, 2.5, 0.05 };
    float *in = make(&drum), *out = make(&drum);
    struct limiter *limiter = limiter_new(ceiling);
    run_in_pieces(limiter, out, LENGTH);
    size_t last = 2 * (LENGTH - 1);
    ck_assert(out[last] == in[last - 2 * limiter_delay()]);
    limiter_free(&limiter);
    free(in);
    free(out);
}
END_TEST

START_TEST(both_channels_get_the_same_gain)
{
    struct tone tone = { "loud left", 997, 0, 2, 0 };
    float *frames = make(&tone);
    struct limiter *limiter = limiter_new(ceiling);
    run_in_pieces(limiter, frames, LENGTH);
    for (int i = 0; i < LENGTH; i++)
        ck_assert_float_eq_tol(frames[2 * i], 2 * frames[2 * i + 1], 1e-5);
    limiter_free(&limiter);
    free(frames);
}
END_TEST

START_TEST(what_is_no_number_becomes_silence)
{
    float frames[2 * 2000] = { [500] = NAN, [700] = INFINITY, [901] = -INFINITY };
    struct limiter *limiter = limiter_new(ceiling);
    limiter_run(limiter, frames, 2000);
    for (size_t i = 0; i < ARRAY_LEN(frames); i++)
        ck_assert(frames[i] == 0);
    limiter_free(&limiter);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limiter");
    TCase *limits = tcase_create("limiter");
    tcase_add_loop_test(limits, true_peaks_stay_under_the_ceiling, 0, ARRAY_LEN(tones));
    tcase_add_test(limits, quiet_sound_leaves_bit_for_bit_and_late_by_the_delay);
    tcase_add_test(limits, gain_comes_back_after_a_peak);
    tcase_add_test(limits, both_channels_get_the_same_gain);
    tcase_add_test(limits, what_is_no_number_becomes_silence);
    suite_add_tcase(suite, limits);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
