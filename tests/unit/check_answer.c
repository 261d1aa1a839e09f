// What is understood of the head of an answer, and what is not.
#include "net/answer.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>

static struct answer answer;

static void set_up(void)
{
    answer = (struct answer)ANSWER_INIT;
}

static void tear_down(void)
{
    answer_release(&answer);
}

// Lines are divided by "|".
static int take(const char *lines, struct err *err)
{
    for (const char *at = lines; *at;) {
        size_t length = strcspn(at, "|");
        char *line = xasprintf("%.*s\r\n", (int)length, at);
        int r = answer_add_line(&answer, line, strlen(line), err);
        free(line);
        if (r < 0)
            return r;
        at += length + (at[length] == '|');
    }
    return 0;
}

static void take_field(const char *name, const char *value)
{
    char *lines = xasprintf("HTTP/1.1 200 OK|%s: %s", name, value);
    ck_assert_int_eq(take(lines, NULL), 0);
    free(lines);
}

START_TEST(fields_are_found_by_name_in_any_case_without_blanks_at_their_ends)
{
    ck_assert_int_eq(take("HTTP/1.1 206 Partial Content|eTaG: \t\"x\" |Empty:|X: a: b", NULL), 0);
    ck_assert_int_eq(answer.status, 206);
    ck_assert_str_eq(answer_find(&answer, "ETag"), "\"x\"");
    ck_assert_str_eq(answer_find(&answer, "empty"), "");
    ck_assert_str_eq(answer_find(&answer, "x"), "a: b");
    ck_assert_ptr_null(answer_find(&answer, "tag"));
}
END_TEST

START_TEST(a_further_status_line_begins_a_new_answer)
{
    ck_assert_int_eq(take("HTTP/1.1 100 Continue|A: 1||HTTP/2 404|B: 2", NULL), 0);
    ck_assert_int_eq(answer.status, 404);
    ck_assert_ptr_null(answer_find(&answer, "A"));
    ck_assert_str_eq(answer_find(&answer, "B"), "2");
}
END_TEST

static const char *const unusable[] = {
    "HTTP/1.1 20 OK",
    "HTTP/1.1 2000",
    "HTTP/1.1",
    "HTTP/1.1 abc",
    "HTTP/1.1 099 x",
    "HTTP/1.1 200|Content-Length: 5|Content-Length: 6",
    "HTTP/1.1 302|Location: /a|location: /b",
    "HTTP/1.1 200|ETag: \"a\"|ETag: \"b\"",
};

START_TEST(an_answer_without_status_or_with_two_meanings_is_unusable)
{
    struct err err = ERR_INIT;
    ck_assert_int_lt(take(unusable[_i], &err), 0);
    ck_assert_str_eq(err.id, "bad_answer");
}
END_TEST

START_TEST(a_field_said_twice_the_same_way_is_said_once)
{
    uint64_t length;
    ck_assert_int_eq(take("HTTP/1.1 200|Content-Length: 5|Content-Length: 5", NULL), 0);
    ck_assert_int_eq(answer_length(&answer, &length), 0);
    ck_assert_uint_eq(length, 5);
}
END_TEST

START_TEST(fields_without_end_are_refused_by_number_and_by_size)
{
    int lines = 0;
    struct err err = ERR_INIT;
    ck_assert_int_eq(take("HTTP/1.1 200 OK", NULL), 0);
    while (answer_add_line(&answer, "A: b\r\n", 6, &err) == 0)
        ck_assert_int_le(++lines, ANSWER_MAX_FIELDS);
    ck_assert_int_eq(lines, ANSWER_MAX_FIELDS);
    answer_release(&answer);
    err_clear(&err);
    // Also of those that are thrown away: answers before the final one must end some time.
    size_t bytes = 0;
    for (const char *line = "HTTP/1.1 103 Early Hints\r\n";
         answer_add_line(&answer, line, 26, &err) == 0;)
        ck_assert_uint_le(bytes += 26, ANSWER_MAX_BYTES);
    ck_assert_str_eq(err.id, "bad_answer");
}
END_TEST

