// A source shown to the model of its batch.
//
// What is shown (video or frames, and how many pictures) is decided once, within the budget, and
// written down in look.json before anything is sent: a step that was killed asks the same again,
// and so finds the answer that was paid for.
#ifndef CLIPSPOOL_VIEWING_H
#define CLIPSPOOL_VIEWING_H

#include "spool/analysis.h"
#include "spool/probe.h"
#include "stages/stage.h"

// Asks the model about the source and lays what it says over *found, what this machine found.
// Nothing is done where the batch has no model that looks.  Where one cannot be used and the step
// can do without (stages/fallback.h), *found stays, with a note and a warning that say why. Returns
// 0, or a negative that ends the step.
int viewing_merge(struct stage_context *context, const struct probe *probe, struct analysis *found,
                  struct err *err);

#endif
