// Which steps may run, and what becomes of a batch, from the states of its steps.
#include "daemon/course.h"

#include <check.h>
#include <stdio.h>

static const uint64_t nothing_held[STAGE_COUNT];

// A course from a picture: for each source four letters (fetch probe compress analyze), in a batch
// that uploads five (fetch probe compress upload analyze), in one whose speech is written down too
// six (fetch probe compress upload transcribe analyze), then behind '/' four for plan preview
// render publish.  '.' open, 'd' done, 'f' failed, 'r' running.
static void draw(struct course *course, const char *picture)
{
    static const enum stage stages[] = { STAGE_FETCH,   STAGE_PROBE,  STAGE_COMPRESS,
                                         STAGE_ANALYZE, STAGE_UPLOAD, STAGE_TRANSCRIBE };
    const char *slash = strchr(picture, '/');
    size_t width = strcspn(picture, " /"), sources = (size_t)(slash - picture + 1) / (width + 1);
    unsigned all = COURSE_ALL_STAGES;
    for (size_t i = width; i < ARRAY_LEN(stages); i++)
        all &= ~(1U << stages[i]);
    course_init(course, sources, all);
    for (size_t i = 0; i < sources * width + 4; i++) {
        bool own = i < sources * width;
        char letter =
            own ? picture[i / width * (width + 1) + i % width] : slash[1 + i - sources * width];
        enum stage stage = own ? 0 : (enum stage)(STAGE_PLAN + (i - sources * width));
        for (size_t k = 0; own && (k < i % width || !course_has(course, stage)); stage++)
            k += course_has(course, stage);
        struct course_place place = { stage, own ? (int)(i / width) : STEP_BATCH };
        struct step *step = course_step(course, place);
        step->state = letter == 'd' ? STEP_DONE : letter == 'f' ? STEP_FAILED : STEP_OPEN;
        step->attempts = letter == '.' ? 0 : 1;
        course_mark(course, place)->running = letter == 'r';
    }
}

static const struct {
    const char *name, *picture;
    enum slot_class slot;
    int stage, index; // expected; stage -1: none
} nexts[] = {
    { "first the fetch", ".... ..../....", SLOT_NET, STAGE_FETCH, 0 },
    { "sources side by side", "r... ..../....", SLOT_NET, STAGE_FETCH, 1 },
    { "none before the fetch is done", "r... ..../....", SLOT_CPU, -1, 0 },
    { "then the probe", "d... ..../....", SLOT_CPU, STAGE_PROBE, 0 },
    { "probes before compression", "d... dd../....", SLOT_CPU, STAGE_PROBE, 0 },
    { "what is furthest comes first", ".... ddd./....", SLOT_NET, STAGE_FETCH, 0 },
    { "analysis has its own slots", "ddd. dd../....", SLOT_MODEL, STAGE_ANALYZE, 0 },
    { "a failed source goes no further", "df.. ddd./....", SLOT_CPU, -1, 0 },
    { "no analysis before the upload", "ddd.. ...../....", SLOT_MODEL, -1, 0 },
    { "the upload when the proxy is there", "ddd.. ddr../....", SLOT_NET, STAGE_UPLOAD, 0 },
    { "before further downloads", "ddd.. ...../....", SLOT_NET, STAGE_UPLOAD, 0 },
    { "analysis of what was uploaded", "dddd. ddd../....", SLOT_MODEL, STAGE_ANALYZE, 0 },
    { "plan waits for uploads too", "ddddd ddd../....", SLOT_MODEL, -1, 0 },
    { "where nothing is uploaded none runs", "ddd. ..../....", SLOT_NET, STAGE_FETCH, 1 },
    { "no transcript before the upload", "ddd... ....../....", SLOT_MODEL, -1, 0 },
    { "the transcript of what was uploaded", "dddd.. ....../....", SLOT_MODEL, STAGE_TRANSCRIBE,
      0 },
    { "no analysis before the transcript", "ddddr. ....../....", SLOT_MODEL, -1, 0 },
    { "analysis of what was written down", "ddddd. dddd../....", SLOT_MODEL, STAGE_ANALYZE, 0 },
    { "analysis without the transcript", "ddddf. ....../....", SLOT_MODEL, STAGE_ANALYZE, 0 },
    { "plan without the transcript", "ddddfd df..../....", SLOT_MODEL, STAGE_PLAN, STEP_BATCH },
    { "plan waits for all", "dddd ddd./....", SLOT_MODEL, STAGE_ANALYZE, 1 },
    { "plan waits for the one that runs", "dddd dddr/....", SLOT_MODEL, -1, 0 },
    { "plan when all ended", "dddd df../....", SLOT_MODEL, STAGE_PLAN, STEP_BATCH },
    { "no plan of nothing", "df.. f.../....", SLOT_MODEL, -1, 0 },
    { "no compression before the source is back", ".d.. ..../....", SLOT_CPU, -1, 0 },
    { "no analysis before the source is back", ".dd. df../....", SLOT_MODEL, -1, 0 },
    { "no plan before the source is back", ".ddd df../....", SLOT_MODEL, -1, 0 },
    { "no reel before the source is back", "dddd .d.d/dd..", SLOT_CPU, -1, 0 },
    { "nothing published without a plan", "dddd dddd/..d.", SLOT_NET, -1, 0 },
    { "a lost source holds nothing up", "dddd .f../dd..", SLOT_CPU, STAGE_RENDER, STEP_BATCH },
    { "render after plan", "dddd dddd/dd..", SLOT_CPU, STAGE_RENDER, STEP_BATCH },
    { "a preview first", "dddd dddd/d...", SLOT_CPU, STAGE_PREVIEW, STEP_BATCH },
    { "render beside the preview", "dddd dddd/dr..", SLOT_CPU, STAGE_RENDER, STEP_BATCH },
    { "publish waits for the preview", "dddd dddd/drd.", SLOT_NET, -1, 0 },
    { "not for one that failed", "dddd dddd/dfd.", SLOT_NET, STAGE_PUBLISH, STEP_BATCH },
    { "publish after render", "dddd dddd/ddd.", SLOT_NET, STAGE_PUBLISH, STEP_BATCH },
    { "nothing after publish", "dddd dddd/dddd", SLOT_NET, -1, 0 },
};

