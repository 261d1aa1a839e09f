// A body of multipart/form-data (RFC 7578): named values, and behind them one file.
//
// The file is not copied: it is read from where it lies as it is sent, again where a request is
// made again.  What stands around it is in memory and has a bound.  The parts are parted by a line
// that nobody can guess, so no byte of them needs a look.
#ifndef CLIPSPOOL_FORM_H
#define CLIPSPOOL_FORM_H

#include "net/http.h"

enum { FORM_MAX_VALUES_BYTES = 256 << 10 }; // of all values, with their names

struct form_value {
    const char *name, *value;
};

struct form_file {
    const char *name;         // of the part
    const char *file_name;    // as said to the server
    const char *type;         // of its contents
    struct http_body content; // in memory or a file
};

struct form {
    char *field;           // "Content-Type: multipart/form-data; boundary=..."
    struct http_body body; // of a request, as long as the form stays where it is
    char *before, *after;  // the file; inside
    size_t before_size, after_size;
    struct http_body content;
};
#define FORM_INIT     \
    {                 \
        .field = NULL \
    }

// Makes a form of the values in their order, with the file behind them.  Copies all but what the
// content refers to, which must stay as long as the form.  `form` is INIT or released, and must not
// be moved afterwards.  Returns 0, or a negative: ERR_INPUT "form_too_large" if the values have
// more than FORM_MAX_VALUES_BYTES, ERR_SYSTEM without random numbers.
int form_make(struct form *form, const struct form_value *values, size_t count,
              const struct form_file *file, struct err *err);
void form_release(struct form *form);

#endif
