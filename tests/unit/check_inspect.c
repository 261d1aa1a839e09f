// What a file is found to be: shape, rate, length, key frames, over files that lie or are odd.
#include "media/inspect.h"
#include "tests/support/media.h"
#include <check.h>
#include <math.h>

static int inspect(const char *path, struct probe *probe, struct err *err)
{
    const struct inspect_rules rules = { .max_pixels = 10000000, .max_streams = 16 };
    int fd = media_open(path);
    int r = inspect_file(fd, &rules, probe, err);
    close(fd);
    return r;
}

// What is 0 or NULL is not compared, but for rotation and the flags.
static const struct file {
    const char *name, *rate, *filter, *options, *sound;
    double seconds, duration;
    int frames, width, height, rotation, fps_num, fps_den, bit_depth;
    bool variable, interlaced, hdr;
    const char *container, *codec, *audio_codec;
    int channels, audio_rate;
} files[] = {
    { "plain.mp4", NULL,  NULL,   "-preset ultrafast -g 30",
      NULL,        2,     2,      60,
      320,         240,   0,      30,
      1,           8,     false,  false,
      false,       "mov", "h264", "aac",
      1,           48000 },
    { "ntsc.mkv",
      "30000/1001",
      NULL,
      "-preset ultrafast -bf 2",
      NULL,
      2,
      60 * 1.001 / 30,
      60,
      320,
      240,
      0,
      30000,
      1001,
      8,
      false,
      false,
      false,
      "matroska",
      "h264",
      NULL,
      1,
      48000 },
    { "film.flv", "24000/1001",
      NULL,       "-c:v libx264 -preset ultrafast -ar 44100",
      NULL,       2,
      2.002,      48,
      320,        240,
      0,          24000,
      1001,       8,
      false,      false,
      false,      "flv",
      "h264",     "mp3",
      1,          44100 },
    { "pal.mpg",
      "25",
      "setdar=16/9",
      "-c:v mpeg2video -bf 2 -c:a mp2 -ac 2",
      NULL,
      2,
      2,
      50,
      427,
      240,
      0,
      25,
      1,
      8,
      false,
      false,
      false,
      "mpeg",
      "mpeg2video",
      "mp2",
      2,
      48000 },
    { "odd.mp4",
      NULL,
      "setsar=1/2",
      "-preset ultrafast",
      "",
      1,
      1,
      30,
      160,
      240,
      0,
      30,
      1,
      8,
      false,
      false,
      false,
      "mov",
      "h264",
      NULL,
      0,
      0 },
    { "combed.ts",
      "50",
      "interlace=scan=tff",
      "-c:v libx264 -preset ultrafast -flags +ilme+ildct",
      NULL,
      2,
      2,
      50,
      320,
      240,
      0,
      25,
      1,
      8,
      false,
      true,
      false,
      "mpegts",
      "h264",
      NULL,
      1,
      48000 },
    { "hdr.mp4",
      NULL,
      NULL,
      "-preset ultrafast -pix_fmt yuv420p10le -color_trc smpte2084 -color_primaries bt2020 "
      "-colorspace bt2020nc",
      NULL,
      1,
      1,
      30,
      320,
      240,
      0,
      30,
      1,
      10,
      false,
      false,
      true,
      "mov",
      "h264",
      NULL,
      1,
      48000 },
    { "variable.mp4",
      NULL,
      "select='lt(n,40)+not(mod(n,3))'",
      "-preset ultrafast -fps_mode vfr",
      NULL,
      4,
      0,
      0,
      320,
      240,
      0,
      0,
      0,
      8,
      true,
      false,
      false,
      "mov",
      "h264",
      NULL,
      1,
      48000 },
    { "surround.mp4",
      NULL,
      NULL,
      "-preset ultrafast -ac 6",
      NULL,
      1,
      1,
      30,
      320,
      240,
      0,
      30,
      1,
      8,
      false,
      false,
      false,
      "mov",
      "h264",
      "aac",
      6,
      48000 },
    { "fast.mp4", "120", NULL,   "-preset ultrafast",
      NULL,       1,     1,      120,
      320,        240,   0,      120,
      1,          8,     false,  false,
      false,      "mov", "h264", NULL,
      1,          48000 },
    { "late.mp4", NULL,  NULL,   "-preset ultrafast -bf 3 -output_ts_offset 10",
      NULL,       2,     2,      60,
      320,        240,   0,      30,
      1,          8,     false,  false,
      false,      "mov", "h264", NULL,
      1,          48000 },
    { "mjpeg.avi", "15",  NULL,    "-c:v mjpeg -c:a pcm_s16le",
      NULL,        2,     2,       30,
      320,         240,   0,       15,
      1,           8,     false,   false,
      false,       "avi", "mjpeg", "pcm_s16le",
      1,           48000 },
};

