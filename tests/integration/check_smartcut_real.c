// The promise of the smart cut on videos that nobody here made: each alone is cut into a few short
// pieces, and the reel is held against it from outside.  One line a file says what became of it; a
// file that is copied from today must not quietly be encoded tomorrow.
//
// usage: check_smartcut_real [FOLDER...]
//
// Without a folder a few files of the real ones are tried; with folders every file in them is that
// is a video, which takes its time (make check-media).
#include "base/text.h"
#include "media/timeline.h"
#include "spool/batch.h"
#include "tests/support/media.h"
#include "tests/support/program.h"
#include "tests/support/render_batch.h"

#include <check.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

// What is known of some.
struct real {
    const char *path;
    bool is_tried;   // where no folder is given
    const char *why; // in fallback_reason, where nothing is copied; NULL: some pictures are
};

static const struct real reals[] = {
    { "batch-nasa/BlastOff.wmv", false, "only H.264, HEVC, VP9 and AV1 are copied" },
    { "batch-nasa/apollo_eva_47s.mkv" },
    { "camera/gopro_karma.mp4" },
    { "camera/iphone_vertical_hevc60_rot.mov" },
    { "formats/av1-hdr.webm" },
    { "formats/ax_portrait_4k60.mp4" },
    { "formats/test.prores.mov", true, "only H.264, HEVC, VP9 and AV1 are copied" },
    { "camera/sideways_movie.mov", true },
    { "camera/with-gps.mov", true },
    { "formats/ax_bt601.mov", true },
    { "formats/ax_sample.flv", true },
    { "formats/ax_sample_2_byte_NAL_length.mp4", true },
    { "formats/ax_sample_h264_iframes_only.ts", true },
    { "formats/ax_sample_with_ssa_subtitles.mkv", true },
    { "formats/gizmo.mp4", true },
    { "formats/mb_edts.mp4", true },
};

// What is tried: full paths.
enum { MOST_FILES = 400 };
static const char *files[MOST_FILES];
static size_t file_count;

// "camera/fire2.mp4"
static const char *short_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash;
    while (name && name > path && name[-1] != '/')
        name--;
    return name ? name : path;
}

enum { PIECES = 4 };
struct pieces {
    double starts[PIECES], length; // seconds
    size_t count;
};

// ---- what reelcheck is given

// How the pictures of a file lie in time.
struct beat {
    double first; // seconds, of its container
    bool is_even; // no gap, no two at once
};

