// JSON is found in what models write, and nothing else is.
#include "model/reply.h"

#include <check.h>
#include <stdio.h>

static json_t *notes;

static void set_up(void)
{
    notes = json_array();
}

static void tear_down(void)
{
    json_free(&notes);
}

// All values of a text, compact, divided by a space.  Gives a string.
static char *values(const char *text, size_t length)
{
    struct reply reply;
    char *all = xstrdup("");
    json_t *json;
    reply_begin(&reply, text, length, notes);
    while (reply_next(&reply, &json) > 0) {
        char *one = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
        char *more = xasprintf("%s%s%s", all, *all ? " " : "", one);
        free(all);
        free(one);
        json_decref(json);
        all = more;
    }
    reply_release(&reply);
    return all;
}

#define A "{\"a\":1}"
static const struct {
    const char *name, *text, *found;
} rows[] = {
    { "plain", A, A },
    { "fence", "```json\n" A "\n```", A },
    { "fence without a language", "Sure!\n```\n" A "\n```\nEnjoy.", A },
    { "fence that is never closed", "```json\n" A, A },
    { "prose around", "Here you are: " A ". That is [1] all {}.", A },
    { "behind thoughts", "<think>maybe {\"a\":2}</think>\n" A, A },
    { "byte order mark", "\xef\xbb\xbf" A, A },
    { "a list of objects", "[" A "," A "]", "[" A "," A "]" },
    { "pairs", "[[1,2],[3,4]]", "[[1,2],[3,4]]" },
    { "two values", A "\n{\"b\":2}", A " {\"b\":2}" },
    { "string in a string", "\"{\\\"a\\\":1}\"", A },
    { "trailing commas", "{\"a\":[1,2,],}", "{\"a\":[1,2]}" },
    { "missing and doubled commas", "{\"a\":[{\"b\":1} {\"c\":2},,3]}",
      "{\"a\":[{\"b\":1},{\"c\":2},3]}" },
    { "comments", "{\"a\": 1, // one\n /* two */ \"b\": 2}", "{\"a\":1,\"b\":2}" },
    { "names without quotes", "{a: 1, b: yes}", "{\"a\":1,\"b\":\"yes\"}" },
    { "single quotes", "{'a': 'it\\'s \"so\"'}", "{\"a\":\"it's \\\"so\\\"\"}" },
    { "words of Python", "{'a': None, 'b': True, 'c': False}",
      "{\"a\":null,\"b\":true,\"c\":false}" },
    { "no numbers", "{\"a\": NaN, \"b\": -Infinity, \"c\": 1e999}",
      "{\"a\":\"NaN\",\"b\":\"-Infinity\",\"c\":\"1e999\"}" },
    { "numbers JSON does not have",
      "{\"a\": +5, \"b\": .5, \"c\": 007, \"d\": 99999999999999999999}",
      "{\"a\":\"+5\",\"b\":\".5\",\"c\":\"007\",\"d\":\"99999999999999999999\"}" },
    { "times without quotes", "{\"a\": 01:15, \"b\": 1:02:03.5}",
      "{\"a\":\"01:15\",\"b\":\"1:02:03.5\"}" },
    { "lines and NULs in texts", "{\"a\":\"x\ny\\u0000z\\q\"}", "{\"a\":\"x\\ny\xef\xbf\xbdzq\"}" },
    { "half characters", "{\"a\":\"\\ud83d\", \"b\":\"\\ud83d\\ude00\", \"c\":\"\xff\xe7\"}",
      "{\"a\":\"\xef\xbf\xbd\",\"b\":\"\xf0\x9f\x98\x80\",\"c\":\"\xef\xbf\xbd\xef\xbf\xbd\"}" },
    { "braces in texts", "{\"a\":\"}]{\"}", "{\"a\":\"}]{\"}" },
    { "the same name twice", "{\"a\":2,\"a\":1}", A },
    { "cut off in an entry", "{\"s\":[{\"a\":1},{\"a\":2},{\"a\":3,\"b\":\"x", //
      "{\"s\":[{\"a\":1},{\"a\":2}]}" },
    { "cut off in the first entry", "{\"s\":[{\"a\":1", "" },
    { "a stray brace before it", "I like { braces.\n" A, A },
    { "brackets that do not match", "{\"a\":[1,2}", "" },
    { "prose", "I am sorry, I cannot watch videos.", "" },
    { "numbers in brackets", "[00:15] a van [1] {} []", "" },
    { "nothing", "", "" },
};

