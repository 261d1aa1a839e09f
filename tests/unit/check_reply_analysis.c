// From answers to analyses that can be read back.
#include "model/reply_analysis.h"

#include <check.h>
#include <math.h>

static const double duration = 60;
static json_t *notes;
static struct analysis analysis;

static void set_up(void)
{
    notes = json_array();
    analysis = (struct analysis)ANALYSIS_INIT;
}

static void tear_down(void)
{
    json_free(&notes);
    analysis_release(&analysis);
}

static int read_reply(const char *text, json_t *example, struct err *err)
{
    struct reply_media media = { &duration, NULL, 1, .example = example };
    return reply_analysis(text, strlen(text), &media, &analysis, notes, err);
}

START_TEST(an_answer_becomes_an_analysis)
{
    ck_assert_int_eq(
        read_reply("```json\n{\"summary\":\"At sea.\",\"tags\":[\"sea\",\" boat \",\"\",5],"
                   "\"scenes\":[{\"start\":\"00:30\",\"end\":\"01:00\",\"description\":\"a boat\"},"
                   "{\"start\":0,\"end\":30,\"description\":\"waves\"}],"
                   "\"moments\":[{\"time\":\"00:45\",\"reason\":\"a whale\",\"score\":8}]}\n```",
                   NULL, NULL),
        0);
    ck_assert_str_eq(analysis.summary, "At sea.");
    ck_assert_str_eq(analysis.tags[0], "sea");
    ck_assert_str_eq(analysis.tags[1], "boat");
    ck_assert_ptr_null(analysis.tags[2]);
    ck_assert_uint_eq(analysis.scene_count, 2);
    ck_assert_str_eq(analysis.scenes[0].text, "waves"); // in order of time
    ck_assert(analysis.scenes[1].start == 30 && analysis.scenes[1].end == 60);
    ck_assert_uint_eq(analysis.moment_count, 1);
    ck_assert(analysis.moments[0].start == 43.5 && analysis.moments[0].end == 47.5);
    ck_assert(fabs(analysis.moments[0].score - 0.8) < 1e-9);
    ck_assert_uint_eq(analysis.shot_count, 0);
}
END_TEST

static const struct {
    const char *name, *text, *note;
    size_t scenes, moments;
} rows[] = {
    { "tags in one text", "{\"tags\":\"sea, boat\",\"scenes\":[[1,2]]}", NULL, 1, 0 },
    { "only moments", "{\"highlights\":[[1,2],[3,4]]}", NULL, 0, 2 },
    { "beyond the end", "{\"scenes\":[[50,70]]}", "is cut to", 1, 0 },
    { "outside", "{\"scenes\":[[1,2],[70,80]]}", "left out", 1, 0 },
    { "no numbers", "{\"scenes\":[[1,2],[\"x\",3]]}", "not numbers", 1, 0 },
    { "backwards", "{\"scenes\":[[1,2],[5,4]]}", "left out", 1, 0 },
    { "a long text", "{\"scenes\":[{\"start\":1,\"end\":2,\"description\":\"%\"}]}", NULL, 1, 0 },
    { "scores of any size", "{\"moments\":[{\"start\":1,\"end\":2,\"score\":1e300}]}", NULL, 0, 1 },
};

START_TEST(whatever_is_taken_can_be_read_back)
{
    char filler[3001];
    memset(filler, 'x', 3000);
    filler[3000] = 0;
    const char *mark = strchr(rows[_i].text, '%');
    char *text =
        mark ? xasprintf("%.*s%s%s", (int)(mark - rows[_i].text), rows[_i].text, filler, mark + 1)
             : xstrdup(rows[_i].text);
    ck_assert_int_eq(read_reply(text, NULL, NULL), 0);
    ck_assert_msg(analysis.scene_count == rows[_i].scenes &&
                      analysis.moment_count == rows[_i].moments,
                  "%s: %zu, %zu", rows[_i].name, analysis.scene_count, analysis.moment_count);
    char *all = json_dumps(notes, 0);
    ck_assert_msg(rows[_i].note ? strstr(all, rows[_i].note) != NULL : json_array_size(notes) == 0,
                  "%s: %s", rows[_i].name, all);
    json_t *written = analysis_to_json(&analysis);
    struct analysis again = ANALYSIS_INIT;
    struct err err = ERR_INIT;
    ck_assert_msg(analysis_from_json(written, duration, &again, &err) == 0, "%s", err.text);
    analysis_release(&again);
    json_decref(written);
    free(all);
    free(text);
}
END_TEST

static const struct {
    const char *text, *id;
} refused[] = {
    { "", "empty_reply" },
    { "There is a boat.", "no_json_in_reply" },
    { "{\"summary\":\"a boat\"}", "nothing_in_reply" },
    { "{\"scenes\":[[70,80]]}", "nothing_in_reply" },
    { "{\"scenes\":[[9001.5,9002.5]]}", "example_in_reply" },
};

START_TEST(what_says_nothing_is_refused_with_words)
{
    struct err err = ERR_INIT;
    json_t *example = json_loads("{\"scenes\":[[9001.5,9002.5],[9003.5,9004.5]]}", 0, NULL);
    ck_assert_int_lt(read_reply(refused[_i].text, example, &err), 0);
    ck_assert_str_eq(err.id, refused[_i].id);
    ck_assert_ptr_null(analysis.scenes);
    json_decref(example);
}
END_TEST

START_TEST(tags_are_few_and_short)
{
    json_t *json = json_pack("{s:[[ii]]}", "scenes", 1, 2), *tags = json_array();
    for (int i = 0; i < 100; i++)
        json_array_append_new(tags, json_sprintf("%0*d", i, 7));
    json_object_set_new(json, "tags", tags);
    char *text = json_dumps(json, 0);
    ck_assert_int_eq(read_reply(text, NULL, NULL), 0);
    ck_assert_ptr_nonnull(analysis.tags[ANALYSIS_MAX_TAGS - 1]);
    ck_assert_ptr_null(analysis.tags[ANALYSIS_MAX_TAGS]);
    free(text);
    json_decref(json);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reply_analysis");
    TCase *tcase = tcase_create("reply_analysis");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, an_answer_becomes_an_analysis);
    tcase_add_loop_test(tcase, whatever_is_taken_can_be_read_back, 0, (int)ARRAY_LEN(rows));
    tcase_add_loop_test(tcase, what_says_nothing_is_refused_with_words, 0, (int)ARRAY_LEN(refused));
    tcase_add_test(tcase, tags_are_few_and_short);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
