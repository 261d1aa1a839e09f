// What is said of a source is true of it.
#include "highlight/describe.h"
#include "tests/support/invented.h"
#include <check.h>
#include <math.h>

struct story {
    const char *name;
    double seconds;
    size_t shots;
    bool mute;
    double lufs, motion, brightness, colour;
    struct {
        double start, end, loudness;
        bool voice;
    } passages[3];
    const char *summary;
    const char *tags; // joined by a comma
};

static const struct story stories[] = {
    { "calm",
      192,
      41,
      false,
      -23,
      0.01,
      0.5,
      0.2,
      { { 0 } },
      "3:12, 41 shots, mostly calm",
      "calm" },
    { "loud passage",
      192,
      41,
      false,
      -23,
      0.01,
      0.5,
      0.2,
      { { 65, 82, -15, false } },
      "3:12, 41 shots, mostly calm, loud from 1:05 to 1:22",
      "calm" },
    { "a blow is no passage",
      192,
      41,
      false,
      -23,
      0.01,
      0.5,
      0.2,
      { { 65, 66, -5, false } },
      "3:12, 41 shots, mostly calm",
      "calm" },
    { "two passages",
      60,
      1,
      false,
      -23,
      0.01,
      0.5,
      0.2,
      { { 10, 15, -15, false }, { 30, 40, -15, false } },
      "1:00, 1 shot, mostly calm, loud from 0:10 to 0:15 and loud from 0:30 to 0:40",
      "calm,one shot" },
    { "silent passage",
      60,
      3,
      false,
      -23,
      0.01,
      0.5,
      0.2,
      { { 10, 25, -70, false } },
      "1:00, 3 shots, mostly calm, silent from 0:10 to 0:25",
      "calm" },
    { "quiet passage",
      60,
      3,
      false,
      -23,
      0.01,
      0.5,
      0.2,
      { { 10, 25, -50, false } },
      "1:00, 3 shots, mostly calm, quiet from 0:10 to 0:25",
      "calm" },
    { "no sound",
      60,
      3,
      true,
      -70,
      0.05,
      0.1,
      0.01,
      { { 0 } },
      "1:00, 3 shots, mostly lively, dark, monochrome, no sound",
      "lively,dark,monochrome,no sound" },
    { "silent track",
      60,
      3,
      false,
      -70,
      0,
      0.8,
      0.6,
      { { 0, 60, -70, false } },
      "1:00, 3 shots, mostly static, bright, colourful, the sound track is silent",
      "static,bright,colourful,silent" },
    { "speech",
      60,
      3,
      false,
      -23,
      0.01,
      0.5,
      0.2,
      { { 10, 40, -30, true } },
      "1:00, 3 shots, mostly calm, someone speaks for 0:30",
      "calm,speech" },
    { "all speech",
      60,
      3,
      false,
      -23,
      0.01,
      0.5,
      0.2,
      { { 0, 58, -30, true } },
      "1:00, 3 shots, mostly calm, someone speaks nearly all the time",
      "calm,speech" },
    { "fast cuts and loud",
      20,
      20,
      false,
      -9,
      0.1,
      0.5,
      0.2,
      { { 0 } },
      "0:20, 20 shots, mostly lively",
      "lively,fast cuts,loud" },
    { "quiet",
      20,
      2,
      false,
      -40,
      0.01,
      0.5,
      0.2,
      { { 0 } },
      "0:20, 2 shots, mostly calm",
      "calm,quiet" },
};

static void tell(const struct story *story, struct signals *signals, struct saliency *saliency)
{
    struct invented invented = { .seconds = story->seconds, .mute = story->mute, .flat = true };
    struct analysis_span whole = { .end = story->seconds };
    invent_signals(&invented, signals, NULL, NULL);
    invent_pictures(signals, 0, story->seconds, story->motion, story->brightness);
    signals->integrated_lufs = story->lufs;
    for (size_t i = 0; i < signals->frame_count; i++)
        signals->frames[i].colour = (float)story->colour;
    for (size_t i = 0; i < ARRAY_LEN(story->passages); i++)
        // The momentary loudness looks back 400 ms, so that it lags the event by 200 on average.
        invent_sound(signals, story->passages[i].start + (story->passages[i].start > 0 ? 0.2 : 0),
                     story->passages[i].end + (story->passages[i].end > 0 ? 0.2 : 0),
                     story->passages[i].loudness, story->passages[i].voice);
    saliency_measure(signals, &whole, 1, saliency);
}