static int compare_times(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct beat feel_beat(const char *path)
{
    char *said, *rest;
    ck_assert_int_eq(PROGRAM_RUN(&said, "ffprobe", "-v", "error", "-select_streams", "v:0",
                                 "-read_intervals", "%+#8", "-show_entries",
                                 "frame=best_effort_timestamp_time", "-of", "csv=p=0", path),
                     0);
    struct beat beat = { .first = strtod(said, NULL), .is_even = true };
    free(said);
    ck_assert_int_eq(PROGRAM_RUN(&said, "ffprobe", "-v", "error", "-select_streams", "v:0",
                                 "-show_entries", "packet=pts_time", "-of", "csv=p=0", path),
                     0);
    double *times = xcalloc(strlen(said) / 2 + 1, sizeof *times);
    size_t count = 0;
    for (char *line = strtok_r(said, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (isdigit((unsigned char)line[0]))
            times[count++] = strtod(line, NULL);
    qsort(times, count, sizeof *times, compare_times);
    double step = count > 1 ? (times[count - 1] - times[0]) / (double)(count - 1) : 0;
    for (size_t i = 1; i < count; i++)
        beat.is_even = beat.is_even && times[i] - times[i - 1] < 1.5 * step &&
                       times[i] - times[i - 1] > 0.5 * step;
    free(times);
    free(said);
    return beat;
}

// reelcheck takes samples for square, knows nothing of a reel that is turned when shown, and lets
// ffmpeg seek where that lands elsewhere: both the original and the reel are given as ffmpeg shows
// them from their beginning, small, the first picture at 0, all sound where its time says.  It
// takes a picture that stands longer than others for a late one, so what is uneven is shown at the
// rate of the reel, "30/1".
static char *shown(const struct render_batch *batch, const char *path, const char *rate,
                   const char *name)
{
    char *out = render_batch_path(batch, name);
    struct beat beat = feel_beat(path);
    char *even = beat.is_even ? xstrdup("") : xasprintf("fps=%s:start_time=0,", rate);
    char *picture =
        xasprintf("setpts=PTS-%.6f/TB,%sscale=w='2*trunc(min(320,iw*sar)/2)':h='2*trunc("
                  "ow/dar/2)',setsar=1,format=yuv420p",
                  beat.first, even);
    char *sound = xasprintf("asetpts=PTS-%.6f/TB,aresample=async=1:first_pts=0:min_hard_comp=0.005",
                            beat.first);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "ffmpeg", "-nostdin", "-v", "fatal", "-y", "-copyts", "-i",
                                 path, "-map", "0:v:0", "-map", "0:a:0?", "-vf", picture, "-af",
                                 sound, "-c:v", "libx264", "-preset", "ultrafast", "-qp", "6", "-g",
                                 "12", "-c:a", "pcm_s16le", "-fps_mode", "passthrough", out),
                     0);
    free(even);
    free(picture);
    free(sound);
    return out;
}

// reelcheck compares how loud it is by steps of 5 ms, which smooth sound leaves room for: where it
// is not content with 10 ms, that is said, and it is given more.  The sound itself is compared
// here.
enum { RATE = 16000, SLACK = RATE / 20, TOLERANCE = RATE * 5 / 1000 };

static size_t load_sound(const struct render_batch *batch, const char *path, double from,
                         double seconds, int16_t *ret_samples)
{
    char *start = xasprintf("%.6f", from), *length = xasprintf("%.6f", seconds);
    char *raw = render_batch_path(batch, "sound");
    // Behind the input: what is sought before it begins on a packet, up to 20 ms off.
    int status =
        PROGRAM_RUN(NULL, "ffmpeg", "-nostdin", "-v", "error", "-y", "-i", path, "-ss", start, "-t",
                    length, "-vn", "-ac", "1", "-ar", "16000", "-f", "s16le", raw);
    int fd = status == 0 ? openat(batch->folder.fd, "sound", O_RDONLY | O_CLOEXEC) : -1;
    ssize_t size = fd < 0 ? 0 : read(fd, ret_samples, 4 * RATE * sizeof *ret_samples);
    close_fd(&fd);
    free(start);
    free(length);
    free(raw);
    return size > 0 ? (size_t)size / sizeof *ret_samples : 0;
}

static double likeness(const int16_t *a, const int16_t *b, size_t count)
{
    double both = 0, first = 1, second = 1;
    for (size_t i = 0; i < count; i++) {
        both += (double)a[i] * b[i];
        first += (double)a[i] * a[i];
        second += (double)b[i] * b[i];
    }
    return both / sqrt(first * second);
}

// Sound of the reel that is like the original's at all lies where the plan puts it.
static void assert_sound(const struct render_batch *batch, const char *reel, double at,
                         const char *source, double from, double seconds)
{
    static int16_t heard[4 * RATE], wanted[4 * RATE];
    double slack = (double)SLACK / RATE;
    size_t count = load_sound(batch, reel, at + 0.2, seconds - 0.4, heard), best = SLACK;
    size_t room = load_sound(batch, source, from + 0.2 - slack, seconds - 0.4 + 2 * slack, wanted);
    double most = 0, here = 0; // at any place, and within the tolerance
    for (size_t lag = 0; count > 0 && lag + count <= room; lag++) {
        double like = likeness(heard, wanted + lag, count);
        if (like > most) {
            most = like;
            best = lag;
        }
        if (abs((int)lag - SLACK) <= TOLERANCE && like > here)
            here = like;
    }
    // Tones are nearly as like a period away.
    ck_assert_msg(most < 0.6 || here > 0.95 * most,
                  "the sound at %.3f s is %.1f ms off (%.3f, %.3f)", at,
                  1e3 * ((double)best - SLACK) / RATE, most, here);
}

static char *ask(const char *path, const char *what)
{
    char *said;
    ck_assert_int_eq(PROGRAM_RUN(&said, "ffprobe", "-v", "error", "-select_streams", "v:0",
                                 "-show_entries", what, "-of", "csv=p=0", path),
                     0);
    said[strcspn(said, ",\n")] = '\0';
    return said;
}

// Light that was conformed to what screens without it can show looks different from the original.
static bool is_toned(const char *reel, const char *source)
{
    char *before = ask(source, "stream=color_transfer"), *now = ask(reel, "stream=color_transfer");
    bool is = (strcmp(before, "smpte2084") == 0 || strcmp(before, "arib-std-b67") == 0) &&
              strcmp(before, now) != 0;
    free(before);
    free(now);
    return is;
}

static void hold(const struct render_batch *batch, const char *path, const struct pieces *plan)
{
    char *final = render_batch_path(batch, BATCH_FINAL), *rate = ask(final, "stream=r_frame_rate");
    char *reel = shown(batch, final, rate, "reel.mkv");
    char *source = shown(batch, path, rate, "source.mkv"), *said = NULL;
    const char *const paths[] = { source };
    struct render_case judged = { .final = reel,
                                  .paths = paths,
                                  .grey = is_toned(final, path) ? "40" : NULL,
                                  // On no grid, which of two pictures is nearer is for everybody
                                  // to say.
                                  .frames = feel_beat(path).is_even ? NULL : "1" };
    double at = 0;
    if (render_batch_reelcheck(batch, &judged, &said) > 0) {
        printf("%-58s at 10 ms reelcheck says:\n%s", short_name(path), said);
        judged.ms = "1000";
        render_batch_hold(batch, &judged);
    }
    for (size_t i = 0; i < plan->count; at += plan->length, i++)
        assert_sound(batch, reel, at, source, plan->starts[i], plan->length);
    free(said);
    free(source);
    free(reel);
    free(rate);
    free(final);
}

// ---- a file

// The key frame nearest to the moment that leaves room for a piece behind it; the moment itself
// where there is none.
static double key_frame_near(const json_t *probe, double moment, double last)
{
    const json_t *key_frames = json_object_get(probe, "key_frames"), *key_frame;
    double best = moment, off = HUGE_VAL;
    size_t i;
    json_array_foreach(key_frames, i, key_frame)
    {
        double at = json_number_value(key_frame) / 1e6;
        if (at <= last && fabs(at - moment) < off) {
            off = fabs(at - moment);
            best = at;
        }
    }
    return best;
}

// Short pieces: where it starts at a key frame, where it hardly does, the very beginning, and the
// end.
static struct pieces choose_pieces(const json_t *probe, double seconds)
{
    double length = fmin(2, seconds / 6), middle = 0.45 * seconds;
    if (seconds < 0.7)
        return (struct pieces){ .length = seconds, .count = 1 };
    if (seconds < 3) {
        length = 0.45 * seconds;
        return (struct pieces){ .starts = { key_frame_near(probe, 0.2 * seconds, 0.5 * seconds),
                                            seconds - length },
                                .length = length,
                                .count = 2 };
    }
    return (struct pieces){ .starts = { key_frame_near(probe, middle, seconds - length),
                                        0.1 * seconds, 0, seconds - length },
                            .length = length,
                            .count = PIECES };
}

// What the reel will run at: pieces that are whole frames of it leave no doubt which is the last.
static double rate_of(const json_t *probe, const char *path)
{
    int num = 0, den = 1;
    char *declared = ask(path, "stream=r_frame_rate");
    (void)sscanf(declared, "%d/%d", &num, &den);
    double average = (double)json_integer_value(json_object_get(probe, "fps_num")) /
                     (double)json_integer_value(json_object_get(probe, "fps_den"));
    timeline_rate(average, (double)num / den, json_is_true(json_object_get(probe, "variable_rate")),
                  &num, &den);
    free(declared);
    return (double)num / den;
}

static struct pieces plan_pieces(const struct render_batch *batch, const char *path)
{
    char *text = folder_get(&batch->folder, "0/probe.json");
    json_t *probe = json_loads(text, 0, NULL);
    struct pieces plan =
        choose_pieces(probe, json_number_value(json_object_get(probe, "duration")));
    struct render_piece pieces[PIECES];
    double fps = rate_of(probe, path);
    plan.length = round(plan.length * fps) / fps;
    for (size_t i = 0; i < plan.count; i++)
        plan.starts[i] = round(plan.starts[i] * fps) / fps;
    for (size_t i = 0; i < plan.count; i++)
        // Not longer: rounded up three times, the judges would count the next one's first picture
        // in.
        pieces[i] = (struct render_piece){ 0, round(plan.starts[i] * 1e3) / 1e3,
                                           round(plan.starts[i] * 1e3) / 1e3 +
                                               floor(plan.length * 1e3) / 1e3 };
    render_batch_plan(batch, pieces, plan.count);
    json_decref(probe);
    free(text);
    return plan;
}

static void tell(const char *path, const json_t *numbers, const struct render_untouched *found)
{
    printf("%-58s %-6s %4lld copied %4lld encoded, %d identical, %d misplaced, %d messages  %s\n",
           short_name(path), render_batch_word(numbers, "render_mode"),
           (long long)json_integer_value(json_object_get(numbers, "frames_copied")),
           (long long)json_integer_value(json_object_get(numbers, "frames_encoded")),
           found->identical, found->misplaced, found->messages,
           render_batch_word(numbers, "fallback_reason"));
    (void)fflush(stdout);
}

static const struct real *known(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(reals); i++)
        if (text_ends_with(path, reals[i].path))
            return &reals[i];
    return NULL;
}

