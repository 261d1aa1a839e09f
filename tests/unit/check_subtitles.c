// Subtitles: what is said in a reel, where it is heard, as it can be read.
#include "base/text.h"
#include "highlight/subtitles.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

static struct transcript transcripts[2];
static struct subtitles subtitles;

static void set_up(void)
{
    transcripts[0] = transcripts[1] = (struct transcript)TRANSCRIPT_INIT;
    subtitles = (struct subtitles)SUBTITLES_INIT;
}

static void tear_down(void)
{
    transcript_release(&transcripts[0]);
    transcript_release(&transcripts[1]);
    subtitles_release(&subtitles);
}

// A sentence of words of `each` seconds, with times of the words or without.
static void say(int source, double start, double each, const char *text, bool is_timed)
{
    struct transcript *transcript = &transcripts[source];
    size_t words = 1;
    for (const char *at = text; *at; at++)
        words += *at == ' ';
    transcript_add_sentence(transcript, start, start + each * (double)words, text, -1);
    for (const char *at = text; is_timed && *at; start += each) {
        size_t length = strcspn(at, " ");
        cleanup(free_ptr) char *word = xstrndup(at, length);
        transcript_add_word(transcript, start, start + each, word, -1);
        at += length + (at[length] == ' ');
    }
    transcript_settle(transcript, 1000);
}

static void make(const struct plan_place *places, size_t count)
{
    subtitles_make(places, count, transcripts, 2, &subtitles);
}

static void expect(size_t index, double start, double end, const char *text)
{
    ck_assert_uint_lt(index, subtitles.count);
    const struct subtitles_cue *cue = &subtitles.cues[index];
    ck_assert_str_eq(cue->text, text);
    ck_assert_msg(fabs(cue->start - start) < 1e-6 && fabs(cue->end - end) < 1e-6,
                  "\"%s\" from %.3f to %.3f", text, cue->start, cue->end);
}

START_TEST(words_appear_where_they_are_heard_in_the_reel)
{
    static const struct plan_place places[] = { { 1, 20, 0, 4 }, { 0, 101, 4, 3 } };
    say(0, 100, 0.5, "one two three four five six seven eight nine ten", true);
    say(1, 21, 0.5, "elsewhere first", true);
    make(places, 2);
    ck_assert_uint_eq(subtitles.count, 2);
    expect(0, 1, 2, "elsewhere first");
    expect(1, 4, 7, "three four five six seven eight");
}
END_TEST

START_TEST(a_word_belongs_to_where_its_middle_is)
{
    static const struct plan_place places[] = { { 0, 10.2, 0, 1.6 } };
    say(0, 10, 0.5, "before said too behind", true); // 10.0 10.5 11.0 11.5
    make(places, 1);
    ck_assert_uint_eq(subtitles.count, 1);
    expect(0, 0, 1.6, "before said too behind");
    subtitles_release(&subtitles);
    make(&(struct plan_place){ 0, 10.3, 0, 1.4 }, 1);
    expect(0, 0.2, 1.2, "said too");
}
END_TEST

START_TEST(a_cue_has_two_lines_of_42_columns)
{
    say(0, 0, 0.2,
        "a sentence that is so long that it has to be parted into several lines and even into more "
        "than one cue because nobody can read that much at once",
        true);
    make(&(struct plan_place){ 0, 0, 0, 20 }, 1);
    ck_assert_uint_eq(subtitles.count, 2);
    ck_assert_str_eq(subtitles.cues[0].text, "a sentence that is so long that it has to\n"
                                             "be parted into several lines and even into");
    ck_assert_str_eq(subtitles.cues[1].text, "more than one cue because nobody can read\n"
                                             "that much at once");
}
END_TEST

