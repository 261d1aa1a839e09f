// UTF-16 made UTF-8.

#include "base/utf16.h"

static uint32_t unit_at(const unsigned char *s, enum utf16_order order)
{
    return order == UTF16_BIG ? (uint32_t)s[0] << 8 | s[1] : (uint32_t)s[1] << 8 | s[0];
}

size_t utf16_put_utf8(uint32_t point, char *to)
{
    if (point == 0 || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
        return 0;
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
    for (size_t i = size - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (point & 0x3F));
        point >>= 6;
    }
    to[0] = (char)(lead[size] | point);
    return size;
}

char *utf16_to_utf8(const void *bytes, size_t size, enum utf16_order order)
{
    const unsigned char *s = bytes;
    if (size % 2 != 0)
        return NULL;
    // Two bytes become at most three; a pair, four bytes, becomes four.
    cleanup(free_ptr) char *text = xcalloc(size / 2 * 3 + 1, 1);
    size_t used = 0;
    for (size_t i = 0; i < size; i += 2) {
        uint32_t point = unit_at(s + i, order);
        if (point >= 0xD800 && point <= 0xDBFF && size - i >= 4) {
            uint32_t low = unit_at(s + i + 2, order);
            if (low < 0xDC00 || low > 0xDFFF)
                return NULL;
            point = 0x10000 + ((point & 0x3FF) << 10 | (low & 0x3FF));
            i += 2;
        }
        size_t length = utf16_put_utf8(point, text + used);
        if (length == 0)
            return NULL;
        used += length;
    }
    return TAKE(text);
}
