// What a program costs.
#include "tests/support/measure.h"

#include "base/base.h"
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int measure_try(const char *const *argv, struct cost *ret_cost)
{
    double begin = now();
    struct rusage usage;
    pid_t pid;
    int status = 0;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ) != 0 ||
        wait4(pid, &status, 0, &usage) != pid)
        return -1;
    if (ret_cost)
        *ret_cost = (struct cost){
            .wall = now() - begin,
            .cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime),
            .memory = (double)usage.ru_maxrss / 1024,
            .written_mb = (double)usage.ru_oublock * 512 / 1e6,
        };
    return status;
}

struct cost measure_run(const char *const *argv)
{
    struct cost cost;
    if (measure_try(argv, &cost) != 0) {
        (void)fprintf(stderr, "%s failed\n", argv[0]);
        exit(EXIT_FAILURE);
    }
    return cost;
}

char *measure_built(const char *name)
{
    char *self = realpath("/proc/self/exe", NULL); // O/tests/bench/bench_x
    for (int up = 0; self && up < 3; up++)
        *strrchr(self, '/') = '\0';
    char *path = xasprintf("%s/%s", self ? self : ".", name);
    free(self);
    return path;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double measure_median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}

size_t measure_rounds(size_t usual)
{
    const char *set = getenv("CLIPSPOOL_BENCH_ROUNDS");
    size_t rounds = set ? (size_t)strtoul(set, NULL, 10) : usual;
    return rounds < 1 ? 1 : rounds > MEASURE_MOST_ROUNDS ? MEASURE_MOST_ROUNDS : rounds;
}
