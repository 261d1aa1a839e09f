// The daemon as a child of `clipspool run`: its messages are kept for the case that something goes
// wrong.
#ifndef CLIPSPOOL_WORKER_H
#define CLIPSPOOL_WORKER_H

#include "base/child.h"

enum { WORKER_KEPT_BYTES = 64 << 10 }; // of messages: the last ones

struct worker {
    struct child child;
    int pidfd; // readable when it has ended
    bool ended;
    int status; // as waitpid gives it, once ended
    bool echo;  // messages go to stderr at once too
    char *kept; // the last messages, no NUL at the end
    size_t length;
};
#define WORKER_INIT                      \
    {                                    \
        .child = CHILD_INIT, .pidfd = -1 \
    }

// The path of a program of this installation, found from where this program lies
// ("sbin/clipspoold"). Gives a string, NULL if our own place cannot be read.
char *worker_program(const char *beside);

// Starts argv.  Borrows it.
int worker_start(struct worker *worker, char *const argv[], bool echo, struct err *err);

// Takes the messages there are and sees whether it ended.  Does not wait.
void worker_look(struct worker *worker);

// Waits for the end, at most timeout_ms, then kills it.
void worker_finish(struct worker *worker, int timeout_ms);

// Kills it if it still runs.
void worker_release(struct worker *worker);

#endif
