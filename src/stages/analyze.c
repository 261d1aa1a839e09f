// analyze: what is in a source, in words and times, from the signals that compress measured, and
// from what a model sees where the batch has one.
#include <errno.h>
#include <math.h>

#include "highlight/local.h"
#include "spool/probe.h"
#include "stages/viewing.h"

static int missing(struct err *err, const char *name)
{
    return err_set(err, ERR_BUG, "missing_file", "%s is missing, though the step before is done",
                   name);
}

static int run(struct stage_context *context, struct err *err)
{
    cleanup(probe_release) struct probe probe = PROBE_INIT;
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    cleanup(analysis_release) struct analysis analysis = ANALYSIS_INIT;
    int r = probe_load(context->sourcedir, &probe, err);
    if (r < 0)
        return r == -ENOENT ? missing(err, SOURCE_PROBE) : r;
    r = signals_load(context->sourcedir, &signals, err);
    if (r < 0)
        return r == -ENOENT ? missing(err, SOURCE_SIGNALS) : r;
    stage_progress(context, 0.5);
    // The probe says how long the source is; nothing is said of what lies behind its end.
    signals.duration = fmin(signals.duration, probe.duration);
    local_analyse(&signals, &analysis);
    r = viewing_merge(context, &probe, &analysis, err);
    if (r < 0)
        return r;
    r = analysis_save(context->sourcedir, &analysis, err);
    if (r < 0)
        return r;
    json_put_int(context->numbers, "shots", (int64_t)analysis.shot_count);
    json_put_int(context->numbers, "scenes", (int64_t)analysis.scene_count);
    json_put_int(context->numbers, "moments", (int64_t)analysis.moment_count);
    json_put_text(context->numbers, "provider", analysis.provider);
    return 0;
}

int main(int argc, char **argv)
{
    return stage_main(argc, argv, STAGE_ANALYZE, run);
}
