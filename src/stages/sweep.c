// sweep: removes from buckets what is there for a while only, and nothing else.
//
// With the ID of a batch, once that has ended: its proxies and what killed stages left half
// uploaded, after the last status of a completed one has been put beside its reel.  Without: from
// each bucket of the configuration the proxies of whatever batches that have expired, which is what
// is left when a bucket was away for long or a spool was lost.  An object is ours only if its name
// is exactly one that we make (spool/objects.h); it has expired when it says so itself, or, if it
// says nothing, when no configuration could have let it live so long.  Batches that are at work
// keep theirs.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "base/fs.h"
#include "base/text.h"
#include "net/credential.h"
#include "spool/errand.h"
#include "spool/objects.h"
#include "spool/status.h"
#include "stages/errand_main.h"
#include "stages/storage.h"

enum {
    DAY = 86400, // further ahead no service's clock is
    // The least and the most that storage.temp_hours may be.
    LEAST_SECONDS = 3600,
    MOST_SECONDS = 168 * 3600,
};

struct sweep {
    struct storage storage;
    int workdir;       // -1: there is none
    const char *batch; // whose; NULL: of all
    time_t now;
    unsigned removed;
    struct err trouble; // with the first object that stayed
};

static void sweep_release(struct sweep *sweep)
{
    storage_close(&sweep->storage);
    close_fd(&sweep->workdir);
}

static bool is_at_work(const struct sweep *sweep, const char *id)
{
    struct stat found;
    return sweep->workdir >= 0 && fstatat(sweep->workdir, id, &found, AT_SYMLINK_NOFOLLOW) == 0;
}

static int open_work(const char *root, struct err *err)
{
    cleanup(free_ptr) char *path = xasprintf("%s/work", root);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 || errno == ENOENT ? fd : err_errno(err, errno, "open %s", path);
}

// ---- objects

// One that cannot be removed does not hold up the others; the first trouble is told in the end.
static int remove_object(struct sweep *sweep, const char *key, struct err *err)
{
    struct err inner = ERR_INIT;
    int r = store_remove(sweep->storage.store, key, &inner);
    if (r == -ECANCELED) {
        *err = inner;
        return r;
    }
    if (r < 0 && sweep->trouble.class == ERR_NONE)
        sweep->trouble = inner;
    sweep->removed += r == 0;
    return 0;
}

// What the object says of its end, else what its name says.  Returns 1, 0 or a negative.
static int has_expired(const struct sweep *sweep, const struct store_entry *entry, const char *id,
                       struct err *err)
{
    cleanup(store_about_release) struct store_about about = STORE_ABOUT_INIT;
    time_t until;
    int r = store_head(sweep->storage.store, entry->key, &about, err);
    if (r == -ENOENT) {
        err_clear(err);
        return 0;
    }
    if (r < 0)
        return r;
    const char *said = fields_find(&about.metadata, OBJECTS_EXPIRES);
    if (said != NULL && text_time_parse(said, &until) == 0)
        return until < sweep->now;
    time_t begun = objects_time(id) > entry->modified ? objects_time(id) : entry->modified;
    return begun + MOST_SECONDS < sweep->now;
}

static int visit_expired(void *context, const struct store_entry *entry, struct err *err)
{
    struct sweep *sweep = context;
    cleanup(free_ptr) char *id = NULL;
    if (!objects_is_proxy(entry->key, &id) || entry->modified + LEAST_SECONDS > sweep->now ||
        is_at_work(sweep, id))
        return 0;
    int r = has_expired(sweep, entry, id, err);
    return r <= 0 ? r : remove_object(sweep, entry->key, err);
}

static int visit_own(void *context, const struct store_entry *entry, struct err *err)
{
    struct sweep *sweep = context;
    cleanup(free_ptr) char *id = NULL;
    if (!objects_is_proxy(entry->key, &id) || strcmp(id, sweep->batch) != 0)
        return 0;
    return remove_object(sweep, entry->key, err);
}

static int list(struct sweep *sweep, const char *prefix, store_visit *visit, struct err *err)
{
    int r = store_list(sweep->storage.store, prefix, visit, sweep, err);
    if (sweep->removed > 0)
        (void)fprintf(stderr, "%u removed from %s\n", sweep->removed,
                      store_shown(sweep->storage.store));
    if (r == 0 && sweep->trouble.class != ERR_NONE) {
        *err = sweep->trouble;
        r = sweep->trouble.code;
    }
    return r;
}

// ---- the last status

// As status_read.  That the outbox itself is not there is trouble: a disk that is not mounted.
static int read_status(const struct settings *settings, const struct errand *errand,
                       char **ret_text, size_t *ret_size, struct err *err)
{
    cleanup(free_ptr) char *path = settings_outbox(settings);
    cleanup(close_fd) int outbox = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (outbox < 0)
        return err_errno(err, errno, "open %s", path);
    return status_read(outbox, errand->outbox, errand->batch, ret_text, ret_size, err);
}

static int put_status(struct errand_context *context, struct sweep *sweep,
                      const struct errand *errand, struct err *err)
{
    cleanup(free_ptr) char *text = NULL, *key = objects_reel_key(errand->batch, "status.json");
    size_t size = 0;
    int r = read_status(&context->settings, errand, &text, &size, err);
    if (r < 0)
        return err->class == ERR_NONE ? 0 : r;
    const struct store_order order = {
        .key = key,
        .body = { .data = text, .size = size },
        .type = "application/json",
    };
    return store_put(sweep->storage.store, &order, err);
}

