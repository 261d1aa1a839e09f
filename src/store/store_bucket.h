// A bucket, to those who make requests of it: signing, trying again, and what answers mean.
#ifndef CLIPSPOOL_STORE_BUCKET_H
#define CLIPSPOOL_STORE_BUCKET_H

#include "net/proof.h"
#include "store/store_fault.h"
#include "store/store_verbs.h"

// What is larger is sent in parts; below, one request is cheaper than the three that parts need.
#define STORE_BUCKET_PIECE_BYTES (UINT64_C(16) << 20)

struct store_bucket {
    struct store store;
    struct sign_place place; // its strings are owned
    enum proof_kind proof;   // that the service gives
    const char *own;         // "x-oss-" or "x-amz-"
    const struct credential *credential;
    char *credential_name, *allow_hosts, *ca_file;
    struct http *http;
    struct http_rules rules;
    struct store_turn turn;
    double skew_seconds; // the service's clock less ours
    bool skew_is_known;
};

// ---- one request

struct store_bucket_call {
    const char *method, *key; // key NULL: the bucket itself
    struct fields query, headers;
    const struct http_body *body;
    size_t max_body_bytes;
    double patience_seconds;
};

// One that is signed, as libcurl wants it.
struct store_bucket_request {
    struct sign_result signature;
    char **lines;
    struct http_request http;
};
void store_bucket_request_release(struct store_bucket_request *request);
int store_bucket_prepare(const struct store_bucket *bucket, const struct store_bucket_call *call,
                         struct store_bucket_request *request, struct err *err);

// What came of it: r and err as http_do left them, and the answer.  Returns 0 for a status of
// success.  Where the service finds our clock wrong, its own is taken for the next try.
int store_bucket_judge(struct store_bucket *bucket, int r, const struct http_answer *answer,
                       struct err *err);

// ---- trying again

enum { STORE_BUCKET_TRIES = 3 };

// Whether what failed after `tries` tries is worth another.  Returns the seconds to wait before, or
// a negative number if it is not.
double store_bucket_again(unsigned tries, const struct err *err);

// Does `once` until it succeeds, what came of it will not pass, or its tries are over.  Returns
// what the last one did that had a turn, or -ECANCELED.
typedef int store_bucket_once(struct store_bucket *bucket, void *context, struct err *err);
int store_bucket_repeat(struct store_bucket *bucket, store_bucket_once *once, void *context,
                        struct err *err);

// The request with its tries, in turn.  Fills *answer, which is INIT or released.
int store_bucket_do(struct store_bucket *bucket, const struct store_bucket_call *call,
                    struct http_answer *answer, struct err *err);

// A place at the service (struct store_turn), for what goes there beside store_bucket_do; who was
// let in leaves, with what came of it.  enter returns 0 or a negative: the gate is closed.
int store_bucket_enter(const struct store_bucket *bucket, struct err *err);
void store_bucket_leave(const struct store_bucket *bucket, const struct err *outcome);

// ---- bodies

// Sums up what is sent and tells how far it is.  For http_body.given.
struct store_bucket_tap {
    enum proof_kind kind;
    struct proof_sum *sum; // NULL before the first byte
    uint64_t next;         // byte
    bool is_broken;        // the sum has not seen all bytes once each
    void (*progress)(void *context, uint64_t bytes);
    void *context;
};
void store_bucket_tap_given(void *context, uint64_t at, const void *data, size_t size);
void store_bucket_tap_release(struct store_bucket_tap *tap);

// Whether the answer to what was sent speaks of other bytes than `ours` (as of proof_text, or NULL
// where it is not known): ERR_RETRY "damaged".
int store_bucket_check(const struct store_bucket *bucket, const char *ours,
                       const struct answer *head, struct err *err);

// The headers that go with an object: its type and metadata.
void store_bucket_describe(const struct store_bucket *bucket, const struct store_order *order,
                           struct fields *headers);

// An order over STORE_BUCKET_PIECE_BYTES (store_multipart.c).
int store_multipart_put(struct store_bucket *bucket, const struct store_order *order,
                        struct err *err);

// As store_abandon (store_uploads.c).
int store_uploads_abandon(struct store_bucket *bucket, const char *prefix, time_t before,
                          struct err *err);

// A whole list (store_list.c), and what lists have in common: a key as it is written there (gives
// a string, or NULL if it cannot be), and a time.
char *store_list_key(const char *text, bool is_encoded);
time_t store_list_time(const char *text);
int store_list_pages(struct store_bucket *bucket, const char *prefix, store_visit *visit,
                     void *context, struct err *err);

#endif
