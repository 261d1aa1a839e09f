// What is made of a status.json, whatever is in it.
#include "base/fs.h"
#include "cli/view.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>

static struct folder folder;
static int dir;

static void set_up(void)
{
    folder_make(&folder);
    dir = folder.fd;
    ck_assert_int_eq(mkdirat(dir, "trip", 0700), 0);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static void put_status(const char *text)
{
    ck_assert_int_eq(fs_write(dir, "trip/status.json", text, strlen(text), NULL), 0);
}

static char *printed(const struct view *view)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    view_print(view, "trip", out);
    (void)view_print_errors(view, out);
    fclose(out);
    return text;
}

static const struct {
    const char *name, *json;
    int result;
    const char *shown; // must be in what is printed
} cases[] = {
    { "at work",
      "{\"status\":\"compressing\",\"progress\":41.7,\"estimated_remaining_seconds\":64.2,"
      "\"total_videos\":3,\"processed_videos\":1,\"videos\":[]}",
      0, "trip: watching and listening, 41 %, about 1:05 left\n" },
    { "waiting", "{\"status\":\"compressing\",\"waiting_for\":\"the disk is full\"}", 0,
      "waiting: the disk is full" },
    { "a word of a newer version", "{\"status\":\"dreaming\"}", 0, "trip: dreaming" },
    { "nothing in it", "{}", 0, "trip: unknown, 0 %" },
    { "every type wrong",
      "{\"status\":7,\"progress\":\"x\",\"estimated_remaining_seconds\":[],\"total_videos\":-4,"
      "\"videos\":{\"a\":1},\"final\":[1],\"error\":\"x\",\"waiting_for\":{}}",
      0, "trip: unknown, 0 %" },
    { "numbers out of range", "{\"status\":\"clipping\",\"progress\":1e300}", 0, "0 %" },
    { "an escape sequence in every text",
      "{\"status\":\"failed\",\"error\":{\"message\":\"\\u001b[2Jm\",\"hint\":\"\\u001b]0;h\"},"
      "\"videos\":[{\"index\":0,\"name\":\"\\u001b[31mred\",\"status\":\"\\u001b\"}]}",
      0, "\\x1B[31mred" },
    { "videos that are no objects", "{\"status\":\"failed\",\"videos\":[1,null,[],\"x\"]}", 0,
      "trip: failed" },
    { "an error with its remedy",
      "{\"status\":\"failed\",\"videos\":[{\"index\":0,\"name\":\"a.mp4\",\"error\":{\"message\":"
      "\"it is no video\",\"hint\":\"play it\"}}]}",
      0, "a.mp4:\n  it is no video\n    play it\n" },
    { "a reel without some of its videos",
      "{\"status\":\"completed\",\"videos\":[{\"error\":null},{\"error\":{\"message\":\"x\"}}]}", 0,
      "trip: finished, without 1 of 2 videos\n" },
    { "a plan with its reasons",
      "{\"status\":\"clipping\",\"videos\":[{\"name\":\"a.mp4\"}],\"clip_plan\":{\"segments\":["
      "{\"video_index\":0,\"start\":65.2,\"end\":70,\"reason\":\"loud\\u001b\"},"
      "{\"video_index\":-7,\"start\":\"x\",\"end\":null},7]}}",
      0, " 1:05 - 1:10   loud\\x1B\n" },
    { "a plan by somebody else, and why",
      "{\"status\":\"clipping\",\"clip_plan\":{\"degraded\":\"the model\\u001b is away\","
      "\"segments\":[]}}",
      0, "\n        the model\\x1B is away\n" },
    { "what a plan could not heed",
      "{\"status\":\"completed\",\"clip_plan\":{\"segments\":[],\"notes\":[\"no "
      "prompt\\u001b\",7]}}",
      0, "\n        no prompt\\x1B\n" },
    { "a webhook at the end",
      "{\"status\":\"completed\",\"webhook\":{\"url\":\"https://h\\u001b\",\"status\":\"failed\","
      "\"message\":\"no\\u001b\"}}",
      0, "webhook  https://h\\x1B  not delivered: no\\x1B\n" },
    { "a webhook that is no object", "{\"status\":\"completed\",\"webhook\":7}", 0, "finished" },
    { "what models cost",
      "{\"status\":\"completed\",\"receipt\":{\"tokens_used\":7000,\"savings\":0.26,\"cost\":0."
      "0075,"
      "\"cost_at_most\":0.0375,\"currency\":\"C\\u001b\",\"calls\":[{\"kept\":true},{},{}]}}",
      0,
      "  models  asked 2 times, 1 answer kept from before  7000 tokens, 0.0075 C\\x1B (up to "
      "0.0375: an answer never came)  about 26 % less than for the originals\n" },
    { "a cost that nobody knows, and no saving",
      "{\"status\":\"completed\",\"receipt\":{\"tokens_used\":7000,\"savings\":0,\"cost\":null,"
      "\"cost_at_most\":null,\"currency\":\"CNY\",\"calls\":[{}]}}",
      0, "  models  asked once  7000 tokens\n" },
    { "a receipt of every type wrong",
      "{\"status\":\"completed\",\"receipt\":{\"tokens_used\":\"x\",\"savings\":7,\"cost\":{},"
      "\"currency\":[],\"calls\":{\"a\":1}}}",
      0, "  models  asked 0 times  0 tokens\n" },
    { "no JSON", "{\"status\":", -1, NULL },
    { "no object", "[1,2]", -1, NULL },
    { "empty", "", -1, NULL },
};

