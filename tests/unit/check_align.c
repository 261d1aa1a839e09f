// Where a plan's times go: onto the pictures of their sources.
#include "highlight/align.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

static const double key_times[] = { 0, 2.0004, 4 };

// A source of 25 pictures a second and ten seconds, and one whose rate varies.
static const struct select_source sources[] = {
    { .duration = 10, .picture_seconds = 0.04, .keys = { .times = key_times, .count = 3 } },
    { .duration = 10, .picture_seconds = 0 },
};

static const struct {
    const char *name;
    int video;
    double start, end, wanted_start, wanted_end;
} rows[] = {
    { "what lies on pictures stays", 0, 1, 3, 1, 3 },
    { "a start goes to the nearest picture", 0, 1.015, 3, 1, 3 },
    { "a start goes on to the next if that is nearer", 0, 1.03, 3, 1.04, 3 },
    { "an end goes to the nearest picture", 0, 1, 3.019, 1, 3 },
    { "a key frame off the grid keeps its own time, and whole pictures follow", 0, 2.0004, 3.01,
      2.0004, 3.0004 },
    { "never beyond the source", 0, 8, 10.015, 8, 10 },
    { "never to nothing", 0, 5.001, 5.002, 5, 5.04 },
    { "a varying rate has no grid", 1, 1.015, 3.019, 1.015, 3.019 },
    { "a source that is not there is left alone", 7, 1.015, 3.019, 1.015, 3.019 },
};

START_TEST(times_are_laid_on_pictures)
{
    struct plan plan = PLAN_INIT;
    plan_add(&plan, &(struct plan_segment){ .video_index = rows[_i].video,
                                            .start = rows[_i].start,
                                            .end = rows[_i].end });
    align_plan(sources, ARRAY_LEN(sources), &plan);
    ck_assert_msg(fabs(plan.segments[0].start - rows[_i].wanted_start) < 1e-9 &&
                      fabs(plan.segments[0].end - rows[_i].wanted_end) < 1e-9,
                  "%s: %f to %f", rows[_i].name, plan.segments[0].start, plan.segments[0].end);
    plan_release(&plan);
}
END_TEST

START_TEST(neighbours_do_not_come_to_overlap)
{
    struct plan plan = PLAN_INIT;
    plan_add(&plan, &(struct plan_segment){ .video_index = 0, .start = 2.0004, .end = 3 });
    plan_add(&plan, &(struct plan_segment){ .video_index = 0, .start = 0.51, .end = 2.0004 });
    plan_add(&plan, &(struct plan_segment){ .video_index = 0, .start = 3, .end = 4.01 });
    align_plan(sources, ARRAY_LEN(sources), &plan);
    const struct plan_segment *s = plan.segments;
    ck_assert(s[1].end <= s[0].start && s[0].end <= s[2].start);
    plan_release(&plan);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("align");
    TCase *tcase = tcase_create("align");
    tcase_add_loop_test(tcase, times_are_laid_on_pictures, 0, (int)ARRAY_LEN(rows));
    tcase_add_test(tcase, neighbours_do_not_come_to_overlap);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
