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

void dub_init(struct dub *dub, struct shelf *shelf);

// Measures the loudness of what is used of each source, then reads, levels, fades, limits and
// encodes the sound of all cuts where they lie now.  Sound that cannot be decoded is silence, with
// a warning (`is_first`: say so; a second run for the same reel need not).  Fills *dub
// (fresh from dub_init; dub_release), whose parcel another thread may unpack meanwhile: once it
// holds a packet, or has ended, the rest of *dub is as it will be.  It ends whatever happens.
// *done counts from 0 to 1.
int dub_make(const struct cuts *cuts, bool is_first, _Atomic double *done, struct dub *dub,
             struct err *err);
void dub_release(struct dub *dub);

#endif
