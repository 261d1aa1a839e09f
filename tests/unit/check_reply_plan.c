// From answers to plans that plan_check lets through.
#include "model/reply_plan.h"

#include <check.h>
#include <math.h>

static const double durations[] = { 60, 30 };

static char *shown(const struct plan *plan)
{
    char *all = xstrdup("");
    for (size_t i = 0; i < plan->segment_count; i++) {
        const struct plan_segment *segment = &plan->segments[i];
        char *more = xasprintf("%s%s%d:%g-%g", all, i ? " " : "", segment->video_index,
                               segment->start, segment->end);
        free(all);
        all = more;
    }
    return all;
}

static bool is_noted(const struct plan *plan, const char *part)
{
    size_t i;
    json_t *note;
    json_array_foreach(plan->notes, i, note)
    {
        if (strstr(json_string_value(note), part))
            return true;
    }
    return false;
}

#define EXAMPLE \
    "{\"segments\":[{\"video_index\":0,\"start\":9001.5,\"end\":9009.5,\"reason\":\"why\"}]}"
#define GOOD "{\"segments\":[{\"video_index\":0,\"start\":10,\"end\":20}]}"

static const struct {
    const char *name, *text;
    const char *found; // the plan after plan_check, or the id of the error
    const char *note;  // part of one; NULL: any or none
} rows[] = {
    { "as asked", GOOD, "0:10-20", NULL },
    { "in a fence behind prose", "I chose these:\n```json\n" GOOD "\n```", "0:10-20", NULL },
    { "wrong names and texts",
      "{\"clips\":[{\"video\":\"1\",\"timestamp\":\"00:05\",\"duration\":\"4s\"}]}", "1:5-9",
      NULL },
    { "clock times",
      "{\"segments\":[{\"video_index\":0,\"start\":\"00:10\",\"end\":\"0:00:20.5\"}]}", "0:10-20.5",
      NULL },
    { "milliseconds", "{\"segments\":[{\"video_index\":0,\"start\":10000,\"end\":20000}]}",
      "0:10-20", "milliseconds" },
    { "relative to all", "{\"segments\":[{\"video_index\":1,\"start\":70,\"end\":80}]}", "1:10-20",
      "behind each other" },
    { "no numbers",
      "{\"segments\":[{\"video_index\":0,\"start\":NaN,\"end\":5},"
      "{\"video_index\":0,\"start\":10,\"end\":20}]}",
      "0:10-20", "its times are not numbers" },
    { "huge numbers",
      "{\"segments\":[{\"video_index\":0,\"start\":1,\"end\":1e999},"
      "{\"video_index\":0,\"start\":10,\"end\":20}]}",
      "0:10-20", "its times are not numbers" },
    { "huge index",
      "{\"segments\":[{\"video_index\":1e300,\"start\":1,\"end\":2},"
      "{\"video_index\":0,\"start\":10,\"end\":20}]}",
      "0:10-20", "there is no video" },
    { "beyond the end", "{\"segments\":[{\"video_index\":0,\"start\":50,\"end\":70}]}", "0:50-60",
      NULL },
    { "backwards", "{\"segments\":[{\"video_index\":0,\"start\":20,\"end\":10}]}", "empty_plan",
      "before its start" },
    { "cut off", "{\"segments\":[{\"video_index\":0,\"start\":10,\"end\":20},{\"video_i", "0:10-20",
      "ends in the middle" },
    { "the example, then the answer", "Like " EXAMPLE " I choose " GOOD, "0:10-20", NULL },
    { "something else, then the answer", "{\"thought\":\"hm\"} " GOOD, "0:10-20", NULL },
    { "only the example", "```json\n" EXAMPLE "\n```", "example_in_reply", NULL },
    { "nothing", "", "empty_reply", NULL },
    { "blanks", " \n\t", "empty_reply", NULL },
    { "an excuse", "I'm sorry, but I can't watch videos.", "no_json_in_reply", NULL },
    { "nothing in it", "{\"segments\":[]}", "nothing_in_reply", NULL },
    { "not what was asked", "{\"error\":\"overloaded\"}", "nothing_in_reply", NULL },
};

START_TEST(an_answer_becomes_a_plan_within_the_media_or_is_refused_with_words)
{
    struct plan_rules rules = { durations, ARRAY_LEN(durations), .min_segment = 1,
                                .max_total = 100 };
    struct plan plan = PLAN_INIT;
    struct err err = ERR_INIT;
    json_t *example = json_loads(EXAMPLE, 0, NULL);
    struct reply_media media = { durations, NULL, ARRAY_LEN(durations), .example = example };
    int r = reply_plan(rows[_i].text, strlen(rows[_i].text), &media, &plan, &err);
    if (r == 0)
        r = plan_check(&plan, &rules, &err);
    char *found = r < 0 ? xstrdup(err.id) : shown(&plan);
    ck_assert_msg(strcmp(found, rows[_i].found) == 0, "%s: %s", rows[_i].name, found);
    ck_assert_msg(!rows[_i].note || is_noted(&plan, rows[_i].note), "%s: not noted", rows[_i].name);
    ck_assert(r >= 0 || err.text[0] != 0);
    free(found);
    plan_release(&plan);
    json_decref(example);
}
END_TEST

START_TEST(reasons_scores_and_the_strategy_come_along)
{
    static const char text[] =
        "{\"theme\":\"a day at sea\",\"segments\":["
        "{\"video_index\":0,\"start\":1,\"end\":2,\"why\":\"waves\",\"score\":9},"
        "{\"video_index\":0,\"start\":3,\"end\":4}]}";
    struct plan plan = PLAN_INIT;
    struct reply_media media = { durations, NULL, ARRAY_LEN(durations) };
    ck_assert_int_eq(reply_plan(text, sizeof text - 1, &media, &plan, NULL), 0);
    ck_assert_str_eq(plan.strategy, "a day at sea");
    ck_assert_str_eq(plan.segments[0].reason, "waves");
    ck_assert(fabs(plan.segments[0].score - 0.9) < 1e-9);
    ck_assert(fabs(plan.segments[1].score - 0.5) < 1e-9);
    plan_release(&plan);
}
END_TEST

START_TEST(a_long_reason_is_not_cut_within_a_character)
{
    struct plan plan = PLAN_INIT;
    struct reply_media media = { durations, NULL, ARRAY_LEN(durations) };
    char reason[3001];
    for (size_t i = 0; i < 3000; i += 3)
        memcpy(reason + i, "\xe7\x8c\xab", 3);
    reason[3000] = 0;
    char *text = xasprintf("[{\"video_index\":0,\"start\":1,\"end\":2,\"reason\":\"%s\"}]", reason);
    ck_assert_int_eq(reply_plan(text, strlen(text), &media, &plan, NULL), 0);
    ck_assert_uint_eq(strlen(plan.segments[0].reason), 1998);
    plan_release(&plan);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reply_plan");
    TCase *tcase = tcase_create("reply_plan");
    tcase_add_loop_test(tcase, an_answer_becomes_a_plan_within_the_media_or_is_refused_with_words,
                        0, (int)ARRAY_LEN(rows));
    tcase_add_test(tcase, reasons_scores_and_the_strategy_come_along);
    tcase_add_test(tcase, a_long_reason_is_not_cut_within_a_character);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
