// Reading the head of an answer.

#include "net/answer.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

// Who asks for longer than a day has no retry in mind; the supervisor caps it further.
static const unsigned longest_wait_seconds = 86400;

// ---- collecting

static void forget_fields(struct answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        free(answer->fields[i].name);
        free(answer->fields[i].value);
    }
    free_ptr(&answer->fields);
    answer->count = 0;
}

void answer_release(struct answer *answer)
{
    forget_fields(answer);
    *answer = (struct answer)ANSWER_INIT;
}

static int refuse(struct err *err, const char *what)
{
    return err_set(err, ERR_INPUT, "bad_answer", "the server's answer is unusable: %s", what);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// "HTTP/1.1 200 OK", "HTTP/2 200".  Returns the status or -EINVAL.
static int parse_status(const char *line, size_t size)
{
    const char *blank = memchr(line, ' ', size);
    size_t at = blank ? (size_t)(blank - line) + 1 : size;
    if (size - at < 3 || !is_digit(line[at]) || !is_digit(line[at + 1]) || !is_digit(line[at + 2]))
        return -EINVAL;
    if (size - at > 3 && is_digit(line[at + 3]))
        return -EINVAL;
    return (line[at] - '0') * 100 + (line[at + 1] - '0') * 10 + (line[at + 2] - '0');
}

// Two of these that differ are how one answer is made to mean two things.
static bool must_be_single(const char *name)
{
    static const char *const names[] = { "Content-Length", "Content-Range", "Location",
                                         "Content-Encoding", "ETag" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

static int add_field(struct answer *answer, const char *line, size_t size, struct err *err)
{
    const char *colon = memchr(line, ':', size);
    // Folded lines, given up long ago (RFC 9112, 5.2), and what is no field: of no use to anybody.
    if (colon == NULL || colon == line || is_blank(line[0]))
        return 0;
    size_t begin = (size_t)(colon - line) + 1, end = size;
    while (begin < end && is_blank(line[begin]))
        begin++;
    while (end > begin && is_blank(line[end - 1]))
        end--;
    cleanup(free_ptr) char *name = xstrndup(line, (size_t)(colon - line));
    cleanup(free_ptr) char *value = xstrndup(line + begin, end - begin);
    const char *before = must_be_single(name) ? answer_find(answer, name) : NULL;
    if (before != NULL && strcmp(before, value) != 0)
        return refuse(err, "it says two things at once");
    if (answer->count == ANSWER_MAX_FIELDS)
        return refuse(err, "it has too many fields");
    answer->fields = xrealloc(answer->fields, answer->count + 1, sizeof *answer->fields);
    answer->fields[answer->count++] = (struct answer_field){ TAKE(name), TAKE(value) };
    return 0;
}

int answer_add_line(struct answer *answer, const char *line, size_t size, struct err *err)
{
    answer->bytes += size;
    if (answer->bytes > ANSWER_MAX_BYTES)
        return refuse(err, "its head is too large");
    while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r'))
        size--;
    if (memchr(line, '\0', size) != NULL)
        return refuse(err, "its head holds a NUL byte");
    if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        forget_fields(answer);
        answer->status = parse_status(line, size);
        if (answer->status >= 100)
            return 0;
        answer->status = 0;
        return refuse(err, "it has no status");
    }
    return size > 0 ? add_field(answer, line, size, err) : 0;
}

const char *answer_find(const struct answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->count; i++)
        if (strcasecmp(answer->fields[i].name, name) == 0)
            return answer->fields[i].value;
    return NULL;
}

// ---- times

int answer_time(const char *text, time_t *ret_when)
{
    // The stages never leave the C locale, in which these names are English.
    static const char *const forms[] = { "%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                         "%a %b %d %H:%M:%S %Y" };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct tm tm = { .tm_isdst = 0 };
        const char *end = strptime(text, forms[i], &tm);
        if (end == NULL || *end != '\0')
            continue;
        *ret_when = timegm(&tm);
        return 0;
    }
    return -EINVAL;
}

// Reads decimal digits up to *end.  Returns false if there are none or too many.
static bool parse_number(const char *text, const char **end, uint64_t *ret)
{
    size_t digits = strspn(text, "0123456789");
    // 18 digits stay below 2^63; no file has more bytes.
    if (digits == 0 || digits > 18)
        return false;
    *ret = strtoull(text, NULL, 10);
    *end = text + digits;
    return true;
}

unsigned answer_retry_after(const struct answer *answer, time_t now)
{
    const char *text = answer_find(answer, "Retry-After"), *end;
    uint64_t seconds = 0;
    time_t when;
    if (text == NULL)
        return 0;
    if (!parse_number(text, &end, &seconds) || *end != '\0') {
        if (answer_time(text, &when) < 0 || when <= now)
            return 0;
        seconds = (uint64_t)(when - now);
    }
    return seconds < longest_wait_seconds ? (unsigned)seconds : longest_wait_seconds;
}

// ---- lengths

int answer_length(const struct answer *answer, uint64_t *ret_bytes)
{
    const char *text = answer_find(answer, "Content-Length"), *end;
    *ret_bytes = UINT64_MAX;
    if (text == NULL)
        return 0;
    return parse_number(text, &end, ret_bytes) && *end == '\0' ? 0 : -EINVAL;
}

int answer_range(const struct answer *answer, struct answer_range *ret)
{
    const char *at = answer_find(answer, "Content-Range");
    if (at == NULL)
        return -ENOENT;
    if (strncasecmp(at, "bytes ", 6) != 0)
        return -EINVAL;
    at += 6;
    if (!parse_number(at, &at, &ret->first) || *at++ != '-' || !parse_number(at, &at, &ret->last) ||
        *at++ != '/')
        return -EINVAL;
    if (strcmp(at, "*") == 0) {
        ret->total = UINT64_MAX;
        return ret->first <= ret->last ? 0 : -EINVAL;
    }
    if (!parse_number(at, &at, &ret->total) || *at != '\0')
        return -EINVAL;
    return ret->first <= ret->last && ret->last < ret->total ? 0 : -EINVAL;
}

// ---- the object

// A quoted string of visible characters; W/ in front makes it weak.
static bool is_strong_tag(const char *tag)
{
    size_t length = strlen(tag);
    if (length < 2 || tag[0] != '"' || tag[length - 1] != '"')
        return false;
    for (size_t i = 1; i + 1 < length; i++)
        if ((unsigned char)tag[i] <= 0x20 || tag[i] == '"' || tag[i] == 0x7F)
            return false;
    return true;
}

const char *answer_validator(const struct answer *answer)
{
    const char *tag = answer_find(answer, "ETag");
    // With a weak one, a date must not be used instead (RFC 9110, 13.1.5).
    if (tag != NULL)
        return is_strong_tag(tag) ? tag : NULL;
    const char *modified = answer_find(answer, "Last-Modified");
    const char *date = answer_find(answer, "Date");
    time_t then, now;
    if (modified == NULL || date == NULL || answer_time(modified, &then) < 0 ||
        answer_time(date, &now) < 0)
        return NULL;
    return then < now ? modified : NULL;
}

char *answer_type(const struct answer *answer)
{
    const char *type = answer_find(answer, "Content-Type");
    char *lower = type ? xstrndup(type, strcspn(type, "; \t")) : xstrdup("");
    for (char *c = lower; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return lower;
}

// ---- statuses

static bool may_pass(int status)
{
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

int answer_failure(const struct answer *answer, time_t now, struct err *err)
{
    int status = answer->status;
    if (status == 401 || status == 403 || status == 407 || status == 451)
        return err_set(err, ERR_DENIED, "access_refused",
                       "the server lets nobody have it without permission (%d)", status);
    if (status == 404 || status == 410)
        return err_set(err, ERR_INPUT, "not_there", "the server has no such file (%d)", status);
    if (!may_pass(status))
        return err_set(err, ERR_INPUT, "server_refused", "the server does not give it out (%d)",
                       status);
    int r = err_set(err, ERR_RETRY, "server_busy", "the server cannot answer now (%d)", status);
    if (err != NULL)
        err->retry_after = answer_retry_after(answer, now);
    return r;
}