// ---- one batch

static int load_errand(const struct errand_context *context, struct errand *errand, struct err *err)
{
    cleanup(close_fd) int folder = errand_open(context->settings.root, err);
    if (folder < 0)
        return folder;
    int r = errand_load(folder, ERRAND_SWEEP, context->batch, errand, err);
    if (r == -ENOENT)
        return err_set(err, ERR_INPUT, "no_errand", "nothing is to be swept of %s", context->batch);
    return r;
}

// Nothing of the batch is under way any more, whenever it was begun.
static int take_back_parts(const struct sweep *sweep, const char *proxies, struct err *err)
{
    cleanup(free_ptr) char *reel = objects_reel_key(sweep->batch, "");
    const char *const prefixes[] = { proxies, reel };
    int r = 0;
    for (size_t i = 0; i < ARRAY_LEN(prefixes) && r >= 0; i++)
        r = store_abandon(sweep->storage.store, prefixes[i], sweep->now + DAY, err);
    return r < 0 ? r : 0;
}

static int sweep_batch(struct errand_context *context, struct sweep *sweep, struct err *err)
{
    cleanup(errand_release) struct errand errand = ERRAND_INIT;
    cleanup(free_ptr) char *prefix = objects_proxy_prefix(context->batch);
    // Its proxies are new, and its next end orders this anew.
    if (is_at_work(sweep, context->batch))
        return err_set(err, ERR_RETRY, "batch_is_back", "%s is at work again", context->batch);
    int r = load_errand(context, &errand, err);
    if (r == 0)
        r = storage_open_named(&context->settings, errand.bucket, &sweep->storage, err);
    if (r == 0 && errand.completed)
        r = put_status(context, sweep, &errand, err);
    sweep->batch = context->batch;
    if (r == 0)
        r = list(sweep, prefix, visit_own, err);
    return r < 0 ? r : take_back_parts(sweep, prefix, err);
}

// ---- all that expired

static int sweep_bucket(const struct settings *settings, const struct bucket *bucket,
                        struct sweep *sweep, struct err *err)
{
    int r = storage_open(settings, bucket, &sweep->storage, err);
    if (r == 0)
        r = list(sweep, OBJECTS_TEMP, visit_expired, err);
    storage_close(&sweep->storage);
    sweep->removed = 0;
    err_clear(&sweep->trouble);
    return r;
}

// Of a bucket that sources come from we may have no rights to more, and need none.
static bool is_to_be_told(const struct settings *settings, const struct bucket *bucket,
                          const struct err *why)
{
    bool is_ours = settings->bucket != NULL && strcmp(settings->bucket, bucket->name) == 0;
    return is_ours || why->class != ERR_DENIED;
}

// All buckets, for storage.bucket may have been another one while those batches were at work.  One
// that cannot be swept does not hold up the others; the first trouble is told in the end.
static int sweep_expired(struct errand_context *context, struct sweep *sweep, struct err *err)
{
    const struct bucket_list *buckets = &context->settings.buckets;
    int result = 0;
    for (size_t i = 0; i < buckets->count; i++) {
        struct err why = ERR_INIT;
        int r = sweep_bucket(&context->settings, &buckets->items[i], sweep, &why);
        bool is_told = r < 0 && is_to_be_told(&context->settings, &buckets->items[i], &why);
        if (r == -ECANCELED || (is_told && result == 0)) {
            *err = why;
            result = r;
        }
        if (r == -ECANCELED)
            break;
    }
    return result;
}

static int run(struct errand_context *context, struct err *err)
{
    cleanup(sweep_release) struct sweep sweep = { .storage = STORAGE_INIT, .now = time(NULL) };
    sweep.workdir = open_work(context->settings.root, err);
    if (err->class != ERR_NONE)
        return err->code;
    return context->batch != NULL ? sweep_batch(context, &sweep, err)
                                  : sweep_expired(context, &sweep, err);
}

// ---- for the doctor

static int visit_none(void *context, const struct store_entry *entry, struct err *err)
{
    (void)context, (void)entry, (void)err;
    return 1; // that it can be listed is all that was asked
}

// Lists a little of it, which takes keys, address, bucket and rights.
static int check_bucket(struct errand_context *context, const struct bucket *bucket,
                        struct err *err)
{
    cleanup(storage_close) struct storage storage = STORAGE_INIT;
    int r = storage_open(&context->settings, bucket, &storage, err);
    return r < 0 ? r : store_list(storage.store, OBJECTS_TEMP, visit_none, NULL, err);
}

static int check(struct errand_context *context, struct err *err)
{
    const struct bucket_list *buckets = &context->settings.buckets;
    (void)err;
    for (size_t i = 0; i < buckets->count; i++) {
        const struct bucket *bucket = &buckets->items[i];
        struct err why = ERR_INIT;
        if (!credential_is_ours(context->credentials, bucket->credential)) {
            errand_tell_unknown(bucket->name, "its keys are handed to the service only");
            continue;
        }
        (void)check_bucket(context, bucket, &why);
        errand_tell(bucket->name, "can be listed", &why);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct errand_program program = {
        .name = "sweep",
        .summary = "Removes from buckets what was put there for a while only",
        .id_is_optional = true,
        .run = run,
        .check = check,
    };
    return errand_main(argc, argv, &program);
}
