// Whose turn is it?  Slots by class, and batches that take turns.  Pure.
//
// Each class of slots has a line for each priority.  A batch that has something ready stands in
// the line once; when its turn comes it starts one step and goes to the end.  So a batch of ten
// gets no more turns than a batch of one, and no decision looks at more than the head of a line.
#ifndef CLIPSPOOL_SCHEDULE_H
#define CLIPSPOOL_SCHEDULE_H

#include "spool/job.h"
#include "spool/step.h"

enum { SCHEDULE_PRIORITIES = PRIORITY_HIGH + 1 };

struct schedule_turn { // a batch's place in the line of one class; part of the batch
    struct schedule_turn *next, *previous; // NULL: not in line
    void *owner;                           // borrowed: the batch
    enum slot_class slot;
    int priority; // enum job_priority
};

struct schedule {
    unsigned slots[SLOT_COUNT], busy[SLOT_COUNT];
    struct schedule_turn lines[SLOT_COUNT][SCHEDULE_PRIORITIES]; // heads of rings
};

// With so many slots of each kind, all free.
void schedule_init(struct schedule *schedule, const unsigned slots[SLOT_COUNT]);

// Puts the batch at the end of its line; one that stands there already keeps its place.
void schedule_offer(struct schedule *schedule, struct schedule_turn *turn);
void schedule_withdraw(struct schedule_turn *turn);

// The turn that comes next where a slot is free, taken out of its line; NULL if there is none.  The
// higher priority first, always.
struct schedule_turn *schedule_next(struct schedule *schedule);

// A step of the class started, or ended.
void schedule_take(struct schedule *schedule, enum slot_class slot);
void schedule_give_back(struct schedule *schedule, enum slot_class slot);

#endif
