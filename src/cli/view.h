// status.json as a person reads it.
//
// The file lies in a folder that people may write to, so nothing in it is trusted: every text is
// made safe for the terminal, every number has its range, and what is missing is simply not shown.
#ifndef CLIPSPOOL_VIEW_H
#define CLIPSPOOL_VIEW_H

#include "base/json.h"
#include "spool/status.h"

enum { VIEW_MAX_BYTES = 4 << 20, VIEW_MAX_VIDEOS = BATCH_MAX_SOURCES };

struct view {
    json_t *json;     // the whole document; owned
    int word;         // enum status_word, or -1 for a word of a newer version
    double progress;  // 0..100
    double remaining; // seconds; negative: unknown
    int videos, processed;
    const char *stage, *waiting_for, *updated_at; // borrowed from json, as they lie there; or NULL
};
#define VIEW_INIT    \
    {                \
        .json = NULL \
    }

// Reads NAME/status.json in the open outbox.  Returns 0; -ENOENT, without setting err, when there
// is no such file (yet); other negatives.
int view_load(int outboxdir, const char *name, struct view *view, struct err *err);
void view_release(struct view *view);

bool view_is_final(const struct view *view);

// What is going on: "cutting the reel", "waiting: the disk is full".  Safe for the terminal.  Gives
// a string.
char *view_activity(const struct view *view);

// "about 1:05 left", or "" when nobody knows.  Gives a string.
char *view_remaining(const struct view *view);

// Prints the message of an object's error, and its hint a little deeper, each line behind `indent`.
// Returns whether it has an error.
bool view_print_error(const json_t *object, const char *indent, FILE *out);

// Prints batch and videos in some lines: state, each video with its facts or its error, the reel.
void view_print(const struct view *view, const char *name, FILE *out);

// Prints what became of the batch's webhook, in a line behind `indent`.  Returns whether it has
// one.
bool view_print_webhook(const struct view *view, const char *indent, FILE *out);

// Prints errors and warnings of the videos, and the error of the batch.  Returns how many videos
// failed.
unsigned view_print_errors(const struct view *view, FILE *out);

#endif
