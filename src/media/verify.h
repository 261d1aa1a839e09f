// The finished file held against what went into it.  Private to src/media.
//
// Read back as any player would: every picture is there, in its place, byte for byte what was put
// in; around every joint the pictures decode without a word from the decoder; the sound begins and
// ends with the picture.
#ifndef CLIPSPOOL_VERIFY_H
#define CLIPSPOOL_VERIFY_H

#include "media/join.h"

// Returns 1 if the file stands, 0 if not, with a clause in ret_why (200 bytes), or a negative for
// trouble. Joints are decoded side by side by `workers`.
int verify_reel(const struct cuts *cuts, const struct join *join, bool has_sound, int fd,
                unsigned workers, char *ret_why, struct err *err);

#endif
