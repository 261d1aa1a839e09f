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
    CONFIG_NUMBER, // double, always finite; whole numbers are taken too
    CONFIG_TEXT,   // char *, owned by the struct
    CONFIG_CHOICE, // int, the index in choices[]
    CONFIG_LIST,   // array of struct, owned by the struct, and a size_t count: ( { ... }, { ... } )
};

struct config_option {
    const char *path; // "limits.max_sources": groups by dots
    enum config_type type;
    size_t offset; // of the member in the struct
    // The default as written in a file, texts and choices without their quotes.  NULL: absent (0,
    // NULL, empty list, choice 0).
    const char *fallback;
    // Numbers: the range, INFINITY allowed.  Texts and lists: shortest and longest length (bytes,
    // elements).  Both 0: no limit but that of the whole text.
    double min, max;
    const char *const *choices; // CONFIG_CHOICE: names, ends with NULL
    const char *unit;           // "s", "bytes", or NULL
    const char *help;           // one sentence for people
    // CONFIG_LIST only: the rows of an element and its size; where in the struct the number of
    // elements goes.
    const struct config_option *elements;
    size_t element_count, element_size;
    size_t count_offset;
};

// All that is wrong with a text, a line each: "job.conf:3: target_duration: 0 is out of range,
// allowed 1 to 3600 s".
struct config_report {
    char *text;     // lines, each with its newline; NULL while nothing is wrong
    unsigned count; // also of those not kept
};
#define CONFIG_REPORT_INIT \
    {                      \
        .text = NULL       \
    }
// Adds a line (format without newline).  50 are kept, then one that says so.  Foreign strings must
// have gone through text_escape.
void config_report_add(struct config_report *report, const char *format, ...) PRINTF_LIKE(2, 3);
void config_report_release(struct config_report *report);

// Fills *object (a zeroed struct) with defaults only.
void config_defaults(const struct config_option *options, size_t count, void *object);

// Parses `text` (NUL-terminated libconfig syntax of at most CONFIG_TEXT_MAX bytes, nested at most 8
// deep, at most 1000 settings; a byte order mark is skipped) into the zeroed *object, defaults
// first.  `name` is used in messages.  Whole numbers are 64 bits wide with or without libconfig's
// L; what does not fit is an error.  Returns 0, or -EINVAL with at least one line in report;
// *object may then be partly filled and must still be released.  The caller, who knows the length,
// refuses a text with a NUL in it.
enum { CONFIG_TEXT_MAX = 64 * 1024 };
int config_parse(const char *name, const char *text, const struct config_option *options,
                 size_t count, void *object, struct config_report *report);

// Frees what CONFIG_TEXT and CONFIG_LIST members own and zeroes them.
void config_release(const struct config_option *options, size_t count, void *object);

// The table as a sample file: heading and help as comments, range, then `key = default;`, groups
// nested.  Options without a default and lists are commented out, so the sample means the defaults.
// Gives a string.
char *config_sample(const struct config_option *options, size_t count, const char *heading);

#endif
