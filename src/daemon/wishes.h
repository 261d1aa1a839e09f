// Files named cancel or retry that people drop into a batch's folder of the outbox.
#ifndef CLIPSPOOL_WISHES_H
#define CLIPSPOOL_WISHES_H

#include "daemon/service.h"

// Watches the outbox folder of the member, as long as there are watches left; the periodic look
// finds wishes without.  An already watched member stays watched.
void wishes_watch(struct service *service, struct member *member);

// Looks into the folder of the member now and does what is wished.  The member may be gone
// afterwards.
void wishes_look(struct service *service, struct member *member);

// The same in a later turn of the loop.
void wishes_look_later(struct service *service, struct member *member);
// What was left for later.
void wishes_look_due(struct service *service);

// Looks into every folder that changed since the last look.
void wishes_look_all(struct service *service);

#endif
