// Bytes as text: escaping is reversible and safe to show, orders are total, times read back.
#include "base/text.h"
#include <check.h>
#include <errno.h>
#include <math.h>

static const struct {
    const char *bytes, *escaped;
} escapes[] = {
    { "", "" },
    { "clip 1.mp4", "clip 1.mp4" },
    { "-rf; $(x) 'q' \"q\"", "-rf; $(x) 'q' \"q\"" },
    { "a\nb\tc\x1b[2J", "a\\x0Ab\\x09c\\x1B[2J" },
    { "\x7f", "\\x7F" },
    { "a\\b", "a\\x5Cb" },
    { "\\x41", "\\x5Cx41" },
    { "\xF0\x9F\x8E\xAC film", "\xF0\x9F\x8E\xAC film" },
    // A family: four people held together by joiners.
    { "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA7",
      "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA7" },
    { "\xE6\xB5\xB7\xE8\xBE\xB9", "\xE6\xB5\xB7\xE8\xBE\xB9" },
    { "caf\xE9", "caf\\xE9" },
    { "\xFF\xFE", "\\xFF\\xFE" },
    { "\xC3", "\\xC3" },
    { "\xE2\x82", "\\xE2\\x82" },
    { "\xC0\xAF", "\\xC0\\xAF" },
    { "\xE0\x80\xAF", "\\xE0\\x80\\xAF" },
    { "\xF0\x80\x80\xAF", "\\xF0\\x80\\x80\\xAF" },
    { "\xED\xA0\x80", "\\xED\\xA0\\x80" },
    { "\xF4\x90\x80\x80", "\\xF4\\x90\\x80\\x80" },
    { "\xF8\x88\x80\x80\x80", "\\xF8\\x88\\x80\\x80\\x80" },
    { "\x80", "\\x80" },
    { "\xC2\x85", "\\xC2\\x85" },
    { "\xE2\x80\xA8", "\\xE2\\x80\\xA8" },
    { "a\xE2\x80\xAEgpj.exe", "a\\xE2\\x80\\xAEgpj.exe" },
    { "\xE2\x81\xA6", "\\xE2\\x81\\xA6" },
    { "\xEF\xBB\xBF", "\\xEF\\xBB\\xBF" },
};

START_TEST(foreign_bytes_are_shown_on_one_line_and_come_back)
{
    cleanup(free_ptr) char *escaped = text_escape(escapes[_i].bytes);
    ck_assert_str_eq(escaped, escapes[_i].escaped);
    ck_assert(text_is_utf8(escaped, strlen(escaped)));
    cleanup(free_ptr) char *bytes = text_unescape(escaped);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_str_eq(bytes, escapes[_i].bytes);
}
END_TEST

// Every pair of bytes, so every way in which two can touch.
START_TEST(every_two_bytes_survive_the_way_there_and_back)
{
    for (int first = 1; first < 256; first++)
        for (int second = 1; second < 256; second++) {
            const char bytes[] = { (char)first, (char)second, 0 };
            cleanup(free_ptr) char *escaped = text_escape(bytes);
            cleanup(free_ptr) char *back = text_unescape(escaped);
            bool is_good = text_is_utf8(escaped, strlen(escaped)) && back;
            for (const char *c = escaped; *c; c++)
                is_good = is_good && (unsigned char)*c >= 0x20 && *c != 0x7F;
            // One call of Check for each would take longer than all the rest.
            if (!is_good || strcmp(back, bytes) != 0)
                ck_abort_msg("%02x %02x", (unsigned)first, (unsigned)second);
        }
}
END_TEST

START_TEST(a_nul_within_a_length_is_escaped)
{
    cleanup(free_ptr) char *escaped = text_escape_n("a\0b", 3);
    ck_assert_str_eq(escaped, "a\\x00b");
}
END_TEST

