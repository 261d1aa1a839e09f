// A plan out of what a model answered.
//
// What can be read is taken over with times as said (NAN where they are none), whatever was done to
// understand it is in plan->notes, and plan_check is the judge of all of it.
#ifndef CLIPSPOOL_REPLY_PLAN_H
#define CLIPSPOOL_REPLY_PLAN_H

#include "model/reply_list.h"
#include "spool/plan.h"

// Fills *plan, which is INIT or released, with segments, notes and strategy.  Where an answer holds
// several values, the first that names times and is not the example counts.  Returns 0, or a
// negative as of reply_understand or reply_list_read.
int reply_plan(const char *text, size_t length, const struct reply_media *media, struct plan *plan,
               struct err *err);

#endif
