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
    struct transcript transcript; // nothing is known to be said unless a test says so
    struct snap snap;
};

static void scene_signals(struct scene *scene)
{
    scene->transcript = (struct transcript)TRANSCRIPT_INIT;
    struct invented invented = { .seconds = 60, .flat = true };
    invent_signals(&invented, &scene->signals, NULL, NULL);
    invent_sound(&scene->signals, 10, 20, -20, true);
    invent_sound(&scene->signals, 20.5, 30, -20, true);
    invent_sound(&scene->signals, 40, 50, -20, true);
    invent_sound(&scene->signals, 45, 45.1, -20, false); // within a word
    for (size_t i = 0; i < SHOTS; i++)
        scene->shots[i] = (struct analysis_span){ .start = i ? (float)cut_times[i - 1] : 0,
                                                  .end = i < SHOTS - 1 ? (float)cut_times[i] : 60 };
}

static void scene_snap(struct scene *scene, double picture_seconds, const struct keys *keys)
{
    const struct snap_source source = {
        .signals = &scene->signals,
        .shots = scene->shots,
        .shot_count = SHOTS,
        .transcript = &scene->transcript,
        .duration = 60,
        .picture_seconds = picture_seconds,
        .keys = *keys,
    };
    snap_prepare(&source, &scene->snap);
}

static void scene_make_with(struct scene *scene, double picture_seconds, const struct keys *keys)
{
    scene_signals(scene);
    scene_snap(scene, picture_seconds, keys);
}

static void scene_make(struct scene *scene, double picture_seconds)
{
    scene_make_with(scene, picture_seconds, &(struct keys){ .count = 0 });
}

static void scene_release(struct scene *scene)
{
    signals_release(&scene->signals);
    transcript_release(&scene->transcript);
    snap_release(&scene->snap);
}

static const struct snap_point *point_at(const struct snap *snap, double time)
{
    for (size_t i = 0; i < snap->count; i++)
        if (fabs(snap->points[i].start - time) < 0.011)
            return &snap->points[i];
    return NULL;
}

