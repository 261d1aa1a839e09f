// Lines to events.
#include "model/sse.h"

#include <ctype.h>

static const char status_mark[] = "HTTP_STATUS/";

void sse_event_release(struct sse_event *event)
{
    free(event->name);
    free(event->data);
    *event = (struct sse_event)SSE_EVENT_INIT;
}

static bool begins(const char *text, size_t length, const char *with)
{
    size_t size = strlen(with);
    return length >= size && memcmp(text, with, size) == 0;
}

bool sse_is(const char *text, size_t length)
{
    static const char *const firsts[] = { "id:", "event:", "data:", "retry:", ":" };
    while (length > 0 && isspace((unsigned char)*text)) {
        text++;
        length--;
    }
    for (size_t i = 0; i < ARRAY_LEN(firsts); i++)
        if (begins(text, length, firsts[i]))
            return true;
    return false;
}

void sse_begin(struct sse *sse, const char *text, size_t length)
{
    *sse = (struct sse){ text, text + length };
    if (begins(text, length, "\xef\xbb\xbf"))
        sse->at += 3;
}

// The next line without its end: "\n", "\r" or both.
static const char *next_line(struct sse *sse, size_t *ret_length)
{
    const char *line = sse->at, *at = line;
    while (at < sse->end && *at != '\n' && *at != '\r')
        at++;
    *ret_length = (size_t)(at - line);
    if (at < sse->end)
        at += *at == '\r' && sse->end - at > 1 && at[1] == '\n' ? 2 : 1;
    sse->at = at;
    return line;
}

// A buffer that grows by doubling, so that many short lines cost no more than one long one.
struct data {
    char *text;
    size_t length, capacity, lines;
};

static void add_line(struct data *data, const char *line, size_t length)
{
    if (data->length + length + 2 > data->capacity) {
        data->capacity = 2 * (data->length + length + 2);
        data->text = xrealloc(data->text, data->capacity, 1);
    }
    if (data->lines++ > 0)
        data->text[data->length++] = '\n';
    memcpy(data->text + data->length, line, length);
    data->length += length;
    data->text[data->length] = 0;
}

static int status_of(const char *comment, size_t length)
{
    int status = 0;
    if (!begins(comment, length, status_mark))
        return 0;
    for (size_t i = sizeof status_mark - 1; i < length && isdigit((unsigned char)comment[i]); i++)
        status = status < 1000 ? status * 10 + (comment[i] - '0') : status;
    return status < 1000 ? status : 0;
}

// What is behind the name of a field, without the one blank that may be there.
static const char *value_of(const char *line, size_t *length, const char *name)
{
    size_t size = strlen(name);
    if (!begins(line, *length, name))
        return NULL;
    size += size < *length && line[size] == ' ';
    *length -= size;
    return line + size;
}

static void take_line(const char *line, size_t length, struct sse_event *event, struct data *data)
{
    const char *value;
    size_t size = length;
    if (*line == ':') {
        int status = status_of(line + 1, length - 1);
        event->status = status ? status : event->status;
    } else if ((value = value_of(line, &size, "event:")) != NULL) {
        free(event->name);
        event->name = xstrndup(value, size);
    } else if ((value = value_of(line, &size, "data:")) != NULL) {
        add_line(data, value, size);
    }
}

int sse_next(struct sse *sse, struct sse_event *event)
{
    struct data data = { .text = NULL };
    while (sse->at < sse->end) {
        size_t length;
        const char *line = next_line(sse, &length);
        bool said = event->name != NULL || data.lines > 0;
        if (length == 0 && said)
            break;
        if (length > 0)
            take_line(line, length, event, &data);
    }
    if (event->name == NULL && data.lines == 0) {
        sse_event_release(event);
        return 0;
    }
    event->name = event->name ? event->name : xstrdup("");
    event->data = data.text ? data.text : xstrdup("");
    return 1;
}
