// The whole promise: real and made videos go into `clipspool run`, a reel comes out that shows what
// the plan says, and the originals are as they were.  Judged by reelcheck, which knows nothing of
// how the reel was made.
#include "tests/support/folder.h"
#include "tests/support/media.h"
#include "tests/support/program.h"
#include "tests/support/render_batch.h"

#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>

enum { MAX_SOURCES = 10 };

struct real_source {
    const char *path;
    const char *seconds; // take so much of its beginning, as it is encoded, to save time; NULL: all
};

static const struct {
    const char *name, *job;
    struct real_source sources[MAX_SOURCES + 1];
} real_batches[] = {
    { "one theme in five containers and codecs",
      NULL,
      { { "batch-nasa/BlastOff.wmv" },
        { "batch-nasa/apollo_eva_47s.mkv" },
        { "batch-nasa/nasa_13013.mp4" },
        { "batch-nasa/nasa_sls_hotfire_promo_52s.webm" },
        { "batch-nasa/shuttle10seconds.1080x608.webm" } } },
    { "films and talk, 5.1 and stereo, into 720p",
      "target_duration = 20.0; strategy = \"story\"; output = { resolution = \"720p\"; };",
      { { "batch-openmovies/bbb_1080p24_51audio_30s.mp4", "12" },
        { "batch-talk/autocut_test001_zh.mp4" },
        { "batch-talk/autoeditor_example_42s.mp4" },
        { "batch-openmovies/tears-of-steel-battle-clip-medium.webm", "25" } } },
    { "cameras: turned, no sound, variable rate, interlaced",
      "target_duration = 15.0; strategy = \"every-source\";",
      { { "camera/VID_20191220_170832.mp4" },
        { "camera/iphone_vertical_hevc60_rot.mov" },
        { "camera/traffic_camera_vfr.mp4", "20" },
        { "camera/Sony_ILCE-7M3_A7M3.mts" },
        { "camera/100_0306.AVI" },
        { "camera/av_sync_test.mp4", "15" },
        { "camera/sideways_movie.mov" } } },
};

static const char *real_source(const struct real_source *source)
{
    const char *path = media_real(source->path);
    if (!path || !source->seconds)
        return path;
    return MEDIA_MAKE(strrchr(path, '/') + 1, "-t", source->seconds, "-i", path, "-map", "0:v:0",
                      "-map", "0:a:0?", "-c", "copy");
}

// Runs reelcheck over a result folder with the sources in the plan's order of numbers.
static void hold_against_sources(const char *result, const char *const *sources, size_t count)
{
    const char *reelcheck = program_reelcheck();
    if (!reelcheck)
        return;
    char *plan = xasprintf("%s/plan.json", result), *final = xasprintf("%s/final.mp4", result);
    const char *argv[10 + MAX_SOURCES + 1] = { "/usr/bin/python3", reelcheck, "--plan",       plan,
                                               "--final",          final,     "--max-frames", "1",
                                               "--max-ms",         "25" };
    for (size_t i = 0; i < count; i++)
        argv[10 + i] = render_batch_reference(sources[i]);
    char *said;
    int status = program_run(argv, &said);
    ck_assert_msg(status == 0, "reelcheck on %s:\n%s", result, said);
    free(said);
    free(plan);
    free(final);
}

static void assert_completed(const struct folder *folder, const char *result_name, size_t count)
{
    char *name = xasprintf("%s/status.json", result_name), *text = folder_get(folder, name);
    ck_assert_msg(text != NULL, "no %s", name);
    json_t *status = json_loads(text, 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(status, "status")), "completed");
    ck_assert_double_eq(json_number_value(json_object_get(status, "progress")), 100);
    json_t *videos = json_object_get(status, "videos");
    ck_assert_uint_eq(json_array_size(videos), count);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(json_is_null(json_object_get(json_array_get(videos, i), "error")),
                      "video %zu failed:\n%s", i, text);
    json_decref(status);
    free(text);
    free(name);
}

static void make_reel(const char *job, const char *const *sources, size_t count)
{
    struct folder folder;
    folder_make(&folder);
    char *clipspool = program_built("bin/clipspool");
    const char *argv[8 + MAX_SOURCES + 1] = {
        clipspool, "run", "--name", "reel", "-o", folder.path
    };
    size_t used = 6;
    char *job_path = xasprintf("%s/job.conf", folder.path);
    if (job) {
        folder_put(&folder, "job.conf", job);
        argv[used++] = "-c";
        argv[used++] = job_path;
    }
    struct stat before[MAX_SOURCES], after;
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(stat(sources[i], &before[i]), 0);
        argv[used++] = sources[i];
    }
    char *said;
    int status = program_run(argv, &said);
    ck_assert_msg(status == 0, "clipspool run ended with %d:\n%s", status, said);
    assert_completed(&folder, "reel", count);
    char *result = xasprintf("%s/reel", folder.path);
    hold_against_sources(result, sources, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(stat(sources[i], &after), 0);
        ck_assert_int_eq(before[i].st_size, after.st_size);
        ck_assert_int_eq(before[i].st_mtim.tv_sec, after.st_mtim.tv_sec);
        ck_assert_uint_eq(before[i].st_nlink, after.st_nlink);
    }
    free(said);
    free(result);
    free(job_path);
    free(clipspool);
    folder_remove(&folder);
}

START_TEST(test_a_reel_of_real_videos_shows_what_its_plan_says)
{
    const char *sources[MAX_SOURCES];
    size_t count = 0;
    for (; real_batches[_i].sources[count].path; count++)
        if (!(sources[count] = real_source(&real_batches[_i].sources[count])))
            return;
    make_reel(real_batches[_i].job, sources, count);
}
END_TEST

START_TEST(test_a_reel_of_mixed_made_videos_shows_what_its_plan_says)
{
    const char *sources[] = {
        MEDIA_CLIP(.name = "mix-25-mono.mp4", .seconds = 6, .width = 640, .height = 360,
                   .rate = "25", .sound = "sine=frequency=330:beep_factor=4:sample_rate=22050"),
        MEDIA_CLIP(.name = "mix-ntsc-51.mkv", .seconds = 6, .width = 480, .height = 270,
                   .rate = "30000/1001", .options = "-ac 6",
                   .sound = "sine=frequency=220:beep_factor=3:sample_rate=48000"),
        MEDIA_CLIP(.name = "mix-silent-60.mp4", .seconds = 5, .width = 320, .height = 240,
                   .rate = "60", .sound = ""),
        MEDIA_CLIP(.name = "mix-film-odd.mkv", .seconds = 5, .width = 322, .height = 182,
                   .rate = "24000/1001", .picture = "testsrc"),
    };
    make_reel("target_duration = 12.0; strategy = \"every-source\";", sources, ARRAY_LEN(sources));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reel");
    TCase *tcase = tcase_create("clipspool run");
    tcase_set_timeout(tcase, 550);
    tcase_add_test(tcase, test_a_reel_of_mixed_made_videos_shows_what_its_plan_says);
    tcase_add_loop_test(tcase, test_a_reel_of_real_videos_shows_what_its_plan_says, 0,
                        (int)ARRAY_LEN(real_batches));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
