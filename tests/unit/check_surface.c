// Pictures on a graphics device: who wants them there, and what is said where there is no device.
#include "media/surface.h"

#include <check.h>
#include <libavutil/log.h>
#include <stdio.h>

static const struct {
    const char *encoder;
    bool wanted;
} encoders[] = {
    { "h264_vaapi", true }, { "hevc_vaapi", true },
    { "libx264", false },   { "h264_nvenc", false }, // takes pictures from our memory
    { "_vaapi", false },    { "", false },
};

START_TEST(an_encoder_of_a_device_takes_its_pictures_there)
{
    ck_assert_msg(surface_is_wanted(encoders[_i].encoder) == encoders[_i].wanted, "%s",
                  encoders[_i].encoder);
}
END_TEST

static AVFrame *make_picture(void)
{
    AVFrame *picture = av_frame_alloc();
    picture->format = AV_PIX_FMT_YUV420P;
    picture->width = 320;
    picture->height = 240;
    picture->pts = 7;
    ck_assert_int_eq(av_frame_get_buffer(picture, 0), 0);
    return picture;
}

START_TEST(a_machine_without_a_device_is_told_and_one_with_a_device_takes_pictures)
{
    struct err err = ERR_INIT;
    struct surface *surface = NULL;
    AVCodecContext *encoder = avcodec_alloc_context3(avcodec_find_encoder_by_name("h264_vaapi"));
    ck_assert_ptr_nonnull(encoder);
    encoder->width = 320;
    encoder->height = 240;
    encoder->pix_fmt = AV_PIX_FMT_YUV420P;
    av_log_set_level(AV_LOG_QUIET);
    if (surface_open(encoder, &surface, &err) < 0) {
        ck_assert_int_eq(err.class, ERR_CONFIG);
        ck_assert_str_eq(err.id, "no_encoder");
        ck_assert_ptr_null(surface);
        ck_assert_int_eq(encoder->pix_fmt, AV_PIX_FMT_YUV420P);
    } else {
        AVFrame *picture = make_picture(), *there = av_frame_alloc();
        ck_assert_int_eq(encoder->pix_fmt, AV_PIX_FMT_VAAPI);
        ck_assert_int_eq(surface_put(surface, picture, there, &err), 0);
        ck_assert_int_eq(there->pts, 7);
        av_frame_free(&picture);
        av_frame_free(&there);
    }
    surface_free(&surface);
    avcodec_free_context(&encoder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("surface");
    TCase *tcase = tcase_create("surface");
    tcase_add_loop_test(tcase, an_encoder_of_a_device_takes_its_pictures_there, 0,
                        (int)ARRAY_LEN(encoders));
    tcase_add_test(tcase, a_machine_without_a_device_is_told_and_one_with_a_device_takes_pictures);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
