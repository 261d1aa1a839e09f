// What the file system under a folder can do, found out by doing it.
#ifndef CLIPSPOOL_ABILITY_H
#define CLIPSPOOL_ABILITY_H

#include "base/err.h"

enum ability_kind {
    ABILITY_SAFE_RENAME, // an existing name is never replaced by accident
    ABILITY_HARD_LINK,
    ABILITY_CLONE,    // copies that share their blocks
    ABILITY_NAMELESS, // O_TMPFILE
    ABILITY_LEASE,    // tells whether another process here has a file open for writing
    ABILITY_NOTIFY,   // tells about new files at once
    ABILITY_COUNT
};

struct ability {
    const char *name;
    const char *without; // what clipspool does where it is missing; NULL: cannot work
};
extern const struct ability ability_info[ABILITY_COUNT];

// Tries everything inside a hidden folder that is made in `dir` and removed again.  Returns 0 and
// fills ret_can[ABILITY_COUNT]; or a negative if nothing can be written there.
int ability_test(int dir, bool *ret_can, struct err *err);

// "ext4", "nfs", "type 0x1234" of the file system `dir` lies on.  Gives a string.
char *ability_file_system(int dir);

#endif
