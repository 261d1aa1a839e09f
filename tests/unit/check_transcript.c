// transcript.json: whatever was added is in order once it is settled, what is damaged is refused
// whole.
#include "spool/batch.h"
#include "spool/transcript.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>
#include <math.h>

static struct folder folder;
static struct transcript transcript, loaded;

static void set_up(void)
{
    folder_make(&folder);
    transcript = loaded = (struct transcript)TRANSCRIPT_INIT;
}

static void tear_down(void)
{
    transcript_release(&transcript);
    transcript_release(&loaded);
    folder_remove(&folder);
}

static void add_sentence(double start, double end, const char *text)
{
    transcript_add_sentence(&transcript, start, end, text, -1);
}

static void add_word(double start, double end, const char *text)
{
    transcript_add_word(&transcript, start, end, text, 0.5);
}

static void expect_sentence(size_t index, double start, double end, const char *text)
{
    ck_assert_uint_lt(index, transcript.sentence_count);
    const struct transcript_sentence *sentence = &transcript.sentences[index];
    ck_assert_str_eq(sentence->text, text);
    ck_assert_double_eq_tol(sentence->start, start, 1e-9);
    ck_assert_double_eq_tol(sentence->end, end, 1e-9);
}

static void expect_word(size_t index, double start, double end, const char *text)
{
    ck_assert_uint_lt(index, transcript.word_count);
    ck_assert_str_eq(transcript.words[index].text, text);
    ck_assert_double_eq_tol(transcript.words[index].start, start, 1e-9);
    ck_assert_double_eq_tol(transcript.words[index].end, end, 1e-9);
}

START_TEST(what_is_saved_is_loaded_again)
{
    transcript.provider = xstrdup("local");
    transcript.language = xstrdup("en");
    transcript_add_sentence(&transcript, 0.5, 2.25, "Ask not.", 3);
    add_word(0.5, 1, "Ask");
    transcript_add_word(&transcript, 1.25, 2.25, "not.", -1);
    add_sentence(4, 5, "What?");
    transcript_settle(&transcript, 10);
    ck_assert_int_eq(transcript_save(folder.fd, &transcript, NULL), 0);
    ck_assert_int_eq(transcript_load(folder.fd, 10, &loaded, NULL), 0);
    ck_assert_str_eq(loaded.provider, "local");
    ck_assert_str_eq(loaded.language, "en");
    ck_assert_uint_eq(loaded.sentence_count, 2);
    ck_assert_int_eq(loaded.sentences[0].speaker, 3);
    ck_assert_uint_eq(loaded.sentences[0].word_count, 2);
    ck_assert_str_eq(loaded.words[1].text, "not.");
    ck_assert_double_eq_tol(loaded.words[1].start, 1.25, 1e-9);
    ck_assert_double_eq_tol(loaded.words[0].confidence, 0.5, 1e-9);
    ck_assert_double_lt(loaded.words[1].confidence, 0);
    ck_assert_int_eq(loaded.sentences[1].speaker, -1);
    ck_assert_str_eq(loaded.sentences[1].text, "What?");
    ck_assert_uint_eq(loaded.sentences[1].word_count, 0);
}
END_TEST

START_TEST(sentences_take_their_words_along_into_the_order_of_time)
{
    add_sentence(5, 6, "later");
    add_word(5.5, 6, "b");
    add_word(5, 5.5, "a");
    add_sentence(1, 2, "sooner");
    add_word(1, 2, "sooner");
    transcript_settle(&transcript, 10);
    ck_assert_uint_eq(transcript.sentence_count, 2);
    expect_sentence(0, 1, 2, "sooner");
    expect_sentence(1, 5, 6, "later");
    ck_assert_uint_eq(transcript.sentences[1].first_word, 1);
    expect_word(0, 1, 2, "sooner");
    expect_word(1, 5, 5.5, "a");
    expect_word(2, 5.5, 6, "b");
}
END_TEST

