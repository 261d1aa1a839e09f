// Signed requests to object stores: OSS V4 (the default), OSS V1, and AWS SigV4 for S3 and those
// that speak it; as headers, or as a link that carries its own permission for a while.
//
// The address that was signed is the one that is given back, ready for the wire: whoever sends it
// must not rewrite it (no removal of dot segments, no encoding once more).  What is sent beside the
// headers given back is not signed and does no harm, but Content-Type, Content-MD5 and the
// service's own x-oss-*, x-amz-* must not be added afterwards.
//
// Sources: the services' documentation of the three schemes, and 41 expected values made with
// their own clients (tests/unit/check_sign.c).  Where clients differ from each other in the order
// of parameters the order is by bytes.
#ifndef CLIPSPOOL_SIGN_H
#define CLIPSPOOL_SIGN_H

#include "net/credential.h"
#include "net/fields.h"
#include <time.h>

enum sign_scheme { SIGN_OSS_V4, SIGN_OSS_V1, SIGN_AWS_V4 };

// Where the bucket is in the address: in front of the host, in front of the path (MinIO and the
// like), or nowhere (the host is a domain of the bucket's own).
enum sign_style { SIGN_VIRTUAL_HOST, SIGN_PATH, SIGN_OWN_DOMAIN };

// A bucket and how to reach it.  All strings are borrowed.
struct sign_place {
    enum sign_scheme scheme;
    enum sign_style style;
    const char *endpoint; // "https://oss-cn-hangzhou.aliyuncs.com": http or https, host, port
    const char *region;   // "cn-hangzhou" ("oss-" in front is dropped); not used by OSS V1
    const char *bucket;
};

// One request.  All is borrowed.
struct sign_request {
    const struct sign_place *place;
    const char *method;
    const char *key;       // bytes, not encoded; NULL or "": the bucket itself
    struct fields query;   // not encoded
    struct fields headers; // all that will be sent and is to be signed; without Host
    // Names, in lower case, of headers that OSS V4 is to sign though it need not (host, range);
    // ends with NULL; NULL for none.
    const char *const *additional;
    const char *payload_sha256; // hex; NULL: the body is not signed (UNSIGNED-PAYLOAD)
};

struct sign_result {
    char *url; // the whole address, encoded
    struct fields
        headers;     // to be sent, Authorization among them; of a link: what its user must send
    char *signature; // as in the header or link, not encoded
    char *canonical; // what was signed, for comparison with what a service says it expected;
                     // holds a session token if there is one: not for logs
};
#define SIGN_RESULT_INIT \
    {                    \
        .url = NULL      \
    }

enum {
    SIGN_MAX_SECONDS = 7 * 86400 // of a link; both services refuse more
};

// Signs with headers.  `now` is the time of the service, which refuses more than 15 minutes'
// difference.  Fills *result (sign_release).  Errors: ERR_CONFIG "bad_endpoint", "bad_bucket",
// "bad_region", "bad_credential"; ERR_INPUT "bad_link" (the key); ERR_BUG "bad_header",
// "bad_request"; ERR_SYSTEM "crypto".
int sign_headers(const struct sign_request *request, const struct credential *credential,
                 time_t now, struct sign_result *result, struct err *err);

// Signs a link that works for `seconds` (1 to SIGN_MAX_SECONDS).
int sign_link(const struct sign_request *request, const struct credential *credential, time_t now,
              unsigned seconds, struct sign_result *result, struct err *err);

// Wipes and frees; nothing-there and half-made results too.
void sign_release(struct sign_result *result);

#endif
