#include "base/imprint.h"
#include <stdio.h>

enum { CHUNK = 7 }; // bytes: a coefficient is below the prime

static const uint64_t PRIME = (UINT64_C(1) << 61) - 1;

static uint64_t reduce(uint64_t x)
{
    x = (x & PRIME) + (x >> 61);
    return x >= PRIME ? x - PRIME : x;
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return reduce((uint64_t)(product & PRIME) + (uint64_t)(product >> 61));
}

static void take_coefficient(struct imprint *print, uint64_t coefficient)
{
    for (int i = 0; i < IMPRINT_POINTS; i++)
        print->value[i] = reduce(multiply(print->value[i], print->point[i]) + coefficient);
}

void imprint_begin(struct imprint *print, const uint64_t secret[IMPRINT_POINTS])
{
    *print = (struct imprint){ .bytes = 0 };
    for (int i = 0; i < IMPRINT_POINTS; i++)
        print->point[i] = reduce(secret[i]);
}

static void add_byte(struct imprint *print, uint8_t byte)
{
    print->chunk |= (uint64_t)byte << (8 * print->filled++);
    if (print->filled < CHUNK)
        return;
    take_coefficient(print, print->chunk);
    print->chunk = print->filled = 0;
}

void imprint_add(struct imprint *print, const void *data, size_t size)
{
    const uint8_t *at = data, *end = at + size;
    print->bytes += size;
    while (at < end && print->filled > 0)
        add_byte(print, *at++);
    for (; end - at >= 8; at += CHUNK) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        take_coefficient(print, word & ((UINT64_C(1) << (8 * CHUNK)) - 1));
    }
    while (at < end)
        add_byte(print, *at++);
}

void imprint_end(struct imprint *print, char ret_hex[IMPRINT_HEX + 1])
{
    take_coefficient(print, print->chunk);
    take_coefficient(print, reduce(print->bytes));
    (void)snprintf(ret_hex, IMPRINT_HEX + 1, "%016llx%016llx", (unsigned long long)print->value[0],
                   (unsigned long long)print->value[1]);
}
