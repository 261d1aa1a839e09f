// The measures of pictures, on drawn ones: what each answers to and what it ignores.
#include "media/watch.h"
#include <check.h>
#include <math.h>

enum { WIDTH = 384, HEIGHT = 216 };

// A scene: a texture of its own, seen from `x`, `y`, a little brighter or darker, in its colour.
struct view {
    uint32_t scene;
    int x, y, light, u, v;
};

static uint8_t texture(uint32_t scene, int x, int y)
{
    uint32_t h =
        scene * 2654435761U ^ (uint32_t)(x / 24) * 2246822519U ^ (uint32_t)(y / 24) * 3266489917U;
    h ^= h >> 15;
    h *= 2246822519U;
    h ^= h >> 13;
    return (uint8_t)(60 + h % 120);
}

static AVFrame *draw(struct view view)
{
    AVFrame *frame = av_frame_alloc();
    frame->width = WIDTH;
    frame->height = HEIGHT;
    frame->format = AV_PIX_FMT_YUVJ420P;
    ck_assert_int_ge(av_frame_get_buffer(frame, 0), 0);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            frame->data[0][y * frame->linesize[0] + x] =
                (uint8_t)(texture(view.scene, x + view.x + 100000, y + view.y + 100000) +
                          view.light);
    for (int y = 0; y < HEIGHT / 2; y++) {
        memset(frame->data[1] + y * frame->linesize[1], 128 + view.u, WIDTH / 2);
        memset(frame->data[2] + y * frame->linesize[2], 128 + view.v, WIDTH / 2);
    }
    return frame;
}

static struct signals measure(const struct view *views, size_t count, double rate)
{
    struct signals signals = { .duration = (double)count / rate };
    struct watch *watch = watch_new();
    for (size_t i = 0; i < count; i++) {
        AVFrame *frame = draw(views[i]);
        watch_add(watch, frame, (double)i / rate);
        av_frame_free(&frame);
    }
    watch_finish(watch, &signals);
    watch_free(&watch);
    ck_assert_uint_eq(signals.frame_count, count);
    return signals;
}

static const struct change {
    const char *name;
    struct view before, after;
    double cut_least, cut_most, motion_least, motion_most;
} changes[] = {
    { "nothing", { 1, 0, 0, 0, 10, 20 }, { 1, 0, 0, 0, 10, 20 }, 0, 0.001, 0, 0.0001 },
    { "another scene of other colours",
      { 1, 0, 0, 0, 30, -40 },
      { 2, 0, 0, 0, -40, 30 },
      0.5,
      1,
      0.03,
      1 },
    { "another scene of like colours",
      { 1, 0, 0, 0, 5, 5 },
      { 2, 0, 0, 30, 20, -9 },
      0.45,
      1,
      0.03,
      1 },
    { "a pan", { 1, 0, 0, 0, 10, 20 }, { 1, 14, 3, 0, 10, 20 }, 0, 0.2, 0.02, 1 },
    { "a cloud", { 1, 0, 0, 0, 10, 20 }, { 1, 0, 0, 10, 10, 20 }, 0, 0.3, 0, 0.001 },
};

START_TEST(a_change_is_told_for_what_it_is)
{
    const struct change *row = &changes[_i];
    const struct view views[] = { row->before, row->before, row->after };
    struct signals signals = measure(views, 3, 30);
    double cut = (double)signals.frames[2].cut, motion = (double)signals.frames[2].motion;
    ck_assert_msg(cut >= row->cut_least && cut <= row->cut_most, "%s: cut %.3f", row->name, cut);
    ck_assert_msg(motion >= row->motion_least && motion <= row->motion_most, "%s: motion %.4f",
                  row->name, motion);
    ck_assert_float_eq(signals.frames[0].cut, 0);
    ck_assert_float_eq_tol(signals.frames[1].cut, 0, 0.001f);
    signals_release(&signals);
}
END_TEST