START_TEST(test_any_status_is_shown_or_refused_and_never_raw)
{
    put_status(cases[_i].json);
    struct view view = VIEW_INIT;
    struct err err = ERR_INIT;
    int r = view_load(dir, "trip", &view, &err);
    ck_assert_msg((r < 0) == (cases[_i].result < 0), "%s: %d", cases[_i].name, r);
    if (r < 0) {
        ck_assert_int_ne(err.class, ERR_NONE);
        return;
    }
    char *text = printed(&view);
    ck_assert_msg(strstr(text, cases[_i].shown), "%s:\n%s", cases[_i].name, text);
    ck_assert_ptr_null(strchr(text, '\x1b'));
    free(text);
    view_release(&view);
}
END_TEST

START_TEST(test_what_is_not_there_yet_is_no_error)
{
    struct view view = VIEW_INIT;
    struct err err = ERR_INIT;
    ck_assert_int_eq(view_load(dir, "trip", &view, &err), -ENOENT);
    ck_assert_int_eq(view_load(dir, "nobody", &view, &err), -ENOENT);
    ck_assert_int_eq(err.class, ERR_NONE);
}
END_TEST

START_TEST(test_a_status_that_is_a_link_or_a_fifo_is_refused)
{
    struct view view = VIEW_INIT;
    ck_assert_int_eq(symlinkat("/etc/passwd", dir, "trip/status.json"), 0);
    ck_assert_int_lt(view_load(dir, "trip", &view, NULL), 0);
    ck_assert_int_eq(unlinkat(dir, "trip/status.json", 0), 0);
    ck_assert_int_eq(mkfifoat(dir, "trip/status.json", 0600), 0);
    ck_assert_int_lt(view_load(dir, "trip", &view, NULL), 0);
    ck_assert_int_eq(symlinkat("trip", dir, "link"), 0);
    ck_assert_int_lt(view_load(dir, "link", &view, NULL), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("view");
    TCase *tcase = tcase_create("view");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, test_any_status_is_shown_or_refused_and_never_raw, 0,
                        (int)ARRAY_LEN(cases));
    tcase_add_test(tcase, test_what_is_not_there_yet_is_no_error);
    tcase_add_test(tcase, test_a_status_that_is_a_link_or_a_fifo_is_refused);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
