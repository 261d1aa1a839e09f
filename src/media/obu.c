#include "media/obu.h"

#include "media/bits.h"
#include <errno.h>

enum {
    SEQUENCE = 1,
    DELIMITER = 2,
    FRAME_HEADER = 3,
    FRAME = 6,
    REDUNDANT_HEADER = 7,
    TILE_LIST = 8,
    PADDING = 15,
};
enum { KEY_FRAME = 0, HIGH_TIER_LEVEL = 7, IDENTITY = 0, SRGB = 1, SRGB_TRANSFER = 13, CHOOSE = 2 };

struct unit {
    int type;
    bool is_layered;      // belongs to a spatial layer above the base
    const uint8_t *whole; // with its header
    const uint8_t *data;
    size_t size;
};

// obu_header and obu_size (5.3.2, 4.10.5).  Returns 1, 0 at the end or -EINVAL.
static int next_unit(const uint8_t **at, const uint8_t *end, struct unit *unit)
{
    const uint8_t *data = *at;
    if (data == end)
        return 0;
    unit->whole = data;
    uint8_t header = *data++;
    if (header & 0x80) // obu_forbidden_bit
        return -EINVAL;
    unit->type = header >> 3 & 15;
    unit->is_layered = false;
    if (header & 4) { // an extension
        if (data == end)
            return -EINVAL;
        unit->is_layered = (*data++ >> 3 & 3) > 0;
    }
    size_t size = (size_t)(end - data);
    if (header & 2) {
        size = 0;
        for (unsigned shift = 0;; shift += 7) {
            if (data == end || shift > 28)
                return -EINVAL;
            size |= (size_t)(*data & 0x7f) << shift;
            if (!(*data++ & 0x80))
                break;
        }
    }
    if (size > (size_t)(end - data))
        return -EINVAL;
    unit->data = data;
    unit->size = size;
    *at = data + size;
    return 1;
}

// ---- the sequence header

struct timing {
    bool has_model;
    int delay_bits;
};

// timing_info and decoder_model_info (5.5.3, 5.5.4)
static struct timing read_timing(struct bits *bits)
{
    struct timing timing = { .has_model = false };
    if (!bits_u(bits, 1))
        return timing;
    bits_skip(bits, 64);
    if (bits_u(bits, 1))
        (void)bits_ue(bits); // equal_picture_interval: uvlc (4.10.3), the same code
    timing.has_model = bits_u(bits, 1);
    if (timing.has_model) {
        timing.delay_bits = (int)bits_u(bits, 5) + 1;
        bits_skip(bits, 32 + 5 + 5);
    }
    return timing;
}

// The operating points; the level and tier of the first are kept.
static void read_points(struct bits *bits, uint32_t *ret_level, uint32_t *ret_tier, int *ret_count)
{
    struct timing timing = read_timing(bits);
    bool has_delay = bits_u(bits, 1);
    int count = (int)bits_u(bits, 5) + 1;
    for (int i = 0; i < count; i++) {
        bits_skip(bits, 12); // operating_point_idc
        uint32_t level = bits_u(bits, 5);
        uint32_t tier = level > HIGH_TIER_LEVEL ? bits_u(bits, 1) : 0;
        if (timing.has_model && bits_u(bits, 1))
            bits_skip(bits, 2 * (size_t)timing.delay_bits + 1);
        if (has_delay && bits_u(bits, 1))
            bits_skip(bits, 4);
        *ret_level = i == 0 ? level : *ret_level;
        *ret_tier = i == 0 ? tier : *ret_tier;
    }
    *ret_count = count;
}

// What lies between the size and the colours (5.5.1): tools, of which only the length matters.
static void skip_tools(struct bits *bits)
{
    bits_skip(bits, 3); // superblocks of 128, filter intra, intra edge filter
    bits_skip(bits, 4); // interintra, masked, warped motion, dual filter
    bool has_order = bits_u(bits, 1);
    if (has_order)
        bits_skip(bits, 2); // joint compound, reference vectors
    uint32_t screen = bits_u(bits, 1) ? CHOOSE : bits_u(bits, 1);
    if (screen > 0 && !bits_u(bits, 1))
        bits_skip(bits, 1); // integer vectors
    if (has_order)
        bits_skip(bits, 3);
    bits_skip(bits, 3); // super resolution, cdef, restoration
}