#define SAME_INT(row, probe, member)                                               \
    ck_assert_msg((row)->member == 0 || (row)->member == (probe)->member,          \
                  "%s: " #member " %d, not %d", (row)->name, (int)(probe)->member, \
                  (int)(row)->member)
#define SAME_FLAG(row, probe, left, right)                                            \
    ck_assert_msg((row)->left == (probe)->right, "%s: " #right " is %d", (row)->name, \
                  (probe)->right)

START_TEST(files_are_found_to_be_what_they_are)
{
    const struct file *row = &files[_i];
    struct probe probe = PROBE_INIT;
    struct err err = ERR_INIT;
    const char *path = media_clip(&(struct media_clip){ .name = row->name,
                                                        .seconds = row->seconds,
                                                        .rate = row->rate,
                                                        .sound = row->sound,
                                                        .filter = row->filter,
                                                        .options = row->options });
    ck_assert_msg(inspect(path, &probe, &err) == 0, "%s: %s", row->name, err.text);
    SAME_INT(row, &probe, frames);
    SAME_INT(row, &probe, width);
    SAME_INT(row, &probe, height);
    SAME_INT(row, &probe, fps_num);
    SAME_INT(row, &probe, fps_den);
    SAME_INT(row, &probe, bit_depth);
    SAME_FLAG(row, &probe, variable, variable_rate);
    SAME_FLAG(row, &probe, interlaced, interlaced);
    SAME_FLAG(row, &probe, hdr, hdr);
    ck_assert_int_eq(probe.rotation, row->rotation);
    ck_assert_msg(row->duration <= 0 || fabs(probe.duration - row->duration) < 0.0025,
                  "%s: lasts %.4f", row->name, probe.duration);
    ck_assert_str_eq(probe.container, row->container);
    ck_assert_str_eq(probe.codec, row->codec);
    ck_assert(row->audio_codec == NULL || strcmp(row->audio_codec, probe.audio_codec) == 0);
    ck_assert_int_eq(probe.has_audio, row->channels > 0);
    ck_assert_int_eq(probe.audio_channels, row->channels);
    ck_assert_int_eq(probe.audio_rate, row->audio_rate);
    ck_assert_uint_eq(probe.size_bytes, media_size(path));
    ck_assert_ptr_null(probe.warnings);
    probe_release(&probe);
}
END_TEST

START_TEST(rotation_turns_width_and_height)
{
    static const int angles[] = { 90, 180, 270 };
    const char *upright = MEDIA_CLIP(.name = "upright.mp4", .width = 320, .height = 180);
    char angle[24];
    (void)snprintf(angle, sizeof angle, "rotate=%d", 360 - angles[_i]); // counter-clockwise here
    const char *path =
        MEDIA_MAKE("turned.mov", "-i", upright, "-c", "copy", "-metadata:s:v", angle);
    struct probe probe = PROBE_INIT;
    ck_assert_int_eq(inspect(path, &probe, NULL), 0);
    ck_assert_int_eq(probe.rotation, angles[_i]);
    bool lying = angles[_i] != 180;
    ck_assert_int_eq(probe.width, lying ? 180 : 320);
    ck_assert_int_eq(probe.height, lying ? 320 : 180);
    ck_assert_int_eq(probe.coded_width, 320);
    probe_release(&probe);
}
END_TEST

#define KEYED "-preset ultrafast -bf 2 -g 300 -sc_threshold 0 -force_key_frames 0.5,1.2,2.9"
#define OPENED "-preset ultrafast -bf 2 -g 30 -sc_threshold 0 -x264-params open-gop=1"
#define X265 "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=30:min-keyint=30"

enum { KEYS_MAX = 6 };

