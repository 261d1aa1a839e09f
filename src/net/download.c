// Going on, starting over, and knowing which.

#include "net/download.h"

#include "base/fs.h"
#include "base/text.h"
#include "net/filename.h"
#include "net/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>

enum {
    // A server that breaks off again and again gets this many chances in one call; each must have
    // brought something.  2 GiB in pieces of 100 MB, as some proxies cut them, are 20.
    MAX_BREAKS = 25,
    // An object that is another at each request is being written; its writer will be done some
    // time.
    MAX_CHANGES = 3,
};

// How much a power cut may cost.  Each costs two fsyncs and holds the transfer up meanwhile.
static const uint64_t checkpoint_bytes = UINT64_C(256) << 20;
// How far the disk may lag behind, so that the last sync is short.
static const uint64_t sync_soon_bytes = UINT64_C(8) << 20;

// What comes between two wakings of the thread that hashes it; waking it for each piece that comes
// would cost more than the hashing.
static const uint64_t follow_bytes = UINT64_C(4) << 20;

struct work {
    const struct download_order *order;
    struct download_result *result;
    struct fs_file file;
    struct partial partial;
    struct fingerprint *fingerprint;
    uint64_t bytes;      // in the file, all of the object
    uint64_t sync_begun; // up to here
    uint64_t hashed;     // at least asked for
    bool asked_for_part; // the request under way
    bool changed;        // the object is not the one of the record
    bool spoiled;        // what is in the file is not, or may not be, what the server has
};

void download_result_release(struct download_result *result)
{
    free(result->name);
    free(result->type);
    *result = (struct download_result)DOWNLOAD_RESULT_INIT;
}

static void work_release(struct work *work)
{
    fingerprint_free(&work->fingerprint);
    fs_release(&work->file);
    partial_release(&work->partial);
}

// ---- the file

// Cuts the file to `bytes` and stands at its end; hashing begins anew where it was beyond.
static int cut(struct work *work, uint64_t bytes, struct err *err)
{
    if (ftruncate(work->file.fd, (off_t)bytes) < 0 ||
        lseek(work->file.fd, (off_t)bytes, SEEK_SET) < 0)
        return err_errno(err, errno, "cut %s", work->file.temporary);
    fingerprint_free(&work->fingerprint);
    work->fingerprint =
        fingerprint_start(work->file.fd,
                          work->partial.proof != NULL ? work->order->proof : PROOF_NONE);
    fingerprint_follow(work->fingerprint, bytes);
    work->bytes = work->sync_begun = work->hashed = bytes;
    if (work->partial.synced_bytes > bytes)
        work->partial.synced_bytes = bytes;
    return 0;
}

static int checkpoint(struct work *work, struct err *err)
{
    int r = fs_sync(work->file.fd, err);
    work->spoiled = r < 0;
    if (r < 0)
        return r;
    work->partial.synced_bytes = work->bytes;
    return partial_save(work->order->dirfd, work->order->name, &work->partial, err);
}

// Removes what was fetched and what is known of it: nothing can be gone on with.
static void forget(struct work *work)
{
    fingerprint_free(&work->fingerprint);
    work->file.keeps = false;
    fs_release(&work->file);
    (void)partial_forget(work->order->dirfd, work->order->name, NULL);
}

// ---- the head of an answer

static int check_kind(const struct answer *head, struct err *err)
{
    const char *encoding = answer_find(head, "Content-Encoding");
    if (encoding != NULL && strcasecmp(encoding, "identity") != 0) {
        cleanup(free_ptr) char *shown = text_escape_n(encoding, strnlen(encoding, 40));
        return err_set(err, ERR_INPUT, "encoded",
                       "the server packs the file (%s), though it was asked not to", shown);
    }
    cleanup(free_ptr) char *type = answer_type(head);
    if (strcmp(type, "text/html") != 0 && strcmp(type, "application/xhtml+xml") != 0)
        return 0;
    (void)err_set(err, ERR_INPUT, "web_page", "the link leads to a web page, not to a video");
    return err_hint(err, "use the link of the download itself; pages that ask to log in cannot be "
                         "fetched");
}