static const char *const not_escaped[] = {
    "\\",    "\\x",   "\\x0",       "\\x00", "a\\x00b", "\\n",          "\\x4",  "\\X41",
    "\\xe9", "\\x41", "\\xC3\\xA9", "\n",    "\xE9",    "\xE2\x80\xA8", "\\x5c",
};

START_TEST(what_escaping_never_writes_is_not_taken_back)
{
    ck_assert_msg(!text_unescape(not_escaped[_i]), "%s", not_escaped[_i]);
}
END_TEST

static const char *const ordered[] = {
    "",
    "0",
    "01",
    "1",
    "2",
    "010",
    "10",
    "99999999999999999999999",
    "100000000000000000000000",
    "B",
    "b",
    "C1",
    "c2",
    "clip",
    "Clip1",
    "clip1",
    "clip1.mp4",
    "clip2",
    "clip10",
    "clip10a",
    "clip10b2",
    "clip10b11",
    "d-",
    "d1",
    "d_",
    "\xC3\xA9",
};

START_TEST(names_sort_as_people_count)
{
    for (size_t i = 0; i < ARRAY_LEN(ordered); i++)
        for (size_t j = 0; j < ARRAY_LEN(ordered); j++) {
            int order = text_natural_compare(ordered[i], ordered[j]);
            int same = i == j;
            ck_assert_msg(same ? order == 0 : (order < 0) == (i < j) && order != 0,
                          "\"%s\" and \"%s\": %d", ordered[i], ordered[j], order);
        }
}
END_TEST

// Over all short strings of the characters where an order could contradict itself.
START_TEST(the_order_of_names_is_total)
{
    static const char letters[] = "01aA";
    char names[4 * (4 * 5 + 1)][4];
    size_t count = 0;
    for (size_t a = 0; a < 4; a++) {
        for (size_t b = 0; b < 5; b++)
            for (size_t c = 0; c < (b < 4 ? 5 : 1); c++) {
                names[count][0] = letters[a];
                names[count][1] = letters[b];
                names[count][2] = letters[c];
                names[count++][3] = '\0';
            }
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            int ij = text_natural_compare(names[i], names[j]);
            if (ij != -text_natural_compare(names[j], names[i]))
                ck_abort_msg("%s and %s", names[i], names[j]);
            for (size_t k = 0; ij < 0 && k < count; k++)
                if (text_natural_compare(names[j], names[k]) < 0 &&
                    text_natural_compare(names[i], names[k]) >= 0)
                    ck_abort_msg("%s, %s and %s", names[i], names[j], names[k]);
        }
}
END_TEST

START_TEST(an_ending_matches_in_any_case)
{
    ck_assert(text_ends_with("a.MP4", ".mp4"));
    ck_assert(text_ends_with(".mp4", ".mp4"));
    ck_assert(text_ends_with("a", ""));
    ck_assert(!text_ends_with("mp4", ".mp4"));
    ck_assert(!text_ends_with("a.mp4.part", ".mp4"));
}
END_TEST

static const struct {
    time_t when;
    const char *text, *compact;
} times[] = {
    { 0, "1970-01-01T00:00:00Z", "19700101T000000Z" },
    { 1795320900, "2026-11-22T04:15:00Z", "20261122T041500Z" },
    { 951782400, "2000-02-29T00:00:00Z", "20000229T000000Z" },
    { 4102444799, "2099-12-31T23:59:59Z", "20991231T235959Z" },
    { 253402300799, "9999-12-31T23:59:59Z", "99991231T235959Z" },
};

START_TEST(a_time_is_written_in_utc_and_reads_back)
{
    char buffer[TEXT_TIME_SIZE];
    time_t when = -1;
    ck_assert_str_eq(text_time(times[_i].when, buffer), times[_i].text);
    ck_assert_str_eq(text_time_compact(times[_i].when, buffer), times[_i].compact);
    ck_assert_int_eq(text_time_parse(times[_i].text, &when), 0);
    ck_assert_int_eq(when, times[_i].when);
}
END_TEST

