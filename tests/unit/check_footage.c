// The originals of a reel: what is known of them, what is said of those that cannot be used.
#include "media/footage.h"

#include "tests/support/cutting.h"
#include "tests/support/media.h"

#include <check.h>
#include <libavutil/log.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

static const char *plain_clip(void)
{
    return MEDIA_CLIP(.name = "plain.mp4", .seconds = 4, .width = 160, .height = 120, .rate = "25",
                      .options = "-c:v libx264 -preset ultrafast -g 25");
}

static const char *hevc_clip(void)
{
    return MEDIA_CLIP(.name = "hevc.mkv", .seconds = 4, .width = 176, .height = 144, .rate = "30",
                      .options = "-c:v libx265 -preset ultrafast -x265-params log-level=error");
}

static const char *late_clip(void)
{
    return MEDIA_CLIP(.name = "late.ts", .seconds = 4, .width = 160, .height = 120, .rate = "25",
                      .options = "-c:v libx264 -preset ultrafast -g 25 -output_ts_offset 100");
}

static int open_footage(struct cutting *cutting, struct err *err)
{
    return footage_open(&cutting->order, &cutting->footage, err);
}

START_TEST(each_used_source_is_known)
{
    struct cutting cutting;
    struct err err = ERR_INIT;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, plain_clip());
    cutting_use(&cutting, 1, hevc_clip());
    cutting_use(&cutting, 2, plain_clip());
    cutting_cut(&cutting, 0, 1, 2);
    cutting_cut(&cutting, 1, 0, 1.5);
    cutting_cut(&cutting, 0, 3, 3.25);
    ck_assert_msg(open_footage(&cutting, &err) == 0, "%s", err.text);
    const struct footage_source *sources = cutting.footage.sources;
    ck_assert(sources[0].is_usable && sources[1].is_usable);
    ck_assert(!sources[2].is_usable && !sources[3].is_usable); // nobody asked for them
    ck_assert_double_eq_tol(sources[0].seconds, 1.25, 1e-9);
    ck_assert_double_eq_tol(sources[1].seconds, 1.5, 1e-9);
    ck_assert_double_eq_tol(cutting.footage.seconds, 2.75, 1e-9);
    ck_assert_int_eq(sources[0].look.width, 160);
    ck_assert_int_eq(sources[0].look.fps_num, 25 * sources[0].look.fps_den);
    ck_assert_int_eq(sources[1].look.height, 144);
    ck_assert_double_eq(sources[1].look.seconds, sources[1].seconds);
    ck_assert_ptr_null(sources[0].why_not);
    ck_assert_ptr_null(sources[1].why_not);
    ck_assert_int_eq(sources[1].format.codec, NAL_HEVC);
    ck_assert_uint_ge(sources[0].paramsets.count, 2);
    ck_assert_uint_ge(sources[1].paramsets.count, 3);
    ck_assert_uint_eq(cutting.warnings, 0);
    cutting_close(&cutting);
}
END_TEST

static const struct bad {
    const char *sentence;
    int index;
    double start, end;
    bool is_there;
} segments[] = {
    { "within its source", 0, 1, 2, true },
    { "all of it", 0, 0, 4, true },
    { "a little beyond its end", 0, 3, 4.4, true },
    { "far beyond its end", 0, 3, 4.6, false },
    { "behind its end", 0, 4.1, 4.3, false },
    { "before its beginning", 0, -0.1, 1, false },
    { "that ends before it begins", 0, 2, 1, false },
    { "of no length", 0, 2, 2, false },
    { "that begins nowhere", 0, NAN, 2, false },
    { "that ends nowhere", 0, 1, NAN, false },
    { "without an end", 0, 1, HUGE_VAL, false },
    { "of a source that is none", 4, 1, 2, false },
    { "of a source before the first", -1, 1, 2, false },
};

START_TEST(a_segment_lies_within_its_source_or_is_left_out)
{
    struct cutting cutting;
    struct err err = ERR_INIT;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, plain_clip());
    cutting_cut(&cutting, 0, 1, 2); // that something is left
    cutting_cut(&cutting, segments[_i].index, segments[_i].start, segments[_i].end);
    ck_assert_int_eq(open_footage(&cutting, &err), 0);
    const struct plan_segment *segment = &cutting.plan.segments[1];
    ck_assert_msg(footage_has(&cutting.footage, segment) == segments[_i].is_there, "a segment %s",
                  segments[_i].sentence);
    ck_assert_uint_eq(cutting.warnings, segments[_i].is_there ? 0 : 1);
    double seconds = 1 + (segments[_i].is_there ? segment->end - segment->start : 0);
    ck_assert_double_eq_tol(cutting.footage.seconds, seconds, 1e-9);
    cutting_close(&cutting);
}
END_TEST

