// A request while it is being signed: checked, taken apart, and with what the signer adds.
#ifndef CLIPSPOOL_DRAFT_H
#define CLIPSPOOL_DRAFT_H

#include "base/text.h"
#include "net/sign.h"

struct draft {
    const struct sign_request *request; // borrowed, as are the next
    const struct sign_place *place;
    const struct credential *credential;
    const char *region; // without "oss-"
    time_t now;
    unsigned seconds;           // of a link; 0: headers are signed
    char stamp[TEXT_TIME_SIZE]; // "20251115T083000Z"
    char *origin;               // scheme, host and port as they will be asked for
    char *host;                 // the Host header that goes with it
    char *path;                 // encoded; begins with /
    struct fields query;        // the request's, then the signer's
    struct fields headers;      // likewise, the values as they are signed and sent
};
#define DRAFT_INIT      \
    {                   \
        .request = NULL \
    }

// Fills *draft (draft_release, also after a failure).  Errors as sign.h has them.
int draft_begin(const struct sign_request *request, const struct credential *credential, time_t now,
                unsigned seconds, struct draft *draft, struct err *err);
void draft_release(struct draft *draft);

// Adds what the caller must not have said already (ERR_BUG "bad_request").
int draft_add_header(struct draft *draft, const char *name, const char *value, struct err *err);
int draft_add_parameter(struct draft *draft, const char *name, const char *value, struct err *err);

// The address with these parameters in their order, `how` of enum fields_query.  Gives a string
// (secret_free).
char *draft_url(const struct draft *draft, const struct fields *query, unsigned how);

#endif
