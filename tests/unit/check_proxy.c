// Proxies: of the right shape, rate and length, upright, in step with their source, with signals.
#include "media/inspect.h"
#include "media/proxy.h"
#include "media/source.h"
#include "tests/support/media.h"
#include <check.h>
#include <math.h>
#include <stdio.h>

struct made {
    struct probe source, proxy; // what inspection finds in both
    struct signals signals;
    struct proxy_result result;
    int fd; // of the proxy
};

static void inspect(int fd, struct probe *probe)
{
    const struct inspect_rules rules = { .max_pixels = 10000000, .max_streams = 16 };
    struct err err = ERR_INIT;
    ck_assert_msg(inspect_file(fd, &rules, probe, &err) == 0, "%s: %s", err.id, err.text);
}

static struct made make_by(const char *path, enum job_profile profile, bool every_picture)
{
    struct made made = { .source = PROBE_INIT, .proxy = PROBE_INIT };
    struct err err = ERR_INIT;
    char name[] = "/tmp/clipspool-proxy-XXXXXX";
    int source = media_open(path);
    made.fd = mkstemp(name);
    ck_assert_int_ge(made.fd, 0);
    (void)unlink(name);
    inspect(source, &made.source);
    const struct proxy_wish wish = {
        .source_fd = source,
        .proxy_fd = made.fd,
        .probe = &made.source,
        .profile = proxy_profile(profile, made.source.duration),
        .max_pixels = 10000000,
        .max_streams = 16,
        .every_picture = every_picture,
    };
    ck_assert_msg(proxy_make(&wish, &made.signals, &made.result, &err) == 0, "%s: %s", path,
                  err.text);
    close(source);
    inspect(made.fd, &made.proxy);
    return made;
}

static struct made make(const char *path, enum job_profile profile)
{
    return make_by(path, profile, false);
}

static void release(struct made *made)
{
    close(made->fd);
    probe_release(&made->source);
    probe_release(&made->proxy);
    signals_release(&made->signals);
}