// color_config (5.5.2) as bits of av1C: high_bitdepth, twelve_bit, monochrome, chroma_subsampling_x
// and _y, chroma_sample_position (2).
static uint8_t read_colours(struct bits *bits, uint32_t profile)
{
    uint32_t high = bits_u(bits, 1), twelve = profile == 2 && high ? bits_u(bits, 1) : 0;
    uint32_t mono = profile == 1 ? 0 : bits_u(bits, 1), x = 1, y = 1, position = 0;
    uint32_t primaries = 2, transfer = 2, matrix = 2; // unspecified
    if (bits_u(bits, 1)) {
        primaries = bits_u(bits, 8);
        transfer = bits_u(bits, 8);
        matrix = bits_u(bits, 8);
    }
    bool is_srgb = primaries == SRGB && transfer == SRGB_TRANSFER && matrix == IDENTITY;
    if (!mono && is_srgb) {
        x = y = 0;
    } else {
        bits_skip(bits, 1); // range
        if (!mono && profile == 1)
            x = y = 0;
        if (!mono && profile == 2) {
            x = twelve ? bits_u(bits, 1) : 1;
            y = twelve && x ? bits_u(bits, 1) : 0;
        }
        if (!mono && x && y)
            position = bits_u(bits, 2);
    }
    return (uint8_t)(high << 6 | twelve << 5 | mono << 4 | x << 3 | y << 2 | position);
}

static int read_sequence(const struct unit *unit, struct obu_sequence *sequence)
{
    struct bits bits = bits_of(unit->data, unit->size);
    uint32_t profile = bits_u(&bits, 3), level = 0, tier = 0;
    int points = 0;
    if (bits_u(&bits, 2) != 0) // a still picture, a reduced header
        return -EINVAL;
    read_points(&bits, &level, &tier, &points);
    int width_bits = (int)bits_u(&bits, 4) + 1, height_bits = (int)bits_u(&bits, 4) + 1;
    sequence->width = (int)bits_u(&bits, width_bits) + 1;
    sequence->height = (int)bits_u(&bits, height_bits) + 1;
    if (bits_u(&bits, 1))
        bits_skip(&bits, 4 + 3); // numbers of frames
    skip_tools(&bits);
    sequence->track[0] = 0x81; // marker and version
    sequence->track[1] = (uint8_t)(profile << 5 | level);
    sequence->track[2] = (uint8_t)(tier << 7 | read_colours(&bits, profile));
    sequence->track[3] = 0; // no delay is promised
    return bits.overrun || points != 1 ? -EINVAL : 0;
}

int obu_extradata(const uint8_t *data, size_t size, struct obu_sequence *ret_sequence)
{
    const uint8_t *end = data + size;
    struct unit unit;
    if (size >= 4 && data[0] & 0x80)
        data += 4;
    while (next_unit(&data, end, &unit) > 0)
        if (unit.type == SEQUENCE)
            return read_sequence(&unit, ret_sequence);
    return -EINVAL;
}

bool obu_agree(const struct obu_sequence *a, const struct obu_sequence *b)
{
    return a->track[1] >> 5 == b->track[1] >> 5 && (a->track[2] & ~3) == (b->track[2] & ~3) &&
           a->width == b->width && a->height == b->height;
}

// ---- packets

static bool is_left_out(int type)
{
    return type == DELIMITER || type == REDUNDANT_HEADER || type == TILE_LIST || type == PADDING;
}

// show_existing_frame, frame_type (2), show_frame (5.9.2)
static int read_frame(const struct unit *unit, struct obu_packet *packet)
{
    if (unit->size == 0 || unit->is_layered)
        return -EINVAL;
    bool is_existing = unit->data[0] & 0x80, is_shown = is_existing || unit->data[0] & 0x10;
    bool is_key = !is_existing && is_shown && (unit->data[0] >> 5 & 3) == KEY_FRAME;
    packet->is_key = packet->is_key || (is_key && packet->shown == 0 && packet->has_sequence);
    packet->shown += is_shown;
    return 0;
}

int obu_read(const uint8_t *data, size_t size, struct obu_packet *ret_packet)
{
    const uint8_t *end = data + size;
    struct unit unit;
    int r;
    bool is_hidden = false; // a picture came that is not shown: then no key frame begins here
    *ret_packet = (struct obu_packet){ .is_bare = true };
    while ((r = next_unit(&data, end, &unit)) > 0) {
        ret_packet->is_bare = ret_packet->is_bare && !is_left_out(unit.type);
        if (unit.type == SEQUENCE) {
            r = read_sequence(&unit, &ret_packet->sequence);
            ret_packet->has_sequence = true;
        } else if (unit.type == FRAME || unit.type == FRAME_HEADER) {
            r = read_frame(&unit, ret_packet);
            is_hidden = is_hidden || ret_packet->shown == 0;
        }
        if (r < 0)
            return r;
    }
    ret_packet->is_key = ret_packet->is_key && !is_hidden;
    return r;
}

size_t obu_strip(const uint8_t *data, size_t size, uint8_t *to)
{
    const uint8_t *end = data + size;
    size_t used = 0;
    struct unit unit;
    int r;
    while ((r = next_unit(&data, end, &unit)) > 0) {
        size_t whole = (size_t)(data - unit.whole);
        if (is_left_out(unit.type))
            continue;
        memcpy(to + used, unit.whole, whole);
        used += whole;
    }
    return r < 0 ? 0 : used;
}
