// Pictures of VP9 and AV1 side by side in one track.  Private to src/media.
//
// They have no parameter sets beside them: key frames bring along what a decoder must know.  The
// track says of all pictures what has to be true of each, and that is held against each packet.
#ifndef CLIPSPOOL_WEBTRACK_H
#define CLIPSPOOL_WEBTRACK_H

#include "media/nal.h"
#include "media/obu.h"

struct webtrack {
    enum nal_codec codec;         // NAL_VP9 or NAL_AV1
    int width, height;            // of every picture
    struct obu_sequence sequence; // of AV1, the highest level; where has_sequence
    bool has_sequence;
};

// True for the codecs that go into such a track.
bool webtrack_is_for(enum nal_codec codec);

// Takes in pictures that come with this extradata.  -EINVAL if they cannot stand beside those
// before.
int webtrack_add(struct webtrack *track, const uint8_t *extradata, size_t size);

// What the muxer makes the sample entry of: av1C (AV1 in ISOBMFF 2.3.3) without units; of VP9,
// which it describes by itself, nothing.  Gives *ret_data (av_malloc'ed, padded) or NULL.
int webtrack_configuration(const struct webtrack *track, uint8_t **ret_data, size_t *ret_size);

// A packet as it goes into the track.  *ret_data: NULL if `data` can be used as it is; else gives
// an av_malloc'ed, padded buffer.  -ESTALE if it is not what the track says, -EINVAL if it is
// damaged.
int webtrack_translate(const struct webtrack *track, const uint8_t *data, size_t size,
                       uint8_t **ret_data, size_t *ret_size);

#endif
