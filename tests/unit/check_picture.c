// Which pictures of a real file a segment shows, told by their brightness.
#include "media/picture.h"

#include "media/inspect.h"
#include "media/timeline.h"
#include "tests/support/media.h"

#include <check.h>
#include <math.h>

// Picture n is as bright as this; neighbours differ by enough to survive the codecs.
#define NUMBERED "geq=lum='20+mod(N*11\\,200)':cb=128:cr=128"

static int brightness(int64_t number)
{
    return 20 + (int)(number * 11 % 200);
}

struct clip {
    const char *name, *file, *rate, *options, *filter; // filter NULL: NUMBERED
    double fps;
    double seconds;
};

static const struct clip clips[] = {
    { "H.264 with B-frames, a key frame every 10 s", "long.mp4", "30",
      "-c:v libx264 -preset veryfast -crf 10 -g 300 -bf 3 -sc_threshold 0", NULL, 30, 6 },
    { "H.264, open GOP", "open.mp4", "25",
      "-c:v libx264 -preset veryfast -crf 10 -g 25 -bf 3 -x264-params open-gop=1", NULL, 25, 6 },
    { "NTSC in Matroska, times of 1 ms", "ntsc.mkv", "30000/1001",
      "-c:v libx264 -preset veryfast -crf 10 -g 60", NULL, 30000 / 1001.0, 6 },
    { "H.264 in MPEG-TS from 1.4 s on", "stream.ts", "25",
      "-c:v libx264 -preset veryfast -crf 10 -g 50", NULL, 25, 6 },
    { "VP9", "vp9.webm", "24", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -crf 15 -b:v 0",
      NULL, 24, 4 },
    { "HEVC", "hevc.mp4", "30", "-c:v libx265 -preset ultrafast -crf 8 -x265-params log-level=none",
      NULL, 30, 4 },
    { "MPEG-2 in a program stream", "disc.mpg", "25", "-c:v mpeg2video -q:v 1 -g 12 -bf 2", NULL,
      25, 4 },
    { "all key frames", "intra.avi", "30", "-c:v mjpeg -q:v 2", NULL, 30, 4 },
    { "an edit list", "edit.mp4", "25",
      "-c:v libx264 -preset veryfast -crf 10 -g 50 -output_ts_offset 3", NULL, 25, 4 },
};

struct opened {
    int fd;
    struct probe probe;
    struct source *source;
    struct picture *picture;
};

// The picture keeps a pointer to the probe, so *opened stays where it is.
static void open_path(struct opened *opened, const char *path, double reel_fps)
{
    *opened = (struct opened){ .fd = media_open(path), .probe = PROBE_INIT };
    struct err err = ERR_INIT;
    const struct inspect_rules rules = { .max_pixels = 1 << 24, .max_streams = 20 };
    const struct source_limits limits = { .max_pixels = 1 << 24, .max_streams = 20 };
    const struct picture_wish wish = { .look = { 64, 48, AVCOL_SPC_BT709 },
                                       .reel_fps = reel_fps,
                                       .threads = 2 };
    ck_assert_msg(inspect_file(opened->fd, &rules, &opened->probe, &err) >= 0, "%s", err.text);
    ck_assert_msg(source_open(opened->fd, &limits, &opened->source, &err) >= 0, "%s", err.text);
    ck_assert_msg(picture_open(opened->source, &opened->probe, &wish, &opened->picture, &err) >= 0,
                  "%s", err.text);
}

static void open_clip(struct opened *opened, const struct clip *clip, double reel_fps)
{
    open_path(opened,
              MEDIA_CLIP(.name = clip->file, .seconds = clip->seconds, .width = 64, .height = 48,
                         .rate = clip->rate, .picture = "color=c=black", .sound = "",
                         .options = clip->options,
                         .filter = clip->filter ? clip->filter : NUMBERED),
              reel_fps);
}

static void close_opened(struct opened *opened)
{
    picture_free(&opened->picture);
    source_free(&opened->source);
    probe_release(&opened->probe);
    close_fd(&opened->fd);
}

static int shown_at(struct picture *picture, double instant)
{
    struct err err = ERR_INIT;
    AVFrame *frame = NULL;
    ck_assert_msg(picture_at(picture, instant, &frame, &err) == 1, "%s", err.text);
    return frame->data[0][(ptrdiff_t)24 * frame->linesize[0] + 32];
}

static void start(struct picture *picture, double from, double to)
{
    struct err err = ERR_INIT;
    ck_assert_msg(picture_start(picture, from, to, &err) >= 0, "%s", err.text);
}

START_TEST(a_segment_shows_exactly_its_pictures_wherever_it_starts)
{
    const struct clip *clip = &clips[_i];
    struct opened opened;
    open_clip(&opened, clip, clip->fps);
    // Forwards, backwards, at the beginning, in the middle of a group of pictures.
    static const int firsts[] = { 0, 1, 67, 31, 50, 3 };
    for (size_t i = 0; i < ARRAY_LEN(firsts); i++) {
        double from = firsts[i] / clip->fps, to = (firsts[i] + 25) / clip->fps;
        start(opened.picture, from, to);
        for (int n = 0; n < 25; n++) {
            int got = shown_at(opened.picture, from + n / clip->fps);
            ck_assert_msg(abs(got - brightness(firsts[i] + n)) <= 4,
                          "%s: picture %d + %d: %d, not %d", clip->name, firsts[i], n, got,
                          brightness(firsts[i] + n));
        }
    }
    close_opened(&opened);
}
END_TEST

