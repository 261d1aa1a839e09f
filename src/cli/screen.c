// Text on a terminal.  A name from outside can hold any byte: what reaches a terminal has been made
// printable first, and is measured in columns, not in bytes (a Chinese character takes two).
#include "cli/screen.h"
#include "base/text.h"

#include <sys/ioctl.h>
#include <wchar.h>

static const char ELLIPSIS[] = "\xe2\x80\xa6"; // one column

static char *safe_between(const char *text, const char *kept)
{
    char *all = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&all, &length);
    if (!out)
        return text_escape(text);
    for (;;) {
        size_t run = strcspn(text, kept);
        cleanup(free_ptr) char *part = text_escape_n(text, run);
        fputs(part, out);
        text += run;
        if (!*text)
            break;
        fputc(*text++, out);
    }
    (void)fclose(out);
    return all ? all : text_escape(text);
}

char *screen_safe(const char *text)
{
    return safe_between(text, "\\");
}

char *screen_safe_lines(const char *text)
{
    return safe_between(text, "\\\n");
}

// The bytes of the first character, and its columns; a byte that is none counts as one column,
// which safe text never holds.
static size_t character(const char *text, unsigned *ret_columns)
{
    mbstate_t state = { 0 };
    wchar_t wide;
    size_t length = mbrtowc(&wide, text, strlen(text), &state);
    if (length == (size_t)-1 || length == (size_t)-2 || !length) {
        *ret_columns = 1;
        return 1;
    }
    int width = wcwidth(wide);
    *ret_columns = width < 0 ? 1 : (unsigned)width;
    return length;
}

// How many bytes of `text` fit in `columns`, and how many columns they take.
static size_t fitting(const char *text, unsigned columns, unsigned *ret_taken)
{
    size_t at = 0;
    unsigned taken = 0, width;
    while (text[at]) {
        size_t length = character(text + at, &width);
        if (taken + width > columns)
            break;
        taken += width;
        at += length;
    }
    *ret_taken = taken;
    return at;
}

unsigned screen_columns(const char *safe)
{
    unsigned taken;
    (void)fitting(safe, UINT32_MAX / 2, &taken);
    return taken;
}

char *screen_fit(const char *safe, unsigned columns)
{
    unsigned taken;
    size_t fits = fitting(safe, columns, &taken);
    if (!safe[fits])
        return xstrdup(safe);
    if (!columns)
        return xstrdup("");
    fits = fitting(safe, columns - 1, &taken);
    return xasprintf("%.*s%s", (int)fits, safe, ELLIPSIS);
}

char *screen_pad(const char *safe, unsigned columns)
{
    cleanup(free_ptr) char *fitted = screen_fit(safe, columns);
    unsigned taken = screen_columns(fitted);
    return xasprintf("%s%*s", fitted, (int)(columns > taken ? columns - taken : 0), "");
}

void screen_path(FILE *out, const char *path)
{
    cleanup(free_ptr) char *safe = isatty(fileno(out)) ? screen_safe(path) : xstrdup(path);
    fprintf(out, "%s\n", safe);
}

bool screen_is_terminal(FILE *out)
{
    const char *kind = getenv("TERM");
    return isatty(fileno(out)) && kind && *kind && strcmp(kind, "dumb") != 0;
}

unsigned screen_width(FILE *out)
{
    struct winsize size = { 0 };
    if (ioctl(fileno(out), TIOCGWINSZ, &size) < 0 || !size.ws_col)
        return 80;
    return size.ws_col;
}