static int check_size(const struct work *work, uint64_t bytes, struct err *err)
{
    char most[TEXT_TIME_SIZE];
    if (bytes <= work->order->max_bytes)
        return 0;
    (void)err_set(err, ERR_INPUT, "too_large", "the file is larger than the limit of %s",
                  text_bytes(work->order->max_bytes, most));
    return err_hint(err, "take a smaller file, or have limits.max_source_bytes raised");
}

// The size that the answer says the whole has, UINT64_MAX if it says none.
static int total_of(const struct work *work, const struct answer *head, uint64_t *ret,
                    struct err *err)
{
    struct answer_range range;
    if (head->status == 204 || head->status == 205) { // there is no content, whatever is said of it
        *ret = 0;
        return 0;
    }
    if (head->status != 206)
        return answer_length(head, ret) == 0
                   ? 0
                   : err_set(err, ERR_INPUT, "bad_answer", "the server gives no usable length");
    if (!work->asked_for_part || answer_range(head, &range) < 0 || range.first != work->bytes)
        return err_set(err, ERR_INPUT, "bad_answer",
                       "the server sends another part than it was asked for");
    *ret = range.total;
    return 0;
}

// Whether a part is of the object of the record.  If-Range promises it; not all servers keep that.
static bool is_same_object(const struct work *work, const struct answer *head, uint64_t total)
{
    const char *tag = answer_find(head, "ETag"), *modified = answer_find(head, "Last-Modified");
    const char *known = work->partial.validator;
    if (work->partial.total_bytes != UINT64_MAX && total != UINT64_MAX &&
        total != work->partial.total_bytes)
        return false;
    if (known[0] == '"')
        return tag == NULL || strcmp(tag, known) == 0;
    return modified == NULL || strcmp(modified, known) == 0;
}

static void take_name(struct work *work, const struct answer *head)
{
    cleanup(free_ptr) char *path = http_link_path(work->order->link);
    free(work->partial.name);
    free(work->partial.type);
    work->partial.name = filename_of(answer_find(head, "Content-Disposition"), path);
    work->partial.type = answer_type(head);
}

// The whole object comes: what there was of another, or of the same from a server that knows no
// parts, goes.
static int start_over(struct work *work, const struct answer *head, uint64_t total, struct err *err)
{
    const char *validator = answer_validator(head);
    free(work->partial.proof);
    work->partial.proof = proof_of(work->order->proof, head);
    int r = cut(work, 0, err);
    if (r < 0)
        return r;
    free(work->partial.validator);
    free_ptr(&work->partial.sha256);
    work->partial.validator = validator ? xstrdup(validator) : NULL;
    work->partial.total_bytes = total;
    work->partial.synced_bytes = 0;
    take_name(work, head);
    return partial_save(work->order->dirfd, work->order->name, &work->partial, err);
}

// The record is written again because the machine may have been started since.
static int go_on(struct work *work, uint64_t total, struct err *err)
{
    if (work->partial.total_bytes == UINT64_MAX)
        work->partial.total_bytes = total;
    return partial_save(work->order->dirfd, work->order->name, &work->partial, err);
}

static int begin(void *context, const struct answer *head, struct err *err)
{
    struct work *work = context;
    uint64_t total = UINT64_MAX;
    int r = check_kind(head, err);
    if (r == 0)
        r = total_of(work, head, &total, err);
    if (r == 0 && total != UINT64_MAX)
        r = check_size(work, total, err);
    if (r < 0)
        return r;
    if (head->status == 206 && !is_same_object(work, head, total)) {
        work->changed = true;
        return -ESTALE;
    }
    if (head->status != 206)
        r = start_over(work, head, total, err);
    else
        r = go_on(work, total, err);
    if (r == 0 && total != UINT64_MAX)
        r = fs_reserve(work->file.fd, work->bytes, total - work->bytes, err);
    return r;
}

