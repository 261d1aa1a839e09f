// Parameter sets of H.264 and HEVC side by side in one track.
//
// A reel joins pictures of several encoders: the sources' and ours.  Each comes with parameter sets
// under ids of its own choosing, mostly 0.  One sample entry can hold them all if their ids differ,
// and then nothing has to be sent in band and nothing has to be decided at a joint.  So the ids of
// a set, and the PPS id in each slice that refers to it, are changed where they collide.
//
// The trick that makes this cheap: an Exp-Golomb code (H.264 9.1) of k leading zeros is 2k+1 bits
// long; the new PPS id is chosen among those whose code is as long, or longer or shorter by whole
// bytes (k differs by a multiple of four).  Then everything after it in the slice moves by whole
// bytes and keeps its alignment, so neither the rest of the slice header nor the slice data has to
// be understood:
//
//   slice header   first_mb type |1|frame_num ...          pps id 0
//   becomes        first_mb type |000010000|frame_num ...  pps id 15
//
// Emulation prevention looks back two bytes only: from the first byte after the id that is not zero
// the unit stands as before and is copied as it is.
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
    int id;        // its own as coded; of a SPS extension: of the SPS it extends
    int parent_id; // as coded: the SPS of a PPS, the VPS of a HEVC SPS; -1: none
    int track_id;  // its own in the track: paramsets_unite
    uint8_t *data; // the unit as coded, with its header, escaped; owned
    size_t size;
};

// The sets that come with the pictures of one encoder.
struct paramsets {
    struct nal_stream stream; // how units lie in the packets that belong to it
    struct paramset sets[3 * PARAMSETS_MAX];
    size_t count;
    int16_t pps_id[256]; // from a PPS id as coded to the one in the track; -1: no such set
    bool renamed;        // some id differs from what is coded
};

// Nothing read yet.
#define PARAMSETS_INIT \
    {                  \
        .count = 0     \
    }

// Reads what stands in a decoder configuration (avcC, hvcC: ISO 14496-15 5.3.3.1, 8.3.3.1) or,
// where it begins with a start code, Annex B.  Every id is as coded until paramsets_unite.  Units
// of other kinds and layers are passed over, a set that stands twice counts once.  -EINVAL if it is
// neither, holds no SPS or no PPS (or no VPS), two different sets of one id or a set whose parent
// is missing, or is beyond the limits; then ret_sets holds nothing.
int paramsets_parse(enum nal_codec codec, const uint8_t *extradata, size_t size,
                    struct paramsets *ret_sets);
void paramsets_release(struct paramsets *sets);

// The same sets byte for byte as coded, in whatever order and however their packets are cut into
// units: pictures of both can share one copy.
bool paramsets_equal(const struct paramsets *a, const struct paramsets *b);

// Gives each group of one codec ids that differ from those of all others; the first keeps its own.
// Groups that are equal are not told apart: ask paramsets_equal first and unite one of them.
// -ENOSPC if the ids do not suffice (H.264: 31 SPS in an avcC, 256 PPS; HEVC: 16 VPS, 16 SPS, 64
// PPS; a PPS has the ids only whose code is as long up to whole bytes): then fewer groups can be
// joined, and those given are as if each stood alone.
int paramsets_unite(struct paramsets *const *groups, size_t count);

// The decoder configuration that lists all groups (united before): avcC or hvcC with four-byte
// lengths; profile, compatibility and level cover all of them.  Gives *ret_data (av_malloc'ed,
// AV_INPUT_BUFFER_PADDING_SIZE zeroed behind it).  -EINVAL if the groups differ in chroma format or
// bit depth, which a configuration can say once only, or no profile covers all; -ENOSPC if they are
// too many for it.
int paramsets_configuration(const struct paramsets *const *groups, size_t count, uint8_t **ret_data,
                            size_t *ret_size);

// A coded picture of the group as it goes into the track: units with four-byte lengths; slices
// refer to the PPS ids in the track.  Left out are parameter sets, access unit delimiters,
// end-of-sequence, end-of-stream and filler units, Dolby Vision units (HEVC 62, 63), other views
// and layers' parameters (H.264 15, HEVC nuh_layer_id > 0) and reserved slices of HEVC; and where
// ids changed, SEI messages that name a set, or may (buffering period, HEVC active parameter sets,
// nesting).  `as_bla`: HEVC CRA slices become BLA_W_RADL (17), for a run that begins with an open
// sync picture whose RASL pictures were left behind.
//
// -ESTALE: an in-band parameter set is not one of the group, or a slice refers to one that is not:
// the stream changed on the way and must not be copied.  -EINVAL: bytes that are no units, or H.264
// slices that do not stand alone (auxiliary, scalable, multiview: 19 to 21).
//
// *ret_data: NULL if `data` can be used as it is (*ret_size is its size then); else gives an
// av_malloc'ed, padded buffer; *ret_size is 0 if nothing remains.  It is never larger than size +
// 64 bytes a unit.
int paramsets_translate(const struct paramsets *group, const uint8_t *data, size_t size,
                        bool as_bla, uint8_t **ret_data, size_t *ret_size);

#endif
