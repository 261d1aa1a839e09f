// Prompts: sections of a file, and values in their lines.
#include "model/prompt.h"

#include "base/fs.h"
#include "base/text.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

// A part of the text, borrowed.
struct piece {
    const char *at;
    size_t length;
};

struct loader {
    const char *file; // for errors
    const char *text; // all of it
    const char *example;
    const struct prompt_value *values;
    size_t count;
};

// ---- errors

__attribute__((format(printf, 4, 5))) static int
malformed(const struct loader *loader, const char *at, struct err *err, const char *format, ...)
{
    unsigned line = 1;
    cleanup(free_ptr) char *what = NULL;
    va_list arguments;
    for (const char *c = loader->text; c < at; c++)
        line += *c == '\n';
    va_start(arguments, format);
    if (vasprintf(&what, format, arguments) < 0)
        base_out_of_memory();
    va_end(arguments);
    (void)err_set(err, ERR_CONFIG, "bad_prompt", "prompt %s, line %u: %s", loader->file, line,
                  what);
    return err_hint(err, "correct it, or leave models.prompts out of clipspool.conf to have the "
                         "installed prompts");
}

static int not_there(const char *folder, const char *file, struct err *err)
{
    (void)err_set(err, ERR_CONFIG, "no_prompt", "there is no prompt %s in %s", file, folder);
    return err_hint(err, "models.prompts names a folder that has all of them; leave it out to have "
                         "the installed ones");
}

// ---- lines

// Takes the first line off, without its end, which may be \r\n.  False if there is none.
static bool next_line(struct piece *rest, struct piece *ret)
{
    if (rest->length == 0)
        return false;
    const char *end = memchr(rest->at, '\n', rest->length);
    size_t length = end ? (size_t)(end - rest->at) : rest->length, whole = length + (end != NULL);
    *ret = (struct piece){ rest->at, length };
    *rest = (struct piece){ rest->at + whole, rest->length - whole };
    if (length > 0 && ret->at[length - 1] == '\r')
        ret->length--;
    return true;
}

static struct piece trimmed(struct piece piece)
{
    while (piece.length > 0 && isspace((unsigned char)*piece.at))
        piece.at++, piece.length--;
    while (piece.length > 0 && isspace((unsigned char)piece.at[piece.length - 1]))
        piece.length--;
    return piece;
}

static bool is(struct piece piece, const char *text)
{
    return strlen(text) == piece.length && memcmp(piece.at, text, piece.length) == 0;
}

static bool same(struct piece a, struct piece b)
{
    return a.length == b.length && memcmp(a.at, b.at, a.length) == 0;
}

// Whether the line is {{MARK name}}; then *ret_name is the name.
static bool is_mark(struct piece line, char mark, struct piece *ret_name)
{
    line = trimmed(line);
    if (line.length < 6 || memcmp(line.at, "{{", 2) != 0 || line.at[2] != mark ||
        memcmp(line.at + line.length - 2, "}}", 2) != 0)
        return false;
    *ret_name = trimmed((struct piece){ line.at + 3, line.length - 5 });
    return true;
}

// ---- values

// NULL if there is none of that name.
static const char *value_of(const struct loader *loader, struct piece name)
{
    if (is(name, "example"))
        return loader->example;
    for (size_t i = 0; i < loader->count; i++)
        if (is(name, loader->values[i].name))
            return loader->values[i].text ? loader->values[i].text : "";
    return NULL;
}

static int unknown(const struct loader *loader, struct piece name, struct err *err)
{
    cleanup(free_ptr) char *shown = text_escape_n(name.at, name.length < 40 ? name.length : 40);
    return malformed(loader, name.at, err, "{{%s}} is nothing that is said here", shown);
}

static int put_line(const struct loader *loader, struct piece line, FILE *out, struct err *err)
{
    const char *at = line.at, *end = line.at + line.length;
    for (;;) {
        const char *open = memmem(at, (size_t)(end - at), "{{", 2);
        const char *close = open ? memmem(open, (size_t)(end - open), "}}", 2) : NULL;
        if (close == NULL)
            break;
        struct piece name = trimmed((struct piece){ open + 2, (size_t)(close - open - 2) });
        const char *value = value_of(loader, name);
        if (value == NULL)
            return unknown(loader, name, err);
        fwrite(at, 1, (size_t)(open - at), out);
        fputs(value, out);
        at = close + 2;
    }
    fwrite(at, 1, (size_t)(end - at), out);
    fputc('\n', out);
    return 0;
}

