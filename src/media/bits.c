#include "media/bits.h"

#include <assert.h>

struct bits bits_of(const uint8_t *data, size_t size_bytes)
{
    return (struct bits){ .data = data, .size = 8 * size_bytes };
}

void bits_skip(struct bits *bits, size_t count)
{
    size_t left = bits->size - bits->at;
    bits->overrun = bits->overrun || count > left;
    bits->at += count < left ? count : left;
}

uint32_t bits_u(struct bits *bits, int count)
{
    assert(count >= 0 && count <= 32);
    uint32_t value = 0;
    for (; count > 0; count--) {
        bool there = bits->at < bits->size;
        uint32_t bit = there ? bits->data[bits->at / 8] >> (7 - bits->at % 8) & 1 : 0;
        value = value << 1 | bit;
        bits_skip(bits, 1);
    }
    return value;
}

uint32_t bits_ue(struct bits *bits)
{
    int zeros = 0;
    while (!bits->overrun && bits_u(bits, 1) == 0)
        zeros++;
    if (bits->overrun || zeros > 31) {
        bits->overrun = true;
        return 0;
    }
    uint32_t rest = bits_u(bits, zeros);
    return bits->overrun ? 0 : (uint32_t)((UINT64_C(1) << zeros) - 1 + rest);
}

int32_t bits_se(struct bits *bits)
{
    uint32_t code = bits_ue(bits);
    int64_t half = ((int64_t)code + 1) / 2;
    return (int32_t)(code % 2 != 0 ? half : -half);
}

void bits_put(struct bits_out *out, uint32_t value, int count)
{
    assert(count >= 0 && count <= 32);
    while (count-- > 0) {
        if (out->at / 8 >= out->capacity) {
            out->overrun = true;
            return;
        }
        uint8_t *byte = &out->data[out->at / 8], mask = (uint8_t)(0x80 >> out->at % 8);
        if (out->at % 8 == 0)
            *byte = 0;
        if (value >> count & 1)
            *byte |= mask;
        out->at++;
    }
}

int bits_ue_length(uint32_t value)
{
    int zeros = 0;
    for (uint64_t code = (uint64_t)value + 1; code > 1; code >>= 1)
        zeros++;
    return 2 * zeros + 1;
}

void bits_put_ue(struct bits_out *out, uint32_t value)
{
    assert(value < UINT32_MAX);
    int zeros = bits_ue_length(value) / 2;
    bits_put(out, 0, zeros);
    bits_put(out, value + 1, zeros + 1);
}

void bits_copy(struct bits_out *out, struct bits *from, size_t count)
{
    for (; count >= 32 && !out->overrun; count -= 32)
        bits_put(out, bits_u(from, 32), 32);
    if (!out->overrun)
        bits_put(out, bits_u(from, (int)count), (int)count);
}

int64_t bits_before_stop(const uint8_t *rbsp, size_t size)
{
    while (size > 0 && rbsp[size - 1] == 0)
        size--;
    if (size == 0)
        return -1;
    int64_t before = 8 * (int64_t)size - 1;
    for (uint8_t last = rbsp[size - 1]; (last & 1) == 0; last >>= 1)
        before--;
    return before;
}

void bits_put_stop(struct bits_out *out)
{
    bits_put(out, 1, 1);
    bits_put(out, 0, (int)((8 - out->at % 8) % 8));
}

int bits_unescape_next(struct bits_unescape *from)
{
    if (from->at < from->end && from->zeros >= 2 && *from->at <= 3) {
        from->broken = from->broken || *from->at < 3;
        if (*from->at == 3) {
            from->at++;
            from->zeros = 0;
        }
    }
    if (from->at == from->end)
        return -1;
    from->zeros = *from->at == 0 ? from->zeros + 1 : 0;
    return *from->at++;
}

size_t bits_unescape(struct bits_unescape *from, uint8_t *to, size_t limit)
{
    size_t size = 0;
    for (int byte; size < limit && (byte = bits_unescape_next(from)) >= 0; size++)
        to[size] = (uint8_t)byte;
    return size;
}

void bits_escape_put(struct bits_escape *to, uint8_t byte)
{
    if (to->zeros >= 2 && byte <= 3) {
        *to->at++ = 3;
        to->zeros = 0;
    }
    *to->at++ = byte;
    to->zeros = byte == 0 ? to->zeros + 1 : 0;
}

void bits_escape(struct bits_escape *to, const uint8_t *rbsp, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bits_escape_put(to, rbsp[i]);
}

void bits_escape_end(struct bits_escape *to)
{
    if (to->zeros >= 2) {
        *to->at++ = 3;
        to->zeros = 0;
    }
}