START_TEST(the_next_step_follows_from_what_is_done)
{
    struct course course;
    struct course_place place = { 0, 0 };
    draw(&course, nexts[_i].picture);
    bool found = course_next(&course, nexts[_i].slot, nothing_held, 1000, &place);
    ck_assert_msg(found == (nexts[_i].stage >= 0), "%s: %s", nexts[_i].name,
                  found ? stage_info[place.stage].name : "none");
    if (found)
        ck_assert_msg((int)place.stage == nexts[_i].stage && place.index == nexts[_i].index,
                      "%s: %s %d", nexts[_i].name, stage_info[place.stage].name, place.index);
    course_release(&course);
}
END_TEST

static const struct {
    const char *name, *picture;
    enum course_outcome outcome;
    int stage, index; // to blame
} outcomes[] = {
    { "nothing done yet", "..../....", COURSE_GOING, 0, 0 },
    { "one lost, one going", "f... dd../....", COURSE_GOING, 0, 0 },
    { "one lost, one through", "df.. dddd/....", COURSE_GOING, 0, 0 },
    { "all lost", "df.. ddf./....", COURSE_FAILED, STAGE_PROBE, 0 },
    { "all lost on their way up", "dddf. dddf./....", COURSE_FAILED, STAGE_UPLOAD, 0 },
    { "published, with uploads", "ddddd/dddd", COURSE_COMPLETED, 0, 0 },
    { "published, without a transcript", "ddddfd/dddd", COURSE_COMPLETED, 0, 0 },
    { "one without a transcript, one lost", "ddddf. df..../....", COURSE_GOING, 0, 0 },
    { "lost behind its transcript", "ddddff/....", COURSE_FAILED, STAGE_ANALYZE, 0 },
    { "no plan", "dddd/f...", COURSE_FAILED, STAGE_PLAN, STEP_BATCH },
    { "no preview", "dddd/dfdd", COURSE_COMPLETED, 0, 0 },
    { "no reel", "dddd/ddf.", COURSE_FAILED, STAGE_RENDER, STEP_BATCH },
    { "published", "dddd df../dddd", COURSE_COMPLETED, 0, 0 },
};

