// A place for objects: a bucket of OSS or of S3 (and those that speak it), or a folder.
//
// What is asked of it is the same everywhere: put, get, head, remove, list, sign.  All block; all
// may be repeated: an object appears whole or not at all, and putting one that is there replaces
// it.  What may pass by itself (a broken connection, a server that is busy) is tried three times
// here, each part of a large object for itself; what is still wrong then is the caller's to repeat.
//
// A bucket's endpoint is the operator's word, so it may be any address, also 127.0.0.1; but a store
// talks to nobody else: its own HTTP client knows no other host and follows no redirect, so that
// keys never reach another server than the one they belong to.
//
// Not thread-safe, and needs none: several parts are under way at once on one thread.
#ifndef CLIPSPOOL_STORE_H
#define CLIPSPOOL_STORE_H

#include "net/download.h"
#include "net/sign.h"

enum store_kind { STORE_OSS, STORE_S3, STORE_FOLDER };

// Where the bucket stands in the address.  AUTO: in the path for an endpoint that is a number, and
// for S3 services other than amazonaws.com and aliyuncs.com; else in front of the host.
enum store_style { STORE_STYLE_AUTO, STORE_STYLE_HOST, STORE_STYLE_PATH, STORE_STYLE_OWN };

// Called around every exchange with a service, so that all processes together can be fair to it:
// `enter` may wait, and refuses with a negative and err set, which ends the verb with it; `leave`
// follows each enter that did not refuse, with what became of the exchange (class ERR_NONE: well).
// All parts of one large object are one exchange.  Zeroed: there is none.
struct store_turn {
    int (*enter)(void *context, struct err *err);
    void (*leave)(void *context, const struct err *outcome);
    void *context;
};

struct store_place {
    enum store_kind kind;
    const char *name; // what the configuration calls it, for people: "oss-main"
    // of a bucket
    const char *bucket, *endpoint, *region; // as struct sign_place has them; region may be NULL
                                            // for S3 (us-east-1) and for OSS V1
    enum store_style style;
    bool signs_v1;                       // OSS: the old signature
    const struct credential *credential; // kept by reference until store_close
    const char *credential_name;         // for errors: "credential oss-main"
    struct store_turn turn;
    // of a folder
    const char *path; // absolute; must be there
};

// An object to be put.
struct store_order {
    const char *key;       // bytes as remote_check_key takes them, not encoded
    struct http_body body; // memory or a file, which is read as it is sent, again where a try fails
    const char *type;      // Content-Type, or NULL
    // Kept with the object: names of lower-case letters, digits and single hyphens, values any
    // UTF-8 without control characters (encoded on the way, at most 2 KiB in all).  Or NULL.
    const struct fields *metadata;
    // Called often; `bytes` never falls.  May be NULL.
    void (*progress)(void *context, uint64_t bytes, uint64_t total_bytes);
    void *context;
};

// An object to be got.
struct store_target {
    const char *key;
    uint64_t max_bytes;
    int dirfd;        // where it is put,
    const char *name; // as this; NAME.part and NAME.json as of net/download.h
    void (*progress)(void *context, uint64_t bytes, uint64_t total_bytes); // or NULL
    void *context;
};

// What is known of an object.
struct store_about {
    uint64_t size_bytes;
    time_t modified;
    char *type;             // "" if not known
    struct fields metadata; // as it was put
};
#define STORE_ABOUT_INIT \
    {                    \
        .size_bytes = 0  \
    }
void store_about_release(struct store_about *about);

// One object of a list.  The key is borrowed.
struct store_entry {
    const char *key;
    uint64_t size_bytes;
    time_t modified;
};
// Anything but 0 ends the list with it.  May use the store, also remove what it is shown.
typedef int store_visit(void *context, const struct store_entry *entry, struct err *err);

// ---- the object

struct store;

// Opens a place; no connection is made yet.  Copies the place's strings.  Of the rules (may be NULL
// for a folder) all count but whom they allow.  Gives *ret_store (store_close).  Returns 0 or a
// negative: ERR_CONFIG "bad_endpoint" "bad_bucket" "bad_region" "bad_credential" "bad_folder".
int store_open(const struct store_place *place, const struct http_rules *rules,
               struct store **ret_store, struct err *err);
void store_close(struct store **store);

// "storage oss-main", for people.  Borrowed.
const char *store_shown(const struct store *store);

// ---- its verbs
//
// Return 0, -ECANCELED (ERR_RETRY "stopped": rules.stop_fd), or another negative:
//   ERR_DENIED  storage_refused  the service refuses the credential, which the text names
//   ERR_INPUT   no_object        (-ENOENT) there is no such object
//               bad_link         the key cannot be
//               storage_answer   it refuses the request for another reason, which the text quotes
//   ERR_CONFIG  no_bucket wrong_endpoint; no_links (sign of a folder)
//   ERR_SERVICE storage_away     unreachable, busy or broken after all tries; err->retry_after
//               bad_answer       it answers what cannot be
//               bad_certificate  it does not prove who it is
//               clock            it finds our clock wrong, even corrected by its own
//   ERR_RETRY   damaged          what arrived is not what was sent; nothing of it is used
//               changed          what is put became shorter meanwhile
//   ERR_IO, ERR_SYSTEM           this machine's; ERR_BUG bad_header bad_request: ours
// Errors name the storage, and the object where one is meant.

// Over 16 MiB in parts, four at a time; memory is bounded whatever the size.  What the service says
// it has is held against what was sent: the CRC-64 of OSS, the MD5 in an ETag of S3 where it is
// one. After a failure or a stop the parts are taken back as far as the service still listens.
int store_put(struct store *store, const struct store_order *order, struct err *err);

// Into a file, as `download` does it: goes on with what is there, appears whole, durable and
// verified.  Also returns what download says (too_large, no_space...).
int store_get(struct store *store, const struct store_target *target,
              struct download_result *result, struct err *err);

// Fills *about, which is INIT or released.
int store_head(struct store *store, const char *key, struct store_about *about, struct err *err);

// What is not there is success.
int store_remove(struct store *store, const char *key, struct err *err);

// All objects whose keys begin with `prefix` (bytes, "" for all), in the order of the service.
// Whatever the service says, no other key is visited.  Keys that no request of ours could name are
// left out.
int store_list(struct store *store, const char *prefix, store_visit *visit, void *context,
               struct err *err);

// Takes back what a process that was killed leaves and no list of objects shows, if it was begun
// before `before`: uploads in parts that never ended, which cost money; in a folder, what lies
// aside and what is said of an object that never came.  Only of keys that begin with `prefix`; a
// service that cannot tell them has none.  Returns how many there were.
int store_abandon(struct store *store, const char *prefix, time_t before, struct err *err);

// A link by which anybody can get the object for `seconds` (1 to SIGN_MAX_SECONDS); whether there
// is one is not asked.  Makes no request.  Gives *ret_link (secret_free), which is a permission:
// not for logs.
int store_sign(struct store *store, const char *key, unsigned seconds, char **ret_link,
               struct err *err);

#endif
