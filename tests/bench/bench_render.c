// How long rendering takes beside the ffmpeg program doing the same cut, and how much of the reel
// is the originals bit for bit.
//
// The plans are real: each material goes once through the whole of `clipspool run`, with a free
// plan and with --exact.  Then, in turn, so that a busy machine slows all: ours (with the sound
// levelled and limited, the cover made, and the reel verified); ffmpeg seeking to each piece and
// encoding it anew, with the preset we use and with preset medium; ffmpeg with trim and concat
// filters; ffmpeg copying from the key frames before, which is the limit and not frame-exact.
// Medians of CLIPSPOOL_BENCH_ROUNDS rounds (1).  With CLIPSPOOL_BENCH_COPY only against copying the
// packets, which is done in seconds.
#include "base/base.h"
#include "media/inspect.h"
#include "media/reel.h"
#include "tests/support/measure.h"
#include "tests/support/media.h"
#include "tests/support/program.h"
#include <fcntl.h>
#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/stat.h>

enum { MOST_SOURCES = 3, MOST_PIECES = 64, MOST_WORDS = 8 * MOST_PIECES + 64 };
#define PRESET "veryfast"
#define CRF "18"

struct piece {
    int source;
    double start, end;
};

struct cut {
    const char *name;
    const char *paths[MOST_SOURCES];
    size_t source_count;
    bool exact, encode; // encode: nothing may be copied
    struct piece pieces[MOST_PIECES];
    size_t piece_count;
    double seconds;
    char folder[64]; // its plan and reels
};

static char *path_in(const struct cut *cut, const char *name)
{
    return xasprintf("%s/%s", cut->folder, name);
}

static void put(const struct cut *cut, const char *name, const char *text)
{
    char *path = path_in(cut, name);
    FILE *file = fopen(path, "we");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    free(path);
}

// ---- ours, in a process of its own: --once PLAN REEL SOURCE...

static int fail(const struct err *err)
{
    (void)fprintf(stderr, "%s\n", err->text);
    return EXIT_FAILURE;
}

// What the probe stage leaves; looking at the sources is no part of rendering.
static char *probe_path(const char *folder, int index)
{
    return xasprintf("%s/probe.%d.json", folder, index);
}

static int load_probe(const char *plan, int index, struct probe *probe)
{
    char *folder = xstrdup(plan);
    *strrchr(folder, '/') = '\0';
    char *path = probe_path(folder, index);
    json_t *json = json_load_file(path, 0, NULL);
    struct err err = ERR_INIT;
    int r = probe_from_json(json, probe, &err);
    json_decref(json);
    free(path);
    free(folder);
    return r < 0 ? fail(&err) : 0;
}

static int load_plan(const char *path, struct plan *plan)
{
    json_t *json = json_load_file(path, 0, NULL);
    struct err err = ERR_INIT;
    int r = plan_from_json(json, plan, &err);
    json_decref(json);
    return r < 0 ? fail(&err) : 0;
}

static int render_once(char **argv, int count, bool may_copy)
{
    struct err err = ERR_INIT;
    struct probe probes[MOST_SOURCES];
    struct reel_source sources[MOST_SOURCES];
    struct plan plan = PLAN_INIT;
    struct reel_result result = REEL_RESULT_INIT;
    int out = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    FILE *scratch = tmpfile();
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20); // as the stage has it
    (void)mallopt(M_TRIM_THRESHOLD, 8 << 20);
    if (out < 0 || !scratch || load_plan(argv[0], &plan) != 0)
        return EXIT_FAILURE;
    for (int i = 0; i < count; i++) {
        probes[i] = (struct probe)PROBE_INIT;
        sources[i] =
            (struct reel_source){ open(argv[2 + i], O_RDONLY | O_CLOEXEC), &probes[i], "" };
        if (load_probe(argv[0], i, &probes[i]) != 0)
            return EXIT_FAILURE;
    }
    const struct reel_order order = { .plan = &plan,
                                      .sources = sources,
                                      .source_count = (size_t)count,
                                      .max_pixels = 100000000,
                                      .max_streams = 32,
                                      .may_copy = may_copy,
                                      .scratch_fd = fileno(scratch),
                                      .quality = { NULL, PRESET, 18, 0 } };
    if (reel_render(&order, out, &result, &err) < 0)
        return fail(&err);
    if (result.fallback[0])
        (void)printf("  fell back: %s\n", result.fallback);
    reel_result_release(&result);
    plan_release(&plan);
    (void)fclose(scratch);
    return EXIT_SUCCESS;
}

