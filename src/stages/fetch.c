// fetch: brings a source into its directory of the batch.
//
// One that a link names is downloaded, over as many tries as it takes (net/download.h); an
// object likewise, with the keys of the configured bucket that it is in and only from there.
//
// A dropped file is there already, in in/; its directory gets a clone of it, a second name for it
// (a hard link, which costs nothing), or a copy.  The file is held against what was understood when
// the batch was taken, so that nothing that changed since is mistaken for the source.
#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/text.h"
#include "net/download.h"
#include "spool/doubt.h"
#include "stages/gates.h"
#include "stages/stage.h"
#include "stages/stop.h"
#include "stages/storage.h"
#include "stages/sums.h"

struct copying {
    struct stage_context *context;
    uint64_t size_bytes;
};

static void copied(void *data, uint64_t bytes)
{
    const struct copying *copying = data;
    if (copying->size_bytes > 0)
        stage_progress(copying->context, (double)bytes / (double)copying->size_bytes);
}

// Opens the dropped file as fs_open_file does, but through links where a private spool allows them.
static int open_dropped(int in, const struct batch_source *source, bool accept_links,
                        struct stat *ret_stat, struct err *err)
{
    cleanup(close_fd) int fd =
        accept_links ? openat(in, source->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
                     : fs_open(in, source->file, O_RDONLY);
    int number = accept_links ? errno : -fd;
    if (fd < 0 && number == EACCES)
        return err_set(err, ERR_INPUT, "unreadable", "the file may not be read");
    if (fd < 0 && (number == ENOENT || number == ELOOP))
        return err_set(err, ERR_INPUT, "changed_after_claim",
                       "the file is gone or became a link after the batch was taken");
    if (fd < 0)
        return err_errno(err, number, "open the file");
    if (fstat(fd, ret_stat) < 0)
        return err_errno(err, errno, "look at the file");
    return take_fd(&fd);
}

// Opens the file and holds it against what was understood.  Returns the descriptor.
static int check_dropped(int in, const struct batch_source *source, bool accept_links,
                         struct err *err)
{
    struct stat found = { .st_mode = 0 };
    cleanup(close_fd) int fd = open_dropped(in, source, accept_links, &found, err);
    if (fd < 0)
        return fd;
    if (!S_ISREG(found.st_mode))
        return err_set(err, ERR_INPUT, "not_a_file", "it is not a regular file");
    if ((uint64_t)found.st_size != source->size_bytes)
        return err_set(err, ERR_INPUT, "changed_after_claim",
                       "the file had %llu bytes when the batch was taken and has %llu now",
                       (unsigned long long)source->size_bytes, (unsigned long long)found.st_size);
    if (source->modified_ns != 0 && batch_modified_ns(&found) != source->modified_ns)
        return err_set(err, ERR_INPUT, "changed_after_claim",
                       "the file was written to after the batch was taken");
    return take_fd(&fd);
}

// A link of a private spool stays a link: nothing is copied, even from another file system.
// Returns 1 if it was one.
static int keep_link(int in, const struct batch_source *source, int sourcedir, struct err *err)
{
    struct stat found;
    if (fstatat(in, source->file, &found, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(err, errno, "look at the file");
    if (!S_ISLNK(found.st_mode))
        return 0;
    cleanup(free_ptr) char *target = xasprintf("../" BATCH_IN "/%s", source->file);
    int r = fs_remove(sourcedir, SOURCE_FILE ".tmp", err);
    if (r < 0)
        return r;
    if (symlinkat(target, sourcedir, SOURCE_FILE ".tmp") < 0)
        return err_errno(err, errno, "link the source");
    r = fs_move(sourcedir, SOURCE_FILE ".tmp", sourcedir, SOURCE_FILE, FS_MOVE_REPLACE, err);
    return r < 0 ? r : 1;
}

// Where blocks can be shared, the source is a file of its own at no cost.  Where they cannot, it is
// a second name of what was dropped, if nobody can write to it any more: its folder cannot be
// reached since the claim, and a lease tells that nobody has it open from before.  Else it is
// copied, however long that takes: who still writes must not change what is being looked at.
static int make_own(struct stage_context *context, int in, int fd,
                    const struct batch_source *source, struct err *err)
{
    struct copying copying = { context, source->size_bytes };
    cleanup(fs_release) struct fs_file file = FS_FILE_INIT;
    int r = fs_begin(&file, context->sourcedir, SOURCE_FILE, err);
    int way = r < 0 ? r : fs_clone(&file, fd, err);
    if (way == -EOPNOTSUPP && doubt_nobody_writes(fd)) {
        fs_release(&file);
        return fs_link_or_copy(in, source->file, context->sourcedir, SOURCE_FILE, copied, &copying,
                               err);
    }
    if (way == -EOPNOTSUPP)
        way = fs_fill(&file, fd, copied, &copying, err);
    if (way >= 0)
        r = fs_commit(&file, err);
    return way < 0 ? way : r < 0 ? r : way;
}

// Whoever dropped it need not have synced it, and from here on it is we who must not lose it.
static int make_durable(int in, int fd, const struct batch_source *source, struct err *err)
{
    int r = fs_sync(fd, err);
    return r < 0 ? r : fs_sync_name(in, source->file, err);
}

// What the manifest of the batch says of it, if there is one.
static int check_sum(struct stage_context *context, int in, int fd,
                     const struct batch_source *source, struct err *err)
{
    struct copying reading = { context, source->size_bytes };
    cleanup(manifest_release) struct manifest manifest = MANIFEST_INIT;
    int r = manifest_read(in, &manifest, err);
    const struct manifest_file *file = r < 0 ? NULL : manifest_find(&manifest, source->file);
    if (r == -ENOENT)
        return 0;
    return file ? sums_check(fd, file, copied, &reading, err) : r;
}

static int bring(struct stage_context *context, const struct batch_source *source,
                 const char **ret_way, struct err *err)
{
    static const char *const ways[] = { "linked", "cloned", "copied" };
    bool accept_links = context->settings.accept_links;
    cleanup(close_fd) int in = fs_open_dir(context->batchdir, BATCH_IN, err);
    if (in < 0)
        return in;
    cleanup(close_fd) int fd = check_dropped(in, source, accept_links, err);
    int r = fd < 0 ? fd : check_sum(context, in, fd, source, err);
    if (r == 0 && accept_links)
        r = keep_link(in, source, context->sourcedir, err);
    if (r == 1)
        *ret_way = "link kept";
    if (r != 0)
        return r < 0 ? r : 0;
    r = make_durable(in, fd, source, err);
    if (r == 0)
        r = make_own(context, in, fd, source, err);
    if (r >= 0)
        *ret_way = ways[r];
    return r < 0 ? r : 0;
}

static int run_dropped(struct stage_context *context, const struct batch_source *source,
                       struct err *err)
{
    const char *way = NULL;
    int r = bring(context, source, &way, err);
    if (r < 0)
        return r;
    json_put_text(context->numbers, "way", way);
    json_put_int(context->numbers, "size_bytes", (int64_t)source->size_bytes);
    return 0;
}

// ---- links

// More than any site needs, few enough that a loop is noticed at once.
enum { MAX_REDIRECTS = 5 };

static int set_rules(const struct settings *settings, int stop_fd, struct http_rules *rules,
                     struct err *err)
{
    *rules = (struct http_rules){ .allow_hosts = settings->allow_hosts,
                                  .ca_file = settings->ca_file,
                                  .connect_seconds = settings->connect_seconds,
                                  .stall_seconds = settings->stall_seconds,
                                  .stall_bytes_per_second = settings->stall_bytes_per_second,
                                  .stop_fd = stop_fd };
    return address_list_parse(settings->allow_networks, &rules->allow_networks, err);
}

static void downloaded(void *data, uint64_t bytes, uint64_t total_bytes)
{
    if (total_bytes > 0 && total_bytes != UINT64_MAX)
        stage_progress(data, (double)bytes / (double)total_bytes);
}

static int fetch_link(struct stage_context *context, const char *link,
                      struct download_result *result, struct err *err)
{
    struct http_rules rules;
    cleanup(close_fd) int stop_fd = stop_catch(err);
    if (stop_fd < 0)
        return stop_fd;
    int r = set_rules(&context->settings, stop_fd, &rules, err);
    if (r < 0)
        return r;
    cleanup(http_free) struct http *http = http_new(&rules);
    const struct download_order order = { .http = http,
                                          .link = link,
                                          .max_redirects = MAX_REDIRECTS,
                                          .max_bytes = (uint64_t)context->settings.max_source_bytes,
                                          .dirfd = context->sourcedir,
                                          .name = SOURCE_FILE,
                                          .progress = downloaded,
                                          .context = context };
    cleanup(gate_free) struct gate *gate = gates_host(&context->settings, link, stop_fd);
    r = gate_enter(gate, err);
    if (r == 0) {
        r = download(&order, result, err);
        gate_leave(gate, err);
    }
    if (r == -ECANCELED)
        stop_end(stop_fd);
    return r;
}

static void put_result(struct stage_context *context, const struct download_result *result)
{
    json_put_text(context->numbers, "way", "downloaded");
    json_put_int(context->numbers, "size_bytes", (int64_t)result->size_bytes);
    json_put_int(context->numbers, "received_bytes", (int64_t)result->received_bytes);
    json_put_int(context->numbers, "requests", result->requests);
    json_put_text(context->numbers, "sha256", result->sha256);
    json_put_text(context->numbers, "name", result->name);
    json_put_text(context->numbers, "type", result->type);
}

static int run_link(struct stage_context *context, const char *link, struct err *err)
{
    cleanup(download_result_release) struct download_result result = DOWNLOAD_RESULT_INIT;
    cleanup(free_ptr) char *shown = http_link_shown(link);
    int r = fetch_link(context, link, &result, err);
    // Where nothing better is known; a browser shows most of what may be wrong with a link.
    if (r < 0 && (err->class == ERR_INPUT || err->class == ERR_DENIED))
        (void)err_hint(err, "open the link in a browser: it may be misspelt, have expired, or want "
                            "a login; links must work for everybody who has them");
    if (r < 0)
        return err_prefix(err, "%s", shown);
    put_result(context, &result);
    return 0;
}

// ---- objects

// The input's error, not the configuration's: that would hold up every other batch.
static int refuse_object(const struct settings *settings, const struct remote *remote,
                         struct err *err)
{
    const struct bucket_list *buckets = &settings->buckets;
    if (buckets->count == 0) {
        err_set(err, ERR_INPUT, "no_storage",
                "is an object in a bucket, and no object storage is configured");
        return err_hint(err, "put a signed or public link to it into a .url file, or drop the "
                             "video itself");
    }
    if (remote->profile != NULL && bucket_find(buckets, remote->profile) == NULL)
        err_set(err, ERR_INPUT, "no_storage", "no storage \"%s\" is configured", remote->profile);
    else if (remote->profile != NULL)
        err_set(err, ERR_INPUT, "no_storage", "is not in the bucket of storage \"%s\"",
                remote->profile);
    else
        err_set(err, ERR_INPUT, "no_storage", "is in none of the buckets that are configured");
    return err_hint(err, "bucket, endpoint and profile must be those of one of storage.buckets in "
                         "clipspool.conf");
}

static int get_object(struct stage_context *context, const struct remote *remote,
                      struct download_result *result, struct err *err)
{
    const struct settings *settings = &context->settings;
    const struct bucket *bucket = bucket_of_object(&settings->buckets, remote);
    cleanup(storage_close) struct storage storage = STORAGE_INIT;
    if (bucket == NULL)
        return refuse_object(settings, remote, err);
    int r = storage_open(settings, bucket, &storage, err);
    if (r < 0)
        return r;
    const struct store_target target = { .key = remote->key,
                                         .max_bytes = (uint64_t)settings->max_source_bytes,
                                         .dirfd = context->sourcedir,
                                         .name = SOURCE_FILE,
                                         .progress = downloaded,
                                         .context = context };
    json_put_text(context->numbers, "storage", bucket->name);
    return storage_ended(&storage, store_get(storage.store, &target, result, err));
}

static int run_object(struct stage_context *context, const struct remote *remote, struct err *err)
{
    cleanup(download_result_release) struct download_result result = DOWNLOAD_RESULT_INIT;
    cleanup(free_ptr) char *shown = remote_show(remote);
    int r = get_object(context, remote, &result, err);
    if (r < 0)
        return err_prefix(err, "%s", shown);
    put_result(context, &result);
    return 0;
}

// ---- all

static int run(struct stage_context *context, struct err *err)
{
    const struct batch_source *source = &context->batch.sources[context->index];
    cleanup(free_ptr) char *name = text_escape(source->file);
    int r;
    if (source->kind == SOURCE_LOCAL)
        r = run_dropped(context, source, err);
    else if (source->kind == SOURCE_URL)
        r = run_link(context, source->remote.url, err);
    else
        r = run_object(context, &source->remote, err);
    return r < 0 ? err_prefix(err, "%s", name) : 0;
}

int main(int argc, char **argv)
{
    return stage_main(argc, argv, STAGE_FETCH, run);
}
