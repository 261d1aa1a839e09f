// A stage closes itself in before it looks at what strangers gave it: what takes it over through a
// hole in a decoder finds no files but its batch's, no sockets, no programs to start.
//
// Two walls of the kernel, neither of which needs rights to be put up, and neither of which can be
// taken down again: Landlock for files (since Linux 5.13; it is left out where the kernel does not
// have it), and a seccomp filter that knows the system calls that stages make and refuses all
// others.  Descriptors that are open already stay as they are.
//
// Builds for the address and thread sanitizers do without the filter, for their run-time libraries
// make calls of their own.
#ifndef CLIPSPOOL_SANDBOX_H
#define CLIPSPOOL_SANDBOX_H

#include "base/landlock.h"

struct sandbox_rules {
    const struct reach_place *places; // besides libraries, devices and, with network, names
    size_t count;
    bool network; // connections to others may be made; none are ever taken
};

// Puts up the walls around this process and the threads it will have; borrows the rules.  The
// process must have one thread.  Returns 0, or a negative with ERR_SYSTEM "no_sandbox": what could
// be put up stays, and the process had better end.
int sandbox_enter(const struct sandbox_rules *rules, struct err *err);

// Whether this build filters system calls.
bool sandbox_filters(void);

#endif