static void assert_as_known(const char *path, json_int_t copied, const char *why)
{
    const struct real *real = known(path);
    if (!real)
        return;
    ck_assert_int_eq(copied > 0, real->why == NULL);
    ck_assert_msg(real->why ? strstr(why, real->why) != NULL : why[0] == '\0', "because %s", why);
}

// Whether it is a video at all is for probe to say.
static bool is_video(const struct render_batch *batch, const char *path)
{
    char *said;
    int status = render_batch_run(batch, "probe", "0", &said);
    ck_assert_msg(status == 0 || status == 65, "probe ends with %d: %s", status, said);
    if (status != 0)
        printf("%-58s no video: %s\n", short_name(path), said);
    free(said);
    return status == 0;
}

static void make_and_hold(const struct render_batch *batch, const char *path)
{
    struct render_untouched found = { .pictures = 0 };
    struct pieces plan = plan_pieces(batch, path);
    render_batch_must_run(batch, "render", NULL);
    json_t *numbers = render_batch_numbers(batch);
    json_int_t copied = json_integer_value(json_object_get(numbers, "frames_copied"));
    bool is_counted =
        copied > 0 && render_batch_untouched(batch, &(struct render_case){ .final = NULL }, &found);
    tell(path, numbers, &found);
    assert_as_known(path, copied, render_batch_word(numbers, "fallback_reason"));
    if (is_counted)
        ck_assert_msg(found.identical >= copied && !found.misplaced && !found.messages &&
                          found.is_even,
                      "%lld copied: %s", (long long)copied, found.said);
    render_batch_decodes(batch);
    hold(batch, path, &plan);
    json_decref(numbers);
}

