// A bucket of OSS or S3.  They are one protocol with two ways of signing, two names for every
// header of their own, and two ways to prove what they have.

#include "store/store_bucket.h"

#include "base/percent.h"
#include "base/text.h"
#include "net/gate.h"
#include "spool/remote.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <strings.h>
#include <sys/random.h>

// Before the second try; twice as long before the third.  What the services' own clients do.
static const double base_seconds = 0.2;
// A service that asks for more than this is left alone; the caller's patience is longer.
static const double most_seconds = 20;
// Of the links by which objects are got.  A broken download goes on with the same link, so it is to
// outlast the longest; nobody but us sees it.
enum { GET_SECONDS = 86400 };

static struct store_bucket *own(struct store *store)
{
    return (struct store_bucket *)(void *)store;
}

static time_t service_time(const struct store_bucket *bucket)
{
    return time(NULL) + (time_t)bucket->skew_seconds;
}

// ---- one request

void store_bucket_request_release(struct store_bucket_request *request)
{
    for (char **line = request->lines; line != NULL && *line != NULL; line++)
        secret_free(line);
    free(request->lines);
    sign_release(&request->signature);
    *request = (struct store_bucket_request){ .lines = NULL };
}

int store_bucket_prepare(const struct store_bucket *bucket, const struct store_bucket_call *call,
                         struct store_bucket_request *request, struct err *err)
{
    const struct sign_request wanted = { .place = &bucket->place,
                                         .method = call->method,
                                         .key = call->key,
                                         .query = call->query,
                                         .headers = call->headers };
    int r =
        sign_headers(&wanted, bucket->credential, service_time(bucket), &request->signature, err);
    if (r < 0)
        return r;
    const struct fields *headers = &request->signature.headers;
    request->lines = xcalloc(headers->count + 1, sizeof *request->lines);
    for (size_t i = 0; i < headers->count; i++)
        request->lines[i] = xasprintf("%s: %s", headers->items[i].name, headers->items[i].value);
    request->http = (struct http_request){ .method = call->method,
                                           .link = request->signature.url,
                                           .fields = (const char *const *)request->lines,
                                           .body = call->body,
                                           .max_body_bytes = call->max_body_bytes,
                                           .patience_seconds = call->patience_seconds };
    return 0;
}

static int judge_status(struct store_bucket *bucket, const struct http_answer *answer,
                        struct err *err)
{
    struct store_fault fault;
    const struct store_words words = { bucket->credential_name, bucket->place.bucket };
    time_t now;
    store_fault_read(answer, &fault);
    int r = store_fault_judge(&fault, &answer->head, &words, time(NULL), err);
    const char *date = answer_find(&answer->head, "Date");
    if (err == NULL || strcmp(err->id, "clock") != 0 || bucket->skew_is_known || date == NULL ||
        answer_time(date, &now) < 0)
        return r;
    bucket->skew_is_known = true;
    bucket->skew_seconds = difftime(now, time(NULL));
    (void)snprintf(err->id, sizeof err->id, "clock_corrected"); // once more, at once
    return r;
}

int store_bucket_judge(struct store_bucket *bucket, int r, const struct http_answer *answer,
                       struct err *err)
{
    if (r < 0) {
        store_fault_transport(err);
        return r;
    }
    return answer->head.status >= 200 && answer->head.status < 300
               ? 0
               : judge_status(bucket, answer, err);
}

// ---- trying again

double store_bucket_again(unsigned tries, const struct err *err)
{
    unsigned chance = 0;
    if (strcmp(err->id, "clock_corrected") == 0)
        return 0;
    if (!store_fault_may_pass(err) || tries >= STORE_BUCKET_TRIES ||
        err->retry_after > most_seconds)
        return -1;
    // Of no consequence if it fails: many that wait for the same then come back together.
    (void)!getrandom(&chance, sizeof chance, GRND_NONBLOCK);
    double seconds = ldexp(base_seconds, (int)tries) * (0.5 + 0.5 * chance / UINT32_MAX);
    return fmax(seconds, err->retry_after);
}

int store_bucket_enter(const struct store_bucket *bucket, struct err *err)
{
    return bucket->turn.enter != NULL ? bucket->turn.enter(bucket->turn.context, err) : 0;
}

void store_bucket_leave(const struct store_bucket *bucket, const struct err *outcome)
{
    if (bucket->turn.leave != NULL)
        bucket->turn.leave(bucket->turn.context, outcome);
}