START_TEST(dynamic_chooses_by_duration)
{
    static const struct {
        enum job_profile profile;
        double duration;
        const char *name;
    } rows[] = {
        { PROFILE_DYNAMIC, 5, "conservative" },        { PROFILE_DYNAMIC, 179.9, "conservative" },
        { PROFILE_DYNAMIC, 180, "balanced" },          { PROFILE_DYNAMIC, 419, "balanced" },
        { PROFILE_DYNAMIC, 420, "aggressive" },        { PROFILE_DYNAMIC, 5000, "aggressive" },
        { PROFILE_BALANCED, 5, "balanced" },           { PROFILE_AGGRESSIVE, 5, "aggressive" },
        { PROFILE_CONSERVATIVE, 999, "conservative" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_str_eq(proxy_profile(rows[i].profile, rows[i].duration)->name, rows[i].name);
}
END_TEST

START_TEST(a_recipe_holds_whatever_decides_the_proxy)
{
    const struct probe as_is = { .width = 1280,
                                 .height = 720,
                                 .fps_num = 30,
                                 .fps_den = 1,
                                 .duration = 5,
                                 .bit_rate = 1000000 };
    cleanup(free_ptr) char *recipe = proxy_recipe(proxy_profile(PROFILE_BALANCED, 5), &as_is);
    struct probe others[8];
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        others[i] = as_is;
    others[0].width = 1278;
    others[1].height = 718;
    others[2].rotation = 90;
    others[3].interlaced = true;
    others[4].fps_den = 2;
    others[5].duration = 5.001;
    others[6].start_time = 0.04;
    others[7].bit_rate = 1000001;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        cleanup(free_ptr) char *other =
            proxy_recipe(proxy_profile(PROFILE_BALANCED, 5), &others[i]);
        ck_assert_msg(strcmp(recipe, other) != 0, "%zu", i);
    }
    cleanup(free_ptr) char *profile = proxy_recipe(proxy_profile(PROFILE_AGGRESSIVE, 5), &as_is);
    ck_assert_str_ne(recipe, profile);
    cleanup(free_ptr) char *again = proxy_recipe(proxy_profile(PROFILE_DYNAMIC, 200), &as_is);
    ck_assert_str_eq(recipe, again);
}
END_TEST

static const struct shape {
    const char *name;
    int width, height;
    const char *rate, *filter, *options, *sound;
    enum job_profile profile;
    int out_width, out_height, fps_num, fps_den, audio_rate, audio_channels;
} shapes[] = {
    { "wide.mp4", 1280, 720, "30", NULL, NULL, NULL, PROFILE_AGGRESSIVE, 854, 480, 10, 1, 22050,
      1 },
    { "small.mp4", 320, 240, "8", NULL, NULL, NULL, PROFILE_AGGRESSIVE, 320, 240, 8, 1, 22050, 1 },
    { "tall.mp4", 360, 640, "30", NULL, "-preset ultrafast -ac 2", NULL, PROFILE_AGGRESSIVE, 270,
      480, 10, 1, 22050, 2 },
    { "ntsc.mp4", 640, 360, "24000/1001", NULL, NULL, NULL, PROFILE_CONSERVATIVE, 640, 360, 24000,
      1001, 44100, 1 },
    { "odd.avi", 321, 241, "25", NULL, "-c:v mjpeg -pix_fmt yuvj444p -c:a mp3", NULL,
      PROFILE_BALANCED, 320, 240, 15, 1, 44100, 1 },
    { "anamorphic.mp4", 320, 240, "30", "setsar=2/1", NULL, NULL, PROFILE_BALANCED, 640, 240, 15, 1,
      44100, 1 },
    { "silent.mp4", 320, 240, "30", NULL, NULL, "", PROFILE_BALANCED, 320, 240, 15, 1, 0, 0 },
    { "surround.mp4", 320, 240, "30", NULL, "-preset ultrafast -ac 6", NULL, PROFILE_BALANCED, 320,
      240, 15, 1, 44100, 2 },
    { "telephone.mkv", 320, 240, "30", NULL, "-preset ultrafast -ar 8000 -c:a aac", NULL,
      PROFILE_BALANCED, 320, 240, 15, 1, 8000, 1 },
    { "deep.mp4", 320, 240, "60", NULL, "-preset ultrafast -pix_fmt yuv422p10le", NULL,
      PROFILE_CONSERVATIVE, 320, 240, 24, 1, 44100, 1 },
};

START_TEST(a_proxy_has_the_shape_of_its_profile_and_never_exceeds_its_source)
{
    const struct shape *row = &shapes[_i];
    const struct media_clip clip = { .name = row->name,
                                     .seconds = 3,
                                     .width = row->width,
                                     .height = row->height,
                                     .rate = row->rate,
                                     .sound = row->sound,
                                     .filter = row->filter,
                                     .options = row->options };
    struct made made = make(media_clip(&clip), row->profile);
    ck_assert_msg(made.proxy.width == row->out_width && made.proxy.height == row->out_height,
                  "%s: %dx%d", row->name, made.proxy.width, made.proxy.height);
    ck_assert_int_eq(made.proxy.fps_num, row->fps_num);
    ck_assert_int_eq(made.proxy.fps_den, row->fps_den);
    ck_assert_str_eq(made.proxy.codec, "h264");
    ck_assert_str_eq(made.proxy.pixel_format, "yuv420p");
    ck_assert_int_eq(made.proxy.sar_num, made.proxy.sar_den);
    ck_assert_int_eq(made.proxy.audio_rate, row->audio_rate);
    ck_assert_int_eq(made.proxy.audio_channels, row->audio_channels);
    ck_assert_double_eq_tol(made.proxy.start_time, 0, 1e-6);
    ck_assert_double_eq_tol(made.proxy.duration, made.source.duration,
                            0.51 * row->fps_den / row->fps_num);
    ck_assert_int_eq(made.result.frames, made.proxy.frames);
    ck_assert_uint_eq(made.signals.frame_count, (size_t)made.source.frames);
    ck_assert_int_eq(made.signals.has_sound, row->audio_rate > 0);
    ck_assert_uint_eq(made.result.damage, 0);
    release(&made);
}
END_TEST

// Mean luma of the left part of the proxy's picture at `seconds`.
static double brightness_at(int fd, double seconds)
{
    const struct source_limits limits = { 10000000, 16 };
    struct source *source = NULL;
    AVFrame *frame = av_frame_alloc();
    double sum = -1;
    ck_assert_int_eq(source_open(fd, &limits, &source, NULL), 0);
    ck_assert_int_eq(source_decode(source, SOURCE_PICTURE, 1, AVDISCARD_DEFAULT, NULL), 0);
    while (source_frame(source, frame, NULL) > 0) {
        if (source_frame_time(frame) <= seconds + 1e-6) {
            sum = 0;
            for (int y = 0; y < frame->height; y++)
                for (int x = 0; x < frame->width; x++)
                    sum += frame->data[0][y * frame->linesize[0] + x];
            sum /= (double)frame->width * frame->height;
        }
        av_frame_unref(frame);
    }
    av_frame_free(&frame);
    source_free(&source);
    return sum;
}

// The picture turns white at 1.5 s of the source, whatever the container's clock says.
START_TEST(a_proxy_is_in_step_with_its_source)
{
    static const struct {
        const char *name, *options;
    } rows[] = {
        { "step.mp4", "-preset ultrafast -bf 2" },
        { "step.ts", "-c:v libx264 -preset ultrafast -bf 2" },
        { "step-late.mkv", "-preset ultrafast -output_ts_offset 7" },
        { "step-variable.mp4", "-preset ultrafast -fps_mode vfr" },
    };
    const struct media_clip clip = {
        .name = rows[_i].name,
        .seconds = 3,
        .picture = "color=c=black",
        .filter = _i == 3 ? "drawbox=c=white:t=fill:enable='gte(t,1.5)',"
                            "select='not(mod(n,4))+between(n,40,50)'"
                          : "drawbox=c=white:t=fill:enable='gte(t,1.5)'",
        .options = rows[_i].options,
    };
    struct made made = make(media_clip(&clip), PROFILE_AGGRESSIVE);
    ck_assert_double_lt(brightness_at(made.fd, 1.3), 40);
    ck_assert_double_lt(brightness_at(made.fd, 1.4), 40);
    ck_assert_double_gt(brightness_at(made.fd, 1.5), 200);
    ck_assert_double_gt(brightness_at(made.fd, 1.7), 200);
    size_t at = 0;
    for (size_t i = 1; i < made.signals.frame_count; i++)
        if (made.signals.frames[i].brightness > 0.5f &&
            made.signals.frames[i - 1].brightness < 0.5f)
            at = i;
    ck_assert_float_eq_tol(made.signals.frames[at].time, 1.5f, 0.002f);
    release(&made);
}
END_TEST

static struct source *open_pictures(int fd)
{
    const struct source_limits limits = { 10000000, 16 };
    struct source *source = NULL;
    ck_assert_int_eq(source_open(fd, &limits, &source, NULL), 0);
    ck_assert_int_eq(source_decode(source, SOURCE_PICTURE, 1, AVDISCARD_DEFAULT, NULL), 0);
    return source;
}

static double difference(const AVFrame *a, const AVFrame *b)
{
    double sum = 0;
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++)
            sum += abs(a->data[0][y * a->linesize[0] + x] - b->data[0][y * b->linesize[0] + x]);
    return sum / ((double)a->width * a->height);
}

