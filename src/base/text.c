// Bytes from outside as text.

#include "base/text.h"

#include <errno.h>
#include <stdio.h>

// ---- UTF-8

// Decodes one character (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
// Returns its length in bytes, or 0 if there is no valid one.
static size_t decode(const unsigned char *s, size_t length, uint32_t *ret_point)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    if (length == 0)
        return 0;
    if (s[0] < 0x80) {
        *ret_point = s[0];
        return 1;
    }
    size_t size = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || size > length)
        return 0;
    uint32_t point = s[0] & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        point = point << 6 | (s[i] & 0x3Fu);
    }
    if (point < least[size] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
        return 0;
    *ret_point = point;
    return size;
}

bool text_is_utf8(const char *bytes, size_t length)
{
    const unsigned char *s = (const unsigned char *)bytes;
    uint32_t point;
    for (size_t i = 0, size; i < length; i += size) {
        size = decode(s + i, length - i, &point);
        if (size == 0)
            return false;
    }
    return true;
}

// What could break a line or reverse its reading order for the person looking at it: C0, DEL, C1,
// line and paragraph separators, the bidirectional marks, embeddings, overrides and isolates of
// Unicode UAX #9, and the byte order mark, which editors swallow.  Joiners stay: emoji need them.
static bool is_unsafe(uint32_t point)
{
    return point < 0x20 || point == '\\' || (point >= 0x7F && point <= 0x9F) || point == 0x061C ||
           point == 0x200E || point == 0x200F || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2066 && point <= 0x2069) || point == 0xFEFF;
}

// ---- escaping

char *text_escape_n(const char *bytes, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char *s = (const unsigned char *)bytes;
    if (length > (SIZE_MAX - 1) / 4)
        base_out_of_memory();
    char *text = xcalloc(length * 4 + 1, 1);
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        uint32_t point;
        size_t size = decode(s + i, length - i, &point);
        if (size > 0 && !is_unsafe(point)) {
            memcpy(text + used, s + i, size);
            used += size;
            i += size;
            continue;
        }
        for (size_t end = i + (size ? size : 1); i < end; i++) {
            text[used++] = '\\';
            text[used++] = 'x';
            text[used++] = digits[s[i] >> 4];
            text[used++] = digits[s[i] & 15];
        }
    }
    return xrealloc(text, used + 1, 1);
}

