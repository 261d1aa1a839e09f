// How long a full re-encode takes beside the ffmpeg program doing the same cut: with trim and
// concat filters, which is what people write, and with a seek for each piece, which is the best it
// can do.
//
// Same encoder, preset and quality.  Ours also measures and levels the sound, limits it, and makes
// the cover.  Each round runs all three in turn, so that a busy machine slows all; medians are
// compared.  CLIPSPOOL_BENCH_ROUNDS sets the number of rounds (3).
#include "media/inspect.h"
#include "media/reel.h"
#include "tests/support/media.h"
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

enum { MAX_ROUNDS = 15, SOURCES = 2, PIECES = 8 };
#define PRESET "veryfast"
#define CRF "18"

extern char **environ;

struct piece {
    int source;
    double start, end;
};

static const struct cut {
    const char *name;
    struct piece pieces[PIECES];
} cuts[] = {
    { "one",
      { { 0, 2, 7 },
        { 0, 9.5, 14 },
        { 0, 17, 21.5 },
        { 0, 24, 29 },
        { 0, 33, 37.5 },
        { 0, 41, 45 },
        { 0, 48, 53 },
        { 0, 54.5, 58 } } },
    { "mix",
      { { 0, 2, 7 },
        { 1, 9.5, 14 },
        { 0, 17, 21.5 },
        { 1, 24, 29 },
        { 0, 33, 37.5 },
        { 1, 41, 45 },
        { 0, 48, 53 },
        { 1, 54.5, 58 } } },
};

struct cost {
    double wall, cpu; // seconds
    double memory;    // MB, the most resident
};

static int fail(const struct err *err)
{
    (void)fprintf(stderr, "%s\n", err->text);
    return EXIT_FAILURE;
}

// ---- what is measured, in a process of its own: --once CUT SOURCE...

static int render_once(const struct cut *cut, char **paths)
{
    struct err err = ERR_INIT;
    struct probe probes[SOURCES] = { PROBE_INIT, PROBE_INIT };
    struct reel_source sources[SOURCES];
    struct plan plan = PLAN_INIT;
    struct reel_result result = REEL_RESULT_INIT;
    const struct inspect_rules rules = { .max_pixels = 100000000, .max_streams = 32 };
    char name[] = "/tmp/clipspool-bench-XXXXXX";
    char scratch_name[] = "/tmp/clipspool-bench-XXXXXX";
    int out = mkstemp(name), scratch = mkstemp(scratch_name);
    (void)unlink(name);
    (void)unlink(scratch_name);
    for (int i = 0; i < SOURCES; i++) {
        sources[i] = (struct reel_source){ open(paths[i], O_RDONLY | O_CLOEXEC), &probes[i], "" };
        if (inspect_file(sources[i].fd, &rules, &probes[i], &err) < 0)
            return fail(&err);
    }
    for (int i = 0; i < PIECES; i++)
        plan_add(&plan, &(struct plan_segment){ .video_index = cut->pieces[i].source,
                                                .start = cut->pieces[i].start,
                                                .end = cut->pieces[i].end });
    const struct reel_order order = { .plan = &plan,
                                      .sources = sources,
                                      .source_count = SOURCES,
                                      .max_pixels = rules.max_pixels,
                                      .max_streams = rules.max_streams,
                                      .scratch_fd = scratch,
                                      .quality = { PRESET, 18, 0 } };
    if (reel_render(&order, out, &result, &err) < 0)
        return fail(&err);
    reel_result_release(&result);
    plan_release(&plan);
    return EXIT_SUCCESS;
}

// ---- running

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct cost run(const char *const *argv)
{
    double begin = now();
    struct rusage usage;
    pid_t pid;
    int status = 0;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ) != 0 ||
        wait4(pid, &status, 0, &usage) != pid || status != 0) {
        (void)fprintf(stderr, "%s failed\n", argv[0]);
        exit(EXIT_FAILURE);
    }
    return (struct cost){
        .wall = now() - begin,
        .cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
        .memory = (double)usage.ru_maxrss / 1024,
    };
}

