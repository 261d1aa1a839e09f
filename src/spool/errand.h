// What is left to do when a batch has ended, one small file each: errands/ID.KIND.json in the root
// of the spool.
//
// An errand is durable before its batch leaves work/, so whatever dies, it is run; it is a file of
// its own, so that neither the batch nor its slots wait for it.  It may be run more than once for
// one end of a batch, never under another name than the first time: who is told can see that he was
// told before.
#ifndef CLIPSPOOL_ERRAND_H
#define CLIPSPOOL_ERRAND_H

#include "base/err.h"
#include <time.h>

enum errand_kind {
    ERRAND_WEBHOOK, // tells an address how the batch ended
    ERRAND_SWEEP,   // removes what the batch left in the object storage
    ERRAND_KINDS
};

struct errand_info {
    const char *kind;    // in file names
    const char *program; // that does it
};
extern const struct errand_info errand_info[ERRAND_KINDS];

struct errand {
    enum errand_kind kind;
    char *batch;                    // the batch's id
    char *outbox;                   // the name of its outbox folder, bytes
    unsigned attempts, interrupted; // as in struct step
    time_t created, next_try;       // next_try: not before this; 0: at once
    struct err error;               // of the last attempt that failed
    // of a webhook
    char *message; // its webhook-id: the same in every attempt
    char *url;     // in the form of remote_from_link
    char *body;    // exactly what is sent
    // of a sweep
    char *bucket;   // where the batch's objects are, by name in the configuration
    bool completed; // the batch has a reel there
};
#define ERRAND_INIT             \
    {                           \
        .kind = ERRAND_WEBHOOK, \
    }
void errand_release(struct errand *errand);

// Opens the folder of errands in the root of a spool, which is made if it is missing, mode 0700.
// Returns the descriptor or a negative.
int errand_open(const char *root, struct err *err);

// "ID.webhook.json", and back.  Give a string; a name that is none is -EINVAL.
char *errand_name(enum errand_kind kind, const char *batch);
int errand_parse_name(const char *name, enum errand_kind *ret_kind, char **ret_batch);

// Writes it durably.
int errand_save(int folder, const struct errand *errand, struct err *err);
// Reads it into *errand, which is ERRAND_INIT or released.  Returns 0, -ENOENT without setting err,
// or another negative: ERR_INPUT "bad_errand" or "bad_json" for a damaged one.
int errand_load(int folder, enum errand_kind kind, const char *batch, struct errand *errand,
                struct err *err);
// Removes it durably; one that is not there is fine.
int errand_remove(int folder, enum errand_kind kind, const char *batch, struct err *err);
// True if it is there.
bool errand_exists(int folder, enum errand_kind kind, const char *batch);

// A name for a message that was never used before.  Gives a string: visible ASCII without a dot.
char *errand_new_message(const char *batch);

// ---- when it is tried again

// One that the death of the service cut off this often is its likely cause.
enum { ERRAND_MAX_INTERRUPTED = 20 };

enum { ERRAND_MAX_WAITS = 32 };
struct errand_waits { // seconds before the second, third... try; there is one try more than waits
    double seconds[ERRAND_MAX_WAITS];
    size_t count;
};

// Reads numbers of 0 to 604800, divided by blanks; NULL and "" are none.  Returns 0, or -EINVAL
// with err set.
int errand_read_waits(const char *text, struct errand_waits *waits, struct err *err);
// Those of the kinds that have no option of their own.
extern const struct errand_waits errand_usual_waits;

struct errand_facts {
    // Its attempts and interruptions, the one that just ended included, unless it had no turn
    // (throttle_had_no_turn): that was none.
    const struct errand *errand;
    const struct err *error; // what became of that one; class ERR_NONE: it did what it should
    const struct errand_waits *waits;
    bool once;     // nobody will be here in five minutes
    double chance; // 0..1, random: spreads those that failed together
};

enum errand_next { ERRAND_DONE, ERRAND_AGAIN, ERRAND_GIVEN_UP };
// What follows from the end of an attempt.  On ERRAND_AGAIN, *ret_seconds is how long to wait: not
// less than the schedule says, nor than the service asked for.
enum errand_next errand_judge(const struct errand_facts *facts, double *ret_seconds);

#endif