START_TEST(what_overlaps_is_shortened_and_what_is_outside_left_out)
{
    add_sentence(-1, 2, "begins before the source");
    add_sentence(1, 3, "begins before the other ended");
    add_word(0.5, 2.5, "cut");
    add_word(2.25, 2.75, "follows");
    add_word(2.25, 9, "to the end of the sentence");
    add_word(4, 5, "outside");
    add_sentence(2, 2.5, "within the other");
    add_word(2, 2.5, "gone");
    add_sentence(9, 99, "ends behind the source");
    add_sentence(11, 12, "behind the source");
    transcript_settle(&transcript, 10);
    ck_assert_uint_eq(transcript.sentence_count, 3);
    expect_sentence(0, 0, 2, "begins before the source");
    expect_sentence(1, 2, 3, "begins before the other ended");
    expect_sentence(2, 9, 10, "ends behind the source");
    ck_assert_uint_eq(transcript.word_count, 3);
    expect_word(0, 2, 2.5, "cut");
    expect_word(1, 2.5, 2.75, "follows");
    expect_word(2, 2.75, 3, "to the end of the sentence");
}
END_TEST

START_TEST(times_that_are_no_numbers_are_no_times)
{
    add_sentence(NAN, 2, "a");
    add_word(1, 2, "a");
    add_sentence(1, INFINITY, "b");
    add_sentence(3, 2, "backwards");
    add_sentence(4, 5, "good");
    add_word(NAN, NAN, "x");
    add_word(4, 5, "good");
    transcript_settle(&transcript, 10);
    ck_assert_uint_eq(transcript.sentence_count, 1);
    expect_sentence(0, 4, 5, "good");
    ck_assert_uint_eq(transcript.word_count, 1);
    expect_word(0, 4, 5, "good");
}
END_TEST

static const struct {
    const char *given, *kept; // NULL: left out
} texts[] = {
    { "plain", "plain" },
    { "  two\r\n\tlines ", "two lines" },
    { "\x1b[31mred\x7f", "[31mred" },
    { "\xe5\x8f\xaf\xe4\xbb\xa5", "\xe5\x8f\xaf\xe4\xbb\xa5" },
    { "caf\xe9", "caf\\xE9" },
    { " \n ", NULL },
    { "", NULL },
};

START_TEST(texts_become_utf8_on_one_line)
{
    add_sentence(1, 2, texts[_i].given);
    transcript_settle(&transcript, 10);
    ck_assert_uint_eq(transcript.sentence_count, texts[_i].kept != NULL);
    if (texts[_i].kept)
        expect_sentence(0, 1, 2, texts[_i].kept);
}
END_TEST

START_TEST(a_sentence_without_text_says_what_its_words_say)
{
    add_sentence(1, 3, "");
    add_word(2, 3, "you");
    add_word(1, 2, "ask");
    add_sentence(4, 6, "");
    add_word(4, 5, "\xe5\x8f\xaf");
    add_word(5, 6, "\xe4\xbb\xa5");
    transcript_settle(&transcript, 10);
    expect_sentence(0, 1, 3, "ask you");
    expect_sentence(1, 4, 6, "\xe5\x8f\xaf\xe4\xbb\xa5");
}
END_TEST

START_TEST(parts_are_put_behind_each_other)
{
    struct transcript part = TRANSCRIPT_INIT;
    transcript_add_sentence(&part, 1, 2, "said", 1);
    transcript_add_word(&part, 1, 2, "said", -1);
    transcript_settle(&part, 10);
    transcript_append(&transcript, &part, 0);
    transcript_append(&transcript, &part, 600);
    transcript_settle(&transcript, 1000);
    transcript_release(&part);
    ck_assert_uint_eq(transcript.sentence_count, 2);
    expect_sentence(0, 1, 2, "said");
    expect_sentence(1, 601, 602, "said");
    expect_word(1, 601, 602, "said");
    ck_assert_int_eq(transcript.sentences[1].speaker, 1);
}
END_TEST

START_TEST(what_is_too_much_is_left_out)
{
    cleanup(free_ptr) char *text = xcalloc(3 * TRANSCRIPT_MAX_TEXT + 1, 1);
    for (size_t i = 0; i < 3 * TRANSCRIPT_MAX_TEXT; i += 3)
        memcpy(text + i, "\xe5\x8f\xaf", 3);
    add_word(0, 1, "of no sentence");
    ck_assert_uint_eq(transcript.word_count, 0);
    add_sentence(0, 1, text);
    ck_assert_uint_eq(strlen(transcript.sentences[0].text), TRANSCRIPT_MAX_TEXT / 3 * 3);
    for (int i = 0; i < TRANSCRIPT_MAX_SENTENCES; i++)
        add_sentence(i, i + 1, "x");
    for (int i = 0; i <= TRANSCRIPT_MAX_WORDS; i++)
        add_word(i, i + 1, "x");
    ck_assert_uint_eq(transcript.sentence_count, TRANSCRIPT_MAX_SENTENCES);
    ck_assert_uint_eq(transcript.word_count, TRANSCRIPT_MAX_WORDS);
}
END_TEST