// ffmpeg over inputs and a filter graph that ends in [v] and [a].
static struct cost run_ffmpeg(const char *const *inputs, const char *filter)
{
    const char *argv[128] = { "ffmpeg", "-nostdin", "-v", "error", "-y" };
    const char *rest[] = { "-filter_complex",
                           filter,
                           "-map",
                           "[v]",
                           "-map",
                           "[a]",
                           "-c:v",
                           "libx264",
                           "-preset",
                           PRESET,
                           "-crf",
                           CRF,
                           "-c:a",
                           "aac",
                           "-b:a",
                           "192k",
                           "-ac",
                           "2",
                           "-ar",
                           "48000",
                           "-pix_fmt",
                           "yuv420p",
                           "-movflags",
                           "+faststart",
                           "-f",
                           "mp4",
                           NULL };
    size_t count = 5;
    for (size_t i = 0; inputs[i]; i++)
        argv[count++] = inputs[i];
    for (size_t i = 0; rest[i]; i++)
        argv[count++] = rest[i];
    char name[] = "/tmp/clipspool-bench-XXXXXX";
    int fd = mkstemp(name);
    argv[count++] = name;
    argv[count] = NULL;
    struct cost cost = run(argv);
    close(fd);
    (void)unlink(name);
    return cost;
}

static void add_text(char **text, const char *more)
{
    char *longer = xasprintf("%s%s", *text, more);
    free(*text);
    *text = longer;
}

static struct cost run_trim(const struct cut *cut, const char *const *paths)
{
    char *filter = xstrdup("");
    for (int i = 0; i < PIECES; i++) {
        const struct piece *p = &cut->pieces[i];
        char *part = xasprintf("[%d:v]trim=%g:%g,setpts=PTS-STARTPTS[v%d];"
                               "[%d:a]atrim=%g:%g,asetpts=PTS-STARTPTS[a%d];",
                               p->source, p->start, p->end, i, p->source, p->start, p->end, i);
        add_text(&filter, part);
        free(part);
    }
    for (int i = 0; i < PIECES; i++) {
        char pads[32];
        (void)snprintf(pads, sizeof pads, "[v%d][a%d]", i, i);
        add_text(&filter, pads);
    }
    add_text(&filter, "concat=n=8:v=1:a=1[v][a]");
    bool mixed = cut->pieces[1].source != 0;
    const char *inputs[] = { "-i", paths[0], mixed ? "-i" : NULL, paths[1], NULL };
    struct cost cost = run_ffmpeg(inputs, filter);
    free(filter);
    return cost;
}

static struct cost run_seek(const struct cut *cut, const char *const *paths)
{
    const char *inputs[6 * PIECES + 1] = { NULL };
    char numbers[2 * PIECES][16];
    char *filter = xstrdup("");
    for (int i = 0; i < PIECES; i++) {
        const struct piece *p = &cut->pieces[i];
        char pads[32];
        (void)snprintf(numbers[2 * i], sizeof *numbers, "%g", p->start);
        (void)snprintf(numbers[2 * i + 1], sizeof *numbers, "%g", p->end - p->start);
        const char *words[] = { "-ss", numbers[2 * i],  "-t", numbers[2 * i + 1],
                                "-i",  paths[p->source] };
        memcpy(inputs + 6 * i, words, sizeof words);
        (void)snprintf(pads, sizeof pads, "[%d:v][%d:a]", i, i);
        add_text(&filter, pads);
    }
    add_text(&filter, "concat=n=8:v=1:a=1[v][a]");
    struct cost cost = run_ffmpeg(inputs, filter);
    free(filter);
    return cost;
}

static struct cost run_ours(const char *self, const char *cut, const char *const *paths)
{
    const char *argv[] = { self, "--once", cut, paths[0], paths[1], NULL };
    return run(argv);
}

// ---- the figures

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}

