// What the service manager hears (sd_notify); nothing where there is none.
#ifndef CLIPSPOOL_NOTICE_H
#define CLIPSPOOL_NOTICE_H

#include "daemon/service.h"

// To systemd: the service works, or reads its configuration again (until the next notice_ready).
void notice_ready(void);
void notice_reloading(void);
// Stopping, and how long it may take.
void notice_stopping(double seconds);
// One line: "3 batches, 2 running, compress 41 %"; sent when it changed.
void notice_status(struct service *service);
// The line itself.  Gives a string.
char *notice_line(const struct service *service);

#endif
