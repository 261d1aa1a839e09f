// Allocation that does not fail: see the memory policy in base.h.

#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <sysexits.h>

void base_out_of_memory(void)
{
    static const char line[] = "clipspool: out of memory\n";
    // write and _exit need no memory; fprintf and exit handlers might.
    ssize_t ignored = write(STDERR_FILENO, line, sizeof line - 1);
    (void)ignored;
    _exit(EX_OSERR);
}

void *xcalloc(size_t count, size_t size)
{
    // calloc(0) may return NULL, which is no failure but would look like one to callers.
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p)
        base_out_of_memory();
    return p;
}

void *xrealloc(void *p, size_t count, size_t size)
{
    size_t bytes;
    void *grown = NULL;
    if (!__builtin_mul_overflow(count ? count : 1, size ? size : 1, &bytes))
        grown = realloc(p, bytes);
    if (!grown)
        base_out_of_memory();
    return grown;
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t n)
{
    char *copy = strndup(s, n);
    if (!copy)
        base_out_of_memory();
    return copy;
}

char *xasprintf(const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        base_out_of_memory();
    return text;
}
