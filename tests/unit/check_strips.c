// Encoding one stretch: as many pictures as there are, of the right moments, in the reel's format.
#include "media/strips.h"

#include "tests/support/cutting.h"
#include "tests/support/media.h"

#include <check.h>
#include <fcntl.h>
#include <libavutil/log.h>
#include <math.h>
#include <stdio.h>

// A picture's brightness tells its number: 16 plus twice the frame, for 100 frames.
static const char *counting_clip(const char *name, const char *options)
{
    return media_clip(
        &(struct media_clip){ .name = name,
                              .seconds = 4,
                              .width = 64,
                              .height = 48,
                              .rate = "25",
                              .picture = "color=black",
                              .sound = "",
                              .filter = "format=yuv420p,geq=lum='16+2*N':cb=128:cr=128",
                              .options = options });
}

static const char *plain_clip(void)
{
    return counting_clip("counting.mp4",
                         "-c:v libx264 -preset veryfast -crf 4 -g 25 -sc_threshold 0");
}

// The brightness of the middle of each picture of the parcel, in the order shown.
static size_t decode(const struct parcel *parcel, const AVCodecParameters *parameters,
                     double *levels, int64_t *pts)
{
    struct err err = ERR_INIT;
    AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(parameters->codec_id));
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    size_t count = 0;
    avcodec_parameters_to_context(decoder, parameters);
    ck_assert_int_eq(avcodec_open2(decoder, NULL, NULL), 0);
    for (size_t i = 0; i <= parcel->count; i++) {
        bool is_end = i == parcel->count;
        if (!is_end)
            ck_assert_int_eq(parcel_get(parcel, i, packet, &err), 0);
        ck_assert_int_eq(avcodec_send_packet(decoder, is_end ? NULL : packet), 0);
        av_packet_unref(packet);
        while (avcodec_receive_frame(decoder, frame) >= 0) {
            pts[count] = frame->pts;
            levels[count++] = frame->data[0][(ptrdiff_t)(frame->height / 2) * frame->linesize[0] +
                                             frame->width / 2];
            av_frame_unref(frame);
        }
    }
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&decoder);
    return count;
}

static int make(struct cutting *cutting, size_t strip, AVCodecParameters *parameters,
                struct err *err)
{
    const struct strips_wish wish = { .encoder = "libx264",
                                      .quality = { NULL, "veryfast", 4, 0 },
                                      .threads = 1,
                                      .shelf = &cutting->shelf,
                                      .frames_done = &cutting->frames_done };
    return strips_make(&cutting->cuts, &cutting->cuts.strips[strip], &wish, parameters, err);
}

static const struct stretch {
    const char *sentence;
    double start, end;
    bool copy;
    size_t strip; // of the layout
    int64_t first, count;
    int picture; // of the source that its first frame shows
} stretches[] = {
    { "a whole segment", 0.4, 2, false, 0, 0, 40, 10 },
    { "the head before a copied run", 0.4, 2, true, 0, 0, 15, 10 },
    { "a segment that begins between pictures", 0.41, 2, false, 0, 0, 40, 10 },
    { "one that begins with the source", 0, 1, false, 0, 0, 25, 0 },
    { "one that ends with the source", 3, 4, false, 0, 0, 25, 75 },
    { "one frame", 1.2, 1.24, false, 0, 0, 1, 30 },
};

