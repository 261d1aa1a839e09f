// The sound of the whole reel, from the originals to coded packets: once, so that it has no seams
// and no drift.  Private to src/media.
#ifndef CLIPSPOOL_DUB_H
#define CLIPSPOOL_DUB_H

#include "media/cuts.h"

struct dub {
    bool has_sound;                // some source gave some; else the reel has no sound track
    struct parcel parcel;          // pts in samples
    AVCodecParameters *parameters; // owned; set where has_sound
};

// Measures the loudness of what is used of each source, then reads, levels, fades, limits and
// encodes the sound of all cuts where they lie now.  Sound that cannot be decoded is silence, with
// a warning (`is_first`: say so; a second run for the same reel need not).  Fills the blank
// *ret_dub (dub_release).  *done counts from 0 to 1.
int dub_make(const struct cuts *cuts, struct shelf *shelf, bool is_first, _Atomic double *done,
             struct dub *ret_dub, struct err *err);
void dub_release(struct dub *dub);

#endif