static struct cost run_ours(const char *self, const struct cut *cut)
{
    char *plan = path_in(cut, "plan.json"), *reel = path_in(cut, "ours.mp4");
    const char *argv[5 + MOST_SOURCES] = { self, cut->encode ? "--encode" : "--once", plan, reel };
    for (size_t i = 0; i < cut->source_count; i++)
        argv[4 + i] = cut->paths[i];
    struct cost cost = measure_run(argv);
    free(plan);
    free(reel);
    return cost;
}

// ---- ffmpeg

struct words {
    const char *list[MOST_WORDS];
    size_t count;
    char *owned[MOST_WORDS];
    size_t owned_count;
};

static void say(struct words *words, const char *word)
{
    if (words->count + 1 < MOST_WORDS)
        words->list[words->count++] = word;
}

static void say_number(struct words *words, double number)
{
    char *text = xasprintf("%.6f", number);
    words->owned[words->owned_count++] = text;
    say(words, text);
}

static void say_all(struct words *words, const char *const *list)
{
    for (size_t i = 0; list[i]; i++)
        say(words, list[i]);
}

static void release(struct words *words)
{
    for (size_t i = 0; i < words->owned_count; i++)
        free(words->owned[i]);
}

static void add_text(char **text, const char *more)
{
    char *longer = xasprintf("%s%s", *text, more);
    free(*text);
    *text = longer;
}

static struct cost encode(struct words *words, const char *filter, const char *preset,
                          const struct cut *cut)
{
    char *reel = path_in(cut, "theirs.mp4");
    const char *const settings[] = { "-filter_complex",
                                     filter,
                                     "-map",
                                     "[v]",
                                     "-map",
                                     "[a]",
                                     "-c:v",
                                     "libx264",
                                     "-preset",
                                     preset,
                                     "-crf",
                                     CRF,
                                     "-pix_fmt",
                                     "yuv420p",
                                     "-c:a",
                                     "aac",
                                     "-b:a",
                                     "192k",
                                     "-movflags",
                                     "+faststart",
                                     reel,
                                     NULL };
    say_all(words, settings);
    struct cost cost = measure_run(words->list);
    release(words);
    free(reel);
    return cost;
}

static const char *const ffmpeg[] = { "ffmpeg", "-nostdin", "-v", "error", "-y", NULL };

static struct cost run_seek(const struct cut *cut, const char *preset)
{
    struct words words = { .count = 0 };
    char *filter = xstrdup("");
    say_all(&words, ffmpeg);
    for (size_t i = 0; i < cut->piece_count; i++) {
        const struct piece *piece = &cut->pieces[i];
        char pads[40];
        say(&words, "-ss");
        say_number(&words, piece->start);
        say(&words, "-t");
        say_number(&words, piece->end - piece->start);
        say(&words, "-i");
        say(&words, cut->paths[piece->source]);
        (void)snprintf(pads, sizeof pads, "[%zu:v][%zu:a]", i, i);
        add_text(&filter, pads);
    }
    char *end = xasprintf("concat=n=%zu:v=1:a=1[v][a]", cut->piece_count);
    add_text(&filter, end);
    struct cost cost = encode(&words, filter, preset, cut);
    free(end);
    free(filter);
    return cost;
}

