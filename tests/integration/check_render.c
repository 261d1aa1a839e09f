// The render stage on files of all kinds: every reel is held against its plan by reelcheck, which
// knows nothing of how it was made, and by counting and measuring here.
#include "base/fs.h"
#include "spool/batch.h"
#include "tests/support/media.h"
#include "tests/support/program.h"
#include "tests/support/render_batch.h"

#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#define X264 "-c:v libx264 -preset veryfast -crf 18 -pix_fmt yuv420p "

struct story {
    const char *name;
    struct media_clip clips[RENDER_SOURCES];
    const char *turns[RENDER_SOURCES]; // degrees in the display matrix of each, or NULL
    struct render_piece pieces[RENDER_PIECES];
    const char *job;   // text of job.conf, or NULL
    const char *grey;  // reelcheck's limit for the difference of pictures; NULL: its own
    int width, height; // of the reel
    const char *rate;  // as ffprobe says it
};

static const struct story stories[] = {
    { .name = "turned pictures",
      .clips = { { "flat.mp4", 4, 320, 240, "30", .sound = RENDER_SWELL("48000", "stereo"),
                   .options = X264 "-g 60 -bf 2" },
                 { "quarter.mp4", 4, 320, 240, "30", .sound = RENDER_SWELL("48000", "stereo"),
                   .options = X264 },
                 { "half.mov", 4, 320, 240, "30", .sound = RENDER_SWELL("44100", "stereo"),
                   .options = X264 },
                 { "three.mov", 4, 320, 240, "30", .sound = RENDER_SWELL("48000", "mono"),
                   .options = X264 } },
      .turns = { NULL, "90", "180", "270" },
      .pieces = { { 0, 1, 2.6 }, { 1, 0.5, 2.1 }, { 2, 1.2, 2.8 }, { 3, 2, 3.6 }, { 0, 0, 1.6 } },
      .width = 320,
      .height = 240,
      .rate = "30/1" },
    { .name = "an upright majority",
      .clips = { { "up.mp4", 4, 320, 180, "30", .sound = RENDER_SWELL("48000", "stereo"),
                   .options = X264 },
                 { "wide.mp4", 4, 320, 180, "30", .sound = RENDER_SWELL("48000", "stereo"),
                   .options = X264 } },
      .turns = { "90" },
      .pieces = { { 0, 1, 3 }, { 1, 1, 2.6 } },
      .width = 180,
      .height = 320,
      .rate = "30/1" },
    { .name = "rates",
      .clips = { { "pal.mp4", 5, 320, 240, "25", .sound = RENDER_SWELL("48000", "stereo"),
                   .options = X264 "-g 250 -bf 3" },
                 { "film.mkv", 5, 320, 240, "24000/1001", .sound = RENDER_SWELL("48000", "stereo"),
                   .options = X264 "-g 48" },
                 { "games.mp4", 5, 320, 240, "60", .sound = RENDER_SWELL("48000", "stereo"),
                   .options = X264 },
                 { "ntsc.ts", 5, 320, 240, "30000/1001", .sound = RENDER_SWELL("48000", "stereo"),
                   .options = X264 "-g 30" },
                 { "slow.mp4", 5, 320, 240, "10", .sound = RENDER_SWELL("48000", "stereo"),
                   .options = X264 } },
      .pieces = { { 0, 1, 3 },
                  { 1, 1, 2.7 },
                  { 2, 2.3, 4 },
                  { 3, 0.7, 2.4 },
                  { 4, 1, 2.7 },
                  { 0, 3, 4.8 },
                  { 1, 3, 4.7 } },
      .width = 320,
      .height = 240,
      .rate = "25/1" },
    { .name = "sounds",
      .clips = { { "mono.mp4", 4, 320, 240, "30", .sound = RENDER_SWELL("22050", "mono"),
                   .options = X264 },
                 { "surround.mp4", 4, 320, 240, "30", .sound = RENDER_SWELL("48000", "5.1"),
                   .options = X264 },
                 { "mute.mp4", 4, 320, 240, "30", .sound = "", .options = X264 },
                 { "cd.mkv", 4, 320, 240, "30", .sound = RENDER_SWELL("44100", "stereo"),
                   .options = X264 "-c:a flac" },
                 { "web.webm", 4, 320, 240, "30", .sound = RENDER_SWELL("48000", "stereo"),
                   .options = "-c:v libvpx -deadline realtime -b:v 2M -c:a libvorbis" } },
      .pieces = { { 0, 1, 2.6 }, { 1, 1, 2.6 }, { 2, 1, 2.6 }, { 3, 1.5, 3.1 }, { 4, 0.4, 2 } },
      .width = 320,
      .height = 240,
      .rate = "30/1" },
    { .name = "odd sizes and starts",
      .clips = { { "odd.mp4", 4, 427, 241, "30", .sound = RENDER_SWELL("48000", "stereo"),
                   .options = "-c:v libx264 -preset veryfast -crf 18 -pix_fmt yuv444p" },
                 { "late.mkv", 4, 426, 240, "30", .sound = RENDER_SWELL("48000", "stereo"),
                   .options = X264 "-output_ts_offset 50" },
                 { "old.avi", 4, 426, 240, "30", .sound = RENDER_SWELL("44100", "stereo"),
                   .options = "-c:v mpeg4 -q:v 2 -c:a pcm_s16le" },
                 { "broken.flv", 4, 426, 240, "30", .sound = RENDER_SWELL("44100", "stereo"),
                   .options = "-c:v flv1 -q:v 2 -c:a pcm_s16le" } },
      .pieces = { { 0, 1, 2.6 }, { 1, 1, 2.6 }, { 2, 1, 2.6 }, { 3, 1, 2.6 } },
      .width = 426,
      .height = 240,
      .rate = "30/1" },
    { .name = "interlaced and variable rate",
      .clips = { { "fields.ts", 4, 320, 240, "25", .sound = RENDER_SWELL("48000", "stereo"),
                   .filter = "interlace",
                   .options = "-c:v mpeg2video -q:v 2 -flags +ildct+ilme -c:a mp2" },
                 { "vfr.mp4", 4, 320, 240, "25", .sound = RENDER_SWELL("48000", "stereo"),
                   .filter = "select='not(eq(mod(n\\,7)\\,3))'",
                   .options = X264 "-fps_mode vfr" } },
      .pieces = { { 0, 0.5, 1.3 }, { 1, 1, 2.6 }, { 0, 0.1, 1.7 } },
      .width = 320,
      .height = 240,
      .grey = "12",
      .job = "output = { fps = 25; };" },
    { .name = "wide samples",
      .clips = { { "sar.mp4", 4, 160, 240, "30", .sound = RENDER_SWELL("48000", "stereo"),
                   .filter = "setsar=2", .options = X264 } },
      .pieces = { { 0, 1, 2.6 } },
      .grey = "255", // reelcheck takes samples for square
      .width = 320,
      .height = 240,
      .rate = "30/1" },
    { .name = "ten bits and light",
      .clips = { { "hlg.mp4", 4, 320, 180, "30", .sound = RENDER_SWELL("48000", "stereo"),
                   .options = "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -color_trc "
                              "arib-std-b67 -color_primaries bt2020 -colorspace bt2020nc "
                              "-x265-params log-level=none" },
                 { "pq.mkv", 4, 320, 180, "30", .sound = RENDER_SWELL("48000", "stereo"),
                   .options = "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -color_trc "
                              "smpte2084 -color_primaries bt2020 -colorspace bt2020nc "
                              "-x265-params log-level=none" },
                 { "ten.mp4", 4, 320, 180, "30", .sound = RENDER_SWELL("48000", "stereo"),
                   .options = "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le "
                              "-x265-params log-level=none" } },
      .pieces = { { 0, 1, 2.6 }, { 1, 1, 2.6 }, { 2, 1, 2.6 } },
      .grey = "255", // light is mapped on purpose
      .width = 320,
      .height = 180,
      .rate = "30/1" },
    { .name = "a wished box",
      .clips = { { "tall.mp4", 4, 240, 320, "30", .sound = RENDER_SWELL("48000", "stereo"),
                   .options = X264 } },
      .pieces = { { 0, 1, 2.6 }, { 0, 3, 3.9 } },
      .job = "output = { resolution = \"480p\"; fps = 24; quality = \"low\"; };",
      .width = 480,
      .height = 640,
      .rate = "24/1" },
    { .name = "many short pieces",
      .clips = { { "many.mp4", 6, 320, 240, "30", .sound = RENDER_SWELL("48000", "stereo"),
                   .options = X264 "-g 300 -bf 3" },
                 { "other.mp4", 6, 320, 240, "25", .sound = RENDER_SWELL("44100", "mono"),
                   .options = X264 } },
      .pieces = { { 0, 1, 2.013 },
                  { 1, 1.1, 2.117 },
                  { 0, 2.2, 3.219 },
                  { 1, 4, 5.011 },
                  { 0, 4.004, 5.0173 },
                  { 1, 0, 1.0071 },
                  { 0, 3, 4.0077 },
                  { 0, 1, 2.0013 },
                  { 1, 3.3, 4.3333 },
                  { 0, 0.5, 1.511 },
                  { 1, 2, 3.0177 },
                  { 0, 4.9, 5.917 } },
      .width = 320,
      .height = 240,
      .rate = "30/1" },
};

