// What is in a source: analysis.json; from the local analyser or from a vision model, in the same
// shape.
#ifndef CLIPSPOOL_ANALYSIS_H
#define CLIPSPOOL_ANALYSIS_H

#include "base/json.h"

enum {
    ANALYSIS_MAX_ITEMS = 2000,
    ANALYSIS_MAX_TAGS = 32,
    ANALYSIS_MAX_NOTES = 100
}; // of each list, from whatever provider

struct analysis_span {
    double start, end; // seconds of the source
    double score;      // 0..1, normalised within the source
    int group;         // scenes: likeness group, else -1
    char *text;        // scene: description; moment: the reason; shot: NULL.  Owned
};

struct analysis {
    char *provider; // "local", ...
    char *summary;
    char **tags; // NULL-terminated
    struct analysis_span *shots, *scenes, *moments;
    size_t shot_count, scene_count, moment_count;
    json_t *notes; // array of sentences: what was done to an answer, why there is none; or NULL
};
#define ANALYSIS_INIT    \
    {                    \
        .provider = NULL \
    }

// The file: { "version": 1, "provider", "summary", "tags": [text],
//   "shots":   [{ "start", "end", "score" }],
//   "scenes":  [{ "start", "end", "score", "group", "description" }],
//   "moments": [{ "start", "end", "score", "reason" }], "notes": [text] }

// Writes SOURCE_ANALYSIS into the open directory of a source.  Borrows.
int analysis_save(int sourcedir, const struct analysis *analysis, struct err *err);

// Reads it into *analysis (analysis_release), which is untouched on failure.  Times outside
// [0, duration], a span without length, more items than ANALYSIS_MAX_ITEMS or a wrong type are
// ERR_INPUT "bad_analysis".  analysis_load: -ENOENT without err if there is no such file.
int analysis_from_json(const json_t *json, double duration, struct analysis *analysis,
                       struct err *err);
int analysis_load(int sourcedir, double duration, struct analysis *analysis, struct err *err);

json_t *analysis_to_json(const struct analysis *analysis); // gives a reference
void analysis_release(struct analysis *analysis);

#endif
