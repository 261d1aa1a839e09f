// One HTTP request and its answer, blocking, to whom it may be sent.  The only user of libcurl.
//
// A link comes from whoever may drop a file.  So: http and https only; no credentials in it; only
// globally reachable addresses unless the configuration makes an exception, judged on the address
// that is really connected to, whatever the name resolved to a moment before, and no other
// services' ports (net/guard.h); redirects are followed here, one by one, each judged as if it
// had been dropped, never from https to http; no proxy, netrc, cookies or keys from the
// environment; certificates are checked.  What the other side may make us keep or wait for
// (net/pace.h) is bounded.
//
// Not thread-safe: a `struct http` belongs to one thread, and the first is made before others are.
#ifndef CLIPSPOOL_HTTP_H
#define CLIPSPOOL_HTTP_H

#include "base/address.h"
#include "net/answer.h"

enum { HTTP_MAX_LINK_BYTES = 8192 };

// ---- whom it may talk to, and how long

struct http_rules {
    const char *allow_hosts; // names as of address_names_have: any address of theirs will do
    struct address_list allow_networks;
    const char *ca_file;    // PEM of the authorities that are trusted; NULL: those of the system
    double connect_seconds; // to be connected; 0: 30
    // Less than stall_bytes_per_second over stall_seconds (0: never) ends a transfer.
    double stall_seconds, stall_bytes_per_second;
    int stop_fd; // once readable, requests end with "stopped"; 0: there is none
};

// Connections are kept between requests.  Keeps the strings of the rules.
struct http;
struct http *http_new(const struct http_rules *rules);
void http_free(struct http **http);

// ---- requests

// Where the body of an answer goes as it comes.  Only answers of status 200 to 299 get here.
struct http_sink {
    // The head is complete.  Called once, also where no body follows.
    int (*begin)(void *context, const struct answer *head, struct err *err);
    // Either may return a negative, which ends the transfer and is passed up.
    int (*take)(void *context, const char *data, size_t size, struct err *err);
    void *context;
};

struct http_body {
    const void *data; // or NULL, and it is read from
    int fd;           // at `offset`, without moving it
    uint64_t offset, size;
    // Or it is made as it is sent: fills the buffer with bytes from `at` on, at least one and at
    // most `wanted`, and returns how many, or a negative.
    ssize_t (*make)(const void *context, uint64_t at, char *buffer, size_t wanted, struct err *err);
    const void *made_of;
    // Sees each piece as it is handed over, `at` counted from the beginning of the body; from 0
    // again where a connection that was kept turned out to be closed.  May be NULL.
    void (*given)(void *context, uint64_t at, const void *data, size_t size);
    void *context;
};

// Up to `wanted` bytes of a body from `at` on; fewer only where it ends, none there.  Returns how
// many, or a negative with ERR_RETRY "changed" if the file is shorter than it was, or of reading
// it.
ssize_t http_body_read(const struct http_body *body, uint64_t at, char *buffer, size_t wanted,
                       struct err *err);

struct http_request {
    const char *method; // NULL: GET
    const char *link;
    const char *const *fields;    // "Name: value", ends with NULL; or NULL
    const struct http_body *body; // or NULL
    const struct http_sink *sink; // NULL: the body is kept in memory
    // Of the body in memory; one of status 200 to 299 that is larger is an error, of others the
    // beginning is kept.  0: 64 KiB.
    size_t max_body_bytes;
    // GET and HEAD only.  0: a redirect is an answer like any other.  A field Authorization is not
    // sent on to another origin.
    unsigned max_redirects;
    double deadline_seconds; // for all of it; 0: none
    double patience_seconds; // what takes a server long: at least so long it is not stalled
};

struct http_answer {
    struct answer head;
    char *body; // with a NUL behind its body_size bytes; NULL if there is none
    size_t body_size;
    char *link; // the one that answered, after redirects
};
#define HTTP_ANSWER_INIT \
    {                    \
        .body = NULL     \
    }
void http_answer_release(struct http_answer *answer);

// Sends the request and waits for the answer, of whatever status.  Fills *answer, which is INIT or
// released.  Returns 0, what the sink returned, -ECANCELED (ERR_RETRY "stopped"), or another
// negative:
//   ERR_INPUT   bad_link too_many_redirects bad_certificate bad_answer answer_too_large
//   ERR_DENIED  address_refused insecure_redirect
//   ERR_RETRY   no_address unreachable stalled too_slow cut_off; changed (the file of the body)
//   ERR_CONFIG  bad_ca_file
int http_do(struct http *http, const struct http_request *request, struct http_answer *answer,
            struct err *err);

// ---- several requests, some of them at a time

enum { HTTP_MOST_AT_ONCE = 8 };

struct http_outcome {
    int r; // and err: what http_do would return and set
    struct http_answer *answer;
    const struct err *err;
};

// Each lane has one request under way.  No redirect is followed.
struct http_series {
    unsigned at_once; // lanes, 1 to HTTP_MOST_AT_ONCE
    // What the lane, which is free, does next.  Returns 1 with *ret_request filled (it is zeroed;
    // what it points to stays until the lane's `done`); 0 if there is nothing, or nothing before
    // *ret_wait_seconds have passed; a negative ends all.
    int (*next)(void *context, unsigned lane, struct http_request *ret_request,
                double *ret_wait_seconds, struct err *err);
    // What became of it.  Returns 0, or a negative, which ends all.
    int (*done)(void *context, unsigned lane, const struct http_outcome *outcome, struct err *err);
    void *context;
};

// Goes on until no lane has anything to do.  Requests that are under way when it ends before are
// broken off, without `done`.  Returns 0, what next or done returned, or -ECANCELED.
int http_do_series(struct http *http, const struct http_series *series, struct err *err);

// ---- links

// Whether a link can be fetched as far as its text tells.  Returns 0 or ERR_INPUT "bad_link".
int http_check_link(const char *link, struct err *err);

// The link for people and logs: as remote_show_link has it, and without a password.  Gives a
// string.
char *http_link_shown(const char *link);

// The path of a link, percent-encoded.  Gives a string, NULL if it is no link.
char *http_link_path(const char *link);

#endif
