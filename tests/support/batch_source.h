// A real video in a batch made by hand, as fetch and probe would have left it there.
#ifndef CLIPSPOOL_TESTS_BATCH_SOURCE_H
#define CLIPSPOOL_TESTS_BATCH_SOURCE_H

#include "spool/step.h"
#include "tests/support/batch_folder.h"

// Puts the video at `path` into the batch as source `index` and runs probe on it.
void batch_source_put(const struct batch_folder *batch, int index, const char *path);

// Runs a stage on source `index`, or on the batch (STEP_BATCH).  Its stdout and stderr come back in
// *ret_output (a string, free), NULL to throw them away.  Returns its exit status.
int batch_source_run(const struct batch_folder *batch, enum stage stage, int index,
                     char **ret_output);

// What a finished step found, and what it warned of, as one text.  Gives a string.
char *batch_source_numbers(const struct batch_folder *batch, enum stage stage, int index);
char *batch_source_warnings(const struct batch_folder *batch, enum stage stage, int index);

#endif
