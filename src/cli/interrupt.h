// Ctrl-C as an event among others, so that what was begun can be taken back.
#ifndef CLIPSPOOL_INTERRUPT_H
#define CLIPSPOOL_INTERRUPT_H

#include "base/err.h"

// Blocks SIGINT, SIGTERM and SIGHUP.  Returns a descriptor that becomes readable when one arrives;
// -1 if the system has none left, and then the signals end the program as ever.
int interrupt_open(void);

// The signal that arrived, or 0.  Does not wait.
int interrupt_taken(int fd);

#endif
