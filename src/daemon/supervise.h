// Steps that run: their start, their deadlines, what follows from their end.
#ifndef CLIPSPOOL_SUPERVISE_H
#define CLIPSPOOL_SUPERVISE_H

#include "daemon/service.h"

// Starts a step that may start.  Whatever comes of it, life_step_ended() is called once: later
// from the loop, or at once if it could not be started.
void supervise_start(struct service *service, struct live *live, struct course_place place);

// Asks all running steps of a batch to end; none of that counts against their tries.
void supervise_drop(struct service *service, struct live *live);

// Looks for news of every running step, of which the loop may not have been woken.
void supervise_look(struct service *service);

// Asks every running step to end, or kills it.
void supervise_stop(struct service *service, int signal_number);

#endif