// ---- what is looked at

static json_t *probe_reel(const struct render_batch *folder)
{
    char *path = render_batch_path(folder, BATCH_FINAL), *said;
    ck_assert_int_eq(PROGRAM_RUN(&said, "ffprobe", "-v", "error", "-of", "json", "-show_streams",
                                 "-show_chapters", "-show_entries", "packet=pts,stream_index",
                                 path),
                     0);
    json_t *json = json_loads(said, 0, NULL);
    ck_assert_msg(json != NULL, "%s", said);
    free(said);
    free(path);
    return json;
}

static const json_t *track(const json_t *reel, const char *type)
{
    const json_t *streams = json_object_get(reel, "streams"), *stream;
    size_t i;
    json_array_foreach(streams, i, stream) if (strcmp(render_batch_word(stream, "codec_type"),
                                                      type) == 0) return stream;
    return NULL;
}

static int compare_integers(const void *a, const void *b)
{
    const json_int_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

// Every picture lasts as long as every other, and there are as many as the plan asks for.
static void assert_even(const json_t *reel, const json_t *video, double seconds)
{
    const json_t *packets = json_object_get(reel, "packets"), *packet;
    json_int_t *times = xcalloc(json_array_size(packets), sizeof *times);
    size_t count = 0, i;
    json_array_foreach(packets, i,
                       packet) if (json_integer_value(json_object_get(packet, "stream_index")) == 0)
        times[count++] = json_integer_value(json_object_get(packet, "pts"));
    qsort(times, count, sizeof *times, compare_integers);
    for (i = 2; i < count; i++)
        ck_assert_int_eq(times[i] - times[i - 1], times[1] - times[0]);
    free(times);
    int num = 0, den = 1;
    ck_assert_int_eq(sscanf(render_batch_word(video, "r_frame_rate"), "%d/%d", &num, &den), 2);
    ck_assert_int_eq((int)count, (int)llround(seconds * num / den));
}

static void assert_tracks(const struct story *story, const json_t *reel, double seconds)
{
    const json_t *video = track(reel, "video"), *audio = track(reel, "audio");
    ck_assert(video != NULL && audio != NULL);
    ck_assert_str_eq(render_batch_word(video, "codec_name"), "h264");
    ck_assert_str_eq(render_batch_word(video, "profile"), "High");
    ck_assert_str_eq(render_batch_word(video, "pix_fmt"), "yuv420p");
    ck_assert_str_eq(render_batch_word(video, "sample_aspect_ratio"), "1:1");
    // Copied pictures say of their range what the original said, which may be nothing.
    ck_assert_msg(strcmp(render_batch_word(video, "color_range"), "tv") == 0 ||
                      render_batch_word(video, "color_range")[0] == '\0',
                  "%s", render_batch_word(video, "color_range"));
    ck_assert_int_eq(json_integer_value(json_object_get(video, "width")), story->width);
    ck_assert_int_eq(json_integer_value(json_object_get(video, "height")), story->height);
    if (story->rate)
        ck_assert_str_eq(render_batch_word(video, "r_frame_rate"), story->rate);
    ck_assert_str_eq(render_batch_word(video, "avg_frame_rate"),
                     render_batch_word(video, "r_frame_rate"));
    ck_assert_str_eq(render_batch_word(audio, "codec_name"), "aac");
    ck_assert_str_eq(render_batch_word(audio, "sample_rate"), "48000");
    ck_assert_int_eq(json_integer_value(json_object_get(audio, "channels")), 2);
    ck_assert_double_eq_tol(strtod(render_batch_word(audio, "duration"), NULL),
                            strtod(render_batch_word(video, "duration"), NULL), 0.002);
    ck_assert_double_eq_tol(strtod(render_batch_word(video, "start_time"), NULL), 0, 1e-9);
    ck_assert_double_eq_tol(strtod(render_batch_word(audio, "start_time"), NULL), 0, 1e-9);
    assert_even(reel, video, seconds);
}

// The box after ftyp is moov: the reel can be played while it loads.
static void assert_faststart(const struct render_batch *folder)
{
    char head[64] = "";
    int fd = openat(folder->folder.fd, BATCH_FINAL, O_RDONLY);
    ck_assert_int_eq(pread(fd, head, sizeof head, 0), sizeof head);
    unsigned length = (unsigned char)head[3];
    ck_assert_mem_eq(head + length + 4, "moov", 4);
    close_fd(&fd);
}

static const char *story_clip(const struct story *story, size_t i)
{
    const char *path = media_clip(&story->clips[i]);
    if (!story->turns[i])
        return path;
    char *name = xasprintf("turned-%s-%s", story->turns[i], story->clips[i].name);
    char *turn = xasprintf("rotate=%s", story->turns[i]);
    const char *turned = MEDIA_MAKE(name, "-i", path, "-c", "copy", "-metadata:s:v:0", turn);
    free(name);
    free(turn);
    return turned;
}

START_TEST(a_reel_shows_and_plays_what_its_plan_says)
{
    const struct story *story = &stories[_i];
    const char *paths[RENDER_SOURCES] = { 0 };
    size_t pieces = 0;
    double seconds = 0;
    for (size_t i = 0; i < RENDER_SOURCES && story->clips[i].name; i++)
        paths[i] = story_clip(story, i);
    for (; story->pieces[pieces].end > 0; pieces++)
        seconds += story->pieces[pieces].end - story->pieces[pieces].start;
    struct render_batch folder;
    render_batch_make(&folder, paths, story->job);
    render_batch_plan(&folder, story->pieces, pieces);
    render_batch_must_run(&folder, "render", NULL);
    json_t *reel = probe_reel(&folder);
    assert_tracks(story, reel, seconds);
    ck_assert_uint_eq(json_array_size(json_object_get(reel, "chapters")), pieces);
    json_decref(reel);
    render_batch_decodes(&folder);
    assert_faststart(&folder);
    ck_assert_int_eq(faccessat(folder.folder.fd, BATCH_COVER, R_OK, 0), 0);
    render_batch_hold(&folder, &(struct render_case){ .grey = story->grey });
    render_batch_remove(&folder);
}
END_TEST

// ---- picture for picture

#define NUMBERED "geq=lum='20+mod(N*11\\,200)':cb=128:cr=128"

static const struct {
    const char *name, *file, *rate, *options;
    double fps;
} numbered[] = {
    { "24", "n24.mp4", "24", X264 "-g 240 -bf 3", 24 },
    { "23.976 in Matroska", "n23.mkv", "24000/1001", X264 "-g 48", 24000 / 1001.0 },
    { "25 in a transport stream", "n25.ts", "25", X264 "-g 50", 25 },
    { "29.97", "n29.mp4", "30000/1001", X264, 30000 / 1001.0 },
    { "50", "n50.mp4", "50", X264, 50 },
    { "60 in Matroska", "n60.mkv", "60", X264, 60 },
};

START_TEST(at_the_same_rate_every_picture_comes_once_and_none_from_beyond_the_cut)
{
    double fps = numbered[_i].fps;
    const char *paths[RENDER_SOURCES] = {
        MEDIA_CLIP(.name = numbered[_i].file, .seconds = 5, .width = 64, .height = 48,
                   .rate = numbered[_i].rate, .picture = "color=c=black", .sound = "",
                   .filter = NUMBERED, .options = numbered[_i].options)
    };
    static const int cuts[][2] = { { 7, 40 }, { 60, 33 }, { 0, 21 }, { 61, 30 }, { 90, 25 } };
    struct render_piece pieces[ARRAY_LEN(cuts)];
    // To milliseconds, as plans are written.
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++)
        pieces[i] = (struct render_piece){ 0, round(cuts[i][0] / fps * 1000) / 1000,
                                           round((cuts[i][0] + cuts[i][1]) / fps * 1000) / 1000 };
    struct render_batch folder;
    render_batch_make(&folder, paths, NULL);
    render_batch_plan(&folder, pieces, ARRAY_LEN(pieces));
    render_batch_must_run(&folder, "render", NULL);
    char *path = render_batch_path(&folder, BATCH_FINAL), *shown;
    // Four bytes a picture, all its brightness, never 0.
    ck_assert_int_eq(PROGRAM_RUN(&shown, "ffmpeg", "-nostdin", "-v", "error", "-i", path,
                                 "-fps_mode", "passthrough", "-vf",
                                 "extractplanes=y,crop=2:2:30:20", "-f", "rawvideo", "-"),
                     0);
    size_t at = 0;
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++)
        for (int n = 0; n < cuts[i][1]; n++, at++) {
            int want = 20 + (cuts[i][0] + n) * 11 % 200;
            ck_assert_msg(abs((unsigned char)shown[4 * at] - want) <= 5,
                          "%s: cut %zu, picture %d: %d, not %d", numbered[_i].name, i, n,
                          (unsigned char)shown[4 * at], want);
        }
    ck_assert_uint_eq(strlen(shown), 4 * at);
    free(shown);
    free(path);
    render_batch_remove(&folder);
}
END_TEST

