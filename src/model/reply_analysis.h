// What is in a source, out of what a model answered: an analysis that analysis_from_json would
// take.
#ifndef CLIPSPOOL_REPLY_ANALYSIS_H
#define CLIPSPOOL_REPLY_ANALYSIS_H

#include "model/reply_list.h"
#include "spool/analysis.h"

// Fills *analysis, which is INIT or released: summary, tags, scenes and moments in order of time,
// all within the source; what has to be changed or left out for that is appended to `notes`, an
// array of sentences.  A shot is not a model's to name.  The only video of `media` is the source.
// Returns 0, or a negative as of reply_understand
// or reply_list_read.
int reply_analysis(const char *text, size_t length, const struct reply_media *media,
                   struct analysis *analysis, json_t *notes, struct err *err);

#endif
