// How well hard cuts are found: F1 on material whose cuts are known, because it is joined here.
//
// Takes from many cameras and drawn pictures, in random order, some made harder: shaken, noisy,
// dark, blurred, grey.  Between the cuts lies what must not be taken for one: flashes, dissolves,
// fades, pans, zooms, flicker.  A join with a fade counts neither way.  Then, as a comparison only,
// what another detector says of three videos.
#include "highlight/shots.h"
#include "media/skim.h"
#include "media/source.h"
#include "media/watch.h"
#include "tests/support/media.h"
#include <math.h>
#include <stdio.h>

enum { JOINS = 120, MAX_CUTS = 400 };

static const struct take {
    const char *path; // of a real file, or a lavfi source
    double seconds;
    bool drawn;
} takes[] = {
    { "camera/Issue_515_java.mp4", 3.4, false },
    { "camera/VID_20191220_170832.mp4", 1.4, false },
    { "camera/birds.mp4", 1.0, false },
    { "camera/dog_eating.mp4", 13.5, false },
    { "camera/fire2.mp4", 2.2, false },
    { "camera/ftyp3gp5.mp4", 1.2, false },
    { "camera/gopro_karma.mp4", 12, false },
    { "camera/sam2_01_dog.mp4", 9.5, false },
    { "camera/sam2_04_coffee.mp4", 9.4, false },
    { "camera/sample-5s_h265.mp4", 4.9, false },
    { "camera/sideways_movie.mov", 0.95, false },
    { "camera/traffic_camera_vfr.mp4", 34, false },
    { "camera/uuid540.mp4", 1.0, false },
    { "camera/with-gps.mov", 3.9, false },
    { "camera/100_0306.AVI", 2.6, false },
    { "camera/movie-hello.mpeg", 8, false },
    { "formats/hlg_hevc.mov", 0.95, false },
    { "formats/h263_amr.3gp", 5.4, false },
    { "formats/gizmo.mp4", 5.4, false },
    { "formats/VID_0001.ogg", 19, false },
    { "formats/ax_sample_edit_list.mp4", 2.4, false },
    { "testsrc2=size=640x360:rate=30", 20, true },
    { "mandelbrot=size=640x360:rate=30:start_scale=2:end_scale=0.01:end_pts=400", 10, true },
    { "life=size=160x90:rate=30:ratio=0.3:mold=10:life_color=#C83232:death_color=#3232C8:seed=5",
      10, true },
    { "gradients=size=640x360:rate=30:speed=0.02:seed=7:x0=0:y0=0:c0=red:c1=blue", 10, true },
    { "smptebars=size=640x360:rate=30", 10, true },
    { "color=c=gray:size=640x360:rate=30,noise=alls=40:allf=t", 10, true },
};

// What is done to a take.  A fade makes its join no hard cut.
static const struct trouble {
    const char *filter;
    bool fade;
} troubles[] = {
    { "null", false },
    { "null", false },
    { "null", false },
    { "eq=brightness=0.1", false },
    { "eq=gamma=0.5", false },
    { "crop=600:330:20+18*sin(n*1.7):15+13*cos(n*2.3),scale=640:360", false },
    { "crop=480:270:80+70*sin(n/9):45,scale=640:360", false },
    { "hue=s=0", false },
    { "noise=alls=12:allf=t", false },
    { "boxblur=4", false },
    { "hflip", false },
    { "zoompan=z='1+0.02*on':d=1:s=640x360:fps=30", false },
    { "eq=brightness='0.06*sin(n*2)':eval=frame", false },
    { "geq=lum='if(eq(N,12),235,lum(X,Y))':cb='if(eq(N,12),128,cb(X,Y))':"
      "cr='if(eq(N,12),128,cr(X,Y))'",
      false },
    { "fade=t=in:st=0:d=0.5", true },
};

struct truth {
    double cuts[MAX_CUTS];  // seconds
    double faded[MAX_CUTS]; // joins that count neither way
    size_t cut_count, faded_count;
    double until;
};

struct score {
    size_t right, wrong, missed;
};

static uint32_t state;

static double chance(void)
{
    state = state * 1664525 + 1013904223;
    return (double)(state >> 8) / (1 << 24);
}

// ---- measuring

static void fail(const char *path, const struct err *err)
{
    (void)fprintf(stderr, "%s: %s\n", path, err->text);
    exit(EXIT_FAILURE);
}

static bool wants(void *context, const AVPacket *packet, double seconds)
{
    return skim_wants(context, packet, seconds);
}

