// How much is done side by side: as much as there are processors for, and as the pictures held in
// memory allow.  Plain arithmetic.
//
// A lane decodes or encodes one stretch after the other.  Lanes use processors best, for in a lane
// decoding, filtering and encoding wait for each other; but each holds pictures of its own.  Where
// they do not all fit, a lane gets more threads instead, which costs less.
#ifndef CLIPSPOOL_LANES_H
#define CLIPSPOOL_LANES_H

#include "base/base.h"

// What a lane holds at most, in bytes.
struct lanes_load {
    double bytes; // with one thread
    double more;  // with each thread more
};

struct lanes_wish {
    unsigned processors;
    size_t stretches; // that there are
    struct lanes_load load;
};

struct lanes {
    unsigned count;   // at least 1
    unsigned threads; // of each
};

// All lanes together stay within 256 MB, so that a stage stays within 300, unless one lane with two
// threads is too much: less than that would leave processors idle and save little.
struct lanes lanes_choose(const struct lanes_wish *wish);

#endif