static struct cost run_trim(const struct cut *cut)
{
    struct words words = { .count = 0 };
    char *filter = xstrdup(""), *pads = xstrdup("");
    say_all(&words, ffmpeg);
    for (size_t i = 0; i < cut->source_count; i++) {
        say(&words, "-i");
        say(&words, cut->paths[i]);
    }
    for (size_t i = 0; i < cut->piece_count; i++) {
        const struct piece *p = &cut->pieces[i];
        char *part = xasprintf("[%d:v]trim=%.6f:%.6f,setpts=PTS-STARTPTS[v%zu];"
                               "[%d:a]atrim=%.6f:%.6f,asetpts=PTS-STARTPTS[a%zu];",
                               p->source, p->start, p->end, i, p->source, p->start, p->end, i);
        char *pad = xasprintf("[v%zu][a%zu]", i, i);
        add_text(&filter, part);
        add_text(&pads, pad);
        free(part);
        free(pad);
    }
    char *whole = xasprintf("%s%sconcat=n=%zu:v=1:a=1[v][a]", filter, pads, cut->piece_count);
    struct cost cost = encode(&words, whole, PRESET, cut);
    free(whole);
    free(filter);
    free(pads);
    return cost;
}

static struct cost run_copy(const struct cut *cut)
{
    char *list = path_in(cut, "list.txt"), *reel = path_in(cut, "copied.mp4"), *text = xstrdup("");
    for (size_t i = 0; i < cut->piece_count; i++) {
        const struct piece *p = &cut->pieces[i];
        char *part = xasprintf("file '%s'\ninpoint %.6f\noutpoint %.6f\n", cut->paths[p->source],
                               p->start, p->end);
        add_text(&text, part);
        free(part);
    }
    put(cut, "list.txt", text);
    const char *const argv[] = { "ffmpeg", "-nostdin", "-v",    "quiet", "-y",
                                 "-f",     "concat",   "-safe", "0",     "-i",
                                 list,     "-c",       "copy",  reel,    NULL };
    struct cost cost = measure_run(argv);
    free(list);
    free(reel);
    free(text);
    return cost;
}

// ---- plans

static void make_probes(const struct cut *cut)
{
    const struct inspect_rules rules = { .max_pixels = 100000000, .max_streams = 32 };
    for (size_t i = 0; i < cut->source_count; i++) {
        struct err err = ERR_INIT;
        struct probe probe = PROBE_INIT;
        int fd = media_open(cut->paths[i]);
        if (inspect_file(fd, &rules, &probe, &err) < 0)
            exit(fail(&err));
        char *path = probe_path(cut->folder, (int)i);
        json_t *json = probe_to_json(&probe);
        (void)json_dump_file(json, path, 0);
        json_decref(json);
        free(path);
        probe_release(&probe);
        (void)close(fd);
    }
}

static void make_plan(struct cut *cut)
{
    (void)snprintf(cut->folder, sizeof cut->folder, "/tmp/clipspool-bench-XXXXXX");
    if (!mkdtemp(cut->folder)) {
        perror(cut->folder);
        exit(EXIT_FAILURE);
    }
    char *clipspool = measure_built("bin/clipspool"), *job = path_in(cut, "job.conf");
    put(cut, "job.conf",
        "target_duration = 88.0; min_segment = 8.0; max_segment = 12.0; "
        "strategy = \"every-source\"; profile = \"aggressive\";");
    const char *argv[12 + MOST_SOURCES] = { clipspool, "run",       "--name", "reel",
                                            "-o",      cut->folder, "-c",     job };
    size_t count = 8;
    if (cut->exact)
        argv[count++] = "--exact";
    for (size_t i = 0; i < cut->source_count; i++)
        argv[count++] = cut->paths[i];
    (void)measure_run(argv);
    char *made = path_in(cut, "reel/plan.json"), *plan = path_in(cut, "plan.json");
    json_t *json = json_load_file(made, 0, NULL), *segments = json_object_get(json, "segments");
    json_t *one;
    size_t i;
    (void)json_dump_file(json, plan, 0);
    json_array_foreach(segments, i, one)
    {
        struct piece piece = {
            .source = (int)json_integer_value(json_object_get(one, "video_index")),
            .start = json_number_value(json_object_get(one, "start")),
            .end = json_number_value(json_object_get(one, "end")),
        };
        if (cut->piece_count < MOST_PIECES)
            cut->pieces[cut->piece_count++] = piece;
        cut->seconds += piece.end - piece.start;
    }
    json_decref(json);
    free(made);
    free(plan);
    free(job);
    free(clipspool);
}

