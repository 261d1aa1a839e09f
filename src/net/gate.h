// The way to a service: who goes through it in whatever process waits for his turn, keeps within
// the number that may ask at a time, and turns back where the service does not answer.
//
// Nothing is lost with a process: its place is a lock of the kernel's (F_OFD_SETLK), which goes
// with it; at most the token it took is spent.  A gate that cannot be kept (no room, no rights)
// holds nobody up: it is there to be fair, not to be safe.
#ifndef CLIPSPOOL_GATE_H
#define CLIPSPOOL_GATE_H

#include "base/err.h"
#include "spool/throttle.h"

struct gate_order {
    const char *root; // of the spool
    const char *name; // "storage oss-main": the service, for all processes and for people
    struct throttle_rules rules;
    double wait_seconds; // how long a turn is waited for
    int stop_fd;         // once readable, waiting ends; 0: there is none
};

// A gate is gone through by one at a time: enter, then leave.  Copies the strings.
struct gate;
struct gate *gate_new(const struct gate_order *order);
// One who is inside is let go without a word about what became of it.
void gate_free(struct gate **gate);

// Waits for a turn.  Both take a struct gate, as void for struct store_turn; NULL is no gate.
// Returns 0; -ECANCELED (ERR_RETRY "stopped"); or another negative: ERR_SERVICE "service_away" (the
// service failed too often; err->retry_after), ERR_RETRY "no_turn" (no turn in that time).
int gate_enter(void *context, struct err *err);
// With what became of it, as throttle_tell has it; NULL: nobody knows.
void gate_leave(void *context, const struct err *outcome);

// ---- between two tries

// Waits so long, unless stop_fd (0: none) is or becomes readable.  Returns 0 or -ECANCELED
// (ERR_RETRY "stopped").
int gate_pause(int stop_fd, double seconds, struct err *err);

// For *now of a try behind one that failed with *before (ERR_NONE: there was none).  That it had no
// turn any more is no news of the service: what the earlier one found stands, so that whoever
// counts counts it, and is not to be tried again before the gate opens.  Returns whether it was so.
bool gate_stand_by(const struct err *before, struct err *now);

#endif