START_TEST(each_frame_shows_its_moment_of_the_source)
{
    const struct stretch *stretch = &stretches[_i];
    struct cutting cutting;
    struct err err = ERR_INIT;
    double levels[200];
    int64_t pts[200];
    cutting_open(&cutting);
    cutting_use(&cutting, 0, plain_clip());
    cutting_cut(&cutting, 0, stretch->start, stretch->end);
    cutting_lay(&cutting, stretch->copy);
    AVCodecParameters *parameters = avcodec_parameters_alloc();
    ck_assert_msg(make(&cutting, stretch->strip, parameters, &err) == 0, "%s", err.text);
    const struct strip *strip = &cutting.cuts.strips[stretch->strip];
    ck_assert_int_eq(strip->run.first, stretch->first);
    ck_assert_int_eq(strip->run.count, stretch->count);
    ck_assert_int_eq((int64_t)strip->parcel.count, stretch->count);
    ck_assert(strip->parcel.entries[0].is_sync);
    ck_assert_int_eq(cutting.frames_done, stretch->count);
    size_t count = decode(&strip->parcel, parameters, levels, pts);
    ck_assert_int_eq((int64_t)count, stretch->count);
    for (size_t i = 0; i < count; i++) {
        int64_t picture = stretch->picture + (int64_t)i;
        ck_assert_int_eq(pts[i], stretch->first + (int64_t)i);
        ck_assert_msg(fabs(levels[i] - (16 + 2.0 * (double)picture)) < 1, "%s: frame %zu shows %g",
                      stretch->sentence, i, (levels[i] - 16) / 2);
    }
    ck_assert_uint_eq(cutting.warnings, 0);
    avcodec_parameters_free(&parameters);
    cutting_close(&cutting);
}
END_TEST

START_TEST(the_tail_behind_a_copied_run_goes_on_with_its_pictures)
{
    struct cutting cutting;
    struct err err = ERR_INIT;
    double levels[200];
    int64_t pts[200];
    cutting_open(&cutting);
    cutting_use(&cutting, 0,
                counting_clip("reordered.mp4", "-c:v libx264 -preset veryfast -crf 4 -g 50 -bf 3 "
                                               "-b_strategy 0 -sc_threshold 0"));
    for (int end = 0; end < 4; end++) // one of them ends within reordered pictures
        cutting_cut(&cutting, 0, 0, 1 + end * 0.04);
    cutting_lay(&cutting, true);
    unsigned tails = 0;
    for (size_t i = 0; i < cutting.cuts.strip_count; i++) {
        const struct strip *strip = &cutting.cuts.strips[i];
        if (strip->run.is_copied)
            continue;
        AVCodecParameters *parameters = avcodec_parameters_alloc();
        ck_assert_msg(make(&cutting, i, parameters, &err) == 0, "%s", err.text);
        size_t count = decode(&strip->parcel, parameters, levels, pts);
        ck_assert_int_eq((int64_t)count, strip->run.count);
        for (size_t n = 0; n < count; n++) {
            double picture = (double)strip->run.first + (double)n;
            ck_assert_int_eq(pts[n], strip->run.first + (int64_t)n);
            ck_assert_msg(fabs(levels[n] - (16 + 2 * picture)) < 1.5, "frame %g shows %g", picture,
                          (levels[n] - 16) / 2);
        }
        tails++;
        avcodec_parameters_free(&parameters);
    }
    ck_assert_uint_ge(tails, 2);
    cutting_close(&cutting);
}
END_TEST

// The probe was of a longer file than is there now.
static void use_short(struct cutting *cutting, double seconds)
{
    cutting_open(cutting);
    cutting_use(cutting, 0, plain_clip());
    cutting->probes[0].duration = seconds;
}

static const struct {
    const char *sentence;
    double start, end;
    int64_t count; // frames that come
    const char *warning;
} ends[] = {
    { "most of it", 3, 6, 25, "of 3.0 to 6.0 s only " },
    { "nothing of it", 5, 6, 0, "the segment is left out" },
    { "all but a little, which the last picture bridges", 3, 4.4, 35, NULL },
};

