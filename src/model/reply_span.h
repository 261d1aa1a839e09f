// When, as models say it: "01:15", "1:02:03.5", 75, "75 s", "1m15s", 75000 under start_ms,
// "00:10 - 00:20", [10, 20], start and duration, under whatever name.
//
// Names are compared without case, marks and unit ("Start_Time", "startTime" and "start-time-sec"
// are one).  What cannot be read is NAN, never a guess.
#ifndef CLIPSPOOL_REPLY_SPAN_H
#define CLIPSPOOL_REPLY_SPAN_H

#include "base/json.h"

struct reply_span {
    double start, end; // seconds as said; NAN: said, but not to be read
    bool point;        // only one time was said; end is NAN
};

// Reads it from an object, a text or an array of two.  Returns false if no time is named at all.
bool reply_span_read(json_t *json, struct reply_span *ret);

// A time or length from a text; NAN if it is none.
double reply_span_seconds(const char *text);

// The member under one of the names, which end with NULL and are lower case letters and digits; the
// first name that is there wins.  Borrowed, NULL if there is none.  *ret_scale (or NULL) becomes
// the seconds that the unit in its name stands for, 1 without.
json_t *reply_span_member(json_t *object, const char *const *names, double *ret_scale);

#endif
