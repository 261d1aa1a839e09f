#include "media/packets.h"

#include "media/obu.h"
#include "media/vp9.h"

static enum nal_picture kind_of(int shown, bool is_key)
{
    return shown != 1 ? NAL_NO_PICTURE : is_key ? NAL_SYNC : NAL_REFERENCE;
}

enum nal_picture packets_classify(const struct nal_stream *stream, const uint8_t *data, size_t size)
{
    struct vp9_packet vp9;
    struct obu_packet av1;
    switch (stream->codec) {
    case NAL_VP9:
        return vp9_read(data, size, &vp9) < 0 ? NAL_NO_PICTURE : kind_of(vp9.shown, vp9.is_key);
    case NAL_AV1:
        return obu_read(data, size, &av1) < 0 ? NAL_NO_PICTURE : kind_of(av1.shown, av1.is_key);
    default:
        return nal_classify(stream, data, size);
    }
}
