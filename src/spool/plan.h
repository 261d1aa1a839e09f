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
    // What the boundaries are on, or NULL: "cut", "sentence" (between two), "pause" (of
    // speech), "word gap" (within a sentence), "quiet", "edge" (of the source) or any "picture";
    // "cut+key" and so on, or "key" for any, where a key frame is.
    const char *start_on, *end_on; // of constant storage
};

struct plan {
    char *provider; // "local", "fallback", or a model: "dashscope qwen-plus"
    char *degraded; // why it is not by the one who was to make it; NULL: it is
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

// What lies where in a reel that was made of a plan, by its sound.
struct plan_place {
    int video_index;
    double source;          // where it begins in the source, seconds
    double start, duration; // of the reel, seconds
};

struct plan_rules {
    const double *durations; // of each source, probed; 0 for a source that cannot be cut.  Borrowed
    size_t source_count;
    double min_segment; // seconds
    double max_total;   // seconds of the whole reel
};

// Checks a plan wherever it came from, repairs what can be repaired and notes each repair in words
// in plan->notes: ends beyond the source are pulled in, overlaps cut in favour of the segment that
// comes first in the plan, segments that cannot be saved (unknown index, start >= end, NaN, shorter
// than min_segment and not the whole source) dropped, the total trimmed from the end.  Afterwards
// every segment lies in [0, duration] and no two of a source overlap.  Returns the number of
// repairs (0: it was sound), or a negative with err (ERR_INPUT "empty_plan") if nothing is left.
int plan_check(struct plan *plan, const struct plan_rules *rules, struct err *err);

// The last resort: replaces the segments by the first 30 s of each source that can be cut, at most
// max_total in all (shared evenly; with less room than min_segment each, the first sources only).
// Leaves no segment only if no source can be cut.
void plan_fallback(struct plan *plan, const struct plan_rules *rules);

// Copies the segment to the end; beyond PLAN_MAX_SEGMENTS it is ignored with a note.
void plan_add(struct plan *plan, const struct plan_segment *segment);
void plan_note(struct plan *plan, const char *format, ...)
    PRINTF_LIKE(2, 3);                      // at most 100 are kept
double plan_total(const struct plan *plan); // seconds

// The file: { "provider", "degraded", "strategy", "target_duration", "total_duration",
//   "segments": [{ "video_index", "start", "end", "score", "reason",
//                  "start_on", "end_on" }], "notes": [text] }

json_t *plan_to_json(const struct plan *plan); // gives a reference
// Takes what it can read: structure only, then plan_check.  What has no list of segments at all is
// ERR_INPUT "bad_plan" and leaves *plan untouched.
int plan_from_json(const json_t *json, struct plan *plan, struct err *err);

// BATCH_PLAN in the open batch directory.  plan_load: -ENOENT without err if there is none.
int plan_save(int batchdir, const struct plan *plan, struct err *err);
int plan_load(int batchdir, struct plan *plan, struct err *err);
void plan_release(struct plan *plan);

#endif