int store_bucket_repeat(struct store_bucket *bucket, store_bucket_once *once, void *context,
                        struct err *err)
{
    struct err before = ERR_INIT;
    for (unsigned tries = 1;; tries++) {
        struct err now = ERR_INIT;
        int r = once(bucket, context, &now);
        bool again = r < 0 && !gate_stand_by(&before, &now);
        double seconds = again ? store_bucket_again(tries, &now) : -1;
        if (seconds < 0) {
            if (err != NULL && r < 0)
                *err = now;
            return r;
        }
        before = now;
        r = gate_pause(bucket->rules.stop_fd, seconds, err);
        if (r < 0)
            return r;
    }
}

struct asking {
    const struct store_bucket_call *call;
    struct http_answer *answer;
};

static int ask_once(struct store_bucket *bucket, void *context, struct err *err)
{
    const struct asking *asking = context;
    cleanup(store_bucket_request_release) struct store_bucket_request request = { .lines = NULL };
    http_answer_release(asking->answer); // of the try before
    int r = store_bucket_prepare(bucket, asking->call, &request, err);
    if (r == 0)
        r = store_bucket_enter(bucket, err);
    if (r < 0)
        return r;
    r = http_do(bucket->http, &request.http, asking->answer, err);
    r = store_bucket_judge(bucket, r, asking->answer, err);
    store_bucket_leave(bucket, err);
    return r;
}

int store_bucket_do(struct store_bucket *bucket, const struct store_bucket_call *call,
                    struct http_answer *answer, struct err *err)
{
    struct asking asking = { call, answer };
    return store_bucket_repeat(bucket, ask_once, &asking, err);
}

// ---- bodies

void store_bucket_tap_given(void *context, uint64_t at, const void *data, size_t size)
{
    struct store_bucket_tap *tap = context;
    if (at == 0 || tap->sum == NULL) {
        proof_free(&tap->sum);
        tap->sum = proof_begin(tap->kind);
        tap->is_broken = at != 0;
        tap->next = at;
    }
    tap->is_broken = tap->is_broken || at != tap->next;
    tap->next = at + size;
    proof_add(tap->sum, data, size);
    if (tap->progress != NULL)
        tap->progress(tap->context, tap->next);
}

void store_bucket_tap_release(struct store_bucket_tap *tap)
{
    proof_free(&tap->sum);
}

int store_bucket_check(const struct store_bucket *bucket, const char *ours,
                       const struct answer *head, struct err *err)
{
    cleanup(free_ptr) char *theirs = proof_of(bucket->proof, head);
    if (!proof_differs(theirs, ours))
        return 0;
    return err_set(err, ERR_RETRY, "damaged",
                   "what the service has is not what was sent to it (%s, not %s)", theirs, ours);
}

void store_bucket_describe(const struct store_bucket *bucket, const struct store_order *order,
                           struct fields *headers)
{
    if (order->type != NULL)
        fields_add(headers, "Content-Type", order->type);
    for (size_t i = 0; order->metadata != NULL && i < order->metadata->count; i++) {
        const struct field *field = &order->metadata->items[i];
        cleanup(free_ptr) char *name = xasprintf("%smeta-%s", bucket->own, field->name);
        cleanup(free_ptr) char *value = percent_encode(field->value, "");
        fields_add(headers, name, value);
    }
}

// ---- the verbs

struct telling {
    const struct store_order *order;
    uint64_t most;
};

static void tell(void *context, uint64_t bytes)
{
    struct telling *telling = context;
    if (bytes > telling->most)
        telling->most = bytes;
    telling->order->progress(telling->order->context, telling->most, telling->order->body.size);
}

static int put_once(struct store_bucket *bucket, const struct store_bucket_call *call,
                    const struct store_bucket_tap *tap, struct err *err)
{
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    int r = store_bucket_do(bucket, call, &answer, err);
    cleanup(free_ptr) char *ours = tap->sum && !tap->is_broken ? proof_text(tap->sum) : NULL;
    return r < 0 ? r : store_bucket_check(bucket, ours, &answer.head, err);
}

static int put(struct store *store, const struct store_order *order, struct err *err)
{
    struct store_bucket *bucket = own(store);
    if (order->body.size > STORE_BUCKET_PIECE_BYTES)
        return store_multipart_put(bucket, order, err);
    struct telling telling = { order, 0 };
    cleanup(store_bucket_tap_release) struct store_bucket_tap tap = {
        .kind = bucket->proof, .progress = order->progress ? tell : NULL, .context = &telling
    };
    struct http_body body = order->body;
    body.given = store_bucket_tap_given;
    body.context = &tap;
    cleanup(fields_release) struct fields headers = FIELDS_INIT;
    store_bucket_describe(bucket, order, &headers);
    const struct store_bucket_call call = {
        .method = "PUT", .key = order->key, .headers = headers, .body = &body
    };
    struct err before = ERR_INIT;
    for (unsigned tries = 1;; tries++) {
        struct err now = ERR_INIT;
        int r = put_once(bucket, &call, &tap, &now);
        bool again = r < 0 && !gate_stand_by(&before, &now);
        before = now;
        if (again && strcmp(now.id, "damaged") == 0 && tries < STORE_BUCKET_TRIES)
            continue;
        if (r < 0 && err != NULL)
            *err = now;
        return r;
    }
}

