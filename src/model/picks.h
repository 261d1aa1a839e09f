// The clips that a model named, in one answer or several, and which of them make the reel.
//
// An answer may name more than a reel can hold, and answers about windows of a long batch do so
// together.  Then the ones of highest priority are taken until the reel is full.
#ifndef CLIPSPOOL_PICKS_H
#define CLIPSPOOL_PICKS_H

#include "spool/plan.h"

struct pick {
    struct plan_segment segment; // its reason is owned
    size_t place;                // in the answers
    bool taken;
};

struct picks {
    struct pick *all; // owned
    size_t count;
};
#define PICKS_INIT \
    {              \
        .count = 0 \
    }
void picks_release(struct picks *picks);

// Copies the segments of a plan that plan_check let through behind those that are there.
void picks_add(struct picks *picks, const struct plan *plan);

struct picks_wish {
    double target;      // seconds of the reel
    double min_segment; // below which none is shortened
    bool every_source;  // the best of each source goes before all others
    bool as_answered;   // in the order of the answer; else of sources and of time
};

// Adds to the plan the best picks of at most 1.05 times the target in all; where they are few and
// long, the best of those that do not fit is shortened.  Says how many were not taken in a note.
void picks_choose(struct picks *picks, const struct picks_wish *wish, struct plan *plan);

#endif
