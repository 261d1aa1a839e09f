// Percent-encoding (RFC 3986), the one way every address here is written and read.
#ifndef CLIPSPOOL_PERCENT_H
#define CLIPSPOOL_PERCENT_H

#include "base/base.h"

// Every byte but the unreserved (letters, digits, - . _ ~) and those in `keep` becomes %XX with
// upper-case digits.  Gives a string; free().
char *percent_encode(const char *bytes, const char *keep);
char *percent_encode_n(const char *bytes, size_t length, const char *keep);

// The bytes that `length` bytes of encoded text stand for; + stays +.  Gives a string with a NUL
// behind it, or NULL if a % is not followed by two digits or a NUL would be in it.
char *percent_decode_n(const char *text, size_t length);

#endif
