// The sense that a list of spans makes.
#include "model/reply_list.h"

#include <check.h>
#include <math.h>

static json_t *notes;

static void set_up(void)
{
    notes = json_array();
}

static void tear_down(void)
{
    json_free(&notes);
}

static const char *const names[] = { "segments", NULL };

// "0:10-20 1:5-6" of the entries.  Gives a string.
static char *shown(const struct reply_list *list)
{
    char *all = xstrdup("");
    for (size_t i = 0; i < list->count; i++) {
        const struct reply_entry *entry = &list->entries[i];
        char *more =
            xasprintf("%s%s%d:%g-%g", all, i ? " " : "", entry->video, entry->start, entry->end);
        free(all);
        all = more;
    }
    return all;
}

static char *read_list(const char *text, const struct reply_media *media)
{
    struct reply_list list = REPLY_LIST_INIT;
    struct err err = ERR_INIT;
    json_t *json = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(json);
    char *found;
    if (reply_list_read(json, names, true, media, &list, notes, &err) < 0)
        found = xstrdup(err.id);
    else
        found = shown(&list);
    reply_list_release(&list);
    json_decref(json);
    return found;
}

static const double durations[] = { 60, 30, 0, 90 };
static const char *const files[] = { "a.mp4", "b.mp4", "c.mp4", "d 2.mp4" };

#define S(video, start, end) "{\"video_index\":" #video ",\"start\":" #start ",\"end\":" #end "}"
#define LIST(...) "{\"segments\":[" __VA_ARGS__ "]}"

static const struct {
    const char *name, *text, *found;
    const char *note; // begins with; NULL: none
} rows[] = {
    { "as asked", LIST(S(0, 10, 20) "," S(3, 5, 6)), "0:10-20 3:5-6", NULL },
    { "a list at the top", "[" S(0, 10, 20) "]", "0:10-20", NULL },
    { "an entry at the top", S(1, 10, 20), "1:10-20", NULL },
    { "under another name", "{\"best\":[" S(0, 10, 20) "]}", "0:10-20", NULL },
    { "wrapped", "{\"result\":{\"data\":" LIST(S(0, 10, 20)) "}}", "0:10-20", NULL },
    { "by the name of the file", LIST("{\"file\":\"D 2.MP4\",\"start\":1,\"end\":2}"), "3:1-2",
      NULL },
    { "by words", LIST("{\"video\":\"Video #1\",\"start\":1,\"end\":2}"), "1:1-2", NULL },
    { "milliseconds", LIST(S(0, 10000, 20000) "," S(1, 5000, 6500)), "0:10-20 1:5-6.5",
      "the times are taken for milliseconds" },
    { "one outside is no reason", LIST(S(0, 10, 20) "," S(1, 5000, 6500)), "0:10-20 1:5000-6500",
      NULL },
    { "counted from 1", LIST(S(1, 10, 20) "," S(2, 5, 6) "," S(4, 70, 80)), "0:10-20 1:5-6 3:70-80",
      "the videos are taken as counted from 1" },
    { "behind each other", LIST(S(1, 65, 70) "," S(3, 100, 110)), "1:5-10 3:10-20",
      "the times are taken as of all videos behind each other" },
    { "behind each other, without a number",
      LIST("{\"start\":65,\"end\":70},{\"start\":100,\"end\":110}"), "1:5-10 3:10-20",
      "the times are taken as of all videos behind each other" },
    { "one time only", LIST("{\"video_index\":0,\"timestamp\":\"00:10\"}"), "0:8.5-12.5",
      "where only one time is said" },
    { "one time at the beginning", LIST("{\"video_index\":0,\"timestamp\":0}"), "0:0-2.5",
      "where only one time is said" },
    { "without a time", LIST("{\"video_index\":0}," S(0, 1, 2)), "0:1-2",
      "entry 1 left out: it says no time" },
    { "not to be read", LIST("{\"video_index\":0,\"start\":\"x\",\"end\":2}"), "0:nan-2", NULL },
    { "no such video", LIST(S(9, 1, 2)), "-1:1-2", NULL },
    { "half a video", LIST(S(0.5, 1, 2)), "-1:1-2", NULL },
    { "spans as text", "{\"segments\":[\"00:10-00:20\"]}", "0:10-20",
      "the times are taken as of all videos behind each other" },
    { "no list", "{\"answer\":\"none\"}", "", NULL },
    { "an empty list", LIST(""), "", NULL },
    { "a list of numbers", "{\"segments\":[1,2]}", "", "entry 1 left out" },
    { "the example", LIST(S(0, 9001.5, 9009.5)), "example_in_reply", NULL },
    { "part of the example", LIST(S(1, 9021.5, 9030)), "example_in_reply", NULL },
    { "the example and more", LIST(S(0, 9001.5, 9009.5) "," S(0, 1, 2)), "0:9001.5-9009.5 0:1-2",
      NULL },
};

