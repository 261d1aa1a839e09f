// What speaks against taking a tree that has been quiet: a file that some program still writes,
// that was cut off, or that has a gap.
#ifndef CLIPSPOOL_DOUBT_H
#define CLIPSPOOL_DOUBT_H

#include "spool/settings.h"

// The later the worse.
enum doubt_kind {
    DOUBT_NONE,
    DOUBT_GAP,     // a hole in the middle: a copy that came in pieces, or a sparse file
    DOUBT_CUT_OFF, // ends in a hole, is shorter than it says it is (spool/whole.h), or is a source
                   // and empty
    DOUBT_OPEN,    // some program has it open, or mapped, for writing
};
struct doubt {
    enum doubt_kind kind; // the worst, of the first file that has it
    char *path;           // of that file, from the top; its own name if it is the top
    char *why;            // words that follow it: "is still open for writing in another program"
};
#define DOUBT_INIT                     \
    {                                  \
        .kind = DOUBT_NONE, NULL, NULL \
    }
void doubt_release(struct doubt *doubt);

// Looks at all files of dirfd/name that count, at most max_entries; what cannot be opened is in
// nobody's doubt.  A writer is seen by a read lease: not where leases cannot be had (files of
// others without CAP_LEASE, file systems of other machines).
void doubt_look(int dirfd, const char *name, size_t max_entries, struct doubt *doubt);

// True if it is certain that no program has the file, open for reading as fd, open for writing.
bool doubt_nobody_writes(int fd);

// Of one regular file that is open for reading; its names stay as they are.  Fills kind and why.
void doubt_file(int fd, uint64_t size_bytes, struct doubt *doubt);

#endif
