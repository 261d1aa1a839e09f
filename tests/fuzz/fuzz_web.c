// Any bytes as packets of VP9 and AV1: what goes into a track is read there as what it was, and
// nothing is left in it that a track leaves out.
#include "media/packets.h"
#include "media/webtrack.h"

#include <libavutil/mem.h>

static void require(bool good)
{
    if (!good)
        abort();
}

static void try_track(struct webtrack *track, const uint8_t *data, size_t size)
{
    const struct nal_stream stream = { .codec = track->codec };
    struct obu_packet packet;
    uint8_t *out = NULL;
    size_t out_size = 0;
    bool is_in = webtrack_add(track, data, size) >= 0;
    enum nal_picture kind = packets_classify(&stream, data, size);
    if (!is_in || webtrack_translate(track, data, size, &out, &out_size) < 0)
        return;
    require(kind != NAL_NO_PICTURE && out_size <= size);
    require(packets_classify(&stream, out ? out : data, out_size) == kind);
    if (track->codec == NAL_AV1)
        require(obu_read(out ? out : data, out_size, &packet) == 0 && packet.is_bare);
    av_free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct webtrack vp9 = { .codec = NAL_VP9, .width = 320, .height = 180 };
    struct webtrack av1 = { .codec = NAL_AV1, .width = 320, .height = 180 };
    uint8_t *own = xcalloc(1, size + 1); // so that a byte read beyond is seen
    own = xrealloc(own, 1, size > 0 ? size : 1);
    memcpy(own, data, size);
    try_track(&vp9, own, size);
    try_track(&av1, own, size);
    free(own);
    return 0;
}
