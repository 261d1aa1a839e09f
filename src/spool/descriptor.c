// Small files that name videos elsewhere.

#include "spool/descriptor.h"

#include "base/text.h"
#include "base/utf16.h"
#include "spool/plist.h"

#include <errno.h>
#include <strings.h>

// ---- text and lines

// A file being read.
struct reading {
    char *text; // whole and own; lines are cut off it in place
    char *next; // what is left of it
    unsigned line;
    struct descriptor *into;
    struct err *err;
};

static void reading_release(struct reading *reading)
{
    free_ptr(&reading->text);
}

// What is wrong with the current line.
static int refuse(struct reading *reading, const char *hint, const char *text)
{
    err_set(reading->err, ERR_INPUT, "bad_descriptor", "line %u: %s", reading->line, text);
    err_hint(reading->err, "%s", hint);
    return -EINVAL;
}

// What is wrong with the whole.
static int refuse_file(struct err *err, const char *id, const char *hint, const char *text)
{
    err_set(err, ERR_INPUT, id, "%s", text);
    err_hint(err, "%s", hint);
    return -EINVAL;
}

// Gives the bytes as a string of UTF-8, or what has no byte order mark as it is.
static int decode(const char *bytes, size_t size, char **ret_text, struct err *err)
{
    static const char hint[] = "save the file as plain text in UTF-8";
    if (size >= 2 && (memcmp(bytes, "\xFF\xFE", 2) == 0 || memcmp(bytes, "\xFE\xFF", 2) == 0)) {
        enum utf16_order order = bytes[0] == '\xFF' ? UTF16_LITTLE : UTF16_BIG;
        *ret_text = utf16_to_utf8(bytes + 2, size - 2, order);
        return *ret_text != NULL ? 0
                                 : refuse_file(err, "bad_descriptor", hint, "is damaged UTF-16");
    }
    if (memchr(bytes, 0, size) != NULL)
        return refuse_file(err, "bad_descriptor", hint, "holds a NUL byte, so it is not a text");
    size_t mark = size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    *ret_text = xstrndup(bytes + mark, size - mark);
    return 0;
}

static char *trimmed(char *text)
{
    static const char blanks[] = " \t\r\n";
    text += strspn(text, blanks);
    size_t length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]) != NULL)
        length--;
    text[length] = 0;
    return text;
}

// The next line without its end and the blanks around it, or NULL at the end.
static char *next_line(struct reading *reading)
{
    char *line = reading->next;
    if (line == NULL || *line == 0)
        return NULL;
    size_t length = strcspn(line, "\r\n");
    size_t end = line[length] == 0 ? 0 : line[length] == '\r' && line[length + 1] == '\n' ? 2 : 1;
    line[length] = 0;
    reading->next = line + length + end;
    reading->line++;
    return trimmed(line);
}

static int add(struct reading *reading, const char *text,
               int (*read)(const char *text, struct remote *remote, struct err *err))
{
    struct descriptor *into = reading->into;
    struct remote remote = REMOTE_INIT;
    if (into->count >= DESCRIPTOR_MAX_LINKS) {
        err_set(reading->err, ERR_INPUT, "too_many_links", "line %u: holds more than %d links",
                reading->line, DESCRIPTOR_MAX_LINKS);
        return err_hint(reading->err, "divide them over several folders");
    }
    int r = read(text, &remote, reading->err);
    if (r < 0)
        return reading->line > 0 ? err_prefix(reading->err, "line %u", reading->line) : r;
    into->links = xrealloc(into->links, into->count + 1, sizeof *into->links);
    into->links[into->count++] = remote;
    return 0;
}

// ---- key = value

// Cuts a line at its first '='.  Returns NULL if there is none, else the value; the line is the
// key.
static char *split(char *line)
{
    char *equals = strchr(line, '=');
    if (equals == NULL)
        return NULL;
    *equals = 0;
    (void)trimmed(line);
    return trimmed(equals + 1);
}

static bool has_section(const char *text, const char *section)
{
    for (const char *at = text; (at = strcasestr(at, section)) != NULL; at++) {
        const char *line = at;
        while (line > text && (line[-1] == ' ' || line[-1] == '\t'))
            line--;
        if (line == text || line[-1] == '\n' || line[-1] == '\r')
            return true;
    }
    return false;
}

// Sections other than the one named hold window positions and the like, and are passed over.
static int read_shortcut(struct reading *reading)
{
    bool inside = false;
    int r = 0;
    for (char *line; r == 0 && (line = next_line(reading)) != NULL;) {
        if (*line == '[')
            inside = strcasecmp(line, "[InternetShortcut]") == 0;
        char *value = inside && *line != ';' ? split(line) : NULL;
        if (value != NULL && strcasecmp(line, "URL") == 0)
            r = add(reading, value, remote_from_link);
    }
    return r;
}

static int read_desktop(struct reading *reading)
{
    static const char hint[] = "only desktop entries with Type=Link and URL= name a video";
    bool inside = false, is_link = false;
    int r = 0;
    for (char *line; r == 0 && (line = next_line(reading)) != NULL;) {
        if (*line == '[')
            inside = strcmp(line, "[Desktop Entry]") == 0;
        char *value = inside && *line != '#' ? split(line) : NULL;
        if (value == NULL)
            continue;
        // KDE marks values that it expands; a link has nothing to expand.
        if (strcmp(line, "URL") == 0 || strcmp(line, "URL[$e]") == 0)
            r = add(reading, value, remote_from_link);
        else if (strcmp(line, "Type") == 0 && strcmp(value, "Link") != 0)
            r = refuse(reading, hint, "its type is not Link");
        else if (strcmp(line, "Type") == 0)
            is_link = true;
    }
    if (r < 0 || is_link)
        return r;
    return refuse_file(reading->err, "bad_descriptor", hint,
                       "is not a desktop entry with Type=Link");
}