START_TEST(the_summary_is_true)
{
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    cleanup(saliency_release) struct saliency saliency = SALIENCY_INIT;
    tell(&stories[_i], &signals, &saliency);
    cleanup(free_ptr) char *summary = describe_summary(&signals, &saliency, stories[_i].shots);
    ck_assert_msg(strcmp(summary, stories[_i].summary) == 0, "%s: %s", stories[_i].name, summary);
}
END_TEST

START_TEST(the_tags_are_true)
{
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    cleanup(saliency_release) struct saliency saliency = SALIENCY_INIT;
    tell(&stories[_i], &signals, &saliency);
    char **tags = describe_tags(&signals, &saliency, stories[_i].shots);
    char *joined = xstrdup("");
    for (char **tag = tags; *tag; tag++) {
        char *longer = xasprintf("%s%s%s", joined, *joined ? "," : "", *tag);
        free(joined);
        free(*tag);
        joined = longer;
    }
    free(tags);
    ck_assert_msg(strcmp(joined, stories[_i].tags) == 0, "%s: %s", stories[_i].name, joined);
    free(joined);
}
END_TEST

START_TEST(a_beat_without_gaps_is_music_like)
{
    struct invented invented = { .seed = 3, .seconds = 30, .wordless = true };
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    cleanup(saliency_release) struct saliency saliency = SALIENCY_INIT;
    struct analysis_span whole = { .end = 30 };
    invent_signals(&invented, &signals, NULL, NULL);
    for (int beat = 0; beat < 2; beat++) {
        uint64_t state = 1;
        for (size_t i = 0; i < signals.sound_count; i++)
            signals.sounds[i].onset =
                beat && i % 10 == 0 ? 0.9f : (float)invent_number(&state, 0, beat ? 0.3 : 0.9);
        saliency_measure(&signals, &whole, 1, &saliency);
        char **tags = describe_tags(&signals, &saliency, 1);
        bool found = false;
        for (char **tag = tags; *tag; tag++) {
            found |= strcmp(*tag, "music-like") == 0;
            free(*tag);
        }
        free(tags);
        saliency_release(&saliency);
        ck_assert_int_eq(found, beat);
    }
}
END_TEST

START_TEST(scenes_are_described_and_compared)
{
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    cleanup(saliency_release) struct saliency saliency = SALIENCY_INIT;
    tell(&stories[8], &signals, &saliency); // speech from 10 to 40 s
    invent_pictures(&signals, 0, 10, 0.1, 0.1);
    struct analysis_span whole = { .end = 60 };
    saliency_release(&saliency);
    saliency_measure(&signals, &whole, 1, &saliency);
    struct analysis_span scenes[] = { { .start = 0, .end = 10, .group = 0 },
                                      { .start = 10, .end = 40, .group = 1 },
                                      { .start = 40, .end = 60, .group = 1 } };
    describe_scenes(&saliency, scenes, 3);
    ck_assert_str_eq(scenes[0].text, "lively, dark");
    ck_assert_str_eq(scenes[1].text, "calm, someone speaks");
    ck_assert_str_eq(scenes[2].text, "calm; looks like scene 2");
    for (size_t i = 0; i < 3; i++)
        free(scenes[i].text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("describe");
    TCase *tcase = tcase_create("describe");
    tcase_add_loop_test(tcase, the_summary_is_true, 0, (int)ARRAY_LEN(stories));
    tcase_add_loop_test(tcase, the_tags_are_true, 0, (int)ARRAY_LEN(stories));
    tcase_add_test(tcase, a_beat_without_gaps_is_music_like);
    tcase_add_test(tcase, scenes_are_described_and_compared);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
