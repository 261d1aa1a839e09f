// A file fetched over HTTP, over as many tries, kills and restarts as it takes.
//
// What came is kept in NAME.part, with a record beside it (net/partial.h); the next call goes
// on from there if the server proves that its object is the same, and starts over if it is another.
// NAME appears when it is whole and on the disk.  Nothing the server says is believed without its
// bytes: lengths are compared with what comes, the limit holds for what comes, and space is set
// aside before it does.
#ifndef CLIPSPOOL_DOWNLOAD_H
#define CLIPSPOOL_DOWNLOAD_H

#include "net/fingerprint.h"
#include "net/http.h"

struct download_order {
    struct http *http;
    const char *link;
    // What tells this object from others where the link does not stay the same (a signature in it);
    // NULL: the link.
    const char *identity;
    const char *const *fields; // "Name: value" to send along, ends with NULL; or NULL
    unsigned max_redirects;
    uint64_t max_bytes;
    int dirfd;        // where it is put,
    const char *name; // as this
    // Called often.  The total is UINT64_MAX while unknown.  May be NULL.
    void (*progress)(void *context, uint64_t bytes, uint64_t total_bytes);
    // What the server proves of the whole, which is checked once it is there.
    enum proof_kind proof;
    // What an answer means that is no success, in place of answer_failure; or NULL.
    int (*refused)(void *context, const struct http_answer *answer, struct err *err);
    void *context;
};

struct download_result {
    uint64_t size_bytes;
    uint64_t received_bytes; // in this call
    unsigned requests;       // in this call, redirects not counted
    char sha256[FINGERPRINT_SIZE];
    char *name; // for people, made safe
    char *type; // Content-Type without parameters, or ""
};
#define DOWNLOAD_RESULT_INIT \
    {                        \
        .name = NULL         \
    }
void download_result_release(struct download_result *result);

// Fetches it.  Breaks that had brought something are gone on from at once, others are the caller's
// to repeat, not before err->retry_after seconds.  Returns 0, -ECANCELED (ERR_RETRY "stopped"), or
// another negative: what http_do and answer_failure say,
//   ERR_INPUT  too_large empty_file web_page encoded bad_answer
//   ERR_RETRY  changes_all_the_time cut_off; damaged (it is not what the server proves; it goes)
//   ERR_IO     no_space and what else the disk says.
// After an error that no repetition will mend, nothing is left behind.
int download(const struct download_order *order, struct download_result *result, struct err *err);

#endif
