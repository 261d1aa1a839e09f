// Key moments: the peaks of saliency, each with the reason in words.
#ifndef CLIPSPOOL_MOMENTS_H
#define CLIPSPOOL_MOMENTS_H

#include "highlight/saliency.h"

// The key moments: peaks of the score well above what is usual, each within one shot, ascending,
// none overlapping, at most two and another for every ten seconds.  `text` is the reason.  Gives an
// array with its texts (as struct analysis owns them), empty for a source in which nothing stands
// out.  Returns how many.
size_t moments_find(const struct saliency *saliency, const struct analysis_span *shots,
                    size_t shot_count, struct analysis_span **ret_moments);

// Why [start, end) stands out, in at most three phrases ("the loudest moment, much motion"), or
// that it does not.  Every phrase is true of the deviations; docs/PLANNING.md has the thresholds.
// Gives a string.
char *moments_reason(const struct saliency *saliency, double start, double end);

#endif
