// Formats of coded pictures: what is read of them, which agree, what is encoded beside them.
#include "media/format.h"

#include "media/inspect.h"
#include "tests/support/media.h"

#include <check.h>
#include <libavutil/log.h>
#include <stdio.h>

// What is to be read of a file; or why it cannot be copied.
static const struct file {
    const char *name, *options, *filter;
    const char *why_not;
    enum nal_codec codec;
    enum AVPixelFormat pixels;
    const char *encoder, *profile;
    bool reorders, is_plain;
    AVRational aspect;
} files[] = {
    { "plain.mp4",
      "-c:v libx264 -preset ultrafast",
      NULL,
      NULL,
      NAL_H264,
      AV_PIX_FMT_YUV420P,
      "libx264",
      "baseline",
      false,
      true,
      { 1, 1 } },
    { "high.mkv",
      "-c:v libx264 -preset veryfast -bf 2",
      NULL,
      NULL,
      NAL_H264,
      AV_PIX_FMT_YUV420P,
      "libx264",
      "high",
      true,
      true,
      { 1, 1 } },
    { "main.ts",
      "-c:v libx264 -profile:v main -bf 0",
      NULL,
      NULL,
      NAL_H264,
      AV_PIX_FMT_YUV420P,
      "libx264",
      "main",
      false,
      true,
      { 1, 1 } },
    { "deep.mp4",
      "-c:v libx264 -pix_fmt yuv420p10le",
      NULL,
      NULL,
      NAL_H264,
      AV_PIX_FMT_YUV420P10LE,
      "libx264",
      "high10",
      true,
      false,
      { 1, 1 } },
    { "wide-chroma.mp4",
      "-c:v libx264 -pix_fmt yuv422p",
      NULL,
      NULL,
      NAL_H264,
      AV_PIX_FMT_YUV422P,
      "libx264",
      "high422",
      true,
      false,
      { 1, 1 } },
    { "full-chroma.mp4", "-c:v libx264 -pix_fmt yuv444p", NULL,
      "its profile is not one that can be encoded beside it", 0 },
    { "hevc.mp4",
      "-c:v libx265 -preset ultrafast -x265-params log-level=error:bframes=0",
      NULL,
      NULL,
      NAL_HEVC,
      AV_PIX_FMT_YUV420P,
      "libx265",
      "main",
      false,
      true,
      { 1, 1 } },
    { "hevc10.mp4",
      "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -x265-params log-level=error:bframes=3",
      NULL,
      NULL,
      NAL_HEVC,
      AV_PIX_FMT_YUV420P10LE,
      "libx265",
      "main10",
      true,
      false,
      { 1, 1 } },
    { "anamorphic.mp4",
      "-c:v libx264 -preset ultrafast",
      "setsar=4/3",
      NULL,
      NAL_H264,
      AV_PIX_FMT_YUV420P,
      "libx264",
      "baseline",
      false,
      false,
      { 4, 3 } },
    { "vp9.mp4",
      "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p10le",
      NULL,
      NULL,
      NAL_VP9,
      AV_PIX_FMT_YUV420P10,
      "libvpx-vp9",
      "",
      false,
      false,
      { 1, 1 } },
    { "av1.mkv",
      "-c:v libsvtav1 -preset 12",
      NULL,
      NULL,
      NAL_AV1,
      AV_PIX_FMT_YUV420P,
      "libaom-av1",
      "",
      false,
      true,
      { 1, 1 } },
    { "vp9-444.mp4", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv444p", NULL,
      "its profile is not one that can be encoded beside it", 0 },
    { "fields.mp4", "-c:v libx264 -flags +ilme+ildct -x264-params tff=1", "interlace=scan=tff",
      "it is interlaced", 0 },
    { "old.mp4", "-c:v mpeg4", NULL, "only H.264, HEVC, VP9 and AV1 are copied", 0 },
    { "vp9.webm", "-c:v libvpx -deadline realtime -c:a libopus", NULL,
      "only H.264, HEVC, VP9 and AV1 are copied", 0 },
};