static const struct keyed {
    const char *name, *options;
    double keys[KEYS_MAX];
    size_t count;
    int open; // a bit for each
    bool all;
} keyed[] = {
    { "keys.mp4", KEYED, { 0, 0.5, 1.2, 2.9 }, 4, 0, false },
    { "keys.mkv", KEYED, { 0, 0.5, 1.2, 2.9 }, 4, 0, false },
    { "keys.ts", "-c:v libx264 " KEYED, { 0, 0.5, 1.2, 2.9 }, 4, 0, false },
    { "keys.flv", "-c:v libx264 " KEYED, { 0, 0.5, 1.2, 2.9 }, 4, 0, false },
    { "keys-late.mp4", KEYED " -output_ts_offset 7", { 0, 0.5, 1.2, 2.9 }, 4, 0, false },
    // What these mark as key frames begins open groups, but for the first.
    { "open.mp4", OPENED, { 0 }, 1, 0, false },
    { "open.ts", "-c:v libx264 " OPENED, { 0 }, 1, 0, false },
    { "closed-hevc.mp4", X265 ":open-gop=0", { 0, 1, 2 }, 3, 0, false },
    { "open-hevc.mp4", X265 ":open-gop=1:bframes=3", { 0, 1, 2 }, 3, 6, false },
    { "open-hevc.ts", X265 ":open-gop=1:bframes=3", { 0, 1, 2 }, 3, 6, false },
    { "vp8.webm", "-c:v libvpx -deadline realtime -g 30 -c:a libopus", { 0, 1, 2 }, 3, 0, false },
    { "vp9.webm",
      "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 30 -c:a libopus",
      { 0, 1, 2 },
      3,
      0,
      false },
    { "intra.mp4", "-preset ultrafast -g 1", { 0 }, 0, 0, true },
    { "intra.avi", "-c:v mjpeg", { 0 }, 0, 0, true },
    { "not-copied.mpg", "-c:v mpeg2video -g 10 -c:a mp2", { 0 }, 0, 0, false },
};

START_TEST(key_frames_are_where_a_copy_may_start)
{
    const struct keyed *row = &keyed[_i];
    struct probe probe = PROBE_INIT;
    struct err err = ERR_INIT;
    const char *path = MEDIA_CLIP(.name = row->name, .seconds = 3, .options = row->options);
    ck_assert_msg(inspect(path, &probe, &err) == 0, "%s: %s", row->name, err.text);
    ck_assert_msg(probe.key_frame_count == row->count && probe.all_key_frames == row->all,
                  "%s: %zu", row->name, probe.key_frame_count);
    for (size_t i = 0; i < row->count; i++) {
        // WebM and FLV round to milliseconds.
        ck_assert_msg(fabs(probe.key_frames[i] - row->keys[i]) < 0.00055, "%s: %f", row->name,
                      probe.key_frames[i]);
        ck_assert_msg(probe.key_frame_open[i] == (row->open >> i & 1), "%s: %zu", row->name, i);
    }
    probe_release(&probe);
}
END_TEST

// Counted by another reader of the same bytes.
static const struct {
    const char *path;
    size_t count;
    bool all;
} real_keys[] = {
    { "camera/gopro_karma.mp4", 46, false },
    { "formats/ax_sample_2_byte_NAL_length.mp4", 1, false },
    { "formats/ax_sample_edit_list.mp4", 2, false },
    { "formats/ax_sample_without_stss.mp4", 0, true },
    { "formats/av1-hdr.webm", 4, false },
    { "batch-openmovies/sintel_trailer_720p.mp4", 9, false },
    { "batch-nasa/nasa_sls_hotfire_promo_52s.webm", 21, false },
    { "malformed/bad_keyframe_flags.mp4", 5, false },
    { "malformed/absurd_duration.mp4", 3, false }, // and four that are none
};

START_TEST(the_key_frames_of_real_files_are_found)
{
    const char *path = media_real(real_keys[_i].path);
    struct probe probe = PROBE_INIT;
    if (path == NULL)
        return;
    ck_assert_int_eq(inspect(path, &probe, NULL), 0);
    ck_assert_msg(probe.key_frame_count == real_keys[_i].count &&
                      probe.all_key_frames == real_keys[_i].all,
                  "%s: %zu", real_keys[_i].path, probe.key_frame_count);
    probe_release(&probe);
}
END_TEST