START_TEST(a_nul_byte_is_refused)
{
    ck_assert_int_lt(answer_add_line(&answer, "A: b\0c\r\n", 8, NULL), 0);
}
END_TEST

enum { NOW = 1763195400 }; // Sat, 15 Nov 2025 08:30:00 GMT

static const struct {
    const char *text;
    long when;
} times[] = {
    { "Sat, 15 Nov 2025 08:30:00 GMT", NOW },
    { "Saturday, 15-Nov-25 08:30:00 GMT", NOW },
    { "Sat Nov 15 08:30:00 2025", NOW },
    { "Sun Nov  2 08:30:00 2025", 1762072200 },
    { "Sat, 15 Nov 2025 08:30:00 CET", -1 },
    { "2025-11-15T08:30:00Z", -1 },
    { "", -1 },
    { "Sat, 15 Nov 2025 08:30:00 GMT x", -1 },
};

START_TEST(dates_are_read_in_their_three_forms)
{
    time_t when = -1;
    ck_assert_int_eq(answer_time(times[_i].text, &when) == 0, times[_i].when != -1);
    ck_assert_int_eq(when, times[_i].when);
}
END_TEST

static const struct {
    const char *text;
    unsigned seconds;
} waits[] = {
    { "120", 120 },
    { "0", 0 },
    { "99999999", 86400 },
    { "-5", 0 },
    { "soon", 0 },
    { "1.5", 0 },
    { "12345678901234567890123", 0 },
    { "Sat, 15 Nov 2025 08:31:30 GMT", 90 },
    { "Sat, 15 Nov 2025 08:29:00 GMT", 0 },
    { "Sat, 15 Nov 2036 08:29:00 GMT", 86400 },
};

START_TEST(retry_after_is_seconds_or_a_date)
{
    take_field("Retry-After", waits[_i].text);
    ck_assert_uint_eq(answer_retry_after(&answer, NOW), waits[_i].seconds);
}
END_TEST

static const struct {
    const char *text;
    int result;
    struct answer_range range;
} ranges[] = {
    { "bytes 0-0/1", 0, { 0, 0, 1 } },
    { "bytes 100-199/200", 0, { 100, 199, 200 } },
    { "Bytes 100-199/*", 0, { 100, 199, UINT64_MAX } },
    { "bytes 100-200/200", -EINVAL, { 0 } },
    { "bytes 200-100/300", -EINVAL, { 0 } },
    { "bytes */300", -EINVAL, { 0 } },
    { "bytes 0-1", -EINVAL, { 0 } },
    { "bytes 0-1/2 ", 0, { 0, 1, 2 } },
    { "bytes 0-1/2x", -EINVAL, { 0 } },
    { "lines 0-1/2", -EINVAL, { 0 } },
    { "bytes 0-99999999999999999999/2", -EINVAL, { 0 } },
};

START_TEST(content_range_is_read_strictly)
{
    struct answer_range range = { 0 };
    take_field("Content-Range", ranges[_i].text);
    ck_assert_int_eq(answer_range(&answer, &range), ranges[_i].result);
    if (ranges[_i].result == 0)
        ck_assert_mem_eq(&range, &ranges[_i].range, sizeof range);
}
END_TEST

static const struct {
    const char *lines, *validator;
} validators[] = {
    { "ETag: \"abc\"", "\"abc\"" },
    { "ETag: W/\"abc\"", NULL },
    { "ETag: abc", NULL },
    { "ETag: \"a\"b\"", NULL },
    { "ETag: \"a b\"", NULL },
    { "Last-Modified: Sat, 15 Nov 2025 08:30:00 GMT", NULL },
    { "Last-Modified: Sat, 15 Nov 2025 08:30:00 GMT|Date: Sat, 15 Nov 2025 08:30:00 GMT", NULL },
    { "Last-Modified: Sat, 15 Nov 2025 08:30:00 GMT|Date: Sat, 15 Nov 2025 08:30:01 GMT",
      "Sat, 15 Nov 2025 08:30:00 GMT" },
    { "ETag: W/\"a\"|Last-Modified: Sat, 15 Nov 2025 08:30:00 GMT|Date: Sat, 15 Nov 2025 08:31:00 "
      "GMT",
      NULL },
    { "X: y", NULL },
};

