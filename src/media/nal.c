#include "media/nal.h"

#include <errno.h>

enum {
    H264_IDR = 5,
    HEVC_RASL_N = 8,
    HEVC_RASL_R = 9,
    HEVC_BLA_W_LP = 16,
    HEVC_IDR_W_RADL = 19,
    HEVC_IDR_N_LP = 20,
    HEVC_CRA = 21,
};

// Every start code ends in a 1 and few other bytes are one, so looking for that is quick.
static const uint8_t *find_start_code(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= 3) {
        const uint8_t *one = memchr(at + 2, 1, (size_t)(end - at - 2));
        if (one == NULL)
            break;
        if (one[-1] == 0 && one[-2] == 0)
            return one - 2;
        at = one - 1;
    }
    return end;
}

static int cut_at_start_code(const uint8_t **at, const uint8_t *end, struct nal *nal)
{
    const uint8_t *start = find_start_code(*at, end);
    for (const uint8_t *zero = *at; zero < start; zero++)
        if (*zero != 0)
            return -EINVAL;
    *at = end;
    if (start == end)
        return 0;
    nal->data = start + 3;
    *at = find_start_code(nal->data, end);
    nal->size = (size_t)(*at - nal->data);
    while (nal->size > 0 && nal->data[nal->size - 1] == 0)
        nal->size--;
    return 1;
}

static int cut_by_length(int length_size, const uint8_t **at, const uint8_t *end, struct nal *nal)
{
    size_t length = 0;
    if (*at == end)
        return 0;
    if (end - *at < length_size)
        return -EINVAL;
    for (int i = 0; i < length_size; i++)
        length = length << 8 | *(*at)++;
    if (length > (size_t)(end - *at))
        return -EINVAL;
    nal->data = *at;
    nal->size = length;
    *at += length;
    return 1;
}

int nal_next(const struct nal_stream *stream, const uint8_t **at, const uint8_t *end,
             struct nal *ret_nal)
{
    size_t header = stream->codec == NAL_HEVC ? 2 : 1;
    int r = stream->length_size == 0 ? cut_at_start_code(at, end, ret_nal)
                                     : cut_by_length(stream->length_size, at, end, ret_nal);
    if (r <= 0)
        return r;
    if (ret_nal->size < header || ret_nal->data[0] & 0x80)
        return -EINVAL;
    ret_nal->type = stream->codec == NAL_HEVC ? ret_nal->data[0] >> 1 : ret_nal->data[0] & 31;
    ret_nal->layer = 0;
    if (stream->codec == NAL_HEVC)
        ret_nal->layer = (ret_nal->data[0] & 1) << 5 | ret_nal->data[1] >> 3;
    return 1;
}

bool nal_is_parameter_set(enum nal_codec codec, int type)
{
    if (codec == NAL_HEVC)
        return type >= 32 && type <= 34;
    return type == 7 || type == 8 || type == 13;
}

static enum nal_picture classify_h264(const struct nal *nal)
{
    if (nal->type < 1 || nal->type > H264_IDR)
        return NAL_NO_PICTURE;
    if (nal->type == H264_IDR)
        return NAL_SYNC;
    return nal->data[0] & 0x60 ? NAL_REFERENCE : NAL_DISPOSABLE;
}

static enum nal_picture classify_hevc(const struct nal_stream *stream, const struct nal *nal)
{
    int temporal_id = (nal->data[1] & 7) - 1;
    if (nal->layer > 0)
        return NAL_NO_PICTURE;
    if (nal->type == HEVC_IDR_W_RADL || nal->type == HEVC_IDR_N_LP)
        return NAL_SYNC;
    if (nal->type >= HEVC_BLA_W_LP && nal->type <= HEVC_CRA)
        return NAL_SYNC_OPEN;
    if (nal->type > HEVC_RASL_R)
        return NAL_NO_PICTURE;
    if (nal->type >= HEVC_RASL_N)
        return NAL_LEADING;
    return nal->type % 2 == 0 && temporal_id >= stream->top_sub_layer ? NAL_DISPOSABLE
                                                                      : NAL_REFERENCE;
}

// Of two fields in one packet the second may be less than the first: the first slice says what
// picture this is, and a later one only that somebody does refer to it.
enum nal_picture nal_classify(const struct nal_stream *stream, const uint8_t *data, size_t size)
{
    enum nal_picture picture = NAL_NO_PICTURE;
    const uint8_t *end = data + size;
    struct nal nal;
    int r;
    while ((r = nal_next(stream, &data, end, &nal)) > 0) {
        enum nal_picture slice =
            stream->codec == NAL_HEVC ? classify_hevc(stream, &nal) : classify_h264(&nal);
        if (picture == NAL_NO_PICTURE || (picture == NAL_DISPOSABLE && slice == NAL_REFERENCE))
            picture = slice;
    }
    return r < 0 ? NAL_NO_PICTURE : picture;
}