START_TEST(an_edit_list_is_obeyed)
{
    const char *whole = MEDIA_CLIP(.name = "for-edits.mp4", .seconds = 4,
                                   .options = "-preset ultrafast -g 120 -sc_threshold 0");
    // A copy that begins between key frames keeps the pictures before and hides them.
    const char *path = MEDIA_MAKE("edited.mp4", "-ss", "1.5", "-i", whole, "-c", "copy");
    struct probe probe = PROBE_INIT;
    ck_assert_int_eq(inspect(path, &probe, NULL), 0);
    ck_assert_double_eq_tol(probe.duration, 2.5, 0.04);
    ck_assert_int_eq(probe.frames, 75);
    probe_release(&probe);
}
END_TEST

static const struct short_file {
    const char *name, *options;
} short_files[] = {
    { "short.mkv", "-preset ultrafast -g 15" },
    { "short.ts", "-preset ultrafast -g 15" },
    { "short.mp4", "-preset ultrafast -g 15 -movflags +faststart" },
    { "pieces.mp4", "-preset ultrafast -g 15 -movflags +frag_keyframe+delay_moov" },
};

START_TEST(what_is_left_of_a_cut_off_file_is_measured_with_a_warning)
{
    const struct short_file *row = &short_files[_i];
    const char *whole = media_clip(
        &(struct media_clip){ .name = row->name, .seconds = 4, .options = row->options });
    const char *path =
        media_truncated(whole, row->name, media_size(whole) * 6 / 10 / 188 * 188 + 9);
    struct probe probe = PROBE_INIT;
    struct err err = ERR_INIT;
    ck_assert_msg(inspect(path, &probe, &err) == 0, "%s: %s", row->name, err.text);
    ck_assert_msg(probe.duration > 1.5 && probe.duration < 3.2, "%s: %.2f s", row->name,
                  probe.duration);
    ck_assert_uint_eq(json_array_size(probe.warnings), 1);
    ck_assert_ptr_nonnull(strstr(json_string_value(json_array_get(probe.warnings, 0)), "cut off"));
    probe_release(&probe);
}
END_TEST

START_TEST(a_claim_of_hours_is_not_believed)
{
    const char *path = media_real("malformed/absurd_duration.mp4");
    struct probe probe = PROBE_INIT;
    if (path == NULL)
        return;
    ck_assert_int_eq(inspect(path, &probe, NULL), 0);
    ck_assert_double_eq_tol(probe.duration, 6, 0.01);
    ck_assert_uint_eq(json_array_size(probe.warnings), 1);
    probe_release(&probe);
}
END_TEST

START_TEST(two_fields_in_two_packets_are_one_picture)
{
    const char *path = media_real("camera/Sony_ILCE-7M3_A7M3.mts");
    struct probe probe = PROBE_INIT;
    if (path == NULL)
        return;
    ck_assert_int_eq(inspect(path, &probe, NULL), 0);
    ck_assert_int_eq(probe.frames, 13);
    ck_assert_int_eq(probe.fps_num, 25 * probe.fps_den);
    ck_assert(probe.interlaced);
    probe_release(&probe);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inspect");
    TCase *tcase = tcase_create("file");
    tcase_set_timeout(tcase, 120); // the first run makes the clips
    tcase_add_loop_test(tcase, files_are_found_to_be_what_they_are, 0, (int)ARRAY_LEN(files));
    tcase_add_loop_test(tcase, rotation_turns_width_and_height, 0, 3);
    tcase_add_loop_test(tcase, key_frames_are_where_a_copy_may_start, 0, (int)ARRAY_LEN(keyed));
    tcase_add_loop_test(tcase, the_key_frames_of_real_files_are_found, 0,
                        (int)ARRAY_LEN(real_keys));
    tcase_add_test(tcase, an_edit_list_is_obeyed);
    tcase_add_loop_test(tcase, what_is_left_of_a_cut_off_file_is_measured_with_a_warning, 0,
                        (int)ARRAY_LEN(short_files));
    tcase_add_test(tcase, a_claim_of_hours_is_not_believed);
    tcase_add_test(tcase, two_fields_in_two_packets_are_one_picture);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