// ---- loudness

static const struct {
    const char *name, *sounds[3];
    double lowest; // loudness that must be reached
} levels[] = {
    { "quiet, loud and usual",
      { "anoisesrc=color=pink:amplitude=0.02:sample_rate=48000:seed=1",
        "anoisesrc=color=pink:amplitude=1:sample_rate=44100:seed=2",
        "sine=frequency=300:sample_rate=48000" },
      -17 },
    { "clipped", { "aevalsrc=exprs='clip(4*sin(2*PI*90*t)\\,-1\\,1)':s=48000:c=stereo" }, -17 },
    // Sharp and sparse: the peaks must give way, so the loudness cannot be reached.
    { "clicks over hush",
      { "aevalsrc=exprs='0.9*lt(mod(t\\,0.4)\\,0.002)*sin(2*PI*3000*t)+0.002*sin(2*PI*200*t)':s="
        "48000:c=stereo" },
      -40 },
    { "high and hard",
      { "aevalsrc=exprs='clip(3*sin(2*PI*7000*t)\\,-1\\,1)':s=48000:c=mono" },
      -17 },
};

static double reading(const char *said, const char *label)
{
    const char *summary = strstr(said, "Summary:");
    const char *at = summary ? strstr(summary, label) : NULL;
    ck_assert_msg(at != NULL, "%s", said);
    return strtod(at + strlen(label), NULL);
}

