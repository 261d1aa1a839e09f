// A folder of a test's own under /tmp, and a few short ways to look into it.
#ifndef CLIPSPOOL_TESTS_FOLDER_H
#define CLIPSPOOL_TESTS_FOLDER_H

#include "base/base.h"

struct folder {
    char path[64];
    int fd;
};

// Makes it; fails the test where that cannot be.
void folder_make(struct folder *folder);

// The same in memory where there is such a file system: for tests that sync thousands of times.
void folder_make_in_memory(struct folder *folder);

// Removes it with all that is in it.  A failed test does not come here: its folder stays to be
// looked at.
void folder_remove(struct folder *folder);

// Puts a file there without any care for durability.  `name` may have components that exist.
void folder_put(const struct folder *folder, const char *name, const char *text);

// The contents of a file, or NULL if there is none.  Gives a string.
char *folder_get(const struct folder *folder, const char *name);

// The names in the folder, or in a folder in it, sorted by byte and joined by a space.  Gives a
// string.
char *folder_names(const struct folder *folder, const char *inner);

#endif
