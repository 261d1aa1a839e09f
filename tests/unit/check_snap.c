// Where a segment may begin and end.
#include "highlight/snap.h"
#include "tests/support/invented.h"
#include <check.h>
#include <math.h>

// 60 s at 25 pictures a second; speech from 10 to 20, 20.5 to 30 and 40 to 50 s (0.5 s of pause
// between the first two); cuts at 20.2 (in the pause), 25 (in speech), 35 and 35.32 (a short shot).
static const double cut_times[] = { 20.2, 25, 29.4, 35, 35.32 };
enum { SHOTS = ARRAY_LEN(cut_times) + 1 };

struct scene {
    struct signals signals;
    struct analysis_span shots[SHOTS];
    struct snap snap;
};

static void scene_make(struct scene *scene, double picture_seconds)
{
    struct invented invented = { .seconds = 60, .flat = true };
    invent_signals(&invented, &scene->signals, NULL, NULL);
    invent_sound(&scene->signals, 10, 20, -20, true);
    invent_sound(&scene->signals, 20.5, 30, -20, true);
    invent_sound(&scene->signals, 40, 50, -20, true);
    invent_sound(&scene->signals, 45, 45.1, -20, false); // within a word
    for (size_t i = 0; i < SHOTS; i++)
        scene->shots[i] = (struct analysis_span){ .start = i ? (float)cut_times[i - 1] : 0,
                                                  .end = i < SHOTS - 1 ? (float)cut_times[i] : 60 };
    snap_prepare(&scene->signals, scene->shots, SHOTS, 60, picture_seconds, &scene->snap);
}

static void scene_release(struct scene *scene)
{
    signals_release(&scene->signals);
    snap_release(&scene->snap);
}

static const struct snap_point *point_at(const struct snap *snap, double time)
{
    for (size_t i = 0; i < snap->count; i++)
        if (fabs(snap->points[i].start - time) < 0.011)
            return &snap->points[i];
    return NULL;
}

START_TEST(the_edges_are_always_there)
{
    cleanup(scene_release) struct scene scene;
    scene_make(&scene, 0.04);
    const struct snap_point *first = &scene.snap.points[0];
    const struct snap_point *last = &scene.snap.points[scene.snap.count - 1];
    ck_assert(first->start == 0 && first->may_start && !first->may_end);
    ck_assert(last->end == 60 && last->may_end && !last->may_start);
}
END_TEST

START_TEST(stretches_of_speech_are_joined_over_words_not_over_pauses)
{
    cleanup(scene_release) struct scene scene;
    scene_make(&scene, 0.04);
    ck_assert_uint_eq(scene.snap.speech_count, 3);
    ck_assert_double_eq_tol(scene.snap.speeches[0].end, 20, 1e-6);
    ck_assert_double_eq_tol(scene.snap.speeches[1].start, 20.5, 1e-6);
    ck_assert_double_eq_tol(scene.snap.speeches[2].start, 40, 1e-6);
    ck_assert_double_eq_tol(scene.snap.speeches[2].end, 50, 1e-6);
}
END_TEST

START_TEST(cuts_are_points_unless_they_cut_words_needlessly)
{
    cleanup(scene_release) struct scene scene;
    scene_make(&scene, 0.04);
    ck_assert_int_eq(point_at(&scene.snap, 20.2)->kind, SNAP_CUT);
    ck_assert_int_eq(point_at(&scene.snap, 35)->kind, SNAP_CUT);
    // Amid speech, and no pause within 1.5 s: allowed, but worse than a cut elsewhere.
    ck_assert_int_eq(point_at(&scene.snap, 25)->kind, SNAP_CUT);
    ck_assert(point_at(&scene.snap, 25)->cost > point_at(&scene.snap, 35)->cost);
    // 0.6 s before a pause.
    ck_assert_ptr_null(point_at(&scene.snap, 29.4));
}
END_TEST

START_TEST(no_point_is_in_speech_when_a_pause_is_near)
{
    cleanup(scene_release) struct scene scene;
    scene_make(&scene, 0.04);
    for (size_t i = 0; i < scene.snap.count; i++) {
        double time = scene.snap.points[i].start;
        for (size_t j = 0; j < scene.snap.speech_count; j++) {
            const struct snap_speech *speech = &scene.snap.speeches[j];
            bool inside = time > speech->start && time < speech->end;
            ck_assert_msg(!inside || (time - speech->start > 1.5 && speech->end - time > 1.5),
                          "%f is in %f to %f", time, speech->start, speech->end);
        }
    }
}
END_TEST