START_TEST(what_a_file_is)
{
    const struct file *file = &files[_i];
    const struct source_limits limits = { 1 << 24, 16 };
    const struct inspect_rules rules = { .max_pixels = 1 << 24, .max_streams = 16 };
    struct probe probe = PROBE_INIT;
    struct source *source = NULL;
    struct format format;
    struct err err = ERR_INIT;
    int fd = media_open(media_clip(&(struct media_clip){ .name = file->name,
                                                         .width = 160,
                                                         .height = 120,
                                                         .rate = "30000/1001",
                                                         .filter = file->filter,
                                                         .options = file->options }));
    memset(&format, 0x55, sizeof format);
    ck_assert_msg(inspect_file(fd, &rules, &probe, &err) >= 0, "%s", err.text);
    ck_assert_int_ge(source_open(fd, &limits, &source, &err), 0);
    const char *why_not = format_read(source, &probe, &format);
    if (file->why_not) {
        ck_assert_msg(why_not && strcmp(why_not, file->why_not) == 0, "%s: %s", file->name,
                      why_not);
    } else {
        ck_assert_msg(!why_not, "%s: %s", file->name, why_not);
        ck_assert_int_eq(format.codec, file->codec);
        ck_assert_int_eq(format.width, 160);
        ck_assert_int_eq(format.height, 120);
        ck_assert_int_eq(format.pixels, file->pixels);
        ck_assert_int_eq(format.reorders, file->reorders);
        ck_assert_int_eq(format.fps_num, 30000);
        ck_assert_int_eq(format.fps_den, 1001);
        ck_assert_int_eq(av_cmp_q(format.aspect, file->aspect), 0);
        ck_assert(!format.is_turned);
        ck_assert_msg(format_is_plain(&format) == file->is_plain, "%s", file->name);
        ck_assert(format_equal(&format, &format));
        const struct coder_wish wish = format_coder(&format);
        ck_assert_str_eq(wish.encoder, file->encoder);
        ck_assert_str_eq(wish.profile, file->profile);
        ck_assert_int_eq(wish.pixels, file->pixels);
        ck_assert_int_eq(wish.reorder, file->reorders);
        ck_assert_int_eq(wish.width, 160);
        ck_assert_int_eq(wish.height, 120);
        ck_assert_int_eq(wish.fps_num, 30000);
        ck_assert_int_eq(wish.fps_den, 1001);
        ck_assert_int_eq(av_cmp_q(wish.aspect, file->aspect), 0);
    }
    source_free(&source);
    probe_release(&probe);
    close_fd(&fd);
}
END_TEST

START_TEST(a_turned_picture_is_known_by_its_matrix)
{
    const struct source_limits limits = { 1 << 24, 16 };
    const struct probe probe = PROBE_INIT;
    struct source *source = NULL;
    struct format format;
    struct err err = ERR_INIT;
    const char *upright = MEDIA_CLIP(.name = "plain.mp4", .width = 160, .height = 120,
                                     .options = "-c:v libx264 -preset ultrafast");
    int fd = media_open(
        MEDIA_MAKE("turned.mp4", "-i", upright, "-c", "copy", "-metadata:s:v", "rotate=270"));
    ck_assert_int_ge(source_open(fd, &limits, &source, &err), 0);
    ck_assert_ptr_null(format_read(source, &probe, &format));
    ck_assert(format.is_turned);
    ck_assert_int_eq(format.turn[0], 0);
    ck_assert_int_ne(format.turn[1], 0);
    ck_assert(!format_is_plain(&format));
    source_free(&source);
    close_fd(&fd);
}
END_TEST

static const struct format usual = {
    .codec = NAL_H264,
    .width = 1920,
    .height = 1080,
    .pixels = AV_PIX_FMT_YUV420P,
    .aspect = { 1, 1 },
    .matrix = AVCOL_SPC_BT709,
    .range = AVCOL_RANGE_MPEG,
    .primaries = AVCOL_PRI_BT709,
    .transfer = AVCOL_TRC_BT709,
    .chroma = AVCHROMA_LOC_LEFT,
    .profile = FF_PROFILE_H264_HIGH,
    .reorders = true,
    .fps_num = 25,
    .fps_den = 1,
};

#define OTHERWISE(member, ...)                        \
    static void other_##member(struct format *format) \
    {                                                 \
        __VA_ARGS__;                                  \
    }
