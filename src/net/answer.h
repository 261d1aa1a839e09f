// The head of an HTTP answer: its status and fields, and what a client must understand of them.
//
// Whoever answers is not trusted: lines, their number and their size are limited, numbers are read
// strictly, and a field that says two things at once makes the whole answer unusable.
#ifndef CLIPSPOOL_ANSWER_H
#define CLIPSPOOL_ANSWER_H

#include "base/err.h"
#include <time.h>

// Real answers have some thirty fields and 4 KiB; what is far beyond wants to fill memory.
enum { ANSWER_MAX_FIELDS = 200, ANSWER_MAX_BYTES = 64 * 1024 };

struct answer_field {
    char *name, *value; // owned; the value without blanks at its ends
};

struct answer {
    int status; // 0 before the first line
    struct answer_field *fields;
    size_t count, bytes; // bytes: of all lines, also of those forgotten
};
#define ANSWER_INIT \
    {               \
        .status = 0 \
    }
void answer_release(struct answer *answer);

// Takes a line as it came, with or without its line end.  A status line begins a new answer (after
// 100 Continue and the like).  Returns 0, or a negative with ERR_INPUT id "bad_answer".
int answer_add_line(struct answer *answer, const char *line, size_t size, struct err *err);

// The first field of that name, ASCII case ignored, or NULL.  Borrowed.
const char *answer_find(const struct answer *answer, const char *name);

// Reads the three forms of a date in HTTP (RFC 9110, 5.6.7).  Returns 0 or -EINVAL.
int answer_time(const char *text, time_t *ret_when);

// Seconds that Retry-After asks to wait, as seconds or as a date held against `now`, at most a day;
// 0 if there is none or it makes no sense.
unsigned answer_retry_after(const struct answer *answer, time_t now);

// Content-Range of a part: "bytes FIRST-LAST/TOTAL".  Returns 0, -ENOENT if there is none, or
// -EINVAL.  An unknown total (*) is UINT64_MAX.
struct answer_range {
    uint64_t first, last, total;
};
int answer_range(const struct answer *answer, struct answer_range *ret);

// Content-Length; UINT64_MAX if there is none.  Returns 0 or -EINVAL.
int answer_length(const struct answer *answer, uint64_t *ret_bytes);

// What proves that two answers are of the same bytes: a strong ETag, else Last-Modified if it is
// older than the answer's Date (RFC 9110, 8.8.2.2: the second in which it was written is over).
// For If-Range.  Borrowed, NULL if there is none.
const char *answer_validator(const struct answer *answer);

// The type of Content-Type in lower case, without parameters.  Gives a string, "" if there is none.
char *answer_type(const struct answer *answer);

// What a status that is no success means to who wanted a file; sets err with it and, for one that
// may pass, with what Retry-After says.  Returns a negative.
//   ERR_DENIED access_refused: 401 403 407 451     ERR_INPUT not_there: 404 410
//   ERR_RETRY  server_busy: 408 425 429 5xx        ERR_INPUT server_refused: others
int answer_failure(const struct answer *answer, time_t now, struct err *err);

#endif