START_TEST(no_point_leaves_a_sliver_of_another_shot)
{
    cleanup(scene_release) struct scene scene;
    scene_make(&scene, 0.04);
    for (size_t i = 0; i < scene.snap.count; i++) {
        const struct snap_point *point = &scene.snap.points[i];
        for (size_t j = 0; j < SHOTS && point->kind > SNAP_CUT; j++) {
            double before = point->end - scene.shots[j].start;
            double after = scene.shots[j].end - point->start;
            if (before < 1e-3 || after < 1e-3)
                continue; // another shot
            ck_assert_msg(!point->may_end || j == 0 || before > 0.799, "ends at %f", point->end);
            ck_assert_msg(!point->may_start || j + 1 == SHOTS || after > 0.799, "starts at %f",
                          point->start);
        }
    }
}
END_TEST

START_TEST(points_are_pictures_in_order_and_close)
{
    cleanup(scene_release) struct scene scene;
    scene_make(&scene, 0.04);
    for (size_t i = 0; i < scene.snap.count; i++) {
        double frame = scene.snap.points[i].start * 25;
        ck_assert_msg(fabs(frame - round(frame)) < 1e-3, "%f is no picture",
                      scene.snap.points[i].start);
        if (i == 0)
            continue;
        double gap = scene.snap.points[i].start - scene.snap.points[i - 1].start;
        ck_assert(gap > 0);
        ck_assert_msg(gap < 2.6, "%f s without a point before %f", gap, scene.snap.points[i].start);
    }
}
END_TEST

// Measured at 25, but the source has 50 pictures a second: the end at a cut keeps to what is known.
START_TEST(an_end_at_a_cut_lets_no_unmeasured_picture_in)
{
    cleanup(scene_release) struct scene scene;
    scene_make(&scene, 0.02);
    const struct snap_point *cut = point_at(&scene.snap, 35);
    ck_assert_double_eq_tol(cut->start, 35, 1e-4);
    ck_assert_double_eq_tol(cut->end, 34.98, 1e-4);
}
END_TEST

static const struct {
    const char *name;
    double start, end, new_start, new_end;
} moves[] = {
    { "to a cut", 34.8, 39.9, 35, 39.9 },
    { "out of speech", 21.5, 34.7, 20.2, 35 },
    { "into a pause", 30.9, 39.0, -1, -1 },
    { "to the edges", 0.3, 59.8, 0, 60 },
    { "too short to move", 34.9, 35.1, 34.9, 35.1 },
};

START_TEST(a_segment_is_moved_to_good_points)
{
    cleanup(scene_release) struct scene scene;
    scene_make(&scene, 0.04);
    double start = moves[_i].start, end = moves[_i].end;
    snap_segment(&scene.snap, SNAP_REACH, 2, &start, &end);
    if (moves[_i].new_start >= 0)
        ck_assert_msg(fabs(start - moves[_i].new_start) < 0.3, "%s: starts at %f", moves[_i].name,
                      start);
    if (moves[_i].new_end >= 0)
        ck_assert_msg(fabs(end - moves[_i].new_end) < 0.5, "%s: ends at %f", moves[_i].name, end);
    ck_assert(fabs(start - moves[_i].start) <= 2.1 && fabs(end - moves[_i].end) <= 2.1);
}
END_TEST

START_TEST(a_source_without_pictures_or_sound_has_its_edges)
{
    struct signals signals = { .duration = 3 };
    struct analysis_span shot = { .end = 3 };
    cleanup(snap_release) struct snap snap = SNAP_INIT;
    snap_prepare(&signals, &shot, 1, 3, 0, &snap);
    ck_assert_uint_eq(snap.count, 2);
    ck_assert_uint_eq(snap_from(&snap, 1), 1);
    ck_assert_uint_eq(snap_from(&snap, 9), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snap");
    TCase *tcase = tcase_create("snap");
    tcase_add_test(tcase, the_edges_are_always_there);
    tcase_add_test(tcase, stretches_of_speech_are_joined_over_words_not_over_pauses);
    tcase_add_test(tcase, cuts_are_points_unless_they_cut_words_needlessly);
    tcase_add_test(tcase, no_point_is_in_speech_when_a_pause_is_near);
    tcase_add_test(tcase, no_point_leaves_a_sliver_of_another_shot);
    tcase_add_test(tcase, points_are_pictures_in_order_and_close);
    tcase_add_test(tcase, an_end_at_a_cut_lets_no_unmeasured_picture_in);
    tcase_add_loop_test(tcase, a_segment_is_moved_to_good_points, 0, (int)ARRAY_LEN(moves));
    tcase_add_test(tcase, a_source_without_pictures_or_sound_has_its_edges);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
