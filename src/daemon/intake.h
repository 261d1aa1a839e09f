// The incoming folder: woken by events, looked at by the rules of spool/incoming.h, emptied by
// claims.
#ifndef CLIPSPOOL_INTAKE_H
#define CLIPSPOOL_INTAKE_H

#include "daemon/service.h"

int intake_open(struct service *service, struct err *err); // sets service->intake
void intake_free(struct intake **intake);

// Looks soon: events, the periodic scan and the end of a trouble come here.
void intake_wake(struct intake *intake);
// Takes nothing more.
void intake_stop(struct intake *intake);
// True if nothing is waiting in incoming that could become a batch.
bool intake_is_empty(const struct intake *intake);
// How many names have not settled yet, and why, as incoming_waiting.
size_t intake_waiting(const struct intake *intake, char **ret_reason);

#endif
