// plan: which segments of which sources make the reel.
//
// A text model chooses, if the batch was promised one and it can be used; else the local planner;
// and where nothing that was chosen can be cut, the beginning of each video.  Whoever chose, the
// plan goes through the one validator before anybody uses it, and says who it is by and why.
#include <math.h>

#include "highlight/align.h"
#include "stages/fallback.h"
#include "stages/gathered.h"
#include "stages/planning.h"

// How much longer than wished a reel may become.
static const double allowed_excess = 1.1;

static double snap_seconds(const struct stage_context *context)
{
    double wished = context->batch.job.snap_seconds;
    return wished >= 0 ? wished : context->settings.snap_seconds;
}

// Exact: starts are chosen without regard to key frames.
static double key_reach(const struct stage_context *context)
{
    bool exact = context->batch.job.exact || context->settings.plan_exact;
    return exact ? 0 : snap_seconds(context);
}

static int nothing_to_cut(size_t count, struct err *err)
{
    (void)err_set(err, ERR_INPUT, "nothing_to_cut",
                  count == 1 ? "the only video cannot be used, so there is nothing to cut"
                             : "none of the %zu videos can be used, so there is nothing to cut",
                  count);
    return err_hint(err,
                    "the error of each video says what is wrong with it; drop the folder again "
                    "with at least one video that plays");
}

// ---- choosing

static void choose_here(const struct gathered *gathered, const struct job *job,
                        const struct select_wish *wish, struct plan *plan)
{
    if (job->prompt && *job->prompt)
        plan_note(plan, "the prompt was not used: only a language model understands it, and %s",
                  plan->degraded ? "it could not be used" : "none is configured");
    free(plan->strategy);
    plan->strategy = xstrdup(job_strategies[job->strategy]);
    select_segments(gathered->choices, gathered->count, wish, plan);
}

// Says it in the plan, where status.json shows it, and in the log.
static void degrade(struct stage_context *context, const char *reason, struct plan *plan)
{
    plan->degraded = xasprintf("the plan was made without the model: %s", reason);
    plan_note(plan, "%s", plan->degraded);
    stage_warn(context, "%s", plan->degraded);
}

static int choose(struct stage_context *context, const struct gathered *gathered, struct plan *plan,
                  struct err *err)
{
    const struct job *job = &context->batch.job;
    struct err reason = ERR_INIT;
    struct select_wish wish = {
        .strategy = (enum job_strategy)job->strategy,
        .target = select_target(job->target_duration, gathered->choices, gathered->count,
                                job->min_segment),
        .min_segment = job->min_segment,
        .max_segment = job->max_segment,
    };
    if (job->target_duration > wish.target + 0.05)
        plan_note(plan,
                  "the videos last %.1f s together, so the reel is shorter than the %.1f s wished",
                  wish.target, job->target_duration);
    int r = planning_by_model(context, gathered, &wish, snap_seconds(context), plan, &reason);
    if (r < 0 && !fallback_is_due(context, STAGE_PLAN, &reason)) {
        *err = reason;
        return r;
    }
    if (r < 0)
        degrade(context, reason.text, plan);
    if (r != 0)
        choose_here(gathered, job, &wish, plan);
    return 0;
}

// The one validator; when it leaves nothing, the beginning of each video.
static int check(const struct stage_context *context, const struct gathered *gathered,
                 struct plan *plan, struct err *err)
{
    struct plan_rules rules = {
        .durations = gathered->durations,
        .source_count = gathered->count,
        .min_segment = context->batch.job.min_segment,
        .max_total = allowed_excess * plan->target_duration,
    };
    struct err empty = ERR_INIT;
    int r = plan_check(plan, &rules, &empty);
    if (r >= 0)
        return 0;
    plan_fallback(plan, &rules);
    if (!plan->degraded)
        plan->degraded = xstrdup("nothing that was chosen could be cut");
    struct select_wish lengths = { .min_segment = rules.min_segment,
                                   .max_segment = context->batch.job.max_segment };
    select_snap(gathered->choices, gathered->count, snap_seconds(context), &lengths, plan);
    return plan_check(plan, &rules, err) < 0 ? nothing_to_cut(gathered->count, err) : 0;
}

// ---- the step

static int save(struct stage_context *context, const struct gathered *gathered,
                const struct plan *plan, struct err *err)
{
    int r = gathered_save_analyses(context, gathered, err);
    if (r < 0)
        return r;
    r = plan_save(context->batchdir, plan, err);
    if (r < 0)
        return r;
    json_put_int(context->numbers, "segments", (int64_t)plan->segment_count);
    json_put_number(context->numbers, "total", plan_total(plan), 3);
    json_put_text(context->numbers, "provider", plan->provider);
    return 0;
}

static int run(struct stage_context *context, struct err *err)
{
    cleanup(gathered_release) struct gathered gathered = GATHERED_INIT;
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    int r = gathered_load(context, key_reach(context), 0.5, &gathered, err);
    if (r < 0)
        return r;
    if (!gathered.usable)
        return nothing_to_cut(gathered.count, err);
    r = choose(context, &gathered, &plan, err);
    if (r < 0)
        return r;
    r = check(context, &gathered, &plan, err);
    if (r < 0)
        return r;
    align_plan(gathered.choices, gathered.count, &plan);
    select_name(gathered.choices, gathered.count, &plan);
    return save(context, &gathered, &plan, err);
}

int main(int argc, char **argv)
{
    return stage_main(argc, argv, STAGE_PLAN, run);
}
