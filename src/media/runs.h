// Which of a segment's pictures can be copied: plain arithmetic on what was read of the coded
// pictures, no libav.
//
// A run of copied packets begins at a sync picture and is a prefix, in decoding order, of what
// follows; it may only end where the pictures in it are exactly those shown without a gap from the
// sync picture on.  What is left before (the head) and behind (the tail, at most as many pictures
// as the coder reorders) is encoded.
//
//   shown     0   1   2   3   4   5   6   7   8   9  10  11 | end
//             head ------>K   b   b   P   b   b   P   b | P
//   coded               K(4) P(7) b(5) b(6) P(10) b(8) b(9) P(13) b(11) ...
//                       copied: up to b(9), pictures 4 to 10; then 11 is the tail
#ifndef CLIPSPOOL_RUNS_H
#define CLIPSPOOL_RUNS_H

#include "media/nal.h"

struct coded_picture {
    double time; // seconds of the source
    enum nal_picture kind;
};

struct runs_wish {
    double start, end; // of the segment, seconds of the source
    int64_t frames;    // of the segment in the reel
    double frame;      // of the reel, seconds
};

struct run {
    bool is_copied;
    int64_t first, count; // frames of the segment
    size_t from, to;      // of a copied one: packets in decoding order
    bool is_open;         // its sync picture is NAL_SYNC_OPEN; leading pictures are left out
};

// Several sync pictures are tried only behind gaps; a segment with more holes than this is encoded.
enum { RUNS_MAX = 9 };

// Splits the frames [0, wish->frames) into runs.  `pictures`: in decoding order from a sync picture
// at or before the segment on to behind its end.  *ret_origin is the time of frame 0, NAN if there
// is no picture to begin with; then nothing can be copied.  Pictures whose times stray from the
// grid of frames by more than 0.4 of one are not copied: the rate differs or varies.  Each frame of
// a copied run has one picture.  Returns the number of runs, at least 1 for frames > 0.
size_t runs_find(const struct coded_picture *pictures, size_t count, const struct runs_wish *wish,
                 struct run *ret_runs, double *ret_origin);

// True if packet i of the run is to be copied: what is shown before the start is not (the leading
// pictures of an open one).
bool runs_keeps(const struct coded_picture *pictures, const struct run *run, size_t i);

#endif
