// Speech told from what only sings.
#include "highlight/speech.h"
#include "tests/support/invented.h"
#include <check.h>

// Ten seconds of voice whose level changes by `change` dB from entry to entry.
static struct signals sing(double change)
{
    struct invented invented = { .seconds = 10, .flat = true };
    struct signals signals;
    invent_signals(&invented, &signals, NULL, NULL);
    for (size_t i = 0; i < signals.sound_count; i++) {
        signals.sounds[i].voice = true;
        signals.sounds[i].peak = (float)(-20 + (i % 2 ? change : 0));
    }
    return signals;
}

static const struct {
    const char *name;
    double change;
    bool speech;
} rows[] = { { "film music", 1.2, false }, { "held tone", 0, false }, { "speech", 4.5, true } };

START_TEST(speech_changes_its_level_and_music_flows)
{
    cleanup(signals_release) struct signals signals = sing(rows[_i].change);
    cleanup(free_ptr) bool *marks = speech_mark(&signals);
    for (size_t i = 0; i < signals.sound_count; i++)
        ck_assert_msg(marks[i] == rows[_i].speech, "%s at %zu", rows[_i].name, i);
}
END_TEST

START_TEST(without_voice_there_is_no_speech)
{
    cleanup(signals_release) struct signals signals = sing(6);
    for (size_t i = 50; i < 100; i++)
        signals.sounds[i].voice = false;
    cleanup(free_ptr) bool *marks = speech_mark(&signals);
    for (size_t i = 0; i < signals.sound_count; i++)
        ck_assert(marks[i] == signals.sounds[i].voice);
}
END_TEST

START_TEST(music_after_speech_is_no_speech)
{
    cleanup(signals_release) struct signals signals = sing(6);
    for (size_t i = 100; i < signals.sound_count; i++)
        signals.sounds[i].peak = -20;
    cleanup(free_ptr) bool *marks = speech_mark(&signals);
    ck_assert(marks[0] && marks[60] && !marks[140] && !marks[199]);
}
END_TEST

START_TEST(a_source_without_sound_has_none)
{
    struct signals signals = { .duration = 5 };
    cleanup(free_ptr) bool *marks = speech_mark(&signals);
    ck_assert_ptr_nonnull(marks);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("speech");
    TCase *tcase = tcase_create("speech");
    tcase_add_loop_test(tcase, speech_changes_its_level_and_music_flows, 0, (int)ARRAY_LEN(rows));
    tcase_add_test(tcase, without_voice_there_is_no_speech);
    tcase_add_test(tcase, music_after_speech_is_no_speech);
    tcase_add_test(tcase, a_source_without_sound_has_none);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
