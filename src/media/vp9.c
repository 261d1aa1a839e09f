#include "media/vp9.h"

#include "media/bits.h"
#include <errno.h>

enum { MARKER = 2, SYNC_CODE = 0x498342, SRGB = 7 };

// color_config (6.2.2): passed over.
static void skip_colours(struct bits *bits, uint32_t profile)
{
    if (profile >= 2)
        bits_skip(bits, 1); // ten or twelve bits
    uint32_t space = bits_u(bits, 3);
    if (space != SRGB)
        bits_skip(bits, 1); // range
    if (space != SRGB && (profile == 1 || profile == 3))
        bits_skip(bits, 3); // subsampling
    if (space == SRGB && (profile == 1 || profile == 3))
        bits_skip(bits, 1);
}

// uncompressed_header (6.2) as far as it is needed.
static int read_frame(const uint8_t *data, size_t size, bool is_first, struct vp9_packet *packet)
{
    struct bits bits = bits_of(data, size);
    if (bits_u(&bits, 2) != MARKER)
        return -EINVAL;
    uint32_t profile = bits_u(&bits, 1);
    profile |= bits_u(&bits, 1) << 1;
    if (profile == 3 && bits_u(&bits, 1) != 0)
        return -EINVAL;
    if (bits_u(&bits, 1)) { // show_existing_frame
        packet->shown++;
        return bits.overrun ? -EINVAL : 0;
    }
    bool is_key = bits_u(&bits, 1) == 0, is_shown = bits_u(&bits, 1) == 1;
    packet->shown += is_shown;
    bits_skip(&bits, 1); // error_resilient_mode
    if (is_key && bits_u(&bits, 24) != SYNC_CODE)
        return -EINVAL;
    if (is_key && is_shown && is_first) {
        skip_colours(&bits, profile);
        packet->is_key = true;
        packet->width = (int)bits_u(&bits, 16) + 1;
        packet->height = (int)bits_u(&bits, 16) + 1;
    }
    return bits.overrun ? -EINVAL : 0;
}

int vp9_read(const uint8_t *data, size_t size, struct vp9_packet *ret_packet)
{
    *ret_packet = (struct vp9_packet){ .shown = 0 };
    if (size == 0)
        return -EINVAL;
    uint8_t last = data[size - 1];
    size_t frames = (size_t)(last & 7) + 1, bytes = (size_t)(last >> 3 & 3) + 1;
    size_t index = 2 + frames * bytes;
    // superframe_index (annex B): the same byte before and behind the sizes
    if ((last & 0xe0) != 0xc0 || index > size || data[size - index] != last)
        return read_frame(data, size, true, ret_packet);
    const uint8_t *sizes = data + size - index + 1, *end = data + size - index;
    for (size_t i = 0; i < frames; i++) {
        size_t length = 0;
        for (size_t byte = 0; byte < bytes; byte++)
            length |= (size_t)*sizes++ << (8 * byte);
        if (length > (size_t)(end - data))
            return -EINVAL;
        // A frame of nothing stands for one that was dropped.
        int r = length > 0 ? read_frame(data, length, i == 0, ret_packet) : 0;
        if (r < 0)
            return r;
        data += length;
    }
    return 0;
}
