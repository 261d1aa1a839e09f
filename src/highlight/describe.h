// A source in words that are true: every statement follows from a measurement and a threshold that
// docs/PLANNING.md lists.  Here thresholds are absolute ("dark" is dark for anybody), unlike those
// of saliency.
#ifndef CLIPSPOOL_DESCRIBE_H
#define CLIPSPOOL_DESCRIBE_H

#include "highlight/saliency.h"

// "3:12, 41 shots, mostly calm, someone speaks for 1:40, loud from 1:05 to 1:22".  Gives a string.
char *describe_summary(const struct signals *signals, const struct saliency *saliency,
                       size_t shot_count);

// calm, lively, static; no sound, silent, loud, quiet, speech, music-like; dark, bright, colourful,
// monochrome; one shot, fast cuts.  Gives a NULL-terminated array and its strings.
char **describe_tags(const struct signals *signals, const struct saliency *saliency,
                     size_t shot_count);

// Gives each scene its text: "calm, dark, someone speaks; looks like scene 1".  Takes over texts
// that were there.
void describe_scenes(const struct saliency *saliency, struct analysis_span *scenes, size_t count);

#endif
