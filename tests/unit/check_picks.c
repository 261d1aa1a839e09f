// Which of the clips that were named make the reel.
#include "model/picks.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

// A clip as "video:start-end/score".
static void read_clips(const char *text, struct plan *plan)
{
    struct plan_segment segment = { .reason = NULL };
    int length = 0;
    for (; sscanf(text, "%d:%lf-%lf/%lf %n", &segment.video_index, &segment.start, &segment.end,
                  &segment.score, &length) == 4;
         text += length)
        plan_add(plan, &segment);
}

static char *shown(const struct plan *plan)
{
    char *all = xstrdup("");
    for (size_t i = 0; i < plan->segment_count; i++) {
        const struct plan_segment *segment = &plan->segments[i];
        cleanup(free_ptr) char *before = all;
        all = xasprintf("%s%s%d:%g-%g", all, i ? " " : "", segment->video_index, segment->start,
                        segment->end);
    }
    return all;
}

static const struct {
    const char *name;
    struct picks_wish wish;
    const char *first, *second; // answers
    const char *taken;
} rows[] = {
    { "nothing", { 10, 2, false, true }, "", "", "" },
    { "all of what fits, as answered",
      { 10, 2, false, true },
      "1:0-5/0.1 0:0-5/0.9",
      "",
      "1:0-5 0:0-5" },
    { "the same in order of time",
      { 10, 2, false, false },
      "1:0-5/0.1 0:7-9/0.1 0:0-3/0.9",
      "",
      "0:0-3 0:7-9 1:0-5" },
    { "the best first",
      { 10, 2, false, true },
      "0:0-5/0.1 0:10-15/0.9 0:20-25/0.5",
      "",
      "0:10-15 0:20-25" },
    { "of equals what was named first",
      { 10, 2, false, true },
      "0:0-5/0.5 0:10-15/0.5 0:20-25/0.5",
      "",
      "0:0-5 0:10-15" },
    { "the best of several answers",
      { 10, 2, false, false },
      "0:0-5/0.1 0:10-15/0.9",
      "1:0-5/0.8 1:10-15/0.2",
      "0:10-15 1:0-5" },
    { "what still fits behind what does not",
      { 10, 2, false, true },
      "0:0-6/0.9 0:10-18/0.8 0:20-24/0.1",
      "",
      "0:0-6 0:20-24" },
    { "a little more than the target",
      { 10, 2, false, true },
      "0:0-5/0.9 0:10-15.5/0.8",
      "",
      "0:0-5 0:10-15.5" },
    { "a part where much would be missing",
      { 10, 2, false, true },
      "0:0-6/0.9 0:10-18/0.8",
      "",
      "0:0-6 0:10-14" },
    { "no part that is too short", { 10, 5, false, true }, "0:0-6/0.9 0:10-18/0.8", "", "0:0-6" },
    { "a part of the only one", { 10, 2, false, true }, "0:0-30/0.9", "", "0:0-10" },
    { "one of each source",
      { 10, 2, true, false },
      "0:0-5/0.9 0:10-15/0.8 1:0-5/0.1",
      "",
      "0:0-5 1:0-5" },
    { "the best of each source",
      { 10, 2, true, false },
      "1:0-5/0.1 1:10-15/0.2 0:0-5/0.9 0:10-15/0.8",
      "",
      "0:0-5 1:10-15" },
    { "a part of each where there is no room",
      { 6, 2, true, false },
      "0:0-5/0.9 1:0-5/0.8 2:0-5/0.7",
      "",
      "0:0-5 1:0-2 2:0-2" },
};

START_TEST(the_best_make_the_reel)
{
    cleanup(picks_release) struct picks picks = PICKS_INIT;
    cleanup(plan_release) struct plan first = PLAN_INIT, second = PLAN_INIT, plan = PLAN_INIT;
    read_clips(rows[_i].first, &first);
    read_clips(rows[_i].second, &second);
    picks_add(&picks, &first);
    picks_add(&picks, &second);
    picks_choose(&picks, &rows[_i].wish, &plan);
    cleanup(free_ptr) char *taken = shown(&plan);
    ck_assert_msg(strcmp(taken, rows[_i].taken) == 0, "%s: %s", rows[_i].name, taken);
    ck_assert((plan.segment_count < picks.count) == (json_array_size(plan.notes) == 1));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("picks");
    TCase *tcase = tcase_create("picks");
    tcase_add_loop_test(tcase, the_best_make_the_reel, 0, (int)ARRAY_LEN(rows));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
