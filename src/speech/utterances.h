// Where somebody speaks without a pause: what the recogniser hears in one go.  Pure.
#ifndef CLIPSPOOL_UTTERANCES_H
#define CLIPSPOOL_UTTERANCES_H

#include "base/base.h"

struct utterance {
    double start, end; // seconds
};

// From flags, `hz` a second from second 0 on, that are true where somebody speaks: stretches in
// order of time, apart by the pauses, with a little of these on both sides, within [0, duration];
// none longer than 20 s.  Gives *ret (free), at most one for each flag.  Borrows.
void utterances_find(const bool *speech, size_t count, double hz, double duration,
                     struct utterance **ret, size_t *ret_count);

#endif
