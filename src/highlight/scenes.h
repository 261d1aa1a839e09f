// Scenes: neighbouring shots that show the same place, and which scenes look alike.
#ifndef CLIPSPOOL_SCENES_H
#define CLIPSPOOL_SCENES_H

#include "spool/analysis.h"
#include "spool/signals.h"

// Joins shots into scenes: two shots are linked if their colours are alike and no more than a few
// shots and seconds lie between them, and whatever lies between linked shots belongs to the scene,
// so that a dialogue cut back and forth is one scene (single-link clustering with a time
// constraint, after Yeung and Yeo 1996).  Then scenes of like colours get the same `group`,
// numbered from 0 in order of appearance.  score is 0 and text NULL.  Borrows; gives an array
// (free()). Returns how many: at least one for at least one shot.
size_t scenes_find(const struct signals *signals, const struct analysis_span *shots,
                   size_t shot_count, struct analysis_span **ret_scenes);

#endif
