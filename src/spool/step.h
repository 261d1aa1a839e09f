// Stages, and the steps they make: one run of a stage on a source or on the batch.
//
// A step's result file steps/NAME[.INDEX].json is the whole checkpoint: a step that has one is
// never run again.  Success is written by the stage itself as its last act; final failure by the
// supervisor.  steps/NAME[.INDEX].try.json, written by the supervisor before each start, counts
// attempts, so that a crash of either counts too.
#ifndef CLIPSPOOL_STEP_H
#define CLIPSPOOL_STEP_H

#include "base/err.h"
#include "base/json.h"
#include <time.h>

enum stage {
    STAGE_FETCH,
    STAGE_PROBE,
    STAGE_COMPRESS,
    STAGE_UPLOAD,     // only where somebody elsewhere looks (batch_has_stage)
    STAGE_TRANSCRIBE, // only where somebody writes down what is said
    STAGE_ANALYZE,
    STAGE_PLAN,
    STAGE_PREVIEW,
    STAGE_RENDER,
    STAGE_PUBLISH,
    STAGE_COUNT
};

enum slot_class { SLOT_CPU, SLOT_NET, SLOT_MODEL, SLOT_COUNT };

struct stage_info {
    const char *name;     // of the program, and in file names
    bool per_source;      // a step for each source; else one for the batch
    enum slot_class slot; // as a rule; batch_slot knows better
    const char *status;   // the word of status.json while it runs
    bool is_extra; // its failure fails nothing; of the batch, the next stage does not wait for it
};
extern const struct stage_info stage_info[STAGE_COUNT];

// The stage of that name, or -EINVAL.
int stage_from_name(const char *name);

enum { STEP_BATCH = -1 }; // the index of a step on the whole batch

enum step_state { STEP_OPEN, STEP_DONE, STEP_FAILED };

struct step {
    enum step_state state;
    unsigned attempts;     // all starts
    unsigned interrupted;  // of these, the ones that ended with the supervisor, not by themselves
    time_t started, ended; // wall clock; of the last attempt
    time_t next_try;       // not before this; 0: at once
    struct err error;      // of a failed step, or of the last failed attempt
    json_t *numbers;       // what the stage reported, an object or NULL (owned)
    json_t *warnings;      // an array of strings or NULL (owned)
};
#define STEP_INIT          \
    {                      \
        .state = STEP_OPEN \
    }

// True of one whose failure is the loss of its source: that of an extra stage is not.
bool step_is_lost(const struct step *step, enum stage stage);

// File name of the result ("steps/compress.2.json") or of the attempts
// ("steps/compress.2.try.json").  Gives a string.
char *step_result_name(enum stage stage, int index);
char *step_try_name(enum stage stage, int index);

// Reads result and attempts of a step from the open batch directory into *step, which is STEP_INIT
// or released; nothing there is STEP_OPEN with 0 attempts.  A damaged file is ERR_INPUT "bad_step".
int step_load(int batchdir, enum stage stage, int index, struct step *step, struct err *err);
// Writes the result (state DONE or FAILED).
int step_save(int batchdir, enum stage stage, int index, const struct step *step, struct err *err);
// Writes attempts, times, next_try and the last error.
int step_save_try(int batchdir, enum stage stage, int index, const struct step *step,
                  struct err *err);
// Removes result and attempts, so that the step is open again.
int step_reset(int batchdir, enum stage stage, int index, struct err *err);
void step_release(struct step *step);

// {code, stage, message, hint, attempts} as status.json shows it: never an empty code or message,
// stage and hint null if there are none.  Give a reference.
json_t *step_error_json(enum stage stage, const struct step *step);
json_t *step_error_shown(const struct err *error, const char *stage, unsigned attempts);

// An error as it is kept in files: {class, code, id, text, hint} and, if it is not 0, retry_after;
// null for ERR_NONE.  Gives a
// reference.
json_t *step_error_to_json(const struct err *error);
// Reads that form; a missing or null one is ERR_NONE.  Returns 0, or -EINVAL if it is not that
// form.
int step_error_from_json(const json_t *json, struct err *ret_error);

#endif
