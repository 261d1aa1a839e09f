// What a batch tells: status.json and batch.log for people, log.jsonl for whoever must find out
// later.  Nothing here fails the batch: what cannot be written is logged and written later.
#ifndef CLIPSPOOL_REPORT_H
#define CLIPSPOOL_REPORT_H

#include "daemon/service.h"

// Writes status.json if it is due: at once when the word changed, else at most once in a while.
// Called after every change and every second while steps run.
void report_status(struct service *service, struct live *live);

// Writes the last status.json of the batch, with live->end.  Returns a negative while that is
// impossible.
int report_end(struct service *service, struct live *live, struct err *err);

// What status.json says at the end, made from what is known here: people may have changed the file.
// Gives a reference.
json_t *report_last(const struct service *service, struct live *live);

// Tells people the end of a batch that goes from work/ into quarantine, if its folder is known.
void report_quarantine(struct service *service, const struct member *member, const struct err *why);

// Appends a line with the clock time to batch.log in the outbox folder.
void report_line(struct live *live, const char *format, ...) PRINTF_LIKE(2, 3);

// The same in an open outbox folder; -1 is none.
void report_append(int outboxdir, const char *text);

// Appends an event of a step to log.jsonl in the batch; text may be NULL.
void report_event(struct live *live, struct course_place place, const char *event,
                  const char *text);

#endif
