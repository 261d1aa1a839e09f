// Is there room for new work?
#ifndef CLIPSPOOL_SPACE_H
#define CLIPSPOOL_SPACE_H

#include "base/err.h"

// The share of a file system's blocks or inodes, whichever is scarcer, that is free for us, in
// percent.  A file system that counts neither has 100.
int space_free_percent(int dirfd, double *ret_percent, struct err *err);

#endif
