// Shots: where the picture was cut.
//
// A hard cut is a lone peak of the `cut` curve that stands out from its own surroundings: the curve
// is normalised by median and MAD in a sliding window, so that one rule serves a still camera and a
// shaken one.  A flash is two peaks with the same picture on both sides and no cut.
#ifndef CLIPSPOOL_SHOTS_H
#define CLIPSPOOL_SHOTS_H

#include "spool/analysis.h"
#include "spool/signals.h"

// Divides [0, duration] of the source into shots that touch each other, at most ANALYSIS_MAX_ITEMS
// (the strongest cuts then); each begins at the time of a measured picture.  Gives an array
// (free()); a source without pictures is one shot.  score is 0, group -1, text NULL.  Returns 0.
int shots_find(const struct signals *signals, struct analysis_span **ret_shots, size_t *ret_count);

#endif
