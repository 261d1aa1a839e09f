// Encoders: what was wished is what comes, forced key frames are places to cut.
#include "media/coder.h"

#include "media/nal.h"
#include "media/paramsets.h"

#include <check.h>
#include <libavutil/log.h>
#include <math.h>
#include <stdio.h>

enum { PICTURES = 60, MOST = 200 };

struct film {
    struct nal_stream stream;
    int64_t pts[MOST];
    enum nal_picture kinds[MOST];
    bool is_key[MOST];
    int sizes[MOST];
    size_t count, refuse_at;
    AVCodecContext *decoder;
    unsigned damaged, shown;
    char first_type[MOST]; // of each decoded picture: 'I', 'P', 'B'
};

static void decode(struct film *film, const AVPacket *packet)
{
    AVFrame *frame = av_frame_alloc();
    ck_assert_int_eq(avcodec_send_packet(film->decoder, packet), 0);
    while (avcodec_receive_frame(film->decoder, frame) >= 0) {
        film->damaged += frame->decode_error_flags != 0;
        film->first_type[film->shown++] = av_get_picture_type_char(frame->pict_type);
        av_frame_unref(frame);
    }
    av_frame_free(&frame);
}

static int take(void *context, AVPacket *packet, struct err *err)
{
    struct film *film = context;
    if (film->count + 1 == film->refuse_at)
        return err_set(err, ERR_IO, "refused", "no room");
    ck_assert_uint_lt(film->count, MOST);
    ck_assert_int_eq(packet->duration, 1);
    film->pts[film->count] = packet->pts;
    film->sizes[film->count] = packet->size;
    film->is_key[film->count] = (packet->flags & AV_PKT_FLAG_KEY) != 0;
    film->kinds[film->count++] = nal_classify(&film->stream, packet->data, (size_t)packet->size);
    decode(film, packet);
    return 0;
}

static AVFrame *picture_of(const struct coder_wish *wish, int number)
{
    AVFrame *frame = av_frame_alloc();
    frame->format = wish->pixels;
    frame->width = wish->width;
    frame->height = wish->height;
    ck_assert(av_frame_get_buffer(frame, 0) >= 0);
    int wide = wish->pixels == AV_PIX_FMT_YUV420P10LE ? 2 : 1;
    for (int plane = 0; plane < 3; plane++)
        for (int y = 0; y < (plane ? frame->height / 2 : frame->height); y++)
            for (int x = 0; x < (plane ? frame->width / 2 : frame->width) * wide; x++)
                frame->data[plane][y * frame->linesize[plane] + x] =
                    wide == 2 && x % 2 ? 1 : (uint8_t)(60 + (x * y / 7 + number * 5 + plane) % 120);
    return frame;
}

static const struct coder_wish plain = {
    .encoder = "libx264",
    .width = 160,
    .height = 120,
    .pixels = AV_PIX_FMT_YUV420P,
    .aspect = { 1, 1 },
    .matrix = AVCOL_SPC_BT709,
    .range = AVCOL_RANGE_MPEG,
    .primaries = AVCOL_PRI_BT709,
    .transfer = AVCOL_TRC_BT709,
    .chroma = AVCHROMA_LOC_LEFT,
    .fps_num = 30000,
    .fps_den = 1001,
    .preset = "veryfast",
    .profile = "high",
    .crf = 23,
    .threads = 1,
    .reorder = -1,
};

static struct coder *open_coder(const struct coder_wish *wish, struct film *film)
{
    struct coder *coder = NULL;
    struct err err = ERR_INIT;
    memset(film, 0, sizeof *film);
    ck_assert_msg(coder_open(wish, take, film, &coder, &err) == 0, "%s", err.text);
    const AVCodecContext *context = coder_context(coder);
    film->stream.codec = context->codec_id == AV_CODEC_ID_HEVC ? NAL_HEVC : NAL_H264;
    film->decoder = avcodec_alloc_context3(avcodec_find_decoder(context->codec_id));
    AVCodecParameters *parameters = avcodec_parameters_alloc();
    avcodec_parameters_from_context(parameters, context);
    avcodec_parameters_to_context(film->decoder, parameters);
    avcodec_parameters_free(&parameters);
    ck_assert_int_eq(avcodec_open2(film->decoder, NULL, NULL), 0);
    return coder;
}

static void close_coder(struct coder **coder, struct film *film)
{
    avcodec_free_context(&film->decoder);
    coder_free(coder);
}