// ---- its body

static int take(void *context, const char *data, size_t size, struct err *err)
{
    struct work *work = context;
    const struct download_order *order = work->order;
    int r = check_size(work, work->bytes + size, err);
    if (r == 0 && work->bytes + size > work->partial.total_bytes)
        r = err_set(err, ERR_INPUT, "bad_answer", "the server sends more than it said");
    if (r == 0)
        r = fs_write_all(work->file.fd, data, size, err);
    if (r < 0)
        return r;
    work->bytes += size;
    work->result->received_bytes += size;
    if (work->bytes - work->hashed >= follow_bytes) {
        fingerprint_follow(work->fingerprint, work->bytes);
        work->hashed = work->bytes;
    }
    if (order->progress != NULL)
        order->progress(order->context, work->bytes, work->partial.total_bytes);
    if (work->bytes - work->sync_begun >= sync_soon_bytes) {
        fs_sync_soon(work->file.fd, work->sync_begun, work->bytes - work->sync_begun);
        work->sync_begun = work->bytes;
    }
    bool due = work->bytes - work->partial.synced_bytes >= checkpoint_bytes;
    return due && work->partial.validator != NULL ? checkpoint(work, err) : 0;
}

// ---- requests

enum { MAX_FIELDS = 32 };

static int request(struct work *work, struct err *err)
{
    const struct download_order *order = work->order;
    const struct http_sink sink = { begin, take, work };
    const char *fields[MAX_FIELDS + 4] = { "Accept-Encoding: identity" };
    size_t count = 1;
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    cleanup(free_ptr) char *range = xasprintf("Range: bytes=%" PRIu64 "-", work->bytes);
    cleanup(free_ptr) char *condition =
        work->partial.validator ? xasprintf("If-Range: %s", work->partial.validator) : NULL;
    for (size_t i = 0; order->fields && order->fields[i] && i < MAX_FIELDS; i++)
        fields[count++] = order->fields[i];
    work->changed = false;
    work->asked_for_part = work->bytes > 0;
    if (work->asked_for_part) {
        fields[count++] = range;
        fields[count++] = condition;
    }
    work->result->requests++;
    const struct http_request http = {
        .link = order->link, .fields = fields, .sink = &sink, .max_redirects = order->max_redirects
    };
    int r = http_do(order->http, &http, &answer, err);
    if (r < 0)
        return r;
    if (answer.head.status == 416 && work->asked_for_part) {
        work->changed = true; // it ends before where we are
        return -ESTALE;
    }
    if (answer.head.status < 200 || answer.head.status > 299)
        return order->refused != NULL ? order->refused(order->context, &answer, err)
                                      : answer_failure(&answer.head, time(NULL), err);
    if (work->partial.total_bytes != UINT64_MAX && work->bytes < work->partial.total_bytes)
        return err_set(err, ERR_RETRY, "cut_off", "the server sent less than it said");
    return 0;
}

static bool can_go_on(const struct work *work, uint64_t before, const struct err *err)
{
    return err->class == ERR_RETRY && work->partial.validator != NULL && work->bytes > before &&
           strcmp(err->id, "stopped") != 0;
}

static bool is_complete(const struct work *work)
{
    return work->bytes > 0 && work->bytes == work->partial.total_bytes;
}

// Asks until all is there, or it makes no sense to go on.
static int transfer(struct work *work, struct err *err)
{
    int breaks = 0, changes = 0;
    while (!is_complete(work)) {
        uint64_t before = work->bytes;
        int r = request(work, err);
        if (r == 0)
            return 0;
        if (work->changed && ++changes > MAX_CHANGES)
            return err_set(err, ERR_RETRY, "changes_all_the_time",
                           "the file on the server is another at every look");
        if (work->changed) {
            r = cut(work, 0, err);
            if (r < 0)
                return r;
            continue;
        }
        // A whole object that came instead of a part brought something, too.
        if (!can_go_on(work, work->bytes < before ? 0 : before, err) || ++breaks > MAX_BREAKS)
            return r;
        err_clear(err);
    }
    return 0;
}

