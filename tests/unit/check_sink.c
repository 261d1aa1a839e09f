// The finished file: its boxes, tracks and times, and what a full disk looks like.
#include "media/sink.h"

#include "tests/support/folder.h"
#include "tests/support/program.h"

#include <check.h>
#include <fcntl.h>
#include <jansson.h>
#include <libavutil/log.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

static const struct sink_wish plain = {
    .look = { 64, 48, AVCOL_SPC_BT709 },
    .fps_num = 30000,
    .fps_den = 1001,
    .preset = "ultrafast",
    .crf = 18,
    .sound = true,
    .title = "A title",
};

static AVFrame *picture_of(const struct sink_wish *wish, int number)
{
    AVFrame *frame = av_frame_alloc();
    frame->format = AV_PIX_FMT_YUV420P;
    frame->width = wish->look.width;
    frame->height = wish->look.height;
    ck_assert(av_frame_get_buffer(frame, 0) >= 0);
    for (int plane = 0; plane < 3; plane++)
        memset(frame->data[plane], plane ? 128 : 20 + number % 200,
               (size_t)frame->linesize[plane] *
                   (size_t)(plane ? frame->height / 2 : frame->height));
    return frame;
}

// `pictures` pictures, a segment every ten, and as much sound.  Returns the first failure.
static int fill(struct sink *sink, const struct sink_wish *wish, int pictures, struct err *err)
{
    int r = 0;
    size_t sounded = 0;
    for (int n = 0; n < pictures && r >= 0; n++) {
        AVFrame *frame = picture_of(wish, n);
        r = sink_picture(sink, frame, n % 10 == 0, err);
        av_frame_free(&frame);
        if (r < 0 || !wish->sound)
            continue;
        size_t until = (size_t)llround((n + 1.0) * wish->fps_den * 48000 / wish->fps_num);
        float *frames = xcalloc(2 * (until - sounded), sizeof *frames);
        r = sink_sound(sink, frames, until - sounded, err);
        sounded = until;
        free(frames);
    }
    return r;
}

static void make(const struct folder *folder, const struct sink_wish *wish, int pictures)
{
    struct err err = ERR_INIT;
    struct sink *sink = NULL;
    int fd = openat(folder->fd, "reel.mp4", O_RDWR | O_CREAT | O_TRUNC, 0600);
    ck_assert_msg(sink_open(fd, wish, &sink, &err) >= 0, "%s", err.text);
    ck_assert_msg(fill(sink, wish, pictures, &err) >= 0, "%s", err.text);
    ck_assert_int_ge(sink_chapter(sink, 0, 10, "one", &err), 0);
    ck_assert_int_ge(sink_chapter(sink, 10, pictures, "two: \"ü\"", &err), 0);
    ck_assert_msg(sink_finish(sink, &err) >= 0, "%s", err.text);
    ck_assert_int_eq(sink_pictures(sink), pictures);
    sink_free(&sink);
    close_fd(&fd);
}

