// Packets of AV1 (AV1 Bitstream & Decoding Process Specification 5.3, 5.5, 5.9): open bitstream
// units, of which those of one picture that is shown make a packet, a temporal unit.  And what a
// track says of them once (AV1 Codec ISO Media File Format Binding 2.3).
//
// A picture needs the sequence header that came last.  Key frames bring theirs along, in the
// packet; so pictures of several encoders stand in one track if what the track says of all is true
// of each: profile, depth, samples, size.  Private to src/media; pure functions on bytes, which are
// hostile.
#ifndef CLIPSPOOL_OBU_H
#define CLIPSPOOL_OBU_H

#include "base/base.h"

// Of a sequence header.
struct obu_sequence {
    uint8_t track[4];  // the first bytes of av1C that describe it
    int width, height; // the largest pictures
};

struct obu_packet {
    int shown;    // pictures that are shown; one in a packet that is whole
    bool is_key;  // the first of them is a key frame, shown at once, and the sequence header is
                  // there: nothing after it looks behind it
    bool is_bare; // holds nothing that a track leaves out (obu_strip)
    bool has_sequence;
    struct obu_sequence sequence; // where there is one
};

// -EINVAL for what is no units, a damaged header, still pictures and layers.
int obu_read(const uint8_t *data, size_t size, struct obu_packet *ret_packet);

// Reads the first sequence header of extradata, av1C or units.  -EINVAL if there is none.
int obu_extradata(const uint8_t *data, size_t size, struct obu_sequence *ret_sequence);

// Two sequences can stand in one track: all but the level and the place of chroma samples is the
// same.
bool obu_agree(const struct obu_sequence *a, const struct obu_sequence *b);

// Copies what goes into a track: without temporal delimiters, padding, redundant headers and tile
// lists.  `to` has room for size bytes.  Returns the number of bytes; 0 if the bytes are no units.
size_t obu_strip(const uint8_t *data, size_t size, uint8_t *to);

#endif
