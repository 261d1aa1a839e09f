// Coded pictures on their way into a track; the idea is in paramsets.h.
#include "media/bits.h"
#include "media/paramsets.h"

#include <assert.h>
#include <errno.h>
#include <libavcodec/defs.h>
#include <libavutil/mem.h>

enum {
    H264_PARTITION_A = 2,
    H264_IDR = 5,
    H264_SEI = 6,
    HEVC_RASL_R = 9,
    HEVC_BLA_W_LP = 16,
    HEVC_BLA_W_RADL = 17,
    HEVC_CRA = 21,
    HEVC_IRAP_LAST = 23,
    HEVC_SLICE_LAST = 31,
    HEVC_PREFIX_SEI = 39,
    HEVC_SUFFIX_SEI = 40,
};

// What becomes of a unit.
enum fate { LEAVE_OUT, KEEP, RENAME, SIFT };

// The begin of a slice up to its PPS id.  The header, two codes before the id and the id take at
// most 26 bytes.
struct head {
    uint8_t rbsp[32];
    size_t size;
    size_t id_at, id_end;      // bits
    uint32_t id;               // as coded
    struct bits_unescape rest; // behind rbsp
};

static int read_head(enum nal_codec codec, const struct nal *nal, struct head *ret)
{
    ret->rest = (struct bits_unescape){ .at = nal->data, .end = nal->data + nal->size };
    ret->size = bits_unescape(&ret->rest, ret->rbsp, sizeof ret->rbsp);
    struct bits bits = bits_of(ret->rbsp, ret->size);
    if (codec == NAL_HEVC) {
        bool irap = nal->type >= HEVC_BLA_W_LP && nal->type <= HEVC_IRAP_LAST;
        bits_skip(&bits, 16 + 1 + irap); // first_slice_segment_in_pic, no_output_of_prior_pics
    } else {
        bits_skip(&bits, 8);
        (void)bits_ue(&bits); // first_mb_in_slice, slice_type
        (void)bits_ue(&bits);
    }
    ret->id_at = bits.at;
    ret->id = bits_ue(&bits);
    ret->id_end = bits.at;
    return bits.overrun || ret->rest.broken ? -EINVAL : 0;
}

static bool is_in_group(const struct paramsets *group, const struct nal *nal)
{
    size_t size = nal->size;
    while (size > 0 && nal->data[size - 1] == 0)
        size--;
    for (size_t i = 0; i < group->count; i++)
        if (group->sets[i].size == size && memcmp(group->sets[i].data, nal->data, size) == 0)
            return true;
    return false;
}

static int fate_of_slice(const struct paramsets *group, const struct nal *nal, bool as_bla)
{
    struct head head;
    int r = read_head(group->stream.codec, nal, &head);
    if (r < 0)
        return r;
    if (head.id >= ARRAY_LEN(group->pps_id) || group->pps_id[head.id] < 0)
        return -ESTALE;
    bool other = (uint32_t)group->pps_id[head.id] != head.id;
    return other || (as_bla && nal->type == HEVC_CRA) ? RENAME : KEEP;
}

static int fate_h264(const struct paramsets *group, const struct nal *nal)
{
    switch (nal->type) {
    case 1:
    case H264_PARTITION_A:
    case H264_IDR:
        return fate_of_slice(group, nal, false);
    case H264_SEI:
        return group->renamed ? SIFT : KEEP;
    case 9:  // access unit delimiter
    case 10: // end of sequence
    case 11: // end of stream
    case 12: // filler
    case 15: // subset SPS
        return LEAVE_OUT;
    case 19: // auxiliary
    case 20: // scalable, multiview
    case 21: // with depth
        return -EINVAL;
    default:
        return KEEP;
    }
}

static int fate_hevc(const struct paramsets *group, const struct nal *nal, bool as_bla)
{
    switch (nal->type) {
    case HEVC_PREFIX_SEI:
    case HEVC_SUFFIX_SEI:
        return group->renamed ? SIFT : KEEP;
    case 35: // access unit delimiter
    case 36: // end of sequence
    case 37: // end of stream
    case 38: // filler
    case 62: // Dolby Vision
    case 63:
        return LEAVE_OUT;
    default:
        if (nal->type > HEVC_SLICE_LAST)
            return KEEP;
        bool slice =
            nal->type <= HEVC_RASL_R || (nal->type >= HEVC_BLA_W_LP && nal->type <= HEVC_CRA);
        return slice ? fate_of_slice(group, nal, as_bla) : LEAVE_OUT;
    }
}

