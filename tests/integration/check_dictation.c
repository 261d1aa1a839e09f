// What the recogniser of this machine writes down of real speech.
#include "speech/dictation.h"
#include "tests/support/media.h"
#include "tests/support/said.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

#define LIBRI "speech/librispeech-1995-1837-0001.wav"
#define AUSTEN "speech/sense_and_sensibility_01_austen_64kb-0920.wav"

static const char *folder;
static struct recogniser *recogniser;
static struct transcript transcript;
static int told;
static double last_told;

// False if there is nothing to test with.
static bool begin(void)
{
    struct err err = ERR_INIT;
    transcript = (struct transcript)TRANSCRIPT_INIT;
    folder = said_language();
    if (folder == NULL || media_real(LIBRI) == NULL)
        return false;
    ck_assert_msg(recogniser_open(folder, &recogniser, &err) == 0, "%s", err.text);
    return true;
}

static void end(void)
{
    recogniser_close(&recogniser);
    transcript_release(&transcript);
}

// The first recording, two seconds of silence, the second.
static const char *both(void)
{
    static const char filter[] = "[0]apad=pad_dur=2[a];[a][1]concat=n=2:v=0:a=1";
    const char *const arguments[] = { "-i",
                                      media_real(LIBRI),
                                      "-i",
                                      media_real(AUSTEN),
                                      "-filter_complex",
                                      filter,
                                      "-ar",
                                      "16000",
                                      "-ac",
                                      "1",
                                      "-c:a",
                                      "pcm_s16le",
                                      NULL };
    return media_make("both.wav", arguments);
}

static void on_progress(void *context, double fraction)
{
    (void)context;
    ck_assert_double_gt(fraction, last_told);
    last_told = fraction;
    told++;
}

static void dictate(const char *path, const struct utterance *utterances, size_t count,
                    double duration)
{
    struct err err = ERR_INIT;
    cleanup(wave_close) struct wave wave = WAVE_INIT;
    ck_assert_int_eq(wave_open(media_open(path), &wave, NULL), 0);
    struct dictation dictation = { .recogniser = recogniser,
                                   .wave = &wave,
                                   .utterances = utterances,
                                   .count = count,
                                   .duration = duration,
                                   .progress = on_progress };
    ck_assert_msg(dictation_take(&dictation, &transcript, &err) == 0, "%s", err.text);
}

// A word of the second recording, which begins at 10.73 s.
static void expect_shifted(const char *word, double at)
{
    const struct transcript_word *found = said_word(&transcript, word, 10.73);
    ck_assert_msg(found != NULL, "\"%s\" was not heard", word);
    ck_assert_double_eq_tol(found->start, 10.73 + at, 0.15);
}

START_TEST(english_is_written_down_with_its_times)
{
    static const struct utterance utterances[] = { { 0, 8.73 }, { 10.73, 16.78 } };
    static const char *const words[] = { "first", "great", "sorrow", "life", "loss", "fantasy" };
    if (!begin())
        return;
    dictate(both(), utterances, 2, 16.78);
    ck_assert_str_eq(transcript.provider, "local");
    ck_assert_str_eq(transcript.language, "en");
    ck_assert_int_eq(told, 2);
    ck_assert_double_eq_tol(last_told, 1, 1e-9);
    double from = 0;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) { // said in this order
        const struct transcript_word *word = said_word(&transcript, words[i], from);
        ck_assert_msg(word != NULL, "\"%s\" was not heard behind %.2f s", words[i], from);
        ck_assert_double_le(word->end, 8.73);
        from = word->end;
    }
    // Where they begin was read off the wave form.
    expect_shifted("married", 0.55);
    expect_shifted("amiable", 1.42);
    expect_shifted("woman", 2.03);
    for (size_t i = 0; i < transcript.word_count; i++)
        ck_assert(transcript.words[i].confidence >= 0 && transcript.words[i].confidence <= 1);
    end();
}
END_TEST

START_TEST(a_pause_ends_a_sentence_and_no_sentence_spans_one)
{
    static const struct utterance utterances[] = { { 0, 16.78 } };
    if (!begin())
        return;
    dictate(both(), utterances, 1, 16.78);
    ck_assert_uint_ge(transcript.sentence_count, 2);
    for (size_t i = 0; i < transcript.sentence_count; i++) {
        const struct transcript_sentence *sentence = &transcript.sentences[i];
        ck_assert_uint_gt(sentence->word_count, 0);
        ck_assert_msg(sentence->end < 9 || sentence->start > 10.5, "%.2f to %.2f: %s",
                      sentence->start, sentence->end, sentence->text);
        ck_assert_ptr_null(strchr(sentence->text, '('));
        ck_assert_ptr_null(strchr(sentence->text, '<'));
    }
    end();
}
END_TEST

START_TEST(silence_and_utterances_beyond_the_sound_say_nothing)
{
    static const struct utterance utterances[] = { { 9, 10.5 }, { 100, 101 }, { 102, 103 } };
    if (!begin())
        return;
    dictate(both(), utterances, 3, 200);
    ck_assert_uint_eq(transcript.sentence_count, 0);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dictation");
    TCase *tcase = tcase_create("dictation");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, english_is_written_down_with_its_times);
    tcase_add_test(tcase, a_pause_ends_a_sentence_and_no_sentence_spans_one);
    tcase_add_test(tcase, silence_and_utterances_beyond_the_sound_say_nothing);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
