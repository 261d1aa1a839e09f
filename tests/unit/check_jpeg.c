// JPEG files as every program reads them: JFIF, full range, BT.601.
#include "media/jpeg.h"

#include <check.h>
#include <math.h>

#include "tests/support/jpegs.h"

static AVFrame *plain(int width, int height, const int colour[3], enum AVColorSpace space)
{
    AVFrame *frame = av_frame_alloc();
    frame->format = AV_PIX_FMT_YUV420P;
    frame->width = width;
    frame->height = height;
    frame->colorspace = space;
    frame->color_range = AVCOL_RANGE_MPEG;
    ck_assert_int_eq(av_frame_get_buffer(frame, 0), 0);
    for (int plane = 0; plane < 3; plane++)
        memset(frame->data[plane], colour[plane],
               (size_t)frame->linesize[plane] * (size_t)(plane ? height / 2 : height));
    return frame;
}

static const int sizes[][2] = { { 64, 48 }, { 32, 24 } }; // as it is, and scaled

static const struct {
    const char *name;
    int colour[3];
    enum AVColorSpace space;
    int shown[3]; // Y, Cb, Cr of full range
} colours[] = {
    { "black", { 16, 128, 128 }, AVCOL_SPC_BT709, { 0, 128, 128 } },
    { "white", { 235, 128, 128 }, AVCOL_SPC_BT709, { 255, 128, 128 } },
    { "red of high definition", { 63, 102, 240 }, AVCOL_SPC_BT709, { 76, 85, 255 } },
    { "red of before", { 81, 90, 240 }, AVCOL_SPC_SMPTE170M, { 76, 85, 255 } },
    { "red of a file that does not say", { 81, 90, 240 }, AVCOL_SPC_UNSPECIFIED, { 76, 85, 255 } },
};

START_TEST(colours_are_those_of_the_screen)
{
    uint8_t *jpeg = NULL;
    size_t size = 0;
    AVFrame *frame = plain(64, 48, colours[_i / 2].colour, colours[_i / 2].space);
    const int *to = sizes[_i % 2];
    ck_assert_int_eq(jpeg_make(frame, to[0], to[1], "none", &jpeg, &size, NULL), 0);
    AVFrame *shown = jpegs_decode(jpeg, size);
    for (int plane = 0; plane < 3; plane++) {
        int is = shown->data[plane][10 * shown->linesize[plane] + 10];
        ck_assert_msg(abs(is - colours[_i / 2].shown[plane]) <= 3, "%s: plane %d is %d",
                      colours[_i / 2].name, plane, is);
    }
    av_frame_free(&shown);
    av_frame_free(&frame);
    free(jpeg);
}
END_TEST

START_TEST(the_file_says_what_it_is_and_has_the_size_that_was_asked_for)
{
    static const int grey[] = { 100, 128, 128 };
    uint8_t *jpeg = NULL;
    size_t size = 0;
    AVFrame *frame = plain(320, 180, grey, AVCOL_SPC_BT709);
    ck_assert_int_eq(jpeg_make(frame, 106, 60, "none", &jpeg, &size, NULL), 0);
    ck_assert_uint_gt(size, 20);
    ck_assert_mem_eq(jpeg, "\xff\xd8\xff\xe0", 4);
    ck_assert_mem_eq(jpeg + 6, "JFIF", 5);
    ck_assert_mem_eq(jpeg + size - 2, "\xff\xd9", 2);
    AVFrame *shown = jpegs_decode(jpeg, size);
    ck_assert_int_eq(shown->width, 106);
    ck_assert_int_eq(shown->height, 60);
    av_frame_free(&shown);
    av_frame_free(&frame);
    free(jpeg);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jpeg");
    TCase *tcase = tcase_create("jpeg");
    tcase_add_loop_test(tcase, colours_are_those_of_the_screen, 0, 2 * (int)ARRAY_LEN(colours));
    tcase_add_test(tcase, the_file_says_what_it_is_and_has_the_size_that_was_asked_for);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
