// What is looked at in a configuration text before libconfig sees it.  Private to config*.c.
#ifndef CLIPSPOOL_CONFIG_SCAN_H
#define CLIPSPOOL_CONFIG_SCAN_H

#include "base/config.h"

// Checks limits, @include and unclosed quotes and comments, and marks every whole number as 64 bits
// wide: libconfig 1.5 cuts 5000000000 to 705032704 without a word.  Gives the text to parse, with
// the same lines, or NULL with report filled.
char *config_scan(const char *name, const char *text, struct config_report *report);

// Adds the error that libconfig found in `line`, with a guess at what was meant.
void config_scan_explain(const char *name, const char *text, int line, const char *error,
                         struct config_report *report);

#endif