// ---- the whole

static int finish(struct work *work, struct err *err)
{
    struct download_result *result = work->result;
    cleanup(free_ptr) char *proof = NULL;
    if (work->bytes == 0)
        return err_set(err, ERR_INPUT, "empty_file", "the file on the server is empty");
    fingerprint_follow(work->fingerprint, work->bytes);
    int r = fingerprint_finish(&work->fingerprint, result->sha256, &proof, err);
    if (r < 0)
        return r;
    if (proof_differs(work->partial.proof, proof)) {
        work->spoiled = true;
        return err_set(err, ERR_RETRY, "damaged", "what arrived is not what the server has");
    }
    free(work->partial.sha256);
    work->partial.sha256 = xstrdup(result->sha256);
    work->partial.total_bytes = work->bytes;
    // What was set aside and not needed goes back; of no consequence if not.
    (void)!ftruncate(work->file.fd, (off_t)work->bytes);
    // The record first: were it the other way round, a kill between would fetch it all once more.
    r = partial_save(work->order->dirfd, work->order->name, &work->partial, err);
    if (r == 0)
        r = fs_commit(&work->file, err);
    if (r < 0)
        forget(work); // what could not be synced must not be gone on with
    return r;
}

static void fill_result(struct work *work)
{
    struct download_result *result = work->result;
    result->size_bytes = work->partial.total_bytes;
    result->name = work->partial.name ? TAKE(work->partial.name) : xstrdup("video");
    result->type = work->partial.type ? TAKE(work->partial.type) : xstrdup("");
    (void)snprintf(result->sha256, sizeof result->sha256, "%s", work->partial.sha256);
}

// Whether an earlier call had come to the end, and only its caller had not.
static bool is_there(const struct work *work)
{
    struct stat st;
    cleanup(close_fd) int fd = fs_open(work->order->dirfd, work->order->name, O_RDONLY);
    return work->partial.sha256 != NULL && fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == work->partial.total_bytes;
}

static int open_file(struct work *work, struct err *err)
{
    struct stat st;
    int r = fs_continue(&work->file, work->order->dirfd, work->order->name, err);
    if (r < 0)
        return r;
    if (fstat(work->file.fd, &st) < 0)
        return err_errno(err, errno, "look at %s", work->file.temporary);
    return cut(work, partial_trusted(&work->partial, (uint64_t)st.st_size), err);
}

static void identify(const char *text, char *hex)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_Digest(text, strlen(text), hash, &size, EVP_sha256(), NULL) != 1)
        base_out_of_memory();
    for (unsigned i = 0; i < size; i++)
        (void)snprintf(hex + (size_t)2 * i, 3, "%02x", hash[i]);
}

// What waiting mends, or the machine; and what the user's own wish to stop leaves.
static bool is_worth_keeping(const struct err *err)
{
    return err->class != ERR_INPUT && err->class != ERR_DENIED;
}

int download(const struct download_order *order, struct download_result *result, struct err *err)
{
    cleanup(work_release) struct work work = {
        .order = order, .result = result, .file = FS_FILE_INIT, .partial = PARTIAL_INIT
    };
    struct err own = ERR_INIT;
    err = err ? err : &own;
    char identity[FINGERPRINT_SIZE];
    identify(order->identity ? order->identity : order->link, identity);
    int r = partial_load(order->dirfd, order->name, identity, &work.partial, err);
    if (r < 0)
        return r;
    if (!is_there(&work)) {
        r = open_file(&work, err);
        if (r == 0)
            r = transfer(&work, err);
        if (r == 0)
            r = finish(&work, err);
    }
    if (r == 0)
        fill_result(&work);
    else if (work.spoiled || !is_worth_keeping(err))
        forget(&work);
    else if (r == -ECANCELED && work.partial.validator != NULL)
        (void)checkpoint(&work, NULL);
    return r;
}
