// Being asked to end, for programs that have something to make safe first.
#ifndef CLIPSPOOL_STOP_H
#define CLIPSPOOL_STOP_H

#include "base/err.h"

// SIGTERM and SIGINT become readable at a descriptor (struct http_rules' stop_fd) instead of ending
// the process.  Returns the descriptor or a negative.
int stop_catch(struct err *err);

// Makes the end that the signal would have made, which is what the supervisor expects; returns if
// none came.
void stop_end(int fd);

#endif
