// The URL in a property list.

#include "spool/plist.h"

#include "base/utf16.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char remedy[] = "drag the link into the folder again, or write it into a .url file";

// ---- XML

enum { MAX_DEPTH = 8, MAX_NAME = 16 };

struct scan {
    const char *start, *at;
    struct err *err;
};

static int broken(struct scan *scan, const char *what)
{
    unsigned line = 1;
    for (const char *s = scan->start; s < scan->at; s++)
        line += *s == '\n';
    err_set(scan->err, ERR_INPUT, "bad_descriptor", "line %u: %s", line, what);
    err_hint(scan->err, "%s", remedy);
    return -EINVAL;
}

static bool begins(const struct scan *scan, const char *text)
{
    return strncmp(scan->at, text, strlen(text)) == 0;
}

// Moves behind the next `end`.
static int skip_to(struct scan *scan, const char *end)
{
    const char *found = strstr(scan->at, end);
    if (found == NULL)
        return broken(scan, "ends in the middle of a mark");
    scan->at = found + strlen(end);
    return 0;
}

// Blanks, comments, processing instructions, and a document type that only names one.
static int skip_between(struct scan *scan)
{
    int r = 0;
    while (r == 0) {
        scan->at += strspn(scan->at, " \t\r\n");
        if (begins(scan, "<!--"))
            r = skip_to(scan, "-->");
        else if (begins(scan, "<?"))
            r = skip_to(scan, "?>");
        else if (!begins(scan, "<!DOCTYPE"))
            return 0;
        else if (scan->at[strcspn(scan->at, "[>")] == '[')
            return broken(scan, "brings a document type of its own");
        else
            r = skip_to(scan, ">");
    }
    return r;
}

struct tag {
    char name[MAX_NAME];
    bool closing, empty; // </name>, <name/>
};

static int read_tag(struct scan *scan, struct tag *tag)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    *tag = (struct tag){ .closing = false };
    int r = skip_between(scan);
    if (r < 0)
        return r;
    if (*scan->at != '<')
        return broken(scan, "has text where a mark should be");
    tag->closing = scan->at[1] == '/';
    const char *name = scan->at + 1 + tag->closing;
    size_t length = strspn(name, letters);
    if (length == 0 || length >= MAX_NAME || strchr(" \t\r\n/>", name[length]) == NULL ||
        name[length] == 0)
        return broken(scan, "has a mark that property lists do not have");
    memcpy(tag->name, name, length);
    const char *end = name + length;
    while (*end != '>') {
        // The value of an attribute may hold anything but its own quote.
        if (*end == '"' || *end == '\'')
            end = strchr(end + 1, *end);
        if (end == NULL || *end == 0 || *end == '<')
            return broken(scan, "has a mark without an end");
        end++;
    }
    tag->empty = end[-1] == '/';
    scan->at = end + 1;
    return 0;
}

static int expect(struct scan *scan, const char *name, bool closing)
{
    struct tag tag;
    int r = read_tag(scan, &tag);
    if (r < 0)
        return r;
    if (strcmp(tag.name, name) == 0 && tag.closing == closing && !tag.empty)
        return 0;
    char what[64];
    (void)snprintf(what, sizeof what, "has <%s> where <%s%s> should be", tag.name,
                   closing ? "/" : "", name);
    return broken(scan, what);
}

// One character written as & ... ;  Returns its length in `to` (at most 4), or 0 if there is no
// such character.
static size_t read_entity(const char *text, const char **ret_end, char *to)
{
    static const struct {
        const char *name;
        char is;
    } names[] = {
        { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' }, { "&apos;", '\'' }
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strncmp(text, names[i].name, strlen(names[i].name)) == 0) {
            *to = names[i].is;
            *ret_end = text + strlen(names[i].name);
            return 1;
        }
    if (text[1] != '#')
        return 0;
    bool hex = text[2] == 'x';
    const char *digits = text + 2 + hex;
    size_t length = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");
    if (length == 0 || length > 7 || digits[length] != ';')
        return 0;
    unsigned long point = strtoul(digits, NULL, hex ? 16 : 10);
    *ret_end = digits + length + 1;
    return utf16_put_utf8((uint32_t)point, to);
}

