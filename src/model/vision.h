// What a vision model is shown of a source, what it is asked, and what becomes of its answer.
//
// A model sees the proxy or a set of frames.  Both should have a look at every shot; of two that
// do, the cheaper is taken.  A proxy gets to the service by one of several ways, the first that is
// open.  The cuts between shots are measured and stay what they are; what is to be seen, and which
// moments are worth showing, is the model's word.
//
// All of it is arithmetic on what it is given; who asks is stages/analyze.c.
#ifndef CLIPSPOOL_VISION_H
#define CLIPSPOOL_VISION_H

#include "model/budget.h"
#include "model/fault.h"
#include "model/prompt.h"
#include "spool/analysis.h"
#include "spool/frames.h"
#include "spool/model.h"
#include "spool/transcript.h"

enum {
    VISION_LEAST_SECONDS = 2, // of a video, for all models of DashScope
    VISION_MAX_FRAMES = 250,  // pictures in a body, as DashScope takes them
    // In a body, before they become letters: what DashScope takes of a video, and enough for 250
    // frames of 28 KB.
    VISION_MAX_INLINE_BYTES = 7000000,
    VISION_MAX_SHOTS = 300,       // that are told; of more none is
    VISION_MAX_SAID_BYTES = 16000 // of what is said in a source
};

// Who looks.  All borrowed.
struct vision_model {
    enum fault_service service;
    bool takes_video;
    const struct tokens_rules *rules; // of the model, or NULL
    const struct budget_price *price;
    const struct model_settings *settings; // input, fps, max_pixels, answer_tokens
};

// At what.  All borrowed.
struct vision_source {
    double duration; // seconds
    const struct analysis_span *shots;
    size_t shot_count;
    struct tokens_video original, proxy; // proxy.frames 0: it is not there
    uint64_t proxy_bytes;
    const char *link;            // by which the proxy can be fetched for long enough, or NULL
    const struct frames *frames; // or NULL
};

// ---- what is shown

// The words for enum budget_input.
extern const char *const vision_inputs[];

struct vision_choice {
    enum budget_input inputs[2]; // the better first
    unsigned count;              // 0: nothing can be shown
    char why[240];               // a sentence then
};
// What the model is shown of the source.  Never fails: what cannot be is count 0, and why.
void vision_choose(const struct vision_model *model, const struct vision_source *source,
                   struct vision_choice *ret);

// Ways of a proxy to the service.
enum vision_way { VISION_LINK, VISION_INLINE, VISION_HANDOVER, VISION_WAYS };

// Those that are open to it, in the order in which they are to be tried.  Returns how many.
unsigned vision_ways(const struct vision_model *model, const struct vision_source *source,
                     enum vision_way ret[VISION_WAYS]);

// What is wished for, for budget_choose: as the settings say, and at the least as many pictures as
// there are shots.
void vision_wish(const struct vision_model *model, const struct vision_source *source,
                 enum budget_input input, uint64_t prompt_tokens, struct budget_wish *ret);

// Which `count` frames of a set, ascending: one of each shot before a second of any, those left
// out spread over the time.  At most as many as there are.  `ret` has room for `count`; returns how
// many.
size_t vision_pick(const struct frames *frames, size_t count, size_t *ret);

// How many frames a second these are, as services want to know of a list; 0 for less than two.
double vision_rate(const struct frames *frames, const size_t *picked, size_t count);

// ---- what is asked

// All borrowed.
struct vision_words {
    const char *prompts;                 // their folder
    const char *language;                // of the job, or NULL
    const char *wish;                    // the user's own words, or NULL
    const struct transcript *transcript; // or NULL
    const char *wrong; // with the last answer, as it is told to the model; or NULL
    enum budget_input input;
    const size_t *picked; // of BUDGET_FRAMES
    size_t picked_count;
};

// Returns as prompt_load.
int vision_prompt(const struct vision_source *source, const struct vision_words *words,
                  struct prompt *ret, struct err *err);

// ---- what becomes of the answer

// Puts what a model saw over what this machine found.  Takes summary, tags, scenes and moments of
// *seen where there are any, and releases it; the shots of *found stay, its scores are the scenes'.
// The best moment has the score 1, the others in proportion.  `provider` becomes that of *found.
// Notes are added to found->notes, an array, if not NULL.
void vision_merge(struct analysis *found, struct analysis *seen, const char *provider);

#endif
