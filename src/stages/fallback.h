// When a step does without the model that it was to ask.
//
// A model makes a reel better; a batch never fails for want of one.  So what will not get better is
// made up for by this machine at once, and what may, in the last of the step's tries.  A key that
// is refused fails, and a configuration that is wrong waits: people put these right, and would not
// notice otherwise.
#ifndef CLIPSPOOL_FALLBACK_H
#define CLIPSPOOL_FALLBACK_H

#include "stages/stage.h"

// Whether the step is to go on without, after this error of asking a model; else it ends with it.
bool fallback_is_due(const struct stage_context *context, enum stage stage, const struct err *err);

#endif
