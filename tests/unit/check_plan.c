// The one validator of plans, and plan.json read with distrust.
#include "spool/batch.h"
#include "spool/plan.h"
#include "tests/support/folder.h"
#include "tests/support/invented.h"
#include <check.h>
#include <errno.h>
#include <math.h>

enum { SEGMENTS = 4, SOURCES = 4 };

// Sources of 100 s, 1 s, one that cannot be cut, and 20 s.
static const double durations[SOURCES] = { 100, 1, 0, 20 };
static const struct plan_rules rules = { durations, SOURCES, .min_segment = 2, .max_total = 60 };

struct times {
    int index;
    double start, end;
};

// `out` ends where start and end are both 0.
static const struct {
    const char *name;
    struct times in[SEGMENTS], out[SEGMENTS];
    int repairs; // -1: nothing is left
} cases[] = {
    { "sound", { { 0, 10, 20 }, { 3, 0, 20 } }, { { 0, 10, 20 }, { 3, 0, 20 } }, 0 },
    { "sound, out of order", { { 3, 5, 9 }, { 0, 1, 4 } }, { { 3, 5, 9 }, { 0, 1, 4 } }, 0 },
    { "touching", { { 0, 10, 20 }, { 0, 20, 30 } }, { { 0, 10, 20 }, { 0, 20, 30 } }, 0 },
    { "a whole source of one second", { { 1, 0, 1 } }, { { 1, 0, 1 } }, 0 },
    { "unknown index", { { 4, 0, 10 }, { 0, 0, 10 } }, { { 0, 0, 10 } }, 1 },
    { "negative index", { { -1, 0, 10 }, { 0, 0, 10 } }, { { 0, 0, 10 } }, 1 },
    { "largest index", { { 0x7FFFFFFF, 0, 10 }, { 0, 0, 10 } }, { { 0, 0, 10 } }, 1 },
    { "source that cannot be cut", { { 2, 0, 10 }, { 0, 0, 10 } }, { { 0, 0, 10 } }, 1 },
    { "start = end", { { 0, 5, 5 }, { 0, 0, 5 } }, { { 0, 0, 5 } }, 1 },
    { "start > end", { { 0, 9, 5 }, { 0, 0, 5 } }, { { 0, 0, 5 } }, 1 },
    { "NaN start", { { 0, NAN, 5 }, { 0, 0, 5 } }, { { 0, 0, 5 } }, 1 },
    { "NaN end", { { 0, 0, NAN }, { 0, 0, 5 } }, { { 0, 0, 5 } }, 1 },
    { "infinite end", { { 0, 0, INFINITY }, { 0, 0, 5 } }, { { 0, 0, 5 } }, 1 },
    { "infinite start", { { 0, -INFINITY, 5 }, { 0, 0, 5 } }, { { 0, 0, 5 } }, 1 },
    { "huge end", { { 0, 90, 1e308 } }, { { 0, 90, 100 } }, 1 },
    { "huge both", { { 0, -1e308, 1e308 } }, { { 0, 0, 60 } }, 3 },
    { "negative start", { { 0, -3, 5 } }, { { 0, 0, 5 } }, 1 },
    { "all before the beginning", { { 0, -9, -3 }, { 0, 0, 5 } }, { { 0, 0, 5 } }, 1 },
    { "end beyond the source", { { 0, 90, 130 } }, { { 0, 90, 100 } }, 1 },
    { "all beyond the source", { { 0, 100, 130 }, { 0, 0, 5 } }, { { 0, 0, 5 } }, 1 },
    { "beyond by rounding", { { 0, 90, 100.0000004 } }, { { 0, 90, 100 } }, 0 },
    { "duplicate", { { 0, 10, 20 }, { 0, 10, 20 } }, { { 0, 10, 20 } }, 1 },
    { "same times, other source", { { 0, 5, 9 }, { 3, 5, 9 } }, { { 0, 5, 9 }, { 3, 5, 9 } }, 0 },
    { "overlap at the end", { { 0, 10, 20 }, { 0, 5, 15 } }, { { 0, 10, 20 }, { 0, 5, 10 } }, 1 },
    { "overlap at the start",
      { { 0, 10, 20 }, { 0, 15, 25 } },
      { { 0, 10, 20 }, { 0, 20, 25 } },
      1 },
    { "within another", { { 0, 10, 20 }, { 0, 12, 18 } }, { { 0, 10, 20 } }, 1 },
    { "around another", { { 0, 10, 20 }, { 0, 6, 30 } }, { { 0, 10, 20 }, { 0, 20, 30 } }, 1 },
    { "between two",
      { { 0, 0, 9 }, { 0, 15, 20 }, { 0, 5, 18 } },
      { { 0, 0, 9 }, { 0, 15, 20 }, { 0, 9, 15 } },
      1 },
    { "overlap leaves too little", { { 0, 10, 20 }, { 0, 19, 21 } }, { { 0, 10, 20 } }, 2 },
    { "too short", { { 0, 10, 11.9 }, { 0, 0, 5 } }, { { 0, 0, 5 } }, 1 },
    { "too short for a short source", { { 1, 0, 0.5 }, { 0, 0, 5 } }, { { 0, 0, 5 } }, 1 },
    { "short at the end of a source", { { 0, 99, 120 }, { 0, 0, 5 } }, { { 0, 0, 5 } }, 2 },
    { "total too long, last shortened",
      { { 0, 0, 50 }, { 3, 0, 20 } },
      { { 0, 0, 50 }, { 3, 0, 10 } },
      1 },
    { "total too long, last dropped", { { 0, 0, 59 }, { 3, 0, 20 } }, { { 0, 0, 59 } }, 1 },
    { "total too long, several dropped",
      { { 0, 0, 59 }, { 3, 0, 8 }, { 3, 8, 20 } },
      { { 0, 0, 59 } },
      2 },
    { "one segment too long", { { 0, 5, 95 } }, { { 0, 5, 65 } }, 1 },
    { "nothing", { { 0 } }, { { 0 } }, -1 },
    { "nothing useful", { { 7, 0, 9 }, { 0, 9, 0 }, { 0, NAN, NAN } }, { { 0 } }, -1 },
};