START_TEST(sources_are_levelled_and_peaks_stay_under_the_ceiling)
{
    const char *paths[RENDER_SOURCES] = { 0 };
    struct render_piece pieces[3];
    size_t count = 0;
    for (; count < 3 && levels[_i].sounds[count]; count++) {
        char *name = xasprintf("level%zu.mkv", count);
        paths[count] =
            MEDIA_CLIP(.name = name, .seconds = 5, .width = 64, .height = 48, .rate = "25",
                       .sound = levels[_i].sounds[count], .options = X264 "-c:a pcm_s16le");
        pieces[count] = (struct render_piece){ (int)count, 0.5, 4.5 };
        free(name);
    }
    struct render_batch folder;
    render_batch_make(&folder, paths, NULL);
    render_batch_plan(&folder, pieces, count);
    render_batch_must_run(&folder, "render", NULL);
    char *path = render_batch_path(&folder, BATCH_FINAL), *said;
    ck_assert_int_eq(PROGRAM_RUN(&said, "ffmpeg", "-nostdin", "-hide_banner", "-i", path, "-vn",
                                 "-af", "ebur128=peak=true:framelog=verbose", "-f", "null", "-"),
                     0);
    double loudness = reading(said, "I:"), peak = reading(said, "Peak:");
    ck_assert_msg(loudness <= -15 && loudness >= levels[_i].lowest, "%s: %.1f LUFS",
                  levels[_i].name, loudness);
    ck_assert_msg(peak < -1.5, "%s: %.1f dBTP", levels[_i].name, peak);
    free(said);
    free(path);
    render_batch_remove(&folder);
}
END_TEST

