// A large object in parts, several at once.
//
// Each part is read from the file as it is sent, so memory does not grow with the object; what it
// is held against was summed up before, beside those that were being sent (part_sums.h).  A part
// that fails is sent again by the lane that had it, after the usual wait, while the others go on.
// Until the last request, which names all parts, there is no object; and where that is not reached
// the service is told to throw the parts away, for they cost money and no list of objects shows
// them.

#include "net/gate.h"
#include "store/part_sums.h"
#include "store/store_bucket.h"
#include "store/xml.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum {
    LANES = 4,
    MAX_PARTS = 10000, // of both services
    MAX_TAG_BYTES = 128,
};

// Sent again whole where it fails: 8 MiB are 7 s at 10 Mbit/s.  S3 wants 5 MiB at least.
static const uint64_t part_bytes = UINT64_C(8) << 20;
// Putting the parts together takes a service minutes where there are many.
static const double finish_seconds = 300;
// What is left of a transfer that was stopped is not to hold up who stopped it.
static const double farewell_seconds = 5;

struct part {
    char *tag;    // as the service gave it; NULL while it is not there
    char *crc32c; // base64, if parts are announced with it
};

// A part under way, or waiting to be tried again.
struct lane {
    unsigned number; // of the part, from 1; 0: none
    unsigned tries;
    uint64_t due_us;
    struct http_body body;
    struct store_bucket_tap tap;
    struct store_bucket_request request;
};

struct upload {
    struct store_bucket *bucket;
    const struct store_order *order;
    char *id;
    bool by_crc32c; // each part goes with its CRC-32C, which the service checks
    uint64_t part_bytes;
    unsigned count, started; // parts
    struct part *parts;
    struct part_sums *sums;
    struct lane lanes[LANES];
    uint64_t done_bytes, told_bytes;
};

static void upload_release(struct upload *upload)
{
    for (unsigned i = 0; i < LANES; i++) {
        store_bucket_tap_release(&upload->lanes[i].tap);
        store_bucket_request_release(&upload->lanes[i].request);
    }
    for (unsigned i = 0; upload->parts != NULL && i < upload->count; i++) {
        free(upload->parts[i].tag);
        free(upload->parts[i].crc32c);
    }
    free(upload->parts);
    part_sums_free(&upload->sums);
    free(upload->id);
}

static uint64_t monotonic_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

// ---- beginning

static int take_id(void *context, const char *path, const char *text, struct err *err)
{
    char **id = context;
    (void)err;
    if (strcmp(path, "InitiateMultipartUploadResult/UploadId") == 0 && *id == NULL && *text != '\0')
        *id = xstrdup(text);
    return 0;
}

// Services of S3 are asked to check each part by a CRC-32C, which costs a tenth of an MD5.  One
// that knows nothing of it does not repeat the field; there the tags of parts are held against
// their MD5.  (AWS: "Checking object integrity for data uploads".)
#define ALGORITHM_FIELD "x-amz-checksum-algorithm"

static int begin_upload(struct upload *upload, struct err *err)
{
    const struct http_body nothing = { .data = "", .size = 0 };
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    cleanup(fields_release) struct fields query = FIELDS_INIT, headers = FIELDS_INIT;
    fields_add(&query, "uploads", "");
    store_bucket_describe(upload->bucket, upload->order, &headers);
    if (upload->bucket->proof == PROOF_MD5)
        fields_add(&headers, ALGORITHM_FIELD, "CRC32C");
    const struct store_bucket_call call = { .method = "POST",
                                            .key = upload->order->key,
                                            .query = query,
                                            .headers = headers,
                                            .body = &nothing };
    int r = store_bucket_do(upload->bucket, &call, &answer, err);
    if (r < 0)
        return r;
    r = xml_read(answer.body, answer.body_size, take_id, &upload->id, NULL);
    if (r < 0 || upload->id == NULL)
        return err_set(err, ERR_SERVICE, "bad_answer", "the service begins no upload in parts");
    const char *algorithm = answer_find(&answer.head, ALGORITHM_FIELD);
    upload->by_crc32c = algorithm != NULL && strcmp(algorithm, "CRC32C") == 0;
    return 0;
}

// ---- parts

static void tell(void *context, uint64_t bytes)
{
    struct upload *upload = context;
    uint64_t sum = upload->done_bytes;
    (void)bytes;
    for (unsigned i = 0; i < LANES; i++)
        sum += upload->lanes[i].number != 0 ? upload->lanes[i].tap.next : 0;
    if (upload->order->progress == NULL || sum <= upload->told_bytes)
        return;
    upload->told_bytes = sum;
    upload->order->progress(upload->order->context, sum, upload->order->body.size);
}

