// plan: which segments of which sources make the reel.
//
// Takes every source whose steps all succeeded; one that failed has no analysis and is left out.
// Whatever chose the segments, the plan goes through the one validator before anybody uses it.
#include <errno.h>
#include <fcntl.h>
#include <math.h>

#include "base/fs.h"
#include "highlight/align.h"
#include "highlight/select.h"
#include "spool/probe.h"
#include "stages/stage.h"

// How much longer than wished a reel may become.
static const double allowed_excess = 1.1;

struct source {
    struct probe probe;
    struct signals signals;
    struct analysis analysis;
};

struct gathered {
    struct source *sources;        // one for each of the batch, owned
    struct select_source *choices; // owned; duration 0 where a source is left out
    double *durations;             // owned
    size_t count, usable;
};

static void gathered_release(struct gathered *gathered)
{
    for (size_t i = 0; i < gathered->count; i++) {
        probe_release(&gathered->sources[i].probe);
        signals_release(&gathered->sources[i].signals);
        analysis_release(&gathered->sources[i].analysis);
    }
    free(gathered->sources);
    free(gathered->choices);
    free(gathered->durations);
}

// ---- gathering

static int load_source(int sourcedir, struct source *source, struct err *err)
{
    int r = probe_load(sourcedir, &source->probe, err);
    if (r < 0)
        return r;
    r = signals_load(sourcedir, &source->signals, err);
    if (r < 0)
        return r;
    return analysis_load(sourcedir, source->probe.duration, &source->analysis, err);
}

// Returns 1 if the source can be used, 0 if it is left out, or a negative for machine trouble.
static int gather_source(struct stage_context *context, size_t index, struct source *source,
                         struct err *err)
{
    struct err reason = ERR_INIT;
    cleanup(free_ptr) char *name = xasprintf("%zu", index);
    if (context->batch.sources[index].error.class != ERR_NONE)
        return 0;
    cleanup(close_fd) int sourcedir = fs_open(context->batchdir, name, O_RDONLY | O_DIRECTORY);
    if (sourcedir == -ENOENT)
        return 0;
    if (sourcedir < 0)
        return err_errno(err, -sourcedir, "open the directory of source %zu", index);
    // The analysis is the last that is made of a source: one that failed before has none.
    if (faccessat(sourcedir, SOURCE_ANALYSIS, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
        return 0;
    int r = load_source(sourcedir, source, &reason);
    if (r == -ENOENT)
        return 0;
    if (r < 0 && reason.class == ERR_INPUT) {
        stage_warn(context, "video %zu is left out: %s", index, reason.text);
        return 0;
    }
    if (r < 0 && err)
        *err = reason;
    return r < 0 ? r : 1;
}

static double picture_seconds(const struct probe *probe)
{
    bool known = !probe->variable_rate && probe->fps_num > 0 && probe->fps_den > 0;
    return known ? (double)probe->fps_den / probe->fps_num : 0;
}

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

static int gather(struct stage_context *context, struct gathered *gathered, struct err *err)
{
    gathered->count = context->batch.source_count;
    gathered->sources = xcalloc(gathered->count + 1, sizeof *gathered->sources);
    gathered->choices = xcalloc(gathered->count + 1, sizeof *gathered->choices);
    gathered->durations = xcalloc(gathered->count + 1, sizeof *gathered->durations);
    for (size_t i = 0; i < gathered->count; i++) {
        struct source *source = &gathered->sources[i];
        *source = (struct source){ PROBE_INIT, SIGNALS_INIT, ANALYSIS_INIT };
        int r = gather_source(context, i, source, err);
        if (r < 0)
            return r;
        stage_progress(context, 0.8 * (double)(i + 1) / (double)gathered->count);
        if (r == 0 || !(source->probe.duration > 0))
            continue;
        gathered->usable++;
        gathered->durations[i] = source->probe.duration;
        gathered->choices[i] = (struct select_source){
            .signals = &source->signals,
            .analysis = &source->analysis,
            .duration = source->probe.duration,
            .picture_seconds = picture_seconds(&source->probe),
            .keys = {
                .times = source->probe.key_frames,
                .count = source->probe.key_frame_count,
                .all = source->probe.all_key_frames,
                .reach = key_reach(context),
            },
        };
    }
    return 0;
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

static void choose(const struct job *job, const struct gathered *gathered, struct plan *plan)
{
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
    if (job->prompt && *job->prompt)
        plan_note(plan, "the prompt was not used: only a language model understands it, and none "
                        "is configured");
    plan->strategy = xstrdup(job_strategies[job->strategy]);
    select_segments(gathered->choices, gathered->count, &wish, plan);
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
    select_snap(gathered->choices, gathered->count, snap_seconds(context), rules.min_segment, plan);
    return plan_check(plan, &rules, err) < 0 ? nothing_to_cut(gathered->count, err) : 0;
}

// ---- writing

static int save_analyses(struct stage_context *context, const struct gathered *gathered,
                         struct err *err)
{
    cleanup(json_free) json_t *object = json_object();
    json_t *sources = json_array();
    for (size_t i = 0; i < gathered->count; i++) {
        if (!(gathered->durations[i] > 0))
            continue;
        json_t *entry = json_object(), *analysis = analysis_to_json(&gathered->sources[i].analysis);
        json_put_int(entry, "video_index", (int64_t)i);
        cleanup(free_ptr) char *name = batch_source_name(&context->batch.sources[i]);
        json_put_text(entry, "name", name);
        json_put_number(entry, "duration", gathered->durations[i], 3);
        (void)json_object_update(entry, analysis); // fails only without memory
        json_decref(analysis);
        json_array_append_new(sources, entry);
    }
    json_put(object, "sources", sources);
    return json_write(context->batchdir, BATCH_ANALYSIS, object, err);
}

static int run(struct stage_context *context, struct err *err)
{
    cleanup(gathered_release) struct gathered gathered = { 0 };
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    const struct job *job = &context->batch.job;
    int r = gather(context, &gathered, err);
    if (r < 0)
        return r;
    if (!gathered.usable)
        return nothing_to_cut(gathered.count, err);
    choose(job, &gathered, &plan);
    r = check(context, &gathered, &plan, err);
    if (r < 0)
        return r;
    align_plan(gathered.choices, gathered.count, &plan);
    select_name(gathered.choices, gathered.count, &plan);
    r = save_analyses(context, &gathered, err);
    if (r < 0)
        return r;
    r = plan_save(context->batchdir, &plan, err);
    if (r < 0)
        return r;
    json_put_int(context->numbers, "segments", (int64_t)plan.segment_count);
    json_put_number(context->numbers, "total", plan_total(&plan), 3);
    json_put_text(context->numbers, "provider", plan.provider);
    return 0;
}

int main(int argc, char **argv)
{
    return stage_main(argc, argv, STAGE_PLAN, run);
}
