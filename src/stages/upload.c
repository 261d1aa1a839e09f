// upload: puts the proxy of a source into the bucket, where a model elsewhere can see it.
//
// The name follows from the batch and the source alone (spool/objects.h), so a stage that was
// killed puts the same object again.  It carries when it expires, for the sweep, should nothing
// else remove it; as a rule it goes when the batch has ended.
#include <sys/stat.h>
#include <time.h>

#include "base/fs.h"
#include "base/text.h"
#include "spool/objects.h"
#include "spool/upload.h"
#include "stages/stage.h"
#include "stages/storage.h"

// What of a name is kept with the object: services take 2 KiB in all, encoded three times as long.
enum { MAX_NAME_BYTES = 500 };

static void uploaded(void *data, uint64_t bytes, uint64_t total_bytes)
{
    if (total_bytes > 0)
        stage_progress(data, (double)bytes / (double)total_bytes);
}

// The last part of it, cut to what has room; escaped names are UTF-8.
static char *original_name(const struct batch_source *source)
{
    cleanup(free_ptr) char *name = batch_source_name(source);
    const char *slash = strrchr(name, '/');
    const char *last = slash != NULL && slash[1] != 0 ? slash + 1 : name;
    size_t length = strlen(last);
    if (length > MAX_NAME_BYTES)
        for (length = MAX_NAME_BYTES; length > 0 && ((unsigned char)last[length] & 0xC0) == 0x80;)
            length--;
    return xstrndup(last, length);
}

static int put_proxy(struct stage_context *context, const struct storage *storage, const char *key,
                     time_t expires_at, struct err *err)
{
    struct stat found;
    char until[TEXT_TIME_SIZE];
    cleanup(close_fd) int fd = fs_open_file(context->sourcedir, SOURCE_PROXY, &found, err);
    if (fd < 0)
        return fd;
    cleanup(free_ptr) char *name = original_name(&context->batch.sources[context->index]);
    cleanup(fields_release) struct fields metadata = FIELDS_INIT;
    fields_add(&metadata, OBJECTS_EXPIRES, text_time(expires_at, until));
    fields_add(&metadata, OBJECTS_ORIGINAL, name);
    const struct store_order order = {
        .key = key,
        .body = { .fd = fd, .size = (uint64_t)found.st_size },
        .type = "video/mp4",
        .metadata = &metadata,
        .progress = uploaded,
        .context = context,
    };
    json_put_int(context->numbers, "size_bytes", found.st_size);
    return storage_ended(storage, store_put(storage->store, &order, err));
}

// Where it is, for the stages that show it to someone.
static int save_place(struct stage_context *context, const struct storage *storage, char *key,
                      time_t expires_at, struct err *err)
{
    unsigned seconds = (unsigned)context->settings.link_seconds;
    struct upload upload = { .bucket = storage->bucket->name,
                             .key = key,
                             .expires_at = expires_at,
                             .link_until = time(NULL) + (time_t)seconds };
    int r = storage_link(storage, NULL, key, seconds, &upload.link, err);
    if (r == 0)
        r = upload_save(context->sourcedir, &upload, err);
    secret_free(&upload.link);
    return r;
}

static int run(struct stage_context *context, struct err *err)
{
    cleanup(storage_close) struct storage storage = STORAGE_INIT;
    cleanup(free_ptr) char *key = objects_proxy_key(context->batch.id, context->index);
    time_t expires_at = time(NULL) + (time_t)(context->settings.temp_hours * 3600);
    if (context->batch.bucket == NULL)
        return err_set(err, ERR_BUG, "no_storage", "the batch has no bucket");
    int r = storage_open_named(&context->settings, context->batch.bucket, &storage, err);
    if (r == 0)
        r = put_proxy(context, &storage, key, expires_at, err);
    if (r == 0)
        r = save_place(context, &storage, key, expires_at, err);
    json_put_text(context->numbers, "key", key);
    return r;
}

int main(int argc, char **argv)
{
    return stage_main(argc, argv, STAGE_UPLOAD, run);
}
