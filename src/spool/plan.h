// Which segments of which sources, in which order, why: plan.json, and the one validator of plans.
#ifndef CLIPSPOOL_PLAN_H
#define CLIPSPOOL_PLAN_H

#include "base/json.h"

enum { PLAN_MAX_SEGMENTS = 500 };

struct plan_segment {
    int video_index;   // 0-based
    double start, end; // seconds of the source
    double score;      // 0..1
    char *reason;      // owned
};

struct plan {
    char *provider; // "local", "fallback", ...
    char *strategy;
    double target_duration;
    struct plan_segment *segments; // owned
    size_t segment_count;
    json_t *notes; // array of sentences: what was repaired or why it fell back; owned or NULL
};
#define PLAN_INIT        \
    {                    \
        .provider = NULL \
    }

struct plan_rules {
    const double *durations; // of each source, probed; 0 for a source that cannot be cut.  Borrowed
    size_t source_count;
    double min_segment; // seconds
    double max_total;   // seconds of the whole reel
};

// Checks a plan wherever it came from, repairs what can be repaired and notes each repair in words
// in plan->notes: ends beyond the source are pulled in, overlaps cut, segments that cannot be saved
// (unknown index, start >= end, NaN, too short) dropped, the total trimmed from the end.  Returns
// the number of repairs (0: it was sound), or a negative with err (ERR_INPUT "empty_plan") if
// nothing is left.
int plan_check(struct plan *plan, const struct plan_rules *rules, struct err *err);

// The last resort: the first 30 s of each source that can be cut, at most max_total in all.
void plan_fallback(struct plan *plan, const struct plan_rules *rules);

void plan_add(struct plan *plan,
              const struct plan_segment
                  *segment); // copies; beyond PLAN_MAX_SEGMENTS it is ignored with a note
void plan_note(struct plan *plan, const char *format, ...) PRINTF_LIKE(2, 3);
double plan_total(const struct plan *plan);

json_t *plan_to_json(const struct plan *plan); // gives a reference
int plan_from_json(const json_t *json, struct plan *plan,
                   struct err *err); // takes what it can read; structure only, then plan_check
int plan_save(int batchdir, const struct plan *plan, struct err *err);
int plan_load(int batchdir, struct plan *plan, struct err *err);
void plan_release(struct plan *plan);

#endif
