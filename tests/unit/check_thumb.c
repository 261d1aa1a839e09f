// Thumbs: the same picture in any pixel format and range gives the same cells; no size is too odd.
#include "media/thumb.h"
#include <check.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

static AVFrame *new_frame(int width, int height, enum AVPixelFormat format)
{
    AVFrame *frame = av_frame_alloc();
    frame->width = width;
    frame->height = height;
    frame->format = format;
    ck_assert_int_ge(av_frame_get_buffer(frame, 0), 0);
    return frame;
}

// Slow waves, so that no format's chroma is too coarse for them.
static AVFrame *draw(int width, int height)
{
    AVFrame *frame = new_frame(width, height, AV_PIX_FMT_YUV444P);
    for (int plane = 0; plane < 3; plane++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                frame->data[plane][y * frame->linesize[plane] + x] =
                    (uint8_t)(126 + (plane == 0 ? 50 : 25) *
                                        ((x * 2 - width) * (plane != 1) + (y * 2 - height)) /
                                        (width + height));
    return frame;
}

static AVFrame *convert(const AVFrame *in, enum AVPixelFormat format)
{
    AVFrame *out = new_frame(in->width, in->height, format);
    struct SwsContext *scaler =
        sws_getContext(in->width, in->height, in->format, in->width, in->height, format,
                       SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(scaler);
    sws_scale(scaler, (const uint8_t *const *)in->data, in->linesize, 0, in->height, out->data,
              out->linesize);
    sws_freeContext(scaler);
    return out;
}

static int most_apart(const uint8_t *a, const uint8_t *b, int count)
{
    int most = 0;
    for (int i = 0; i < count; i++)
        most = abs(a[i] - b[i]) > most ? abs(a[i] - b[i]) : most;
    return most;
}

static const enum AVPixelFormat formats[] = {
    AV_PIX_FMT_YUV420P,  AV_PIX_FMT_YUV422P,     AV_PIX_FMT_NV12,        AV_PIX_FMT_NV21,
    AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV420P10LE, AV_PIX_FMT_YUV422P10LE, AV_PIX_FMT_YUV444P12LE,
    AV_PIX_FMT_P010LE,   AV_PIX_FMT_YUYV422,     AV_PIX_FMT_UYVY422,     AV_PIX_FMT_YUV420P10BE,
    AV_PIX_FMT_GBRP,     AV_PIX_FMT_RGB24,       AV_PIX_FMT_BGRA,        AV_PIX_FMT_YUV411P,
    AV_PIX_FMT_YUVA420P, AV_PIX_FMT_YUV440P,
};

START_TEST(every_format_gives_the_same_cells)
{
    static struct thumb reference, thumb;
    struct thumb_maker *maker = thumb_maker_new();
    AVFrame *drawn = draw(642, 362), *frame = convert(drawn, formats[_i]);
    const char *name = av_get_pix_fmt_name(formats[_i]);
    ck_assert_int_eq(thumb_make(maker, drawn, &reference), 0);
    ck_assert_int_eq(thumb_make(maker, frame, &thumb), 0);
    ck_assert_int_eq(thumb.width, 96);
    ck_assert_int_eq(thumb.height, 54);
    int cells = thumb.width * thumb.height, chroma = thumb.cwidth * thumb.cheight;
    int y = most_apart(reference.y, thumb.y, cells), u = most_apart(reference.u, thumb.u, chroma),
        v = most_apart(reference.v, thumb.v, chroma);
    ck_assert_msg(y <= 4 && u <= 6 && v <= 6, "%s: off by %d %d %d", name, y, u, v);
    av_frame_free(&drawn);
    av_frame_free(&frame);
    thumb_maker_free(&maker);
}
END_TEST

START_TEST(grey_has_no_colour)
{
    static struct thumb thumb;
    struct thumb_maker *maker = thumb_maker_new();
    AVFrame *drawn = draw(320, 240), *frame = convert(drawn, AV_PIX_FMT_GRAY8);
    ck_assert_int_eq(thumb_make(maker, frame, &thumb), 0);
    for (int i = 0; i < thumb.cwidth * thumb.cheight; i++)
        ck_assert(thumb.u[i] == 128 && thumb.v[i] == 128);
    av_frame_free(&drawn);
    av_frame_free(&frame);
    thumb_maker_free(&maker);
}
END_TEST

START_TEST(cells_are_means)
{
    // Columns of black and white in turn: every cell is grey, and every step is as sharp as can be.
    static struct thumb thumb;
    struct thumb_maker *maker = thumb_maker_new();
    AVFrame *frame = new_frame(768, 432, AV_PIX_FMT_YUVJ420P);
    memset(frame->data[1], 128, (size_t)(frame->linesize[1] * 216));
    memset(frame->data[2], 128, (size_t)(frame->linesize[2] * 216));
    for (int y = 0; y < 432; y++)
        for (int x = 0; x < 768; x++)
            frame->data[0][y * frame->linesize[0] + x] = x % 2 ? 255 : 0;
    ck_assert_int_eq(thumb_make(maker, frame, &thumb), 0);
    for (int i = 0; i < thumb.width * thumb.height; i++)
        ck_assert_int_le(abs(thumb.y[i] - 128), 1);
    ck_assert_double_eq_tol(thumb.gradient, 255, 0.01);
    av_frame_free(&frame);
    thumb_maker_free(&maker);
}
END_TEST

static const int sizes[][2] = { { 1, 1 },   { 2, 2 },   { 3, 5 },     { 1, 300 },   { 300, 1 },
                                { 95, 97 }, { 97, 33 }, { 4096, 16 }, { 16, 4096 }, { 1081, 607 } };

START_TEST(no_size_is_too_odd)
{
    static const enum AVPixelFormat kinds[] = { AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV422P10LE,
                                                AV_PIX_FMT_NV12, AV_PIX_FMT_RGB24 };
    static struct thumb thumb;
    struct thumb_maker *maker = thumb_maker_new();
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        AVFrame *frame = new_frame(sizes[_i][0], sizes[_i][1], kinds[i]);
        for (int k = 0; k < AV_NUM_DATA_POINTERS && frame->buf[k] != NULL; k++)
            memset(frame->buf[k]->data, 100, frame->buf[k]->size);
        ck_assert_int_eq(thumb_make(maker, frame, &thumb), 0);
        ck_assert(thumb.width >= 1 && thumb.width <= THUMB_SIDE);
        ck_assert(thumb.height >= 1 && thumb.height <= THUMB_SIDE);
        ck_assert(thumb.width <= frame->width && thumb.height <= frame->height);
        av_frame_free(&frame);
    }
    thumb_maker_free(&maker);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("thumb");
    av_log_set_level(AV_LOG_QUIET);
    TCase *tcase = tcase_create("thumb");
    tcase_add_loop_test(tcase, every_format_gives_the_same_cells, 0, (int)ARRAY_LEN(formats));
    tcase_add_test(tcase, grey_has_no_colour);
    tcase_add_test(tcase, cells_are_means);
    tcase_add_loop_test(tcase, no_size_is_too_odd, 0, (int)ARRAY_LEN(sizes));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
