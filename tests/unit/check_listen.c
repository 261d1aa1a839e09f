// The measures of sound, on tones, noise and bursts whose values are known.
#include "media/listen.h"
#include <check.h>
#include <dlfcn.h>
#include <ebur128.h>
#include <math.h>
#include <sysexits.h>

static const int rates[] = { 48000, 44100, 22050, 16000, 8000 };

// Sound of `seconds`: value(t, context) in every channel.
static struct signals measure(int rate, int channels, double seconds,
                              double (*value)(double t, const double *context),
                              const double *context)
{
    struct signals signals = { .duration = seconds };
    struct listen *listen = listen_new(rate, channels);
    size_t count = (size_t)(seconds * rate);
    float *frames = xcalloc(count * (size_t)channels, sizeof *frames);
    ck_assert_ptr_nonnull(listen);
    for (size_t i = 0; i < count; i++)
        for (int channel = 0; channel < channels; channel++)
            frames[i * (size_t)channels + (size_t)channel] =
                (float)value((double)i / rate, context);
    // Pieces of odd sizes, as decoders give them.
    for (size_t done = 0, piece = 1; done < count; done += piece, piece = piece * 7 % 4801 + 1) {
        piece = piece < count - done ? piece : count - done;
        listen_add(listen, frames + done * (size_t)channels, piece);
    }
    listen_finish(listen, &signals);
    listen_free(&listen);
    free(frames);
    return signals;
}

static double tone(double t, const double *context) // amplitude, frequency, phase
{
    return context[0] * sin(2 * M_PI * context[1] * t + context[2]);
}

static double next_noise(void)
{
    static uint32_t state = 12345;
    state = state * 1664525 + 1013904223;
    return (double)(state >> 8) / (1 << 23) - 1;
}

START_TEST(a_tone_has_its_loudness_and_peak)
{
    const double context[] = { 0.1, 997, 0 };
    struct signals signals = measure(rates[_i], 2, 3, tone, context);
    ck_assert(signals.has_sound);
    ck_assert_uint_eq(signals.sound_count, 60);
    // EBU Tech 3341, case 1 in kind: -20 dBFS in both channels is -20 LUFS.
    ck_assert_float_eq_tol(signals.sounds[40].loudness, -20, 0.3f);
    ck_assert_float_eq_tol(signals.sounds[40].peak, -20, 0.15f);
    ck_assert_double_eq_tol(signals.integrated_lufs, -20, 0.3);
    ck_assert_double_eq_tol(signals.true_peak_db, -20, 0.2);
    ck_assert_float_gt(signals.sounds[40].speech, -1);
    signals_release(&signals);
}
END_TEST

START_TEST(energy_outside_the_band_of_speech_is_told)
{
    const double low[] = { 0.5, 60, 0 };
    struct signals signals = measure(48000, 1, 2, tone, low);
    ck_assert_float_lt(signals.sounds[20].speech, -20);
    ck_assert(!signals.sounds[20].voice);
    signals_release(&signals);
}
END_TEST

START_TEST(a_peak_between_samples_is_found)
{
    // A quarter of the rate, sampled at 45 degrees: every sample is 3 dB below the peak.
    const double context[] = { 0.8, 12000, M_PI / 4 };
    struct signals signals = measure(48000, 2, 1, tone, context);
    ck_assert_float_eq_tol(signals.sounds[10].peak, (float)(20 * log10(0.8 / sqrt(2))), 0.05f);
    ck_assert_double_eq_tol(signals.true_peak_db, 20 * log10(0.8), 0.25);
    signals_release(&signals);
}
END_TEST

static double noisy(double t, const double *context)
{
    (void)t;
    return context[0] * next_noise();
}

START_TEST(true_peak_agrees_with_the_standard_on_noise)
{
    enum { RATE = 48000 };
    static float frames[RATE];
    struct signals signals = { .duration = 1 };
    struct listen *listen = listen_new(RATE, 1);
    ebur128_state *meter = ebur128_init(1, RATE, EBUR128_MODE_TRUE_PEAK);
    double expected = 0;
    for (size_t i = 0; i < RATE; i++)
        frames[i] = (float)(0.5 * next_noise());
    listen_add(listen, frames, RATE);
    listen_finish(listen, &signals);
    ck_assert_int_eq(ebur128_add_frames_float(meter, frames, RATE), EBUR128_SUCCESS);
    ck_assert_int_eq(ebur128_true_peak(meter, 0, &expected), EBUR128_SUCCESS);
    ck_assert_double_eq_tol(signals.true_peak_db, 20 * log10(expected), 0.5);
    ebur128_destroy(&meter);
    listen_free(&listen);
    signals_release(&signals);
}
END_TEST

static double bursts(double t, const double *context)
{
    (void)context;
    return fmod(t, 1) >= 0.5 && fmod(t, 1) < 0.7 ? 0.5 * next_noise() : 0.0005 * next_noise();
}

