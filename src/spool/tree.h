// One careful walk over what somebody dropped: bounded, never through a symbolic link, never onto
// another file system, never waiting for a FIFO.
#ifndef CLIPSPOOL_TREE_H
#define CLIPSPOOL_TREE_H

#include "base/err.h"
#include <sys/stat.h>

enum { TREE_MAX_DEPTH = 8 }; // folders in folders; cameras nest three

struct tree_entry {
    int dirfd;               // of the folder that holds it
    const char *name;        // in that folder
    const char *path;        // from the top; that of the top itself is ""
    const struct stat *stat; // of itself, not of what a link points to
    int trouble;             // 0, or -errno: why this folder could not be listed
};

// Called for each entry before those inside it, folders in natural order, and once more with
// `trouble` set for a folder that cannot be listed.  All is borrowed.  Returns 0 to go on,
// TREE_SKIP to stay out of this folder, or a negative that ends the walk.
enum { TREE_SKIP = 1 };
typedef int tree_visit(void *context, const struct tree_entry *entry);

// Walks dirfd/name, which may be a file.  Entries that vanish meanwhile are left out.  Returns 0,
// TREE_TOO_MANY for more than max_entries below the top, TREE_TOO_DEEP (both end the walk, err is
// not set), -ENOENT (not set either) if there is no such name, or another negative.
enum { TREE_TOO_MANY = 1, TREE_TOO_DEEP = 2 };
int tree_walk(int dirfd, const char *name, size_t max_entries, tree_visit *visit, void *context,
              struct err *err);

// A number that changes when a name, inode, size or time in the tree changes.  Housekeeping files
// (incoming_name) do not count, and so neither do the times of folders, which they change.
enum tree_sign_flags {
    TREE_SIGN_MOVED = 1 << 0 // leave out what a rename of the top itself changes
};
// Returns as tree_walk.
int tree_signature(int dirfd, const char *name, size_t max_entries, enum tree_sign_flags flags,
                   uint64_t *ret_signature, struct err *err);

// Takes one entry into a running signature, for those who walk for other reasons too.
#define TREE_SIGNATURE_START UINT64_C(0xcbf29ce484222325)
uint64_t tree_sign(uint64_t signature, const struct tree_entry *entry, enum tree_sign_flags flags);

#endif
