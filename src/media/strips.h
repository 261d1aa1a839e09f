// Encoding one stretch of the reel.  Private to src/media.
#ifndef CLIPSPOOL_STRIPS_H
#define CLIPSPOOL_STRIPS_H

#include "media/cuts.h"
#include "media/lanes.h"

#define STRIPS_USUAL_ENCODER "libx264"

struct strips_wish {
    const char *encoder; // libav's name, NULL: the usual; not used beside copies, which know theirs
    struct reel_quality quality;
    int threads;                  // of each coder and decoder
    struct shelf *shelf;          // kept by the parcels
    _Atomic int64_t *frames_done; // counted up
};

// The encoder that all strips share in kind: of the format where the reel copies, else of its look.
struct coder_wish strips_coder(const struct cuts *cuts, const struct strips_wish *wish);

// What strips_make holds at most: a coder's pictures of the reel and a decoder's of the source
// whose pictures are the largest.
struct lanes_load strips_load(const struct cuts *cuts, const struct strips_wish *wish);

// Encodes the frames of the strip into its parcel; packets are numbered by frame of the cut.  Fewer
// frames come where the source ends or cannot be decoded on; that is warned of, but where the reel
// copies it is ERR_INPUT. Called from several threads, each with a strip of its own.  Fills
// *ret_parameters (allocated by the caller): the track that results.
int strips_make(const struct cuts *cuts, struct strip *strip, const struct strips_wish *wish,
                AVCodecParameters *ret_parameters, struct err *err);

#endif
