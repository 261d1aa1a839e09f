// publish: puts what people get into the batch's folder of the outbox, into its bucket, or both.
//
// Each file appears whole or not at all, the reel last but one and its report never before it; done
// twice, the same files and objects are there.  An outbox that cannot be written is machine trouble
// and not the batch's fault: the reel waits, finished, until someone puts the outbox right.
//
// With storage "oss" the reel itself is in the bucket alone; all else, which is small and says
// where it is, in the outbox as ever.  The last status is not known yet and follows when the batch
// has ended (sweep.c).
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "base/fs.h"
#include "base/text.h"
#include "spool/objects.h"
#include "spool/receipt.h"
#include "stages/outbox.h"
#include "stages/storage.h"

struct publication {
    const char *name;
    bool required;
    const char *type; // in the bucket, of what goes there too; else NULL
};

static const struct publication publications[] = {
    { BATCH_RECEIPT, false, NULL },
    { BATCH_ANALYSIS, false, NULL },
    { BATCH_PLAN, true, "application/json" },
    { BATCH_COVER, false, NULL },
    { BATCH_SRT, false, "application/x-subrip" },
    { BATCH_VTT, false, "text/vtt" },
    { BATCH_FINAL, true, "video/mp4" },
};

static bool goes_to_outbox(const struct batch *batch, const struct publication *publication)
{
    return batch->storage != STORAGE_OSS || strcmp(publication->name, BATCH_FINAL) != 0;
}

static bool goes_to_bucket(const struct batch *batch, const struct publication *publication)
{
    return batch->storage != STORAGE_LOCAL && publication->type != NULL;
}

struct copying {
    struct stage_context *context;
    uint64_t done_bytes, all_bytes;
};

static void copied(void *data, uint64_t bytes)
{
    const struct copying *copying = data;
    if (copying->all_bytes > 0)
        stage_progress(copying->context,
                       (double)(copying->done_bytes + bytes) / (double)copying->all_bytes);
}

static void uploaded(void *data, uint64_t bytes, uint64_t total_bytes)
{
    (void)total_bytes;
    copied(data, bytes);
}

// Bytes that are to be moved, for the progress; what must be there and is not is our own fault.
static int measure(struct copying *copying, uint64_t *ret_size_bytes, struct err *err)
{
    const struct batch *batch = &copying->context->batch;
    for (size_t i = 0; i < ARRAY_LEN(publications); i++) {
        const struct publication *publication = &publications[i];
        struct stat found;
        int r = fstatat(copying->context->batchdir, publication->name, &found, AT_SYMLINK_NOFOLLOW);
        if (r < 0 || !S_ISREG(found.st_mode)) {
            if (publication->required)
                return err_set(err, ERR_BUG, "nothing_to_publish", "%s is missing in the batch",
                               publication->name);
            continue;
        }
        uint64_t size = (uint64_t)found.st_size;
        *ret_size_bytes += size;
        copying->all_bytes += goes_to_outbox(batch, publication) ? size : 0;
        copying->all_bytes += goes_to_bucket(batch, publication) ? size : 0;
    }
    return 0;
}

// ---- the outbox

