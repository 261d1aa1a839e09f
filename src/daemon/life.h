// The life of a batch that is understood: queued, opened, worked on, ended.
//
// Every step of it is durable before the next begins, and every function here may be called again
// after a crash or after trouble: it goes on where things stand on disk.
#ifndef CLIPSPOOL_LIFE_H
#define CLIPSPOOL_LIFE_H

#include "daemon/service.h"

// Opens a batch of work/ and writes its status: it is worked on if there is room, else queued.
// ERR_INPUT if it cannot be understood.
int life_enter(struct service *service, struct member *member, struct err *err);

// Opens queued batches while there is room, and starts what can start.
void life_pump(struct service *service);

// A step of the batch ended; everything it may change follows.  The batch may be gone afterwards.
void life_step_ended(struct service *service, struct live *live);

// Looks at every open batch anew: a hold or a trouble is over.
void life_advance_all(struct service *service);

// What the user wishes by the file of that name in the outbox folder, which is removed as soon as
// the wish is kept on disk.  The member may be gone afterwards.
void life_cancel(struct service *service, struct member *member, const char *file);
void life_retry(struct service *service, struct member *member, const char *file);

// Closes all open batches without ending them.
void life_close_all(struct service *service);

// Puts what cannot be understood into quarantine, or at least says so; the member is gone.
void life_quarantine(struct service *service, struct member *member, const struct err *why);

#endif