static void add(struct plan *plan, const struct times *times)
{
    for (size_t i = 0; i < SEGMENTS && (times[i].start != 0 || times[i].end != 0); i++)
        plan_add(plan, &(struct plan_segment){ times[i].index, times[i].start, times[i].end, 0.5,
                                               (char[]){ "because" } });
}

START_TEST(a_plan_is_repaired_or_refused)
{
    const char *name = cases[_i].name;
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    struct err err = ERR_INIT;
    add(&plan, cases[_i].in);
    int repairs = plan_check(&plan, &rules, &err);
    if (cases[_i].repairs < 0) {
        ck_assert_msg(repairs < 0 && err.class == ERR_INPUT, "%s", name);
        ck_assert_str_eq(err.id, "empty_plan");
        return;
    }
    ck_assert_msg(repairs == cases[_i].repairs, "%s: %d repairs", name, repairs);
    ck_assert_msg(json_array_size(plan.notes) == (size_t)repairs, "%s: each repair is noted", name);
    cleanup(plan_release) struct plan expected = PLAN_INIT;
    add(&expected, cases[_i].out);
    ck_assert_msg(plan.segment_count == expected.segment_count, "%s: %zu left", name,
                  plan.segment_count);
    for (size_t i = 0; i < plan.segment_count; i++) {
        const struct plan_segment *got = &plan.segments[i], *wanted = &expected.segments[i];
        ck_assert_msg(got->video_index == wanted->video_index &&
                          fabs(got->start - wanted->start) < 1e-9 &&
                          fabs(got->end - wanted->end) < 1e-9,
                      "%s: segment %zu is %d %f to %f", name, i, got->video_index, got->start,
                      got->end);
        ck_assert_str_eq(got->reason, "because");
    }
    // What was repaired is sound.
    ck_assert_int_eq(plan_check(&plan, &rules, NULL), 0);
}
END_TEST

static const struct {
    double score, fitted;
} scores[] = { { -1, 0 }, { NAN, 0 }, { 7, 1 }, { 1e308, 1 }, { -INFINITY, 0 } };

START_TEST(a_score_is_brought_into_range)
{
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    plan_add(&plan, &(struct plan_segment){ 0, 0, 5, scores[_i].score, NULL });
    ck_assert_int_eq(plan_check(&plan, &rules, NULL), 1);
    ck_assert_double_eq(plan.segments[0].score, scores[_i].fitted);
}
END_TEST

START_TEST(segments_beyond_the_limit_are_left_out_with_a_note)
{
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    for (int i = 0; i < PLAN_MAX_SEGMENTS + 3; i++)
        plan_add(&plan, &(struct plan_segment){ 0, i, i + 1, 0, NULL });
    ck_assert_uint_eq(plan.segment_count, PLAN_MAX_SEGMENTS);
    ck_assert_uint_ge(json_array_size(plan.notes), 1);
}
END_TEST

START_TEST(notes_are_bounded)
{
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    for (int i = 0; i < 5000; i++)
        plan_note(&plan, "number %d \xFF", i);
    ck_assert_uint_eq(json_array_size(plan.notes), 101);
}
END_TEST

// Times from a few that matter, so that they meet and nearly meet.
static double random_time(uint64_t *state)
{
    static const double special[] = { 0, -1, 100, 1, 20, 1e308, NAN, 99.9999999, 2.0000001 };
    double choice = invent_number(state, 0, 1);
    if (choice < 0.1)
        return special[(size_t)invent_number(state, 0, ARRAY_LEN(special))];
    return choice < 0.5 ? floor(invent_number(state, -2, 25)) : invent_number(state, -5, 110);
}