// `rate` above 0: as for a proxy of that many pictures a second, which does not decode all.
static struct signals measure(const char *path, double rate)
{
    const struct source_limits limits = { 100000000, 16 };
    struct signals signals = SIGNALS_INIT;
    struct source *source = NULL;
    struct err err = ERR_INIT;
    struct watch *watch = watch_new();
    AVFrame *frame = av_frame_alloc();
    int fd = media_open(path);
    if (source_open(fd, &limits, &source, &err) < 0 ||
        source_decode(source, SOURCE_PICTURE, 0, AVDISCARD_DEFAULT, &err) < 0)
        fail(path, &err);
    const AVStream *video = source_video(source);
    struct skim *skim =
        rate > 0 ? skim_new(video->codecpar, video->time_base, rate, 1.0 / 30) : NULL;
    if (skim != NULL)
        source_choose(source, wants, skim);
    while (source_frame(source, frame, &err) > 0) {
        watch_add(watch, frame, source_frame_time(frame));
        signals.duration = source_frame_time(frame) + 1.0 / 30;
        av_frame_unref(frame);
    }
    watch_finish(watch, &signals);
    watch_free(&watch);
    skim_free(&skim);
    av_frame_free(&frame);
    source_free(&source);
    close(fd);
    return signals;
}

// ---- making

// A piece of a take as 640x360 at 30 a second, or NULL where the real file is missing.
static const char *make_piece(size_t index, const struct take *take, double start, double seconds,
                              const char *trouble)
{
    static const char fit[] = "scale=640:360:force_original_aspect_ratio=increase:flags=bilinear,"
                              "crop=640:360,setsar=1,fps=30,format=yuv420p,";
    const char *path = take->drawn ? take->path : media_real(take->path);
    if (path == NULL)
        return NULL;
    char name[32], from[32], length[32];
    (void)snprintf(name, sizeof name, "cut-%zu.mp4", index);
    (void)snprintf(from, sizeof from, "%.2f", start);
    (void)snprintf(length, sizeof length, "%.3f", seconds);
    char *filter = xasprintf("%s%s,trim=duration=%s,format=yuv420p", fit, trouble, length);
    const char *drawn[] = { "-f", "lavfi", "-i", path, NULL };
    const char *real[] = { "-ss", from, "-i", path, NULL };
    const char *rest[] = { "-an",     "-vf",       filter, "-c:v", "libx264",
                           "-preset", "ultrafast", "-crf", "14",   NULL };
    const char *arguments[24];
    size_t count = 0;
    for (size_t i = 0; (take->drawn ? drawn : real)[i] != NULL; i++)
        arguments[count++] = (take->drawn ? drawn : real)[i];
    for (size_t i = 0; rest[i] != NULL; i++)
        arguments[count++] = rest[i];
    arguments[count] = NULL;
    const char *made = media_make(name, arguments);
    free(filter);
    return made;
}

// Two pieces that flow into each other: no cut inside.
static const char *make_dissolve(size_t index, const char *a, const char *b)
{
    char name[32];
    (void)snprintf(name, sizeof name, "dissolve-%zu.mp4", index);
    return MEDIA_MAKE(name, "-i", a, "-i", b, "-filter_complex",
                      "[0]tpad=stop_mode=clone:stop_duration=2,trim=duration=2,settb=AVTB[x];"
                      "[1]tpad=stop_mode=clone:stop_duration=2,trim=duration=2,settb=AVTB[y];"
                      "[x][y]xfade=duration=0.7:offset=0.8,format=yuv420p",
                      "-c:v", "libx264", "-preset", "ultrafast", "-crf", "14");
}

static void join(struct truth *truth, FILE *list, const char *piece, bool fade)
{
    struct signals signals = measure(piece, 0);
    if (truth->until > 0 && fade)
        truth->faded[truth->faded_count++] = truth->until;
    else if (truth->until > 0)
        truth->cuts[truth->cut_count++] = truth->until;
    truth->until += (double)signals.frame_count / 30;
    (void)fprintf(list, "file '%s'\n", piece);
    signals_release(&signals);
}

// Joins pieces at random and gives the path of the whole.
static const char *make_material(struct truth *truth)
{
    char *text = NULL;
    size_t size = 0, before = ARRAY_LEN(takes);
    const char *last = NULL;
    FILE *list = open_memstream(&text, &size);
    for (size_t i = 0; i < JOINS; i++) {
        size_t which = (size_t)(chance() * (double)ARRAY_LEN(takes));
        if (which == before) // two pieces of one take may be one picture
            which = (which + 1) % ARRAY_LEN(takes);
        const struct take *take = &takes[which];
        const struct trouble *trouble = &troubles[(size_t)(chance() * ARRAY_LEN(troubles))];
        double seconds = fmin(take->seconds, 0.7 + chance() * 2.3);
        double start = chance() * (take->seconds - seconds);
        const char *piece = make_piece(i, take, take->drawn ? 0 : start, seconds, trouble->filter);
        if (piece == NULL)
            continue;
        if (i % 10 == 9 && last != NULL)
            join(truth, list, make_dissolve(i, piece, last), trouble->fade);
        else
            join(truth, list, piece, trouble->fade);
        before = which;
        last = piece;
    }
    (void)fclose(list);
    const char *path =
        MEDIA_MAKE("cuts.mp4", "-f", "concat", "-safe", "0", "-i",
                   media_bytes("cuts.txt", text, size), "-vf", "setpts=N/30/TB", "-fps_mode",
                   "passthrough", "-c:v", "libx264", "-preset", "veryfast", "-crf", "22");
    free(text);
    return path;
}

