// Events out of streams.
#include "model/sse.h"

#include <check.h>

// "name status data|..." of all events.  Gives a string.
static char *events(const char *text, size_t length)
{
    struct sse sse;
    struct sse_event event = SSE_EVENT_INIT;
    char *all = xstrdup("");
    sse_begin(&sse, text, length);
    while (sse_next(&sse, &event) > 0) {
        char *more =
            xasprintf("%s%s%s %d %s", all, *all ? "|" : "", event.name, event.status, event.data);
        free(all);
        all = more;
        sse_event_release(&event);
    }
    return all;
}

static const struct {
    const char *name, *text, *found;
} rows[] = {
    { "as DashScope writes it", "id:1\nevent:result\n:HTTP_STATUS/200\ndata:{\"a\":1}\n\n",
      "result 200 {\"a\":1}" },
    { "an error", "id:1\nevent:error\n:HTTP_STATUS/400\ndata:{\"code\":\"x\"}\n\n",
      "error 400 {\"code\":\"x\"}" },
    { "as OpenAI writes it", "data: {\"a\":1}\n\ndata: {\"a\":2}\n\ndata: [DONE]\n\n",
      " 0 {\"a\":1}| 0 {\"a\":2}| 0 [DONE]" },
    { "lines of the other kinds", "data:a\r\n\r\ndata:b\r\rdata:c", " 0 a| 0 b| 0 c" },
    { "several lines of data", "data:a\ndata:\ndata: b\n\n", " 0 a\n\nb" },
    { "one blank is no data", "data:  a\n\n", " 0  a" },
    { "the end without an empty line", "event:error\ndata:x", "error 0 x" },
    { "comments to keep it open", ":\n\n: ping\n\ndata:x\n\n", " 0 x" },
    { "a status that is none", ":HTTP_STATUS/99999\ndata:x\n\n", " 0 x" },
    { "a status that is a word", ":HTTP_STATUS/abc\ndata:x\n\n", " 0 x" },
    { "byte order mark",
      "\xef\xbb\xbf"
      "data:x\n\n",
      " 0 x" },
    { "fields nobody knows", "foo:bar\nid:7\ndata:x\n\n", " 0 x" },
    { "nothing", "", "" },
    { "only ends of lines", "\n\r\n\r", "" },
    { "JSON", "{\"a\":1}", "" },
};

START_TEST(events_are_found)
{
    char *found = events(rows[_i].text, strlen(rows[_i].text));
    ck_assert_msg(strcmp(found, rows[_i].found) == 0, "%s: \"%s\"", rows[_i].name, found);
    free(found);
}
END_TEST

START_TEST(a_stream_is_told_by_its_beginning)
{
    ck_assert(sse_is("\nid:1\n", 6) && sse_is("data: x", 7) && sse_is(": x", 3));
    ck_assert(!sse_is("{\"data\":1}", 10) && !sse_is("", 0) && !sse_is("dat", 3) &&
              !sse_is("<html>", 6));
}
END_TEST

START_TEST(a_million_lines_are_one_event_in_time)
{
    size_t lines = 1000000;
    char *text = xcalloc(lines * 6 + 1, 1);
    for (size_t i = 0; i < lines; i++)
        memcpy(text + i * 6, "data:\n", 6);
    struct sse sse;
    struct sse_event event = SSE_EVENT_INIT;
    sse_begin(&sse, text, lines * 6);
    ck_assert_int_eq(sse_next(&sse, &event), 1);
    ck_assert_uint_eq(strlen(event.data), lines - 1);
    sse_event_release(&event);
    ck_assert_int_eq(sse_next(&sse, &event), 0);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sse");
    TCase *tcase = tcase_create("sse");
    tcase_add_loop_test(tcase, events_are_found, 0, (int)ARRAY_LEN(rows));
    tcase_add_test(tcase, a_stream_is_told_by_its_beginning);
    tcase_add_test(tcase, a_million_lines_are_one_event_in_time);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
