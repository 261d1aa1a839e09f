// Text on a terminal: safe, and no wider than it may be.
#ifndef CLIPSPOOL_SCREEN_H
#define CLIPSPOOL_SCREEN_H

#include "base/base.h"
#include <stdio.h>

// Foreign text that a terminal can be given: control characters and bytes that are not UTF-8 as
// \xNN, a backslash as it is, so that text which was escaped before is not escaped twice.  Gives a
// string.
char *screen_safe(const char *text);
// The same, but line feeds stay.
char *screen_safe_lines(const char *text);

// Columns that safe text takes on a terminal.
unsigned screen_columns(const char *safe);

// Safe text cut to at most `columns`, between characters, with an ellipsis where something was cut.
// Gives a string.
char *screen_fit(const char *safe, unsigned columns);

// Safe text fitted and filled with spaces to exactly `columns`.  Gives a string.
char *screen_pad(const char *safe, unsigned columns);

// Prints a path for a person if `out` is a terminal, and as its very bytes for a program if not.
void screen_path(FILE *out, const char *path);

bool screen_is_terminal(FILE *out); // one that can redraw a line
unsigned screen_width(FILE *out);   // of that terminal, 80 if it does not say

#endif
