// Which start of the machine this is: what was written since then is there to be read back, whether
// synced or not; what was written before may have been lost with the power.
#ifndef CLIPSPOOL_BOOT_H
#define CLIPSPOOL_BOOT_H

#include "base/base.h"

enum { BOOT_ID_SIZE = 40 };

// The kernel's name of this start, or, where /proc does not show it (ProcSubset=pid), what systemd
// says in CLIPSPOOL_BOOT_ID (Environment= and %b in the unit).  `buffer` has BOOT_ID_SIZE bytes.
// Returns buffer, "" if neither is there: then no two moments are known to be of one start.
char *boot_id(char *buffer);

// True if both are names and the same.
bool boot_is_same(const char *a, const char *b);

#endif
