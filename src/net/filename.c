// Names from outside, made harmless.

#include "net/filename.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Gives the bytes that %XX stand for, in place of them; a NUL becomes '_'.
static char *decode_percent(const char *text, size_t length)
{
    char *bytes = xcalloc(length + 1, 1);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        int high = text[i] == '%' && i + 2 < length ? hex_digit(text[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        char c = low >= 0 ? (char)(high * 16 + low) : text[i];
        bytes[used++] = c != '\0' ? c : '_';
        i += low >= 0 ? 2 : 0;
    }
    return bytes;
}

// ---- Content-Disposition

// A parameter's value: a quoted string, with \x for x, or a token.  Moves *at behind it.  Gives a
// string.
static char *take_value(const char **at)
{
    const char *from = *at;
    if (*from != '"') {
        size_t length = strcspn(from, "; \t");
        *at = from + length;
        return xstrndup(from, length);
    }
    char *value = xcalloc(strlen(from) + 1, 1);
    size_t used = 0;
    for (from++; *from != '\0' && *from != '"'; from++) {
        // Browsers of old wrote C:\dir\x.mp4 without doubling; then what is behind stays, too.
        if (*from == '\\' && (from[1] == '"' || from[1] == '\\'))
            from++;
        value[used++] = *from;
    }
    *at = *from == '"' ? from + 1 : from;
    return value;
}

// Gives the value of parameter `name`, or NULL.
static char *find_parameter(const char *disposition, const char *name)
{
    for (const char *at = strchr(disposition, ';'); at != NULL && *at != '\0';) {
        at += strspn(at, "; \t");
        size_t length = strcspn(at, "=; \t");
        bool found = length == strlen(name) && strncasecmp(at, name, length) == 0;
        at += length;
        at += strspn(at, " \t");
        if (*at != '=')
            continue;
        at++;
        at += strspn(at, " \t");
        char *value = take_value(&at);
        if (found)
            return value;
        free(value);
        at += strcspn(at, ";");
    }
    return NULL;
}

static char *latin1_to_utf8(const char *bytes)
{
    char *text = xcalloc(2 * strlen(bytes) + 1, 1);
    size_t used = 0;
    for (const char *c = bytes; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte >= 0x80)
            text[used++] = (char)(0xC0 | (byte >> 6));
        text[used++] = (char)(byte >= 0x80 ? 0x80 | (byte & 0x3F) : byte);
    }
    return text;
}

// CHARSET'LANGUAGE'percent-encoded, RFC 8187.  Gives a string, or NULL if it is not that.
static char *decode_extended(const char *value)
{
    const char *first = strchr(value, '\''), *second = first ? strchr(first + 1, '\'') : NULL;
    if (second == NULL)
        return NULL;
    cleanup(free_ptr) char *bytes = decode_percent(second + 1, strlen(second + 1));
    if (strncasecmp(value, "UTF-8'", 6) == 0)
        return TAKE(bytes);
    if (strncasecmp(value, "ISO-8859-1'", 11) == 0)
        return latin1_to_utf8(bytes);
    return NULL;
}

// Gives what the server calls it, or NULL.
static char *from_disposition(const char *disposition)
{
    cleanup(free_ptr) char *extended = find_parameter(disposition, "filename*");
    char *name = extended ? decode_extended(extended) : NULL;
    return name ? name : find_parameter(disposition, "filename");
}

// ---- harmless

// The length of the character at `at` if it is a valid one, else 0.
static size_t character(const char *at)
{
    for (size_t length = 1; length <= 4; length++) {
        if (text_is_utf8(at, length))
            return length;
        if (at[length] == '\0')
            break;
    }
    return 0;
}

// Control characters in UTF-8 are those below 0x20, 0x7F, and C2 80 to C2 9F.
static bool is_unwanted(const char *at, size_t length)
{
    unsigned char first = (unsigned char)at[0];
    if (length == 1)
        return first < 0x20 || first == 0x7F || strchr("<>:\"|?*", first) != NULL;
    return length == 2 && first == 0xC2 && (unsigned char)at[1] < 0xA0;
}

// Cuts the name so that its ending, which tells people what it is, stays.
static void shorten(char *name)
{
    size_t length = strlen(name);
    if (length <= FILENAME_MAX_BYTES)
        return;
    const char *dot = strrchr(name, '.');
    cleanup(free_ptr) char *ending = xstrdup(dot && strlen(dot) <= 16 ? dot : "");
    size_t keep = FILENAME_MAX_BYTES - strlen(ending);
    while (keep > 0 && ((unsigned char)name[keep] & 0xC0) == 0x80)
        keep--;
    memcpy(name + keep, ending, strlen(ending) + 1);
}

// Gives the harmless form of a name, or NULL if nothing is left of it.
static char *make_safe(const char *name)
{
    for (const char *c = name; *c != '\0'; c++)
        if ((*c == '/' || *c == '\\') && c[1] != '\0')
            name = c + 1;
    cleanup(free_ptr) char *safe = xcalloc(strlen(name) + 1, 1);
    size_t used = 0;
    for (const char *at = name; *at != '\0';) {
        size_t length = character(at);
        bool good = length > 0 && !is_unwanted(at, length) && *at != '/' && *at != '\\';
        if (used == 0 && (*at == '.' || *at == ' ')) {
            at++;
            continue;
        }
        if (good)
            memcpy(safe + used, at, length);
        else
            safe[used] = '_';
        used += good ? length : 1;
        at += length > 0 ? length : 1;
    }
    while (used > 0 && (safe[used - 1] == ' ' || safe[used - 1] == '.'))
        safe[--used] = '\0';
    shorten(safe);
    return used > 0 ? TAKE(safe) : NULL;
}

// The last component of a path that has one.
static char *from_path(const char *path)
{
    size_t length = strcspn(path, "?#");
    while (length > 0 && path[length - 1] == '/')
        length--;
    size_t begin = length;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    return decode_percent(path + begin, length - begin);
}

char *filename_of(const char *disposition, const char *path)
{
    cleanup(free_ptr) char *said = disposition ? from_disposition(disposition) : NULL;
    char *safe = said ? make_safe(said) : NULL;
    if (safe != NULL)
        return safe;
    cleanup(free_ptr) char *last = path ? from_path(path) : NULL;
    safe = last ? make_safe(last) : NULL;
    return safe ? safe : xstrdup("video");
}