static void check_random_plan(uint64_t seed)
{
    uint64_t state = seed;
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    size_t count = (size_t)invent_number(&state, 0, 40);
    for (size_t i = 0; i < count; i++) {
        double start = random_time(&state), length = invent_number(&state, 0, 12);
        double end = invent_number(&state, 0, 1) < 0.5 ? random_time(&state) : start + length;
        plan_add(&plan, &(struct plan_segment){ (int)invent_number(&state, -1, SOURCES + 1), start,
                                                end, invent_number(&state, -0.1, 1.1), NULL });
    }
    if (plan_check(&plan, &rules, NULL) < 0)
        return;
    for (size_t i = 0; i < plan.segment_count; i++) {
        const struct plan_segment *a = &plan.segments[i];
        ck_assert(a->video_index >= 0 && a->video_index < SOURCES);
        ck_assert(a->start >= 0 && a->start < a->end && a->end <= durations[a->video_index]);
        ck_assert(a->end - a->start >= fmin(2, durations[a->video_index]) - 1e-3);
        for (size_t j = 0; j < i; j++) {
            const struct plan_segment *b = &plan.segments[j];
            ck_assert(a->video_index != b->video_index || a->end <= b->start || b->end <= a->start);
        }
    }
    ck_assert(plan_total(&plan) <= 60 + 1e-2);
    ck_assert_int_eq(plan_check(&plan, &rules, NULL), 0);
}

START_TEST(random_plans_come_out_sound)
{
    for (uint64_t seed = 0; seed < 3000; seed++)
        check_random_plan(seed);
}
END_TEST

// ---- the fallback

static const struct {
    const char *name;
    double durations[SOURCES], max_total;
    double lengths[SOURCES]; // of the segment of each source
} fallbacks[] = {
    { "30 s of each", { 100, 50, 200, 31 }, 500, { 30, 30, 30, 30 } },
    { "short ones whole", { 100, 5, 0, 10 }, 500, { 30, 5, 0, 10 } },
    { "shared evenly", { 100, 100, 100, 100 }, 40, { 10, 10, 10, 10 } },
    { "what short ones leave goes to the others", { 100, 2, 100, 4 }, 26, { 10, 2, 10, 4 } },
    { "room for two only", { 100, 100, 100, 100 }, 5, { 2.5, 2.5, 0, 0 } },
    { "one short source", { 0, 0, 0.5, 0 }, 60, { 0, 0, 0.5, 0 } },
    { "nothing", { 0, NAN, -1, INFINITY }, 60, { 0 } },
};

START_TEST(the_fallback_shows_the_beginning_of_each)
{
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    struct plan_rules here = { fallbacks[_i].durations, SOURCES, 2, fallbacks[_i].max_total };
    plan_add(&plan, &(struct plan_segment){ 9, 0, 5, 0, NULL });
    plan_fallback(&plan, &here);
    ck_assert_str_eq(plan.provider, "fallback");
    double lengths[SOURCES] = { 0 };
    for (size_t i = 0; i < plan.segment_count; i++) {
        ck_assert_double_eq(plan.segments[i].start, 0);
        lengths[plan.segments[i].video_index] += plan.segments[i].end;
    }
    for (size_t i = 0; i < SOURCES; i++)
        ck_assert_msg(fabs(lengths[i] - fallbacks[_i].lengths[i]) < 1e-6, "%s: source %zu: %f s",
                      fallbacks[_i].name, i, lengths[i]);
    if (plan.segment_count)
        ck_assert_int_eq(plan_check(&plan, &here, NULL), 0);
}
END_TEST

// ---- JSON

static const struct {
    const char *name, *text;
    bool readable;
    size_t segments; // after plan_check
} texts[] = {
    { "no segments", "{}", false, 0 },
    { "segments of another type", "{\"segments\": 5}", false, 0 },
    { "an array", "[]", false, 0 },
    { "empty", "{\"segments\": []}", true, 0 },
    { "good", "{\"segments\": [{\"video_index\": 0, \"start\": 1, \"end\": 5.5}]}", true, 1 },
    { "not objects", "{\"segments\": [1, null, [], \"x\"]}", true, 0 },
    { "no times", "{\"segments\": [{\"video_index\": 0}]}", true, 0 },
    { "times as text", "{\"segments\": [{\"video_index\": 0, \"start\": \"1\", \"end\": 5}]}", true,
      0 },
    { "huge", "{\"segments\": [{\"video_index\": 0, \"start\": 0, \"end\": 1e308}]}", true, 1 },
    { "index as a fraction", "{\"segments\": [{\"video_index\": 0.5, \"start\": 0, \"end\": 5}]}",
      true, 0 },
    { "index beyond int", "{\"segments\": [{\"video_index\": 1e18, \"start\": 0, \"end\": 5}]}",
      true, 0 },
    { "reason of another type",
      "{\"segments\": [{\"video_index\": 0, \"start\": 0, \"end\": 5, \"reason\": {}}]}", true, 1 },
};