// The text of the element `name`, whose opening tag was read, and its closing tag.  Gives a string,
// or NULL with err set.
static char *read_text(struct scan *scan, const char *name)
{
    size_t length = strcspn(scan->at, "<"), used = 0;
    cleanup(free_ptr) char *text = xcalloc(length + 1, 1);
    const char *end = scan->at + length;
    while (scan->at < end) {
        if (*scan->at != '&') {
            text[used++] = *scan->at++;
            continue;
        }
        // No entity is shorter than what it stands for: "&#x1;" is five, a character at most four.
        size_t size = read_entity(scan->at, &scan->at, text + used);
        if (size == 0) {
            broken(scan, "has an & that stands for no character");
            return NULL;
        }
        used += size;
    }
    return expect(scan, name, true) == 0 ? TAKE(text) : NULL;
}

static int skip_value(struct scan *scan, const struct tag *tag, int depth)
{
    if (tag->empty)
        return 0;
    if (strcmp(tag->name, "dict") != 0 && strcmp(tag->name, "array") != 0) {
        cleanup(free_ptr) char *text = read_text(scan, tag->name);
        return text != NULL ? 0 : -EINVAL;
    }
    if (depth >= MAX_DEPTH)
        return broken(scan, "is nested too deep");
    for (;;) {
        struct tag inner;
        int r = read_tag(scan, &inner);
        if (r == 0 && inner.closing)
            return strcmp(inner.name, tag->name) == 0 ? 0 : broken(scan, "closes what is not open");
        if (r == 0)
            r = skip_value(scan, &inner, depth + 1);
        if (r < 0)
            return r;
    }
}

// A key and its value.  Returns 1 at the end of the dictionary.
static int read_pair(struct scan *scan, char **url)
{
    struct tag tag;
    int r = read_tag(scan, &tag);
    if (r == 0 && tag.closing)
        return strcmp(tag.name, "dict") == 0 ? 1 : broken(scan, "closes what is not open");
    if (r == 0 && (strcmp(tag.name, "key") != 0 || tag.empty))
        return broken(scan, "has a value without a key");
    cleanup(free_ptr) char *key = r == 0 ? read_text(scan, "key") : NULL;
    if (key == NULL || read_tag(scan, &tag) < 0)
        return -EINVAL;
    if (tag.closing)
        return broken(scan, "has a key without a value");
    if (strcmp(key, "URL") != 0 || *url != NULL)
        return skip_value(scan, &tag, 1);
    if (strcmp(tag.name, "string") != 0 || tag.empty)
        return broken(scan, "has a URL that is no text");
    *url = read_text(scan, "string");
    return *url != NULL ? 0 : -EINVAL;
}

int plist_xml(const char *text, char **ret_url, struct err *err)
{
    struct scan scan = { .start = text, .at = text, .err = err };
    cleanup(free_ptr) char *url = NULL;
    int r = expect(&scan, "plist", false);
    if (r == 0)
        r = expect(&scan, "dict", false);
    while (r == 0)
        r = read_pair(&scan, &url);
    if (r == 1)
        r = expect(&scan, "plist", true);
    if (r == 0 && url == NULL)
        r = broken(&scan, "there is no URL in it");
    if (r == 0)
        *ret_url = TAKE(url);
    return r;
}

// ---- binary
//
// Objects, a table of where each begins, and at the end a trailer that says where the table is.
// An object is a byte of kind and length, perhaps an integer with the true length, then its data; a
// dictionary's are numbers of objects, first the keys', then the values'.

enum { HEADER = 8, TRAILER = 32, KIND_INT = 1, KIND_ASCII = 5, KIND_UTF16 = 6, KIND_DICT = 13 };

struct list {
    const uint8_t *bytes;
    size_t table; // where the table of offsets is, and where objects end
    size_t count; // of objects
    size_t offset_size, ref_size;
};

struct object {
    unsigned kind;
    size_t length; // in characters, or pairs
    size_t data;   // where its data begins
};

static uint64_t big_endian(const uint8_t *s, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | s[i];
    return value;
}

