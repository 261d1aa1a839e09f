// Typed options over libconfig text.  The only place that includes libconfig.
//
// A table of rows says all there is to know of an option; the struct it fills, the sample file, the
// manual page and `clipspool check` follow from the table (a test compares them).  Unknown keys,
// wrong types and values out of range are errors; all are collected with their lines before
// anything is refused.  @include is refused: a dropped job.conf must not name other files.
#ifndef CLIPSPOOL_CONFIG_H
#define CLIPSPOOL_CONFIG_H

#include "base/err.h"

enum config_type {
    CONFIG_BOOL,   // bool
    CONFIG_INT,    // int64_t, whole numbers only
    CONFIG_NUMBER, // double; whole numbers are taken too
    CONFIG_TEXT, // char *, owned by the struct; max is the longest length in bytes; a default NULL
                 // stays NULL
    CONFIG_CHOICE, // int, the index in choices[]
    CONFIG_LIST,   // a list of groups: array of struct (element_size each) with the rows of
                   // `elements`
};

struct config_option {
    const char *path; // "limits.max_sources": groups by dots
    enum config_type type;
    size_t offset; // of the member in the struct
    const char
        *fallback; // the default as written in a file; NULL: absent (0, NULL, empty list, choice 0)
    double min, max;            // numbers: range; text and lists: max length
    const char *const *choices; // CONFIG_CHOICE: names, ends with NULL
    const char *unit;           // "s", "bytes", or NULL
    const char *help;           // one sentence for people
    // CONFIG_LIST only:
    const struct config_option *elements;
    size_t element_count, element_size;
    size_t count_offset; // of the size_t member that takes the number of elements
};

// All that is wrong with a text, a line each: "job.conf:3: target_duration: 0 is out of range,
// allowed 1 to 3600 s".
struct config_report {
    char *text; // gives; NULL while nothing is wrong
    unsigned count;
};
#define CONFIG_REPORT_INIT \
    {                      \
        .text = NULL       \
    }
void config_report_add(struct config_report *report, const char *format, ...)
    PRINTF_LIKE(2, 3); // at most 50 are kept
void config_report_release(struct config_report *report);

// Fills *object (a zeroed struct) with defaults only.
void config_defaults(const struct config_option *options, size_t count, void *object);

// Parses `text` (at most 64 KiB of NUL-terminated libconfig syntax) into the zeroed *object,
// defaults first.  `name` is used in messages. Returns 0, or -EINVAL with at least one line in
// report; *object may then be partly filled and must still be released.
int config_parse(const char *name, const char *text, const struct config_option *options,
                 size_t count, void *object, struct config_report *report);

// Frees what CONFIG_TEXT and CONFIG_LIST members own and zeroes them.
void config_release(const struct config_option *options, size_t count, void *object);

// Writes the table as a sample file: help as a comment, range, then `key = default;`, groups
// nested.  Gives a string.
char *config_sample(const struct config_option *options, size_t count, const char *heading);

#endif
