// Names with values: the parameters and headers of a request, and the forms in which they are
// signed.
//
// Everything that could make what is signed differ from what is sent is decided here once: what a
// header may consist of, what is trimmed, how things are ordered and encoded.
#ifndef CLIPSPOOL_FIELDS_H
#define CLIPSPOOL_FIELDS_H

#include "base/err.h"
#include "net/secret.h"

struct field {
    char *name, *value; // value is never NULL; "" for a parameter without one
};

// A list in the order of adding; it owns its strings and wipes them.
struct fields {
    struct field *items;
    size_t count;
};
#define FIELDS_INIT   \
    {                 \
        .items = NULL \
    }

// Adds a copy of both, behind what is there; a name may be there more than once.
void fields_add(struct fields *fields, const char *name, const char *value);
void fields_release(struct fields *fields);

// The first value of that name, ASCII case ignored as HTTP does, or NULL.  Borrowed.
const char *fields_find(const struct fields *fields, const char *name);

// By name, then by value, each byte for byte.
void fields_sort(struct fields *fields);

// ---- parameters

// How a query is written.  A parameter with an empty value is "name=", or with FIELDS_BARE "name"
// (as OSS signs it).  With FIELDS_SORTED the order is that of the encoded names, then values.
enum fields_query { FIELDS_BARE = 1 << 0, FIELDS_SORTED = 1 << 1 };

// Appends name=value&name=value with both percent-encoded (only letters, digits, - . _ ~ stay).
void fields_write_query(const struct fields *fields, unsigned how, struct secret *out);

// ---- headers

// Refuses what cannot be sent and signed the same: a name that is no token (RFC 9110), a value
// outside printable ASCII (so neither line ends nor NUL: a header cannot become two), a name twice.
// ERR_BUG id "bad_header": values that users choose must be encoded by who makes the header.
int fields_check_headers(const struct fields *headers, struct err *err);

// Cuts the blanks off both ends of every value; with `collapse` runs of blanks inside become one.
// AWS signs values so, but not every server that speaks its language does: a value that is sent
// the way it is signed is signed the same by all.
void fields_trim(struct fields *headers, bool collapse);

// The list in canonical order: names in lower case, sorted.  The caller releases it.
struct fields fields_canonical_headers(const struct fields *headers);

#endif
