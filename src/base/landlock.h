// The files that a process may reach, by Landlock (Linux 5.13 and later): its system calls, for
// which there is no library.  Once restricted, nothing gives back what was given up; descriptors
// that are open already stay as they are.
#ifndef CLIPSPOOL_LANDLOCK_H
#define CLIPSPOOL_LANDLOCK_H

#include "base/err.h"

enum reach {
    REACH_LIST, // folders may be opened and listed, but no file read
    REACH_READ,
    REACH_WRITE,  // and read, remove, rename, make files, folders and symbolic links
    REACH_DEVICE, // read and written, with its own requests
};

// A folder with all below it, or a file.
struct reach_place {
    const char *path; // NULL: `fd`.  What is not there needs no permission
    int fd;
    enum reach reach;
};

// The version of the kernel's Landlock; 0 if it has none, or a filter of system calls hides it.
int landlock_version(void);

// Restricts this process, and the threads it will have, to the places: lists of them, ends with
// NULL.  The process must have given up gaining rights (PR_SET_NO_NEW_PRIVS).  Below version 2,
// which cannot let a file be linked into another folder, nothing is done.  Returns 0, or a negative
// with ERR_SYSTEM "no_landlock".
struct reach_list {
    const struct reach_place *places;
    size_t count;
};
int landlock_restrict(const struct reach_list *lists, size_t count, struct err *err);

#endif
