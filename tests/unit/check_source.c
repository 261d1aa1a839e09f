// Second 0, order, seeking and damage, over the containers people have.
#include "media/source.h"
#include "tests/support/media.h"
#include <check.h>
#include <libavutil/adler32.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

enum { MAX_FRAMES = 2000 };

static const struct source_limits limits = { 10000000, 16 };

static struct source *open_source(const char *path, int want)
{
    struct source *source = NULL;
    struct err err = ERR_INIT;
    int fd = media_open(path);
    ck_assert_msg(source_open(fd, &limits, &source, &err) == 0, "%s: %s", path, err.text);
    ck_assert_msg(source_decode(source, want, 1, AVDISCARD_DEFAULT, &err) == 0, "%s: %s", path,
                  err.text);
    return source; // the descriptor ends with the test's process
}

// The times of all frames of a kind from here to the end.
static size_t collect(struct source *source, int kind, double *times, const char *path)
{
    struct err err = ERR_INIT;
    AVFrame *frame = av_frame_alloc();
    size_t count = 0;
    int r;
    while ((r = source_frame(source, frame, &err)) > 0) {
        if (r == kind) {
            ck_assert_uint_lt(count, MAX_FRAMES);
            times[count++] = source_frame_time(frame);
        }
        av_frame_unref(frame);
    }
    ck_assert_msg(r == 0, "%s: %s", path, err.text);
    av_frame_free(&frame);
    return count;
}

static const struct kind_of_file {
    const char *name, *options;
    int pictures; // of 3 s
} files[] = {
    { "b-pictures.mp4", "-preset ultrafast -g 48 -bf 3 -b_strategy 0", 90 },
    { "fragments.mp4", "-preset ultrafast -g 15 -movflags +frag_keyframe+delay_moov", 90 },
    { "open-groups.mp4", "-preset ultrafast -g 20 -bf 2 -x264-params open-gop=1:b-adapt=0", 90 },
    { "late-start.mp4", "-preset ultrafast -g 30 -output_ts_offset 5", 90 },
    { "b-pictures.mkv", "-preset ultrafast -g 48 -bf 3 -b_strategy 0", 90 },
    { "vp8.webm", "-c:v libvpx -deadline realtime -g 40 -c:a libvorbis", 90 },
    { "mpeg4.avi", "-c:v mpeg4 -bf 2 -g 25 -c:a mp3", 90 },
    { "h264.flv", "-preset ultrafast -g 40 -ar 44100", 90 },
    { "h264.ts", "-preset ultrafast -g 40 -bf 2 -b_strategy 0", 90 },
    { "closed.ts",
      "-c:v libx265 -preset ultrafast -x265-params "
      "log-level=none:keyint=40:min-keyint=40:scenecut=0:open-gop=0",
      90 },
    { "leading.ts",
      "-c:v libx265 -preset ultrafast -x265-params "
      "log-level=none:keyint=20:min-keyint=20:scenecut=0:open-gop=1:bframes=3:b-adapt=0",
      90 },
    { "mpeg2.ts", "-c:v mpeg2video -q:v 5 -bf 2 -g 30 -c:a mp2", 90 },
    { "mpeg2.mpg", "-c:v mpeg2video -q:v 5 -bf 2 -g 15 -c:a mp2", 90 },
    { "wmv2.asf", "-c:v wmv2 -g 25 -c:a wmav2", 90 },
    { "theora.ogv", "-c:v libtheora -g 25 -c:a libvorbis", 90 },
    { "all-intra.mov", "-c:v prores -c:a pcm_s16le", 90 },
};

static const char *make_file(const struct kind_of_file *file)
{
    return media_clip(&(struct media_clip){
        .name = file->name, .seconds = 3, .width = 160, .height = 120, .options = file->options });
}

