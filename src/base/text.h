// Bytes from outside as text: escaping, UTF-8, order, times.
#ifndef CLIPSPOOL_TEXT_H
#define CLIPSPOOL_TEXT_H

#include "base/base.h"
#include <time.h>

// File names are bytes.  The escaped form is valid UTF-8, printable on one line and reversible:
// control characters, DEL, backslash, Unicode line and direction controls and every byte that is
// not valid UTF-8 become \xNN.  Gives a string; free().
char *text_escape(const char *bytes);
char *text_escape_n(const char *bytes, size_t length);

// The bytes that text_escape made `escaped` from.  Gives a string, or NULL if it is not such a form
// or would hold a NUL.
char *text_unescape(const char *escaped);

// True for UTF-8 as RFC 3629 has it: shortest forms only, no surrogates.  A NUL is a character.
bool text_is_utf8(const char *bytes, size_t length);

// Natural order: runs of digits compare by value ("clip2" before "clip10"), the rest by byte
// without ASCII case; ties are settled by strcmp, so that the order is total.  For qsort over
// strings.
int text_natural_compare(const char *a, const char *b);

// True if `name` ends with `suffix`, ASCII case ignored.
bool text_ends_with(const char *name, const char *suffix);

// RFC 3339 in UTC, to the second ("2026-11-22T04:15:00Z"), the form of status.json.
// `buffer` has TEXT_TIME_SIZE bytes.  Returns buffer.
enum { TEXT_TIME_SIZE = 32 };
char *text_time(time_t when, char *buffer);

// The compact form that sorts by time ("20261122T041500Z"), for ids.
char *text_time_compact(time_t when, char *buffer);

// Reads the form text_time writes.  Returns 0 and sets *ret_when, or -EINVAL.
int text_time_parse(const char *text, time_t *ret_when);

// "1:05", "12:31", "1:02:03" from seconds.  `buffer` has TEXT_TIME_SIZE bytes.  Returns buffer.
char *text_clock(double seconds, char *buffer);

// "812 B", "12.3 MB", "1.4 GB" (powers of 1000).  Returns buffer (TEXT_TIME_SIZE bytes).
char *text_bytes(uint64_t bytes, char *buffer);

#endif
