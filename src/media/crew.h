// Independent pieces of work, side by side on all processors.
//
// The only threads of our own: each piece has readers and coders for itself and shares nothing but
// what its owner guards.  A decoder, filter and encoder behind each other leave processors idle
// however many threads each has; segments beside each other do not.
#ifndef CLIPSPOOL_CREW_H
#define CLIPSPOOL_CREW_H

#include "base/err.h"

struct crew_job {
    // Does piece `number`; called from several threads at once.
    int (*work)(void *context, size_t number, struct err *err);
    // Called in the caller's thread about four times a second, and once at the end; or NULL.
    void (*watch)(void *context);
    void *context;
};

// Does pieces 0 to count-1 in about this order, at most `workers` at a time, and returns when all
// are done.  After a failure no further piece is begun; the first failure in order of time is
// returned.
int crew_run(const struct crew_job *job, size_t count, unsigned workers, struct err *err);

// A worker for each processor the process may use, at most 16.
unsigned crew_size(void);

#endif
