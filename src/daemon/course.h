// The course of a batch: which of its steps may run now, and what has become of it.  Pure: no
// clock, no files.
//
//   source 0:  fetch > probe > compress > (upload) > (transcribe) > analyze \   (side by side)
//   source 1:  fetch > probe > compress > (upload) > (transcribe) > analyze  > plan > render > ...
//   source 2:  fetch > probe > X  (its own loss)                            /
//
// A batch goes through the stages of its set; another one holds nothing up and never runs.  Those
// behind an extra stage of a source wait until it has ended, well or not.
//
// A source ends when a step of it fails for good.  The batch goes on with the others and fails only
// when none is left, or when a step on the whole batch fails.
#ifndef CLIPSPOOL_COURSE_H
#define CLIPSPOOL_COURSE_H

#include "spool/settings.h"
#include "spool/step.h"

struct course_mark { // what of a step is not on disk
    bool running;
    uint64_t due_us;   // monotonic: not before
    uint64_t begun_us; // monotonic: of the attempt that runs
    double fraction;   // of the attempt that runs, as it tells, 0..1
    unsigned troubles; // times that the machine was in its way, in a row
};

struct course {
    size_t source_count;
    unsigned stages;                    // that it goes through, bit 1 << stage
    enum slot_class slots[STAGE_COUNT]; // what a step of each takes
    struct step *steps;                 // [stage * source_count + index], owned
    struct step *batch_steps;           // [STAGE_COUNT], owned
    struct course_mark *marks; // the same, and behind them [STAGE_COUNT] of the batch; owned
};

struct course_place { // which step
    enum stage stage;
    int index; // STEP_BATCH for one on the batch
};

enum { COURSE_ALL_STAGES = (1 << STAGE_COUNT) - 1 };
// Slots are those of stage_info, and may be set afterwards.
void course_init(struct course *course, size_t source_count, unsigned stages);
void course_release(struct course *course);

// Whether the batch goes through that stage at all.
bool course_has(const struct course *course, enum stage stage);

// Where the step and its mark lie (borrowed).
struct step *course_step(const struct course *course, struct course_place place);
struct course_mark *course_mark(const struct course *course, struct course_place place);

// The next step of a slot class that may start at now_us: not running, not done, everything before
// it done, due, its stage not held (held_us[stage] > now_us).  What is furthest along comes first,
// so that things get finished.  Returns false if there is none.
bool course_next(const struct course *course, enum slot_class slot, const uint64_t *held_us,
                 uint64_t now_us, struct course_place *ret_place);

// The earliest time at which a step that only has to wait becomes due; UINT64_MAX: none waits.
uint64_t course_wake(const struct course *course, const uint64_t *held_us, uint64_t now_us);

enum course_outcome { COURSE_GOING, COURSE_COMPLETED, COURSE_FAILED };
// On COURSE_FAILED, *ret_place is the step to blame: the batch's, or the first source's.
enum course_outcome course_outcome(const struct course *course, struct course_place *ret_place);

// True once a step of the source failed for good that is no extra.
bool course_source_failed(const struct course *course, size_t index);
// True if the step need not run any more: it is done, or its source failed.
bool course_settled(const struct course *course, struct course_place place);
// The first stage that is not settled everywhere: the one that status.json names.
enum stage course_front(const struct course *course);
// True if any step has ever been started.
bool course_begun(const struct course *course);

#endif
