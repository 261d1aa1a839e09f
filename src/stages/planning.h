// The plan of a batch by the text model that it was promised.
#ifndef CLIPSPOOL_PLANNING_H
#define CLIPSPOOL_PLANNING_H

#include "highlight/select.h"
#include "spool/plan.h"
#include "stages/gathered.h"

// Asks the model that the batch has for text about what was gathered, and fills *plan, which is
// INIT, as planner_plan does (model/planner.h); boundaries are moved to good points at most
// `reach` seconds away.  Returns 0; 1 with the plan untouched if the batch was promised no model;
// or a negative as of models_open and planner_plan, with no segment in the plan.
int planning_by_model(struct stage_context *context, const struct gathered *gathered,
                      const struct select_wish *wish, double reach, struct plan *plan,
                      struct err *err);

#endif
