// The reel as a whole: what is left out, what is said about it, and that the rest is there.
#include "media/reel.h"

#include "media/inspect.h"
#include "tests/support/folder.h"
#include "tests/support/media.h"
#include "tests/support/program.h"

#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>

enum { SOURCES = 3 };

struct workshop {
    struct folder folder;
    int fd, scratch_fd;
    struct probe probes[SOURCES];
    struct reel_source sources[SOURCES];
    struct plan plan;
    struct reel_order order;
    struct reel_result result;
    unsigned warnings, steps;
    char warned[1000]; // the last one
    double progress;
};

static void hear_warning(void *context, const char *sentence)
{
    struct workshop *workshop = context;
    workshop->warnings++;
    (void)snprintf(workshop->warned, sizeof workshop->warned, "%s", sentence);
}

static void hear_progress(void *context, double fraction)
{
    struct workshop *workshop = context;
    ck_assert_double_ge(fraction, workshop->progress - 1e-9);
    ck_assert_double_le(fraction, 1);
    workshop->progress = fraction;
    workshop->steps++;
}

static const char *loud_clip(void)
{
    return MEDIA_CLIP(.name = "loud.mp4", .seconds = 4, .width = 160, .height = 120, .rate = "30",
                      .sound = "sine=frequency=440:sample_rate=48000");
}

static const char *silent_clip(void)
{
    return MEDIA_CLIP(.name = "silent.mp4", .seconds = 4, .width = 160, .height = 120, .rate = "30",
                      .sound = "");
}

