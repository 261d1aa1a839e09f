// What is known of all sources of a batch when its plan is made.
#ifndef CLIPSPOOL_GATHERED_H
#define CLIPSPOOL_GATHERED_H

#include "highlight/select.h"
#include "spool/analysis.h"
#include "spool/probe.h"
#include "spool/transcript.h"
#include "stages/stage.h"

struct gathered_source {
    struct probe probe;
    struct signals signals;
    struct analysis analysis;
    struct transcript transcript; // empty if nothing was written down
};

struct gathered {
    struct gathered_source *sources; // one for each of the batch; owned
    struct select_source *choices;   // the same to choose from; owned
    double *durations;               // owned; 0 where a source is left out
    size_t count, usable;
};
#define GATHERED_INIT \
    {                 \
        .count = 0    \
    }

// Fills *ret, which is INIT, with every source whose steps all succeeded; the others are left out,
// with a warning where that is news.  `reach` is how far a start may move to a key frame, in
// seconds.  Tells progress up to `part`.  Returns 0, or a negative for trouble of the machine.
int gathered_load(struct stage_context *context, double reach, double part, struct gathered *ret,
                  struct err *err);
void gathered_release(struct gathered *gathered);

// Writes BATCH_ANALYSIS: the analyses of all that can be used.
int gathered_save_analyses(const struct stage_context *context, const struct gathered *gathered,
                           struct err *err);

#endif