// Pictures 100, 101...; a key frame is asked for at the first and every `sync`-th.
static void shoot(struct coder *coder, const struct coder_wish *wish, struct film *film, int sync)
{
    struct err err = ERR_INIT;
    for (int i = 0; i < PICTURES; i++) {
        AVFrame *frame = picture_of(wish, i);
        frame->interlaced_frame = 1;
        frame->pict_type = AV_PICTURE_TYPE_B; // what it was in the source is no order
        frame->pts = 7;
        ck_assert_msg(coder_picture(coder, frame, 100 + i, i % sync == 0, &err) == 0, "%s",
                      err.text);
        ck_assert_int_eq(frame->pts, 7); // borrowed
        av_frame_free(&frame);
    }
    ck_assert_msg(coder_finish(coder, &err) == 0, "%s", err.text);
    decode(film, NULL);
}

static const struct kind {
    const char *sentence, *encoder, *preset, *profile;
    enum AVPixelFormat pixels;
    int reorder;
    int profile_number; // libav's; of the decoded stream
} kinds[] = {
    { "high", "libx264", "veryfast", "high", AV_PIX_FMT_YUV420P, -1, FF_PROFILE_H264_HIGH },
    { "high of the fastest", "libx264", "ultrafast", "high", AV_PIX_FMT_YUV420P, -1,
      FF_PROFILE_H264_HIGH },
    { "main", "libx264", "veryfast", "main", AV_PIX_FMT_YUV420P, 1, FF_PROFILE_H264_MAIN },
    { "main without B", "libx264", "medium", "main", AV_PIX_FMT_YUV420P, 0, FF_PROFILE_H264_MAIN },
    { "baseline", "libx264", "veryfast", "baseline", AV_PIX_FMT_YUV420P, 0,
      FF_PROFILE_H264_CONSTRAINED_BASELINE },
    { "high 10", "libx264", "veryfast", "high10", AV_PIX_FMT_YUV420P10LE, 1,
      FF_PROFILE_H264_HIGH_10 },
    { "high with one B", "libx264", "slow", "high", AV_PIX_FMT_YUV420P, 1, FF_PROFILE_H264_HIGH },
    { "HEVC", "libx265", "ultrafast", "main", AV_PIX_FMT_YUV420P, 1, FF_PROFILE_HEVC_MAIN },
    { "HEVC without B", "libx265", "ultrafast", "main", AV_PIX_FMT_YUV420P, 0,
      FF_PROFILE_HEVC_MAIN },
    { "HEVC of another preset", "libx265", "veryfast", "main", AV_PIX_FMT_YUV420P, 1,
      FF_PROFILE_HEVC_MAIN },
    { "HEVC of 10 bits", "libx265", "superfast", "main10", AV_PIX_FMT_YUV420P10LE, 0,
      FF_PROFILE_HEVC_MAIN_10 },
};

START_TEST(forced_key_frames_are_places_to_cut)
{
    const struct kind *kind = &kinds[_i];
    struct coder_wish wish = plain;
    struct film film;
    wish.encoder = kind->encoder;
    wish.preset = kind->preset;
    wish.profile = kind->profile;
    wish.pixels = kind->pixels;
    wish.reorder = kind->reorder;
    struct coder *coder = open_coder(&wish, &film);
    shoot(coder, &wish, &film, 13);
    ck_assert_uint_eq(film.count, PICTURES);
    ck_assert_uint_eq(film.shown, PICTURES);
    ck_assert_uint_eq(film.damaged, 0);
    ck_assert_int_eq(film.kinds[0], NAL_SYNC);
    for (size_t i = 0; i < film.count; i++) {
        ck_assert_int_eq(film.is_key[i], film.kinds[i] == NAL_SYNC);
        ck_assert_msg(film.kinds[i] != NAL_NO_PICTURE && film.kinds[i] != NAL_SYNC_OPEN &&
                          film.kinds[i] != NAL_LEADING,
                      "%s: packet %zu is of kind %d", kind->sentence, i, film.kinds[i]);
        ck_assert_msg((film.pts[i] - 100) % 13 != 0 || film.kinds[i] == NAL_SYNC,
                      "%s: picture %lld is no key frame", kind->sentence, (long long)film.pts[i]);
        if (film.kinds[i] == NAL_SYNC) // all before it is shown before it, all behind it behind it
            for (size_t j = 0; j < film.count; j++)
                ck_assert_msg((j < i) == (film.pts[j] < film.pts[i]), "%s: across picture %lld",
                              kind->sentence, (long long)film.pts[i]);
    }
    close_coder(&coder, &film);
}
END_TEST