// ---- a link a line

static int read_plain(struct reading *reading)
{
    int r = 0;
    for (char *line; r == 0 && (line = next_line(reading)) != NULL;)
        if (*line != 0 && *line != '#' && *line != ';')
            r = add(reading, line, remote_from_link);
    return r;
}

static int read_url(struct reading *reading)
{
    return has_section(reading->text, "[InternetShortcut]") ? read_shortcut(reading)
                                                            : read_plain(reading);
}

// What the lines of an .oss file say of all its objects.
struct wishes {
    char *endpoint, *region, *profile;
};

static void wishes_release(struct wishes *wishes)
{
    free_ptr(&wishes->endpoint);
    free_ptr(&wishes->region);
    free_ptr(&wishes->profile);
}

// People copy the region out of the endpoint, with "oss-" in front.
static char *read_region(const char *text)
{
    text += strncasecmp(text, "oss-", 4) == 0 ? 4 : 0;
    return remote_is_region(text) ? xstrdup(text) : NULL;
}

// Takes a line that is a wish.  Returns 1, 0 if it is none, or a negative.
static int read_wish(struct reading *reading, char *line, struct wishes *wishes)
{
    static const char *const names[] = { "endpoint", "region", "profile" };
    char **members[] = { &wishes->endpoint, &wishes->region, &wishes->profile };
    size_t length = strcspn(line, "= \t"), i = 0;
    while (i < ARRAY_LEN(names) &&
           (strlen(names[i]) != length || strncasecmp(line, names[i], length) != 0))
        i++;
    if (i == ARRAY_LEN(names) || line[length + strspn(line + length, " \t")] != '=')
        return 0;
    const char *value = split(line);
    if (*members[i] != NULL)
        return refuse(reading, "write endpoint, region and profile once; they hold for the file",
                      "says for a second time what holds for the file");
    if (i == 0 && (*members[i] = remote_endpoint(value, reading->err)) == NULL)
        return err_prefix(reading->err, "line %u: endpoint", reading->line);
    if (i > 0)
        *members[i] = i == 1                     ? read_region(value)
                      : remote_is_profile(value) ? xstrdup(value)
                                                 : NULL;
    if (*members[i] == NULL)
        return refuse(reading,
                      "a region is written cn-hangzhou, a profile in letters, digits, - "
                      "and _",
                      "its value cannot be");
    return 1;
}

static void fulfil(const struct wishes *wishes, struct remote *remote)
{
    if (remote->endpoint == NULL && wishes->endpoint != NULL)
        remote->endpoint = xstrdup(wishes->endpoint);
    if (remote->region == NULL && wishes->region != NULL)
        remote->region = xstrdup(wishes->region);
    if (wishes->profile != NULL)
        remote->profile = xstrdup(wishes->profile);
}

static int read_oss(struct reading *reading)
{
    cleanup(wishes_release) struct wishes wishes = { .region = NULL };
    for (char *line; (line = next_line(reading)) != NULL;) {
        if (*line == 0 || *line == '#')
            continue;
        int r = read_wish(reading, line, &wishes);
        if (r == 0)
            r = add(reading, line, remote_from_object);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < reading->into->count; i++)
        fulfil(&wishes, &reading->into->links[i]);
    return 0;
}

// ---- the whole

static int read_webloc(struct reading *reading)
{
    cleanup(free_ptr) char *url = NULL;
    int r = plist_xml(reading->text, &url, reading->err);
    return r < 0 ? r : add(reading, trimmed(url), remote_from_link);
}

static int read_binary(struct reading *reading, const void *bytes, size_t size)
{
    cleanup(free_ptr) char *url = NULL;
    int r = plist_binary(bytes, size, &url, reading->err);
    return r < 0 ? r : add(reading, trimmed(url), remote_from_link);
}

static int read_any(const char *name, const void *bytes, size_t size, struct reading *reading)
{
    static const struct {
        const char *ending;
        int (*read)(struct reading *reading);
    } forms[] = {
        { ".webloc", read_webloc },
        { ".desktop", read_desktop },
        { ".oss", read_oss },
        { "", read_url },
    };
    if (size > DESCRIPTOR_MAX_BYTES)
        return refuse_file(reading->err, "too_large", "links are small files; is it a video?",
                           "is larger than 64 KiB");
    if (text_ends_with(name, ".webloc") && plist_is_binary(bytes, size))
        return read_binary(reading, bytes, size);
    int r = decode(bytes, size, &reading->text, reading->err);
    if (r < 0)
        return r;
    reading->next = reading->text;
    size_t form = 0;
    while (!text_ends_with(name, forms[form].ending))
        form++;
    r = forms[form].read(reading);
    if (r < 0 || reading->into->count > 0)
        return r;
    return refuse_file(reading->err, "bad_descriptor",
                       "write one link a line, beginning with https:// (or oss:// in an .oss file)",
                       "holds no link");
}

int descriptor_parse(const char *name, const void *bytes, size_t size,
                     struct descriptor *descriptor, struct err *err)
{
    struct descriptor read = DESCRIPTOR_INIT;
    cleanup(reading_release) struct reading reading = { .into = &read, .err = err };
    int r = read_any(name, bytes, size, &reading);
    if (r < 0) {
        cleanup(free_ptr) char *shown = text_escape(name);
        descriptor_release(&read);
        err_prefix(err, "%s", shown);
    }
    *descriptor = read;
    return r;
}

void descriptor_release(struct descriptor *descriptor)
{
    for (size_t i = 0; i < descriptor->count; i++)
        remote_release(&descriptor->links[i]);
    free(descriptor->links);
    *descriptor = (struct descriptor)DESCRIPTOR_INIT;
}
