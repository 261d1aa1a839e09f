// Small pictures are upright, undistorted in colour, and free of combs.
#include "media/shrink.h"
#include <check.h>

static AVFrame *new_frame(int width, int height, enum AVPixelFormat format)
{
    AVFrame *frame = av_frame_alloc();
    frame->width = width;
    frame->height = height;
    frame->format = format;
    ck_assert_int_ge(av_frame_get_buffer(frame, 0), 0);
    return frame;
}

// Four quarters of their own: luma and chroma tell which is which.
static uint8_t quarter(int plane, bool right, bool below)
{
    static const uint8_t values[3][4] = { { 40, 80, 140, 200 },
                                          { 128, 90, 128, 170 },
                                          { 90, 128, 170, 128 } };
    return values[plane][below * 2 + right];
}

static AVFrame *draw(int width, int height)
{
    AVFrame *frame = new_frame(width, height, AV_PIX_FMT_YUV420P);
    for (int plane = 0; plane < 3; plane++) {
        int w = plane ? width / 2 : width, h = plane ? height / 2 : height;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++)
                frame->data[plane][y * frame->linesize[plane] + x] =
                    quarter(plane, x >= w / 2, y >= h / 2);
    }
    return frame;
}

static const struct turn {
    int rotation;
    // Which quarter of the input is at the top left, top right, bottom left and bottom right: bit 0
    // right, bit 1 below.
    int from[4];
} turns[] = {
    { 0, { 0, 1, 2, 3 } },
    { 90, { 2, 0, 3, 1 } },
    { 180, { 3, 2, 1, 0 } },
    { 270, { 1, 3, 0, 2 } },
};

START_TEST(a_picture_is_turned_clockwise)
{
    const struct turn *turn = &turns[_i];
    bool lying = turn->rotation % 180 != 0;
    const struct shrink_wish wish = { lying ? 58 : 98, lying ? 98 : 58, turn->rotation, false,
                                      AVCOL_SPC_SMPTE170M };
    struct shrink *shrink = shrink_new(&wish);
    struct err err = ERR_INIT;
    AVFrame *in = draw(196, 116), *out = NULL;
    ck_assert_msg(shrink_make(shrink, in, &out, &err) == 0, "%s", err.text);
    ck_assert_int_eq(out->width, wish.width);
    ck_assert_int_eq(out->height, wish.height);
    for (int plane = 0; plane < 3; plane++) {
        int w = plane ? wish.width / 2 : wish.width, h = plane ? wish.height / 2 : wish.height;
        for (int k = 0; k < 4; k++) {
            int x = k % 2 ? w - 1 : 0, y = k / 2 ? h - 1 : 0, from = turn->from[k];
            int is = out->data[plane][y * out->linesize[plane] + x];
            int expected = quarter(plane, from % 2, from / 2);
            ck_assert_msg(abs(is - expected) <= 1, "%d degrees, plane %d, corner %d: %d, not %d",
                          turn->rotation, plane, k, is, expected);
        }
    }
    av_frame_free(&in);
    shrink_free(&shrink);
}
END_TEST

START_TEST(turning_there_and_back_changes_nothing)
{
    // Sizes that are no multiple of a tile, and a picture without symmetry.
    const struct shrink_wish there = { 62, 94, 90, false, AVCOL_SPC_SMPTE170M };
    const struct shrink_wish back = { 94, 62, 270, false, AVCOL_SPC_SMPTE170M };
    struct shrink *first = shrink_new(&there), *second = shrink_new(&back);
    AVFrame *in = new_frame(94, 62, AV_PIX_FMT_YUV420P), *turned = NULL, *out = NULL;
    for (int plane = 0; plane < 3; plane++)
        for (int y = 0; y < (plane ? 31 : 62); y++)
            for (int x = 0; x < (plane ? 47 : 94); x++)
                in->data[plane][y * in->linesize[plane] + x] =
                    (uint8_t)(16 + (x * 7 + y * 13) % 200);
    ck_assert_int_eq(shrink_make(first, in, &turned, NULL), 0);
    ck_assert_int_eq(shrink_make(second, turned, &out, NULL), 0);
    for (int plane = 0; plane < 3; plane++)
        for (int y = 0; y < (plane ? 31 : 62); y++)
            ck_assert_int_eq(memcmp(in->data[plane] + y * in->linesize[plane],
                                    out->data[plane] + y * out->linesize[plane], plane ? 47 : 94),
                             0);
    av_frame_free(&in);
    shrink_free(&first);
    shrink_free(&second);
}
END_TEST

