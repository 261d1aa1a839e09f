// CRC-64, eight bytes a step.
//
// A byte at a time, each step waits for the table look-up of the one before.  Eight tables, one for
// each distance from the end of an eight-byte word, make the look-ups of a word independent of each
// other.  Sixteen would fill the first-level cache that the data wants too.

#include "provider/crc64.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <threads.h>

#define POLYNOMIAL UINT64_C(0xC96C5795D7870F42)
#define X_TO_THE_0 (UINT64_C(1) << 63) // reflected: the highest bit is the lowest power

enum { SLICES = 8 };

// slices[k][b]: the byte b followed by k zero bytes.  Filled once, at the first use.
static uint64_t slices[SLICES][256];
static once_flag filled = ONCE_FLAG_INIT;

static void fill(void)
{
    for (unsigned b = 0; b < 256; b++) {
        uint64_t crc = b;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
        slices[0][b] = crc;
    }
    for (unsigned k = 1; k < SLICES; k++)
        for (unsigned b = 0; b < 256; b++) {
            uint64_t before = slices[k - 1][b];
            slices[k][b] = before >> 8 ^ slices[0][before & 0xFF];
        }
}

uint64_t crc64_add(uint64_t crc, const void *data, size_t size)
{
    const unsigned char *s = data;
    call_once(&filled, fill);
    crc = ~crc;
    for (; size >= 8; size -= 8, s += 8) {
        uint64_t word;
        memcpy(&word, s, sizeof word);
        crc ^= le64toh(word);
        crc = slices[7][crc & 0xFF] ^ slices[6][crc >> 8 & 0xFF] ^ slices[5][crc >> 16 & 0xFF] ^
              slices[4][crc >> 24 & 0xFF] ^ slices[3][crc >> 32 & 0xFF] ^
              slices[2][crc >> 40 & 0xFF] ^ slices[1][crc >> 48 & 0xFF] ^ slices[0][crc >> 56];
    }
    for (; size > 0; size--, s++)
        crc = crc >> 8 ^ slices[0][(crc ^ *s) & 0xFF];
    return ~crc;
}

// The product of two polynomials modulo the polynomial, all reflected.
static uint64_t multiply(uint64_t a, uint64_t b)
{
    uint64_t product = 0;
    for (uint64_t power = X_TO_THE_0; power != 0; power >>= 1) {
        if (a & power)
            product ^= b;
        b = b & 1 ? b >> 1 ^ POLYNOMIAL : b >> 1;
    }
    return product;
}

// Appending a zero byte multiplies by x^8, so the first piece is moved in front of the second by
// x^(8 * second_size), made by squaring.  The all-ones start and end of both cancel out.
uint64_t crc64_join(uint64_t first, uint64_t second, uint64_t second_size)
{
    uint64_t shift = X_TO_THE_0, square = X_TO_THE_0 >> 8;
    for (; second_size > 0; second_size >>= 1) {
        if (second_size & 1)
            shift = multiply(shift, square);
        square = multiply(square, square);
    }
    return multiply(first, shift) ^ second;
}

char *crc64_text(uint64_t crc, char *buffer)
{
    (void)snprintf(buffer, CRC64_TEXT_SIZE, "%ju", (uintmax_t)crc);
    return buffer;
}

int crc64_parse(const char *text, uint64_t *ret_crc)
{
    uint64_t crc = 0;
    if (*text == 0)
        return -EINVAL;
    for (; *text != 0; text++) {
        if (*text < '0' || *text > '9')
            return -EINVAL;
        unsigned digit = (unsigned)(*text - '0');
        if (crc > (UINT64_MAX - digit) / 10)
            return -EINVAL;
        crc = crc * 10 + digit;
    }
    *ret_crc = crc;
    return 0;
}
