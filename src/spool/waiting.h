// What waits in incoming although nothing of it arrives any more, and why: a page in the outbox,
// for those who see the spool with a file manager only.
//
//   trip
//       clip.mp4 is cut off: it has 1.2 MB of at least 3.4 MB
//
// It is there as long as anything waits.
#ifndef CLIPSPOOL_WAITING_H
#define CLIPSPOOL_WAITING_H

#include "base/err.h"

#define WAITING_PAGE "waiting.txt"

struct waiting {
    char *rows;   // found since waiting_clear; NULL: none
    char *told;   // what the page says; NULL: not known, or that there is none
    size_t count; // of rows
    bool is_told;
};
#define WAITING_INIT     \
    {                    \
        .is_told = false \
    }
void waiting_release(struct waiting *waiting);

// Forgets the rows.
void waiting_clear(struct waiting *waiting);

// One more: the name in incoming (any bytes), and why it waits, in one line of words fit to be
// shown.  Of very many only how many there are is kept.
void waiting_add(struct waiting *waiting, const char *name, const char *why);

// Makes the page what the rows say, or removes it where there are none.  Does nothing where it says
// so already.  Not synced: a start says it anew.
int waiting_tell(struct waiting *waiting, int outbox, struct err *err);

// What the page says of a name.  Gives a string, or NULL.
char *waiting_find(int outbox, const char *name);

#endif