START_TEST(a_batch_fails_only_when_nothing_can_be_cut)
{
    struct course course;
    struct course_place place = { 0, 0 };
    draw(&course, outcomes[_i].picture);
    ck_assert_msg(course_outcome(&course, &place) == outcomes[_i].outcome, "%s", outcomes[_i].name);
    if (outcomes[_i].outcome == COURSE_FAILED)
        ck_assert_msg((int)place.stage == outcomes[_i].stage && place.index == outcomes[_i].index,
                      "%s: %s %d", outcomes[_i].name, stage_info[place.stage].name, place.index);
    course_release(&course);
}
END_TEST

START_TEST(a_step_that_waits_is_due_later_and_wakes_its_batch_then)
{
    struct course course;
    struct course_place place = { STAGE_FETCH, 0 }, next;
    draw(&course, ".... ..../....");
    course_mark(&course, place)->due_us = 5000;
    ck_assert(course_next(&course, SLOT_NET, nothing_held, 1000, &next));
    ck_assert_int_eq(next.index, 1);
    ck_assert_uint_eq(course_wake(&course, nothing_held, 1000), 5000);
    ck_assert(course_next(&course, SLOT_NET, nothing_held, 5000, &next));
    ck_assert_int_eq(next.index, 0);
    ck_assert_uint_eq(course_wake(&course, nothing_held, 5000), UINT64_MAX);
    course_release(&course);
}
END_TEST

START_TEST(a_held_stage_rests_for_all_sources)
{
    struct course course;
    struct course_place next;
    uint64_t held[STAGE_COUNT] = { [STAGE_FETCH] = 9000 };
    draw(&course, ".... ..../....");
    ck_assert(!course_next(&course, SLOT_NET, held, 1000, &next));
    ck_assert_uint_eq(course_wake(&course, held, 1000), 9000);
    held[STAGE_FETCH] = UINT64_MAX; // until reload
    ck_assert_uint_eq(course_wake(&course, held, 1000), UINT64_MAX);
    course_release(&course);
}
END_TEST

static const struct {
    const char *picture;
    enum stage front;
} fronts[] = {
    { ".... ..../....", STAGE_FETCH },          { "d... dddd/....", STAGE_PROBE },
    { "ddr. dddd/....", STAGE_COMPRESS },       { "df.. dddd/....", STAGE_PLAN },
    { "dddd dddd/dd..", STAGE_RENDER },         { "dddd dddd/dddd", STAGE_PUBLISH },
    { "dddd.. ddddfd/....", STAGE_TRANSCRIBE }, { "ddd. ddd./....", STAGE_ANALYZE },
    { "ddd.. ddddd/....", STAGE_UPLOAD },
};

START_TEST(the_front_is_the_first_stage_that_is_not_settled_everywhere)
{
    struct course course;
    draw(&course, fronts[_i].picture);
    ck_assert_str_eq(stage_info[course_front(&course)].name, stage_info[fronts[_i].front].name);
    course_release(&course);
}
END_TEST

START_TEST(a_step_takes_the_slots_that_its_batch_says)
{
    struct course course;
    struct course_place next = { 0, 0 };
    draw(&course, "dddd../....");
    ck_assert(!course_next(&course, SLOT_CPU, nothing_held, 1000, &next));
    course.slots[STAGE_TRANSCRIBE] = SLOT_CPU;
    ck_assert(!course_next(&course, SLOT_MODEL, nothing_held, 1000, &next));
    ck_assert(course_next(&course, SLOT_CPU, nothing_held, 1000, &next));
    ck_assert_int_eq(next.stage, STAGE_TRANSCRIBE);
    course_release(&course);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("course");
    TCase *tcase = tcase_create("course");
    tcase_add_loop_test(tcase, the_next_step_follows_from_what_is_done, 0, ARRAY_LEN(nexts));
    tcase_add_loop_test(tcase, a_batch_fails_only_when_nothing_can_be_cut, 0, ARRAY_LEN(outcomes));
    tcase_add_test(tcase, a_step_that_waits_is_due_later_and_wakes_its_batch_then);
    tcase_add_test(tcase, a_held_stage_rests_for_all_sources);
    tcase_add_test(tcase, a_step_takes_the_slots_that_its_batch_says);
    tcase_add_loop_test(tcase, the_front_is_the_first_stage_that_is_not_settled_everywhere, 0,
                        ARRAY_LEN(fronts));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
