// Percent-encoding.

#include "base/percent.h"

static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

char *percent_encode_n(const char *bytes, size_t length, const char *keep)
{
    static const char digits[] = "0123456789ABCDEF";
    if (length > (SIZE_MAX - 1) / 3)
        base_out_of_memory();
    char *text = xcalloc(length * 3 + 1, 1);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (is_unreserved(c) || (c != 0 && strchr(keep, c) != NULL)) {
            text[used++] = (char)c;
            continue;
        }
        text[used++] = '%';
        text[used++] = digits[c >> 4];
        text[used++] = digits[c & 15];
    }
    // Not shrunk: what is encoded may be secret, and realloc would leave a copy behind.
    return text;
}

char *percent_encode(const char *bytes, const char *keep)
{
    return percent_encode_n(bytes, strlen(bytes), keep);
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}

char *percent_decode_n(const char *text, size_t length)
{
    cleanup(free_ptr) char *bytes = xcalloc(length + 1, 1);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        int value = (unsigned char)text[i];
        if (text[i] == '%') {
            int high = length - i > 2 ? hex_value(text[i + 1]) : -1;
            int low = high >= 0 ? hex_value(text[i + 2]) : -1;
            if (low < 0)
                return NULL;
            value = high << 4 | low;
            i += 2;
        }
        if (value == 0)
            return NULL;
        bytes[used++] = (char)value;
    }
    return TAKE(bytes);
}