START_TEST(a_value_is_found_in_whatever_is_around_it)
{
    char *found = values(rows[_i].text, strlen(rows[_i].text));
    ck_assert_msg(strcmp(found, rows[_i].found) == 0, "%s: %s", rows[_i].name, found);
    free(found);
}
END_TEST

START_TEST(that_an_answer_ends_too_early_is_noted)
{
    static const char text[] = "{\"s\":[{\"a\":1},{\"a";
    free(values(text, sizeof text - 1));
    ck_assert_str_eq(json_string_value(json_array_get(notes, 0)),
                     "the answer ends in the middle; what is complete of it is used");
}
END_TEST

// Of n bytes: `head`, then `fill` over and over.
static char *long_text(const char *head, const char *fill, size_t size)
{
    char *text = xcalloc(size + 1, 1);
    size_t at = strlen(head), step = strlen(fill);
    memcpy(text, head, at);
    for (; at + step <= size; at += step)
        memcpy(text + at, fill, step);
    return text;
}

static const struct {
    const char *head, *fill;
} hostile[] = {
    { "", "{" },        { "", "[" },
    { "", "{\"a\":" },  { "", "[[1]," },
    { "{\"a\":", "9" }, { "{\"a\":\"", "\\" },
    { "", "{}" },       { "", "{\"" },
    { "", "[/*" },      { "</think>", "</think>" },
};

START_TEST(hostile_texts_end_soon_and_give_nothing_large)
{
    enum { SIZE = 2 * REPLY_MAX_BYTES };
    char *text = long_text(hostile[_i].head, hostile[_i].fill, SIZE);
    char *found = values(text, strlen(text));
    ck_assert_uint_le(strlen(found), 2 * SIZE);
    free(found);
    free(text);
}
END_TEST

START_TEST(what_is_too_long_is_read_in_part_and_that_is_noted)
{
    char *text = long_text("", " ", REPLY_MAX_BYTES + 10);
    memcpy(text + REPLY_MAX_BYTES + 1, A, sizeof A - 1);
    char *found = values(text, strlen(text));
    ck_assert_str_eq(found, "");
    ck_assert_uint_eq(json_array_size(notes), 1);
    free(found);
    free(text);
}
END_TEST

START_TEST(values_beyond_the_allowed_depth_are_not_there)
{
    for (int depth = REPLY_MAX_DEPTH - 2; depth <= REPLY_MAX_DEPTH + 1; depth++) {
        char *text = xcalloc(4 * REPLY_MAX_DEPTH, 1);
        for (int i = 0; i < depth - 1; i++)
            text[i] = '[';
        memcpy(text + depth - 1, A, sizeof A - 1);
        memset(text + strlen(text), ']', (size_t)depth - 1);
        char *found = values(text, strlen(text));
        // Of deeper ones it is the part that is not too deep.
        int kept = depth <= REPLY_MAX_DEPTH ? depth - 1 : REPLY_MAX_DEPTH - 1;
        ck_assert_int_eq((int)strspn(found, "["), kept);
        ck_assert_ptr_nonnull(strstr(found, A));
        free(found);
        free(text);
    }
}
END_TEST

START_TEST(notes_are_few_and_said_once)
{
    reply_note(notes, "twice");
    reply_note(notes, "twice");
    ck_assert_uint_eq(json_array_size(notes), 1);
    reply_note(notes, "\xff");
    ck_assert_str_eq(json_string_value(json_array_get(notes, 1)), "\\xFF");
    for (int i = 0; i < 1000; i++)
        reply_note(notes, "note %d", i);
    ck_assert_uint_eq(json_array_size(notes), 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reply");
    TCase *tcase = tcase_create("reply");
    tcase_set_timeout(tcase, 20);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_value_is_found_in_whatever_is_around_it, 0, (int)ARRAY_LEN(rows));
    tcase_add_test(tcase, that_an_answer_ends_too_early_is_noted);
    tcase_add_loop_test(tcase, hostile_texts_end_soon_and_give_nothing_large, 0,
                        (int)ARRAY_LEN(hostile));
    tcase_add_test(tcase, what_is_too_long_is_read_in_part_and_that_is_noted);
    tcase_add_test(tcase, values_beyond_the_allowed_depth_are_not_there);
    tcase_add_test(tcase, notes_are_few_and_said_once);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
