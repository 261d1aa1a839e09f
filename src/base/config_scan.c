// A lexer of libconfig's own tokens, as far as needed to see where numbers, quotes and comments
// are.

#include "base/config_scan.h"

#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

// Far above any file of ours.  libconfig compares every new name with all its siblings and frees
// groups by recursion; both stay cheap below these.
enum { DEPTH_MAX = 8, SETTINGS_MAX = 1000 };

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '*';
}

// ---- explaining

static bool has_word(const char *line, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = line; (at = strcasestr(at, word)); at += length)
        if ((at == line || !is_word(at[-1])) && !is_word(at[length]))
            return true;
    return false;
}

// key = word, where the word should have been in quotes.
static bool has_bare_word(const char *line)
{
    const char *value = strpbrk(line, "=:");
    if (!value || strpbrk(line, "{(["))
        return false;
    value += 1 + strspn(value + 1, " \t");
    return isalpha((unsigned char)*value) && strncasecmp(value, "true", 4) != 0 &&
           strncasecmp(value, "false", 5) != 0;
}

static const char *hint(const char *line)
{
    static const struct {
        const char *sign, *hint;
    } signs[] = {
        { "\xE2\x80\x9C", "use straight quotes \"like this\"" },
        { "\xE2\x80\x9D", "use straight quotes \"like this\"" },
        { "\xE2\x80\x9E", "use straight quotes \"like this\"" },
        { "'", "texts go in double quotes" },
        { "%", "write a number without a sign or unit" },
    };
    static const char *const words[] = { "yes", "no", "on", "off" };
    size_t comma = strlen(line);
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (strstr(line, signs[i].sign))
            return signs[i].hint;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (has_word(line, words[i]))
            return "switches are true or false";
    if (has_bare_word(line))
        return "texts go in double quotes";
    while (comma > 0 && strchr(" \t\r)];", line[comma - 1]))
        comma--;
    if (comma > 0 && line[comma - 1] == ',' && strpbrk(line + comma, ")]"))
        return "no comma after the last element";
    return "each setting is: key = value; texts go in \"quotes\", groups in { }, lists in ( )";
}

// `name` is escaped already.
static void explain(const char *name, const char *text, int line, const char *error,
                    struct config_report *report)
{
    const char *start = text;
    for (int i = 1; i < line && strchr(start, '\n'); i++)
        start = strchr(start, '\n') + 1;
    cleanup(free_ptr) char *what = text_escape(error);
    cleanup(free_ptr) char *whole = xstrndup(start, strcspn(start, "\r\n"));
    cleanup(free_ptr) char *quoted = text_escape_n(whole, strnlen(whole, 60));
    bool is_syntax = strcmp(error, "syntax error") == 0;
    config_report_add(report, "%s:%d: %s in or before `%s`%s%s", name, line, what, quoted,
                      is_syntax ? ": " : "", is_syntax ? hint(whole) : "");
}

// ---- the lexer

struct scan {
    const char *name; // escaped
    const char *text, *next;
    int line;
    int settings, depth;
    char open[DEPTH_MAX]; // the brackets around
    char last;            // what the token before this one began with, 0 at the start
    char *out;
    size_t used;
    struct config_report *report;
};

static void take(struct scan *scan, size_t count)
{
    for (; count > 0; count--) {
        scan->line += *scan->next == '\n';
        scan->out[scan->used++] = *scan->next++;
    }
}

static bool begins(const struct scan *scan, const char *token)
{
    return strncmp(scan->next, token, strlen(token)) == 0;
}

// Takes everything up to and with `end`.  A backslash in a quoted text hides what follows it.
static bool take_until(struct scan *scan, const char *end, bool has_escapes, const char *what)
{
    int first = scan->line;
    while (*scan->next && !begins(scan, end))
        take(scan, has_escapes && *scan->next == '\\' && scan->next[1] ? 2 : 1);
    if (!*scan->next) {
        config_report_add(scan->report, "%s:%d: the %s that begins here has no end (%s)",
                          scan->name, first, what, end);
        return false;
    }
    take(scan, strlen(end));
    return true;
}

// Takes a number; one that libconfig would see as a 32 bit integer gets its L.
static bool take_number(struct scan *scan)
{
    const char *digits = scan->next + (*scan->next == '-' || *scan->next == '+');
    bool is_hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    size_t length = strspn(digits, is_hex ? "0123456789abcdefABCDEFxX" : "0123456789");
    const char *end = digits + length;
    if (!is_hex && (*end == '.' || *end == 'e' || *end == 'E')) {
        take(scan, (size_t)(end - scan->next) + strspn(end, "0123456789.eE+-"));
        return true;
    }
    errno = 0;
    (void)strtoll(scan->next, NULL, is_hex ? 16 : 10);
    if (errno == ERANGE) {
        size_t shown = (size_t)(end - scan->next);
        config_report_add(scan->report, "%s:%d: %.*s%s is too large a number", scan->name,
                          scan->line, shown > 40 ? 40 : (int)shown, scan->next,
                          shown > 40 ? "..." : "");
        return false;
    }
    take(scan, (size_t)(end - scan->next));
    if (*scan->next != 'L')
        scan->out[scan->used++] = 'L';
    else
        take(scan, strspn(scan->next, "L"));
    return true;
}

