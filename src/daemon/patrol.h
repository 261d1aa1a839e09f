// The sweep of buckets now and then: at start-up and every half hour the program sweep removes
// from each of the configuration what has expired and nothing else removed.  One run at a time; one
// that fails is said once, and the next is tried all the same.
#ifndef CLIPSPOOL_PATROL_H
#define CLIPSPOOL_PATROL_H

#include "daemon/service.h"

// Sets service->patrol, which begins with the loop, but not with --once: nobody waits for it then.
void patrol_open(struct service *service);
void patrol_free(struct patrol **patrol);

// Ends what runs.
void patrol_stop(struct service *service);

#endif
