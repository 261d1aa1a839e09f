// Errors in words.  Texts are cut, never overrun: an error must be reportable whatever it quotes.

#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sysexits.h>

static const struct {
    enum err_class class;
    int status;
} exits[] = {
    { ERR_NONE, EX_OK },        { ERR_INPUT, EX_DATAERR }, { ERR_SERVICE, EX_UNAVAILABLE },
    { ERR_BUG, EX_SOFTWARE },   { ERR_SYSTEM, EX_OSERR },  { ERR_IO, EX_IOERR },
    { ERR_RETRY, EX_TEMPFAIL }, { ERR_DENIED, EX_NOPERM }, { ERR_CONFIG, EX_CONFIG },
};

static const struct {
    int number;
    enum err_class class;
    const char *id;
} errnos[] = {
    { ENOSPC, ERR_IO, "no_space" },       { EDQUOT, ERR_IO, "no_space" },
    { EFBIG, ERR_IO, "file_too_large" },  { EIO, ERR_IO, "io_error" },
    { EROFS, ERR_IO, "read_only" },       { EACCES, ERR_DENIED, "denied" },
    { EPERM, ERR_DENIED, "denied" },      { ENOENT, ERR_SYSTEM, "not_found" },
    { ENOTDIR, ERR_SYSTEM, "not_found" }, { ENOMEM, ERR_SYSTEM, "no_memory" },
    { EMFILE, ERR_SYSTEM, "no_files" },   { ENFILE, ERR_SYSTEM, "no_files" },
};

// After a cut at `size` a multi-byte character may have lost its end; JSON would refuse the text.
static void trim_cut_character(char *text, size_t size)
{
    size_t length = strlen(text);
    if (length + 1 < size)
        return;
    size_t start = length;
    while (start > 0 && length - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (length - (start - 1) < want)
        text[start - 1] = '\0';
}

static void put(char *buffer, size_t size, const char *format, va_list args) PRINTF_LIKE(3, 0);
static void put(char *buffer, size_t size, const char *format, va_list args)
{
    if (vsnprintf(buffer, size, format, args) < 0)
        buffer[0] = '\0';
    trim_cut_character(buffer, size);
}

static void append(char *buffer, size_t size, const char *more)
{
    size_t length = strlen(buffer);
    (void)snprintf(buffer + length, size - length, "%s", more);
    trim_cut_character(buffer, size);
}

static void classify(struct err *err, enum err_class class, int code, const char *id)
{
    err->class = class;
    err->code = code;
    err->retry_after = 0;
    (void)snprintf(err->id, sizeof err->id, "%s", id);
}

int err_set(struct err *err, enum err_class class, const char *id, const char *format, ...)
{
    if (!err)
        return -EINVAL;
    if (err->class == ERR_NONE) {
        classify(err, class, -EINVAL, id);
        err->hint[0] = '\0';
        va_list args;
        va_start(args, format);
        put(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return -EINVAL;
}

int err_errno(struct err *err, int number, const char *format, ...)
{
    if (number < 0)
        number = -number;
    if (!err || err->class != ERR_NONE)
        return number ? -number : -EINVAL;
    classify(err, ERR_SYSTEM, number ? -number : -EINVAL, "system");
    for (size_t i = 0; i < ARRAY_LEN(errnos); i++)
        if (errnos[i].number == number)
            classify(err, errnos[i].class, -number, errnos[i].id);
    err->hint[0] = '\0';
    va_list args;
    va_start(args, format);
    put(err->text, sizeof err->text, format, args);
    va_end(args);
    const char *reason = strerrordesc_np(number);
    append(err->text, sizeof err->text, ": ");
    append(err->text, sizeof err->text, reason ? reason : "unknown error");
    return err->code;
}

bool err_is_passing(int number)
{
    return number == EIO || number == ENOMEM || number == EMFILE || number == ENFILE;
}

int err_hint(struct err *err, const char *format, ...)
{
    if (!err)
        return -EINVAL;
    if (err->class != ERR_NONE && !err->hint[0]) {
        va_list args;
        va_start(args, format);
        put(err->hint, sizeof err->hint, format, args);
        va_end(args);
    }
    return err->code;
}

int err_prefix(struct err *err, const char *format, ...)
{
    if (!err)
        return -EINVAL;
    if (err->class == ERR_NONE)
        return err->code;
    char old[sizeof err->text];
    memcpy(old, err->text, sizeof old);
    va_list args;
    va_start(args, format);
    put(err->text, sizeof err->text, format, args);
    va_end(args);
    append(err->text, sizeof err->text, ": ");
    append(err->text, sizeof err->text, old);
    return err->code;
}

void err_clear(struct err *err)
{
    if (err)
        *err = (struct err)ERR_INIT;
}

int err_exit(enum err_class class)
{
    for (size_t i = 0; i < ARRAY_LEN(exits); i++)
        if (exits[i].class == class)
            return exits[i].status;
    return EX_SOFTWARE;
}

enum err_class err_from_exit(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(exits); i++)
        if (exits[i].status == status)
            return exits[i].class;
    return ERR_BUG;
}
