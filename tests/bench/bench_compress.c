// How long compress takes, with signals, beside the ffmpeg program: making the same proxy the
// obvious way, and that followed by its own passes for cuts (scdet) and loudness (ebur128).  Wall
// time, processor time, memory, size and likeness (SSIM) of what is made.
//
// The three run in turn, so that a busy machine slows all; medians are compared.  Three sources in
// 1080p: a minute of long groups of pictures with B-pictures, a minute like a phone's, with a key
// frame a second at a high rate, and a real clip where there is one.  CLIPSPOOL_BENCH_ROUNDS sets
// the number of rounds (3); the name of a profile leaves out the others.
#include "media/inspect.h"
#include "media/proxy.h"
#include "tests/support/measure.h"
#include "tests/support/media.h"
#include <fcntl.h>
#include <stdio.h>

enum { MAX_ROUNDS = MEASURE_MOST_ROUNDS, MAX_ARGUMENTS = 48 };

// What the profiles are said to be encoded with; compress takes what gives the same size and
// likeness in less time (proxy.c).
static const char *const reference_preset[] = {
    [PROFILE_AGGRESSIVE] = "ultrafast",
    [PROFILE_BALANCED] = "fast",
    [PROFILE_CONSERVATIVE] = "medium",
};

// ---- what is measured: one compress, in a process of its own