START_TEST(where_the_source_ends_so_does_the_strip)
{
    struct cutting cutting;
    struct err err = ERR_INIT;
    use_short(&cutting, 8);
    cutting_cut(&cutting, 0, ends[_i].start, ends[_i].end);
    cutting_lay(&cutting, false);
    AVCodecParameters *parameters = avcodec_parameters_alloc();
    ck_assert_msg(make(&cutting, 0, parameters, &err) == 0, "%s", err.text);
    int64_t count = (int64_t)cutting.cuts.strips[0].parcel.count;
    if (ends[_i].warning) { // up to half a second is bridged
        ck_assert_msg(count >= ends[_i].count && count <= ends[_i].count + 13, "%s: %lld",
                      ends[_i].sentence, (long long)count);
        ck_assert_uint_eq(cutting.warnings, 1);
        ck_assert_msg(strstr(cutting.warned, ends[_i].warning) != NULL, "%s: %s", ends[_i].sentence,
                      cutting.warned);
    } else {
        ck_assert_int_eq(count, ends[_i].count);
        ck_assert_uint_eq(cutting.warnings, 0);
    }
    if (count > 0)
        ck_assert_int_eq(cutting.frames_done, count);
    avcodec_parameters_free(&parameters);
    cutting_close(&cutting);
}
END_TEST

START_TEST(beside_copied_pictures_a_short_strip_is_an_error)
{
    struct cutting cutting;
    struct err err = ERR_INIT;
    use_short(&cutting, 8);
    cutting_cut(&cutting, 0, 3, 6);
    cutting_lay(&cutting, true);
    ck_assert_str_eq(cutting_strips(&cutting), "c0+25 e25+50");
    AVCodecParameters *parameters = avcodec_parameters_alloc();
    ck_assert_int_lt(make(&cutting, 1, parameters, &err), 0);
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert_str_eq(err.id, "short_strip");
    avcodec_parameters_free(&parameters);
    cutting_close(&cutting);
}
END_TEST

START_TEST(a_full_shelf_is_machine_trouble)
{
    struct cutting cutting;
    struct err err = ERR_INIT;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, plain_clip());
    cutting_cut(&cutting, 0, 1, 3);
    cutting_lay(&cutting, false);
    int read_only = open(cutting_path(&cutting), O_RDONLY | O_CLOEXEC);
    shelf_init(&cutting.shelf, read_only);
    AVCodecParameters *parameters = avcodec_parameters_alloc();
    ck_assert_int_lt(make(&cutting, 0, parameters, &err), 0);
    ck_assert_int_ne(err.class, ERR_INPUT);
    ck_assert_int_ne(err.class, ERR_NONE);
    avcodec_parameters_free(&parameters);
    close_fd(&read_only);
    cutting_close(&cutting);
}
END_TEST

START_TEST(the_encoder_is_of_the_format_where_the_reel_copies)
{
    const struct strips_wish wish = { .encoder = "libx264",
                                      .quality = { NULL, "veryfast", 21, 700000 },
                                      .threads = 3 };
    for (int copy = 0; copy < 2; copy++) {
        struct cutting cutting;
        cutting_open(&cutting);
        cutting_use(&cutting, 0,
                    MEDIA_CLIP(.name = "deep.mp4", .seconds = 4, .width = 160, .height = 120,
                               .rate = "25",
                               .options = "-c:v libx264 -preset ultrafast -g 25 -pix_fmt "
                                          "yuv420p10le"));
        cutting_cut(&cutting, 0, 0.4, 2);
        cutting_lay(&cutting, copy);
        const struct coder_wish coder = strips_coder(&cutting.cuts, &wish);
        ck_assert_str_eq(coder.encoder, "libx264");
        ck_assert_str_eq(coder.profile, copy ? "high10" : "high");
        ck_assert_int_eq(coder.pixels, copy ? AV_PIX_FMT_YUV420P10LE : AV_PIX_FMT_YUV420P);
        ck_assert_int_eq(coder.reorder, copy ? 0 : -1);
        ck_assert_int_eq(coder.width, 160);
        ck_assert_int_eq(coder.height, 120);
        ck_assert_int_eq(coder.fps_num, 25 * coder.fps_den);
        // Few pictures beside many: time counts more than size.
        ck_assert_str_eq(coder.preset, copy ? "superfast" : "veryfast");
        const struct lanes_load load = strips_load(&cutting.cuts, &wish);
        ck_assert_double_le(load.bytes / (1.5 * 160 * 120), copy ? 2 * 50 : 58 + 2 * 12);
        ck_assert_int_eq(coder.bitrate, 700000);
        ck_assert_double_eq(coder.crf, 21);
        ck_assert_int_eq(coder.threads, 3);
        // And its pictures are taken as they were coded, else conformed.
        struct err err = ERR_INIT;
        AVCodecParameters *parameters = avcodec_parameters_alloc();
        ck_assert_msg(make(&cutting, 0, parameters, &err) == 0, "%s", err.text);
        ck_assert_int_eq(parameters->format, coder.pixels);
        avcodec_parameters_free(&parameters);
        if (!copy) {
            ck_assert_int_eq(coder.range, AVCOL_RANGE_MPEG);
            ck_assert_int_eq(coder.matrix, AVCOL_SPC_SMPTE170M);
        }
        cutting_close(&cutting);
    }
}
END_TEST

