// Storage services on loopback that check signatures: OSS (tests/support/ossd.py) and S3
// (tests/support/s3, of npm).  Both have one bucket, "reels".
#ifndef CLIPSPOOL_TESTS_BUCKETD_H
#define CLIPSPOOL_TESTS_BUCKETD_H

#include "store/store.h"
#include "tests/support/folder.h"
#include "tests/support/server.h"

struct bucketd {
    enum store_kind kind;
    struct server process;
    unsigned port;
    struct folder folder; // of S3: what it keeps
    char *endpoint;       // "http://127.0.0.1:PORT"
    struct credential credential;
    struct store_place place; // by which it can be opened; to be changed as a test wants
};

// Starts it; `argument` goes to ossd.py, or NULL.
void bucketd_start(struct bucketd *bucketd, enum store_kind kind, const char *argument);
void bucketd_stop(struct bucketd *bucketd);

// Opens bucketd->place; fails the test where that cannot be.  `stop_fd` as in struct http_rules.
struct store *bucketd_open(const struct bucketd *bucketd, int stop_fd);

// Of OSS: sets its faults; waits for a line of its own that begins so; asks it for "uploads" or
// "requests" (gives a string); how many of its requests so far begin like this.
void bucketd_fault(const struct bucketd *bucketd, const char *lines);
void bucketd_wait(const struct bucketd *bucketd, const char *begin);
char *bucketd_ask(const struct bucketd *bucketd, const char *what);
unsigned bucketd_requests(const struct bucketd *bucketd, const char *begin);

// Sends a plain request without any signature but what is in the link.  Returns the status; gives
// the body in *ret_body, which may be NULL.
int bucketd_plain(const char *method, const char *link, const char *body, char **ret_body);

// Bytes that repeat nowhere near: `size` of them.  Gives memory.
char *bucketd_bytes(size_t size, unsigned seed);

#endif
