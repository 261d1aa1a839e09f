// How a batch becomes the daemon's: claimed from incoming, or found in work/ and failed/ at a
// start.
#ifndef CLIPSPOOL_ADOPT_H
#define CLIPSPOOL_ADOPT_H

#include "daemon/service.h"

// Takes a settled name of incoming, if it still is as it was seen (NULL: however it is).  Returns
// 0; -EXDEV: it would have to be copied, which is for a carrier; or another negative: it stays
// there and is judged anew.
int adopt_take(struct service *service, const char *name, const struct spool_seen *seen);

// The same for one that another process claimed as `id`.
void adopt_claimed(struct service *service, const char *id, const char *name);
// After a claim that went wrong: what it left in work/ is finished or undone.
void adopt_strays(struct service *service);

// Understands a new member: finishes its claim (in a process of its own where that is a copy; then
// it stays new meanwhile), writes batch.json, chooses its outbox folder.  On trouble with the
// machine it stays new, to be called again; it may be gone afterwards.
void adopt_member(struct service *service, struct member *member);

// At start: makes members of what lies in work/ and failed/.
int adopt_all(struct service *service, struct err *err);

// Calls adopt_member for all that are still new.
void adopt_again(struct service *service);

// Forgets those set aside that are in failed/ no more: expired, or removed by an administrator.
void adopt_forget_removed(struct service *service);

#endif
