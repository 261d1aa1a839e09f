// The shared main of the programs that do errands: notify, sweep; and of those that tell
// `clipspool doctor`, which must not load keys, what it asks for: sweep, inquire.
//
// PROGRAM [--config FILE] [--spool DIR] [ID | --check]
//
// What they say, their exit statuses and descriptor 3 are as a stage's.  They hold keys, so nobody
// may look into their memory.  Nothing they do is written down by themselves: the daemon keeps the
// errand until it hears that it is done.
#ifndef CLIPSPOOL_ERRAND_MAIN_H
#define CLIPSPOOL_ERRAND_MAIN_H

#include "base/err.h"
#include "spool/settings.h"

struct errand_context {
    struct settings settings;
    const char *batch;       // the id of the batch; NULL: none was given
    const char *credentials; // the folder of credentials, or NULL
    int stop_fd;             // readable once it is to end, for struct http_rules
};

// `summary` is what the program is for, in a line; it may only be called without ID if
// `id_is_optional`, and with nothing but --check if it has no run().  Ends by the signal that asked
// for it if run() fails with -ECANCELED.
struct errand_program {
    const char *name, *summary;
    bool id_is_optional;
    int (*run)(struct errand_context *context, struct err *err);
    int (*check)(struct errand_context *context, struct err *err); // for --check; NULL: has none
};
int errand_main(int argc, char **argv, const struct errand_program *program);

// What check() says of a thing, a line on stdout that the doctor reads:
//   ok NAME: TEXT       nothing is wrong
//   waits NAME: WHY     its gate is closed (throttle_had_no_turn)
//   problem NAME: WHY   and behind it a line "hint REMEDY"
// by *why, which is ERR_NONE where nothing is wrong.
void errand_tell(const char *name, const char *text, const struct err *why);
// "unknown NAME: WHY": it could not be looked at from here.
void errand_tell_unknown(const char *name, const char *why);

#endif