#define HEAD "{\"version\": 1, \"provider\": \"x\", "

static const struct {
    const char *name, *text;
    bool good;
} files[] = {
    { "nothing said", HEAD "\"sentences\": []}", true },
    { "a sentence",
      HEAD "\"sentences\": [{\"start\": 1, \"end\": 2, \"text\": \"a\", \"words\": []}]}", true },
    { "times outside are cut",
      HEAD "\"sentences\": [{\"start\": -5, \"end\": 2e8, \"text\": \"a\", \"words\": []}]}",
      true },
    { "not an object", "[]", false },
    { "another version", "{\"version\": 2, \"sentences\": []}", false },
    { "no sentences", HEAD "\"x\": 1}", false },
    { "sentences of another type", HEAD "\"sentences\": {}}", false },
    { "a sentence of another type", HEAD "\"sentences\": [7]}", false },
    { "a text of another type",
      HEAD "\"sentences\": [{\"start\": 1, \"end\": 2, \"text\": 7, \"words\": []}]}", false },
    { "a time of another type",
      HEAD "\"sentences\": [{\"start\": \"1\", \"end\": 2, \"text\": \"a\", \"words\": []}]}",
      false },
    { "a speaker below 0",
      HEAD "\"sentences\": [{\"start\": 1, \"end\": 2, \"speaker\": -2, \"words\": []}]}", false },
    { "no words", HEAD "\"sentences\": [{\"start\": 1, \"end\": 2, \"text\": \"a\"}]}", false },
    { "a word of another type",
      HEAD "\"sentences\": [{\"start\": 1, \"end\": 2, \"text\": \"a\", \"words\": [[]]}]}",
      false },
    { "a confidence above 1",
      HEAD "\"sentences\": [{\"start\": 1, \"end\": 2, \"text\": \"a\", \"words\": "
           "[{\"start\": 1, \"end\": 2, \"text\": \"a\", \"confidence\": 2}]}]}",
      false },
    { "a language of another type", HEAD "\"language\": 1, \"sentences\": []}", false },
};

START_TEST(a_damaged_file_is_refused_whole)
{
    struct err err = ERR_INIT;
    folder_put(&folder, SOURCE_TRANSCRIPT, files[_i].text);
    int r = transcript_load(folder.fd, 10, &loaded, &err);
    ck_assert_msg((r == 0) == files[_i].good, "%s: %s", files[_i].name, err.text);
    if (r == 0)
        return;
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert_str_eq(err.id, "bad_transcript");
    ck_assert_ptr_null(loaded.provider);
    ck_assert_ptr_null(loaded.sentences);
}
END_TEST

START_TEST(a_missing_file_is_no_error_to_report)
{
    struct err err = ERR_INIT;
    ck_assert_int_eq(transcript_load(folder.fd, 10, &loaded, &err), -ENOENT);
    ck_assert_int_eq(err.class, ERR_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transcript");
    TCase *tcase = tcase_create("transcript");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_is_saved_is_loaded_again);
    tcase_add_test(tcase, sentences_take_their_words_along_into_the_order_of_time);
    tcase_add_test(tcase, what_overlaps_is_shortened_and_what_is_outside_left_out);
    tcase_add_test(tcase, times_that_are_no_numbers_are_no_times);
    tcase_add_loop_test(tcase, texts_become_utf8_on_one_line, 0, ARRAY_LEN(texts));
    tcase_add_test(tcase, a_sentence_without_text_says_what_its_words_say);
    tcase_add_test(tcase, parts_are_put_behind_each_other);
    tcase_add_test(tcase, what_is_too_much_is_left_out);
    tcase_add_loop_test(tcase, a_damaged_file_is_refused_whole, 0, ARRAY_LEN(files));
    tcase_add_test(tcase, a_missing_file_is_no_error_to_report);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
