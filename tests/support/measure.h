// What a program costs, for benchmarks.
#ifndef CLIPSPOOL_TEST_MEASURE_H
#define CLIPSPOOL_TEST_MEASURE_H

#include <stddef.h>

struct cost {
    double wall, cpu;  // seconds
    double memory;     // MB, the most resident of one process
    double written_mb; // to files, as the kernel counts blocks
};

// Runs argv (argv[0] looked up in PATH, the list ends with NULL) and waits.  Returns its wait
// status, or -1 if it cannot be started; *ret_cost may be NULL.
int measure_try(const char *const *argv, struct cost *ret_cost);
// The same; ends this program if that one fails.
struct cost measure_run(const char *const *argv);

// The path of a program of the build that the benchmark is of ("bin/clipspool").  Gives a string.
char *measure_built(const char *name);

// Of `count` values, which are put in order.
double measure_median(double *values, size_t count);

// CLIPSPOOL_BENCH_ROUNDS, else `usual`; 1 to 15.
size_t measure_rounds(size_t usual);
enum { MEASURE_MOST_ROUNDS = 15 };

#endif