// ---- the figures

enum { OURS, SEEK_SAME, SEEK_MEDIUM, TRIM, COPY, WAYS };

// What the reel is made of, in the words of a script that knows nothing of how it was made.
static void tell_untouched(const struct cut *cut)
{
    const char *untouched = program_untouched();
    if (!untouched)
        return;
    char *plan = path_in(cut, "plan.json"), *reel = path_in(cut, "ours.mp4");
    const char *argv[8 + MOST_SOURCES] = { "python3", untouched, "--plan", plan, "--final", reel };
    for (size_t i = 0; i < cut->source_count; i++)
        argv[6 + i] = cut->paths[i];
    (void)fflush(stdout);
    (void)measure_try(argv, NULL);
    free(plan);
    free(reel);
}

static void bench(const char *self, struct cut *cut, size_t rounds)
{
    double wall[WAYS][MEASURE_MOST_ROUNDS], cpu[WAYS][MEASURE_MOST_ROUNDS];
    double memory = 0, written = 0, of[WAYS], cpu_of[WAYS];
    bool only_copy = getenv("CLIPSPOOL_BENCH_COPY") != NULL;
    make_plan(cut);
    make_probes(cut);
    for (size_t i = 0; i < rounds; i++) {
        const struct cost none = { 0 };
        const struct cost costs[WAYS] = { run_ours(self, cut),
                                          only_copy ? none : run_seek(cut, PRESET),
                                          cut->encode || only_copy ? none : run_seek(cut, "medium"),
                                          only_copy ? none : run_trim(cut), run_copy(cut) };
        for (int way = 0; way < WAYS; way++) {
            wall[way][i] = costs[way].wall;
            cpu[way][i] = costs[way].cpu;
        }
        memory = costs[OURS].memory > memory ? costs[OURS].memory : memory;
        written = costs[OURS].written_mb > written ? costs[OURS].written_mb : written;
    }
    for (int way = 0; way < WAYS; way++) {
        of[way] = measure_median(wall[way], rounds);
        cpu_of[way] = measure_median(cpu[way], rounds);
    }
    printf("render %s%s: %.0f s in %zu segments: %.2f s (cpu %.2f), %.0f MB resident, %.0f MB "
           "written\n",
           cut->name, cut->exact ? ", exact" : "", cut->seconds, cut->piece_count, of[OURS],
           cpu_of[OURS], memory, written);
    static const char *const names[WAYS] = { NULL, "ffmpeg -ss each, preset " PRESET,
                                             "ffmpeg -ss each, preset medium",
                                             "ffmpeg trim/concat, preset " PRESET,
                                             "ffmpeg -f concat -c copy" };
    for (int way = SEEK_SAME; way < WAYS; way++) {
        bool is_longer = of[way] >= of[OURS];
        if (of[way] > 0)
            printf("  %-36s %7.2f s (cpu %6.2f): %5.1f times as %s\n", names[way], of[way],
                   cpu_of[way], is_longer ? of[way] / of[OURS] : of[OURS] / of[way],
                   is_longer ? "long" : "quick");
    }
    tell_untouched(cut);
    (void)fflush(stdout);
    char *const gone[] = { path_in(cut, "ours.mp4"), path_in(cut, "theirs.mp4"),
                           path_in(cut, "copied.mp4") };
    for (size_t i = 0; i < ARRAY_LEN(gone); i++) {
        (void)unlink(gone[i]);
        free(gone[i]);
    }
}