START_TEST(all_pictures_come_in_order_from_second_0)
{
    const struct kind_of_file *file = &files[_i];
    static double times[MAX_FRAMES];
    struct source *source = open_source(make_file(file), SOURCE_PICTURE | SOURCE_SOUND);
    size_t count = collect(source, SOURCE_PICTURE, times, file->name);
    ck_assert_msg(count == (size_t)file->pictures, "%s: %zu pictures", file->name, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(fabs(times[i] - (double)i / 30) < 0.0015, "%s: picture %zu at %.4f",
                      file->name, i, times[i]);
    ck_assert_uint_eq(source_damage(source), 0);
    ck_assert(!source_cut_off(source));
    source_free(&source);
}
END_TEST

START_TEST(sound_covers_the_pictures)
{
    const struct kind_of_file *file = &files[_i];
    static double times[MAX_FRAMES];
    struct source *source = open_source(make_file(file), SOURCE_PICTURE | SOURCE_SOUND);
    size_t count = collect(source, SOURCE_SOUND, times, file->name);
    ck_assert_uint_gt(count, 20);
    ck_assert_msg(times[0] < 0.1, "%s: sound begins at %.3f", file->name, times[0]);
    ck_assert_msg(times[count - 1] > 2.8, "%s: sound ends at %.3f", file->name, times[count - 1]);
    source_free(&source);
}
END_TEST

// What comes after a seek is the end of what comes without one.
static void assert_tail(const struct kind_of_file *file, double wish, const double *all,
                        size_t count, struct source *source)
{
    static double times[MAX_FRAMES];
    struct err err = ERR_INIT;
    ck_assert_msg(source_seek(source, wish, &err) == 0, "%s to %.3f: %s", file->name, wish,
                  err.text);
    size_t got = collect(source, SOURCE_PICTURE, times, file->name);
    ck_assert_msg(got > 0 && got <= count, "%s to %.3f: %zu pictures", file->name, wish, got);
    ck_assert_msg(times[0] <= wish + 0.0015, "%s to %.3f: begins at %.3f", file->name, wish,
                  times[0]);
    for (size_t i = 0; i < got; i++)
        ck_assert_msg(fabs(times[i] - all[count - got + i]) < 1e-6, "%s to %.3f: %.4f, not %.4f",
                      file->name, wish, times[i], all[count - got + i]);
}

START_TEST(after_a_seek_every_picture_from_there_on_comes)
{
    static const double wishes[] = { 0.02, 1.3333, 1.3334, 2.9667, 0.7, 0 };
    const struct kind_of_file *file = &files[_i];
    static double all[MAX_FRAMES];
    const char *path = make_file(file);
    struct source *source = open_source(path, SOURCE_PICTURE | SOURCE_SOUND);
    size_t count = collect(source, SOURCE_PICTURE, all, path);
    for (size_t i = 0; i < ARRAY_LEN(wishes); i++)
        assert_tail(file, wishes[i], all, count, source);
    source_free(&source);
}
END_TEST

// The pictures of the source from `wish` on, a checksum each.
static size_t checksums(struct source *source, double wish, uint32_t *ret_sums)
{
    struct err err = ERR_INIT;
    AVFrame *frame = av_frame_alloc();
    size_t count = 0;
    ck_assert_msg(source_seek(source, wish, &err) == 0, "%s", err.text);
    while (source_frame(source, frame, &err) > 0) {
        if (frame->width > 0 && source_frame_time(frame) >= wish - 0.0015 && count < MAX_FRAMES) {
            ret_sums[count] = 1;
            for (int y = 0; y < frame->height; y++)
                ret_sums[count] =
                    av_adler32_update(ret_sums[count],
                                      frame->data[0] + (ptrdiff_t)y * frame->linesize[0],
                                      (unsigned)frame->width);
            count++;
        }
        av_frame_unref(frame);
    }
    av_frame_free(&frame);
    return count;
}

START_TEST(after_a_seek_pictures_look_as_they_do_without_one)
{
    static const double wishes[] = { 2.9, 1.3, 1.8667, 0.5 };
    const struct kind_of_file *file = &files[_i];
    static uint32_t all[MAX_FRAMES], sought[MAX_FRAMES];
    const char *path = make_file(file);
    struct source *source = open_source(path, SOURCE_PICTURE);
    size_t count = checksums(source, 0, all);
    for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
        size_t got = checksums(source, wishes[i], sought);
        ck_assert_uint_le(got, count);
        for (size_t n = 0; n < got; n++)
            ck_assert_msg(sought[n] == all[count - got + n], "%s from %.4f: picture %zu differs",
                          file->name, wishes[i], n);
    }
    source_free(&source);
}
END_TEST

