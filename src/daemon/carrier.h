// Bringing a batch over from another file system, in a process of its own.
//
// There a claim is a copy and takes as long as a copy takes; the loop must not wait for it.  The
// process is this program again, started with --claim, or with --recover for a copy that was cut
// off or is wished again; it prints the id.  Whatever becomes of it, what it leaves in work/ is
// finished or undone as after any crash.
#ifndef CLIPSPOOL_CARRIER_H
#define CLIPSPOOL_CARRIER_H

#include "daemon/service.h"

struct carrier;

// True if incoming is on another file system than work.
bool carrier_is_needed(const struct spool *spool);

// Starts to bring incoming/NAME over; ended(context, id) is called from the loop when that is over,
// with NULL if nothing was taken.
int carrier_start(struct service *service, const char *name,
                  void (*ended)(void *context, const char *id), void *context,
                  struct carrier **ret_carrier, struct err *err);
// The same for the batch `id` of work/, which spool_recover_but_copy would not go on with.
int carrier_recover(struct service *service, const char *id,
                    void (*ended)(void *context, const char *id), void *context,
                    struct carrier **ret_carrier, struct err *err);
// Ends it; `ended` is not called.
void carrier_free(struct carrier **carrier);

// What the process does: claims or recovers, and prints the id.  Returns the exit status.
int carrier_main(const struct options *options);

#endif