static const struct snap_point *start_at(const struct snap *snap, double time)
{
    for (size_t i = 0; i < snap->count; i++)
        if (snap->points[i].may_start && fabs(snap->points[i].start - time) < 1e-5)
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

// Where each key frame lies, and what becomes of it.  Cuts are at 20.2, 25, 29.4, 35 and 35.32.
enum { KEYS_MAX = 3 };
static const struct {
    const char *name;
    double picture_seconds;
    double keys[KEYS_MAX];
    size_t count;
    double reach;
    double changed; // a picture that changes half as much as the cut; 0: none
    double at;      // the start that is looked for
    bool there, on_key, yields;
    enum snap_kind kind;
    double end; // where a segment may end there; 0: nowhere
} keyed[] = {
    { "a key frame on a cut", 0.04, { 35 }, 1, 0.6, 0, 35, true, true, false, SNAP_CUT, 35 },
    { "a key frame a picture late is the cut",
      0.04,
      { 20.24 },
      1,
      0.6,
      0,
      20.24,
      true,
      true,
      false,
      SNAP_CUT,
      20.2 },
    { "and nothing starts where the cut was seen",
      0.04,
      { 20.24 },
      1,
      0.6,
      0,
      20.2,
      false,
      false,
      false,
      SNAP_CUT,
      0 },
    { "three pictures late it is another place",
      0.04,
      { 20.32 },
      1,
      0.6,
      0,
      20.32,
      true,
      true,
      false,
      SNAP_PAUSE,
      0 },
    { "and the cut yields to it",
      0.04,
      { 20.32 },
      1,
      0.6,
      0,
      20.2,
      true,
      false,
      true,
      SNAP_CUT,
      20.2 },
    { "late in a short shot it is not the cut",
      0.04,
      { 35.08 },
      1,
      0.6,
      0,
      35,
      true,
      false,
      false,
      SNAP_CUT,
      35 },
    { "before the cut, where the old shot was seen, it is no start",
      0.04,
      { 34.96 },
      1,
      0.6,
      0,
      34.96,
      false,
      false,
      false,
      SNAP_CUT,
      0 },
    { "but the cut, where that picture changes too",
      0.04,
      { 34.96 },
      1,
      0.6,
      34.96,
      34.96,
      true,
      true,
      false,
      SNAP_CUT,
      34.96 },
    { "and where no picture of the old shot was seen after it",
      0.02,
      { 34.98 },
      1,
      0.6,
      0,
      34.98,
      true,
      true,
      false,
      SNAP_CUT,
      34.98 },
    { "half a second before a cut it would leave a sliver",
      0.04,
      { 34.5 },
      1,
      0.6,
      0,
      34.5,
      false,
      false,
      false,
      SNAP_PLAIN,
      0 },
    { "a cut does not yield over the cut",
      0.04,
      { 34.1 },
      1,
      1.5,
      0,
      35,
      true,
      false,
      false,
      SNAP_CUT,
      35 },
    { "in a word there is no start",
      0.04,
      { 41 },
      1,
      0.6,
      0,
      41,
      false,
      false,
      false,
      SNAP_PLAIN,
      0 },
    { "amid long speech there may be one",
      0.04,
      { 42 },
      1,
      3,
      0,
      42,
      true,
      true,
      false,
      SNAP_PLAIN,
      0 },
    { "but no pause yields to it",
      0.04,
      { 42 },
      1,
      3,
      0,
      39.52,
      true,
      false,
      false,
      SNAP_PAUSE,
      39.52 },
    { "in a pause it is as good as one",
      0.04,
      { 20.36 },
      1,
      0.6,
      0,
      20.36,
      true,
      true,
      false,
      SNAP_PAUSE,
      0 },
    { "without reach it is nothing",
      0.04,
      { 20.36 },
      1,
      0,
      0,
      20.36,
      false,
      false,
      false,
      SNAP_PLAIN,
      0 },
    { "and moves no cut", 0.04, { 20.24 }, 1, 0, 0, 20.2, true, false, false, SNAP_CUT, 20.2 },
    { "the beginning is one", 0.04, { 0 }, 1, 0.6, 0, 0, true, true, false, SNAP_EDGE, 0 },
    { "or is not", 0.04, { 0.5 }, 1, 0.6, 0, 0, true, false, true, SNAP_EDGE, 0 },
};

START_TEST(a_key_frame_is_a_start_where_the_rules_allow)
{
    struct scene scene;
    struct keys keys = { keyed[_i].keys, keyed[_i].count, .reach = keyed[_i].reach };
    scene_signals(&scene);
    for (size_t i = 0; i < ARRAY_LEN(cut_times); i++)
        scene.signals.frames[lround(cut_times[i] * 25)].cut = 0.8f;
    if (keyed[_i].changed > 0)
        scene.signals.frames[lround(keyed[_i].changed * 25)].cut = 0.4f;
    scene_snap(&scene, keyed[_i].picture_seconds, &keys);
    const struct snap_point *point = start_at(&scene.snap, keyed[_i].at);
    ck_assert_msg((point != NULL) == keyed[_i].there, "%s", keyed[_i].name);
    if (point) {
        ck_assert_msg(point->on_key == keyed[_i].on_key, "%s", keyed[_i].name);
        ck_assert_msg(point->yields == keyed[_i].yields, "%s", keyed[_i].name);
        ck_assert_msg(point->kind == keyed[_i].kind, "%s: kind %d", keyed[_i].name, point->kind);
        ck_assert_msg(point->may_end == (keyed[_i].end > 0), "%s", keyed[_i].name);
        ck_assert_msg(!point->may_end || fabs(point->end - keyed[_i].end) < 1e-5, "%s: ends at %f",
                      keyed[_i].name, point->end);
        // To the last digit: the renderer copies from there.
        ck_assert_msg(!point->on_key || point->start == keyed[_i].keys[0], "%s", keyed[_i].name);
    }
    scene_release(&scene);
}
END_TEST

START_TEST(a_start_costs_by_what_must_be_encoded_before_the_next_key_frame)
{
    static const double times[] = { 35.32, 59 };
    struct keys keys = { times, ARRAY_LEN(times), .reach = 0.6 };
    cleanup(scene_release) struct scene scene;
    scene_make_with(&scene, 0.04, &keys);
    double last = 0;
    ck_assert_double_eq(point_at(&scene.snap, 35.32)->start_cost, 0);
    for (size_t i = 0; i < scene.snap.count; i++) {
        const struct snap_point *point = &scene.snap.points[i];
        double more = point->start_cost - point->cost;
        bool near = !isnan(keys_near(&keys, point->start, 0.6));
        ck_assert_msg(point->on_key || !point->may_start || more > 0, "%f", point->start);
        ck_assert_msg(point->on_key || !point->yields || near, "%f", point->start);
        if (point->start < 55 || point->yields || !point->may_start || point->on_key)
            continue;
        ck_assert_msg(last == 0 || more <= last || point->start > 59, "%f", point->start);
        last = more;
    }
}
END_TEST

START_TEST(where_every_picture_is_a_key_frame_nothing_changes)
{
    struct keys none = { .count = 0 }, all = { .all = true, .reach = 0.6 };
    cleanup(scene_release) struct scene plain, keyed_scene;
    scene_make_with(&plain, 0.04, &none);
    scene_make_with(&keyed_scene, 0.04, &all);
    ck_assert_uint_eq(plain.snap.count, keyed_scene.snap.count);
    for (size_t i = 0; i < plain.snap.count; i++) {
        const struct snap_point *a = &plain.snap.points[i], *b = &keyed_scene.snap.points[i];
        ck_assert(a->start == b->start && a->end == b->end && a->start_cost == b->start_cost);
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
    snap_segment(&scene.snap, 0.6, 2, 60, &start, &end);
    if (moves[_i].new_start >= 0)
        ck_assert_msg(fabs(start - moves[_i].new_start) < 0.3, "%s: starts at %f", moves[_i].name,
                      start);
    if (moves[_i].new_end >= 0)
        ck_assert_msg(fabs(end - moves[_i].new_end) < 0.5, "%s: ends at %f", moves[_i].name, end);
    ck_assert(fabs(start - moves[_i].start) <= 2.1 && fabs(end - moves[_i].end) <= 2.1);
}
END_TEST

// ---- what is said

// Two sentences in what the detector of voice takes for one stretch, 10 to 20 s, and one that fills
// most of another.  Words of 0.4 s that touch each other.
static void say(struct scene *scene, double start, double end)
{
    transcript_add_sentence(&scene->transcript, start, end, "", -1);
    for (double at = start; at + 0.2 < end; at += 0.4)
        transcript_add_word(&scene->transcript, at, fmin(at + 0.4, end), "word", -1);
}

static void scene_make_said(struct scene *scene)
{
    scene_signals(scene);
    say(scene, 10, 14);
    say(scene, 14, 19.6);
    say(scene, 20.7, 29.9); // the cut at 25 s is in a word
    transcript_settle(&scene->transcript, 60);
    scene_snap(scene, 0.04, &(struct keys){ .count = 0 });
}

static bool is_in_word(const struct scene *scene, double time)
{
    // Words touch each other: as near to a gap as pictures are.
    for (size_t i = 0; i < scene->transcript.word_count; i++) {
        const struct transcript_word *word = &scene->transcript.words[i];
        if (time > word->start + 0.041 && time < word->end - 0.041)
            return true;
    }
    return false;
}

START_TEST(no_point_is_in_a_word)
{
    cleanup(scene_release) struct scene scene;
    scene_make_said(&scene);
    for (size_t i = 0; i < scene.snap.count; i++)
        ck_assert_msg(!is_in_word(&scene, scene.snap.points[i].start) &&
                          !is_in_word(&scene, scene.snap.points[i].end),
                      "%.2f", scene.snap.points[i].start);
}
END_TEST

static const struct snap_point *point_near(const struct scene *scene, double time, double within)
{
    for (size_t i = 0; i < scene->snap.count; i++)
        if (fabs(scene->snap.points[i].start - time) <= within)
            return &scene->snap.points[i];
    return NULL;
}

START_TEST(between_sentences_is_a_point_and_near_it_none_amid_words)
{
    cleanup(scene_release) struct scene scene;
    scene_make_said(&scene);
    const struct snap_point *point = point_near(&scene, 14, 0.041);
    ck_assert_ptr_nonnull(point);
    ck_assert_int_eq(point->kind, SNAP_SENTENCE);
    ck_assert(point->may_start && point->may_end);
    for (size_t i = 0; i < scene.snap.count; i++) {
        double at = scene.snap.points[i].start, distance = fabs(at - 14);
        ck_assert_msg(distance < 0.05 || distance > 1.4, "%.2f", at);
    }
    // What nobody wrote down is parted at its pauses as ever.
    ck_assert(point_near(&scene, 40, 0.5)->kind == SNAP_PAUSE ||
              point_near(&scene, 39.8, 0.3)->kind == SNAP_PAUSE);
}
END_TEST

START_TEST(a_long_sentence_has_points_between_its_words)
{
    cleanup(scene_release) struct scene scene;
    size_t gaps = 0;
    scene_make_said(&scene);
    for (size_t i = 0; i < scene.snap.count; i++) {
        const struct snap_point *point = &scene.snap.points[i];
        bool is_inside = point->start > 22.1 && point->start < 28.3 && point->kind != SNAP_CUT;
        ck_assert(!is_inside || point->kind == SNAP_WORD);
        gaps += is_inside;
    }
    ck_assert_uint_ge(gaps, 8);
}
END_TEST

static const struct {
    const char *name;
    double start, end, most, new_start, new_end;
} said_moves[] = {
    { "extended to the end of the sentence", 9, 13, 10, 9, 14 },
    { "and of the next one if that is nearer", 9, 18.4, 12, 9, 19.6 },
    { "not beyond the longest segment", 9, 13, 4, 9, 12.3 },
    { "to the beginning of its sentence", 11.2, 19.8, 12, 10, 19.8 },
    { "far from its ends to a gap between words", 3, 25.3, 30, 3, 25.9 },
};

START_TEST(a_segment_is_moved_to_sentences_and_else_to_gaps_between_words)
{
    cleanup(scene_release) struct scene scene;
    scene_make_said(&scene);
    double start = said_moves[_i].start, end = said_moves[_i].end;
    snap_segment(&scene.snap, 0.6, 0.5, said_moves[_i].most, &start, &end);
    ck_assert_msg(fabs(start - said_moves[_i].new_start) <= 0.6, "%s: starts at %.2f",
                  said_moves[_i].name, start);
    ck_assert_msg(fabs(end - said_moves[_i].new_end) < 0.5, "%s: ends at %.2f", said_moves[_i].name,
                  end);
    ck_assert(!is_in_word(&scene, start) && !is_in_word(&scene, end));
}
END_TEST

START_TEST(a_transcript_of_nonsense_leaves_points)
{
    cleanup(scene_release) struct scene scene;
    scene_signals(&scene);
    transcript_add_sentence(&scene.transcript, 0, 60, "all of it", -1);
    transcript_add_word(&scene.transcript, 0, 60, "one", -1);
    transcript_settle(&scene.transcript, 60);
    scene_snap(&scene, 0.04, &(struct keys){ .count = 0 });
    ck_assert_uint_ge(scene.snap.count, 50);
}
END_TEST

START_TEST(a_source_without_pictures_or_sound_has_its_edges)
{
    struct signals signals = { .duration = 3 };
    struct analysis_span shot = { .end = 3 };
    cleanup(snap_release) struct snap snap = SNAP_INIT;
    const struct snap_source source = {
        .signals = &signals, .shots = &shot, .shot_count = 1, .duration = 3
    };
    snap_prepare(&source, &snap);
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
    tcase_add_loop_test(tcase, a_key_frame_is_a_start_where_the_rules_allow, 0,
                        (int)ARRAY_LEN(keyed));
    tcase_add_test(tcase, a_start_costs_by_what_must_be_encoded_before_the_next_key_frame);
    tcase_add_test(tcase, where_every_picture_is_a_key_frame_nothing_changes);
    tcase_add_test(tcase, an_end_at_a_cut_lets_no_unmeasured_picture_in);
    tcase_add_loop_test(tcase, a_segment_is_moved_to_good_points, 0, (int)ARRAY_LEN(moves));
    tcase_add_test(tcase, no_point_is_in_a_word);
    tcase_add_test(tcase, between_sentences_is_a_point_and_near_it_none_amid_words);
    tcase_add_test(tcase, a_long_sentence_has_points_between_its_words);
    tcase_add_test(tcase, a_transcript_of_nonsense_leaves_points);
    tcase_add_loop_test(tcase, a_segment_is_moved_to_sentences_and_else_to_gaps_between_words, 0,
                        ARRAY_LEN(said_moves));
    tcase_add_test(tcase, a_source_without_pictures_or_sound_has_its_edges);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
