// The batch's folder in the outbox, as the stages that write there see it: publish, and preview
// before it.
//
// An outbox that cannot be written is machine trouble and not the batch's fault.
#ifndef CLIPSPOOL_OUTBOX_H
#define CLIPSPOOL_OUTBOX_H

#include "base/fs.h"
#include "stages/stage.h"

// Opens the folder, made again if someone removed it.  Returns a descriptor or a negative.
int outbox_open(struct stage_context *context, struct err *err);

// Puts a file of the batch there, under the same name, whole or not at all; whoever may read the
// folder may read it.  err->code is the negative number for outbox_trouble.
int outbox_put(int batchdir, const char *name, int folder, fs_progress *progress, void *data,
               struct err *err);

// Turns errno value `number` into machine trouble that is tried again, and says where.
int outbox_trouble(struct stage_context *context, int number, struct err *err);

#endif
