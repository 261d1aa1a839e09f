// Times and spans in all the forms that models write.
#include "model/reply_span.h"

#include <check.h>
#include <math.h>

static const struct {
    const char *text;
    double seconds; // NAN: none
} times[] = {
    { "75", 75 },
    { "75.25", 75.25 },
    { " 75 ", 75 },
    { ".5", 0.5 },
    { "01:15", 75 },
    { "1:02:03.5", 3723.5 },
    { "1:02:03,500", 3723.5 },
    { "00:00", 0 },
    { "75:00", 4500 },
    { "75s", 75 },
    { "75 sec", 75 },
    { "75 seconds", 75 },
    { "1500ms", 1.5 },
    { "1m15s", 75 },
    { "1 min 15 sec", 75 },
    { "1h2m3.5s", 3723.5 },
    { "2 minutes", 120 },
    { "1\xe5\x88\x86"
      "15\xe7\xa7\x92",
      75 },
    { "-5", -5 },
    { "+5", 5 },
    { "1e2", 100 },
    { "'12'", 12 },
    { "", NAN },
    { "NaN", NAN },
    { "Infinity", NAN },
    { "soon", NAN },
    { "0x10", NAN },
    { "01:15:20:12", NAN },
    { "1:", NAN },
    { ":15", NAN },
    { "1.2.3", NAN },
    { "12 small things", NAN },
    { "5 5", NAN },
    { "10-20", NAN },
};

START_TEST(a_time_is_read_or_is_none)
{
    double seconds = reply_span_seconds(times[_i].text);
    ck_assert_msg(isnan(times[_i].seconds) ? isnan(seconds)
                                           : fabs(seconds - times[_i].seconds) < 1e-9,
                  "\"%s\": %f", times[_i].text, seconds);
}
END_TEST

START_TEST(numbers_of_any_length_are_numbers)
{
    char text[5001];
    memset(text, '9', 5000);
    text[5000] = 0;
    ck_assert(isinf(reply_span_seconds(text)));
    ck_assert(isinf(reply_span_seconds("1e999")));
}
END_TEST

static const struct {
    const char *json;
    double start, end;
    bool point, none;
} spans[] = {
    { "{\"start\":1,\"end\":2}", 1, 2, false, false },
    { "{\"start\":\"01:15\",\"end\":\"1:02:03.5\"}", 75, 3723.5, false, false },
    { "{\"Start_Time\":1,\"endTime\":2}", 1, 2, false, false },
    { "{\"begin\":\"1\",\"finish\":\"2.5\"}", 1, 2.5, false, false },
    { "{\"from\":1,\"to\":2}", 1, 2, false, false },
    { "{\"in\":1,\"out\":2}", 1, 2, false, false },
    { "{\"start_ms\":1500,\"end_ms\":2500}", 1.5, 2.5, false, false },
    { "{\"start_ms\":\"1500\",\"end_ms\":\"00:02.5\"}", 1.5, 2.5, false, false },
    { "{\"start_seconds\":1,\"end-sec\":2}", 1, 2, false, false },
    { "{\"start\":10,\"duration\":5}", 10, 15, false, false },
    { "{\"start_ms\":10000,\"duration_ms\":5000}", 10, 15, false, false },
    { "{\"timestamp\":\"01:15\",\"duration\":5}", 75, 80, false, false },
    { "{\"timestamp\":\"01:15\"}", 75, NAN, true, false },
    { "{\"time_stamp\":75}", 75, NAN, true, false },
    { "{\"start\":75}", 75, NAN, true, false },
    { "{\"timestamp\":\"00:10 - 00:20\"}", 10, 20, false, false },
    { "{\"time\":\"[00:10-00:20]\"}", 10, 20, false, false },
    { "{\"range\":\"10s to 20s\"}", 10, 20, false, false },
    { "{\"range\":\"00:00:10,000 --> 00:00:20,500\"}", 10, 20.5, false, false },
    { "{\"time_range\":[10,20]}", 10, 20, false, false },
    { "{\"timestamps\":[\"00:10\",\"00:20\"]}", 10, 20, false, false },
    { "{\"time\":{\"start\":10,\"end\":20}}", 10, 20, false, false },
    { "[10,20]", 10, 20, false, false },
    { "\"00:10-00:20\"", 10, 20, false, false },
    { "{\"start\":null,\"begin\":1,\"end\":2}", 1, 2, false, false },
    { "{\"start\":\"NaN\",\"end\":2}", NAN, 2, false, false },
    { "{\"start\":true,\"end\":[]}", NAN, NAN, false, false },
    { "{\"start\":1,\"end\":\"later\"}", 1, NAN, false, false },
    { "{\"end\":5}", NAN, 5, false, false },
    { "{\"timestamp\":\"10 - 20 - 30\"}", NAN, NAN, false, false },
    { "{\"timestamp\":[1,2,3]}", NAN, NAN, false, false },
    { "{\"score\":1}", 0, 0, false, true },
    { "{}", 0, 0, false, true },
    { "5", 0, 0, false, true },
};

static bool same(double a, double b)
{
    return isnan(a) ? isnan(b) : fabs(a - b) < 1e-9;
}

START_TEST(a_span_is_read_under_whatever_name)
{
    struct reply_span span;
    json_t *json = json_loads(spans[_i].json, JSON_DECODE_ANY, NULL);
    ck_assert_ptr_nonnull(json);
    bool found = reply_span_read(json, &span);
    ck_assert_msg(found != spans[_i].none, "%s", spans[_i].json);
    if (found)
        ck_assert_msg(same(span.start, spans[_i].start) && same(span.end, spans[_i].end) &&
                          span.point == spans[_i].point,
                      "%s: %f to %f, point %d", spans[_i].json, span.start, span.end, span.point);
    json_decref(json);
}
END_TEST

START_TEST(the_name_that_is_asked_for_first_wins_wherever_it_stands)
{
    static const char *const names[] = { "reason", "title", NULL };
    json_t *json = json_loads("{\"title\":\"b\",\"REASON\":\"a\",\"x\":\"c\"}", 0, NULL);
    ck_assert_str_eq(json_string_value(reply_span_member(json, names, NULL)), "a");
    json_object_del(json, "REASON");
    ck_assert_str_eq(json_string_value(reply_span_member(json, names, NULL)), "b");
    json_object_del(json, "title");
    ck_assert_ptr_null(reply_span_member(json, names, NULL));
    ck_assert_ptr_null(reply_span_member(NULL, names, NULL));
    json_decref(json);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reply_span");
    TCase *tcase = tcase_create("reply_span");
    tcase_add_loop_test(tcase, a_time_is_read_or_is_none, 0, (int)ARRAY_LEN(times));
    tcase_add_test(tcase, numbers_of_any_length_are_numbers);
    tcase_add_loop_test(tcase, a_span_is_read_under_whatever_name, 0, (int)ARRAY_LEN(spans));
    tcase_add_test(tcase, the_name_that_is_asked_for_first_wins_wherever_it_stands);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
