// From a bucket of the configuration to a store with its keys.
#include "stages/storage.h"

#include <errno.h>

#include "base/fs.h"
#include "base/percent.h"
#include "base/text.h"
#include "stages/gates.h"
#include "stages/stop.h"

static const enum store_kind kinds[] = {
    [BUCKET_OSS] = STORE_OSS,
    [BUCKET_S3] = STORE_S3,
    [BUCKET_FOLDER] = STORE_FOLDER,
};

static const enum store_style styles[] = {
    [BUCKET_AUTO] = STORE_STYLE_AUTO,
    [BUCKET_PATH] = STORE_STYLE_PATH,
    [BUCKET_HOST] = STORE_STYLE_HOST,
    [BUCKET_OWN] = STORE_STYLE_OWN,
};

static int load_keys(const struct bucket *bucket, struct credential *credential, struct err *err)
{
    secret_guard_process();
    int r = credential_load(getenv("CREDENTIALS_DIRECTORY"), bucket->credential, credential, err);
    return r < 0 ? err_prefix(err, "storage %s", bucket->name) : 0;
}

static int open_store(const struct settings *settings, struct storage *storage, struct err *err)
{
    const struct bucket *bucket = storage->bucket;
    cleanup(free_ptr) char *endpoint =
        bucket->endpoint ? remote_endpoint(bucket->endpoint, err) : NULL;
    cleanup(free_ptr) char *region = bucket->type == BUCKET_FOLDER ? NULL : bucket_region(bucket);
    const struct http_rules rules = {
        .ca_file = settings->ca_file,
        .connect_seconds = settings->connect_seconds,
        .stall_seconds = settings->stall_seconds,
        .stall_bytes_per_second = settings->stall_bytes_per_second,
        .stop_fd = storage->stop_fd,
    };
    const struct store_place place = {
        .kind = kinds[bucket->type],
        .name = bucket->name,
        .bucket = bucket->bucket,
        .endpoint = endpoint,
        .region = region,
        .style = styles[bucket->style],
        .signs_v1 = bucket->signature == BUCKET_V1,
        .credential = &storage->credential,
        .credential_name = bucket->credential,
        .turn = { gate_enter, gate_leave, storage->gate },
        .path = bucket->path,
    };
    return store_open(&place, &rules, &storage->store, err);
}

int storage_open(const struct settings *settings, const struct bucket *bucket,
                 struct storage *storage, struct err *err)
{
    storage->bucket = bucket;
    int r = bucket->type == BUCKET_FOLDER ? 0 : load_keys(bucket, &storage->credential, err);
    if (r < 0)
        return r;
    storage->stop_fd = stop_catch(err);
    if (storage->stop_fd < 0)
        return storage->stop_fd;
    cleanup(free_ptr) char *name = xasprintf("storage %s", bucket->name);
    storage->gate = gates_service(settings, name, storage->stop_fd);
    return open_store(settings, storage, err);
}

int storage_open_named(const struct settings *settings, const char *name, struct storage *storage,
                       struct err *err)
{
    const struct bucket *bucket = bucket_find(&settings->buckets, name);
    if (bucket != NULL)
        return storage_open(settings, bucket, storage, err);
    (void)err_set(err, ERR_CONFIG, "no_bucket",
                  "the batch belongs into storage %s, which the configuration has no more", name);
    return err_hint(err, "put it back into storage.buckets until all batches of it have ended");
}

void storage_close(struct storage *storage)
{
    store_close(&storage->store);
    gate_free(&storage->gate);
    credential_release(&storage->credential);
    close_fd(&storage->stop_fd);
}

int storage_ended(const struct storage *storage, int r)
{
    if (r == -ECANCELED)
        stop_end(storage->stop_fd);
    return r;
}

int storage_link(const struct storage *storage, const char *address, const char *key,
                 unsigned seconds, char **ret_link, struct err *err)
{
    *ret_link = NULL;
    if (address != NULL) {
        cleanup(free_ptr) char *path = percent_encode(key, "/");
        bool has_slash = text_ends_with(address, "/");
        *ret_link = xasprintf("%s%s%s", address, has_slash ? "" : "/", path);
        return 0;
    }
    if (storage->bucket->type == BUCKET_FOLDER)
        return 0;
    return store_sign(storage->store, key, seconds, ret_link, err);
}