// What is said only with a value: from behind its line to the line {{/name}}, which is taken off
// with it.  False if there is no such line.
static bool take_block(struct piece *rest, struct piece name, struct piece *ret)
{
    struct piece line, ended;
    const char *begin = rest->at;
    while (next_line(rest, &line)) {
        if (!is_mark(line, '/', &ended) || !same(ended, name))
            continue;
        *ret = (struct piece){ begin, (size_t)(line.at - begin) };
        return true;
    }
    return false;
}

static int put_plain(const struct loader *loader, struct piece text, FILE *out, struct err *err)
{
    struct piece line;
    int r = 0;
    while (r == 0 && next_line(&text, &line)) {
        if (ftell(out) > PROMPT_MAX_BYTES)
            return malformed(loader, line.at, err, "it becomes longer than %d bytes",
                             PROMPT_MAX_BYTES);
        r = put_line(loader, line, out, err);
    }
    return r;
}

static int put_text(const struct loader *loader, struct piece text, FILE *out, struct err *err)
{
    struct piece line, name, block;
    int r = 0;
    while (r == 0 && next_line(&text, &line)) {
        if (!is_mark(line, '?', &name)) {
            r = put_plain(loader, line, out, err);
            continue;
        }
        const char *value = value_of(loader, name);
        if (value == NULL)
            return unknown(loader, name, err);
        if (!take_block(&text, name, &block))
            return malformed(loader, line.at, err, "no line {{/...}} ends what begins here");
        if (*value != 0)
            r = put_plain(loader, block, out, err);
    }
    return r;
}

static char *tidy(struct piece text)
{
    text = trimmed(text);
    return xstrndup(text.at, text.length);
}

static int fill(const struct loader *loader, struct piece section, char **ret_text, struct err *err)
{
    cleanup(free_ptr) char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        base_out_of_memory();
    int r = put_text(loader, section, out, err);
    if (fclose(out) != 0)
        base_out_of_memory();
    if (r == 0)
        *ret_text = tidy((struct piece){ text, size });
    return r;
}

// ---- the file

enum section { SYSTEM, USER, EXAMPLE, SECTIONS };

static const char *const heads[SECTIONS] = {
    [SYSTEM] = "[system]",
    [USER] = "[user]",
    [EXAMPLE] = "[example]",
};

// The section whose head this is, or SECTIONS.
static int section_of(struct piece line)
{
    int section = 0;
    while (section < SECTIONS && !is(trimmed(line), heads[section]))
        section++;
    return section;
}

static int divide(const struct loader *loader, struct piece rest, struct piece sections[SECTIONS],
                  struct err *err)
{
    struct piece line, *current = NULL;
    while (next_line(&rest, &line)) {
        int section = section_of(line);
        if (section < SECTIONS) {
            current = &sections[section];
            if (current->at != NULL)
                return malformed(loader, line.at, err, "%s is there a second time", heads[section]);
            current->at = rest.at;
        }
        if (current != NULL)
            current->length = (size_t)(rest.at - current->at);
    }
    return 0;
}

static int read_version(const struct loader *loader, struct piece *rest, char **ret_version,
                        struct err *err)
{
    static const char word[] = "version:";
    struct piece line = { .length = 0 };
    size_t length = strlen(word);
    if (!next_line(rest, &line) || line.length < length || memcmp(line.at, word, length) != 0)
        return malformed(loader, loader->text, err, "the first line is not \"version: N\"");
    line = trimmed((struct piece){ line.at + length, line.length - length });
    if (line.length == 0)
        return malformed(loader, loader->text, err, "it says no version");
    *ret_version = text_escape_n(line.at, line.length);
    return 0;
}

static int read_example(const struct loader *loader, const struct piece *section, json_t **ret,
                        struct err *err)
{
    struct err reason = ERR_INIT;
    if (section->at == NULL || json_parse(section->at, section->length, ret, &reason) == 0)
        return 0;
    return malformed(loader, section->at, err, "[example] is not JSON: %s", reason.text);
}