START_TEST(a_plan_from_outside_is_read_as_far_as_it_goes)
{
    cleanup(json_free) json_t *json = NULL;
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    struct err err = ERR_INIT;
    ck_assert_int_eq(json_parse(texts[_i].text, strlen(texts[_i].text), &json, NULL), 0);
    int r = plan_from_json(json, &plan, &err);
    ck_assert_msg((r == 0) == texts[_i].readable, "%s", texts[_i].name);
    if (r < 0) {
        ck_assert_str_eq(err.id, "bad_plan");
        return;
    }
    r = plan_check(&plan, &rules, NULL);
    ck_assert_msg((r >= 0) == (texts[_i].segments > 0), "%s", texts[_i].name);
    ck_assert_msg(plan.segment_count == texts[_i].segments, "%s: %zu", texts[_i].name,
                  plan.segment_count);
}
END_TEST

START_TEST(a_saved_plan_is_loaded_again)
{
    struct folder folder;
    folder_make(&folder);
    cleanup(plan_release) struct plan plan = PLAN_INIT, loaded = PLAN_INIT;
    ck_assert_int_eq(plan_load(folder.fd, &loaded, NULL), -ENOENT);
    plan.provider = xstrdup("local");
    plan.degraded = xstrdup("the model is away");
    plan.strategy = xstrdup("story");
    plan.target_duration = 60;
    plan_add(&plan,
             &(struct plan_segment){ 3, 1.234567, 9.876543, 0.75,
                                     (char[]){ "caf\xC3\xA9, \"loud\"" }, "cut+key", "pause" });
    plan_note(&plan, "one note");
    ck_assert_int_eq(plan_save(folder.fd, &plan, NULL), 0);
    char *text = folder_get(&folder, BATCH_PLAN);
    ck_assert_ptr_nonnull(strstr(text, "\"start_on\": \"cut+key\""));
    ck_assert_ptr_nonnull(strstr(text, "\"end_on\": \"pause\""));
    free(text);
    ck_assert_int_eq(plan_load(folder.fd, &loaded, NULL), 0);
    ck_assert_str_eq(loaded.provider, "local");
    ck_assert_str_eq(loaded.degraded, "the model is away");
    ck_assert_str_eq(loaded.strategy, "story");
    ck_assert_double_eq(loaded.target_duration, 60);
    ck_assert_uint_eq(loaded.segment_count, 1);
    ck_assert_int_eq(loaded.segments[0].video_index, 3);
    ck_assert_double_eq_tol(loaded.segments[0].start, 1.234567, 1e-9);
    ck_assert_double_eq_tol(loaded.segments[0].end, 9.876543, 1e-9);
    ck_assert_double_eq_tol(loaded.segments[0].score, 0.75, 1e-9);
    ck_assert_str_eq(loaded.segments[0].reason, "caf\xC3\xA9, \"loud\"");
    ck_assert_uint_eq(json_array_size(loaded.notes), 1);
    folder_remove(&folder);
}
END_TEST

START_TEST(a_damaged_file_is_named_in_the_error)
{
    struct folder folder;
    struct err err = ERR_INIT;
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    folder_make(&folder);
    folder_put(&folder, BATCH_PLAN, "{\"segments\": 7}");
    ck_assert_int_lt(plan_load(folder.fd, &plan, &err), 0);
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, BATCH_PLAN));
    folder_remove(&folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan");
    TCase *tcase = tcase_create("plan");
    tcase_add_loop_test(tcase, a_plan_is_repaired_or_refused, 0, (int)ARRAY_LEN(cases));
    tcase_add_loop_test(tcase, a_score_is_brought_into_range, 0, (int)ARRAY_LEN(scores));
    tcase_add_test(tcase, random_plans_come_out_sound);
    tcase_add_test(tcase, segments_beyond_the_limit_are_left_out_with_a_note);
    tcase_add_test(tcase, notes_are_bounded);
    tcase_add_loop_test(tcase, the_fallback_shows_the_beginning_of_each, 0,
                        (int)ARRAY_LEN(fallbacks));
    tcase_add_loop_test(tcase, a_plan_from_outside_is_read_as_far_as_it_goes, 0,
                        (int)ARRAY_LEN(texts));
    tcase_add_test(tcase, a_saved_plan_is_loaded_again);
    tcase_add_test(tcase, a_damaged_file_is_named_in_the_error);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