static bool is_number(const char *s)
{
    s += *s == '-' || *s == '+';
    return isdigit((unsigned char)*s) || (*s == '.' && isdigit((unsigned char)s[1]));
}

static bool take_sign(struct scan *scan)
{
    char c = *scan->next;
    bool is_opening = c == '{' || c == '(' || c == '[';
    scan->settings += c == '=' || c == ':';
    if (scan->settings > SETTINGS_MAX) {
        config_report_add(scan->report, "%s:%d: there are too many settings, allowed %d",
                          scan->name, scan->line, (int)SETTINGS_MAX);
        return false;
    }
    if (is_opening && scan->depth == DEPTH_MAX) {
        config_report_add(scan->report, "%s:%d: groups are nested too deep, allowed %d", scan->name,
                          scan->line, (int)DEPTH_MAX);
        return false;
    }
    if (is_opening)
        scan->open[scan->depth++] = c;
    else if ((c == '}' || c == ')' || c == ']') && scan->depth > 0)
        scan->depth--;
    take(scan, 1);
    return true;
}

static bool may_be_text(const struct scan *scan)
{
    bool in_list = scan->depth > 0 && scan->open[scan->depth - 1] != '{';
    return scan->last && strchr(in_list ? "=:([,\"" : "=:\"", scan->last);
}

static bool take_text(struct scan *scan)
{
    // libconfig 1.5 loses the memory of a text where it expects none: hostile files could make the
    // daemon grow.
    if (!may_be_text(scan)) {
        explain(scan->name, scan->text, scan->line, "syntax error", scan->report);
        return false;
    }
    take(scan, 1);
    return take_until(scan, "\"", true, "text");
}

// Returns false, with a report, if libconfig must not see the text.
static bool take_token(struct scan *scan)
{
    if (*scan->next == '"')
        return take_text(scan);
    if (begins(scan, "/*")) {
        take(scan, 2);
        return take_until(scan, "*/", false, "comment");
    }
    if (*scan->next == '#' || begins(scan, "//")) {
        take(scan, strcspn(scan->next, "\n"));
        return true;
    }
    if (is_number(scan->next))
        return take_number(scan);
    if (is_word(*scan->next)) {
        do
            take(scan, 1);
        while (is_word(*scan->next));
        return true;
    }
    return take_sign(scan);
}

static bool is_blank_or_comment(const struct scan *scan)
{
    return isspace((unsigned char)*scan->next) || *scan->next == '#' || begins(scan, "//") ||
           begins(scan, "/*");
}

static int line_of(const char *text, const char *at)
{
    int line = 1;
    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

char *config_scan(const char *name, const char *text, struct config_report *report)
{
    cleanup(free_ptr) char *shown = text_escape(name);
    size_t length = strnlen(text, CONFIG_TEXT_MAX + 1);
    if (length > CONFIG_TEXT_MAX) {
        config_report_add(report, "%s: the file is too large, allowed %d bytes", shown,
                          (int)CONFIG_TEXT_MAX);
        return NULL;
    }
    // In a comment or a text it would do no harm, but then the rule would rest on this lexer and
    // libconfig's agreeing.
    const char *include = strstr(text, "@include");
    if (include) {
        config_report_add(report, "%s:%d: @include is not allowed", shown, line_of(text, include));
        return NULL;
    }
    // A number is at least one byte and grows by one.
    cleanup(free_ptr) char *out = xcalloc(length * 2 + 2, 1);
    struct scan scan = {
        .name = shown, .text = text, .next = text, .line = 1, .out = out, .report = report
    };
    if (begins(&scan, "\xEF\xBB\xBF"))
        scan.next += 3; // what Windows editors put first
    while (*scan.next) {
        char first = is_blank_or_comment(&scan) ? scan.last : *scan.next;
        if (!take_token(&scan))
            return NULL;
        scan.last = first;
    }
    scan.out[scan.used] = '\n'; // without it libconfig does not accept a comment at the end
    return TAKE(out);
}

void config_scan_explain(const char *name, const char *text, int line, const char *error,
                         struct config_report *report)
{
    cleanup(free_ptr) char *shown = text_escape(name);
    explain(shown, text, line, error, report);
}
