// Clips: good stretches of one source, each within the lengths and on allowed points.
#include "highlight/clips.h"
#include "tests/support/invented.h"
#include <check.h>
#include <math.h>

struct source {
    struct signals signals;
    struct analysis_span shot;
    struct saliency saliency;
    struct snap snap;
    struct clip_source clip_source;
};

static void source_make(struct source *source, const struct invented *invented)
{
    invent_signals(invented, &source->signals, NULL, NULL);
    if (invented->flat)
        invent_pictures(&source->signals, invented->seconds / 2, invented->seconds / 2 + 3, 0.2,
                        NAN);
    source->shot = (struct analysis_span){ .end = invented->seconds };
    saliency_measure(&source->signals, &source->shot, 1, &source->saliency);
    const struct snap_source points = { .signals = &source->signals,
                                        .shots = &source->shot,
                                        .shot_count = 1,
                                        .duration = invented->seconds,
                                        .picture_seconds = 0.04 };
    snap_prepare(&points, &source->snap);
    source->clip_source = (struct clip_source){ 7, invented->seconds, &source->signals,
                                                &source->saliency, &source->snap };
}

static void source_release(struct source *source)
{
    signals_release(&source->signals);
    saliency_release(&source->saliency);
    snap_release(&source->snap);
}

static bool is_point(const struct snap *snap, double time, bool as_end)
{
    for (size_t i = 0; i < snap->count; i++) {
        const struct snap_point *point = &snap->points[i];
        if (as_end ? point->may_end && point->end == time
                   : point->may_start && point->start == time)
            return true;
    }
    return false;
}

START_TEST(clips_have_allowed_lengths_and_edges)
{
    cleanup(source_release) struct source source;
    source_make(&source, &(struct invented){ .seed = (uint64_t)_i, .seconds = 90 });
    cleanup(clips_release) struct clip_list list = CLIP_LIST_INIT;
    struct clip_lengths lengths = { 2, 5, 12 };
    clips_find(&source.clip_source, &lengths, 20, 60, &list);
    ck_assert_uint_ge(list.count, 8);
    for (size_t i = 0; i < list.count; i++) {
        const struct clip *clip = &list.clips[i];
        double length = clip->end - clip->start;
        ck_assert_uint_eq(clip->source, 7);
        ck_assert(length >= 2 && length <= 12);
        ck_assert(is_point(&source.snap, clip->start, false));
        ck_assert(is_point(&source.snap, clip->end, true));
        ck_assert(clip->end > 20 && clip->start < 60);
        ck_assert(i == 0 || clip->start > clip[-1].start ||
                  (clip->start == clip[-1].start && clip->end > clip[-1].end));
        ck_assert(clip->worth <= clip->score);
    }
}
END_TEST

START_TEST(the_worthiest_clip_holds_the_event)
{
    cleanup(source_release) struct source source;
    source_make(&source, &(struct invented){ .seconds = 100, .flat = true });
    cleanup(clips_release) struct clip_list list = CLIP_LIST_INIT;
    struct clip_lengths lengths = { 2, 4, 12 };
    clips_find(&source.clip_source, &lengths, 0, 100, &list);
    size_t best = 0;
    for (size_t i = 1; i < list.count; i++)
        best = list.clips[i].worth > list.clips[best].worth ? i : best;
    ck_assert_msg(list.clips[best].start <= 51 && list.clips[best].end >= 52, "%f to %f",
                  list.clips[best].start, list.clips[best].end);
    ck_assert(list.clips[best].end - list.clips[best].start < 7);
}
END_TEST

static const struct {
    const char *name;
    double seconds, least, wanted, most;
    size_t count; // 0: at least one
    double length;
} rows[] = {
    { "shorter than the least: whole", 1, 2, 5, 12, 1, 1 },
    { "as long as the least: whole", 2, 2, 5, 12, 1, 2 },
    { "one fixed length", 50, 5, 5, 5, 0, 5 },
    { "a long one", 500, 100, 100, 100, 0, 100 },
};

START_TEST(there_is_always_a_clip)
{
    cleanup(source_release) struct source source;
    source_make(&source, &(struct invented){ .seed = 4, .seconds = rows[_i].seconds });
    cleanup(clips_release) struct clip_list list = CLIP_LIST_INIT;
    struct clip_lengths lengths = { rows[_i].least, rows[_i].wanted, rows[_i].most };
    clips_find(&source.clip_source, &lengths, 0, rows[_i].seconds, &list);
    ck_assert_msg(rows[_i].count ? list.count == rows[_i].count : list.count > 0, "%s: %zu",
                  rows[_i].name, list.count);
    for (size_t i = 0; i < list.count; i++) {
        double length = list.clips[i].end - list.clips[i].start;
        ck_assert_msg(fabs(length - rows[_i].length) < 0.045, "%s: %f s", rows[_i].name, length);
        ck_assert(list.clips[i].start >= 0 && list.clips[i].end <= rows[_i].seconds);
    }
}
END_TEST

START_TEST(an_empty_range_has_no_clips)
{
    cleanup(source_release) struct source source;
    source_make(&source, &(struct invented){ .seed = 4, .seconds = 50 });
    cleanup(clips_release) struct clip_list list = CLIP_LIST_INIT;
    struct clip_lengths lengths = { 2, 5, 12 };
    clips_find(&source.clip_source, &lengths, 30, 30, &list);
    clips_find(&source.clip_source, &lengths, 60, 90, &list);
    clips_find(&source.clip_source, &lengths, 0, -5, &list);
    ck_assert_uint_eq(list.count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clips");
    TCase *tcase = tcase_create("clips");
    tcase_add_loop_test(tcase, clips_have_allowed_lengths_and_edges, 0, 5);
    tcase_add_test(tcase, the_worthiest_clip_holds_the_event);
    tcase_add_loop_test(tcase, there_is_always_a_clip, 0, (int)ARRAY_LEN(rows));
    tcase_add_test(tcase, an_empty_range_has_no_clips);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
