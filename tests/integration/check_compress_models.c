// The stage compress in a batch whose models look and listen: pictures of each shot, and the sound
// in its place; made once for the same bytes, and whole whenever it is killed.
#include "base/fs.h"
#include "highlight/shots.h"
#include "spool/frames.h"
#include "tests/support/batch_source.h"
#include "tests/support/jpegs.h"
#include "tests/support/media.h"
#include "tests/support/program.h"
#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { MAX_PIXELS = 230400, MAX_FRAMES = 64, WAV_HEADER = 44, HZ = 16000 };

static struct batch_folder batch;

static void set_up(void)
{
    batch_folder_make(&batch, 2);
    batch_folder_roles(&batch, MODEL_DASHSCOPE, MODEL_LOCAL);
}

static void tear_down(void)
{
    batch_folder_remove(&batch);
}

static int open_source(int index)
{
    char name[12];
    (void)snprintf(name, sizeof name, "%d", index);
    int fd = fs_open_dir(batch.batchdir, name, NULL);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static void compress(int index, const char *path)
{
    cleanup(free_ptr) char *said = NULL;
    batch_source_put(&batch, index, path);
    ck_assert_msg(batch_source_run(&batch, STAGE_COMPRESS, index, &said) == 0, "%s: %s", path,
                  said);
}

static bool has(int index, const char *name)
{
    cleanup(close_fd) int fd = open_source(index);
    return faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void load_frames(int index, struct frames *frames)
{
    struct err err = ERR_INIT;
    cleanup(close_fd) int fd = open_source(index);
    ck_assert_msg(frames_load(fd, frames, &err) == 0, "%s", err.text);
}

static AVFrame *picture(int index, const struct frames_item *item)
{
    cleanup(close_fd) int fd = open_source(index);
    cleanup(free_ptr) char *jpeg = NULL;
    size_t size = 0;
    struct err err = ERR_INIT;
    ck_assert_msg(frames_read(fd, item, &jpeg, &size, &err) == 0, "%s", err.text);
    return jpegs_decode(jpeg, size);
}

// ---- pictures

// All pictures are there, of the size that is said, in order, and of each shot one.
static void check_frames(const char *name)
{
    cleanup(frames_release) struct frames frames = FRAMES_INIT;
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    cleanup(free_ptr) struct analysis_span *shots = NULL;
    size_t shot_count;
    cleanup(close_fd) int fd = open_source(0);
    load_frames(0, &frames);
    ck_assert_int_eq(signals_load(fd, &signals, NULL), 0);
    shots_find(&signals, &shots, &shot_count);
    ck_assert_msg(frames.count >= (shot_count < MAX_FRAMES ? shot_count : MAX_FRAMES),
                  "%s: %zu pictures of %zu shots", name, frames.count, shot_count);
    ck_assert_uint_ge(frames.count, 4);
    ck_assert_int_le((int64_t)frames.width * frames.height, MAX_PIXELS);
    cleanup(free_ptr) bool *shown = xcalloc(shot_count, sizeof *shown);
    for (size_t i = 0; i < frames.count; i++) {
        const struct frames_item *item = &frames.items[i];
        AVFrame *still = picture(0, item);
        ck_assert_int_eq(still->width, frames.width);
        ck_assert_int_eq(still->height, frames.height);
        av_frame_free(&still);
        ck_assert_uint_lt((size_t)item->shot, shot_count);
        ck_assert_double_ge(item->time, shots[item->shot].start - 1e-4);
        ck_assert_double_lt(item->time, shots[item->shot].end);
        shown[item->shot] = true;
    }
    for (size_t i = 0; i < shot_count && shot_count <= MAX_FRAMES; i++)
        ck_assert_msg(shown[i], "%s: shot %zu is not shown", name, i);
}

static const char *const real[] = { "shots/psd_testvideo.mp4", "shots/psd_fades.mp4",
                                    "shots/psd_counter.mp4",
                                    "camera/iphone_vertical_hevc60_rot.mov" };

START_TEST(each_shot_of_a_real_video_is_shown)
{
    const char *path = media_real(real[_i]);
    if (!path)
        return;
    compress(0, path);
    check_frames(real[_i]);
}
END_TEST

// Four seconds each of red, green and blue, which differ in brightness too.
static const char *three_colours(void)
{
    return MEDIA_MAKE("three-colours-2.mp4", "-f", "lavfi", "-i", "color=c=red:s=320x240:r=30:d=4",
                      "-f", "lavfi", "-i", "color=c=lime:s=320x240:r=30:d=4", "-f", "lavfi", "-i",
                      "color=c=blue:s=320x240:r=30:d=4", "-filter_complex", "concat=n=3", "-c:v",
                      "libx264", "-g", "300");
}

// The difference of blue and red tells the three apart.
START_TEST(the_picture_of_a_shot_is_of_that_shot)
{
    cleanup(frames_release) struct frames frames = FRAMES_INIT;
    compress(0, three_colours());
    check_frames("three colours");
    load_frames(0, &frames);
    ck_assert_int_eq(frames.width, 320);
    for (size_t i = 0; i < frames.count; i++) {
        AVFrame *still = picture(0, &frames.items[i]);
        int blue = still->data[1][60 * still->linesize[1] + 80];
        int red = still->data[2][60 * still->linesize[2] + 80];
        int colour = red > 180 ? 0 : blue > 180 ? 2 : 1;
        ck_assert_msg(colour == frames.items[i].shot, "at %.2f: Cb %d, Cr %d, of shot %d",
                      frames.items[i].time, blue, red, frames.items[i].shot);
        ck_assert_int_eq((int)(frames.items[i].time / 4), frames.items[i].shot);
        av_frame_free(&still);
    }
}
END_TEST

// Lying on its side, white above when upright; pixels half as wide again as high.
START_TEST(pictures_are_upright_and_as_wide_as_on_the_screen)
{
    const char *lying = MEDIA_CLIP(.name = "stills-lying.mp4", .seconds = 2, .width = 240,
                                   .height = 320, .picture = "color=c=black", .sound = "",
                                   .filter = "drawbox=w=iw/2:color=white:t=fill,setsar=1",
                                   .options = "-c:v libx264");
    const char *turned =
        MEDIA_MAKE("stills-turned.mp4", "-i", lying, "-c", "copy", "-metadata:s:v", "rotate=270");
    const char *wide =
        MEDIA_CLIP(.name = "stills-wide.mp4", .seconds = 2, .width = 320, .height = 240,
                   .sound = "", .filter = "setsar=3/2", .options = "-c:v libx264");
    cleanup(frames_release) struct frames frames = FRAMES_INIT, wider = FRAMES_INIT;
    compress(0, turned);
    load_frames(0, &frames);
    ck_assert_int_eq(frames.width, 320);
    ck_assert_int_eq(frames.height, 240);
    AVFrame *still = picture(0, &frames.items[0]);
    ck_assert_int_gt(still->data[0][20 * still->linesize[0] + 160], 200);
    ck_assert_int_lt(still->data[0][220 * still->linesize[0] + 160], 50);
    av_frame_free(&still);
    compress(1, wide);
    load_frames(1, &wider);
    ck_assert_double_eq_tol((double)wider.width / wider.height, 2, 0.02);
}
END_TEST

// ---- sound

static int16_t *load_sound(int index, size_t *ret_count)
{
    char *data = NULL;
    size_t size;
    cleanup(close_fd) int fd = open_source(index);
    ck_assert_int_eq(fs_read(fd, SOURCE_AUDIO, 100 << 20, &data, &size, NULL), 0);
    ck_assert_mem_eq(data, "RIFF", 4);
    *ret_count = (size - WAV_HEADER) / 2;
    int16_t *samples = xcalloc(*ret_count, sizeof *samples);
    memcpy(samples, data + WAV_HEADER, *ret_count * 2);
    free(data);
    return samples;
}

static double loudness(const int16_t *samples, double from, double to)
{
    double sum = 0;
    for (size_t i = (size_t)(from * HZ); i < (size_t)(to * HZ); i++)
        sum += (double)samples[i] * samples[i];
    return sqrt(sum / ((to - from) * HZ));
}

// When it is loud for the first time from there on.
static double begins(const int16_t *samples, size_t count, double from)
{
    size_t i = (size_t)(from * HZ);
    while (i < count && abs(samples[i]) < 1000)
        i++;
    return (double)i / HZ;
}

#define BEEPS                               \
    "sine=frequency=500:sample_rate=44100," \
    "volume=enable='not(between(t,1,1.5)+between(t,3,3.2))':volume=0"

static const struct {
    const char *name, *delay; // of the sound
    double first, second;     // beeps
} delays[] = {
    { "sound-as-it-is.mp4", "0", 1, 3 },     { "sound-late.mp4", "0.7", 1.7, 3.7 },
    { "sound-late.mkv", "0.7", 1.7, 3.7 },   { "sound-late.ts", "0.7", 1.7, 3.7 },
    { "sound-early.mkv", "-0.4", 0.6, 2.6 },
};

START_TEST(sound_lies_where_it_lies_in_the_source)
{
    size_t count;
    compress(0, MEDIA_MAKE(delays[_i].name, "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30",
                           "-itsoffset", delays[_i].delay, "-f", "lavfi", "-i", BEEPS, "-map", "0",
                           "-map", "1", "-t", "6", "-c:v", "libx264", "-c:a", "aac"));
    cleanup(free_ptr) int16_t *samples = load_sound(0, &count);
    double first = delays[_i].first, second = delays[_i].second;
    ck_assert_double_eq_tol((double)count / HZ, 6, 0.05);
    ck_assert_double_eq_tol(begins(samples, count, 0.1), first, 0.03);
    ck_assert_double_eq_tol(begins(samples, count, first + 0.6), second, 0.03);
    ck_assert_double_gt(loudness(samples, first + 0.05, first + 0.45), 1500);
    ck_assert_double_lt(loudness(samples, first + 0.6, second - 0.1), 30);
}
END_TEST

// Both channels are heard, and what is said lies where the measures hear a voice.
START_TEST(what_is_said_is_loudest_where_the_signals_hear_a_voice)
{
    const char *path = media_real("batch-talk/autoeditor_example_42s.mp4");
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    double spoken = 0, rest = 0;
    size_t count, voiced = 0;
    if (!path)
        return;
    compress(0, path);
    cleanup(close_fd) int fd = open_source(0);
    ck_assert_int_eq(signals_load(fd, &signals, NULL), 0);
    cleanup(free_ptr) int16_t *samples = load_sound(0, &count);
    ck_assert_double_eq_tol((double)count / HZ, signals.duration, 0.05);
    // The loudness of each twentieth of a second goes up and down with that which was measured.
    for (size_t i = 0; i + 1 < signals.sound_count; i++) {
        double level =
            loudness(samples, (double)i / SIGNALS_SOUND_HZ, (double)(i + 1) / SIGNALS_SOUND_HZ);
        *(signals.sounds[i].voice ? &spoken : &rest) += level;
        voiced += signals.sounds[i].voice;
        double peak = pow(10, (double)signals.sounds[i].peak / 20) * INT16_MAX;
        ck_assert_msg(level <= peak * 1.2 + 40, "at %.2f s: %.0f, measured %.0f",
                      (double)i / SIGNALS_SOUND_HZ, level, peak);
    }
    ck_assert_uint_gt(voiced, 100);
    ck_assert_double_gt(spoken / (double)voiced, 4 * rest / (double)(signals.sound_count - voiced));
}
END_TEST

START_TEST(a_silent_video_has_no_sound_file)
{
    compress(0, MEDIA_CLIP(.name = "stills-mute.mp4", .seconds = 2, .sound = "",
                           .options = "-c:v libx264"));
    ck_assert(!has(0, SOURCE_AUDIO));
    ck_assert(has(0, SOURCE_FRAMES));
}
END_TEST

// ---- only what is wanted, and once

static const struct {
    int vision, speech;
    bool frames, audio;
} wishes[] = {
    { MODEL_LOCAL, MODEL_NONE, false, false },
    { MODEL_OPENAI, MODEL_NONE, true, false },
    { MODEL_LOCAL, MODEL_DASHSCOPE, false, true },
    { MODEL_DASHSCOPE, MODEL_LOCAL, true, true },
};

static const char *clip(void)
{
    return MEDIA_CLIP(.name = "compress-models.mp4", .seconds = 5, .width = 640, .height = 360,
                      .options = "-c:v libx264 -g 30 -c:a aac");
}

static void same(const char *inner)
{
    cleanup(free_ptr) char *one = xasprintf("%s/0/%s", batch.path, inner);
    cleanup(free_ptr) char *other = xasprintf("%s/1/%s", batch.path, inner);
    ck_assert_msg(PROGRAM_RUN(NULL, "/usr/bin/diff", "-r", one, other) == 0, "%s", inner);
}

START_TEST(what_is_wanted_is_made_and_the_second_time_given)
{
    batch_folder_roles(&batch, wishes[_i].vision, wishes[_i].speech);
    compress(0, clip());
    compress(1, clip());
    cleanup(free_ptr) char *made = batch_source_numbers(&batch, STAGE_COMPRESS, 0);
    cleanup(free_ptr) char *given = batch_source_numbers(&batch, STAGE_COMPRESS, 1);
    ck_assert_ptr_null(strstr(made, "\"kept\": true"));
    ck_assert_ptr_nonnull(strstr(given, "\"kept\": true"));
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(has(i, SOURCE_FRAMES), wishes[_i].frames);
        ck_assert_int_eq(has(i, SOURCE_AUDIO), wishes[_i].audio);
    }
    same(SOURCE_PROXY);
    if (wishes[_i].frames)
        same(SOURCE_FRAMES);
    if (wishes[_i].audio)
        same(SOURCE_AUDIO);
}
END_TEST

START_TEST(what_was_kept_without_is_made_anew_with)
{
    batch_folder_roles(&batch, MODEL_LOCAL, MODEL_NONE);
    compress(0, clip());
    batch_folder_roles(&batch, MODEL_OPENAI, MODEL_LOCAL);
    compress(1, clip());
    ck_assert(!has(0, SOURCE_FRAMES) && has(1, SOURCE_FRAMES) && has(1, SOURCE_AUDIO));
    same(SOURCE_SIGNALS); // whatever is made besides
}
END_TEST

// ---- killed

static const char *const moments[] = {
    "0/proxy.mp4",           "0/signals.json",           "0/audio.wav", "0/frames.tmp",
    "0/frames.tmp/0002.jpg", "0/frames.tmp/frames.json", "0/frames"
};

// Starts compress and kills it as soon as that is there.
static void kill_at(const char *moment)
{
    cleanup(free_ptr) char *program = program_built("libexec/clipspool/compress");
    char spool[] = "--spool", index[] = "0";
    char *argv[] = { program, spool, batch.folder.path, batch.path, index, NULL };
    pid_t pid = 0;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    // Where a stage says how far it is; here that would be a pipe of the test's own.
    posix_spawn_file_actions_addopen(&actions, 3, "/dev/null", O_WRONLY, 0);
    ck_assert_int_eq(posix_spawn(&pid, program, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    // Nothing announces it; a minute is far more than it takes.  What is gone already was passed.
    for (int i = 0; i < 60000 && waitpid(pid, NULL, WNOHANG) == 0; i++) {
        if (faccessat(batch.batchdir, moment, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, NULL, 0);
            return;
        }
        (void)poll(NULL, 0, 1);
    }
}

START_TEST(killed_anywhere_it_leaves_no_half_set_and_the_next_run_makes_it_whole)
{
    batch_source_put(&batch, 0, clip());
    kill_at(moments[_i]);
    if (has(0, SOURCE_FRAMES))
        check_frames(moments[_i]);
    ck_assert_int_eq(batch_source_run(&batch, STAGE_COMPRESS, 0, NULL), 0);
    check_frames(moments[_i]);
    ck_assert(has(0, SOURCE_AUDIO));
    ck_assert(!has(0, SOURCE_FRAMES ".tmp"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("compress for models");
    TCase *tcase = tcase_create("compress for models");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, each_shot_of_a_real_video_is_shown, 0, (int)ARRAY_LEN(real));
    tcase_add_test(tcase, the_picture_of_a_shot_is_of_that_shot);
    tcase_add_test(tcase, pictures_are_upright_and_as_wide_as_on_the_screen);
    tcase_add_loop_test(tcase, sound_lies_where_it_lies_in_the_source, 0, (int)ARRAY_LEN(delays));
    tcase_add_test(tcase, what_is_said_is_loudest_where_the_signals_hear_a_voice);
    tcase_add_test(tcase, a_silent_video_has_no_sound_file);
    tcase_add_loop_test(tcase, what_is_wanted_is_made_and_the_second_time_given, 0,
                        (int)ARRAY_LEN(wishes));
    tcase_add_test(tcase, what_was_kept_without_is_made_anew_with);
    tcase_add_loop_test(tcase,
                        killed_anywhere_it_leaves_no_half_set_and_the_next_run_makes_it_whole, 0,
                        (int)ARRAY_LEN(moments));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