START_TEST(an_onset_is_where_something_begins)
{
    struct signals signals = measure(48000, 1, 4, bursts, NULL);
    for (size_t second = 0; second < 4; second++) {
        size_t best = second * 20;
        for (size_t i = second * 20; i < second * 20 + 20; i++)
            best = signals.sounds[i].onset > signals.sounds[best].onset ? i : best;
        ck_assert_uint_eq(best, second * 20 + 10);
        ck_assert_float_gt(signals.sounds[best].onset, 0.5f);
        ck_assert_float_lt(signals.sounds[second * 20 + 5].onset, 0.2f);
    }
    signals_release(&signals);
}
END_TEST

// Syllables of a deep voice, four a second for two seconds, then two of silence; noise under all.
static double talk(double t, const double *context)
{
    double sum = context[0] * next_noise();
    if (fmod(t, 4) < 2) {
        double syllable = fmax(0, sin(2 * M_PI * 4 * t));
        for (int harmonic = 2; harmonic < 20; harmonic++)
            sum += 0.05 * syllable * sin(2 * M_PI * 140 * harmonic * t + harmonic);
    }
    return sum;
}

START_TEST(a_voice_is_told_from_noise)
{
    const double background[] = { 0.003 };
    struct signals signals = measure(rates[_i], 1, 16, talk, background);
    size_t right = 0, silent_wrong = 0, silent = 0;
    for (size_t i = 0; i < signals.sound_count; i++) {
        bool talking = i % 80 < 40;
        right += talking && signals.sounds[i].voice;
        if (i % 80 >= 48) { // after the hangover
            silent++;
            silent_wrong += signals.sounds[i].voice;
        }
    }
    ck_assert_msg(right * 100 >= signals.sound_count / 2 * 90, "%zu of %zu", right,
                  signals.sound_count / 2);
    ck_assert_msg(silent_wrong * 20 <= silent, "%zu of %zu", silent_wrong, silent);
    signals_release(&signals);
}
END_TEST

START_TEST(steady_noise_is_no_voice)
{
    const double loud[] = { 0.3 };
    struct signals signals = measure(48000, 2, 10, noisy, loud);
    size_t voice = 0;
    for (size_t i = 0; i < signals.sound_count; i++)
        voice += signals.sounds[i].voice;
    ck_assert_uint_le(voice, 4);
    signals_release(&signals);
}
END_TEST

START_TEST(silence_has_the_lowest_values)
{
    const double nothing[] = { 0, 100, 0 };
    struct signals signals = measure(44100, 2, 2, tone, nothing);
    for (size_t i = 0; i < signals.sound_count; i++) {
        ck_assert_float_eq(signals.sounds[i].loudness, -70);
        ck_assert_float_eq(signals.sounds[i].peak, -90);
        ck_assert_float_eq(signals.sounds[i].onset, 0);
        ck_assert(!signals.sounds[i].voice);
    }
    ck_assert_double_eq(signals.integrated_lufs, -70);
    ck_assert_double_eq(signals.true_peak_db, -90);
    signals_release(&signals);
}
END_TEST

START_TEST(the_line_is_as_long_as_the_pictures)
{
    static float frames[48000];
    struct signals signals = { .duration = 2.51 };
    struct listen *listen = listen_new(48000, 1);
    listen_add(listen, frames, 48000);
    listen_finish(listen, &signals);
    ck_assert_uint_eq(signals.sound_count, 51);
    ck_assert_float_eq(signals.sounds[50].loudness, -70);
    listen_free(&listen);
    signals_release(&signals);
    ck_assert_ptr_null(listen_new(48000, 0));
    ck_assert_ptr_null(listen_new(0, 2));
    ck_assert_ptr_null(listen_new(48000, 65));
}
END_TEST

// In the place of the library's, which has no memory once `is_short` is set.
static bool is_short;
int ebur128_add_frames_float(ebur128_state *state, const float *frames, size_t count)
{
    int (*real)(ebur128_state *, const float *, size_t);
    *(void **)&real = dlsym(RTLD_NEXT, "ebur128_add_frames_float");
    return is_short ? EBUR128_ERROR_NOMEM : real(state, frames, count);
}

START_TEST(without_memory_the_process_ends)
{
    is_short = true;
    (void)measure(48000, 1, 1, tone, (double[]){ 0.5, 440, 0 });
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("listen");
    TCase *tcase = tcase_create("listen");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, a_tone_has_its_loudness_and_peak, 0, (int)ARRAY_LEN(rates));
    tcase_add_test(tcase, energy_outside_the_band_of_speech_is_told);
    tcase_add_test(tcase, a_peak_between_samples_is_found);
    tcase_add_test(tcase, true_peak_agrees_with_the_standard_on_noise);
    tcase_add_test(tcase, an_onset_is_where_something_begins);
    tcase_add_loop_test(tcase, a_voice_is_told_from_noise, 0, (int)ARRAY_LEN(rates));
    tcase_add_test(tcase, steady_noise_is_no_voice);
    tcase_add_test(tcase, silence_has_the_lowest_values);
    tcase_add_test(tcase, the_line_is_as_long_as_the_pictures);
    tcase_add_exit_test(tcase, without_memory_the_process_ends, EX_OSERR);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
