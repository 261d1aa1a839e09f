// Is a video file as long as it says it is?
//
// Most containers say at their beginning how long they are, or keep at their end what nothing can
// be done without.  A copy that was cut off is shorter than that; and players, libav among them,
// take half of a file whose index comes first for the whole.  So the lengths are read and added up:
// a few bytes at a time, nothing is decoded, no more than WHOLE_MAX_PARTS places are looked at.
//
// It knows MP4 and its relatives (QuickTime, 3GP), Matroska and WebM, and AVI.  Of others, as of
// recordings that were made to be cut off anywhere (MPEG transport streams), it only sees when
// their end was never written: a mebibyte of zeros, or nothing at all.
#ifndef CLIPSPOOL_WHOLE_H
#define CLIPSPOOL_WHOLE_H

#include "base/base.h"

enum {
    WHOLE_MAX_PARTS = 1024,    // a longer one (fragments) is believed; bounds what a look costs
    WHOLE_ZERO_TAIL = 1 << 20, // silence that is stored as it is comes to less in a row
};

// Looks at the regular file open as fd, of `size_bytes`.  Returns NULL if nothing speaks against
// it, else why it is not whole, as words that follow its name: "is cut off: it has 12.8 MB of at
// least 100 MB".  Where it cannot be read nothing speaks against it: that is for its reader to
// tell.  Gives a string.
char *whole_doubt(int fd, uint64_t size_bytes);

#endif
