// Bits of video headers: fixed and Exp-Golomb codes (ITU-T H.264 7.2, 9.1; the same in H.265), and
// the emulation prevention that lies around them in a NAL unit (H.264 7.4.1.1).
//
// Reading beyond the end gives zeros and writing beyond drops; both are remembered in `overrun`,
// which is asked once at the end.  So that parsers read like the syntax tables.  Private to
// src/media; pure functions on bytes, which are hostile.
#ifndef CLIPSPOOL_BITS_H
#define CLIPSPOOL_BITS_H

#include "base/base.h"

struct bits {
    const uint8_t *data; // borrowed
    size_t size;         // in bits
    size_t at;           // the next bit; not above size
    bool overrun;        // something was asked for that is not there, or no code stood there
};

struct bits bits_of(const uint8_t *data, size_t size_bytes);
uint32_t bits_u(struct bits *bits, int count); // 0 to 32 bits
void bits_skip(struct bits *bits, size_t count);
uint32_t bits_ue(struct bits *bits); // up to 2^32 - 2
int32_t bits_se(struct bits *bits);

struct bits_out {
    uint8_t *data;   // borrowed
    size_t capacity; // in bytes
    size_t at;       // bits written
    bool overrun;
};

// Writes the low `count` (0 to 32) bits of `value`.
void bits_put(struct bits_out *out, uint32_t value, int count);
// Value up to 2^32 - 2.
void bits_put_ue(struct bits_out *out, uint32_t value);
// Moves `count` bits.
void bits_copy(struct bits_out *out, struct bits *from, size_t count);
// How many bits the code of `value` has: 2k + 1 for k leading zeros.
int bits_ue_length(uint32_t value);

// How many bits stand before the stop bit of a RBSP, -1 if there is none.
int64_t bits_before_stop(const uint8_t *rbsp, size_t size);
// Writes the stop bit and zeros up to the next byte.
void bits_put_stop(struct bits_out *out);

// From the bytes of a NAL unit to its RBSP, byte by byte.
struct bits_unescape {
    const uint8_t *at, *end; // borrowed
    unsigned zeros;          // zeros right before `at`
    bool broken;             // three bytes that must not stand in a unit went by (00 00 00 to 02)
};
// The next byte, -1 at the end.
int bits_unescape_next(struct bits_unescape *from);
// Up to `limit` bytes; returns how many.
size_t bits_unescape(struct bits_unescape *from, uint8_t *to, size_t limit);

// And back: two bytes make at most three, and the end may take one more.
struct bits_escape {
    uint8_t *at; // where the next byte goes; borrowed
    unsigned zeros;
};
void bits_escape_put(struct bits_escape *to, uint8_t byte);
void bits_escape(struct bits_escape *to, const uint8_t *rbsp, size_t size);
// Zeros at the end of a unit (cabac_zero_words: always two) are closed by one more escape.  One
// alone stays open: behind it nobody would take a 3 for an escape.
void bits_escape_end(struct bits_escape *to);
#define BITS_ESCAPED_MAX(size) ((size) + (size) / 2 + 1)

#endif