// A fate, or -ESTALE, -EINVAL.
static int fate_of(const struct paramsets *group, const struct nal *nal, bool as_bla)
{
    if (nal->layer > 0)
        return LEAVE_OUT;
    if (nal_is_parameter_set(group->stream.codec, nal->type))
        return is_in_group(group, nal) ? LEAVE_OUT : -ESTALE;
    return group->stream.codec == NAL_HEVC ? fate_hevc(group, nal, as_bla) : fate_h264(group, nal);
}

// Writes the slice at `to`; returns how long it became.  Behind the head bytes are passed on one by
// one until one is not zero: from there on both sides have the same past, and the rest stands as it
// is.
static int64_t rename_slice(const struct paramsets *group, const struct nal *nal, bool as_bla,
                            uint8_t *to)
{
    struct head head;
    uint8_t rbsp[sizeof head.rbsp + 8];
    struct bits_out out = { .data = rbsp, .capacity = sizeof rbsp };
    int r = read_head(group->stream.codec, nal, &head);
    if (r < 0)
        return r;
    struct bits from = bits_of(head.rbsp, head.size);
    bits_copy(&out, &from, head.id_at);
    bits_put_ue(&out, (uint32_t)group->pps_id[head.id]);
    bits_skip(&from, head.id_end - head.id_at);
    bits_copy(&out, &from, from.size - from.at);
    assert(out.at % 8 == 0 && !out.overrun);
    if (as_bla && nal->type == HEVC_CRA)
        rbsp[0] = (uint8_t)((rbsp[0] & 0x81) | HEVC_BLA_W_RADL << 1);

    struct bits_escape escape = { .at = to };
    bits_escape(&escape, rbsp, out.at / 8);
    int byte;
    while (escape.zeros > 0 && (byte = bits_unescape_next(&head.rest)) >= 0 && !head.rest.broken)
        bits_escape_put(&escape, (uint8_t)byte);
    if (head.rest.broken)
        return -EINVAL;
    size_t left = (size_t)(head.rest.end - head.rest.at);
    if (left > 0)
        memcpy(escape.at, head.rest.at, left);
    else
        bits_escape_end(&escape);
    return escape.at + left - to;
}

// Type or size of a SEI message: bytes of 255 and one that is less (H.264 7.3.2.3.1).  -1 at the
// end.
static int64_t sei_number(const uint8_t **at, const uint8_t *end)
{
    int64_t number = 0;
    while (*at < end) {
        uint8_t byte = *(*at)++;
        number += byte;
        if (byte < 255)
            return number;
    }
    return -1;
}

// Buffering period and active parameter sets name a set; nesting messages may hold the first.
static bool names_a_set(enum nal_codec codec, int64_t message)
{
    if (codec == NAL_HEVC)
        return message == 0 || message == 129 || message == 133;
    return message == 0 || message == 30 || message == 37;
}

// Moves the messages that stay to the front of the RBSP; returns its new size, 0 if none stays or
// it is not made of messages.
static size_t sift_messages(enum nal_codec codec, uint8_t *rbsp, size_t size)
{
    const size_t header = codec == NAL_HEVC ? 2 : 1;
    int64_t before_stop = bits_before_stop(rbsp, size);
    if (before_stop < 8 * (int64_t)header || before_stop % 8 != 0)
        return 0;
    const uint8_t *at = rbsp + header, *end = rbsp + before_stop / 8;
    uint8_t *to = rbsp + header;
    while (at < end) {
        const uint8_t *message = at;
        int64_t type = sei_number(&at, end), length = sei_number(&at, end);
        if (type < 0 || length < 0 || length > end - at)
            return 0;
        at += length;
        if (names_a_set(codec, type))
            continue;
        memmove(to, message, (size_t)(at - message));
        to += at - message;
    }
    if (to == rbsp + header)
        return 0;
    *to++ = 0x80; // the stop bit
    return (size_t)(to - rbsp);
}