// Not the coded bytes: with two threads and a bounded rate x264 does not give the same ones twice.
static void compare_pictures(int fd, int other_fd)
{
    struct source *source = open_pictures(fd), *other = open_pictures(other_fd);
    AVFrame *frame = av_frame_alloc(), *twin = av_frame_alloc();
    for (;;) {
        int r = source_frame(source, frame, NULL);
        ck_assert_int_eq(source_frame(other, twin, NULL), r);
        if (r == 0)
            break;
        ck_assert_int_eq(frame->pts, twin->pts);
        ck_assert_double_lt(difference(frame, twin), 1);
        av_frame_unref(frame);
        av_frame_unref(twin);
    }
    av_frame_free(&frame);
    av_frame_free(&twin);
    source_free(&source);
    source_free(&other);
}

static const struct sparse {
    const char *name, *rate, *options;
    enum job_profile profile;
    double least, most; // part of the pictures that is decoded
} sparse[] = {
    { "sparse.mp4", "30", "-c:v libx264 -bf 3 -b_strategy 0 -sc_threshold 0", PROFILE_AGGRESSIVE,
      0.5, 0.75 },
    { "sparse-24.mkv", "24000/1001", "-c:v libx264 -bf 2 -b_strategy 0", PROFILE_AGGRESSIVE, 0.3,
      0.85 },
    { "sparse.ts", "25", "-c:v libx264 -bf 3 -b_strategy 0", PROFILE_BALANCED, 0.5, 0.95 },
    { "sparse-open.mp4", "30", "-c:v libx264 -g 12 -bf 2 -b_strategy 0 -x264-params open-gop=1",
      PROFILE_AGGRESSIVE, 0.5, 0.9 },
    { "sparse-hevc.mp4", "30", "-c:v libx265 -preset ultrafast -x265-params bframes=3:b-adapt=0",
      PROFILE_AGGRESSIVE, 0.5, 0.85 },
    { "dense.mp4", "30", "-c:v libx264 -bf 0", PROFILE_AGGRESSIVE, 1, 1 },
    { "dense.avi", "30", "-c:v mpeg4 -bf 2", PROFILE_AGGRESSIVE, 1, 1 },
    { "dense-field.mp4", "30", "-c:v libx264 -bf 2 -flags +ildct+ilme", PROFILE_AGGRESSIVE, 1, 1 },
};

