// The key frames of a source, as the planner sees them: places where a copy may begin.
//
// A segment that starts on one is copied from its first picture on; one that starts between two has
// its head encoded anew.  So a start is moved to a key frame where one is near, but never for its
// sake over a cut or into words (snap.h).
#ifndef CLIPSPOOL_KEYS_H
#define CLIPSPOOL_KEYS_H

#include <stdbool.h>
#include <stddef.h>

struct keys {
    const double *times; // seconds, ascending, as probed; borrowed
    size_t count;
    bool all;     // every picture is one; then they are not listed
    double reach; // seconds that a start may move to one; 0: starts are chosen without regard to
                  // key frames
};

// The key frame nearest to `time` and at most `within` away, or NAN.  `time` itself where every
// picture is one.
double keys_near(const struct keys *keys, double time, double within);

// The place of the first key frame whose time is not below `time` (keys->count if there is none).
size_t keys_from(const struct keys *keys, double time);

#endif