static int sign(struct store *store, const char *key, unsigned seconds, char **ret_link,
                struct err *err)
{
    const struct store_bucket *bucket = own(store);
    struct sign_result result = SIGN_RESULT_INIT;
    const struct sign_request wanted = { .place = &bucket->place, .method = "GET", .key = key };
    int r = sign_link(&wanted, bucket->credential, service_time(bucket), seconds, &result, err);
    if (r == 0)
        *ret_link = TAKE(result.url);
    sign_release(&result);
    return r;
}

struct getting {
    struct store_bucket *bucket;
    const struct store_target *target;
    struct download_result *result;
};

static void got(void *context, uint64_t bytes, uint64_t total_bytes)
{
    const struct getting *getting = context;
    if (getting->target->progress != NULL)
        getting->target->progress(getting->target->context, bytes, total_bytes);
}

static int get_refused(void *context, const struct http_answer *answer, struct err *err)
{
    const struct getting *getting = context;
    return judge_status(getting->bucket, answer, err);
}

// What `download` says of links, in the words of a store.
static void translate(struct err *err)
{
    if (err->class == ERR_RETRY && strcmp(err->id, "changes_all_the_time") != 0 &&
        strcmp(err->id, "damaged") != 0)
        store_fault_transport(err);
    else if (strcmp(err->id, "bad_certificate") == 0)
        err->class = ERR_SERVICE;
}

static int get_once(struct store_bucket *bucket, void *context, struct err *err)
{
    struct getting *getting = context;
    const struct store_target *target = getting->target;
    cleanup(secret_free) char *link = NULL;
    cleanup(free_ptr) char *identity =
        xasprintf("%s/%s/%s", bucket->place.endpoint, bucket->place.bucket, target->key);
    int r = sign(&bucket->store, target->key, GET_SECONDS, &link, err);
    if (r == 0)
        r = store_bucket_enter(bucket, err);
    if (r < 0)
        return r;
    const struct download_order order = { .http = bucket->http,
                                          .link = link,
                                          .identity = identity,
                                          .proof = bucket->proof,
                                          .max_bytes = target->max_bytes,
                                          .dirfd = target->dirfd,
                                          .name = target->name,
                                          .progress = got,
                                          .refused = get_refused,
                                          .context = getting };
    r = download(&order, getting->result, err);
    if (r < 0)
        translate(err);
    store_bucket_leave(bucket, err);
    return r;
}

static int get(struct store *store, const struct store_target *target,
               struct download_result *result, struct err *err)
{
    struct getting getting = { own(store), target, result };
    return store_bucket_repeat(getting.bucket, get_once, &getting, err);
}

