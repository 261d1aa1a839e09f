// What follows from how a step ended.  Pure; the table of docs/ARCHITECTURE.md "the stage
// contract", in code.
#ifndef CLIPSPOOL_OUTCOME_H
#define CLIPSPOOL_OUTCOME_H

#include "spool/settings.h"
#include "spool/step.h"

enum outcome_action {
    OUTCOME_DONE,
    OUTCOME_RETRY,      // this step again after wait_seconds
    OUTCOME_FAIL,       // for good
    OUTCOME_HOLD_RELOAD // the step again, and its whole stage rests until the configuration is read
                        // again
};

struct outcome {
    enum outcome_action action;
    double wait_seconds;
    bool counted; // against the tries
    bool trouble; // the machine's: take no new work while it lasts
};

struct outcome_facts {
    const struct err *err; // class ERR_NONE: it did what it should
    unsigned failures;     // counted attempts that failed, this one included
    unsigned troubles;     // times in a row that the machine was in its way, this one included
    const struct settings_stage *rules;
    bool once;     // nobody will put right what is wrong: what would wait for that, fails
    double chance; // 0..1, random: spreads retries that failed together
};

// What follows from the end of a step: the table of docs/ARCHITECTURE.md, and nothing else.
struct outcome outcome_judge(const struct outcome_facts *facts);

// A step that was cut off this often by the death of the supervisor is its likely cause.
enum { OUTCOME_MAX_INTERRUPTED = 20 };

#endif
