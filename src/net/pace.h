// Whether a transfer still goes on well enough: not stalled, and not late.
//
// It stalls when less than a number of bytes a second moved over a number of seconds.  Those
// seconds are a window that begins anew whenever as much has moved as it has to bring, so a burst
// is not saved up: silence is noticed one window after the last good one, however fast it went
// before. Until there is a connection nothing can stall; how long that may take is limited
// elsewhere.
//
// It is late when its deadline has come, whatever has moved.
//
// Arithmetic only: the time, of a clock that does not go back, and what has moved so far are told.
#ifndef CLIPSPOOL_PACE_H
#define CLIPSPOOL_PACE_H

#include "base/base.h"

struct pace_rules {
    double stall_seconds,
        stall_bytes_per_second; // 0 seconds: it never stalls; 0 bytes: one will do
    double patience_seconds;    // the window is at least so long, at the same rate; 0: no longer
    double deadline_seconds;    // 0: none
};

struct pace {
    struct pace_rules rules;
    uint64_t deadline_us;
    bool connected;
    uint64_t window_us, window_moved; // since when, and what had moved then
};

enum pace_verdict { PACE_GOOD, PACE_STALLED, PACE_LATE };

// How long the window is.
double pace_window_seconds(const struct pace_rules *rules);

// The transfer begins, and its deadline counts from now.
void pace_begin(struct pace *pace, const struct pace_rules *rules, uint64_t now_us);

// It waits for a connection, the first or another one.  The deadline stays.
void pace_connecting(struct pace *pace);

// There is a connection: a window begins.  `moved` is bytes in both directions so far, here and
// below; it does not shrink.
void pace_connected(struct pace *pace, uint64_t now_us, uint64_t moved);

// How it goes; of one that is stalled and late, that it is stalled.  To be asked often: a window
// begins anew when this sees that enough has moved.
enum pace_verdict pace_judge(struct pace *pace, uint64_t now_us, uint64_t moved);

#endif