// One header of metadata, as it was put; what others put may be encoded otherwise, or not.
static void take_metadata(const struct store_bucket *bucket, const struct answer_field *field,
                          struct fields *metadata)
{
    cleanup(free_ptr) char *beginning = xasprintf("%smeta-", bucket->own);
    size_t length = strlen(beginning);
    if (strncasecmp(field->name, beginning, length) != 0)
        return;
    cleanup(free_ptr) char *name = xstrdup(field->name + length);
    cleanup(free_ptr) char *value = percent_decode_n(field->value, strlen(field->value));
    for (char *c = name; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    fields_add(metadata, name, value ? value : field->value);
}

static int head(struct store *store, const char *key, struct store_about *about, struct err *err)
{
    struct store_bucket *bucket = own(store);
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    const struct store_bucket_call call = { .method = "HEAD", .key = key };
    int r = store_bucket_do(bucket, &call, &answer, err);
    if (r < 0)
        return r;
    const char *modified = answer_find(&answer.head, "Last-Modified");
    if (answer_length(&answer.head, &about->size_bytes) < 0 || about->size_bytes == UINT64_MAX)
        return err_set(err, ERR_SERVICE, "bad_answer", "the service gives no usable length");
    if (modified == NULL || answer_time(modified, &about->modified) < 0)
        about->modified = 0;
    about->type = answer_type(&answer.head);
    for (size_t i = 0; i < answer.head.count; i++)
        take_metadata(bucket, &answer.head.fields[i], &about->metadata);
    return 0;
}

static int drop(struct store *store, const char *key, struct err *err)
{
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    const struct store_bucket_call call = { .method = "DELETE", .key = key };
    struct err now = ERR_INIT;
    int r = store_bucket_do(own(store), &call, &answer, &now);
    if (r == -ENOENT)
        return 0;
    if (r < 0 && err != NULL)
        *err = now;
    return r;
}

static int list(struct store *store, const char *prefix, store_visit *visit, void *context,
                struct err *err)
{
    return store_list_pages(own(store), prefix, visit, context, err);
}

static int abandon(struct store *store, const char *prefix, time_t before, struct err *err)
{
    return store_uploads_abandon(own(store), prefix, before, err);
}

static void close_bucket(struct store *store)
{
    struct store_bucket *bucket = own(store);
    free_ptr(&bucket->place.bucket);
    free_ptr(&bucket->place.endpoint);
    free_ptr(&bucket->place.region);
    http_free(&bucket->http);
    free(bucket->credential_name);
    free(bucket->allow_hosts);
    free(bucket->ca_file);
    free(bucket);
}

// ---- opening

static bool has_end(const char *host, const char *domain)
{
    size_t length = strcspn(host, ":"), end = strlen(domain);
    return length > end && strncmp(host + length - end, domain, end) == 0;
}

// For AUTO as store.h says; a bucket with a dot in its name would not fit the certificate of S3.
static enum sign_style style_of(const struct store_place *place, const char *endpoint)
{
    const char *host = strstr(endpoint, "://") + 3;
    switch (place->style) {
    case STORE_STYLE_HOST:
        return SIGN_VIRTUAL_HOST;
    case STORE_STYLE_PATH:
        return SIGN_PATH;
    case STORE_STYLE_OWN:
        return SIGN_OWN_DOMAIN;
    case STORE_STYLE_AUTO:
        break;
    }
    if (remote_is_numeric(endpoint))
        return SIGN_PATH;
    if (place->kind == STORE_OSS || has_end(host, ".aliyuncs.com"))
        return SIGN_VIRTUAL_HOST;
    return has_end(host, ".amazonaws.com") && strchr(place->bucket, '.') == NULL ? SIGN_VIRTUAL_HOST
                                                                                 : SIGN_PATH;
}

// The only hosts it may talk to.
static char *hosts_of(const struct sign_place *place)
{
    const char *host = strstr(place->endpoint, "://") + 3;
    // Of a number in brackets the colons are no port.
    size_t length = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    return place->style == SIGN_VIRTUAL_HOST
               ? xasprintf("%s.%.*s", place->bucket, (int)length, host)
               : xstrndup(host, length);
}

static void set_place(struct store_bucket *bucket, const struct store_place *place, char *endpoint)
{
    bool is_oss = place->kind == STORE_OSS;
    bucket->place = (struct sign_place){ .scheme = !is_oss           ? SIGN_AWS_V4
                                                   : place->signs_v1 ? SIGN_OSS_V1
                                                                     : SIGN_OSS_V4,
                                         .style = style_of(place, endpoint),
                                         .endpoint = endpoint,
                                         .region = place->region ? xstrdup(place->region)
                                                   : is_oss      ? NULL
                                                                 : xstrdup("us-east-1"),
                                         .bucket = xstrdup(place->bucket) };
    bucket->proof = is_oss ? PROOF_CRC64 : PROOF_MD5;
    bucket->own = is_oss ? "x-oss-" : "x-amz-";
}

int store_bucket_open(const struct store_place *place, const struct http_rules *rules,
                      struct store **ret_store, struct err *err)
{
    static const struct store_verbs verbs = { put,  get,     head, drop,
                                              list, abandon, sign, close_bucket };
    char *endpoint = remote_endpoint(place->endpoint ? place->endpoint : "", NULL);
    if (endpoint == NULL) {
        (void)err_set(err, ERR_CONFIG, "bad_endpoint", "the endpoint cannot be");
        return err_hint(err, "write it as https://host or https://host:port");
    }
    struct store_bucket *bucket = xcalloc(1, sizeof *bucket);
    bucket->store.verbs = &verbs;
    set_place(bucket, place, endpoint);
    bucket->credential = place->credential;
    bucket->credential_name = xstrdup(place->credential_name);
    bucket->turn = place->turn;
    bucket->allow_hosts = hosts_of(&bucket->place);
    bucket->ca_file = rules->ca_file ? xstrdup(rules->ca_file) : NULL;
    bucket->rules = *rules;
    bucket->rules.allow_hosts = bucket->allow_hosts;
    bucket->rules.allow_networks.count = 0;
    bucket->rules.ca_file = bucket->ca_file;
    bucket->http = http_new(&bucket->rules);
    // What cannot be signed shows now, not in the middle of a batch.
    cleanup(secret_free) char *link = NULL;
    int r = sign(&bucket->store, "x", 1, &link, err);
    if (r < 0)
        close_bucket(&bucket->store);
    else
        *ret_store = &bucket->store;
    return r;
}