START_TEST(profile_and_reordering_are_as_wished)
{
    const struct kind *kind = &kinds[_i];
    struct coder_wish wish = plain;
    struct film film;
    wish.encoder = kind->encoder;
    wish.preset = kind->preset;
    wish.profile = kind->profile;
    wish.pixels = kind->pixels;
    wish.reorder = kind->reorder;
    struct coder *coder = open_coder(&wish, &film);
    shoot(coder, &wish, &film, 30);
    ck_assert_msg(film.decoder->profile == kind->profile_number, "%s: profile %d", kind->sentence,
                  film.decoder->profile);
    int deepest = 0; // pictures that come before one shown earlier
    for (size_t i = 0; i < film.count; i++) {
        int later = 0;
        for (size_t j = 0; j < i; j++)
            later += film.pts[j] > film.pts[i];
        deepest = later > deepest ? later : deepest;
    }
    unsigned b = 0;
    for (size_t i = 0; i < film.shown; i++)
        b += film.first_type[i] == 'B';
    if (kind->reorder >= 0)
        ck_assert_msg(deepest <= kind->reorder, "%s: reorders by %d", kind->sentence, deepest);
    if (kind->reorder == 0)
        ck_assert_msg(film.stream.codec == NAL_HEVC || b == 0, "%s: %u B pictures", kind->sentence,
                      b);
    if (kind->reorder == 0)
        ck_assert_int_eq(film.decoder->has_b_frames, 0);
    close_coder(&coder, &film);
}
END_TEST

START_TEST(the_track_says_what_was_wished)
{
    const bool is_hevc = _i;
    struct coder_wish wish = plain;
    struct film film;
    wish.encoder = is_hevc ? "libx265" : "libx264";
    wish.profile = is_hevc ? "main" : "high";
    wish.aspect = (AVRational){ 4, 3 };
    wish.matrix = AVCOL_SPC_SMPTE170M;
    wish.range = AVCOL_RANGE_JPEG;
    wish.primaries = AVCOL_PRI_SMPTE170M;
    wish.transfer = AVCOL_TRC_SMPTE170M;
    if (!is_hevc)
        wish.range = AVCOL_RANGE_MPEG;
    struct coder *coder = open_coder(&wish, &film);
    shoot(coder, &wish, &film, 30);
    const AVCodecContext *seen = film.decoder;
    ck_assert_int_eq(seen->width, 160);
    ck_assert_int_eq(seen->height, 120);
    ck_assert_int_eq(seen->sample_aspect_ratio.num * 3, seen->sample_aspect_ratio.den * 4);
    ck_assert_int_eq(seen->colorspace, wish.matrix);
    ck_assert_int_eq(seen->color_primaries, wish.primaries);
    ck_assert_int_eq(seen->color_trc, wish.transfer);
    ck_assert_int_eq(seen->color_range, wish.range);
    const AVCodecContext *track = coder_context(coder);
    struct paramsets sets;
    ck_assert_int_eq(paramsets_parse(film.stream.codec, track->extradata,
                                     (size_t)track->extradata_size, &sets),
                     0);
    paramsets_release(&sets);
    close_coder(&coder, &film);
}
END_TEST

START_TEST(two_encoders_with_one_wish_have_the_same_parameter_sets)
{
    for (int i = 0; i < (int)ARRAY_LEN(kinds); i++) {
        struct coder_wish wish = plain;
        struct film films[2];
        struct coder *coders[2];
        wish.encoder = kinds[i].encoder;
        wish.preset = kinds[i].preset;
        wish.profile = kinds[i].profile;
        wish.pixels = kinds[i].pixels;
        wish.reorder = kinds[i].reorder;
        for (int n = 0; n < 2; n++)
            coders[n] = open_coder(&wish, &films[n]);
        const AVCodecContext *a = coder_context(coders[0]), *b = coder_context(coders[1]);
        ck_assert_int_eq(a->extradata_size, b->extradata_size);
        ck_assert_mem_eq(a->extradata, b->extradata, (size_t)a->extradata_size);
        for (int n = 0; n < 2; n++)
            close_coder(&coders[n], &films[n]);
    }
}
END_TEST

