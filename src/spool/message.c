// Lines on descriptor 3: bounded writing, distrustful reading.
#include "spool/message.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "base/text.h"
#include "spool/step.h"

// ---- writing

// Takes object.  Returns false, with nothing written, if it makes too long a line.
static bool write_line(int fd, json_t *object)
{
    cleanup(free_ptr) char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(object);
    size_t length = text ? strlen(text) : 0;
    if (length == 0 || length + 1 > MESSAGE_MAX_BYTES)
        return false;
    text[length] = '\n'; // in place of the NUL: the length is known
    ssize_t written;
    do
        written = write(fd, text, length + 1);
    while (written < 0 && errno == EINTR);
    return true; // that nobody may be there is no news: the result file tells it all
}

void message_write_progress(int fd, double fraction)
{
    json_t *object = json_object();
    json_put_number(object, "progress", fraction, 4);
    (void)write_line(fd, object);
}

// At most `size` bytes of text, not ending inside a UTF-8 sequence.
static char *bounded(const char *text, size_t size)
{
    size_t length = strlen(text);
    if (length > size) {
        length = size;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--;
    }
    return xstrndup(text, length);
}

// JSON may need six bytes for one ("\u0001"); 600 of them still make a line.
enum { SAFE_BYTES = 600 };

void message_write_warning(int fd, const char *text)
{
    cleanup(free_ptr) char *sentence = bounded(text, SAFE_BYTES);
    json_t *object = json_object();
    json_put_text(object, "warning", sentence);
    (void)write_line(fd, object);
}

static bool write_error(int fd, const struct err *err)
{
    json_t *object = json_object();
    json_put(object, "error", step_error_to_json(err));
    return write_line(fd, object);
}

void message_write_error(int fd, const struct err *err)
{
    if (write_error(fd, err))
        return;
    struct err shorter = *err;
    cleanup(free_ptr) char *text = bounded(err->text, SAFE_BYTES / 2);
    cleanup(free_ptr) char *hint = bounded(err->hint, SAFE_BYTES / 4);
    (void)snprintf(shorter.text, sizeof shorter.text, "%s", text);
    (void)snprintf(shorter.hint, sizeof shorter.hint, "%s", hint);
    (void)write_error(fd, &shorter);
}

// ---- reading

int message_read(struct message_reader *reader, int fd)
{
    if (!reader->bytes)
        reader->bytes = xcalloc(1, MESSAGE_MAX_BYTES);
    if (reader->used == MESSAGE_MAX_BYTES) { // no newline in all of it
        reader->used = 0;
        reader->refused += !reader->skipping;
        reader->skipping = true;
    }
    ssize_t size;
    do
        size = read(fd, reader->bytes + reader->used, MESSAGE_MAX_BYTES - reader->used);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return -errno;
    reader->used += (size_t)size;
    return (int)size;
}

// Makes text one printable line, in place; backslashes stay as they are, because the stage has
// escaped the names in it already.
static void make_clean(char *text, size_t size)
{
    cleanup(free_ptr) char *raw = xstrdup(text);
    size_t used = 0;
    text[0] = '\0';
    for (const char *part = raw; *part;) {
        size_t length = strcspn(part, "\\");
        cleanup(free_ptr) char *clean = length ? text_escape_n(part, length) : xstrdup("\\");
        size_t fits = strlen(clean);
        if (fits >= size - used) {
            fits = size - used - 1;
            while (fits > 0 && ((unsigned char)clean[fits] & 0xC0) == 0x80)
                fits--;
        }
        memcpy(text + used, clean, fits);
        used += fits;
        text[used] = '\0';
        if (clean[fits])
            return;
        part += length ? length : 1;
    }
}

// An id is a word for programs; what is none becomes "unknown".
static void make_id(char *id, size_t size)
{
    if (!*id || strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(id))
        (void)snprintf(id, size, "unknown");
}

static bool parse_error(const json_t *error, struct message *message)
{
    struct err *err = &message->error;
    if (step_error_from_json(error, err) < 0 || err->class == ERR_NONE)
        return false;
    message->kind = MESSAGE_ERROR;
    make_id(err->id, sizeof err->id);
    make_clean(err->text, sizeof err->text);
    make_clean(err->hint, sizeof err->hint);
    return true;
}

static bool parse_line(const char *line, size_t length, struct message *message)
{
    cleanup(json_free) json_t *object = NULL;
    *message = (struct message){ 0 };
    if (json_parse(line, length, &object, NULL) < 0 || !json_is_object(object))
        return false;
    const json_t *progress = json_object_get(object, "progress");
    if (progress) {
        message->kind = MESSAGE_PROGRESS;
        message->progress = json_is_number(progress) ? json_number_value(progress) : NAN;
        return message->progress >= 0 && message->progress <= 1;
    }
    const char *warning = json_text(object, "warning", NULL, NULL);
    if (warning) {
        message->kind = MESSAGE_WARNING;
        (void)snprintf(message->error.text, sizeof message->error.text, "%s", warning);
        make_clean(message->error.text, sizeof message->error.text);
        return true;
    }
    return parse_error(json_object_get(object, "error"), message);
}

int message_next(struct message_reader *reader, struct message *ret_message)
{
    const char *newline;
    while (reader->used > 0 && (newline = memchr(reader->bytes, '\n', reader->used))) {
        size_t length = (size_t)(newline - reader->bytes);
        bool was_skipping = reader->skipping;
        bool good = !was_skipping && parse_line(reader->bytes, length, ret_message);
        reader->skipping = false;
        reader->used -= length + 1;
        memmove(reader->bytes, newline + 1, reader->used);
        if (good)
            return 1;
        reader->refused += !was_skipping;
    }
    return 0;
}

void message_reader_release(struct message_reader *reader)
{
    free(reader->bytes);
    *reader = (struct message_reader)MESSAGE_READER_INIT;
}