// ---- shapes

static int sample(const unsigned char *picture, int width, int x, int y)
{
    return picture[(ptrdiff_t)y * width + x];
}

// reelcheck knows nothing of sample aspect: a square drawn in wide samples must come out square,
// between bars; whether the coded picture says that they are wide or only the container.
static const struct media_clip wide_samples[] = {
    { "narrow.mp4", 3, 90, 180, "25", .options = X264 },
    { "narrow.mkv", 3, 90, 180, "25", .options = "-c:v libvpx -b:v 400k -deadline realtime" },
};

START_TEST(a_square_stays_square_between_bars)
{
    struct media_clip narrow = wide_samples[_i];
    narrow.picture = "color=c=gray";
    narrow.sound = "";
    narrow.filter = "drawbox=x=30:y=60:w=30:h=60:color=white:t=fill,setsar=2";
    const char *paths[RENDER_SOURCES] = {
        MEDIA_CLIP(.name = "wide.mp4", .seconds = 3, .width = 320, .height = 180, .rate = "25",
                   .picture = "color=c=gray", .sound = "", .options = X264),
        media_clip(&narrow)
    };
    static const struct render_piece pieces[] = { { 0, 0, 2 }, { 1, 1, 2 } };
    struct render_batch folder;
    render_batch_make(&folder, paths, NULL);
    render_batch_plan(&folder, pieces, ARRAY_LEN(pieces));
    render_batch_must_run(&folder, "render", NULL);
    char *path = render_batch_path(&folder, BATCH_FINAL),
         *out = render_batch_path(&folder, "frame.gray");
    ck_assert_int_eq(PROGRAM_RUN(NULL, "ffmpeg", "-nostdin", "-v", "error", "-ss", "2.5", "-i",
                                 path, "-frames:v", "1", "-vf", "extractplanes=y", "-f", "rawvideo",
                                 out),
                     0);
    int fd = openat(folder.folder.fd, "frame.gray", O_RDONLY);
    unsigned char *picture = xcalloc(320, 180);
    ck_assert_int_eq(read(fd, picture, 320 * 180), 320 * 180);
    // 180x180 in the middle of 320x180, the white square 60x60 in the middle of that.
    static const struct {
        int x, y, low, high;
    } spots[] = { { 60, 90, 14, 20 },     { 80, 90, 110, 140 },  { 245, 90, 110, 140 },
                  { 258, 90, 14, 20 },    { 160, 90, 225, 240 }, { 134, 64, 225, 240 },
                  { 185, 115, 225, 240 }, { 124, 90, 110, 140 }, { 160, 54, 110, 140 } };
    for (size_t i = 0; i < ARRAY_LEN(spots); i++) {
        int value = sample(picture, 320, spots[i].x, spots[i].y);
        ck_assert_msg(value >= spots[i].low && value <= spots[i].high, "at %d,%d: %d", spots[i].x,
                      spots[i].y, value);
    }
    close_fd(&fd);
    free(picture);
    free(path);
    free(out);
    render_batch_remove(&folder);
}
END_TEST