static int read_text(struct loader *loader, size_t size, struct prompt *prompt, struct err *err)
{
    struct piece sections[SECTIONS] = { 0 }, rest = { loader->text, size };
    if (!text_is_utf8(loader->text, size) || strlen(loader->text) < size)
        return malformed(loader, loader->text, err, "it is no text in UTF-8");
    int r = read_version(loader, &rest, &prompt->version, err);
    if (r == 0)
        r = divide(loader, rest, sections, err);
    if (r == 0)
        r = read_example(loader, &sections[EXAMPLE], &prompt->example, err);
    if (r < 0)
        return r;
    cleanup(free_ptr) char *example = sections[EXAMPLE].at ? tidy(sections[EXAMPLE]) : NULL;
    loader->example = example;
    r = fill(loader, sections[SYSTEM], &prompt->system, err);
    if (r == 0)
        r = fill(loader, sections[USER], &prompt->user, err);
    loader->example = NULL;
    if (r == 0 && *prompt->user == 0)
        r = malformed(loader, loader->text, err, "nothing is said under [user]");
    return r;
}

static int open_folder(const char *folder, const char *file, struct err *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    return errno == ENOENT || errno == ENOTDIR ? not_there(folder, file, err)
                                               : err_errno(err, errno, "open %s", folder);
}

static int read_schema(int dirfd, const char *name, json_t **ret, struct err *err)
{
    struct err reason = ERR_INIT;
    cleanup(free_ptr) char *file = xasprintf("%s.schema.json", name);
    int r = json_read(dirfd, file, PROMPT_MAX_FILE_BYTES, ret, &reason);
    if (r == -ENOENT)
        return 0;
    if (r < 0 && reason.class == ERR_INPUT)
        return err_set(err, ERR_CONFIG, "bad_prompt", "prompt %s: %s", file, reason.text);
    if (r < 0 && err)
        *err = reason;
    return r;
}

static int load(int dirfd, const char *folder, struct loader *loader, struct prompt *prompt,
                struct err *err)
{
    struct err reason = ERR_INIT;
    cleanup(free_ptr) char *text = NULL;
    size_t size = 0;
    int r = fs_read(dirfd, loader->file, PROMPT_MAX_FILE_BYTES, &text, &size, &reason);
    if (r == -ENOENT)
        return not_there(folder, loader->file, err);
    if (r < 0 && reason.class == ERR_INPUT)
        return err_set(err, ERR_CONFIG, "bad_prompt", "prompt %s: %s", loader->file, reason.text);
    if (r < 0) {
        if (err)
            *err = reason;
        return r;
    }
    loader->text = text;
    return read_text(loader, size, prompt, err);
}

int prompt_load(const char *folder, const char *name, const char *language,
                const struct prompt_value *values, size_t count, struct prompt *ret,
                struct err *err)
{
    bool chinese = language != NULL && strncasecmp(language, "zh", 2) == 0;
    cleanup(prompt_release) struct prompt prompt = PROMPT_INIT;
    cleanup(free_ptr) char *file = xasprintf("%s.%s.txt", name, chinese ? "zh" : "en");
    struct loader loader = { .file = file, .values = values, .count = count };
    cleanup(close_fd) int dirfd = open_folder(folder, file, err);
    int r = dirfd < 0 ? dirfd : load(dirfd, folder, &loader, &prompt, err);
    if (r == 0)
        r = read_schema(dirfd, name, &prompt.schema, err);
    if (r < 0)
        return r;
    *ret = prompt;
    prompt = (struct prompt)PROMPT_INIT;
    return 0;
}

void prompt_release(struct prompt *prompt)
{
    free(prompt->version);
    free(prompt->system);
    free(prompt->user);
    json_decref(prompt->example);
    json_decref(prompt->schema);
    *prompt = (struct prompt)PROMPT_INIT;
}

char *prompt_quote(const char *text)
{
    struct piece said = trimmed((struct piece){ text ? text : "", text ? strlen(text) : 0 });
    if (said.length == 0)
        return xstrdup("");
    cleanup(json_free) json_t *string = NULL;
    if (text_is_utf8(said.at, said.length))
        string = json_stringn(said.at, said.length);
    else {
        cleanup(free_ptr) char *escaped = text_escape_n(said.at, said.length);
        string = json_string(escaped);
    }
    cleanup(free_ptr) char *quoted = json_dumps(string, JSON_ENCODE_ANY);
    if (quoted == NULL)
        base_out_of_memory();
    // A backtick is the one character of JSON that could end a fence; six bytes stand for it.
    char *safe = xcalloc(strlen(quoted) * 6 + 1, 1), *to = safe;
    for (const char *at = quoted; *at; at++) {
        if (*at == '`')
            to = stpcpy(to, "\\u0060");
        else
            *to++ = *at;
    }
    return safe;
}
