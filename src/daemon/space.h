// Is there room for a new batch?
#ifndef CLIPSPOOL_SPACE_H
#define CLIPSPOOL_SPACE_H

#include "base/err.h"

struct space {                        // of a file system, for us
    uint64_t total_bytes, free_bytes; // total 0: it does not count them
    double free_inodes_percent;       // 100 where it does not count them
};

// Returns 0 or a negative.
int space_look(int dirfd, struct space *ret_space, struct err *err);

struct space_wish {
    double min_percent;     // of blocks and of inodes, that must be free
    double min_batches;     // and as often as this the largest batch
    uint64_t largest_bytes; // of those that run and the one that is to be taken
    uint64_t held_bytes;    // what those that run are expected to write still
};

// NULL if a batch may be taken, else why not, in words that follow nothing.  Gives a string.
char *space_lack(const struct space *space, const struct space_wish *wish);

// ---- what is kept for telling people

#define SPACE_RESERVE ".reserve"

// Sets a few MB aside in a file of that folder, for whoever has to write when the disk is full.
// Nothing where only a little is free, where that cannot be done, or where it has been.
void space_keep(int dirfd);
// Gives them back to the disk.  Returns whether there were any.
bool space_give(int dirfd);

#endif