static int publish_one(struct copying *copying, const char *name, int folder, struct err *err)
{
    struct stat found;
    int batchdir = copying->context->batchdir;
    if (fstatat(batchdir, name, &found, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
        return 0; // an optional one, see measure()
    int r = outbox_put(batchdir, name, folder, copied, copying, err);
    if (r < 0)
        return r;
    copying->done_bytes += (uint64_t)found.st_size;
    return 0;
}

static int publish_here(struct copying *copying, struct err *err)
{
    struct stage_context *context = copying->context;
    cleanup(close_fd) int folder = outbox_open(context, err);
    if (folder < 0)
        return folder;
    for (size_t i = 0; i < ARRAY_LEN(publications); i++) {
        struct err inner = ERR_INIT;
        if (goes_to_outbox(&context->batch, &publications[i]) &&
            publish_one(copying, publications[i].name, folder, &inner) < 0)
            return outbox_trouble(context, -inner.code, err);
    }
    return 0;
}

// The reel is there; what it was to look like is of no more use.
static void remove_preview(struct stage_context *context)
{
    cleanup(close_fd) int folder = outbox_open(context, NULL);
    if (folder < 0)
        return;
    (void)fs_remove(folder, BATCH_PREVIEW, NULL);
    // Of a preview that was killed on its way there, too often to be tried again.
    (void)fs_remove(folder, BATCH_PREVIEW ".tmp", NULL);
}

// ---- the bucket

static int store_one(struct copying *copying, const struct storage *storage,
                     const struct publication *publication, struct err *err)
{
    struct stat found;
    const struct stage_context *context = copying->context;
    if (!publication->required &&
        faccessat(context->batchdir, publication->name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    cleanup(close_fd) int fd = fs_open_file(context->batchdir, publication->name, &found, err);
    if (fd < 0)
        return fd;
    cleanup(free_ptr) char *key = objects_reel_key(context->batch.id, publication->name);
    const struct store_order order = {
        .key = key,
        .body = { .fd = fd, .size = (uint64_t)found.st_size },
        .type = publication->type,
        .progress = uploaded,
        .context = copying,
    };
    int r = storage_ended(storage, store_put(storage->store, &order, err));
    if (r == 0)
        copying->done_bytes += (uint64_t)found.st_size;
    return r;
}

// What status.json says of the object.
static int note_place(struct stage_context *context, const struct storage *storage, struct err *err)
{
    char until[TEXT_TIME_SIZE];
    const struct settings *settings = &context->settings;
    unsigned seconds = (unsigned)settings->reel_link_seconds;
    time_t expires_at = time(NULL) + (time_t)seconds;
    // That address is of the bucket that is configured today.
    bool is_public = settings->public_address != NULL && settings->bucket != NULL &&
                     strcmp(settings->bucket, storage->bucket->name) == 0;
    cleanup(free_ptr) char *key = objects_reel_key(context->batch.id, BATCH_FINAL);
    cleanup(secret_free) char *link = NULL;
    int r = storage_link(storage, is_public ? settings->public_address : NULL, key, seconds, &link,
                         err);
    if (r < 0)
        return r;
    json_put_text(context->numbers, "bucket", storage->bucket->name);
    json_put_text(context->numbers, "key", key);
    json_put_text(context->numbers, "url", link);
    json_put_text(context->numbers, "url_expires_at",
                  link != NULL && !is_public ? text_time(expires_at, until) : NULL);
    return 0;
}

static int publish_there(struct copying *copying, struct err *err)
{
    struct stage_context *context = copying->context;
    cleanup(storage_close) struct storage storage = STORAGE_INIT;
    int r = storage_open_named(&context->settings, context->batch.bucket, &storage, err);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(publications); i++)
        if (goes_to_bucket(&context->batch, &publications[i]))
            r = store_one(copying, &storage, &publications[i], err);
    return r < 0 ? r : note_place(context, &storage, err);
}

// ---- all

// A ledger that cannot be read is no reason to keep a reel from people.
static int write_receipt(struct stage_context *context, struct err *err)
{
    struct err why = ERR_INIT;
    cleanup(json_free) json_t *receipt = NULL;
    int r = receipt_read(context->batchdir, context->settings.models.currency, &receipt, &why);
    if (r < 0)
        stage_warn(context, "there is no receipt: %s", why.text);
    return json_is_object(receipt) ? json_write(context->batchdir, BATCH_RECEIPT, receipt, err) : 0;
}

static int run(struct stage_context *context, struct err *err)
{
    struct copying copying = { .context = context };
    uint64_t size_bytes = 0;
    int r = write_receipt(context, err);
    if (r == 0)
        r = measure(&copying, &size_bytes, err);
    if (r == 0)
        r = publish_here(&copying, err);
    if (r == 0 && context->batch.storage != STORAGE_LOCAL)
        r = publish_there(&copying, err);
    if (r == 0)
        remove_preview(context);
    json_put_int(context->numbers, "size_bytes", (int64_t)size_bytes);
    return r;
}

int main(int argc, char **argv)
{
    return stage_main(argc, argv, STAGE_PUBLISH, run);
}