static void set_body(const struct upload *upload, struct lane *lane)
{
    uint64_t at = (lane->number - 1) * upload->part_bytes;
    uint64_t left = upload->order->body.size - at;
    lane->body = upload->order->body;
    if (lane->body.data != NULL)
        lane->body.data = (const char *)lane->body.data + at;
    lane->body.offset += at;
    lane->body.size = left < upload->part_bytes ? left : upload->part_bytes;
    lane->body.given = store_bucket_tap_given;
    lane->body.context = &lane->tap;
}

// The field that announces the part.
static int announce(struct upload *upload, const struct lane *lane, struct fields *headers,
                    struct err *err)
{
    struct part *part = &upload->parts[lane->number - 1];
    if (part->crc32c == NULL) {
        const struct proof_sum *sum;
        int r = part_sums_wait(upload->sums, lane->number - 1, &sum, err);
        if (r < 0)
            return r;
        cleanup(free_ptr) char *text = proof_text(sum);
        part->crc32c = xstrdup(strchr(text, ':') + 1);
    }
    fields_add(headers, PROOF_CRC32C_FIELD, part->crc32c);
    return 0;
}

static int prepare(struct upload *upload, struct lane *lane, struct err *err)
{
    cleanup(fields_release) struct fields query = FIELDS_INIT, headers = FIELDS_INIT;
    cleanup(free_ptr) char *number = xasprintf("%u", lane->number);
    fields_add(&query, "partNumber", number);
    fields_add(&query, "uploadId", upload->id);
    store_bucket_request_release(&lane->request);
    store_bucket_tap_release(&lane->tap);
    lane->tap = (struct store_bucket_tap){ .progress = tell, .context = upload };
    set_body(upload, lane);
    int r = upload->by_crc32c ? announce(upload, lane, &headers, err) : 0;
    if (r < 0)
        return r;
    const struct store_bucket_call call = { .method = "PUT",
                                            .key = upload->order->key,
                                            .query = query,
                                            .headers = headers,
                                            .body = &lane->body };
    return store_bucket_prepare(upload->bucket, &call, &lane->request, err);
}

static int next_part(void *context, unsigned i, struct http_request *ret_request,
                     double *ret_wait_seconds, struct err *err)
{
    struct upload *upload = context;
    struct lane *lane = &upload->lanes[i];
    uint64_t now = monotonic_us();
    if (lane->number == 0 && upload->started == upload->count)
        return 0;
    if (lane->number == 0)
        *lane = (struct lane){ .number = ++upload->started };
    if (now < lane->due_us) {
        *ret_wait_seconds = (double)(lane->due_us - now) / 1e6;
        return 0;
    }
    int r = prepare(upload, lane, err);
    if (r < 0)
        return r;
    *ret_request = lane->request.http;
    return 1;
}

// A service that took the announcement has checked the part; that it repeats it says so.
static int check_crc32c(const char *ours, const struct answer *head, struct err *err)
{
    cleanup(free_ptr) char *theirs = proof_of(PROOF_CRC32C, head);
    if (theirs != NULL && strcmp(strchr(theirs, ':') + 1, ours) == 0)
        return 0;
    return err_set(err, ERR_RETRY, "damaged",
                   "the service does not say that it has what was sent to it (%s, not crc32c:%s)",
                   theirs ? theirs : "nothing", ours);
}

static int check_part(struct upload *upload, const struct lane *lane, const struct answer *head,
                      struct err *err)
{
    const char *tag = answer_find(head, "ETag");
    if (tag == NULL || *tag == '\0' || strlen(tag) > MAX_TAG_BYTES)
        return err_set(err, ERR_SERVICE, "bad_answer", "the service gives a part no tag");
    if (upload->by_crc32c)
        return check_crc32c(upload->parts[lane->number - 1].crc32c, head, err);
    const struct proof_sum *sum;
    int r = part_sums_wait(upload->sums, lane->number - 1, &sum, err);
    if (r < 0)
        return r;
    cleanup(free_ptr) char *ours = proof_text(sum);
    return store_bucket_check(upload->bucket, ours, head, err);
}

