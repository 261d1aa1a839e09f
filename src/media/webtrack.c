#include "media/webtrack.h"

#include "media/vp9.h"
#include <errno.h>
#include <libavcodec/defs.h>
#include <libavutil/mem.h>

bool webtrack_is_for(enum nal_codec codec)
{
    return codec == NAL_VP9 || codec == NAL_AV1;
}

static uint8_t *make_room(size_t size)
{
    uint8_t *room = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!room)
        base_out_of_memory();
    return room;
}

// av1C may leave the sequence header to the packets.
static int read_sequence(const struct webtrack *track, const uint8_t *extradata, size_t size,
                         struct obu_sequence *sequence)
{
    if (size != sizeof sequence->track || extradata[0] != 0x81)
        return obu_extradata(extradata, size, sequence);
    *sequence = (struct obu_sequence){ .track = { extradata[0], extradata[1], extradata[2] },
                                       .width = track->width,
                                       .height = track->height };
    return 0;
}

int webtrack_add(struct webtrack *track, const uint8_t *extradata, size_t size)
{
    struct obu_sequence sequence;
    if (track->codec == NAL_VP9)
        return 0;
    if (read_sequence(track, extradata, size, &sequence) < 0 || sequence.width != track->width ||
        sequence.height != track->height)
        return -EINVAL;
    if (!track->has_sequence) {
        track->sequence = sequence;
        track->has_sequence = true;
    }
    if (!obu_agree(&track->sequence, &sequence))
        return -EINVAL;
    if (sequence.track[1] > track->sequence.track[1])
        track->sequence.track[1] = sequence.track[1];
    return 0;
}

int webtrack_configuration(const struct webtrack *track, uint8_t **ret_data, size_t *ret_size)
{
    *ret_data = NULL;
    *ret_size = 0;
    if (track->codec == NAL_VP9)
        return 0;
    if (!track->has_sequence)
        return -EINVAL;
    *ret_size = sizeof track->sequence.track;
    *ret_data = make_room(*ret_size);
    memcpy(*ret_data, track->sequence.track, *ret_size);
    return 0;
}

static int check_vp9(const struct webtrack *track, const uint8_t *data, size_t size)
{
    struct vp9_packet packet;
    if (vp9_read(data, size, &packet) < 0 || packet.shown != 1)
        return -EINVAL;
    bool fits = packet.width == track->width && packet.height == track->height;
    return packet.is_key && !fits ? -ESTALE : 0;
}

int webtrack_translate(const struct webtrack *track, const uint8_t *data, size_t size,
                       uint8_t **ret_data, size_t *ret_size)
{
    struct obu_packet packet;
    *ret_data = NULL;
    *ret_size = size;
    if (track->codec == NAL_VP9)
        return check_vp9(track, data, size);
    if (obu_read(data, size, &packet) < 0 || packet.shown != 1)
        return -EINVAL;
    if (packet.has_sequence && !obu_agree(&track->sequence, &packet.sequence))
        return -ESTALE;
    if (packet.is_bare)
        return 0;
    *ret_data = make_room(size);
    *ret_size = obu_strip(data, size, *ret_data);
    return 0;
}
