// The one logging door: the journal with fields under systemd, one line on stderr elsewhere.
//
// Only program-level code of the daemon logs; libraries return errors.  Levels by consequence:
// error = an operation is lost; warning = continuing, and says how; notice = life cycle of a batch;
// info = facts of a step; debug = free. Stages do not use this file: what they say goes through
// their pipe to the daemon, which logs it here.
#ifndef CLIPSPOOL_LOG_H
#define CLIPSPOOL_LOG_H

#include "base/err.h"
#include <syslog.h>

// What a line is about; any member may be NULL or 0.  Becomes CLIPSPOOL_BATCH= STAGE= SOURCE=
// ATTEMPT= in the journal.
struct log_about {
    const char *batch;
    const char *stage;
    const char *source;
    unsigned attempt;
};

// The events an operator meets; each has a MESSAGE_ID and an entry in systemd/clipspool.catalog (a
// test compares).
enum log_event {
    LOG_EVENT_NONE,
    LOG_EVENT_BATCH_TAKEN,
    LOG_EVENT_BATCH_COMPLETED,
    LOG_EVENT_BATCH_FAILED,
    LOG_EVENT_BATCH_CANCELLED,
    LOG_EVENT_STEP_RETRY,
    LOG_EVENT_STEP_FAILED,
    LOG_EVENT_STAGE_HELD,
    LOG_EVENT_SPACE_LOW,
    LOG_EVENT_CONFIG_REFUSED,
    LOG_EVENT_CONFIG_LOADED,
    LOG_EVENT_BATCH_RECOVERED,
    LOG_EVENT_BATCH_QUARANTINED,
    LOG_EVENT_ERRAND_FAILED,
    LOG_EVENT_COUNT
};

// The 32 hex digits of an event's MESSAGE_ID, NULL for LOG_EVENT_NONE.
const char *log_event_id(enum log_event event);

// Keeps program.  Chooses journal or stderr (journal if stderr is the journal's own stream, see
// sd-daemon(3) JOURNAL_STREAM) and the lowest level shown.
void log_open(const char *program, int lowest_priority);

// `about` may be NULL.  Foreign strings in the arguments must have gone through text_escape.
void log_line(int priority, enum log_event event, const struct log_about *about, const char *format,
              ...) PRINTF_LIKE(4, 5);

#define log_error(about, ...) log_line(LOG_ERR, LOG_EVENT_NONE, about, __VA_ARGS__)
#define log_warning(about, ...) log_line(LOG_WARNING, LOG_EVENT_NONE, about, __VA_ARGS__)
#define log_notice(about, ...) log_line(LOG_NOTICE, LOG_EVENT_NONE, about, __VA_ARGS__)
#define log_info(about, ...) log_line(LOG_INFO, LOG_EVENT_NONE, about, __VA_ARGS__)
#define log_debug(about, ...) log_line(LOG_DEBUG, LOG_EVENT_NONE, about, __VA_ARGS__)

#endif
