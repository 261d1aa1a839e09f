// What a command answers: its exit status, and its two outputs apart.
#ifndef CLIPSPOOL_TESTS_SPOKEN_H
#define CLIPSPOOL_TESTS_SPOKEN_H

#include <sys/types.h>

struct spoken {
    int status;      // exit status, or 128 and the signal
    char *out, *err; // strings, never NULL
};

// Runs argv[0], a path, in the folder `dir` (NULL: this one) with nothing on stdin, to its end.
void spoken_run(struct spoken *spoken, const char *dir, const char *const *argv);
#define SPOKEN_RUN(spoken, dir, ...) \
    spoken_run(spoken, dir, (const char *const[]){ __VA_ARGS__, NULL })
void spoken_release(struct spoken *spoken);

// The same in two parts; the program can be sent signals between.
struct spoken_run;
struct spoken_run *spoken_start(const char *dir, const char *const *argv);
pid_t spoken_pid(const struct spoken_run *run);
// Waits for the end; frees *run.
void spoken_finish(struct spoken_run **run, struct spoken *spoken);

// Runs argv[0] on a terminal `columns` wide (TERM is `kind`) and gives all that was written on it.
// Returns the status as above.
int spoken_on_terminal(const char *dir, const char *const *argv, const char *kind,
                       unsigned short columns, char **ret_written);

#endif