static void set_up(struct workshop *workshop)
{
    memset(workshop, 0, sizeof *workshop);
    folder_make(&workshop->folder);
    workshop->fd =
        openat(workshop->folder.fd, "reel.mp4", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    workshop->scratch_fd =
        openat(workshop->folder.fd, "scratch", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    workshop->order = (struct reel_order){
        .scratch_fd = workshop->scratch_fd,
        .plan = &workshop->plan,
        .sources = workshop->sources,
        .source_count = SOURCES,
        .max_pixels = 1 << 24,
        .max_streams = 20,
        .quality = { NULL, "ultrafast", 23, 0 },
        .context = workshop,
        .progress = hear_progress,
        .warn = hear_warning,
    };
    for (int i = 0; i < SOURCES; i++) {
        workshop->probes[i] = (struct probe)PROBE_INIT;
        workshop->sources[i] =
            (struct reel_source){ .fd = -1, .probe = &workshop->probes[i], .name = "a clip" };
    }
}

static void tear_down(struct workshop *workshop)
{
    for (int i = 0; i < SOURCES; i++) {
        probe_release(&workshop->probes[i]);
        close_fd(&workshop->sources[i].fd);
    }
    plan_release(&workshop->plan);
    reel_result_release(&workshop->result);
    close_fd(&workshop->fd);
    close_fd(&workshop->scratch_fd);
    folder_remove(&workshop->folder);
}

static void use(struct workshop *workshop, int index, const char *path)
{
    struct err err = ERR_INIT;
    const struct inspect_rules rules = { .max_pixels = 1 << 24, .max_streams = 20 };
    workshop->sources[index].fd = media_open(path);
    ck_assert_msg(inspect_file(workshop->sources[index].fd, &rules, &workshop->probes[index],
                               &err) >= 0,
                  "%s", err.text);
}

static void cut(struct workshop *workshop, int index, double start, double end)
{
    struct plan_segment segment = { .video_index = index, .start = start, .end = end };
    plan_add(&workshop->plan, &segment);
}

static int render(struct workshop *workshop, struct err *err)
{
    return reel_render(&workshop->order, workshop->fd, &workshop->result, err);
}

static void render_well(struct workshop *workshop)
{
    struct err err = ERR_INIT;
    ck_assert_msg(render(workshop, &err) >= 0, "%s", err.text);
}

// What ffprobe says of the entries, a line a stream.
static char *probed(const struct workshop *workshop, const char *entries)
{
    char *path = xasprintf("%s/reel.mp4", workshop->folder.path), *said;
    ck_assert_int_eq(PROGRAM_RUN(&said, "ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries",
                                 entries, path),
                     0);
    free(path);
    return said;
}

START_TEST(the_reel_is_as_long_as_its_plan)
{
    struct workshop w;
    set_up(&w);
    use(&w, 0, loud_clip());
    use(&w, 1, silent_clip());
    cut(&w, 0, 1, 2.5);
    cut(&w, 1, 0.5, 1.25);
    cut(&w, 0, 0, 1);
    render_well(&w);
    ck_assert_double_eq_tol(w.result.duration, 3.25, 0.5 / 30);
    ck_assert_int_eq(w.result.frames_encoded, llround(w.result.duration * 30));
    ck_assert_int_eq(w.result.frames_copied, 0);
    ck_assert_int_eq(w.result.width, 160);
    ck_assert_int_eq(w.result.height, 120);
    ck_assert_uint_gt(w.result.size_bytes, 1000);
    ck_assert(w.result.cover != NULL);
    ck_assert_msg(w.warnings == 0, "%s", w.warned);
    ck_assert_uint_ge(w.steps, 3);
    tear_down(&w);
}
END_TEST

START_TEST(a_reel_without_any_sound_has_no_sound_track)
{
    struct workshop w;
    set_up(&w);
    use(&w, 0, silent_clip());
    cut(&w, 0, 1, 2);
    render_well(&w);
    char *tracks = probed(&w, "stream=codec_type");
    ck_assert(strstr(tracks, "video") && !strstr(tracks, "audio"));
    free(tracks);
    tear_down(&w);
}
END_TEST

START_TEST(rendering_twice_gives_the_same_file)
{
    char *first = NULL;
    for (int i = 0; i < 2; i++) {
        struct workshop w;
        set_up(&w);
        use(&w, 0, loud_clip());
        cut(&w, 0, 1, 2);
        render_well(&w);
        char *path = xasprintf("%s/reel.mp4", w.folder.path), *said;
        ck_assert_int_eq(PROGRAM_RUN(&said, "sha256sum", path), 0);
        said[64] = '\0';
        if (first)
            ck_assert_str_eq(first, said);
        free(first);
        first = said;
        free(path);
        tear_down(&w);
    }
    free(first);
}
END_TEST

START_TEST(a_source_that_is_gone_costs_its_segments_only)
{
    struct workshop w;
    set_up(&w);
    use(&w, 0, loud_clip());
    w.probes[1].duration = 5;
    cut(&w, 0, 1, 2);
    cut(&w, 1, 1, 2);
    cut(&w, 0, 3, 4);
    render_well(&w);
    ck_assert_double_eq_tol(w.result.duration, 2, 0.02);
    ck_assert_uint_eq(w.warnings, 1);
    char *chapters = probed(&w, "chapter=start");
    ck_assert_str_eq(chapters, "0\n1000\n");
    free(chapters);
    tear_down(&w);
}
END_TEST

START_TEST(segments_outside_their_source_do_no_harm)
{
    static const double bad[][2] = { { -1, 1 },  { 2, 1 },        { 1, NAN },  { NAN, 2 },
                                     { 3, 100 }, { 1, HUGE_VAL }, { 100, 101 } };
    struct workshop w;
    set_up(&w);
    use(&w, 0, loud_clip());
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cut(&w, 0, bad[i][0], bad[i][1]);
    cut(&w, 7, 1, 2);
    cut(&w, -3, 1, 2);
    cut(&w, 0, 1, 2);
    render_well(&w);
    ck_assert_double_eq_tol(w.result.duration, 1, 0.02);
    ck_assert_uint_eq(w.warnings, ARRAY_LEN(bad) + 2);
    tear_down(&w);
}
END_TEST

START_TEST(nothing_to_show_is_an_error_of_the_input)
{
    struct workshop w;
    struct err err = ERR_INIT;
    set_up(&w);
    w.probes[0].duration = 5;
    cut(&w, 0, 1, 2);
    ck_assert_int_lt(render(&w, &err), 0);
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert_str_eq(err.id, "nothing_rendered");
    ck_assert(err.hint[0] != '\0');
    tear_down(&w);
}
END_TEST

START_TEST(a_source_shorter_than_it_was_ends_its_segment_early)
{
    struct workshop w;
    set_up(&w);
    const char *path = MEDIA_CLIP(.name = "long.ts", .seconds = 4, .width = 160, .height = 120,
                                  .rate = "30", .options = "-g 15");
    use(&w, 0, loud_clip());
    use(&w, 1, path);
    // Measured whole, then cut off: as when a disk lost the end of it.
    close_fd(&w.sources[1].fd);
    w.sources[1].fd = media_open(media_truncated(path, "lost.ts", media_size(path) / 2));
    cut(&w, 0, 1, 2);
    cut(&w, 1, 0.5, 3.5);
    cut(&w, 0, 2, 3);
    render_well(&w);
    ck_assert_double_gt(w.result.duration, 2.5);
    ck_assert_double_lt(w.result.duration, 4.2);
    ck_assert_uint_eq(w.warnings, 1);
    char *lengths = probed(&w, "stream=codec_type,duration");
    double picture = 0, sound = 0;
    ck_assert_int_ge(sscanf(lengths, "video,%lf audio,%lf", &picture, &sound), 2);
    ck_assert_double_eq_tol(picture, w.result.duration, 1e-3);
    ck_assert_double_eq_tol(sound, w.result.duration, 1e-3);
    free(lengths);
    tear_down(&w);
}
END_TEST

START_TEST(sound_that_cannot_be_decoded_is_silence)
{
    struct workshop w;
    set_up(&w);
    use(&w, 0, loud_clip());
    use(&w, 1, silent_clip());
    w.probes[1].has_audio = true; // a probe that promises what is not there
    cut(&w, 1, 1, 2);
    cut(&w, 0, 1, 2);
    render_well(&w);
    ck_assert_double_eq_tol(w.result.duration, 2, 0.02);
    ck_assert_uint_eq(w.warnings, 1);
    tear_down(&w);
}
END_TEST

START_TEST(chapters_are_called_after_the_reason_else_the_source)
{
    struct workshop w;
    set_up(&w);
    use(&w, 0, loud_clip());
    char reason[] = "the goal";
    plan_add(&w.plan, &(struct plan_segment){ 0, 1, 1.5, 0.5, reason });
    cut(&w, 0, 2, 2.5);
    render_well(&w);
    char *titles = probed(&w, "chapter_tags=title");
    ck_assert_str_eq(titles, "the goal\na clip\n");
    free(titles);
    tear_down(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reel");
    TCase *reel = tcase_create("reel");
    tcase_set_timeout(reel, 60);
    tcase_add_test(reel, the_reel_is_as_long_as_its_plan);
    tcase_add_test(reel, a_reel_without_any_sound_has_no_sound_track);
    tcase_add_test(reel, rendering_twice_gives_the_same_file);
    tcase_add_test(reel, a_source_that_is_gone_costs_its_segments_only);
    tcase_add_test(reel, segments_outside_their_source_do_no_harm);
    tcase_add_test(reel, nothing_to_show_is_an_error_of_the_input);
    tcase_add_test(reel, a_source_shorter_than_it_was_ends_its_segment_early);
    tcase_add_test(reel, sound_that_cannot_be_decoded_is_silence);
    tcase_add_test(reel, chapters_are_called_after_the_reason_else_the_source);
    suite_add_tcase(suite, reel);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