// Writes at `to` what stays of the SEI unit; returns how long that is, 0: nothing.
static int64_t sift_sei(const struct paramsets *group, const struct nal *nal, uint8_t *to)
{
    cleanup(free_ptr) uint8_t *rbsp = xcalloc(1, nal->size);
    cleanup(free_ptr) uint8_t *escaped = xcalloc(1, BITS_ESCAPED_MAX(nal->size));
    struct bits_unescape from = { .at = nal->data, .end = nal->data + nal->size };
    struct bits_escape escape = { .at = escaped };
    size_t whole = bits_unescape(&from, rbsp, nal->size);
    size_t size = from.broken ? 0 : sift_messages(group->stream.codec, rbsp, whole);
    if (size == whole) {
        memcpy(to, nal->data, nal->size);
        return (int64_t)nal->size;
    }
    bits_escape(&escape, rbsp, size);
    size = (size_t)(escape.at - escaped);
    memcpy(to, escaped, size);
    return (int64_t)size;
}

enum {
    LENGTH_SIZE = 4,
    // What a rewritten unit may gain: two bytes of the id and the escapes in 34 bytes of head and
    // right behind it.  A sifted one loses more than it gains.
    GAIN_MAX = 24,
};

// Writes a unit behind its length; returns how many bytes, 0: it is left out.
static int64_t put_unit(const struct paramsets *group, const struct nal *nal, bool as_bla,
                        uint8_t *to)
{
    int64_t size = (int64_t)nal->size;
    switch (fate_of(group, nal, as_bla)) {
    case LEAVE_OUT:
        return 0;
    case RENAME:
        size = rename_slice(group, nal, as_bla, to + LENGTH_SIZE);
        break;
    case SIFT:
        size = sift_sei(group, nal, to + LENGTH_SIZE);
        break;
    default:
        memcpy(to + LENGTH_SIZE, nal->data, nal->size);
    }
    if (size <= 0)
        return size;
    for (int i = 0; i < LENGTH_SIZE; i++)
        to[i] = (uint8_t)((uint64_t)size >> 8 * (LENGTH_SIZE - 1 - i));
    return LENGTH_SIZE + size;
}

// Whether the packet stands as it is (0) or must be written anew (1) into at most *ret_bound bytes.
static int look_through(const struct paramsets *group, const uint8_t *at, const uint8_t *end,
                        bool as_bla, size_t *ret_bound)
{
    bool changes = group->stream.length_size != LENGTH_SIZE;
    struct nal nal;
    int r;
    *ret_bound = 0;
    while ((r = nal_next(&group->stream, &at, end, &nal)) > 0) {
        int fate = fate_of(group, &nal, as_bla);
        if (fate < 0)
            return fate;
        changes = changes || fate != KEEP;
        if (fate != LEAVE_OUT)
            *ret_bound += LENGTH_SIZE + nal.size + (fate == RENAME ? GAIN_MAX : 0);
    }
    return r < 0 ? r : changes;
}

int paramsets_translate(const struct paramsets *group, const uint8_t *data, size_t size,
                        bool as_bla, uint8_t **ret_data, size_t *ret_size)
{
    const uint8_t *at = data, *end = data + size;
    size_t bound;
    *ret_data = NULL;
    *ret_size = size;
    int r = size > INT32_MAX / 2 ? -EINVAL : look_through(group, at, end, as_bla, &bound);
    if (r <= 0)
        return r;
    uint8_t *written = av_malloc(bound + AV_INPUT_BUFFER_PADDING_SIZE);
    if (written == NULL)
        base_out_of_memory();
    struct nal nal;
    size_t used = 0;
    while (nal_next(&group->stream, &at, end, &nal) > 0) {
        int64_t more = put_unit(group, &nal, as_bla, written + used);
        if (more < 0) {
            av_free(written);
            return (int)more;
        }
        used += (size_t)more;
    }
    assert(used <= bound);
    memset(written + used, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    *ret_data = written;
    *ret_size = used;
    return 0;
}