static json_t *probed(const struct folder *folder)
{
    char *path = xasprintf("%s/reel.mp4", folder->path), *said;
    ck_assert_int_eq(PROGRAM_RUN(&said, "ffprobe", "-v", "error", "-of", "json", "-show_streams",
                                 "-show_format", "-show_chapters", "-show_packets",
                                 "-select_streams", "v:0", path),
                     0);
    json_t *json = json_loads(said, 0, NULL);
    ck_assert_msg(json != NULL, "%s", said);
    free(said);
    free(path);
    return json;
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

START_TEST(the_index_comes_first)
{
    struct folder folder;
    folder_make(&folder);
    make(&folder, &plain, 30);
    int fd = openat(folder.fd, "reel.mp4", O_RDONLY);
    char order[64] = "";
    unsigned char box[8];
    for (off_t at = 0; pread(fd, box, sizeof box, at) == sizeof box;) {
        strncat(order, (const char *)box + 4, 4);
        at += (off_t)((uint32_t)box[0] << 24 | (uint32_t)box[1] << 16 | (uint32_t)box[2] << 8 |
                      box[3]);
    }
    ck_assert_str_eq(order, "ftypmoovfreemdat");
    close_fd(&fd);
    folder_remove(&folder);
}
END_TEST

START_TEST(the_picture_track_says_what_was_wished)
{
    struct folder folder;
    folder_make(&folder);
    make(&folder, &plain, 31);
    json_t *json = probed(&folder), *stream = json_array_get(json_object_get(json, "streams"), 0);
    ck_assert_str_eq(text(stream, "codec_name"), "h264");
    ck_assert_str_eq(text(stream, "profile"), "High");
    ck_assert_str_eq(text(stream, "pix_fmt"), "yuv420p");
    ck_assert_str_eq(text(stream, "r_frame_rate"), "30000/1001");
    ck_assert_str_eq(text(stream, "avg_frame_rate"), "30000/1001");
    ck_assert_str_eq(text(stream, "nb_frames"), "31");
    ck_assert_str_eq(text(stream, "sample_aspect_ratio"), "1:1");
    ck_assert_str_eq(text(stream, "color_space"), "bt709");
    ck_assert_str_eq(text(stream, "color_range"), "tv");
    ck_assert_str_eq(text(stream, "color_primaries"), "bt709");
    ck_assert_str_eq(text(stream, "color_transfer"), "bt709");
    ck_assert_str_eq(text(stream, "start_time"), "0.000000");
    ck_assert_str_eq(text(json_object_get(json_object_get(json, "format"), "tags"), "title"),
                     "A title");
    json_decref(json);
    folder_remove(&folder);
}
END_TEST

START_TEST(segments_begin_with_key_frames_and_times_are_even)
{
    struct folder folder;
    folder_make(&folder);
    make(&folder, &plain, 40);
    json_t *json = probed(&folder), *packet;
    int keys = 0;
    size_t i;
    json_array_foreach(json_object_get(json, "packets"), i, packet)
    {
        double pts = json_integer_value(json_object_get(packet, "pts")) / 1001.0;
        ck_assert_double_eq_tol(pts, round(pts), 1e-9);
        if (strchr(text(packet, "flags"), 'K') != NULL)
            keys += (int)lround(pts) % 10 == 0;
    }
    ck_assert_uint_eq(json_array_size(json_object_get(json, "packets")), 40);
    ck_assert_int_eq(keys, 4);
    json_decref(json);
    folder_remove(&folder);
}
END_TEST

START_TEST(chapters_carry_titles_and_times)
{
    struct folder folder;
    folder_make(&folder);
    make(&folder, &plain, 30);
    json_t *json = probed(&folder), *chapters = json_object_get(json, "chapters");
    ck_assert_uint_eq(json_array_size(chapters), 2);
    const json_t *second = json_array_get(chapters, 1);
    ck_assert_str_eq(text(json_object_get(second, "tags"), "title"), "two: \"ü\"");
    ck_assert_str_eq(text(second, "start_time"), "0.334000");
    json_decref(json);
    folder_remove(&folder);
}
END_TEST

START_TEST(sound_is_as_long_as_the_picture)
{
    struct folder folder;
    folder_make(&folder);
    make(&folder, &plain, 75);
    char *path = xasprintf("%s/reel.mp4", folder.path), *said;
    ck_assert_int_eq(PROGRAM_RUN(&said, "ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries",
                                 "stream=start_time,duration", "-select_streams", "a", path),
                     0);
    double start = -1, duration = -1;
    ck_assert_int_eq(sscanf(said, "%lf,%lf", &start, &duration), 2);
    ck_assert_double_eq_tol(start, 0, 1e-6);
    ck_assert_double_eq_tol(duration, 75 * 1001 / 30000.0, 1e-3);
    free(said);
    free(path);
    folder_remove(&folder);
}
END_TEST

static const struct {
    const char *name, *preset;
    int64_t bitrate;
    bool sound;
    enum AVColorSpace matrix;
    int streams; // with the chapters' own track
} wishes[] = {
    { "low", "ultrafast", 500000, true, AVCOL_SPC_BT709, 3 },
    { "medium", "fast", 1500000, true, AVCOL_SPC_BT709, 3 },
    { "no sound", "veryfast", 0, false, AVCOL_SPC_BT709, 2 },
    { "small", "veryfast", 0, true, AVCOL_SPC_SMPTE170M, 3 },
};

START_TEST(every_quality_is_the_high_profile)
{
    struct folder folder;
    struct sink_wish wish = plain;
    wish.preset = wishes[_i].preset;
    wish.bitrate = wishes[_i].bitrate;
    wish.sound = wishes[_i].sound;
    wish.look.matrix = wishes[_i].matrix;
    folder_make(&folder);
    make(&folder, &wish, 60);
    json_t *json = probed(&folder), *stream = json_array_get(json_object_get(json, "streams"), 0);
    ck_assert_msg(!strcmp(text(stream, "profile"), "High"), "%s: %s", wishes[_i].name,
                  text(stream, "profile"));
    ck_assert_int_eq(json_integer_value(
                         json_object_get(json_object_get(json, "format"), "nb_streams")),
                     wishes[_i].streams);
    ck_assert_str_eq(text(stream, "color_space"),
                     wish.look.matrix == AVCOL_SPC_BT709 ? "bt709" : "smpte170m");
    json_decref(json);
    folder_remove(&folder);
}
END_TEST

START_TEST(a_full_disk_is_reported_as_one)
{
    struct folder folder;
    struct err err = ERR_INIT;
    struct sink *sink = NULL;
    folder_make(&folder);
    int fd = openat(folder.fd, "reel.mp4", O_RDWR | O_CREAT, 0600);
    // In a process of its own: Check forks.
    ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    const struct rlimit limit = { 8000, 8000 };
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int r = sink_open(fd, &plain, &sink, &err);
    if (r >= 0)
        r = fill(sink, &plain, 300, &err);
    if (r >= 0)
        r = sink_finish(sink, &err);
    ck_assert_int_lt(r, 0);
    ck_assert_int_eq(err.class, ERR_IO);
    ck_assert_str_eq(err.id, "file_too_large");
    sink_free(&sink);
    close_fd(&fd);
    folder_remove(&folder);
}
END_TEST

START_TEST(a_picture_of_another_size_is_our_fault)
{
    struct folder folder;
    struct err err = ERR_INIT;
    struct sink *sink = NULL;
    struct sink_wish other = plain;
    other.look.width = 128;
    folder_make(&folder);
    int fd = openat(folder.fd, "reel.mp4", O_RDWR | O_CREAT, 0600);
    ck_assert_int_ge(sink_open(fd, &plain, &sink, &err), 0);
    AVFrame *frame = picture_of(&other, 0);
    ck_assert_int_lt(sink_picture(sink, frame, true, &err), 0);
    ck_assert_int_eq(err.class, ERR_BUG);
    av_frame_free(&frame);
    sink_free(&sink);
    close_fd(&fd);
    folder_remove(&folder);
}
END_TEST

int main(void)
{
    av_log_set_level(AV_LOG_QUIET);
    Suite *suite = suite_create("sink");
    TCase *sink = tcase_create("sink");
    tcase_set_timeout(sink, 30);
    tcase_add_test(sink, the_index_comes_first);
    tcase_add_test(sink, the_picture_track_says_what_was_wished);
    tcase_add_test(sink, segments_begin_with_key_frames_and_times_are_even);
    tcase_add_test(sink, chapters_carry_titles_and_times);
    tcase_add_test(sink, sound_is_as_long_as_the_picture);
    tcase_add_loop_test(sink, every_quality_is_the_high_profile, 0, ARRAY_LEN(wishes));
    tcase_add_test(sink, a_full_disk_is_reported_as_one);
    tcase_add_test(sink, a_picture_of_another_size_is_our_fault);
    suite_add_tcase(suite, sink);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
