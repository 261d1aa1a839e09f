// A batch of three sources, made by hand as compress would have left them, for tests of the stages
// that need no picture: analyze and plan.
#ifndef CLIPSPOOL_TESTS_ANALYSED_BATCH_H
#define CLIPSPOOL_TESTS_ANALYSED_BATCH_H

#include "spool/plan.h"
#include "spool/step.h"
#include "tests/support/folder.h"

enum { ANALYSED_SOURCES = 3, ANALYSED_SECONDS = 40 };
// Each source has a key frame a second, at that part of it: between measured pictures.
extern const double analysed_key_phase;

// Makes the batch in the folder, which is made for it.  The text is that of its job.conf, or NULL;
// `text_model` is the enum model_service that makes its plan.
void analysed_batch_make(struct folder *folder, const char *job, int text_model);

// Runs a stage on the source of that index or, for NULL, on the batch, with the configuration file
// at a path, or NULL.  stdout and stderr come back in *ret_output (a string, free).  Returns its
// exit status.
int analysed_batch_run(const struct folder *folder, const char *stage, const char *index,
                       const char *config, char **ret_output);

// Runs analyze on all sources; and plan, whose plan it gives.  Both fail the test if they fail.
void analysed_batch_analyze(const struct folder *folder);
struct plan analysed_batch_plan(const struct folder *folder, const char *config);

#endif
