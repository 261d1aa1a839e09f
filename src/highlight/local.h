// The local provider of analyses: what a vision model would say of a source, from its signals
// alone.
#ifndef CLIPSPOOL_LOCAL_H
#define CLIPSPOOL_LOCAL_H

#include "spool/analysis.h"
#include "spool/signals.h"

// Fills the empty *analysis: summary, tags, shots, scenes, moments, with provider "local".  Borrows
// signals; analysis_release frees.  Pure arithmetic and deterministic.
void local_analyse(const struct signals *signals, struct analysis *analysis);

#endif
