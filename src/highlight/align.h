// Segments that begin and end with pictures.  Pure arithmetic.
//
// A reel shows whole pictures, its sound is cut on samples: where a plan's times lie between
// pictures, the two drift apart by up to half a picture at each segment, and no cut is where the
// plan says.  So the last thing done to a plan is to lay its times on the pictures of its sources.
#ifndef CLIPSPOOL_ALIGN_H
#define CLIPSPOOL_ALIGN_H

#include "highlight/select.h"
#include "spool/plan.h"

// Moves starts and ends of sources with a constant rate (picture_seconds > 0) to the nearest
// picture: by at most half of one, never beyond the source, never to nothing.  A start that is a
// key frame's time already stays as it is, for its source may count its pictures from there.  Times
// of other sources stay.  Segments that did not overlap do not overlap after it.
void align_plan(const struct select_source *sources, size_t source_count, struct plan *plan);

#endif