START_TEST(of_interlaced_pictures_one_field_is_shown)
{
    const struct shrink_wish wish = { 160, 120, 0, true, AVCOL_SPC_SMPTE170M };
    struct shrink *shrink = shrink_new(&wish);
    AVFrame *in = new_frame(160, 120, AV_PIX_FMT_YUV420P), *out = NULL;
    for (int plane = 0; plane < 3; plane++)
        for (int y = 0; y < (plane ? 60 : 120); y++)
            memset(in->data[plane] + y * in->linesize[plane], y % 2 ? 30 : 200, plane ? 80 : 160);
    ck_assert_int_eq(shrink_make(shrink, in, &out, NULL), 0);
    for (int y = 0; y < 120; y++)
        ck_assert_int_eq(out->data[0][y * out->linesize[0] + 80], 200);
    av_frame_free(&in);
    shrink_free(&shrink);
}
END_TEST

START_TEST(full_range_becomes_limited_and_formats_may_change)
{
    static const enum AVPixelFormat formats[] = { AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV420P10LE,
                                                  AV_PIX_FMT_GRAY8, AV_PIX_FMT_RGB24 };
    static const int expected[] = { 235, 255, 255, 235 };
    const struct shrink_wish wish = { 32, 32, 0, false, AVCOL_SPC_BT709 };
    struct shrink *shrink = shrink_new(&wish);
    av_log_set_level(AV_LOG_QUIET);
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        struct err err = ERR_INIT;
        AVFrame *in = new_frame(64, 64 + 2 * (int)i, formats[i]), *out = NULL;
        for (int k = 0; k < AV_NUM_DATA_POINTERS && in->data[k] != NULL; k++)
            for (int y = 0; y < (k && i < 2 ? in->height / 2 : in->height); y++)
                memset(in->data[k] + y * in->linesize[k], k && i < 2 ? 128 : 255,
                       (size_t)in->linesize[k]);
        if (formats[i] == AV_PIX_FMT_YUV420P10LE)
            for (int y = 0; y < in->height; y++)
                for (int x = 0; x < 64; x++)
                    ((uint16_t *)(void *)(in->data[0] + y * in->linesize[0]))[x] = 1020;
        ck_assert_msg(shrink_make(shrink, in, &out, &err) == 0, "%zu: %s", i, err.text);
        ck_assert_msg(abs(out->data[0][16 * out->linesize[0] + 16] - expected[i]) <= 2,
                      "%zu: %d, not %d", i, out->data[0][16 * out->linesize[0] + 16], expected[i]);
        av_frame_free(&in);
    }
    shrink_free(&shrink);
}
END_TEST

START_TEST(a_format_that_cannot_be_scaled_is_refused)
{
    const struct shrink_wish wish = { 32, 32, 0, false, AVCOL_SPC_BT709 };
    struct shrink *shrink = shrink_new(&wish);
    struct err err = ERR_INIT;
    AVFrame *in = new_frame(64, 64, AV_PIX_FMT_YUV420P), *out = NULL;
    av_log_set_level(AV_LOG_QUIET);
    in->format = AV_PIX_FMT_VAAPI;
    ck_assert_int_lt(shrink_make(shrink, in, &out, &err), 0);
    ck_assert_str_eq(err.id, "picture_format");
    ck_assert_int_eq(err.class, ERR_INPUT);
    av_frame_free(&in);
    shrink_free(&shrink);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shrink");
    TCase *tcase = tcase_create("shrink");
    tcase_add_loop_test(tcase, a_picture_is_turned_clockwise, 0, (int)ARRAY_LEN(turns));
    tcase_add_test(tcase, turning_there_and_back_changes_nothing);
    tcase_add_test(tcase, of_interlaced_pictures_one_field_is_shown);
    tcase_add_test(tcase, full_range_becomes_limited_and_formats_may_change);
    tcase_add_test(tcase, a_format_that_cannot_be_scaled_is_refused);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