START_TEST(pictures_that_are_decoded_count_at_the_size_and_depth_of_the_source)
{
    static const struct {
        int width, height;
        const char *pixels;
        double bytes; // of a picture
    } sources[] = {
        { 160, 120, "yuv420p", 1.5 * 160 * 120 },
        { 640, 480, "yuv420p", 1.5 * 640 * 480 },
        { 640, 480, "yuv420p10le", 3.0 * 640 * 480 },
        { 640, 480, "yuv444p10le", 6.0 * 640 * 480 },
    };
    const struct strips_wish wish = { .threads = 1 };
    const double reel = 1.5 * 160 * 120;
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        struct cutting cutting;
        char options[100];
        (void)snprintf(options, sizeof options, "-c:v libx264 -preset ultrafast -pix_fmt %s",
                       sources[i].pixels);
        cutting_open(&cutting);
        for (int j = 0; j < 2; j++) // the largest counts, whichever it is
            cutting_use(&cutting, j == (int)i % 2,
                        MEDIA_CLIP(.name = "size.mp4", .seconds = 1,
                                   .width = j ? 160 : sources[i].width,
                                   .height = j ? 120 : sources[i].height, .rate = "25",
                                   .options = j ? "-c:v libx264 -preset ultrafast" : options));
        cutting_cut(&cutting, 0, 0, 0.4);
        cutting_cut(&cutting, 1, 0, 0.4);
        cutting.order.width = 160;
        cutting.order.height = 120;
        cutting_lay(&cutting, false);
        const struct lanes_load load = strips_load(&cutting.cuts, &wish);
        ck_assert_double_ge(load.bytes, 50 * reel + 11 * sources[i].bytes);
        ck_assert_double_le(load.bytes, 60 * reel + 16 * sources[i].bytes);
        ck_assert_double_ge(load.more, 8 * reel + 2 * sources[i].bytes);
        // Beside x265 the decoder has one thread, whatever the coder has.
        const struct strips_wish slow = { .encoder = "libx265", .threads = 1 };
        ck_assert_double_lt(strips_load(&cutting.cuts, &slow).more, 2 * reel);
        cutting_close(&cutting);
    }
}
END_TEST

int main(void)
{
    av_log_set_level(AV_LOG_QUIET);
    Suite *suite = suite_create("strips");
    TCase *strips = tcase_create("strips");
    tcase_set_timeout(strips, 60);
    tcase_add_loop_test(strips, each_frame_shows_its_moment_of_the_source, 0, ARRAY_LEN(stretches));
    tcase_add_test(strips, the_tail_behind_a_copied_run_goes_on_with_its_pictures);
    tcase_add_loop_test(strips, where_the_source_ends_so_does_the_strip, 0, ARRAY_LEN(ends));
    tcase_add_test(strips, beside_copied_pictures_a_short_strip_is_an_error);
    tcase_add_test(strips, a_full_shelf_is_machine_trouble);
    tcase_add_test(strips, the_encoder_is_of_the_format_where_the_reel_copies);
    tcase_add_test(strips, pictures_that_are_decoded_count_at_the_size_and_depth_of_the_source);
    suite_add_tcase(suite, strips);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