START_TEST(brightness_and_colour_are_those_of_the_picture)
{
    const struct view views[] = { { 1, 0, 0, 0, 0, 0 },
                                  { 1, 0, 0, 50, 0, 0 },
                                  { 1, 0, 0, 0, 90, -90 } };
    struct signals signals = measure(views, 3, 30);
    ck_assert_float_eq_tol(signals.frames[1].brightness - signals.frames[0].brightness, 50.0f / 255,
                           0.005f);
    ck_assert_float_eq_tol(signals.frames[0].colour, 0, 0.01f);
    ck_assert_float_gt(signals.frames[2].colour, 0.3f);
    ck_assert_float_gt(signals.frames[0].sharpness, 0.01f);
    signals_release(&signals);
}
END_TEST

START_TEST(likeness_comes_four_times_a_second_and_sums_up)
{
    enum { COUNT = 95 };
    struct view views[COUNT];
    for (int i = 0; i < COUNT; i++)
        views[i] = (struct view){ .scene = i < 48 ? 1 : 2, .u = i < 48 ? 50 : -50, .v = 20 };
    struct signals signals = measure(views, COUNT, 30);
    ck_assert_uint_eq(signals.likeness_count, 13); // of 3.17 s
    for (size_t i = 0; i < signals.likeness_count; i++) {
        int sum = 0;
        for (int bin = 0; bin < SIGNALS_BINS; bin++)
            sum += signals.likeness[i][bin];
        ck_assert_int_ge(sum, 245);
        ck_assert_int_le(sum, 265);
    }
    int same = 0, other = 0;
    for (int bin = 0; bin < SIGNALS_BINS; bin++) {
        same += abs(signals.likeness[0][bin] - signals.likeness[5][bin]);
        other += abs(signals.likeness[0][bin] - signals.likeness[9][bin]);
    }
    ck_assert_int_eq(same, 0);
    ck_assert_int_gt(other, 300);
    ck_assert_double_eq_tol(signals.frame_rate, 30, 1e-9);
    signals_release(&signals);
}
END_TEST

START_TEST(a_change_of_size_in_midstream_is_a_cut)
{
    struct signals signals = { .duration = 1 };
    struct watch *watch = watch_new();
    AVFrame *wide = draw((struct view){ .scene = 1 }), *tall = av_frame_alloc();
    tall->width = HEIGHT;
    tall->height = WIDTH;
    tall->format = AV_PIX_FMT_YUV420P10LE;
    ck_assert_int_ge(av_frame_get_buffer(tall, 0), 0);
    for (int plane = 0; plane < 3; plane++)
        memset(tall->data[plane], 0,
               (size_t)(tall->linesize[plane] * (plane == 0 ? WIDTH : WIDTH / 2)));
    watch_add(watch, wide, 0);
    watch_add(watch, tall, 0.1);
    watch_add(watch, tall, 0.2);
    watch_finish(watch, &signals);
    ck_assert_float_eq(signals.frames[1].cut, 1);
    ck_assert_float_eq(signals.frames[2].cut, 0);
    av_frame_free(&wide);
    av_frame_free(&tall);
    watch_free(&watch);
    signals_release(&signals);
}
END_TEST

START_TEST(no_pictures_are_no_signals)
{
    struct signals signals = { .duration = 1 };
    struct watch *watch = watch_new();
    watch_finish(watch, &signals);
    ck_assert_uint_eq(signals.frame_count, 0);
    ck_assert_uint_eq(signals.likeness_count, 0);
    watch_free(&watch);
    signals_release(&signals);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watch");
    TCase *tcase = tcase_create("watch");
    tcase_add_loop_test(tcase, a_change_is_told_for_what_it_is, 0, (int)ARRAY_LEN(changes));
    tcase_add_test(tcase, brightness_and_colour_are_those_of_the_picture);
    tcase_add_test(tcase, likeness_comes_four_times_a_second_and_sums_up);
    tcase_add_test(tcase, a_change_of_size_in_midstream_is_a_cut);
    tcase_add_test(tcase, no_pictures_are_no_signals);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
