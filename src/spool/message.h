// The lines a stage writes on descriptor 3, and how the supervisor reads them.
//
// A line is one JSON object of at most MESSAGE_MAX_BYTES with its newline, written with one write,
// so that lines of one pipe never mix:
//   {"progress": 0.42}                                     work done, 0..1
//   {"warning": "sentence"}                                 the step goes on
//   {"error": {"class": "input", "code": -22, "id": "not_a_video", "text": "...", "hint": "..."}}
// and in an error, if a service said so, "retry_after": seconds to wait before the next try.
// The reader trusts nothing: a stage decodes hostile media and may say anything.  Lines too long,
// not JSON or of another shape are counted and dropped; texts come out on one printable line.
#ifndef CLIPSPOOL_MESSAGE_H
#define CLIPSPOOL_MESSAGE_H

#include "base/err.h"

// PIPE_BUF on Linux: up to here a write to a pipe is never divided.
enum { MESSAGE_MAX_BYTES = 4096 };

// ---- writing.  A descriptor that is closed or has no reader is nothing to worry about: a stage
// run by hand has none.  Texts that would not fit are cut.
void message_write_progress(int fd, double fraction);
void message_write_warning(int fd, const char *text);
void message_write_error(int fd, const struct err *err);

// ---- reading
enum message_kind { MESSAGE_PROGRESS, MESSAGE_WARNING, MESSAGE_ERROR };

struct message {
    enum message_kind kind;
    double progress;  // MESSAGE_PROGRESS: 0..1
    struct err error; // MESSAGE_ERROR; MESSAGE_WARNING: only text
};

// Collects bytes and gives messages.  One for each pipe.
struct message_reader {
    char *bytes; // owned, at most MESSAGE_MAX_BYTES
    size_t used;
    bool skipping;    // inside a line that was too long
    unsigned refused; // lines that were dropped
};
#define MESSAGE_READER_INIT \
    {                       \
        .bytes = NULL       \
    }

// Reads once from the non-blocking fd.  Returns the number of bytes, 0 at the end of the pipe,
// -EAGAIN if there is nothing now, or another negative.  Call message_next until it gives nothing
// before the next call.
int message_read(struct message_reader *reader, int fd);

// The next whole message in what was read.  Returns 1 and fills *ret_message, or 0.
int message_next(struct message_reader *reader, struct message *ret_message);

void message_reader_release(struct message_reader *reader);

#endif