// ---- material: three minutes of 1080p at 30 a second, real films where there are some

#define CONFORM                                                                                 \
    "scale=1920:1080:force_original_aspect_ratio=decrease,pad=1920:1080:-1:-1,setsar=1,fps=30," \
    "format=yuv420p"

static const char *make_master(void)
{
    const char *one = media_real("batch-openmovies/bbb_1080p24_51audio_30s.mp4");
    const char *two = media_real("batch-openmovies/tears-of-steel-battle-clip-medium.webm");
    const char *three = media_real("batch-openmovies/sintel_trailer_720p.mp4");
    const char *const rest[] = { "-t",   "150", "-c:v", "libx264", "-preset", "veryfast",
                                 "-crf", "16",  "-g",   "250",     "-c:a",    "aac",
                                 "-ac",  "2",   "-ar",  "48000",   NULL };
    const char *const films[] = { "-i",
                                  one,
                                  "-i",
                                  two,
                                  "-i",
                                  three,
                                  "-filter_complex",
                                  "[0:v]" CONFORM "[a];[1:v]" CONFORM "[b];[2:v]" CONFORM "[c];"
                                  "[0:a]aresample=48000,aformat=channel_layouts=stereo[x];"
                                  "[1:a]aresample=48000,aformat=channel_layouts=stereo[y];"
                                  "[2:a]aresample=48000,aformat=channel_layouts=stereo[z];"
                                  "[a][x][b][y][c][z]concat=n=3:v=1:a=1[v][s]",
                                  "-map",
                                  "[v]",
                                  "-map",
                                  "[s]",
                                  NULL };
    const char *const drawn[] = { "-f",   "lavfi", "-i",   "mandelbrot=size=1920x1080:rate=30",
                                  "-f",   "lavfi", "-i",   "anoisesrc=r=48000:a=0.1",
                                  "-map", "0:v",   "-map", "1:a",
                                  NULL };
    const char *arguments[64];
    size_t count = 0;
    const char *const *parts[] = { one && two && three ? films : drawn, rest };
    for (size_t part = 0; part < ARRAY_LEN(parts); part++)
        for (size_t i = 0; parts[part][i]; i++)
            arguments[count++] = parts[part][i];
    arguments[count] = NULL;
    return media_make("bench-master.mp4", arguments);
}

int main(int argc, char **argv)
{
    if (argc > 4 && (strcmp(argv[1], "--once") == 0 || strcmp(argv[1], "--encode") == 0))
        return render_once(argv + 2, argc - 4, strcmp(argv[1], "--once") == 0);
    size_t rounds = measure_rounds(1);
    const char *longs = make_master();
    const char *phone =
        MEDIA_MAKE("bench-phone.mp4", "-i", longs, "-c:a", "copy", "-c:v", "libx264", "-preset",
                   "veryfast", "-b:v", "17M", "-g", "30", "-sc_threshold", "0", "-bf", "0");
    const char *other = MEDIA_MAKE("bench-other.mp4", "-ss", "40", "-t", "60", "-i", longs, "-c:a",
                                   "copy", "-c:v", "libx264", "-preset", "fast", "-crf", "20", "-g",
                                   "60", "-bf", "2", "-profile:v", "main");
    struct cut cuts[] = {
        { "phone-like (a key frame a second)", { phone }, 1, false },
        { "phone-like (a key frame a second)", { phone }, 1, true },
        { "long groups of pictures", { longs }, 1, false },
        { "long groups of pictures", { longs }, 1, true },
        { "three mixed sources", { longs, phone, other }, 3, false },
        { "long groups, all encoded anew", { longs }, 1, false, true },
    };
    // With a number, only that one.
    size_t only = argc == 2 ? (size_t)strtoul(argv[1], NULL, 10) : ARRAY_LEN(cuts);
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++)
        if (only == ARRAY_LEN(cuts) || only == i)
            bench(argv[0], &cuts[i], rounds);
    return EXIT_SUCCESS;
}