START_TEST(what_is_not_decoded_is_not_missed_in_the_proxy)
{
    const struct sparse *row = &sparse[_i];
    const char *path =
        MEDIA_CLIP(.name = row->name, .seconds = 4, .rate = row->rate, .options = row->options);
    struct made some = make(path, row->profile), all = make_by(path, row->profile, true);
    compare_pictures(some.fd, all.fd);
    ck_assert_uint_eq(all.signals.frame_count, (size_t)all.source.frames);
    double part = (double)some.signals.frame_count / (double)all.signals.frame_count;
    ck_assert_msg(part >= row->least && part <= row->most, "%s: %.3f decoded", row->name, part);
    ck_assert_double_eq_tol(some.signals.frame_rate, part * all.signals.frame_rate, 1e-6);
    release(&some);
    release(&all);
}
END_TEST

// Every picture of a group is a place where a cut can lie; the encoder is told not to look for it.
START_TEST(a_cut_is_found_to_the_picture_though_some_are_not_decoded)
{
    char filter[160], name[32];
    (void)snprintf(name, sizeof name, "cut-at-%d.mp4", 60 + _i);
    (void)snprintf(filter, sizeof filter, "negate=enable='gte(n,%d)',hue=h=90:enable='gte(n,%d)'",
                   60 + _i, 60 + _i);
    const char *path = MEDIA_CLIP(.name = name, .seconds = 4, .filter = filter, .sound = "",
                                  .options = "-c:v libx264 -bf 3 -b_strategy 0 -sc_threshold 0");
    struct made made = make(path, PROFILE_AGGRESSIVE);
    size_t at = 0;
    for (size_t i = 1; i < made.signals.frame_count; i++)
        if (made.signals.frames[i].cut > made.signals.frames[at].cut)
            at = i;
    ck_assert_uint_lt(made.signals.frame_count, 100);
    ck_assert_float_gt(made.signals.frames[at].cut, 0.3f);
    ck_assert_float_eq_tol(made.signals.frames[at].time, (float)(60 + _i) / 30, 0.001f);
    release(&made);
}
END_TEST

START_TEST(a_turned_source_makes_an_upright_proxy)
{
    // The right half is white; turned by 90 degrees clockwise that is the lower half.
    const char *upright =
        MEDIA_CLIP(.name = "half.mp4", .picture = "color=c=black", .width = 320, .height = 180,
                   .sound = "", .seconds = 1, .filter = "drawbox=x=160:w=160:c=white:t=fill");
    const char *path =
        MEDIA_MAKE("half.mov", "-i", upright, "-c", "copy", "-metadata:s:v", "rotate=270");
    struct made made = make(path, PROFILE_BALANCED);
    ck_assert_int_eq(made.source.rotation, 90);
    ck_assert_int_eq(made.proxy.rotation, 0);
    ck_assert_int_eq(made.proxy.width, 180);
    ck_assert_int_eq(made.proxy.height, 320);
    const struct source_limits limits = { 10000000, 16 };
    struct source *source = NULL;
    AVFrame *frame = av_frame_alloc();
    ck_assert_int_eq(source_open(made.fd, &limits, &source, NULL), 0);
    ck_assert_int_eq(source_decode(source, SOURCE_PICTURE, 1, AVDISCARD_DEFAULT, NULL), 0);
    ck_assert_int_eq(source_frame(source, frame, NULL), SOURCE_PICTURE);
    ck_assert_int_lt(frame->data[0][40 * frame->linesize[0] + 90], 40);
    ck_assert_int_gt(frame->data[0][280 * frame->linesize[0] + 90], 200);
    av_frame_free(&frame);
    source_free(&source);
    release(&made);
}
END_TEST