START_TEST(a_source_that_cannot_be_opened_is_left_out_with_a_warning)
{
    struct cutting cutting;
    struct err err = ERR_INIT;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, plain_clip());
    cutting.probes[1].duration = 4; // gone
    cutting.probes[2].duration = 4; // no video any more
    cutting.sources[2].fd = media_open(media_bytes("rubbish.mp4", "no video", 8));
    for (int i = 0; i < 3; i++)
        cutting_cut(&cutting, i, 1, 2);
    ck_assert_int_eq(open_footage(&cutting, &err), 0);
    ck_assert(cutting.footage.sources[0].is_usable);
    ck_assert(!cutting.footage.sources[1].is_usable && !cutting.footage.sources[2].is_usable);
    ck_assert_uint_eq(cutting.warnings, 2);
    ck_assert(strstr(cutting.warned, "source 1 cannot be opened and is left out"));
    ck_assert(strstr(cutting.warned, "source 2 cannot be opened and is left out"));
    ck_assert_double_eq_tol(cutting.footage.seconds, 1, 1e-9);
    cutting_close(&cutting);
}
END_TEST

START_TEST(without_any_source_there_is_nothing_to_render)
{
    struct cutting cutting;
    struct err err = ERR_INIT;
    cutting_open(&cutting);
    cutting.probes[0].duration = 4;
    cutting_cut(&cutting, 0, 1, 2);
    ck_assert_int_lt(open_footage(&cutting, &err), 0);
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert_str_eq(err.id, "nothing_rendered");
    ck_assert(err.hint[0] != '\0');
    cutting_close(&cutting);
}
END_TEST

START_TEST(machine_trouble_is_not_the_sources_fault)
{
    struct cutting cutting;
    struct err err = ERR_INIT;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, plain_clip());
    cutting_cut(&cutting, 0, 1, 2);
    close_fd(&cutting.sources[0].fd);
    cutting.sources[0].fd = 1000; // no such descriptor
    ck_assert_int_lt(open_footage(&cutting, &err), 0);
    ck_assert_int_ne(err.class, ERR_INPUT);
    ck_assert_uint_eq(cutting.warnings, 0);
    cutting.sources[0].fd = -1;
    cutting_close(&cutting);
}
END_TEST

START_TEST(what_cannot_be_copied_is_usable_all_the_same)
{
    struct cutting cutting;
    struct err err = ERR_INIT;
    cutting_open(&cutting);
    cutting_use(&cutting, 0,
                MEDIA_CLIP(.name = "old.avi", .seconds = 4, .width = 160, .height = 120,
                           .rate = "25", .options = "-c:v mpeg4"));
    cutting_cut(&cutting, 0, 1, 2);
    ck_assert_int_eq(open_footage(&cutting, &err), 0);
    ck_assert(cutting.footage.sources[0].is_usable);
    ck_assert_str_eq(cutting.footage.sources[0].why_not,
                     "only H.264, HEVC, VP9 and AV1 are copied");
    cutting_close(&cutting);
}
END_TEST

START_TEST(readers_begin_to_count_with_the_first_picture)
{
    struct cutting cutting;
    struct err err = ERR_INIT;
    AVFrame *frame = NULL;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, late_clip());
    cutting_cut(&cutting, 0, 1, 2);
    ck_assert_int_eq(open_footage(&cutting, &err), 0);
    const struct picture_wish wish = { .as_coded = true, .reel_fps = 25, .threads = 1 };
    struct footage_picture picture;
    ck_assert_msg(footage_picture(&cutting.footage, 0, &wish, &picture, &err) >= 0, "%s", err.text);
    ck_assert_double_gt(source_start(picture.source), 99);
    ck_assert_int_ge(picture_start(picture.picture, 1, 2, &err), 0);
    ck_assert_int_eq(picture_at(picture.picture, 1, &frame, &err), 1);
    ck_assert_double_eq_tol(source_frame_time(frame), 1, 0.001);
    footage_close_picture(&picture);
    ck_assert_ptr_null(picture.source);
    struct source *source = NULL;
    ck_assert_int_ge(footage_source(&cutting.footage, 0, &source, &err), 0);
    ck_assert_double_eq(source_start(source), cutting.probes[0].start_time);
    source_free(&source);
    footage_close_picture(&picture);
    struct footage_sound sound;
    static float frames[2 * 4800];
    ck_assert_msg(footage_sound(&cutting.footage, 0, &sound, &err) >= 0, "%s", err.text);
    ck_assert_int_ge(sound_seek(sound.reader, 1, &err), 0);
    ck_assert_int_ge(sound_read(sound.reader, frames, 4800, &err), 0);
    ck_assert(sound_came(sound.reader));
    footage_close_sound(&sound);
    footage_close_sound(&sound);
    cutting_close(&cutting);
}
END_TEST

