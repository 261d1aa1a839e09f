// report.html: what status.json says at the end of a batch, for people with a browser.
//
// One file without scripts, which shows the reel that lies beside it; it reaches nothing else.
#ifndef CLIPSPOOL_PAGE_H
#define CLIPSPOOL_PAGE_H

#include "base/json.h"

#define PAGE_FILE "report.html"

// The page of a final status (docs/status.schema.json).  What is missing or of another type is left
// out; whatever texts say, they stay texts.  Gives a string.
char *page_from_status(const json_t *status);

#endif
