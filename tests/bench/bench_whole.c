// A whole batch, from three dropped videos of three minutes in 1080p to the reel: wall time by
// stage, share of the processors used, the most memory of all processes together.
//
// The reference is what cannot be avoided: decoding and shrinking each source once.  Its processor
// seconds are measured by doing that again, alone; divided by the processors they are the shortest
// time the batch could take.
#include "media/inspect.h"
#include "media/proxy.h"
#include "tests/support/measure.h"
#include "tests/support/media.h"
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

enum { SOURCES = 3, SAMPLE_MS = 50 };

extern char **environ;

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// ---- memory

// Resident MB of one process if it is of the session.
static double resident_of(const char *pid, pid_t session)
{
    int of_session = 0;
    long pages = 0;
    char *name = xasprintf("/proc/%s/stat", pid);
    FILE *file = fopen(name, "re");
    // pid (comm) state ppid pgrp session ... rss is the 24th.
    if (file && fscanf(file,
                       "%*d (%*[^)]) %*c %*d %*d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d "
                       "%*d %*d %*d %*d %*d %*u %*u %ld",
                       &of_session, &pages) != 2)
        of_session = 0;
    if (file)
        (void)fclose(file);
    free(name);
    return of_session == session ? (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6 : 0;
}

static double resident(pid_t session)
{
    double sum = 0;
    DIR *dir = opendir("/proc");
    for (const struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            sum += resident_of(entry->d_name, session);
    if (dir)
        (void)closedir(dir);
    return sum;
}

// Runs argv in a session of its own and looks at its memory all the while.
static struct cost run_watched(const char *const *argv)
{
    posix_spawnattr_t attributes;
    struct rusage usage;
    pid_t pid;
    int status = 0;
    double begin = now(), most = 0;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    if (posix_spawnp(&pid, argv[0], NULL, &attributes, (char *const *)(uintptr_t)argv, environ) !=
        0) {
        perror(argv[0]);
        exit(EXIT_FAILURE);
    }
    posix_spawnattr_destroy(&attributes);
    while (wait4(pid, &status, WNOHANG, &usage) == 0) {
        double held = resident(pid);
        most = held > most ? held : most;
        (void)nanosleep(&(struct timespec){ .tv_nsec = SAMPLE_MS * 1000000L }, NULL);
    }
    if (status != 0)
        exit(EXIT_FAILURE);
    return (struct cost){
        .wall = now() - begin,
        .cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
        .memory = most,
    };
}

// ---- the unavoidable, in a process of its own: --once SOURCE

static int compress_once(const char *path)
{
    struct err err = ERR_INIT;
    struct probe probe = PROBE_INIT;
    struct signals signals = SIGNALS_INIT;
    struct proxy_result result;
    const struct inspect_rules rules = { .max_pixels = 100000000, .max_streams = 32 };
    FILE *made = tmpfile();
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r = made ? inspect_file(fd, &rules, &probe, &err) : -1;
    const struct proxy_wish wish = {
        .source_fd = fd,
        .proxy_fd = made ? fileno(made) : -1,
        .probe = &probe,
        .profile = proxy_profile(PROFILE_DYNAMIC, probe.duration),
        .max_pixels = rules.max_pixels,
        .max_streams = rules.max_streams,
    };
    if (r >= 0)
        r = proxy_make(&wish, &signals, &result, &err);
    if (r < 0)
        (void)fprintf(stderr, "%s: %s\n", path, err.text);
    signals_release(&signals);
    probe_release(&probe);
    if (made)
        (void)fclose(made);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static double compress_again(const char *self, const char *const *sources)
{
    double cpu = 0;
    for (int i = 0; i < SOURCES; i++) {
        const char *const argv[] = { self, "--once", sources[i], NULL };
        cpu += measure_run(argv).cpu;
    }
    return cpu;
}

// ---- the figures

static void tell_stages(const char *root)
{
    char *path = xasprintf("%s/reel/status.json", root);
    json_t *status = json_load_file(path, 0, NULL), *stages = json_object_get(status, "stages");
    const char *name;
    json_t *stage;
    json_object_foreach(stages, name, stage)
    {
        printf("  %-9s %5.1f s\n", name,
               json_number_value(json_object_get(stage, "duration_seconds")));
    }
    json_decref(status);
    free(path);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--once") == 0)
        return compress_once(argv[2]);
    const char *film = media_real("batch-openmovies/bbb_1080p24_51audio_30s.mp4");
    const char *sources[SOURCES];
    for (int i = 0; i < SOURCES; i++) {
        // The same film three times, coded differently enough to be three sources.
        static const char *const groups[SOURCES] = { "250", "60", "30" };
        char *name = xasprintf("bench-whole-%d.mp4", i);
        sources[i] =
            film ? MEDIA_MAKE(name, "-stream_loop", "5", "-i", film, "-t", "180", "-vf", "fps=30",
                              "-ac", "2", "-c:a", "aac", "-c:v", "libx264", "-preset", "veryfast",
                              "-crf", "22", "-g", groups[i], "-pix_fmt", "yuv420p")
                 : MEDIA_MAKE(name, "-f", "lavfi", "-i", "mandelbrot=size=1920x1080:rate=30", "-f",
                              "lavfi", "-i", "anoisesrc=r=48000:a=0.1", "-t", "180", "-c:a", "aac",
                              "-c:v", "libx264", "-preset", "veryfast", "-crf", "22", "-g",
                              groups[i], "-pix_fmt", "yuv420p");
        free(name);
    }
    char root[] = "/tmp/clipspool-bench-XXXXXX";
    if (!mkdtemp(root)) {
        perror(root);
        return EXIT_FAILURE;
    }
    char *clipspool = measure_built("bin/clipspool");
    const char *const words[] = { clipspool, "run",      "--name",   "reel",     "-o",
                                  root,      sources[0], sources[1], sources[2], NULL };
    struct cost cost = run_watched(words);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    tell_stages(root);
    double compress = compress_again(argv[0], sources);
    double shortest = compress / (double)processors;
    printf("whole: three sources of 3 minutes: %.1f s, cpu %.1f s, %.0f %% of %ld processors, %.0f "
           "MB resident in all\n"
           "  compress alone: cpu %.1f s, over the processors %.1f s: the whole takes %.2f times "
           "as long\n",
           cost.wall, cost.cpu, 100 * cost.cpu / (cost.wall * (double)processors), processors,
           cost.memory, compress, shortest, cost.wall / shortest);
    free(clipspool);
    return EXIT_SUCCESS;
}