START_TEST(a_bitrate_is_kept_to)
{
    struct coder_wish wish = plain;
    struct film film;
    double bits[2];
    for (int i = 0; i < 2; i++) {
        wish.bitrate = i == 0 ? 150000 : 600000;
        struct coder *coder = open_coder(&wish, &film);
        shoot(coder, &wish, &film, 30);
        bits[i] = 0;
        for (size_t n = 0; n < film.count; n++)
            bits[i] += 8.0 * film.sizes[n];
        bits[i] *= 30000 / 1001.0 / PICTURES; // a second
        close_coder(&coder, &film);
        ck_assert_msg(bits[i] < 1.6 * (double)wish.bitrate, "%g", bits[i]);
    }
    ck_assert_double_gt(bits[1], 1.5 * bits[0]);
}
END_TEST

static const struct {
    const char *sentence, *encoder, *profile;
    enum AVPixelFormat pixels;
} impossible[] = {
    { "an encoder that does not exist", "libx999", "high", AV_PIX_FMT_YUV420P },
    { "one whose device is not there", "h264_v4l2m2m", NULL, AV_PIX_FMT_YUV420P },
    { "pictures the encoder does not take", "libx264", "high", AV_PIX_FMT_RGB48LE },
    { "a profile that cannot hold the pictures", "libx264", "baseline", AV_PIX_FMT_YUV420P10LE },
};

START_TEST(what_cannot_be_encoded_is_a_matter_of_configuration)
{
    struct coder_wish wish = plain;
    struct coder *coder = NULL;
    struct err err = ERR_INIT;
    struct film film;
    wish.encoder = impossible[_i].encoder;
    wish.profile = impossible[_i].profile;
    wish.pixels = impossible[_i].pixels;
    int r = coder_open(&wish, take, &film, &coder, &err);
    ck_assert_msg(r < 0, "%s is begun", impossible[_i].sentence);
    ck_assert_ptr_null(coder);
    ck_assert_int_eq(err.class, ERR_CONFIG);
    ck_assert_str_eq(err.id, "no_encoder");
    ck_assert_msg(strstr(err.text, wish.encoder) != NULL, "%s", err.text);
}
END_TEST

START_TEST(a_picture_of_another_size_or_format_is_our_fault)
{
    struct film film;
    struct coder *coder = open_coder(&plain, &film);
    for (int i = 0; i < 3; i++) {
        struct coder_wish other = plain;
        struct err err = ERR_INIT;
        other.width += i == 0 ? 16 : 0;
        other.height += i == 1 ? 16 : 0;
        other.pixels = i == 2 ? AV_PIX_FMT_YUV420P10LE : other.pixels;
        AVFrame *frame = picture_of(&other, 0);
        ck_assert_int_lt(coder_picture(coder, frame, 0, true, &err), 0);
        ck_assert_int_eq(err.class, ERR_BUG);
        ck_assert_str_eq(err.id, "wrong_picture");
        av_frame_free(&frame);
    }
    close_coder(&coder, &film);
}
END_TEST

START_TEST(who_takes_the_pictures_can_stop_it)
{
    struct film film;
    struct err err = ERR_INIT;
    struct coder *coder = open_coder(&plain, &film);
    int r = 0;
    film.refuse_at = 4;
    for (int i = 0; i < PICTURES && r >= 0; i++) {
        AVFrame *frame = picture_of(&plain, i);
        r = coder_picture(coder, frame, i, i == 0, &err);
        av_frame_free(&frame);
    }
    if (r >= 0)
        r = coder_finish(coder, &err);
    ck_assert_int_lt(r, 0);
    ck_assert_str_eq(err.id, "refused");
    ck_assert_uint_eq(film.count, 3);
    close_coder(&coder, &film);
}
END_TEST

int main(void)
{
    av_log_set_level(AV_LOG_QUIET);
    Suite *suite = suite_create("coder");
    TCase *coder = tcase_create("coder");
    tcase_set_timeout(coder, 60);
    tcase_add_loop_test(coder, forced_key_frames_are_places_to_cut, 0, ARRAY_LEN(kinds));
    tcase_add_loop_test(coder, profile_and_reordering_are_as_wished, 0, ARRAY_LEN(kinds));
    tcase_add_loop_test(coder, the_track_says_what_was_wished, 0, 2);
    tcase_add_test(coder, two_encoders_with_one_wish_have_the_same_parameter_sets);
    tcase_add_test(coder, a_bitrate_is_kept_to);
    tcase_add_loop_test(coder, what_cannot_be_encoded_is_a_matter_of_configuration, 0,
                        ARRAY_LEN(impossible));
    tcase_add_test(coder, a_picture_of_another_size_or_format_is_our_fault);
    tcase_add_test(coder, who_takes_the_pictures_can_stop_it);
    suite_add_tcase(suite, coder);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
