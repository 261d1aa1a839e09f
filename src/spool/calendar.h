// The time by which kept batches expire: the wall clock, as far as it is believed.
//
// Clocks jump: a battery dies, a hand slips, a time server lies.  What was deleted by such a clock
// does not come back when it is set right.  So the time here follows the wall clock only as far as
// the service has itself seen time pass, plus, over a stop of the service, as long as machines are
// off over a weekend.  What the clock says beyond is doubted, and believed after the service has
// run with it for CALENDAR_DOUBT_SECONDS: by then somebody has noticed.  A clock that goes back is
// believed at once, for it deletes nothing.
#ifndef CLIPSPOOL_CALENDAR_H
#define CLIPSPOOL_CALENDAR_H

#include "base/err.h"
#include <time.h>

enum {
    CALENDAR_SLACK_SECONDS = 3600,      // a clock that is set right by this much is no jump
    CALENDAR_LEAP_SECONDS = 3 * 86400,  // that a service may have been stopped unasked
    CALENDAR_DOUBT_SECONDS = 3 * 86400, // of running, until a jump is believed
};

// Looks at the clock, from time to time.  What is believed lasts in `calendar.json` of the open
// directory.  ran_seconds: since the last look of this process by a clock that nobody sets
// (CLOCK_BOOTTIME), negative for its first.  Returns 1 while the clock is doubted, else 0; or a
// negative if what is believed cannot be kept: *ret_now is right all the same.  Without the file,
// or with a damaged one, the clock is believed.
int calendar_look(int dirfd, time_t wall, double ran_seconds, time_t *ret_now, struct err *err);

#endif