OTHERWISE(codec, format->codec = NAL_HEVC)
OTHERWISE(width, format->width = 1440)
OTHERWISE(height, format->height = 1088)
OTHERWISE(pixels, format->pixels = AV_PIX_FMT_YUV420P10LE)
OTHERWISE(aspect, format->aspect = (AVRational){ 4, 3 })
OTHERWISE(same_aspect, format->aspect = (AVRational){ 2, 2 })
OTHERWISE(matrix, format->matrix = AVCOL_SPC_SMPTE170M)
OTHERWISE(range, format->range = AVCOL_RANGE_JPEG)
OTHERWISE(primaries, format->primaries = AVCOL_PRI_BT2020)
OTHERWISE(transfer, format->transfer = AVCOL_TRC_ARIB_STD_B67)
OTHERWISE(pq, format->transfer = AVCOL_TRC_SMPTE2084)
OTHERWISE(turned, format->is_turned = true)
OTHERWISE(odd, format->width = 1919)
OTHERWISE(odd_height, format->height = 1079)
OTHERWISE(turn, format->turn[3] = 1)
OTHERWISE(rate, format->fps_num = 30)
OTHERWISE(rate_den, format->fps_den = 2)
OTHERWISE(profile, format->profile = FF_PROFILE_H264_MAIN)
OTHERWISE(reordering, format->reorders = false)

static const struct {
    const char *sentence;
    void (*change)(struct format *format);
    bool is_equal, is_plain;
} changes[] = {
    { "codec", other_codec, false, true },
    { "width", other_width, false, true },
    { "height", other_height, false, true },
    { "bits", other_pixels, false, false },
    { "aspect", other_aspect, false, false },
    { "aspect said otherwise", other_same_aspect, true, true },
    { "matrix", other_matrix, false, true },
    { "range", other_range, false, false },
    { "primaries", other_primaries, false, false },
    { "HLG", other_transfer, false, false },
    { "PQ", other_pq, false, false },
    { "turned", other_turned, false, false },
    { "turned otherwise", other_turn, false, true },
    { "odd width", other_odd, false, false },
    { "odd height", other_odd_height, false, false },
    { "rate", other_rate, false, true },
    { "rate's other number", other_rate_den, false, true },
    { "profile, which the parameter sets say", other_profile, true, true },
    { "reordering, which they say", other_reordering, true, true },
};

START_TEST(formats_agree_in_what_a_track_says_once)
{
    struct format changed = usual;
    changes[_i].change(&changed);
    ck_assert_msg(format_equal(&usual, &changed) == changes[_i].is_equal, "%s",
                  changes[_i].sentence);
    ck_assert_msg(format_equal(&changed, &usual) == changes[_i].is_equal, "%s",
                  changes[_i].sentence);
    ck_assert_msg(format_is_plain(&changed) == changes[_i].is_plain, "%s", changes[_i].sentence);
}
END_TEST

START_TEST(what_is_encoded_beside_it_has_its_colours)
{
    struct format format = usual;
    format.matrix = AVCOL_SPC_BT2020_NCL;
    format.primaries = AVCOL_PRI_BT2020;
    format.transfer = AVCOL_TRC_ARIB_STD_B67;
    format.range = AVCOL_RANGE_JPEG;
    format.chroma = AVCHROMA_LOC_TOPLEFT;
    const struct coder_wish wish = format_coder(&format);
    ck_assert_int_eq(wish.matrix, format.matrix);
    ck_assert_int_eq(wish.primaries, format.primaries);
    ck_assert_int_eq(wish.transfer, format.transfer);
    ck_assert_int_eq(wish.range, format.range);
    ck_assert_int_eq(wish.chroma, format.chroma);
}
END_TEST

int main(void)
{
    av_log_set_level(AV_LOG_QUIET);
    Suite *suite = suite_create("format");
    TCase *format = tcase_create("format");
    tcase_set_timeout(format, 60);
    tcase_add_loop_test(format, what_a_file_is, 0, ARRAY_LEN(files));
    tcase_add_test(format, a_turned_picture_is_known_by_its_matrix);
    tcase_add_loop_test(format, formats_agree_in_what_a_track_says_once, 0, ARRAY_LEN(changes));
    tcase_add_test(format, what_is_encoded_beside_it_has_its_colours);
    suite_add_tcase(suite, format);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
