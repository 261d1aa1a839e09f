// A plan by a text model: an idea from all analyses, then the clips.
//
//   brief (one window)  --theme-->  idea
//   brief (windows)     --clips-->  clips of each window  --picks-->  plan
//                            |         ^
//                            +--repair-+     an answer that is of no use is asked for once more,
//                                            with what is wrong with it
//
// Nothing that is answered is believed: what reply_plan reads goes through plan_check window by
// window, lengths are brought into the wished bounds, and the plan as a whole through plan_check
// again.  Whatever had to be changed, left out, asked again or done without is in plan->notes, also
// if no plan comes of it: then whoever asked takes the local planner and keeps the notes.
//
// Who is asked is a verb, so that none of this needs a network.
#ifndef CLIPSPOOL_PLANNER_H
#define CLIPSPOOL_PLANNER_H

#include "model/brief.h"
#include "model/wire.h"
#include "spool/job.h"
#include "spool/plan.h"

struct planner_question {
    const char *what; // "theme", "clips", "repair"
    const char *version, *system, *prompt;
    const json_t *schema;    // or NULL
    const char *schema_name; // "theme", "clips"
};

struct planner_voice {
    const char *name; // "dashscope qwen-plus": the provider of the plan
    // Asks, and fills *reply, which is INIT.  Returns as asker_ask does (ask.h).
    int (*ask)(void *context, const struct planner_question *question, struct wire_reply *reply,
               struct err *err);
    void *context;
};

// All borrowed.
struct planner_wish {
    const char *prompts;  // their folder, absolute
    const char *language; // of the job: which prompts, and what is answered in; or NULL
    const char *wish;     // the user's own words; or NULL
    enum job_strategy strategy;
    double target, min_segment, max_segment; // seconds
};

enum { PLANNER_WINDOW_TOKENS = 12000, PLANNER_MAX_WINDOWS = 6 };

// Fills *plan, which is INIT: provider, strategy, target, segments that lie in their sources and do
// not overlap, not yet moved to good points, and notes.  Returns 0, or a negative with no segment
// in the plan: what the verb returned if the model could not be asked, ERR_CONFIG as of
// prompt_load, or ERR_INPUT, as of reply_plan, plan_check or "reply_refused", if its answers are of
// no use.
int planner_plan(const struct planner_voice *voice, const struct planner_wish *wish,
                 const struct brief_source *sources, size_t count, struct plan *plan,
                 struct err *err);

#endif
