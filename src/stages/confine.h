// What each stage and errand needs besides its batch: the sandbox (sandbox.h) by name.
#ifndef CLIPSPOOL_CONFINE_H
#define CLIPSPOOL_CONFINE_H

#include "stages/stage.h"

// Closes the stage in, once its batch, source and configuration are open.  Errors as sandbox_enter.
int confine_stage(const struct stage_context *context, enum stage stage, struct err *err);

// Closes an errand in: it reads the outbox, writes errands and services, and connects.
int confine_errand(const struct settings *settings, struct err *err);

#endif
