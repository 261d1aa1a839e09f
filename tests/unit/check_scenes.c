// Shots joined into scenes, and scenes of one look.
#include "highlight/scenes.h"
#include <check.h>

enum { SHOTS = 8 };

// Each letter is the look of a shot of `seconds`; the scenes and their groups follow.
static const struct {
    const char *name, *looks;
    double seconds;
    struct {
        size_t first, last;
        int group;
    } scenes[SHOTS];
    size_t count;
} rows[] = {
    { "one shot", "a", 5, { { 0, 0, 0 } }, 1 },
    { "all alike", "aaaa", 5, { { 0, 3, 0 } }, 1 },
    { "all different", "abc", 5, { { 0, 0, 0 }, { 1, 1, 1 }, { 2, 2, 2 } }, 3 },
    { "a dialogue", "ababab", 5, { { 0, 5, 0 } }, 1 },
    { "two places", "aaabbb", 5, { { 0, 2, 0 }, { 3, 5, 1 } }, 2 },
    { "back after long",
      "aabcdeaa",
      5,
      { { 0, 1, 0 }, { 2, 2, 1 }, { 3, 3, 2 }, { 4, 4, 3 }, { 5, 5, 4 }, { 6, 7, 0 } },
      6 },
    { "alike but long apart", "aba", 30, { { 0, 0, 0 }, { 1, 1, 1 }, { 2, 2, 0 } }, 3 },
};

START_TEST(shots_become_scenes)
{
    size_t shot_count = strlen(rows[_i].looks), per_shot = (size_t)(rows[_i].seconds * 4);
    struct analysis_span shots[SHOTS];
    struct signals signals = { .duration = rows[_i].seconds * (double)shot_count };
    signals.likeness_count = per_shot * shot_count;
    signals.likeness = xcalloc(signals.likeness_count, sizeof *signals.likeness);
    for (size_t i = 0; i < signals.likeness_count; i++)
        signals.likeness[i][rows[_i].looks[i / per_shot] - 'a'] = 255;
    for (size_t i = 0; i < shot_count; i++)
        shots[i] = (struct analysis_span){ .start = rows[_i].seconds * (double)i,
                                           .end = rows[_i].seconds * (double)(i + 1) };
    cleanup(free_ptr) struct analysis_span *scenes = NULL;
    size_t count = scenes_find(&signals, shots, shot_count, &scenes);
    ck_assert_msg(count == rows[_i].count, "%s: %zu scenes", rows[_i].name, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(scenes[i].start == shots[rows[_i].scenes[i].first].start &&
                          scenes[i].end == shots[rows[_i].scenes[i].last].end,
                      "%s: scene %zu from %f to %f", rows[_i].name, i, scenes[i].start,
                      scenes[i].end);
        ck_assert_msg(scenes[i].group == rows[_i].scenes[i].group, "%s: scene %zu has group %d",
                      rows[_i].name, i, scenes[i].group);
    }
    signals_release(&signals);
}
END_TEST

START_TEST(no_shots_have_no_scenes)
{
    struct signals signals = SIGNALS_INIT;
    cleanup(free_ptr) struct analysis_span *scenes = NULL;
    ck_assert_uint_eq(scenes_find(&signals, NULL, 0, &scenes), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scenes");
    TCase *tcase = tcase_create("scenes");
    tcase_add_loop_test(tcase, shots_become_scenes, 0, (int)ARRAY_LEN(rows));
    tcase_add_test(tcase, no_shots_have_no_scenes);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