// ---- the step

static struct render_batch small_batch(void)
{
    const char *paths[RENDER_SOURCES] = { MEDIA_CLIP(.name = "small.mp4", .seconds = 3) };
    struct render_batch folder;
    render_batch_make(&folder, paths, "title = \"A day\";");
    return folder;
}

START_TEST(the_result_tells_what_was_made)
{
    struct render_batch folder = small_batch();
    render_batch_plan(&folder, &(struct render_piece){ 0, 0.5, 2.5 }, 1);
    render_batch_must_run(&folder, "render", NULL);
    json_t *numbers = render_batch_numbers(&folder);
    struct stat status;
    ck_assert_int_eq(fstatat(folder.folder.fd, BATCH_FINAL, &status, 0), 0);
    ck_assert_double_eq_tol(json_number_value(json_object_get(numbers, "duration")), 2, 1e-3);
    ck_assert_int_eq(json_integer_value(json_object_get(numbers, "size_bytes")), status.st_size);
    ck_assert_int_eq(json_integer_value(json_object_get(numbers, "width")), 320);
    ck_assert_int_eq(json_integer_value(json_object_get(numbers, "frames_copied")), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(numbers, "frames_encoded")), 60);
    ck_assert_str_eq(render_batch_word(numbers, "render_mode"), "encode");
    ck_assert_double_gt(json_number_value(json_object_get(numbers, "speed")), 0);
    json_decref(numbers);
    render_batch_remove(&folder);
}
END_TEST