static void finish_part(struct upload *upload, struct lane *lane, const struct answer *head)
{
    struct part *part = &upload->parts[lane->number - 1];
    part->tag = xstrdup(answer_find(head, "ETag"));
    upload->done_bytes += lane->body.size;
    store_bucket_tap_release(&lane->tap);
    store_bucket_request_release(&lane->request);
    lane->number = 0;
}

static int part_done(void *context, unsigned i, const struct http_outcome *outcome, struct err *err)
{
    struct upload *upload = context;
    struct lane *lane = &upload->lanes[i];
    struct err now = *outcome->err;
    int r = store_bucket_judge(upload->bucket, outcome->r, outcome->answer, &now);
    if (r == 0)
        r = check_part(upload, lane, &outcome->answer->head, &now);
    if (r == 0) {
        finish_part(upload, lane, &outcome->answer->head);
        return 0;
    }
    double seconds = store_bucket_again(++lane->tries, &now);
    if (seconds < 0) {
        *err = now;
        return r;
    }
    lane->due_us = monotonic_us() + (uint64_t)(seconds * 1e6);
    return 0;
}

static int send_parts(struct upload *upload, struct err *err)
{
    const struct http_series series = {
        .at_once = LANES, .next = next_part, .done = part_done, .context = upload
    };
    struct err now = ERR_INIT;
    int r = store_bucket_enter(upload->bucket, err);
    if (r < 0)
        return r;
    r = http_do_series(upload->bucket->http, &series, &now);
    store_bucket_leave(upload->bucket, &now);
    if (r < 0 && err != NULL)
        *err = now;
    return r;
}

// ---- ending

static void write_part(FILE *out, unsigned number, const struct part *part)
{
    cleanup(free_ptr) char *tag = xstrdup("");
    size_t length = 0;
    xml_escape(part->tag, &tag, &length);
    fprintf(out, "<Part><PartNumber>%u</PartNumber><ETag>%s</ETag>", number, tag);
    if (part->crc32c != NULL) // base64, which needs no escaping
        fprintf(out, "<ChecksumCRC32C>%s</ChecksumCRC32C>", part->crc32c);
    fputs("</Part>", out);
}

// Gives the body of the last request.
static char *list_parts(const struct upload *upload, size_t *ret_size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_size);
    if (out == NULL)
        base_out_of_memory();
    fputs("<CompleteMultipartUpload>", out);
    for (unsigned i = 0; i < upload->count; i++)
        write_part(out, i + 1, &upload->parts[i]);
    fputs("</CompleteMultipartUpload>", out);
    (void)fclose(out);
    return text;
}

// Of all parts together, which were all sent; NULL if there is none.
static char *proof_of_all(const struct upload *upload)
{
    if (upload->bucket->proof != PROOF_CRC64)
        return NULL; // the tag of an object in parts is no MD5 of it
    struct proof_sum *sum = proof_begin(PROOF_CRC64);
    for (unsigned i = 0; i < upload->count; i++) {
        const struct proof_sum *part;
        if (part_sums_wait(upload->sums, i, &part, NULL) == 0)
            proof_join(sum, part);
    }
    char *text = proof_text(sum);
    proof_free(&sum);
    return text;
}

static int check_whole(const struct upload *upload, const struct answer *head, struct err *err)
{
    cleanup(free_ptr) char *theirs = proof_of(upload->bucket->proof, head);
    cleanup(free_ptr) char *ours = proof_of_all(upload);
    if (!proof_differs(theirs, ours))
        return 0;
    return err_set(err, ERR_RETRY, "damaged",
                   "what the service made of the parts is not what was sent (%s, not %s)", theirs,
                   ours);
}

// An error may come with status 200: it was sent before the parts were together.
static int take_end(void *context, const char *path, const char *text, struct err *err)
{
    bool *is_complete = context;
    (void)text, (void)err;
    if (strcmp(path, "CompleteMultipartUploadResult") == 0)
        *is_complete = true;
    return 0;
}

static int judge_end(struct upload *upload, const struct http_answer *answer, struct err *err)
{
    bool is_complete = false;
    struct store_fault fault;
    int r = xml_read(answer->body, answer->body_size, take_end, &is_complete, NULL);
    if (r == 0 && is_complete)
        return check_whole(upload, &answer->head, err);
    store_fault_read(answer, &fault);
    if (*fault.code == '\0')
        return err_set(err, ERR_SERVICE, "bad_answer",
                       "the service does not say what became of it");
    const struct store_words words = { upload->bucket->credential_name,
                                       upload->bucket->place.bucket };
    fault.status = 500; // what it would have said had it waited
    return store_fault_judge(&fault, &answer->head, &words, time(NULL), err);
}

