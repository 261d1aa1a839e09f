// Can what was dropped under a source's name be used?  Only a regular file of its own that may be
// read, is not empty, not too large, and all there; everything else is told in words.
#ifndef CLIPSPOOL_DROPPED_H
#define CLIPSPOOL_DROPPED_H

#include "spool/tree.h"

struct dropped_rules {
    bool accept_links;  // links, symbolic and hard, are as good as what they name
    bool is_ready;      // its owner says that all is there, whatever it looks like
    uint64_t max_bytes; // the largest that is taken
};

// Looks at an entry of a walk.  Sets error (ERR_INPUT, with one of the ids of batch.h and a hint)
// if it cannot be used; its text is to follow the name.  Fills *ret_stat: of what a link names,
// where that is accepted.  If only the machine is in the way now (err_is_passing),
// error is ERR_IO or ERR_SYSTEM, and says nothing about the entry.
void dropped_check(const struct dropped_rules *rules, const struct tree_entry *entry,
                   struct stat *ret_stat, struct err *error);

#endif
