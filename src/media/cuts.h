// Where each segment lies in the reel, and how its pictures get there.  Private to src/media.
//
// A cut is a segment of the plan; a strip is a stretch of its frames that is copied or encoded as
// one.
#ifndef CLIPSPOOL_CUTS_H
#define CLIPSPOOL_CUTS_H

#include "media/footage.h"
#include "media/runs.h"
#include "media/scan.h"
#include "media/shelf.h"
#include "media/timeline.h"

struct cut {
    const struct plan_segment *segment;
    struct timeline_segment place;
    struct scan scan; // where its source is copied from
    double origin;    // source second of frame 0; NAN: as the timeline has it
};

struct strip {
    size_t cut;
    struct run run;
    // Of an encoded one:
    struct parcel parcel;
    bool is_made;
};

struct cuts {
    struct footage *footage; // kept
    bool copies;             // some source is copied from
    struct format format;    // of the reel, where it copies
    struct look look;
    struct timeline timeline;
    struct cut *cuts;
    struct strip *strips; // in the order of the reel
    size_t cut_count, strip_count, strip_capacity;
    int64_t copied, encoded; // frames
};

// Lays the plan out.  `copy`: try to copy; then the format is that of the most seconds that is
// neither smaller nor slower than the look of most seconds.  Where nothing worth it can be copied,
// or what cannot be holds more seconds, *ret_why (400 bytes) says of most seconds why and the
// layout encodes all.
int cuts_lay(struct footage *footage, bool copy, struct cuts *ret_cuts, char *ret_why,
             struct err *err);
void cuts_release(struct cuts *cuts);

// True if the pictures of the source go into the reel as they are coded, copied or encoded.
bool cuts_keep_format(const struct cuts *cuts, int index);
// Source second shown by a frame of a cut.
double cuts_instant(const struct cuts *cuts, const struct cut *cut, int64_t frame);
// Where a decoder begins for it: the same, but not before the segment.
double cuts_begin(const struct cuts *cuts, const struct cut *cut, int64_t frame);

// True if a strip turned out shorter than planned.  All are encoded by then.
bool cuts_are_short(const struct cuts *cuts);
// Brings everything behind strips that turned out shorter forward.  Returns true if anything
// moved.  Cuts without any frame left are dropped from the reel.
bool cuts_close_up(struct cuts *cuts);

int64_t cuts_frames(const struct cuts *cuts); // of the whole reel
// What a decoded picture of the reel takes in memory, about.
double cuts_picture_bytes(const struct cuts *cuts);

#endif