START_TEST(only_a_strong_validator_proves_that_bytes_are_the_same)
{
    ck_assert_int_eq(take("HTTP/1.1 200 OK", NULL), 0);
    ck_assert_int_eq(take(validators[_i].lines, NULL), 0);
    const char *found = answer_validator(&answer);
    ck_assert_int_eq(found != NULL, validators[_i].validator != NULL);
    if (found)
        ck_assert_str_eq(found, validators[_i].validator);
}
END_TEST

START_TEST(a_length_that_is_no_number_is_no_length)
{
    uint64_t length;
    ck_assert_int_eq(answer_length(&answer, &length), 0);
    ck_assert_uint_eq(length, UINT64_MAX);
    take_field("Content-Length", "1e3");
    ck_assert_int_eq(answer_length(&answer, &length), -EINVAL);
    take_field("Content-Length", "-1");
    ck_assert_int_eq(answer_length(&answer, &length), -EINVAL);
}
END_TEST

static const struct {
    int status;
    enum err_class class;
    const char *id;
    unsigned retry_after;
} failures[] = {
    { 302, ERR_INPUT, "server_refused", 0 },  { 400, ERR_INPUT, "server_refused", 0 },
    { 401, ERR_DENIED, "access_refused", 0 }, { 403, ERR_DENIED, "access_refused", 0 },
    { 404, ERR_INPUT, "not_there", 0 },       { 410, ERR_INPUT, "not_there", 0 },
    { 408, ERR_RETRY, "server_busy", 120 },   { 425, ERR_RETRY, "server_busy", 120 },
    { 429, ERR_RETRY, "server_busy", 120 },   { 418, ERR_INPUT, "server_refused", 0 },
    { 500, ERR_RETRY, "server_busy", 120 },   { 503, ERR_RETRY, "server_busy", 120 },
};

START_TEST(what_may_pass_is_tried_again_when_the_server_says_and_what_may_not_is_final)
{
    struct err err = ERR_INIT;
    take_field("Retry-After", "120");
    answer.status = failures[_i].status;
    ck_assert_int_lt(answer_failure(&answer, NOW, &err), 0);
    ck_assert_int_eq(err.class, failures[_i].class);
    ck_assert_str_eq(err.id, failures[_i].id);
    ck_assert_uint_eq(err.retry_after, failures[_i].retry_after);
}
END_TEST

START_TEST(a_type_comes_without_its_parameters)
{
    take_field("Content-Type", "Text/HTML; charset=utf-8");
    char *type = answer_type(&answer);
    ck_assert_str_eq(type, "text/html");
    free(type);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("answer");
    TCase *tcase = tcase_create("answer");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, fields_are_found_by_name_in_any_case_without_blanks_at_their_ends);
    tcase_add_test(tcase, a_further_status_line_begins_a_new_answer);
    tcase_add_loop_test(tcase, an_answer_without_status_or_with_two_meanings_is_unusable, 0,
                        (int)ARRAY_LEN(unusable));
    tcase_add_test(tcase, a_field_said_twice_the_same_way_is_said_once);
    tcase_add_test(tcase, fields_without_end_are_refused_by_number_and_by_size);
    tcase_add_test(tcase, a_nul_byte_is_refused);
    tcase_add_loop_test(tcase, dates_are_read_in_their_three_forms, 0, (int)ARRAY_LEN(times));
    tcase_add_loop_test(tcase, retry_after_is_seconds_or_a_date, 0, (int)ARRAY_LEN(waits));
    tcase_add_loop_test(tcase, content_range_is_read_strictly, 0, (int)ARRAY_LEN(ranges));
    tcase_add_loop_test(tcase, only_a_strong_validator_proves_that_bytes_are_the_same, 0,
                        (int)ARRAY_LEN(validators));
    tcase_add_test(tcase, a_length_that_is_no_number_is_no_length);
    tcase_add_loop_test(tcase,
                        what_may_pass_is_tried_again_when_the_server_says_and_what_may_not_is_final,
                        0, (int)ARRAY_LEN(failures));
    tcase_add_test(tcase, a_type_comes_without_its_parameters);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