START_TEST(a_time_beyond_four_digit_years_is_held_at_the_end)
{
    char buffer[TEXT_TIME_SIZE];
    ck_assert_str_eq(text_time(INT64_MAX, buffer), "9999-12-31T23:59:59Z");
    ck_assert_str_eq(text_time(INT64_MIN, buffer), "1970-01-01T00:00:00Z");
}
END_TEST

static const char *const no_times[] = {
    "",
    "2026-11-22",
    "2026-11-22T04:15:00",
    "2026-11-22 04:15:00Z",
    "2026-11-22T04:15:00z",
    "2026-11-22T04:15:00Zx",
    "2026-02-30T00:00:00Z",
    "2025-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-01-00T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T00:60:00Z",
    "2026-01-01T00:00:60Z",
    "1969-12-31T23:59:59Z",
    "+026-01-01T00:00:00Z",
    "2026-01-01T00:00:0 Z",
};

START_TEST(what_is_no_time_is_refused_and_changes_nothing)
{
    time_t when = 42;
    ck_assert_msg(text_time_parse(no_times[_i], &when) == -EINVAL, "%s", no_times[_i]);
    ck_assert_int_eq(when, 42);
}
END_TEST

static const struct {
    double seconds;
    const char *text;
} clocks[] = {
    { 0, "0:00" },
    { 0.4, "0:00" },
    { 59.4, "0:59" },
    { 59.5, "1:00" },
    { 65, "1:05" },
    { 751, "12:31" },
    { 3599.6, "1:00:00" },
    { 3723, "1:02:03" },
    { -5, "0:00" },
    { (double)NAN, "0:00" },
    { (double)INFINITY, "277777:46:40" },
};

START_TEST(seconds_read_as_a_clock)
{
    char buffer[TEXT_TIME_SIZE];
    ck_assert_str_eq(text_clock(clocks[_i].seconds, buffer), clocks[_i].text);
}
END_TEST

static const struct {
    uint64_t bytes;
    const char *text;
} sizes[] = {
    { 0, "0 B" },
    { 812, "812 B" },
    { 999, "999 B" },
    { 1000, "1.0 kB" },
    { 1049, "1.0 kB" },
    { 1050, "1.1 kB" },
    { 12345678, "12.3 MB" },
    { 999949, "999.9 kB" },
    { 999950, "1.0 MB" },
    { 1400000000, "1.4 GB" },
    { UINT64_MAX, "18.4 EB" },
};

START_TEST(bytes_read_with_a_unit)
{
    char buffer[TEXT_TIME_SIZE];
    ck_assert_str_eq(text_bytes(sizes[_i].bytes, buffer), sizes[_i].text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tcase = tcase_create("text");
    tcase_add_loop_test(tcase, foreign_bytes_are_shown_on_one_line_and_come_back, 0,
                        (int)ARRAY_LEN(escapes));
    tcase_add_test(tcase, every_two_bytes_survive_the_way_there_and_back);
    tcase_add_test(tcase, a_nul_within_a_length_is_escaped);
    tcase_add_loop_test(tcase, what_escaping_never_writes_is_not_taken_back, 0,
                        (int)ARRAY_LEN(not_escaped));
    tcase_add_test(tcase, names_sort_as_people_count);
    tcase_add_test(tcase, the_order_of_names_is_total);
    tcase_add_test(tcase, an_ending_matches_in_any_case);
    tcase_add_loop_test(tcase, a_time_is_written_in_utc_and_reads_back, 0, (int)ARRAY_LEN(times));
    tcase_add_test(tcase, a_time_beyond_four_digit_years_is_held_at_the_end);
    tcase_add_loop_test(tcase, what_is_no_time_is_refused_and_changes_nothing, 0,
                        (int)ARRAY_LEN(no_times));
    tcase_add_loop_test(tcase, seconds_read_as_a_clock, 0, (int)ARRAY_LEN(clocks));
    tcase_add_loop_test(tcase, bytes_read_with_a_unit, 0, (int)ARRAY_LEN(sizes));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
