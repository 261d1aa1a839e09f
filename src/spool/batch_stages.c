// Which stages a batch goes through, and what its steps take: what was decided when it was
// understood.
#include "spool/batch.h"

// Somebody elsewhere is shown the video, or hears it.
static bool is_shown(const struct batch *batch, enum model_role role)
{
    int service = batch->roles[role];
    return service == MODEL_DASHSCOPE || service == MODEL_OPENAI;
}

bool batch_has_stage(const struct batch *batch, enum stage stage)
{
    if (stage == STAGE_TRANSCRIBE)
        return batch->roles[MODEL_SPEECH] != MODEL_NONE;
    if (stage == STAGE_UPLOAD)
        return batch->storage != STORAGE_LOCAL &&
               (is_shown(batch, MODEL_VISION) || is_shown(batch, MODEL_SPEECH));
    return true;
}

enum slot_class batch_slot(const struct batch *batch, enum stage stage)
{
    if (stage == STAGE_TRANSCRIBE && batch->roles[MODEL_SPEECH] == MODEL_LOCAL)
        return SLOT_CPU;
    return stage_info[stage].slot;
}
