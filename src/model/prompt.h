// What a model is told: the texts of etc/prompts, with the facts of the day put in.
//
// They are files, so that they can be read, compared and changed without building anything.
// NAME.LANG.txt (LANG en or zh) begins with a line "version: N"; sections follow, each behind a
// line of its own: [system], [user], [example].  NAME.schema.json, which may be missing, is the
// schema of the answer.
//
//   {{name}}      in a line: the value of that name
//   {{?name}}     as a line: what follows, up to the line {{/name}}, is there only if the value is
//                 not empty; not within each other
//
// Values are put in as they are and never looked at again: braces in them mean nothing.  What users
// write is quoted by prompt_quote, and the text around it says what it is.
#ifndef CLIPSPOOL_PROMPT_H
#define CLIPSPOOL_PROMPT_H

#include "base/json.h"

enum {
    PROMPT_MAX_FILE_BYTES = 64 << 10, // of a text or schema
    PROMPT_MAX_BYTES = 1 << 20,       // of what becomes of a section
};

struct prompt {
    char *version;
    char *system; // "" without the section
    char *user;   // never empty
    // The JSON of the section [example], which stands in the others as {{example}}; or NULL.  An
    // answer that repeats it is none (reply_media.example), so its times should be none that occur.
    json_t *example;
    json_t *schema; // or NULL
};
#define PROMPT_INIT     \
    {                   \
        .version = NULL \
    }

struct prompt_value {
    const char *name, *text; // NULL is ""
};

// Reads NAME in the language (Chinese for one beginning "zh", else English) from the folder, an
// absolute path, and puts the values in.  Borrows all, keeps nothing.  Fills *ret, which is INIT or
// released.  Returns 0, or a negative: ERR_CONFIG "no_prompt" if it is not there, "bad_prompt" if
// it is not of that form or names a value that is none of these; else what reading files gives.
int prompt_load(const char *folder, const char *name, const char *language,
                const struct prompt_value *values, size_t count, struct prompt *ret,
                struct err *err);
void prompt_release(struct prompt *prompt);

// A text of a user as a JSON string on one line, which neither ends a fence of backticks nor a
// line.  "" for one that is NULL or has nothing but blanks, so that {{?name}} leaves it out.  Gives
// a string.
char *prompt_quote(const char *text);

#endif