static const struct {
    const char *encoder, *codec;
} encoders[] = {
    { "libx264", "h264" },
    { "libx265", "hevc" },
    // Hardly a machine that runs this has these; with or without, the reel is H.264.
    { "h264_nvenc", "h264" },
    { "h264_vaapi", "h264" },
};

START_TEST(the_encoder_is_the_wished_one_or_the_usual)
{
    const char *paths[RENDER_SOURCES] = { MEDIA_CLIP(.name = "small.mp4", .seconds = 3) };
    struct render_batch folder;
    char *job =
        xasprintf("output = { mode = \"recompress\"; encoder = \"%s\"; };", encoders[_i].encoder);
    render_batch_make(&folder, paths, job);
    render_batch_plan(&folder, &(struct render_piece){ 0, 0.5, 2.5 }, 1);
    render_batch_must_run(&folder, "render", NULL);
    char *path = xasprintf("%s/" BATCH_FINAL, folder.folder.path), *said;
    ck_assert_int_eq(PROGRAM_RUN(&said, "ffprobe", "-v", "error", "-select_streams", "v", "-of",
                                 "csv=p=0", "-show_entries", "stream=codec_name,nb_frames", path),
                     0);
    char *expected = xasprintf("%s,60\n", encoders[_i].codec);
    ck_assert_str_eq(said, expected);
    free(expected);
    free(said);
    free(path);
    free(job);
    render_batch_remove(&folder);
}
END_TEST

START_TEST(a_plan_of_nothing_that_is_there_fails_and_leaves_nothing)
{
    struct render_batch folder = small_batch();
    render_batch_plan(&folder, &(struct render_piece){ 5, 0.5, 2.5 }, 1);
    char *said;
    ck_assert_int_eq(render_batch_run(&folder, "render", NULL, &said), 65);
    free(said);
    char *names = folder_names(&folder.folder, ".");
    ck_assert_msg(!strstr(names, "final.mp4") && !strstr(names, "cover.jpg"), "%s", names);
    free(names);
    render_batch_remove(&folder);
}
END_TEST

START_TEST(a_planned_source_that_is_missing_is_trouble_and_never_left_out)
{
    struct render_batch folder = small_batch();
    char *said;
    render_batch_plan(&folder, &(struct render_piece){ 0, 0.5, 2.5 }, 1);
    ck_assert_int_eq(unlinkat(folder.folder.fd, "0/source", 0), 0);
    ck_assert_int_eq(render_batch_run(&folder, "render", NULL, &said), 75);
    ck_assert_msg(strstr(said, "is missing") != NULL, "%s", said);
    free(said);
    render_batch_remove(&folder);
}
END_TEST

START_TEST(without_a_plan_it_is_our_fault)
{
    struct render_batch folder = small_batch();
    char *said;
    ck_assert_int_eq(render_batch_run(&folder, "render", NULL, &said), 70);
    free(said);
    render_batch_remove(&folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("render");
    TCase *reels = tcase_create("reels"), *exact = tcase_create("picture for picture"),
          *sound = tcase_create("loudness"), *step = tcase_create("step");
    TCase *cases[] = { reels, exact, sound, step };
    tcase_add_loop_test(reels, a_reel_shows_and_plays_what_its_plan_says, 0, ARRAY_LEN(stories));
    tcase_add_loop_test(reels, a_square_stays_square_between_bars, 0, (int)ARRAY_LEN(wide_samples));
    tcase_add_loop_test(exact,
                        at_the_same_rate_every_picture_comes_once_and_none_from_beyond_the_cut, 0,
                        ARRAY_LEN(numbered));
    tcase_add_loop_test(sound, sources_are_levelled_and_peaks_stay_under_the_ceiling, 0,
                        ARRAY_LEN(levels));
    tcase_add_test(step, the_result_tells_what_was_made);
    tcase_add_loop_test(step, the_encoder_is_the_wished_one_or_the_usual, 0, ARRAY_LEN(encoders));
    tcase_add_test(step, a_plan_of_nothing_that_is_there_fails_and_leaves_nothing);
    tcase_add_test(step, a_planned_source_that_is_missing_is_trouble_and_never_left_out);
    tcase_add_test(step, without_a_plan_it_is_our_fault);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        tcase_set_timeout(cases[i], 120);
        suite_add_tcase(suite, cases[i]);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
