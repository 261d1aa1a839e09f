// A folder of things that are kept because they may be of use again: what has gone unused for long,
// or is too much, goes, the longest unused first.
//
// An entry is a file, or a folder of files, that appears by one rename and is never changed; its
// time says when it was last of use.
#ifndef CLIPSPOOL_HOARD_H
#define CLIPSPOOL_HOARD_H

#include "base/err.h"
#include <time.h>

// What a name in the folder stands for.
enum hoard_kind {
    HOARD_KEPT,
    HOARD_LEFT,    // being made, or left by a crash if it has been for minutes
    HOARD_FOREIGN, // not to be touched
};

struct hoard_rules {
    uint64_t bytes; // of all entries together; or what is still free, if that is less: a disk that
                    // fills up is not the hoard's
    double days;    // unused; 0: no limit
    const char *spared; // an entry that stays whatever it is, as it has just been kept; or NULL
    enum hoard_kind (*kind)(const char *name);
};

// Removes what is due.  Returns how many entries, or a negative: there is one that cannot be
// removed, and all others went.
int hoard_expire(int folder, const struct hoard_rules *rules, time_t now, struct err *err);

// Removes an entry so that nobody finds half of it.  What is not there is success.
int hoard_remove(int folder, const char *name, struct err *err);

// It is of use at this moment.
void hoard_use(int folder, const char *name);

#endif
