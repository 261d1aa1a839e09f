// NAL units of H.264 (ITU-T H.264 7.3.1, annex B) and HEVC (ITU-T H.265 7.3.1, annex B): walking
// through a coded picture and telling what it is to others.  Private to src/media; pure functions
// on bytes, which are hostile.
#ifndef CLIPSPOOL_NAL_H
#define CLIPSPOOL_NAL_H

#include "base/base.h"

// The last two are made of other units: vp9.h, obu.h, which packets.h knows.
enum nal_codec { NAL_H264, NAL_HEVC, NAL_VP9, NAL_AV1 };

// How NAL units lie behind each other: the size of the length before each, 1 to 4 bytes (ISO
// 14496-15), or 0 for start codes.
struct nal_stream {
    enum nal_codec codec;
    int length_size;
    int top_sub_layer; // HEVC: the highest TemporalId the stream may hold; paramsets_parse tells
};

struct nal {
    const uint8_t *data; // with its header, without start code or length; emulation prevention
                         // as it stands
    size_t size;
    int type;  // nal_unit_type
    int layer; // HEVC nuh_layer_id: above 0 is another view or quality that decoders may ignore
};

// The next unit of [*at, end); moves *at behind it.  Returns 1, 0 at the end, -EINVAL where the
// bytes are no units (a length that points beyond, a unit shorter than its header or with the
// forbidden bit, something other than zeros before the first start code).
int nal_next(const struct nal_stream *stream, const uint8_t **at, const uint8_t *end,
             struct nal *ret_nal);

bool nal_is_parameter_set(enum nal_codec codec, int type); // SPS, SPS extension, PPS, VPS

// What a coded picture is to the pictures around it.
enum nal_picture {
    NAL_NO_PICTURE, // no slice in it, or not made of units
    NAL_SYNC,       // nothing after it, in decoding order, refers to before: IDR
    NAL_SYNC_OPEN,  // HEVC CRA or BLA: what is shown after it does not refer to before; pictures
                    // that are shown before it may
    NAL_LEADING,    // HEVC RASL: shown before the sync picture, may refer to before it
    NAL_REFERENCE,  // others may refer to it
    NAL_DISPOSABLE, // nobody refers to it: H.264 nal_ref_idc 0; HEVC sub-layer non-reference
                    // (even type) in the top sub-layer, for those above may refer to lower ones
};
// The picture in a packet, of the base layer.
enum nal_picture nal_classify(const struct nal_stream *stream, const uint8_t *data, size_t size);

#endif
