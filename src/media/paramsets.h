// Parameter sets of H.264 and HEVC side by side in one track.
//
// A reel joins pictures of several encoders: the sources' and ours.  Each comes with parameter sets
// under ids of its own choosing, mostly 0.  One sample entry can hold them all if their ids differ,
// and then nothing has to be sent in band and nothing has to be decided at a joint.  So the ids of
// a set, and the PPS id in each slice that refers to it, are changed where they collide.
//
// The trick that makes this cheap: an Exp-Golomb code (H.264 9.1) of k leading zeros is 2k+1 bits
// long; the new PPS id is chosen among those whose code has four more leading zeros and so is
// exactly eight bits longer. Then everything after it in the slice moves by one whole byte and
// keeps its alignment, so neither the rest of the slice header nor the slice data has to be
// understood:
//
//   slice header   first_mb type |1|frame_num ...          pps id 0
//   becomes        first_mb type |000010000|frame_num ...  pps id 15
//
// Private to src/media; pure functions on bytes, which are hostile.
#ifndef CLIPSPOOL_PARAMSETS_H
#define CLIPSPOOL_PARAMSETS_H

#include "base/err.h"
#include "media/nal.h"

enum {
    PARAMSETS_MAX = 16,         // of each kind in one group
    PARAMSETS_MAX_BYTES = 4096, // of one set
};

struct paramset {
    int type;      // nal_unit_type
    int id;        // its own
    int parent_id; // the SPS of a PPS, the VPS of a SPS; -1: none
    uint8_t *data; // the unit with its header, escaped; owned
    size_t size;
};

// The sets that come with the pictures of one encoder.
struct paramsets {
    struct nal_stream stream; // how units lie in the packets that belong to it
    struct paramset sets[3 * PARAMSETS_MAX];
    size_t count;
    // From a PPS id as coded to the one in the track; -1: no such set.  Filled by
    // paramsets_unite.
    int16_t pps_id[256];
    bool renamed; // some id differs from what is coded
};

// Reads what stands in a decoder configuration (avcC, hvcC: ISO 14496-15 5.3.3.1, 8.3.3.1) or,
// where it begins with a start code, Annex B.  -EINVAL if it is neither, holds no SPS or no PPS, or
// is beyond the limits.
int paramsets_parse(enum nal_codec codec, const uint8_t *extradata, size_t size,
                    struct paramsets *ret_sets);
void paramsets_release(struct paramsets *sets);

// The same sets byte for byte, under whatever ids: pictures of both can share one copy.
bool paramsets_equal(const struct paramsets *a, const struct paramsets *b);

// Gives each group ids that differ from those of all others; the first keeps its own.  -ENOSPC if
// the ids do not suffice (H.264: 32 SPS, 256 PPS; HEVC: 16 VPS, 16 SPS, 64 PPS): then fewer groups
// can be joined.
int paramsets_unite(struct paramsets *const *groups, size_t count);

// The decoder configuration that lists all groups (united before): avcC or hvcC with four-byte
// lengths; profile, compatibility and level cover all of them.  Gives *ret_data (av_malloc'ed,
// AV_INPUT_BUFFER_PADDING_SIZE zeroed behind it).
int paramsets_configuration(const struct paramsets *const *groups, size_t count, uint8_t **ret_data,
                            size_t *ret_size);

// A coded picture of the group as it goes into the track: units with four-byte lengths; parameter
// sets, access unit delimiters, end-of-sequence, end-of-stream and filler units left out, Dolby
// Vision units (HEVC 62, 63) left out; slices refer to the new PPS ids.  Where ids changed, SEI
// units that begin with a buffering period (they name an SPS) are left out.  `as_bla`: HEVC CRA
// slices become BLA_W_RADL (17), for a run that begins with an open sync picture whose RASL
// pictures were left behind. In-band parameter sets must equal those of the group, else -ESTALE:
// the stream changed on the way and must not be copied.  -EINVAL for bytes that are no units.  The
// output never grows beyond size + 64 bytes a unit (and 4/length_size). *ret_data: NULL if `data`
// can be used as it is; else gives an av_malloc'ed, padded buffer.
int paramsets_translate(const struct paramsets *group, const uint8_t *data, size_t size,
                        bool as_bla, uint8_t **ret_data, size_t *ret_size);

#endif