static int compress_once(const char *path, const char *profile, const char *made)
{
    struct err err = ERR_INIT;
    struct probe probe = PROBE_INIT;
    struct signals signals = SIGNALS_INIT;
    struct proxy_result result;
    const struct inspect_rules rules = { .max_pixels = 100000000, .max_streams = 32 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int out = open(made, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int r = inspect_file(fd, &rules, &probe, &err);
    const struct proxy_wish wish = {
        .source_fd = fd,
        .proxy_fd = out,
        .probe = &probe,
        .profile = proxy_profile((enum job_profile)strtol(profile, NULL, 10), 0),
        .max_pixels = rules.max_pixels,
        .max_streams = rules.max_streams,
    };
    if (r >= 0)
        r = proxy_make(&wish, &signals, &result, &err);
    if (r < 0)
        (void)fprintf(stderr, "%s: %s\n", path, err.text);
    signals_release(&signals);
    probe_release(&probe);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static struct cost run_ours(const char *self, const char *path, int profile, const char *made)
{
    char number[12];
    (void)snprintf(number, sizeof number, "%d", profile);
    const char *argv[] = { self, "--once", path, number, made, NULL };
    return measure_run(argv);
}

// ---- what it is held against

static void print_command(const char *const *argv)
{
    for (size_t i = 0; argv[i] != NULL; i++)
        printf("%s%s", i > 0 ? " " : "  $ ", argv[i]);
    printf("\n");
}

// Words are split at spaces: nothing in them needs more.
static void split(char *words, const char **argv)
{
    size_t count = 0;
    char *rest = words;
    for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL && count < MAX_ARGUMENTS - 1;)
        argv[count++] = word;
    argv[count] = NULL;
}

static struct cost run_words(char *words, bool show)
{
    const char *argv[MAX_ARGUMENTS];
    split(words, argv);
    if (show)
        print_command(argv);
    struct cost cost = measure_run(argv);
    free(words);
    return cost;
}

static struct cost run_ffmpeg(const char *path, int number, const char *made, bool show)
{
    const struct proxy_profile *profile = proxy_profile((enum job_profile)number, 0);
    long long peak = profile->peak_rate;
    return run_words(xasprintf("ffmpeg -nostdin -v error -y -i %s -map 0:v:0 -map 0:a:0 "
                               "-vf scale=-2:%d -r %d -c:v libx264 -preset %s -crf %d -maxrate "
                               "%lld -bufsize %lld -pix_fmt yuv420p -c:a aac -b:a %lld -ar %d "
                               "-ac 2 -movflags +faststart -f mp4 %s",
                               path, profile->height, profile->fps, reference_preset[number],
                               profile->crf, peak, 2 * peak, (long long)profile->sound_bitrate,
                               profile->sound_rate, made),
                     show);
}

static struct cost run_passes(const char *path, bool show)
{
    struct cost cuts =
        run_words(xasprintf("ffmpeg -nostdin -v error -i %s -an -vf scdet -f null -", path), show);
    struct cost sound =
        run_words(xasprintf("ffmpeg -nostdin -v error -i %s -vn -af ebur128 -f null -", path),
                  show);
    return (struct cost){ .wall = cuts.wall + sound.wall, .cpu = cuts.cpu + sound.cpu };
}

// SSIM of the first seconds to pictures that a command of ffmpeg's takes from the source, lossless.
static double likeness_to(const char *made, char *reference_command, const char *reference)
{
    double value = 0;
    char line[1024];
    char *command = xasprintf("%s && ffmpeg -nostdin -v info -i %s -i %s -lavfi "
                              "'[0:v]settb=AVTB[a];[1:v]settb=AVTB[b];[a][b]ssim=shortest=1' "
                              "-f null - 2>&1",
                              reference_command, made, reference);
    FILE *pipe = popen(command, "r");
    while (pipe != NULL && fgets(line, sizeof line, pipe) != NULL) {
        const char *all = strstr(line, "All:");
        value = all != NULL ? strtod(all + 4, NULL) : value;
    }
    if (pipe != NULL)
        (void)pclose(pipe);
    free(command);
    free(reference_command);
    return value;
}

// Which of the source's pictures a proxy shows is a matter of rounding: each is held against those
// that it took.  ffmpeg's -r rounds in a way that no filter does, so it takes its own once more.
static double likeness(const char *made, const char *path, int number, bool ours)
{
    const struct proxy_profile *profile = proxy_profile((enum job_profile)number, 0);
    char reference[] = "/tmp/clipspool-bench-XXXXXX";
    int fd = mkstemp(reference);
    char *filters = ours ? xasprintf("fps=%d:round=near,scale=-2:%d", profile->fps, profile->height)
                         : xasprintf("scale=-2:%d", profile->height);
    double value =
        likeness_to(made,
                    xasprintf("ffmpeg -nostdin -v error -y -t 5 -i %s -map 0:v:0 -vf %s -r %d "
                              "-c:v ffv1 -pix_fmt yuv420p -f nut %s",
                              path, filters, profile->fps, reference),
                    reference);
    free(filters);
    close(fd);
    (void)unlink(reference);
    return value;
}

// ---- the figures

// What one of the three cost in all rounds.
struct costs {
    double wall[MAX_ROUNDS], cpu[MAX_ROUNDS], memory;
};

static void keep(struct costs *costs, size_t round, struct cost cost)
{
    costs->wall[round] = cost.wall;
    costs->cpu[round] = cost.cpu;
    costs->memory = cost.memory > costs->memory ? cost.memory : costs->memory;
}

static void print_figures(struct costs *costs, size_t rounds)
{
    double wall[3], cpu[3];
    for (int i = 0; i < 3; i++) {
        wall[i] = measure_median(costs[i].wall, rounds);
        cpu[i] = measure_median(costs[i].cpu, rounds);
    }
    printf("  wall %.2f s; ffmpeg's proxy %.2f s, ratio %.2f; and its passes %.2f s, ratio %.2f\n",
           wall[0], wall[1], wall[0] / wall[1], wall[1] + wall[2], wall[0] / (wall[1] + wall[2]));
    printf("  cpu  %.2f s; ffmpeg's proxy %.2f s, ratio %.2f; and its passes %.2f s, ratio %.2f\n",
           cpu[0], cpu[1], cpu[0] / cpu[1], cpu[1] + cpu[2], cpu[0] / (cpu[1] + cpu[2]));
    printf("  memory %.0f MB; ffmpeg %.0f MB\n", costs[0].memory, costs[1].memory);
}

static void bench(const char *self, const char *label, const char *path, int number, size_t rounds)
{
    char ours[] = "/tmp/clipspool-bench-XXXXXX", theirs[] = "/tmp/clipspool-bench-XXXXXX";
    int ours_fd = mkstemp(ours), theirs_fd = mkstemp(theirs);
    struct costs costs[3] = { { .memory = 0 } };
    printf("compress %s %s\n", label, proxy_profile((enum job_profile)number, 0)->name);
    printf("  $ %s --once %s %d %s\n", self, path, number, ours);
    for (size_t i = 0; i < rounds; i++) {
        keep(&costs[0], i, run_ours(self, path, number, ours));
        keep(&costs[1], i, run_ffmpeg(path, number, theirs, i == 0));
        keep(&costs[2], i, run_passes(path, i == 0));
        (void)fflush(stdout);
    }
    print_figures(costs, rounds);
    printf("  size %zu, ffmpeg %zu; SSIM %.4f, ffmpeg %.4f\n", media_size(ours), media_size(theirs),
           likeness(ours, path, number, true), likeness(theirs, path, number, false));
    (void)fflush(stdout);
    close(ours_fd);
    close(theirs_fd);
    (void)unlink(ours);
    (void)unlink(theirs);
}

static const char *make_source(const char *name, const char *const *encoder)
{
    const char *film = media_real("batch-openmovies/bbb_1080p24_51audio_30s.mp4");
    const char *arguments[48];
    size_t count = 0;
    const char *drawn[] = {
        "-f",   "lavfi", "-i",   "mandelbrot=size=1920x1080:rate=30:end_pts=900",
        "-f",   "lavfi", "-i",   "anoisesrc=r=48000:a=0.1",
        "-map", "0:v",   "-map", "1:a",
        NULL
    };
    const char *real[] = { "-stream_loop", "1", "-i", film, "-vf", "fps=30", NULL };
    const char *rest[] = { "-t", "60", "-ac", "2", "-c:a", "aac", "-pix_fmt", "yuv420p", NULL };
    const char *const *parts[] = { film != NULL ? real : drawn, rest, encoder };
    for (size_t part = 0; part < ARRAY_LEN(parts); part++)
        for (size_t i = 0; parts[part][i] != NULL; i++)
            arguments[count++] = parts[part][i];
    arguments[count] = NULL;
    return media_make(name, arguments);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "--once") == 0)
        return compress_once(argv[2], argv[3], argv[4]);
    size_t rounds = measure_rounds(3);
    const char *const film[] = { "-c:v", "libx264", "-preset", "fast", "-crf", "21",
                                 "-g",   "250",     "-bf",     "3",    NULL };
    const char *const phone[] = { "-c:v", "libx264", "-preset", "veryfast", "-b:v", "17M",
                                  "-g",   "30",      "-bf",     "0",        NULL };
    const char *real = media_real("batch-openmovies/bbb_1080p24_51audio_30s.mp4");
    const char *long_groups = make_source("bench-long.mp4", film);
    const char *short_groups = make_source("bench-phone.mp4", phone);
    for (int profile = PROFILE_AGGRESSIVE; profile <= PROFILE_CONSERVATIVE; profile++) {
        const char *name = proxy_profile((enum job_profile)profile, 0)->name;
        if (argc == 2 && strcmp(argv[1], name) != 0)
            continue;
        bench(argv[0], "long", long_groups, profile, rounds);
        bench(argv[0], "phone", short_groups, profile, rounds);
        if (real != NULL)
            bench(argv[0], "real", real, profile, rounds);
    }
    return EXIT_SUCCESS;
}