START_TEST(nothing_is_left_out_where_pictures_before_the_cut_are_not_decoded)
{
    // 300 pictures to a key frame, so the lead leaves out what nobody refers to.
    struct opened opened;
    open_clip(&opened, &clips[0], 30);
    ck_assert(opened.probe.key_frame_count == 1);
    for (int first = 90; first < 110; first += 3) {
        start(opened.picture, first / 30.0, (first + 60) / 30.0);
        for (int n = 0; n < 60; n++)
            ck_assert_int_le(
                abs(shown_at(opened.picture, (first + n) / 30.0) - brightness(first + n)), 4);
    }
    close_opened(&opened);
}
END_TEST

START_TEST(the_picture_behind_the_last_one_shown_is_not_decoded)
{
    struct opened opened;
    open_clip(&opened, &clips[7], 30);
    start(opened.picture, 1, 3);
    for (int n = 0; n < 3; n++) {
        ck_assert_int_lt(abs(shown_at(opened.picture, 1 + n / 30.0) - brightness(30 + n)), 4);
        ck_assert_int_eq(source_decoder(opened.source, SOURCE_PICTURE)->frame_number, n + 1);
    }
    close_opened(&opened);
}
END_TEST

START_TEST(a_picture_stays_until_the_next_one)
{
    // Of 30 pictures a second only each sixth second's first six and the last are there.
    static const struct clip stills = { "stills",
                                        "stills.mkv",
                                        "30",
                                        "-c:v libx264 -crf 10 -fps_mode passthrough",
                                        NUMBERED ",select='lt(mod(n\\,60)\\,6)'",
                                        30,
                                        4 };
    struct opened opened;
    open_clip(&opened, &stills, 30);
    start(opened.picture, 1, 3);
    ck_assert_int_le(abs(shown_at(opened.picture, 1.0) - brightness(5)), 4);
    ck_assert_int_le(abs(shown_at(opened.picture, 1.5) - brightness(5)), 4);
    ck_assert_int_le(abs(shown_at(opened.picture, 1.9667) - brightness(5)), 4);
    ck_assert_int_le(abs(shown_at(opened.picture, 2.0) - brightness(60)), 4);
    ck_assert_int_le(abs(shown_at(opened.picture, 2.0667) - brightness(62)), 4);
    ck_assert_int_le(abs(shown_at(opened.picture, 2.9) - brightness(65)), 4);
    close_opened(&opened);
}
END_TEST

START_TEST(the_end_of_the_source_is_known)
{
    struct opened opened;
    open_clip(&opened, &clips[8], 25);
    start(opened.picture, 3, 6);
    (void)shown_at(opened.picture, 3.9);
    ck_assert_double_eq_tol(picture_missing(opened.picture, 3.9), 0, 1e-9);
    ck_assert_int_le(abs(shown_at(opened.picture, 5) - brightness(99)), 4);
    ck_assert_double_eq_tol(picture_missing(opened.picture, 5), 1, 0.03);
    close_opened(&opened);
}
END_TEST

START_TEST(turned_and_interlaced_pictures_come_out_upright_and_whole)
{
    static const struct clip interlaced = {
        "interlaced",
        "fields.mpg",
        "25",
        "-c:v mpeg2video -q:v 1 -flags +ildct+ilme -top 1 -field_order tt",
        NUMBERED,
        25,
        3
    };
    struct opened opened;
    open_clip(&opened, &interlaced, 25);
    ck_assert(opened.probe.interlaced);
    static const int firsts[] = { 0, 30 };
    for (size_t i = 0; i < ARRAY_LEN(firsts); i++) {
        start(opened.picture, firsts[i] / 25.0, firsts[i] / 25.0 + 0.4);
        for (int n = 0; n < 10; n++) {
            int got = shown_at(opened.picture, (firsts[i] + n) / 25.0);
            ck_assert_msg(abs(got - brightness(firsts[i] + n)) <= 4, "%d + %d: %d, not %d",
                          firsts[i], n, got, brightness(firsts[i] + n));
        }
    }
    close_opened(&opened);
}
END_TEST

START_TEST(a_file_cut_off_gives_what_it_has)
{
    const char *whole =
        MEDIA_CLIP(.name = "whole.ts", .seconds = 4, .width = 64, .height = 48, .rate = "25",
                   .picture = "color=c=black", .sound = "",
                   .options = "-c:v libx264 -preset veryfast -crf 10 -g 25", .filter = NUMBERED);
    struct opened opened;
    open_path(&opened, media_truncated(whole, "part.ts", media_size(whole) / 2), 25);
    start(opened.picture, 0, 4);
    struct err err = ERR_INIT;
    AVFrame *frame = NULL;
    ck_assert_int_eq(picture_at(opened.picture, 3.9, &frame, &err), 1);
    ck_assert_double_gt(picture_missing(opened.picture, 3.9), 0.5);
    close_opened(&opened);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("picture");
    TCase *pictures = tcase_create("pictures");
    tcase_set_timeout(pictures, 60);
    tcase_add_loop_test(pictures, a_segment_shows_exactly_its_pictures_wherever_it_starts, 0,
                        ARRAY_LEN(clips));
    tcase_add_test(pictures, nothing_is_left_out_where_pictures_before_the_cut_are_not_decoded);
    tcase_add_test(pictures, the_picture_behind_the_last_one_shown_is_not_decoded);
    tcase_add_test(pictures, a_picture_stays_until_the_next_one);
    tcase_add_test(pictures, the_end_of_the_source_is_known);
    tcase_add_test(pictures, turned_and_interlaced_pictures_come_out_upright_and_whole);
    tcase_add_test(pictures, a_file_cut_off_gives_what_it_has);
    suite_add_tcase(suite, pictures);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
