// Errands (spool/errand.h) of batches that have ended: written, run, tried again, told.
//
// They are outside of the schedule: no batch waits for one, and a service that does not answer for
// hours costs a file and a timer.
#ifndef CLIPSPOOL_DAEMON_ERRANDS_H
#define CLIPSPOOL_DAEMON_ERRANDS_H

#include "daemon/service.h"
#include "spool/errand.h"

// Sets service->errands; before anything may end.
int errands_open(struct service *service, struct err *err);
void errands_free(struct errands **errands);
// Finds what earlier runs left to do, but for batches that are in work/: theirs begins when they
// leave it.  After adopt_all.
int errands_find(struct service *service, struct err *err);

// Writes down what is left to do of a batch that is ending, before it leaves work/, in place of
// what an earlier end left: of a batch in work/ nothing is begun.  Returns a negative while that is
// impossible.
int errands_write(struct service *service, struct live *live, struct err *err);
// Begins with it, once the batch has left work/.
void errands_begin(struct service *service, const char *batch);
// Gives up what is left to do of a batch that has come back to work/.
void errands_drop(struct service *service, const char *batch);

// Starts the program of that kind as errands do, with an id or nothing behind its options.
int errands_start_program(struct service *service, enum errand_kind kind, const char *batch,
                          const struct executor_listener *listener,
                          struct execution **ret_execution, struct err *err);

// What waited for an administrator need not wait longer: the configuration was loaded, and perhaps
// something else put right.
void errands_try_again(struct service *service);
// Ends what runs; it is done again at the next start.
void errands_stop(struct service *service);
// True if nothing is left to do.
bool errands_are_done(const struct service *service);

#endif