START_TEST(sound_and_silence_are_where_they_were)
{
    // A tone from 1 s to 2 s.
    const char *path = MEDIA_CLIP(.name = "tone.mp4", .seconds = 3,
                                  .sound = "aevalsrc='0.5*sin(2*PI*1000*t)*between(t,1,2)':s=48000",
                                  .options = "-preset ultrafast -ac 2");
    struct made made = make(path, PROFILE_BALANCED);
    ck_assert_uint_eq(made.signals.sound_count, 60);
    ck_assert_float_lt(made.signals.sounds[15].peak, -40);
    ck_assert_float_gt(made.signals.sounds[25].peak, -10);
    ck_assert_float_gt(made.signals.sounds[20].onset + made.signals.sounds[19].onset, 0.15f);
    ck_assert_float_lt(made.signals.sounds[45].peak, -40);
    struct made again = make(path, PROFILE_AGGRESSIVE);
    for (size_t i = 0; i < 60; i++) // measured before the profile, so the same
        ck_assert_float_eq_tol(made.signals.sounds[i].loudness, again.signals.sounds[i].loudness,
                               1e-5f);
    release(&made);
    release(&again);
}
END_TEST

START_TEST(damage_makes_a_proxy_all_the_same)
{
    const char *whole = MEDIA_CLIP(.name = "whole.ts", .seconds = 4,
                                   .options = "-c:v libx264 -preset ultrafast -g 30");
    size_t size = media_size(whole);
    const char *path = media_zeroed(whole, "hole.ts", size / 2, size / 10);
    struct made made = make(path, PROFILE_AGGRESSIVE);
    ck_assert_uint_gt(made.result.damage, 0);
    ck_assert_double_gt(made.result.last_picture, 3.8);
    ck_assert_double_eq_tol(made.proxy.duration, 4, 0.11);
    release(&made);
}
END_TEST

START_TEST(sound_that_cannot_be_decoded_is_left_out)
{
    const char *whole =
        MEDIA_CLIP(.name = "both.avi", .seconds = 2, .options = "-c:v mpeg4 -c:a adpcm_ima_wav");
    const char *path = MEDIA_MAKE("unknown.mkv", "-i", whole, "-c:v", "copy", "-c:a", "wavpack");
    struct made made = make(path, PROFILE_AGGRESSIVE);
    ck_assert(!made.signals.has_sound);
    ck_assert(!made.proxy.has_audio || made.result.silent);
    release(&made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("proxy");
    TCase *tcase = tcase_create("proxy");
    tcase_set_timeout(tcase, 120); // the first run makes the clips
    tcase_add_test(tcase, dynamic_chooses_by_duration);
    tcase_add_test(tcase, a_recipe_holds_whatever_decides_the_proxy);
    tcase_add_loop_test(tcase, a_proxy_has_the_shape_of_its_profile_and_never_exceeds_its_source, 0,
                        (int)ARRAY_LEN(shapes));
    tcase_add_loop_test(tcase, a_proxy_is_in_step_with_its_source, 0, 4);
    tcase_add_loop_test(tcase, what_is_not_decoded_is_not_missed_in_the_proxy, 0,
                        ARRAY_LEN(sparse));
    tcase_add_loop_test(tcase, a_cut_is_found_to_the_picture_though_some_are_not_decoded, 0, 4);
    tcase_add_test(tcase, a_turned_source_makes_an_upright_proxy);
    tcase_add_test(tcase, sound_and_silence_are_where_they_were);
    tcase_add_test(tcase, damage_makes_a_proxy_all_the_same);
    tcase_add_test(tcase, sound_that_cannot_be_decoded_is_left_out);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