START_TEST(a_list_is_read_in_the_sense_in_which_most_of_it_lies_within)
{
    json_t *example = json_loads(LIST(S(0, 9001.5, 9009.5) "," S(1, 9021.5, 9030)), 0, NULL);
    struct reply_media media = { durations, files, ARRAY_LEN(durations), .example = example };
    char *found = read_list(rows[_i].text, &media);
    ck_assert_msg(strcmp(found, rows[_i].found) == 0, "%s: %s", rows[_i].name, found);
    const char *note = json_string_value(json_array_get(notes, 0));
    if (rows[_i].note)
        ck_assert_msg(note && strncmp(note, rows[_i].note, strlen(rows[_i].note)) == 0, "%s: %s",
                      rows[_i].name, note ? note : "no note");
    else
        ck_assert_msg(!note, "%s: %s", rows[_i].name, note);
    free(found);
    json_decref(example);
}
END_TEST

static const struct {
    const char *text, *found;
} windows[] = {
    { LIST(S(0, 310, 320) "," S(0, 590, 600)), "0:310-320 0:590-600" },
    { LIST(S(0, 10, 20) "," S(0, 290, 300)), "0:310-320 0:590-600" },
    { LIST(S(1, 10, 20)), "0:310-320" },
    { LIST("{\"start_ms\":10000,\"end_ms\":20000}"), "0:310-320" },
    { LIST(S(0, 310000, 320000)), "0:310-320" },
};

START_TEST(times_of_a_part_are_of_the_video_or_of_the_part)
{
    double duration = 900;
    struct reply_media media = { &duration, NULL, 1, .window_start = 300, .window_end = 600 };
    char *found = read_list(windows[_i].text, &media);
    ck_assert_str_eq(found, windows[_i].found);
    free(found);
}
END_TEST

static const struct {
    const char *scores[2];
    double become[2];
} scores[] = {
    { { "0.8", "0.4" }, { 0.8, 0.4 } },  { { "8", "4" }, { 0.8, 0.4 } },
    { { "80", "40" }, { 0.8, 0.4 } },    { { "\"80%\"", "\"0.4\"" }, { 0.8, 0.4 } },
    { { "800", "400" }, { 1, 0.5 } },    { { "-1", "null" }, { 0, NAN } },
    { { "\"high\"", "1" }, { 0.9, 1 } }, { { "\"Medium\"", "\"great\"" }, { 0.5, NAN } },
};

START_TEST(scores_are_brought_to_one_scale)
{
    double duration = 60;
    struct reply_media media = { &duration, NULL, 1 };
    struct reply_list list = REPLY_LIST_INIT;
    char *text = xasprintf(LIST("{\"start\":1,\"end\":2,\"score\":%s},"
                                "{\"start\":3,\"end\":4,\"score\":%s}"),
                           scores[_i].scores[0], scores[_i].scores[1]);
    json_t *json = json_loads(text, 0, NULL);
    ck_assert_int_eq(reply_list_read(json, names, true, &media, &list, notes, NULL), 2);
    for (size_t i = 0; i < 2; i++) {
        double score = list.entries[i].score, expected = scores[_i].become[i];
        ck_assert(isnan(expected) ? isnan(score) : fabs(score - expected) < 1e-9);
    }
    reply_list_release(&list);
    json_decref(json);
    free(text);
}
END_TEST

START_TEST(a_list_without_end_ends)
{
    double duration = 60;
    struct reply_media media = { &duration, NULL, 1 };
    struct reply_list list = REPLY_LIST_INIT;
    json_t *json = json_array();
    for (int i = 0; i < REPLY_LIST_MAX + 500; i++)
        json_array_append_new(json, json_pack("[ii]", i % 50, i % 50 + 1));
    ck_assert_int_eq(reply_list_read(json, names, true, &media, &list, notes, NULL),
                     REPLY_LIST_MAX);
    ck_assert_uint_eq(json_array_size(notes), 1);
    reply_list_release(&list);
    json_decref(json);
}
END_TEST

START_TEST(what_is_said_beside_the_list_is_found_at_the_top_or_below_a_wrapping)
{
    static const char *const wanted[] = { "theme", NULL };
    json_t *json = json_loads("{\"result\":{\"Theme\":\"sea\"}}", 0, NULL);
    ck_assert_str_eq(json_string_value(reply_list_member(json, wanted)), "sea");
    json_object_clear(json);
    ck_assert_ptr_null(reply_list_member(json, wanted));
    json_decref(json);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reply_list");
    TCase *tcase = tcase_create("reply_list");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_list_is_read_in_the_sense_in_which_most_of_it_lies_within, 0,
                        (int)ARRAY_LEN(rows));
    tcase_add_loop_test(tcase, times_of_a_part_are_of_the_video_or_of_the_part, 0,
                        (int)ARRAY_LEN(windows));
    tcase_add_loop_test(tcase, scores_are_brought_to_one_scale, 0, (int)ARRAY_LEN(scores));
    tcase_add_test(tcase, a_list_without_end_ends);
    tcase_add_test(tcase, what_is_said_beside_the_list_is_found_at_the_top_or_below_a_wrapping);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
