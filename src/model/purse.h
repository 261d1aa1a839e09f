// What may still be spent on models: the accounts of a batch and of the day (model/budget.h),
// kept on disk (spool/ledger.h) and shared by all processes that ask.
//
// The most that a call can cost is held in both before it is sent, and replaced by its bill when
// that is there.  Whenever a process is killed, what is held is at least what may have been billed:
// a call is written down in the day before the batch and settled likewise, each account knows it by
// its id, and so settling it again changes nothing.  One whose answer never came stays held: in its
// batch for good, in the day until no request can be under way any more and the day is over.
#ifndef CLIPSPOOL_PURSE_H
#define CLIPSPOOL_PURSE_H

#include "model/budget.h"
#include "spool/ledger.h"
#include "spool/model.h"

struct purse_order {
    const struct model_settings *settings; // its limits
    const char *root;                      // of the spool
    int batchdir;
    int stop_fd; // once readable, waiting for others ends; 0: there is none
};

// A purse is a copy of its order, which it keeps; it holds nothing open between calls.
struct purse {
    struct purse_order order;
};

// All of these wait for whoever else is at it, return 0 or a negative, and have
//   -ECANCELED            asked to stop
//   ERR_RETRY ledger_busy others were at it for too long
//   ERR_INPUT bad_ledger  what was spent cannot be read
// and errors of the disk.  `now` is the wall clock's: a day is a day in UTC.

// What is left in the account that has least.
int purse_room(const struct purse *purse, time_t now, struct budget_sum *ret, struct err *err);

// A call, for the ledger.  Borrowed.
struct purse_call {
    const char *key, *what, *service, *model; // as of struct ledger_call
    int index;
    struct budget_sum most, original;
};

// Holds the most that it may cost and names it.  ERR_INPUT "over_budget" if there is no room,
// "too_many_calls" if the batch has asked LEDGER_MAX_CALLS.
int purse_hold(const struct purse *purse, const struct purse_call *call, time_t now,
               char ret_id[LEDGER_ID_SIZE], struct err *err);

// The bill of that call is there.  One that is settled is left as it is; of one that another batch
// asked, whose answer was found here, the day is settled, and its batch when it finds the answer.
// Borrows usage, which may be NULL.
int purse_settle(const struct purse *purse, const char *id, const struct budget_sum *billed,
                 const json_t *usage, time_t now, struct err *err);

// It was not made, or is not billed: as if it had never been held.
int purse_drop(const struct purse *purse, const char *id, time_t now, struct err *err);

// The question needed no call, for its answer had been kept.  Written down unless the batch has
// that question's answer already, asked for or kept.
int purse_note_kept(const struct purse *purse, const struct purse_call *call, time_t now,
                    struct err *err);

#endif