static void bench(const char *self, size_t number, const char *const *paths, size_t rounds)
{
    enum { OURS, TRIM, SEEK, WAYS };
    double wall[WAYS][MAX_ROUNDS], cpu[WAYS][MAX_ROUNDS], memory = 0, seconds = 0;
    const struct cut *cut = &cuts[number];
    char text[12];
    (void)snprintf(text, sizeof text, "%zu", number);
    for (int i = 0; i < PIECES; i++)
        seconds += cut->pieces[i].end - cut->pieces[i].start;
    for (size_t i = 0; i < rounds; i++) {
        const struct cost costs[WAYS] = { run_ours(self, text, paths), run_trim(cut, paths),
                                          run_seek(cut, paths) };
        for (int way = 0; way < WAYS; way++) {
            wall[way][i] = costs[way].wall;
            cpu[way][i] = costs[way].cpu;
        }
        memory = costs[OURS].memory > memory ? costs[OURS].memory : memory;
    }
    double ours = median(wall[OURS], rounds), ours_cpu = median(cpu[OURS], rounds);
    double trim = median(wall[TRIM], rounds), seek = median(wall[SEEK], rounds);
    printf("render %-4s %.0f s of 1080p: %6.2f s; ffmpeg trim/concat %6.2f s, ratio %.2f "
           "(cpu %.2f); ffmpeg seek/concat %6.2f s, ratio %.2f (cpu %.2f); %3.0f MB\n",
           cut->name, seconds, ours, trim, ours / trim, ours_cpu / median(cpu[TRIM], rounds), seek,
           ours / seek, ours_cpu / median(cpu[SEEK], rounds), memory);
    (void)fflush(stdout);
}

// A minute of 1080p30: real pictures where there are some, looped, else drawn ones.
static const char *make_source(const char *name, const char *const *encoder)
{
    const char *film = media_real("batch-openmovies/bbb_1080p24_51audio_30s.mp4");
    const char *drawn[] = {
        "-f",   "lavfi", "-i",   "mandelbrot=size=1920x1080:rate=30:end_pts=900",
        "-f",   "lavfi", "-i",   "anoisesrc=r=48000:a=0.1",
        "-map", "0:v",   "-map", "1:a",
        NULL
    };
    const char *real[] = { "-stream_loop", "1", "-i", film, "-vf", "fps=30", NULL };
    const char *rest[] = { "-t", "60", "-ac", "2", "-c:a", "aac", "-pix_fmt", "yuv420p", NULL };
    const char *const *parts[] = { film ? real : drawn, rest, encoder };
    const char *arguments[48];
    size_t count = 0;
    for (size_t part = 0; part < ARRAY_LEN(parts); part++)
        for (size_t i = 0; parts[part][i]; i++)
            arguments[count++] = parts[part][i];
    arguments[count] = NULL;
    return media_make(name, arguments);
}

int main(int argc, char **argv)
{
    if (argc == 3 + SOURCES && strcmp(argv[1], "--once") == 0)
        return render_once(&cuts[strtoul(argv[2], NULL, 10) % ARRAY_LEN(cuts)], argv + 3);
    const char *set = getenv("CLIPSPOOL_BENCH_ROUNDS");
    size_t rounds = set ? (size_t)strtoul(set, NULL, 10) : 3;
    rounds = rounds < 1 ? 1 : rounds > MAX_ROUNDS ? MAX_ROUNDS : rounds;
    const char *const film[] = { "-c:v", "libx264", "-preset", "fast", "-crf", "21",
                                 "-g",   "250",     "-bf",     "3",    NULL };
    const char *const phone[] = { "-c:v", "libx264", "-preset", "veryfast", "-b:v", "17M",
                                  "-g",   "30",      "-bf",     "0",        NULL };
    const char *const paths[SOURCES] = { make_source("bench-long.mp4", film),
                                         make_source("bench-phone.mp4", phone) };
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++)
        bench(argv[0], i, paths, rounds);
    return EXIT_SUCCESS;
}
