// What models were asked and what it costs, as it lies on disk.
//
//   work/ID/ledger.json     every call of a batch
//   ROOT/ledger/day.json    what all batches used today, and calls whose bill is not there yet
//   ROOT/ledger/lock        held while either is read and changed (fs_lock)
//
// Plain data and its files; what may be spent decides who asks (model/purse.h).  Money is
// counted in billionths of the unit that prices are configured in.
#ifndef CLIPSPOOL_LEDGER_H
#define CLIPSPOOL_LEDGER_H

#include "base/json.h"
#include <time.h>

enum {
    LEDGER_ID_SIZE = 33,      // of a call: 32 hex digits and a NUL
    LEDGER_MAX_CALLS = 10000, // of a batch; nothing is asked beyond
    // Calls of a day whose bill is not there yet.  Of more the oldest count as billed: that errs on
    // the safe side only.
    LEDGER_MAX_OPEN = 1000,
    LEDGER_MAX_USAGE = 2048, // bytes of a usage; a longer one is not written down
};

struct ledger_call {
    char id[LEDGER_ID_SIZE];
    char *key;  // of the question, as of its answer (spool/answers.h)
    char *what; // "look", "theme", "clips", "repair", ...
    int index;  // of the source, negative for the batch
    char *service, *model;
    bool kept;   // the answer had been kept: nothing was sent
    bool billed; // what it cost is known; else what is held may have been billed
    uint64_t held_tokens, held_cost; // the most that it could cost
    uint64_t billed_tokens, billed_cost;
    uint64_t original_tokens, original_cost; // the most, had the original been sent; 0: nothing of
                                             // the kind
    json_t *usage;                           // as the service said it, or NULL
    time_t asked_at, answered_at;            // answered_at 0: no answer came
};

struct ledger {
    struct ledger_call *calls;
    size_t count;
};
#define LEDGER_INIT   \
    {                 \
        .calls = NULL \
    }
void ledger_release(struct ledger *ledger);

// Adds a zeroed call.  Borrowed until the next is added.
struct ledger_call *ledger_add(struct ledger *ledger);
// Takes the call out of the ledger.
void ledger_drop(struct ledger *ledger, struct ledger_call *call);
// The call of that id, or NULL.  Borrowed.
struct ledger_call *ledger_find(const struct ledger *ledger, const char *id);

// Fills *ret, which is INIT or released; where there is no file it has no calls.  Returns 0 or a
// negative: ERR_INPUT "bad_ledger", "bad_json" or "too_large" for a damaged one, in which nothing
// that is missing counts as nothing.
int ledger_load(int batchdir, struct ledger *ret, struct err *err);
int ledger_save(int batchdir, const struct ledger *ledger, struct err *err);

// ---- all batches of a day

struct ledger_open {
    char id[LEDGER_ID_SIZE];
    uint64_t tokens, cost; // held
    time_t asked_at;
};

struct ledger_day {
    int64_t day; // whole days since 1970 in UTC
    uint64_t used_tokens, used_cost;
    struct ledger_open open[LEDGER_MAX_OPEN];
    size_t open_count;
};

// Opens ROOT/ledger, made where it is missing, mode 0700.  Returns the descriptor or a negative.
int ledger_open_folder(const char *root, struct err *err);
#define LEDGER_LOCK "lock"

// Where there is no file nothing was used, on day 0.  Errors as of ledger_load.
int ledger_load_day(int folder, struct ledger_day *ret, struct err *err);
int ledger_save_day(int folder, const struct ledger_day *day, struct err *err);

#endif