static bool read_trailer(const uint8_t *bytes, size_t size, struct list *list, size_t *ret_top)
{
    if (size < HEADER + 1 + TRAILER)
        return false;
    const uint8_t *trailer = bytes + size - TRAILER;
    uint64_t count = big_endian(trailer + 8, 8), top = big_endian(trailer + 16, 8);
    uint64_t table = big_endian(trailer + 24, 8);
    *list = (struct list){ .bytes = bytes, .offset_size = trailer[6], .ref_size = trailer[7] };
    if (list->offset_size < 1 || list->offset_size > 8 || list->ref_size < 1 || list->ref_size > 8)
        return false;
    if (table <= HEADER || table > size - TRAILER ||
        count > (size - TRAILER - table) / list->offset_size || top >= count)
        return false;
    list->table = (size_t)table;
    list->count = (size_t)count;
    *ret_top = (size_t)top;
    return true;
}

static bool read_object(const struct list *list, uint64_t number, struct object *object)
{
    if (number >= list->count)
        return false;
    uint64_t at = big_endian(list->bytes + list->table + (size_t)number * list->offset_size,
                             list->offset_size);
    if (at < HEADER || at >= list->table)
        return false;
    const uint8_t *s = list->bytes + at;
    size_t left = list->table - (size_t)at - 1;
    *object = (struct object){ .kind = *s >> 4, .length = *s & 15, .data = (size_t)at + 1 };
    if (object->length < 15)
        return true;
    // The length is an integer of 1, 2, 4 or 8 bytes behind it.
    size_t bytes = left > 0 ? (size_t)1 << (s[1] & 3) : 0;
    if (left == 0 || s[1] >> 4 != KIND_INT || (s[1] & 15) > 3 || left - 1 < bytes)
        return false;
    object->length = (size_t)big_endian(s + 2, bytes);
    object->data += 1 + bytes;
    return true;
}

// Gives a string, or NULL for what is no text.
static char *read_string(const struct list *list, uint64_t number)
{
    struct object object;
    if (!read_object(list, number, &object))
        return NULL;
    size_t left = list->table - object.data;
    const uint8_t *s = list->bytes + object.data;
    if (object.kind == KIND_UTF16 && object.length <= left / 2)
        return utf16_to_utf8(s, object.length * 2, UTF16_BIG);
    if (object.kind != KIND_ASCII || object.length > left)
        return NULL;
    for (size_t i = 0; i < object.length; i++)
        if (s[i] == 0 || s[i] >= 0x80)
            return NULL;
    return xstrndup((const char *)s, object.length);
}

static char *find_url(const struct list *list, const struct object *dict)
{
    const uint8_t *keys = list->bytes + dict->data;
    const uint8_t *values = keys + dict->length * list->ref_size;
    for (size_t i = 0; i < dict->length; i++) {
        cleanup(free_ptr) char *key =
            read_string(list, big_endian(keys + i * list->ref_size, list->ref_size));
        if (key != NULL && strcmp(key, "URL") == 0)
            return read_string(list, big_endian(values + i * list->ref_size, list->ref_size));
    }
    return NULL;
}

bool plist_is_binary(const void *bytes, size_t size)
{
    return size >= HEADER && memcmp(bytes, "bplist0", 7) == 0;
}

int plist_binary(const void *bytes, size_t size, char **ret_url, struct err *err)
{
    struct list list;
    struct object dict;
    size_t top;
    const char *what = NULL;
    char *url = NULL;
    if (!plist_is_binary(bytes, size) || !read_trailer(bytes, size, &list, &top) ||
        !read_object(&list, top, &dict))
        what = "is a damaged property list";
    else if (dict.kind != KIND_DICT || dict.length > (list.table - dict.data) / 2 / list.ref_size)
        what = "is a property list without a dictionary";
    else if ((url = find_url(&list, &dict)) == NULL)
        what = "is a property list without a URL";
    if (what != NULL) {
        err_set(err, ERR_INPUT, "bad_descriptor", "%s", what);
        return err_hint(err, "%s", remedy);
    }
    *ret_url = url;
    return 0;
}
