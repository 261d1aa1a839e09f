// Select: which clips of which sources make the choice.
//
// Greedy choice by worth with diversity (maximal marginal relevance, Carbonell and Goldstein 1998)
// within the shares a strategy gives to each part of the material.  docs/PLANNING.md describes the
// strategies, constants and their reasons.  Deterministic: the same input gives the same plan.
#ifndef CLIPSPOOL_SELECT_H
#define CLIPSPOOL_SELECT_H

#include "highlight/keys.h"
#include "spool/analysis.h"
#include "spool/job.h"
#include "spool/plan.h"
#include "spool/signals.h"
#include "spool/transcript.h"

struct select_source {
    const struct signals *signals;       // both borrowed
    const struct analysis *analysis;     // its shots and moments, from whatever provider
    const struct transcript *transcript; // settled, borrowed; NULL: not known what is said
    double duration;        // probed; 0 for a source that cannot be cut (then the pointers
                            // are not looked at)
    double picture_seconds; // of the source, 0 if its rate varies
    struct keys keys;
};

struct select_wish {
    enum job_strategy strategy;
    double target;                   // seconds; select_target
    double min_segment, max_segment; // seconds; a source shorter than min_segment is taken whole
};

// How long the reel should be: `wished`, or when that is 0, 60 s or 20 % of the material, whichever
// is shorter, but at least one segment; never more than the material.
double select_target(double wished, const struct select_source *sources, size_t count,
                     double min_segment);

// Fills the empty *plan with segments in the order of sources and of time, each inside its source,
// none overlapping, each with its reason, in all within 10 % of the target where the material
// allows; provider "local", and notes where a wish could not be kept.  No segments if there is
// nothing to cut.  Borrows sources.
void select_segments(const struct select_source *sources, size_t count,
                     const struct select_wish *wish, struct plan *plan);

// Moves the boundaries of a plan that was chosen by other means (a model, the fallback) to points
// within `reach` seconds that keep the rules of snap.h, and segments within the lengths of the
// wish.  May make segments overlap: plan_check follows.
void select_snap(const struct select_source *sources, size_t count, double reach,
                 const struct select_wish *wish, struct plan *plan);

// Says of each segment what its boundaries are on; last of all, when nothing is moved any more.
void select_name(const struct select_source *sources, size_t count, struct plan *plan);

#endif
