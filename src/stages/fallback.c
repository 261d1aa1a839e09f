// Which errors of models are made up for, and when.
#include "stages/fallback.h"

#include "spool/throttle.h"

// The supervisor counts this attempt before it ends, among the interrupted ones too.
static bool is_last_try(const struct stage_context *context, enum stage stage)
{
    cleanup(step_release) struct step step = STEP_INIT;
    if (step_load(context->batchdir, stage, context->index, &step, NULL) < 0)
        return false;
    unsigned failed = step.attempts > step.interrupted ? step.attempts - step.interrupted : 0;
    return (int64_t)failed + 1 >= context->settings.stage[stage].tries;
}

// Others are at the service, or it rests: its turn comes, and no try is lost.  One that is away
// counts only where nobody waits for it (clipspool run).
static bool is_queued(const struct err *err)
{
    return throttle_had_no_turn(err) && err->class == ERR_RETRY;
}

bool fallback_is_due(const struct stage_context *context, enum stage stage, const struct err *err)
{
    switch (err->class) {
    case ERR_INPUT:
        return true;
    case ERR_SERVICE:
    case ERR_RETRY:
        // Nobody pays between two tries.
        if (strcmp(err->id, "purse_empty") == 0)
            return true;
        return !is_queued(err) && is_last_try(context, stage);
    default:
        return false;
    }
}