START_TEST(sentences_begin_cues_unless_the_one_before_could_not_be_read)
{
    say(0, 0, 0.3, "Yes.", true);
    say(0, 0.6, 0.3, "No doubt.", true);
    say(0, 1.5, 0.3, "That is what I meant.", true);
    make(&(struct plan_place){ 0, 0, 0, 20 }, 1);
    ck_assert_uint_eq(subtitles.count, 2);
    expect(0, 0, 1.2, "Yes. No doubt.");
    expect(1, 1.5, 3, "That is what I meant.");
}
END_TEST

START_TEST(what_is_short_stays_until_it_can_be_read_or_the_next_begins)
{
    static const struct plan_place places[] = { { 0, 0, 0, 0.5 }, { 1, 0, 0.5, 0.8 } };
    say(0, 0, 0.5, "Yes.", true);
    say(1, 0, 0.5, "No.", true);
    make(places, 2);
    expect(0, 0, 0.5, "Yes.");  // the next segment says something else
    expect(1, 0.5, 1.3, "No."); // the reel ends
    subtitles_release(&subtitles);
    make(&(struct plan_place){ 0, 0, 0, 5 }, 1);
    expect(0, 0, 1, "Yes.");
}
END_TEST

START_TEST(nothing_stays_longer_than_seven_seconds)
{
    say(0, 0, 3, "slow as the sea", true);
    make(&(struct plan_place){ 0, 0, 0, 20 }, 1);
    ck_assert_uint_eq(subtitles.count, 2);
    expect(0, 0, 6, "slow as");
    expect(1, 6, 12, "the sea");
}
END_TEST

START_TEST(sentences_without_words_share_their_time)
{
    say(0, 0, 1, "abcd efgh", false);
    make(&(struct plan_place){ 0, 0, 0, 1 }, 1);
    ck_assert_uint_eq(subtitles.count, 1);
    ck_assert_str_eq(subtitles.cues[0].text, "abcd");
}
END_TEST

START_TEST(chinese_is_parted_between_characters_but_not_before_a_mark)
{
    // 21 characters and a full stop: the last character goes along with it.
    say(0, 0, 4,
        "\xe6\xac\xa2\xe8\xbf\x8e\xe5\xa4\xa7\xe5\xae\xb6\xe6\x9d\xa5\xe4\xbd\x93\xe9\xaa\x8c"
        "\xe8\xbe\xbe\xe6\x91\xa9\xe9\x99\xa2\xe6\x8e\xa8\xe5\x87\xba\xe7\x9a\x84\xe8\xaf\xad"
        "\xe9\x9f\xb3\xe8\xaf\x86\xe5\x88\xab\xe6\xa8\xa1\xe5\x9e\x8b\xe5\x91\x80\xe5\x93\x88"
        "\xe3\x80\x82",
        false);
    make(&(struct plan_place){ 0, 0, 0, 10 }, 1);
    ck_assert_uint_eq(subtitles.count, 1);
    const char *line = strchr(subtitles.cues[0].text, '\n');
    ck_assert_ptr_nonnull(line);
    ck_assert_str_eq(line + 1, "\xe5\x93\x88\xe3\x80\x82");
    ck_assert_ptr_null(strchr(subtitles.cues[0].text, ' '));
}
END_TEST

#define LONG_WORD                                             \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

START_TEST(files_say_the_times_and_no_markup)
{
    static const struct plan_place place = { 0, 899.5, 3660.25, 3 };
    say(0, 900, 0.5, "a<b> &c {d} -->", true);
    make(&place, 1);
    cleanup(free_ptr) char *srt = subtitles_to_srt(&subtitles);
    cleanup(free_ptr) char *vtt = subtitles_to_vtt(&subtitles);
    ck_assert_str_eq(srt, "1\n01:01:00,750 --> 01:01:02,750\n"
                          "a\xe2\x80\xb9"
                          "b\xe2\x80\xba &c (d) --\xe2\x80\xba\n\n");
    ck_assert_str_eq(vtt, "WEBVTT\n\n01:01:00.750 --> 01:01:02.750\n"
                          "a&lt;b&gt; &amp;c {d} --&gt;\n\n");
}
END_TEST