// Of several tracks of pictures the one that is used; of a long file the beginning.
static const char *one_track(const char *path)
{
    static const double most_seconds = 100;
    char *tracks, *length = NULL;
    (void)PROGRAM_RUN(&tracks, "ffprobe", "-v", "quiet", "-select_streams", "V", "-show_entries",
                      "stream=index", "-of", "csv=p=0", path);
    (void)PROGRAM_RUN(&length, "ffprobe", "-v", "quiet", "-show_entries", "format=duration", "-of",
                      "csv=p=0", path);
    const char *first = strchr(tracks, '\n'), *name = strrchr(path, '/') + 1;
    if ((first && isdigit((unsigned char)first[1])) || strtod(length, NULL) > most_seconds)
        path = MEDIA_MAKE(name, "-t", "40", "-i", path, "-c", "copy");
    free(tracks);
    free(length);
    return path;
}

START_TEST(a_reel_of_a_real_file_is_what_its_plan_says)
{
    const char *path = one_track(files[_i]), *const paths[RENDER_SOURCES] = { path };
    struct render_batch batch;
    render_batch_begin(&batch, paths, NULL);
    if (is_video(&batch, files[_i]))
        make_and_hold(&batch, path);
    render_batch_remove(&batch);
}
END_TEST

// ---- which

static void give_up(const char *path, const char *why)
{
    (void)fprintf(stderr, "%s: %s\n", path, why);
    exit(EXIT_FAILURE);
}

static void add_file(const char *path)
{
    if (file_count == MOST_FILES)
        give_up(path, "too many files");
    files[file_count++] = path;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

// All files below the folder, in order; paths live as long as the program.
static void add_folder(const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_shown, alphasort);
    if (count < 0)
        give_up(folder, strerror(errno));
    for (int i = 0; i < count; i++) {
        char *path = xasprintf("%s/%s", folder, entries[i]->d_name);
        struct stat status;
        if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
            add_folder(path);
        else
            add_file(path);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    Suite *suite = suite_create("smartcut_real");
    for (int i = 1; i < argc; i++)
        add_folder(argv[i]);
    for (size_t i = 0; argc == 1 && i < ARRAY_LEN(reals); i++)
        if (reals[i].is_tried && media_real(reals[i].path))
            add_file(media_real(reals[i].path));
    // A case a file: CK_RUN_CASE takes its name, and a failure says it.
    for (size_t i = 0; i < file_count; i++) {
        TCase *tcase = tcase_create(short_name(files[i]));
        tcase_set_timeout(tcase, 600);
        tcase_add_loop_test(tcase, a_reel_of_a_real_file_is_what_its_plan_says, (int)i, (int)i + 1);
        suite_add_tcase(suite, tcase);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
