// The whole promise: real and made videos go into `clipspool run` or are dropped into the daemon's
// spool, a reel comes out that shows what the plan says, and the originals are as they were. Judged
// by reelcheck, which knows nothing of how the reel was made.
#include "tests/support/folder.h"
#include "tests/support/media.h"
#include "tests/support/program.h"
#include "tests/support/render_batch.h"
#include "tests/support/spool_fixture.h"

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

// Shot lying on its side.
static const char *turned(const char *path)
{
    return MEDIA_MAKE("mix-turned.mp4", "-i", path, "-c", "copy", "-metadata:s:v:0", "rotate=90");
}

// Four rates, five sizes, one on its side; mono at an old rate, 5.1, none, stereo.
enum { MIXED = 5 };
static const char mixed_job[] = "target_duration = 14.0; strategy = \"every-source\";";

static void make_mixed(const char *sources[MIXED])
{
    sources[0] = MEDIA_CLIP(.name = "mix-25-mono.mp4", .seconds = 6, .width = 640, .height = 360,
                            .rate = "25", .options = "-ac 1 -preset ultrafast",
                            .sound = "sine=frequency=330:beep_factor=4:sample_rate=22050");
    sources[1] = MEDIA_CLIP(.name = "mix-ntsc-51.mkv", .seconds = 6, .width = 480, .height = 270,
                            .rate = "30000/1001", .options = "-ac 6",
                            .sound = "sine=frequency=220:beep_factor=3:sample_rate=48000");
    sources[2] = MEDIA_CLIP(.name = "mix-silent-60.mp4", .seconds = 5, .width = 320, .height = 240,
                            .rate = "60", .sound = "");
    sources[3] = MEDIA_CLIP(.name = "mix-film-odd.mkv", .seconds = 5, .width = 322, .height = 182,
                            .rate = "24000/1001", .picture = "testsrc");
    sources[4] = turned(MEDIA_CLIP(.name = "mix-side.mp4", .seconds = 5, .width = 384,
                                   .height = 216, .rate = "30", .picture = "testsrc",
                                   .sound = RENDER_SWELL("44100", "stereo")));
}

START_TEST(test_a_reel_of_mixed_made_videos_shows_what_its_plan_says)
{
    const char *sources[MIXED];
    make_mixed(sources);
    make_reel(mixed_job, sources, MIXED);
}
END_TEST

// The numbers of its sources in the plan are those of the list, and every one is in the reel.
static void assert_all_planned(const struct folder *folder, const char *name, size_t count)
{
    char *text = folder_get(folder, name);
    json_t *plan = json_loads(text, 0, NULL), *segment;
    unsigned used = 0;
    size_t i;
    json_array_foreach(json_object_get(plan, "segments"), i, segment) used |=
        1u << json_integer_value(json_object_get(segment, "video_index"));
    ck_assert_msg(used == (1u << count) - 1, "sources %x of %zu in:\n%s", used, count, text);
    json_decref(plan);
    free(text);
}

START_TEST(test_the_daemon_makes_the_same_of_mixed_videos_that_are_dropped)
{
    const char *sources[MIXED];
    struct spool_fixture daemon;
    make_mixed(sources);
    spool_fixture_open(&daemon);
    daemon.patience = 400; // its steps are niced
    spool_fixture_start(&daemon);
    spool_fixture_drop_copies(&daemon, "mixed", sources, MIXED, mixed_job);
    json_decref(spool_fixture_await(&daemon, "mixed", "completed"));
    assert_completed(&daemon.folder, "spool/outbox/mixed", MIXED);
    assert_all_planned(&daemon.folder, "spool/outbox/mixed/plan.json", MIXED);
    char *result = spool_fixture_path(&daemon, "outbox/mixed");
    hold_against_sources(result, sources, MIXED);
    free(result);
    spool_fixture_close(&daemon);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reel");
    TCase *daemon = tcase_create("the daemon"), *run = tcase_create("clipspool run");
    tcase_set_timeout(daemon, 550);
    tcase_set_timeout(run, 550);
    tcase_add_test(daemon, test_the_daemon_makes_the_same_of_mixed_videos_that_are_dropped);
    tcase_add_test(run, test_a_reel_of_mixed_made_videos_shows_what_its_plan_says);
    tcase_add_loop_test(run, test_a_reel_of_real_videos_shows_what_its_plan_says, 0,
                        (int)ARRAY_LEN(real_batches));
    suite_add_tcase(suite, daemon);
    suite_add_tcase(suite, run);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
