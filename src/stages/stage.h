// The shared main of the stage programs: STAGE [--config FILE] [--spool DIR] BATCHDIR [INDEX].
//
// stage_main opens the batch, leaves at once if the step's result exists, takes the step's lock,
// calls run(), and as its last act writes the result file; on failure it says why on descriptor 3
// and leaves with the sysexits status of the error's class. Nothing else in a stage writes to
// stdout; stderr is for people.  --spool overrides spool.root of the configuration, as the daemon's
// option of the same name does.
#ifndef CLIPSPOOL_STAGE_H
#define CLIPSPOOL_STAGE_H

#include "base/err.h"
#include "base/json.h"
#include "spool/batch.h"
#include "spool/settings.h"
#include "spool/step.h"

struct stage_context {
    struct settings settings;
    struct batch batch;
    int batchdir;     // open descriptor of BATCHDIR
    int sourcedir;    // of BATCHDIR/INDEX, -1 for a step on the batch
    int index;        // STEP_BATCH for a step on the batch
    json_t *numbers;  // goes into the result
    json_t *warnings; // goes into the result
    double progress;  // the highest told so far
    uint64_t told_us; // when, monotonic
};

int stage_main(int argc, char **argv, enum stage stage,
               int (*run)(struct stage_context *context, struct err *err));

// Progress 0..1 on descriptor 3; at most four lines a second leave, falling values are ignored.
void stage_progress(struct stage_context *context, double fraction);
// A sentence for people that goes into the result and the log: the step succeeds but something was
// odd.
void stage_warn(struct stage_context *context, const char *format, ...) PRINTF_LIKE(2, 3);

// Opens the `source` that fetch left in context->sourcedir, for reading.  A symbolic link there is
// followed only where settings.accept_links says so (a private spool).  Returns the descriptor
// (close_fd), or a negative with err set.
int stage_open_source(struct stage_context *context, struct err *err);
// Whether the open source is still what it was when the batch was taken, after it was read:
// ERR_INPUT "changed_after_claim" if not.  stage_open_source has asked before.
int stage_check_source(struct stage_context *context, int fd, struct err *err);

#endif
