// The one logging door.

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>

// The journal would show this file and line as the origin of every message.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

// Made once with `systemd-id128 new`; they may never change, the catalog and people's filters know
// them.
static const char *const event_ids[LOG_EVENT_COUNT] = {
    [LOG_EVENT_BATCH_TAKEN] = "786e154f0d13463eada94c0bc312fad7",
    [LOG_EVENT_BATCH_COMPLETED] = "c1a9489c8c6a4719b07c6622f2504925",
    [LOG_EVENT_BATCH_FAILED] = "3d0629f5af5f4cf5b23cef2cd9a18c4c",
    [LOG_EVENT_BATCH_CANCELLED] = "a5aa464e2a2d4b8fa8934aad62c06426",
    [LOG_EVENT_STEP_RETRY] = "8fbf2b6ffed443a0930ad547ee54f2a6",
    [LOG_EVENT_STEP_FAILED] = "0d8ff14d4c324c3cb5fdf85923b0d559",
    [LOG_EVENT_STAGE_HELD] = "971c00642d27465c851b6f8dfd093363",
    [LOG_EVENT_SPACE_LOW] = "efd60fa8670d4b76b240c2815c3ba577",
    [LOG_EVENT_CONFIG_REFUSED] = "0477434ba67e4951ae2aaf9cf31b0614",
    [LOG_EVENT_CONFIG_LOADED] = "87e4f6ea3fd848d3bf53730456e4627f",
    [LOG_EVENT_BATCH_RECOVERED] = "33ffeef4e94449d68cf1f58fcd0bc50a",
    [LOG_EVENT_BATCH_QUARANTINED] = "16d43dec2e2947ab98fa47d3b4f85279",
    [LOG_EVENT_ERRAND_FAILED] = "dd0a8fdf843f43d6874d1956fb71b88a",
};

// The journal refuses nothing of this size and a terminal is not flooded by it.
enum { MESSAGE_MAX = 4096, FIELDS_MAX = 9 };

// State of the process like stderr itself; set once by log_open before anything is said.
static struct {
    const char *program; // kept
    int lowest;
    bool has_journal;
} door = { .program = "clipspool", .lowest = LOG_DEBUG };

const char *log_event_id(enum log_event event)
{
    return (unsigned)event < LOG_EVENT_COUNT ? event_ids[event] : NULL;
}

// sd-daemon(3): JOURNAL_STREAM holds device and inode of the stream that the service was given; it
// is inherited by programs whose stderr was redirected since, so both are compared.
static bool stderr_is_journal(void)
{
    struct stat st;
    const char *stream = getenv("JOURNAL_STREAM");
    if (!stream || fstat(STDERR_FILENO, &st) != 0)
        return false;
    cleanup(free_ptr) char *own = xasprintf("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(own, stream) == 0;
}

void log_open(const char *program, int lowest_priority)
{
    door.program = program;
    door.lowest = lowest_priority;
    door.has_journal = stderr_is_journal();
}

// ---- the journal

struct fields {
    struct iovec vector[FIELDS_MAX];
    int count;
};

static void fields_release(struct fields *fields)
{
    while (fields->count > 0)
        free(fields->vector[--fields->count].iov_base);
}

static void add_field(struct fields *fields, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    char *text = xasprintf("%s=%s", name, value);
    fields->vector[fields->count++] = (struct iovec){ .iov_base = text, .iov_len = strlen(text) };
}

static void add_number(struct fields *fields, const char *name, unsigned value)
{
    cleanup(free_ptr) char *text = xasprintf("%u", value);
    add_field(fields, name, text);
}

static bool send_to_journal(int priority, enum log_event event, const struct log_about *about,
                            const char *message)
{
    cleanup(fields_release) struct fields fields = { .count = 0 };
    add_field(&fields, "MESSAGE", message);
    add_number(&fields, "PRIORITY", (unsigned)priority);
    add_field(&fields, "SYSLOG_IDENTIFIER", door.program);
    add_field(&fields, "MESSAGE_ID", log_event_id(event));
    if (about) {
        add_field(&fields, "CLIPSPOOL_BATCH", about->batch);
        add_field(&fields, "CLIPSPOOL_STAGE", about->stage);
        add_field(&fields, "CLIPSPOOL_SOURCE", about->source);
        if (about->attempt)
            add_number(&fields, "CLIPSPOOL_ATTEMPT", about->attempt);
    }
    return sd_journal_sendv(fields.vector, fields.count) >= 0;
}

// ---- stderr

// "program: [batch stage] message".  One write, so that lines of several processes do not mix.
static void write_line(const struct log_about *about, const char *message)
{
    const char *batch = about && about->batch ? about->batch : "";
    const char *stage = about && about->stage ? about->stage : "";
    bool has_about = *batch || *stage;
    cleanup(free_ptr) char *line =
        xasprintf("%s: %s%s%s%s%s%s\n", door.program, has_about ? "[" : "", batch,
                  *batch && *stage ? " " : "", stage, has_about ? "] " : "", message);
    ssize_t n;
    do
        n = write(STDERR_FILENO, line, strlen(line));
    while (n < 0 && errno == EINTR);
}

void log_line(int priority, enum log_event event, const struct log_about *about, const char *format,
              ...)
{
    char message[MESSAGE_MAX];
    if (priority > door.lowest)
        return;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (length < 0)
        return;
    // A line is a line, even if an argument was not escaped.
    for (char *c = message; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = ' ';
    // Without the journal the line must not be lost with it.
    if (!door.has_journal || !send_to_journal(priority, event, about, message))
        write_line(about, message);
}