START_TEST(sound_alone_can_be_sought)
{
    const struct kind_of_file *file = &files[_i];
    static double all[MAX_FRAMES], times[MAX_FRAMES];
    struct err err = ERR_INIT;
    struct source *source = open_source(make_file(file), SOURCE_SOUND);
    size_t count = collect(source, SOURCE_SOUND, all, file->name);
    for (double wish = 2.2; wish > 0; wish -= 0.55) {
        ck_assert_int_eq(source_seek(source, wish, &err), 0);
        size_t got = collect(source, SOURCE_SOUND, times, file->name);
        ck_assert_msg(got > 0 && times[0] <= wish + 0.001, "%s to %.2f: begins at %.3f", file->name,
                      wish, times[0]);
        ck_assert_double_eq_tol(times[got - 1], all[count - 1], 0.002);
    }
    source_free(&source);
}
END_TEST

static long long bytes_read(void)
{
    long long bytes = -1;
    FILE *file = fopen("/proc/self/io", "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "rchar: %lld", &bytes), 1);
    (void)fclose(file);
    return bytes;
}

START_TEST(for_sound_alone_large_pictures_are_not_read)
{
    static double times[MAX_FRAMES];
    struct stat status;
    const char *path = media_clip(&(struct media_clip){ .name = "large-pictures.mov",
                                                        .seconds = 3,
                                                        .width = 640,
                                                        .height = 360,
                                                        .filter = "noise=alls=100:allf=t",
                                                        .options = "-c:v mjpeg -q:v 1" });
    struct source *source = open_source(path, SOURCE_SOUND);
    long long before = bytes_read();
    ck_assert_uint_gt(collect(source, SOURCE_SOUND, times, path), 100);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_lt(bytes_read() - before, status.st_size / 10);
    source_free(&source);
}
END_TEST

START_TEST(a_start_that_is_known_is_not_sought)
{
    const char *path = make_file(&files[8]);
    struct source *found = open_source(path, SOURCE_PICTURE), *told = NULL;
    double start = source_start(found);
    ck_assert_double_gt(start, 1); // the muxer of transport streams begins at 1.4 s
    int fd = media_open(path);
    ck_assert_int_eq(source_open(fd, &limits, &told, NULL), 0);
    source_set_start(told, start + 1);
    ck_assert_int_eq(source_decode(told, SOURCE_PICTURE, 1, AVDISCARD_DEFAULT, NULL), 0);
    AVFrame *frame = av_frame_alloc();
    ck_assert_int_eq(source_frame(told, frame, NULL), SOURCE_PICTURE);
    ck_assert_double_eq_tol(source_frame_time(frame), -1, 1e-6);
    av_frame_free(&frame);
    source_free(&found);
    source_free(&told);
    close(fd);
}
END_TEST

START_TEST(packets_count_from_second_0_too)
{
    struct source *source = open_source(make_file(&files[8]), SOURCE_PICTURE);
    AVPacket *packet = av_packet_alloc();
    double least = 100;
    int count = 0;
    while (source_packet(source, packet, NULL) == 1) {
        least = fmin(least, (double)packet->pts * av_q2d(source_video(source)->time_base));
        count++;
        av_packet_unref(packet);
    }
    ck_assert_int_eq(count, 90);
    ck_assert_double_eq_tol(least, 0, 1e-9);
    av_packet_free(&packet);
    source_free(&source);
}
END_TEST

START_TEST(damage_in_the_middle_is_passed_over_and_counted)
{
    static double times[MAX_FRAMES];
    const char *whole = make_file(&files[8]);
    size_t size = media_size(whole);
    const char *path = media_zeroed(whole, "hole.ts", size / 2 / 188 * 188, size / 8);
    struct source *source = open_source(path, SOURCE_PICTURE | SOURCE_SOUND);
    size_t count = collect(source, SOURCE_PICTURE, times, path);
    ck_assert_uint_lt(count, 90);
    ck_assert_uint_gt(count, 30);
    ck_assert_double_gt(times[count - 1], 2.9);
    ck_assert_uint_gt(source_damage(source), 0);
    source_free(&source);
}
END_TEST

START_TEST(of_a_file_that_was_cut_off_the_beginning_is_used)
{
    static double times[MAX_FRAMES];
    const struct kind_of_file *file = _i == 0 ? &files[4] : &files[8];
    const char *whole = make_file(file);
    const char *path = media_truncated(whole, file->name, media_size(whole) / 2 + 77);
    struct source *source = open_source(path, SOURCE_PICTURE);
    size_t count = collect(source, SOURCE_PICTURE, times, path);
    ck_assert_uint_gt(count, 20);
    ck_assert_uint_lt(count, 70);
    ck_assert(source_cut_off(source));
    source_free(&source);
}
END_TEST

// ---- what is refused after the container was accepted

static const char *make_sound_only(void)
{
    return MEDIA_MAKE("only.m4a", "-f", "lavfi", "-i", "sine", "-t", "1");
}

static const char *make_cover_only(void)
{
    const char *cover = MEDIA_MAKE("cover.jpg", "-f", "lavfi", "-i", "testsrc2", "-frames:v", "1");
    return MEDIA_MAKE("covered.mp4", "-f", "lavfi", "-t", "1", "-i", "sine", "-i", cover, "-map",
                      "0", "-map", "1", "-c:v", "copy", "-disposition:v:0", "attached_pic");
}

static const char *make_huge(void)
{
    return MEDIA_MAKE("huge.mp4", "-f", "lavfi", "-i", "color=size=4096x4096:duration=0.1",
                      "-preset", "ultrafast");
}

static const char *make_empty_track(void)
{
    return MEDIA_MAKE("nothing.mp4", "-f", "lavfi", "-i", "testsrc2", "-frames:v", "0", "-f",
                      "mp4");
}

static const char *make_unknown_codec(void)
{
    return MEDIA_MAKE("unknown.mkv", "-f", "lavfi", "-i", "testsrc2=duration=0.2", "-c:v", "zmbv");
}

static void patch(char *bytes, size_t size, const char *mark, size_t offset, const char *value,
                  size_t length)
{
    char *at = memmem(bytes, size, mark, strlen(mark));
    ck_assert_msg(at && at + strlen(mark) + offset + length < bytes + size, "no %s", mark);
    memcpy(at + strlen(mark) + offset, value, length);
}

// 20000 by 20000 in the file's headers and in the picture's own, which the decoder refuses to hold.
static const char *make_huge_avi(void)
{
    static char bytes[1 << 20];
    const char *small = MEDIA_MAKE("small.avi", "-f", "lavfi", "-i", "testsrc2=size=64x64",
                                   "-frames:v", "1", "-c:v", "mjpeg");
    cleanup(close_fd) int fd = media_open(small);
    ssize_t size = read(fd, bytes, sizeof bytes);
    ck_assert(size > 0 && size < (ssize_t)sizeof bytes);
    patch(bytes, (size_t)size, "avih", 36, "\x20\x4e\0\0\x20\x4e\0\0", 8);
    patch(bytes, (size_t)size, "strf", 8, "\x20\x4e\0\0\x20\x4e\0\0", 8);
    patch(bytes, (size_t)size, "\xff\xc0", 3, "\x4e\x20\x4e\x20", 4);
    return media_bytes("huge.avi", bytes, (size_t)size);
}

static const struct refusal {
    const char *name;
    const char *(*make)(void);
    const char *id; // NULL: any of the class
    const char *text;
} refusals[] = {
    { "sound only", make_sound_only, "no_picture" },
    { "sound with a cover", make_cover_only, "no_picture" },
    { "more pixels than allowed", make_huge, "bad_size", "the picture of 4096x4096 is larger" },
    { "more than a decoder takes", make_huge_avi, "bad_size",
      "the picture of 20000x20000 is larger" },
    { "a track of no pictures", make_empty_track, NULL },
    { "a codec that is not on the list", make_unknown_codec, "unsupported_codec" },
};

START_TEST(what_cannot_be_cut_is_refused_in_words)
{
    const struct refusal *row = &refusals[_i];
    struct source *source = NULL;
    struct err err = ERR_INIT;
    int fd = media_open(row->make());
    int r = source_open(fd, &limits, &source, &err);
    if (r == 0)
        r = source_decode(source, SOURCE_PICTURE, 1, AVDISCARD_DEFAULT, &err);
    ck_assert_msg(r < 0, "%s was accepted", row->name);
    ck_assert_msg(err.class == ERR_INPUT, "%s: class %d", row->name, err.class);
    ck_assert_msg(row->id == NULL || strcmp(row->id, err.id) == 0, "%s: %s (%s)", row->name, err.id,
                  err.text);
    ck_assert_msg(row->text == NULL || strstr(err.text, row->text), "%s: %s", row->name, err.text);
    source_free(&source);
    close(fd);
}
END_TEST

START_TEST(libav_errors_keep_their_number_and_find_their_class)
{
    static const struct {
        int number;
        enum err_class class;
    } rows[] = {
        { AVERROR_INVALIDDATA, ERR_INPUT }, { AVERROR(ENOMEM), ERR_SYSTEM },
        { AVERROR(ENOSPC), ERR_IO },        { AVERROR(EIO), ERR_IO },
        { AVERROR_BUG, ERR_BUG },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = ERR_INIT;
        ck_assert_int_eq(source_libav_error(&err, rows[i].number, "x", "do %d", 1), rows[i].number);
        ck_assert_int_eq(err.class, rows[i].class);
        ck_assert_int_eq(err.code, rows[i].number);
        ck_assert_ptr_nonnull(strstr(err.text, "do 1: "));
        ck_assert_int_eq(source_libav_error(&err, -1, "y", "again"), -1);
        ck_assert_str_eq(err.id, "x");
    }
}
END_TEST

// ---- real files

static const struct real {
    const char *path;
    double start;
    size_t pictures;
} reals[] = {
    { "camera/Sony_ILCE-7M3_A7M3.mts", 1.04, 13 },
    { "malformed/no-initial-keyframe.ts", 114.847, 15 },
    { "malformed/decode_error_vp9.webm", 5.12, 122 },
    { "malformed/absurd_duration.mp4", 8.153256, 149 },
    { "malformed/bad_keyframe_flags.mp4", 0, 120 },
    { "camera/movie-hello.mpeg", 0.533367, 249 },
    { "formats/mb_edts.mp4", 0, 225 },
    { "formats/ax_sample_edit_list.mp4", 0, 77 },
};

START_TEST(real_files_begin_where_their_first_picture_is)
{
    static double times[MAX_FRAMES];
    const char *path = media_real(reals[_i].path);
    if (path == NULL)
        return;
    struct source *source = open_source(path, SOURCE_PICTURE);
    ck_assert_double_eq_tol(source_start(source), reals[_i].start, 1e-4);
    size_t count = collect(source, SOURCE_PICTURE, times, path);
    ck_assert_msg(count == reals[_i].pictures, "%s: %zu", path, count);
    ck_assert_double_eq_tol(times[0], 0, 1e-9);
    source_free(&source);
}
END_TEST

START_TEST(wrong_key_frame_flags_do_not_mislead_a_seek)
{
    static double all[MAX_FRAMES];
    const char *path = media_real("malformed/bad_keyframe_flags.mp4");
    if (path == NULL)
        return;
    const struct kind_of_file file = { .name = "bad_keyframe_flags.mp4" };
    struct source *source = open_source(path, SOURCE_PICTURE);
    size_t count = collect(source, SOURCE_PICTURE, all, path);
    for (double wish = 4.5; wish > 0; wish -= 0.9)
        assert_tail(&file, wish, all, count, source);
    source_free(&source);
}
END_TEST

// An ASF whose index (Advanced Systems Format 6.1) gives for each time a place much further on, as
// some writers' does.
static const char *with_late_index(void)
{
    static const uint8_t index_object[] = { 0x90, 0x08, 0x00, 0x33, 0xb1, 0xe5, 0xcf, 0x11,
                                            0x89, 0xf4, 0x00, 0xa0, 0xc9, 0x03, 0x49, 0xcb };
    enum { ENTRIES = 56, ENTRY = 6, LATE = 4 };
    const char *path = MEDIA_CLIP(.name = "asf.wmv", .seconds = 4, .width = 160, .height = 120,
                                  .options = "-c:v msmpeg4 -g 15 -q:v 5");
    size_t size = media_size(path);
    uint8_t *bytes = xcalloc(size, 1);
    int fd = media_open(path);
    ck_assert_int_eq(read(fd, bytes, size), (ssize_t)size);
    close_fd(&fd);
    uint8_t *index = memmem(bytes, size, index_object, sizeof index_object);
    ck_assert_ptr_nonnull(index);
    uint8_t *entries = index + ENTRIES, *end = bytes + size;
    ck_assert_int_gt(end - entries, 2 * LATE * ENTRY);
    memmove(entries, entries + LATE * ENTRY, (size_t)(end - entries) - LATE * ENTRY);
    const char *made = media_bytes("late-index.wmv", bytes, size);
    free(bytes);
    return made;
}

START_TEST(an_index_that_points_too_far_does_not_mislead_a_seek)
{
    static double all[MAX_FRAMES];
    const struct kind_of_file file = { .name = "late-index.wmv" };
    const char *path = with_late_index();
    struct source *source = open_source(path, SOURCE_PICTURE);
    size_t count = collect(source, SOURCE_PICTURE, all, path);
    for (double wish = 3.5; wish > 0; wish -= 0.7)
        assert_tail(&file, wish, all, count, source);
    source_free(&source);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("source");
    TCase *tcase = tcase_create("source");
    tcase_set_timeout(tcase, 120); // the first run makes the clips
    int count = (int)ARRAY_LEN(files);
    tcase_add_loop_test(tcase, all_pictures_come_in_order_from_second_0, 0, count);
    tcase_add_loop_test(tcase, sound_covers_the_pictures, 0, count);
    tcase_add_loop_test(tcase, after_a_seek_every_picture_from_there_on_comes, 0, count);
    tcase_add_loop_test(tcase, after_a_seek_pictures_look_as_they_do_without_one, 0, count);
    tcase_add_loop_test(tcase, sound_alone_can_be_sought, 0, count);
    tcase_add_test(tcase, for_sound_alone_large_pictures_are_not_read);
    tcase_add_test(tcase, a_start_that_is_known_is_not_sought);
    tcase_add_test(tcase, packets_count_from_second_0_too);
    tcase_add_test(tcase, damage_in_the_middle_is_passed_over_and_counted);
    tcase_add_loop_test(tcase, of_a_file_that_was_cut_off_the_beginning_is_used, 0, 2);
    tcase_add_loop_test(tcase, what_cannot_be_cut_is_refused_in_words, 0, (int)ARRAY_LEN(refusals));
    tcase_add_test(tcase, libav_errors_keep_their_number_and_find_their_class);
    tcase_add_loop_test(tcase, real_files_begin_where_their_first_picture_is, 0,
                        (int)ARRAY_LEN(reals));
    tcase_add_test(tcase, wrong_key_frame_flags_do_not_mislead_a_seek);
    tcase_add_test(tcase, an_index_that_points_too_far_does_not_mislead_a_seek);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