START_TEST(a_file_stays_open_until_another_is_asked_for)
{
    struct cutting cutting;
    struct err err = ERR_INIT, missing = ERR_INIT;
    struct footage_file file = { .source = NULL };
    cutting_open(&cutting);
    cutting_use(&cutting, 0, plain_clip());
    cutting_use(&cutting, 1, late_clip());
    cutting_cut(&cutting, 0, 1, 2);
    cutting_cut(&cutting, 1, 1, 2);
    ck_assert_int_eq(open_footage(&cutting, &err), 0);
    ck_assert_msg(footage_file(&cutting.footage, 0, &file, &err) >= 0, "%s", err.text);
    struct source *first = file.source;
    ck_assert_double_lt(source_start(first), 1);
    ck_assert_int_eq(footage_file(&cutting.footage, 0, &file, &err), 0);
    ck_assert_ptr_eq(file.source, first);
    ck_assert_msg(footage_file(&cutting.footage, 1, &file, &err) >= 0, "%s", err.text);
    ck_assert_double_gt(source_start(file.source), 99);
    ck_assert_int_lt(footage_file(&cutting.footage, CUTTING_SOURCES, &file, &missing), 0);
    ck_assert_str_eq(missing.id, "no_source");
    ck_assert_ptr_null(file.source);
    footage_close_file(&file);
    cutting_close(&cutting);
}
END_TEST

START_TEST(readers_of_no_source_are_an_error_of_the_input)
{
    static const int none[] = { -1, 1, CUTTING_SOURCES, 1000 };
    struct cutting cutting;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, plain_clip());
    cutting_cut(&cutting, 0, 1, 2);
    struct err ignored = ERR_INIT;
    ck_assert_int_eq(open_footage(&cutting, &ignored), 0);
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        struct source *source = NULL;
        struct err err = ERR_INIT;
        ck_assert_int_lt(footage_source(&cutting.footage, none[i], &source, &err), 0);
        ck_assert_str_eq(err.id, "no_source");
        ck_assert(footage_is_to_blame(&err));
    }
    cutting_close(&cutting);
}
END_TEST

START_TEST(only_faults_of_the_material_are_its_fault)
{
    static const enum err_class classes[] = { ERR_SERVICE, ERR_BUG,    ERR_SYSTEM, ERR_IO,
                                              ERR_RETRY,   ERR_DENIED, ERR_CONFIG };
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        ck_assert(!footage_is_to_blame(&(struct err){ .class = classes[i] }));
    ck_assert(footage_is_to_blame(&(struct err){ .class = ERR_INPUT }));
}
END_TEST

// ---- warnings

enum { THREADS = 4, WARNINGS = 300 };

static _Atomic int at_once;

struct hearer {
    int count;
    bool was_interrupted;
    size_t longest;
};

static void hear(void *context, const char *sentence)
{
    struct hearer *hearer = context;
    hearer->was_interrupted = hearer->was_interrupted || atomic_fetch_add(&at_once, 1) != 0;
    hearer->count++;
    sched_yield(); // let others come in, if they may
    hearer->longest = strlen(sentence) > hearer->longest ? strlen(sentence) : hearer->longest;
    atomic_fetch_sub(&at_once, 1);
}

static void *warn(void *context)
{
    struct footage *footage = context;
    for (int i = 0; i < WARNINGS; i++)
        footage_warn(footage, "%2000d of %d", i, WARNINGS);
    return NULL;
}

START_TEST(warnings_come_from_any_thread_one_at_a_time)
{
    struct cutting cutting;
    struct err err = ERR_INIT;
    struct hearer hearer = { 0 };
    pthread_t threads[THREADS];
    cutting_open(&cutting);
    cutting_use(&cutting, 0, plain_clip());
    cutting_cut(&cutting, 0, 1, 2);
    ck_assert_int_eq(open_footage(&cutting, &err), 0);
    cutting.order.context = &hearer;
    cutting.order.warn = hear;
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, warn, &cutting.footage), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_eq(hearer.count, THREADS * WARNINGS);
    ck_assert(!hearer.was_interrupted);
    ck_assert_uint_lt(hearer.longest, 1000); // cut, not overrun
    cutting.order.warn = NULL;
    footage_warn(&cutting.footage, "nobody listens");
    cutting_close(&cutting);
}
END_TEST

int main(void)
{
    av_log_set_level(AV_LOG_QUIET);
    Suite *suite = suite_create("footage");
    TCase *footage = tcase_create("footage");
    tcase_set_timeout(footage, 60);
    tcase_add_test(footage, each_used_source_is_known);
    tcase_add_loop_test(footage, a_segment_lies_within_its_source_or_is_left_out, 0,
                        ARRAY_LEN(segments));
    tcase_add_test(footage, a_source_that_cannot_be_opened_is_left_out_with_a_warning);
    tcase_add_test(footage, without_any_source_there_is_nothing_to_render);
    tcase_add_test(footage, machine_trouble_is_not_the_sources_fault);
    tcase_add_test(footage, what_cannot_be_copied_is_usable_all_the_same);
    tcase_add_test(footage, readers_begin_to_count_with_the_first_picture);
    tcase_add_test(footage, a_file_stays_open_until_another_is_asked_for);
    tcase_add_test(footage, readers_of_no_source_are_an_error_of_the_input);
    tcase_add_test(footage, only_faults_of_the_material_are_its_fault);
    tcase_add_test(footage, warnings_come_from_any_thread_one_at_a_time);
    suite_add_tcase(suite, footage);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