// ---- the figures

static bool is_near(const double *times, size_t count, double time, double reach)
{
    for (size_t i = 0; i < count; i++)
        if (fabs(times[i] - time) <= reach)
            return true;
    return false;
}

static struct score compare(const struct truth *truth, const struct signals *signals, double reach)
{
    static double found[MAX_CUTS * 4];
    struct analysis_span *shots = NULL;
    struct score score = { 0 };
    size_t count = 0, found_count = 0;
    if (shots_find(signals, &shots, &count) != 0)
        exit(EXIT_FAILURE);
    for (size_t i = 1; i < count && found_count < ARRAY_LEN(found); i++)
        found[found_count++] = shots[i].start;
    free(shots);
    for (size_t i = 0; i < truth->cut_count; i++) {
        bool hit = is_near(found, found_count, truth->cuts[i], reach);
        score.right += hit;
        score.missed += !hit;
        if (!hit && getenv("CLIPSPOOL_BENCH_SHOW") != NULL)
            printf("  missed at %.3f s\n", truth->cuts[i]);
    }
    for (size_t i = 0; i < found_count; i++) {
        bool known = is_near(truth->cuts, truth->cut_count, found[i], reach) ||
                     is_near(truth->faded, truth->faded_count, found[i], 0.6);
        score.wrong += !known;
        if (!known && getenv("CLIPSPOOL_BENCH_SHOW") != NULL)
            printf("  wrong at %.3f s\n", found[i]);
    }
    return score;
}

static void print_score(const char *label, struct score score)
{
    double total = (double)(2 * score.right + score.wrong + score.missed);
    printf("%-46s F1 %.3f (%zu right, %zu wrong, %zu missed)\n", label,
           total > 0 ? 2 * (double)score.right / total : 1, score.right, score.wrong, score.missed);
    (void)fflush(stdout);
}

static void bench_reference(const char *name, const int *pictures, size_t count, double rate)
{
    struct truth truth = { .cut_count = 0 };
    const char *path = media_real(name);
    if (path == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        truth.cuts[truth.cut_count++] = pictures[i] / rate;
    struct signals signals = measure(path, 0);
    print_score(name, compare(&truth, &signals, 1.5 / rate));
    signals_release(&signals);
}

// The same joins by an encoder that does not look for cuts: then a new shot may begin with a
// picture that nobody refers to.
static const char *make_blind(size_t index, const char *path)
{
    char name[32];
    (void)snprintf(name, sizeof name, "cuts-blind-%zu.mp4", index);
    return MEDIA_MAKE(name, "-i", path, "-c:v", "libx264", "-preset", "veryfast", "-crf", "22",
                      "-sc_threshold", "0", "-bf", "3");
}

static void add_score(struct score *sum, const struct truth *truth, const char *path, double rate,
                      const char *label)
{
    struct signals signals = measure(path, rate);
    struct score score = compare(truth, &signals, 1.01 / 30);
    char text[96];
    (void)snprintf(text, sizeof text, "%s, %.1f pictures/s", label, signals.frame_rate);
    print_score(text, score);
    sum->right += score.right;
    sum->wrong += score.wrong;
    sum->missed += score.missed;
    signals_release(&signals);
}

int main(void)
{
    static const uint32_t seeds[] = { 1, 20, 300 };
    struct score all = { 0 }, sparse = { 0 }, blind = { 0 }, blind_sparse = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(seeds); i++) {
        struct truth truth = { .cut_count = 0 };
        state = seeds[i];
        const char *path = make_material(&truth);
        const char *hidden = make_blind(i, path);
        printf("order %u, %.0f s\n", seeds[i], truth.until);
        add_score(&all, &truth, path, 0, "  all decoded");
        add_score(&sparse, &truth, path, 10, "  for 10 a second");
        add_score(&blind, &truth, hidden, 0, "  blind, all decoded");
        add_score(&blind_sparse, &truth, hidden, 10, "  blind, for 10 a second");
    }
    print_score("hard cuts, all decoded", all);
    print_score("hard cuts, for 10 a second", sparse);
    print_score("hard cuts, blind, all decoded", blind);
    print_score("hard cuts, blind, for 10 a second", blind_sparse);
    // ContentDetector of PySceneDetect, as shipped with its tests.
    static const int content[] = { 30, 180, 394 };
    bench_reference("shots/psd_testvideo.mp4", content, ARRAY_LEN(content), 30000.0 / 1001);
    bench_reference("shots/psd_fades.mp4", NULL, 0, 25);
    return EXIT_SUCCESS;
}