char *text_escape(const char *bytes)
{
    return text_escape_n(bytes, strlen(bytes));
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

char *text_unescape(const char *escaped)
{
    size_t length = strlen(escaped), used = 0;
    cleanup(free_ptr) char *bytes = xcalloc(length + 1, 1);
    for (size_t i = 0; i < length;) {
        if (escaped[i] != '\\') {
            bytes[used++] = escaped[i++];
            continue;
        }
        int high = escaped[i + 1] == 'x' ? hex_value(escaped[i + 2]) : -1;
        int low = high >= 0 ? hex_value(escaped[i + 3]) : -1;
        if (low < 0 || (high | low) == 0)
            return NULL;
        bytes[used++] = (char)(high << 4 | low);
        i += 4;
    }
    // Only the one form that text_escape writes is taken: two spellings of one name would be two
    // names to everything that compares the escaped form.
    cleanup(free_ptr) char *again = text_escape_n(bytes, used);
    return strcmp(again, escaped) == 0 ? TAKE(bytes) : NULL;
}

// ---- order

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// Compares the runs of digits at *a and *b by value, however long, and moves behind them.
static int compare_digits(const char **a, const char **b)
{
    while (**a == '0')
        ++*a;
    while (**b == '0')
        ++*b;
    size_t a_length = 0, b_length = 0;
    while (is_digit((*a)[a_length]))
        a_length++;
    while (is_digit((*b)[b_length]))
        b_length++;
    int order = a_length != b_length ? (a_length < b_length ? -1 : 1) : memcmp(*a, *b, a_length);
    *a += a_length;
    *b += b_length;
    return order;
}

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

int text_natural_compare(const char *a, const char *b)
{
    const char *s = a, *t = b;
    while (*s && *t) {
        int order;
        if (is_digit(*s) && is_digit(*t))
            order = compare_digits(&s, &t);
        else
            order = fold(*s++) - fold(*t++);
        if (order != 0)
            return order < 0 ? -1 : 1;
    }
    if (*s || *t)
        return *s ? 1 : -1;
    int order = strcmp(a, b);
    return (order > 0) - (order < 0);
}

bool text_ends_with(const char *name, const char *suffix)
{
    size_t length = strlen(name), tail = strlen(suffix);
    if (tail > length)
        return false;
    for (size_t i = 0; i < tail; i++)
        if (fold(name[length - tail + i]) != fold(suffix[i]))
            return false;
    return true;
}

// ---- times and sizes

// The first and last second that four digits of a year can say.
static struct tm broken_down(time_t when)
{
    const time_t last = 253402300799;
    struct tm tm = { 0 };
    when = when < 0 ? 0 : when > last ? last : when;
    (void)gmtime_r(&when, &tm);
    return tm;
}

char *text_time(time_t when, char *buffer)
{
    struct tm tm = broken_down(when);
    (void)strftime(buffer, TEXT_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return buffer;
}

char *text_time_compact(time_t when, char *buffer)
{
    struct tm tm = broken_down(when);
    (void)strftime(buffer, TEXT_TIME_SIZE, "%Y%m%dT%H%M%SZ", &tm);
    return buffer;
}

int text_time_parse(const char *text, time_t *ret_when)
{
    static const char form[] = "0000-00-00T00:00:00Z";
    static const int at[] = { 0, 5, 8, 11, 14, 17 };
    int part[ARRAY_LEN(at)];
    if (strlen(text) != sizeof form - 1)
        return -EINVAL;
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] == '0' ? !is_digit(text[i]) : text[i] != form[i])
            return -EINVAL;
    for (size_t i = 0; i < ARRAY_LEN(at); i++)
        part[i] = (int)strtol(text + at[i], NULL, 10);
    struct tm tm = { .tm_year = part[0] - 1900,
                     .tm_mon = part[1] - 1,
                     .tm_mday = part[2],
                     .tm_hour = part[3],
                     .tm_min = part[4],
                     .tm_sec = part[5] };
    time_t when = timegm(&tm);
    // timegm carries 30 February over into March; written again it would read differently.
    char again[TEXT_TIME_SIZE];
    if (strcmp(text_time(when, again), text) != 0)
        return -EINVAL;
    *ret_when = when;
    return 0;
}

char *text_clock(double seconds, char *buffer)
{
    // Above this no file has a duration; it also keeps the conversion defined.
    const double most = 1e9;
    if (!(seconds > 0))
        seconds = 0;
    long whole = (long)((seconds < most ? seconds : most) + 0.5);
    if (whole >= 3600)
        (void)snprintf(buffer, TEXT_TIME_SIZE, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60,
                       whole % 60);
    else
        (void)snprintf(buffer, TEXT_TIME_SIZE, "%ld:%02ld", whole / 60, whole % 60);
    return buffer;
}

char *text_bytes(uint64_t bytes, char *buffer)
{
    static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
    if (bytes < 1000) {
        (void)snprintf(buffer, TEXT_TIME_SIZE, "%u B", (unsigned)bytes);
        return buffer;
    }
    // Whole arithmetic: printf would take the decimal comma of a locale.
    uint64_t unit = 1000;
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(units) && bytes / unit >= 1000) {
        unit *= 1000;
        i++;
    }
    uint64_t tenths = bytes / unit * 10 + (bytes % unit + unit / 20) / (unit / 10);
    if (tenths >= 10000 && i + 1 < ARRAY_LEN(units)) {
        tenths = 10;
        i++;
    }
    (void)snprintf(buffer, TEXT_TIME_SIZE, "%u.%u %s", (unsigned)(tenths / 10),
                   (unsigned)(tenths % 10), units[i]);
    return buffer;
}
