// How long compress takes, with signals, beside the ffmpeg program making the proxy alone with the
// same encoder settings: wall time, processor time, memory.
//
// Each pair runs in turn, so that a busy machine slows both; medians are compared.  Two sources of
// a minute of 1080p30: long groups of pictures with B-pictures, and a phone's, with a key frame a
// second at a high rate.  CLIPSPOOL_BENCH_ROUNDS sets the number of rounds (3).
#include "media/inspect.h"
#include "media/proxy.h"
#include "tests/support/media.h"
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

enum { MAX_ROUNDS = 15 };

extern char **environ;

struct cost {
    double wall, cpu; // seconds
    double memory;    // MB, the most resident
};

// ---- what is measured: one compress, in a process of its own

static int compress_once(const char *path, const char *profile)
{
    struct err err = ERR_INIT;
    struct probe probe = PROBE_INIT;
    struct signals signals = SIGNALS_INIT;
    struct proxy_result result;
    const struct inspect_rules rules = { .max_pixels = 100000000, .max_streams = 32 };
    char name[] = "/tmp/clipspool-bench-XXXXXX";
    int fd = open(path, O_RDONLY | O_CLOEXEC), out = mkstemp(name);
    (void)unlink(name);
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

static struct cost run_ours(const char *self, const char *path, int profile)
{
    char number[12];
    (void)snprintf(number, sizeof number, "%d", profile);
    const char *argv[] = { self, "--once", path, number, NULL };
    return run(argv);
}

static struct cost run_ffmpeg(const char *path, const struct proxy_profile *profile)
{
    char filter[64], crf[12], peak[24], buffer[24], bits[24], rate[12];
    (void)snprintf(filter, sizeof filter, "scale=-2:%d,fps=%d", profile->height, profile->fps);
    (void)snprintf(crf, sizeof crf, "%d", profile->crf);
    (void)snprintf(peak, sizeof peak, "%lld", (long long)profile->peak_rate);
    (void)snprintf(buffer, sizeof buffer, "%lld", 2 * (long long)profile->peak_rate);
    (void)snprintf(bits, sizeof bits, "%lld", (long long)profile->sound_bitrate);
    (void)snprintf(rate, sizeof rate, "%d", profile->sound_rate);
    const char *argv[] = { "ffmpeg",  "-nostdin", "-v",      "error",     "-y",         "-i",
                           path,      "-map",     "0:v:0",   "-map",      "0:a:0",      "-vf",
                           filter,    "-c:v",     "libx264", "-preset",   NULL,         "-crf",
                           crf,       "-maxrate", peak,      "-bufsize",  buffer,       "-pix_fmt",
                           "yuv420p", "-c:a",     "aac",     "-b:a",      bits,         "-ar",
                           rate,      "-ac",      "2",       "-movflags", "+faststart", "-f",
                           "mp4",     NULL,       NULL };
    char name[] = "/tmp/clipspool-bench-XXXXXX";
    int fd = mkstemp(name);
    argv[16] = profile->preset;
    argv[ARRAY_LEN(argv) - 2] = name;
    struct cost cost = run(argv);
    close(fd);
    (void)unlink(name);
    return cost;
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

static void bench(const char *self, const char *label, const char *path, int number, size_t rounds)
{
    const struct proxy_profile *profile = proxy_profile((enum job_profile)number, 0);
    double wall[2][MAX_ROUNDS], cpu[2][MAX_ROUNDS], memory = 0;
    for (size_t i = 0; i < rounds; i++) {
        struct cost ours = run_ours(self, path, number), theirs = run_ffmpeg(path, profile);
        wall[0][i] = ours.wall;
        wall[1][i] = theirs.wall;
        cpu[0][i] = ours.cpu;
        cpu[1][i] = theirs.cpu;
        memory = ours.memory > memory ? ours.memory : memory;
    }
    double ours = median(wall[0], rounds), theirs = median(wall[1], rounds);
    printf("compress %-6s %-13s %6.2f s, ffmpeg alone %6.2f s, ratio %.2f (cpu %.2f), %3.0f MB\n",
           label, profile->name, ours, theirs, ours / theirs,
           median(cpu[0], rounds) / median(cpu[1], rounds), memory);
    (void)fflush(stdout);
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
    if (argc == 4 && strcmp(argv[1], "--once") == 0)
        return compress_once(argv[2], argv[3]);
    const char *set = getenv("CLIPSPOOL_BENCH_ROUNDS");
    size_t rounds = set != NULL ? (size_t)strtoul(set, NULL, 10) : 3;
    rounds = rounds < 1 ? 1 : rounds > MAX_ROUNDS ? MAX_ROUNDS : rounds;
    const char *const film[] = { "-c:v", "libx264", "-preset", "fast", "-crf", "21",
                                 "-g",   "250",     "-bf",     "3",    NULL };
    const char *const phone[] = { "-c:v", "libx264", "-preset", "veryfast", "-b:v", "17M",
                                  "-g",   "30",      "-bf",     "0",        NULL };
    const char *long_groups = make_source("bench-long.mp4", film);
    const char *short_groups = make_source("bench-phone.mp4", phone);
    for (int profile = PROFILE_AGGRESSIVE; profile <= PROFILE_CONSERVATIVE; profile++) {
        bench(argv[0], "long", long_groups, profile, rounds);
        bench(argv[0], "phone", short_groups, profile, rounds);
    }
    return EXIT_SUCCESS;
}
