// UTF-16, as Windows and Apple write it into small files, made UTF-8.
#ifndef CLIPSPOOL_UTF16_H
#define CLIPSPOOL_UTF16_H

#include "base/base.h"

enum utf16_order { UTF16_LITTLE, UTF16_BIG };

// `size` bytes without their byte order mark as UTF-8.  Gives a string, or NULL if the size is odd,
// a surrogate is alone, or a NUL would be in it.
char *utf16_to_utf8(const void *bytes, size_t size, enum utf16_order order);

// Writes one character as UTF-8, without a NUL behind it.  Returns its length, 1 to 4, or 0 for
// what is none: a NUL, a surrogate, above U+10FFFF.
size_t utf16_put_utf8(uint32_t point, char *to);

#endif
