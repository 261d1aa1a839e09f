// Which coded pictures a copied run may start at, told from the packets without decoding.
//
// A demuxer's key frame flag is not enough: it marks open groups of pictures too, whose first
// pictures in order of presentation refer to what lies before, and files without an index of key
// frames have it on every packet.  So the coded picture itself is asked: its first slice (H.264,
// HEVC), frame header (VP8, VP9) or OBU (AV1).  Private to src/media: it speaks libav.
#ifndef CLIPSPOOL_KEYFRAMES_H
#define CLIPSPOOL_KEYFRAMES_H

#include "media/nal.h"
#include "spool/probe.h"
#include <libavcodec/avcodec.h>

enum keyframes_kind {
    KEYFRAMES_NONE, // refers to others, or cannot be told, or the codec's pictures are not copied
    KEYFRAMES_LEADING, // likewise, and is shown before the key frame it follows (HEVC RASL)
    KEYFRAMES_CLOSED,  // nothing after it refers to anything before it
    KEYFRAMES_OPEN,    // HEVC CRA, BLA: so it is once its leading pictures are left out
};

struct keyframes {
    enum AVCodecID codec;
    struct nal_stream units; // H.264 and HEVC
};

// Borrows the stream's parameters.
void keyframes_init(struct keyframes *keyframes, const AVCodecParameters *parameters);

// What one packet, which holds one coded picture, is.  Any bytes will do.
enum keyframes_kind keyframes_look(const struct keyframes *keyframes, const uint8_t *data,
                                   size_t size);

struct keyframes_picture { // as its packet tells
    double pts, dts;       // seconds from second 0 on; NAN: not there
    enum keyframes_kind kind;
};

// Fills the key frames of the probe, whose codec and frames are known, from all its pictures in
// order of decoding.  One that is followed by a picture shown before it is none, whatever it says;
// of more than PROBE_MAX_KEY_FRAMES those are left out that lie close to others.
void keyframes_note(const struct keyframes_picture *pictures, size_t count, struct probe *probe);

#endif