// *ret_answered: the service took the request, whatever it made of it then.
static int end_once(struct upload *upload, const struct http_body *body, bool *ret_answered,
                    struct err *err)
{
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    cleanup(fields_release) struct fields query = FIELDS_INIT;
    fields_add(&query, "uploadId", upload->id);
    const struct store_bucket_call call = { .method = "POST",
                                            .key = upload->order->key,
                                            .query = query,
                                            .body = body,
                                            .patience_seconds = finish_seconds };
    int r = store_bucket_do(upload->bucket, &call, &answer, err);
    *ret_answered = r == 0;
    return r < 0 ? r : judge_end(upload, &answer, err);
}

// Whether the object is there after all: the answer to the first try may have been lost, and there
// is no upload any more for the second.
static bool is_there(struct upload *upload)
{
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    const struct store_bucket_call call = { .method = "HEAD", .key = upload->order->key };
    uint64_t size;
    cleanup(free_ptr) char *ours = proof_of_all(upload);
    if (store_bucket_do(upload->bucket, &call, &answer, NULL) < 0 ||
        answer_length(&answer.head, &size) < 0 || size != upload->order->body.size)
        return false;
    cleanup(free_ptr) char *theirs = proof_of(upload->bucket->proof, &answer.head);
    return ours == NULL || (theirs != NULL && strcmp(theirs, ours) == 0);
}

static int end_upload(struct upload *upload, struct err *err)
{
    struct http_body body = { .data = NULL };
    size_t size;
    cleanup(free_ptr) char *text = list_parts(upload, &size);
    body.data = text;
    body.size = size;
    struct err before = ERR_INIT;
    for (unsigned tries = 1;; tries++) {
        struct err now = ERR_INIT;
        bool answered = false;
        int r = end_once(upload, &body, &answered, &now);
        if (r < 0 && strstr(now.text, "NoSuchUpload") != NULL && is_there(upload))
            return 0;
        bool again =
            r < 0 && !gate_stand_by(&before, &now) && answered && strcmp(now.id, "damaged") != 0;
        double seconds = again ? store_bucket_again(tries, &now) : -1;
        if (seconds < 0) {
            if (r < 0 && err != NULL)
                *err = now;
            return r;
        }
        before = now;
        r = gate_pause(upload->bucket->rules.stop_fd, seconds, err);
        if (r < 0)
            return r;
    }
}

// By a client of its own: the other one may have been asked to stop, which is why we are here.
static void abort_upload(const struct upload *upload)
{
    struct http_rules rules = upload->bucket->rules;
    rules.stop_fd = 0;
    rules.connect_seconds = farewell_seconds;
    cleanup(http_free) struct http *http = http_new(&rules);
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    cleanup(store_bucket_request_release) struct store_bucket_request request = { .lines = NULL };
    cleanup(fields_release) struct fields query = FIELDS_INIT;
    fields_add(&query, "uploadId", upload->id);
    const struct store_bucket_call call = { .method = "DELETE",
                                            .key = upload->order->key,
                                            .query = query };
    // Of no consequence if it fails: the service's own rules remove what is left, in the end.
    if (store_bucket_prepare(upload->bucket, &call, &request, NULL) < 0)
        return;
    request.http.deadline_seconds = farewell_seconds;
    (void)http_do(http, &request.http, &answer, NULL);
}

int store_multipart_put(struct store_bucket *bucket, const struct store_order *order,
                        struct err *err)
{
    const uint64_t step = UINT64_C(1) << 20;
    cleanup(upload_release) struct upload upload = { .bucket = bucket, .order = order };
    // In whole MiB, so many that 10000 are enough.
    uint64_t least = (order->body.size / MAX_PARTS / step + 1) * step;
    upload.part_bytes = least > part_bytes ? least : part_bytes;
    upload.count = (unsigned)((order->body.size - 1) / upload.part_bytes + 1);
    upload.parts = xcalloc(upload.count, sizeof *upload.parts);
    int r = begin_upload(&upload, err);
    if (r < 0)
        return r;
    upload.sums = part_sums_start(upload.by_crc32c ? PROOF_CRC32C : bucket->proof, &order->body,
                                  upload.part_bytes);
    r = send_parts(&upload, err);
    if (r == 0)
        r = end_upload(&upload, err);
    if (r < 0)
        abort_upload(&upload);
    return r;
}