static void add_noise(struct transcript *transcript)
{
    static const char *const words[] = { "a",
                                         "longer",
                                         "\xe5\x8f\xaf",
                                         "sesquipedalian",
                                         "\xe5\x8f\xaf\xe4\xbb\xa5\xe3\x80\x82",
                                         LONG_WORD,
                                         "two words",
                                         "caf\xc3\xa9" };
    double at = 0;
    for (int i = 0; i < 40; i++) {
        double length = (double)(random() % 8000) / 1000;
        transcript_add_sentence(transcript, at, at + length, random() % 2 ? "" : "what was said",
                                -1);
        for (int k = 0; k < random() % 30; k++)
            transcript_add_word(transcript, at + (double)(random() % 8000) / 1000,
                                at + (double)(random() % 9000) / 1000,
                                words[(size_t)random() % ARRAY_LEN(words)], -1);
        at += length + (double)(random() % 3) / 4;
    }
    transcript_settle(transcript, 150);
}

static void check_lines(const char *text)
{
    size_t lines = 0;
    ck_assert(text_is_utf8(text, strlen(text)));
    while (*text) {
        size_t columns = 0, length = strcspn(text, "\n");
        for (size_t i = 0; i < length; i++) {
            unsigned char c = (unsigned char)text[i];
            columns += (c & 0xc0) != 0x80 ? (c >= 0xe3 && c <= 0xe9 ? 2 : 1) : 0;
        }
        ck_assert_msg(length > 0 && columns <= SUBTITLES_COLUMNS, "%zu: %s", columns, text);
        lines++;
        text += length + (text[length] == '\n');
    }
    ck_assert(lines >= 1 && lines <= SUBTITLES_LINES);
}

START_TEST(whatever_is_said_cues_can_be_read_and_do_not_overlap)
{
    struct plan_place places[20];
    double at = 0;
    srandom((unsigned)_i);
    add_noise(&transcripts[0]);
    add_noise(&transcripts[1]);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        double length = 0.5 + (double)(random() % 9000) / 1000;
        places[i] =
            (struct plan_place){ (int)(random() % 3), (double)(random() % 140), at, length };
        at += length;
    }
    make(places, ARRAY_LEN(places));
    double before = 0;
    for (size_t i = 0; i < subtitles.count; i++) {
        const struct subtitles_cue *cue = &subtitles.cues[i];
        double next = i + 1 < subtitles.count ? subtitles.cues[i + 1].start : at;
        ck_assert_double_ge(cue->start, before - 1e-9);
        ck_assert_double_le(cue->end, at + 1e-9);
        ck_assert_double_le(cue->end - cue->start, 7 + 1e-9);
        ck_assert_msg(cue->end - cue->start >= 1 - 1e-9 || cue->end >= next - 1e-9, "%.3f to %.3f",
                      cue->start, cue->end);
        check_lines(cue->text);
        before = cue->end;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("subtitles");
    TCase *tcase = tcase_create("subtitles");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, words_appear_where_they_are_heard_in_the_reel);
    tcase_add_test(tcase, a_word_belongs_to_where_its_middle_is);
    tcase_add_test(tcase, a_cue_has_two_lines_of_42_columns);
    tcase_add_test(tcase, sentences_begin_cues_unless_the_one_before_could_not_be_read);
    tcase_add_test(tcase, what_is_short_stays_until_it_can_be_read_or_the_next_begins);
    tcase_add_test(tcase, nothing_stays_longer_than_seven_seconds);
    tcase_add_test(tcase, sentences_without_words_share_their_time);
    tcase_add_test(tcase, chinese_is_parted_between_characters_but_not_before_a_mark);
    tcase_add_test(tcase, files_say_the_times_and_no_markup);
    tcase_add_loop_test(tcase, whatever_is_said_cues_can_be_read_and_do_not_overlap, 0, 300);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
