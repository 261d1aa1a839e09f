// A batch as understood: finding and checking its sources, batch.json.

#include "spool/batch.h"
#include "base/fs.h"
#include "base/percent.h"
#include "base/text.h"
#include "spool/descriptor.h"
#include "spool/dropped.h"
#include "spool/incoming.h"
#include "spool/manifest.h"
#include "spool/settings.h"
#include "spool/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <strings.h>

#define JOB_CONF "job.conf"

enum {
    BATCH_VERSION = 1,
    // A list for people; who drops more than this does not read it.
    MAX_IGNORED = 500,
    // Names of at most 255 bytes in TREE_MAX_DEPTH folders, each byte escaped as four.
    MAX_NAME_BYTES = 4 * 256 * (TREE_MAX_DEPTH + 1),
    MAX_FILE_BYTES = 8 << 20,
};

// ---- names

bool batch_is_source_name(const char *name, enum source_kind *ret_kind)
{
    static const struct {
        const char *ending;
        enum source_kind kind;
    } endings[] = {
        { ".mp4", SOURCE_LOCAL },   { ".m4v", SOURCE_LOCAL },  { ".mov", SOURCE_LOCAL },
        { ".mkv", SOURCE_LOCAL },   { ".webm", SOURCE_LOCAL }, { ".avi", SOURCE_LOCAL },
        { ".flv", SOURCE_LOCAL },   { ".wmv", SOURCE_LOCAL },  { ".asf", SOURCE_LOCAL },
        { ".mpg", SOURCE_LOCAL },   { ".mpeg", SOURCE_LOCAL }, { ".ts", SOURCE_LOCAL },
        { ".mts", SOURCE_LOCAL },   { ".m2ts", SOURCE_LOCAL }, { ".3gp", SOURCE_LOCAL },
        { ".ogv", SOURCE_LOCAL },   { ".url", SOURCE_URL },    { ".webloc", SOURCE_URL },
        { ".desktop", SOURCE_URL }, { ".oss", SOURCE_OSS },
    };
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        if (!text_ends_with(name, endings[i].ending) || strlen(name) == strlen(endings[i].ending))
            continue;
        *ret_kind = endings[i].kind;
        return true;
    }
    return false;
}

char *batch_source_name(const struct batch_source *source)
{
    const struct remote *remote = &source->remote;
    const char *path = remote->url != NULL ? remote->url : remote->key;
    if (path == NULL)
        return text_escape(source->file);
    size_t length = remote->url != NULL ? strcspn(path, "?") : strlen(path), begin = length;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    cleanup(free_ptr) char *last = remote->url != NULL
                                       ? percent_decode_n(path + begin, length - begin)
                                       : xstrdup(path + begin);
    enum source_kind kind;
    bool is_file = last != NULL && batch_is_source_name(last, &kind) && kind == SOURCE_LOCAL;
    return is_file ? text_escape(last) : remote_show(remote);
}

bool batch_is_id(const char *id)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t length = strspn(id, allowed);
    return length > 0 && length <= 100 && id[length] == 0 && id[0] >= '0' && id[0] <= '9';
}

// ---- finding sources

struct search {
    const struct settings *settings;
    struct batch *batch;
    char *conf;         // path of job.conf, owned, or NULL
    size_t sources;     // how many there are, also beyond what the batch keeps
    size_t ignored;     // likewise
    bool is_ready;      // there is a `.ready`
    const char *failed; // id of what is wrong with the whole
    struct err *err;    // of the machine, which ends the search
};

static void search_release(struct search *search)
{
    free_ptr(&search->conf);
}

static void add_ignored(struct search *search, const struct tree_entry *entry)
{
    struct batch *batch = search->batch;
    if (search->ignored++ >= MAX_IGNORED)
        return;
    batch->ignored = xrealloc(batch->ignored, search->ignored + 1, sizeof *batch->ignored);
    batch->ignored[search->ignored - 1] = xstrdup(entry->path);
    batch->ignored[search->ignored] = NULL;
}

// ---- descriptors

// Opens one as fs_open does, but through links where a private spool allows them.  Returns a
// descriptor or -errno.
static int open_descriptor(const struct search *search, const struct tree_entry *entry)
{
    if (!search->settings->accept_links)
        return fs_open(entry->dirfd, entry->name, O_RDONLY);
    int fd = openat(entry->dirfd, entry->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return fd < 0 ? -errno : fd;
}

// Reads until `size` bytes are there or the file ends.  Returns their number, or -errno.
static ssize_t read_all(int fd, char *bytes, size_t size)
{
    size_t done = 0;
    ssize_t got = 1;
    while (got != 0 && done < size) {
        got = pread(fd, bytes + done, size - done, (off_t)done);
        if (got < 0 && errno != EINTR)
            return -errno;
        done += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)done;
}

// What people did wrong goes to `error`, its text beginning with the path; only machine trouble
// goes to search->err.
static int read_descriptor(const struct search *search, const struct tree_entry *entry,
                           struct descriptor *descriptor, struct err *error)
{
    // One byte more than allowed: that there is one is for descriptor_parse to say.
    enum { SIZE = DESCRIPTOR_MAX_BYTES + 1 };
    cleanup(free_ptr) char *bytes = xcalloc(SIZE, 1);
    cleanup(close_fd) int fd = open_descriptor(search, entry);
    ssize_t size = fd < 0 ? fd : read_all(fd, bytes, SIZE);
    if (size < 0 && err_is_passing((int)-size))
        return fs_fail(search->err, (int)-size, "read", entry->path);
    if (size >= 0) {
        (void)descriptor_parse(entry->path, bytes, (size_t)size, descriptor, error);
        return 0;
    }
    cleanup(free_ptr) char *shown = text_escape(entry->path);
    err_set(error, ERR_INPUT, "unreadable", "%s: cannot be read: %s", shown, strerror((int)-size));
    err_hint(error, "allow everyone to read the file, or copy it again");
    return 0;
}

// ---- sources

// Looks at a name that ends like a source and fills size and error.
static void check_source(const struct search *search, const struct tree_entry *entry,
                         struct batch_source *source)
{
    const struct dropped_rules rules = {
        .accept_links = search->settings->accept_links,
        .is_ready = search->is_ready,
        .max_bytes = source->kind == SOURCE_LOCAL ? (uint64_t)search->settings->max_source_bytes
                                                  : UINT64_MAX,
    };
    struct stat st;
    dropped_check(&rules, entry, &st, &source->error);
    if (source->kind == SOURCE_LOCAL && S_ISREG(st.st_mode)) {
        source->size_bytes = (uint64_t)st.st_size;
        source->modified_ns = batch_modified_ns(&st);
    }
    if (source->error.class == ERR_NONE)
        return;
    cleanup(free_ptr) char *shown = text_escape(entry->path);
    err_prefix(&source->error, "%s", shown);
}

// Gives the new one, or NULL if there are more than a batch keeps.  Borrowed.
static struct batch_source *new_source(struct search *search, const struct tree_entry *entry,
                                       enum source_kind kind)
{
    struct batch *batch = search->batch;
    if (search->sources++ >= BATCH_MAX_SOURCES)
        return NULL;
    batch->sources = xrealloc(batch->sources, search->sources, sizeof *batch->sources);
    struct batch_source *source = &batch->sources[batch->source_count++];
    *source = (struct batch_source){ .file = xstrdup(entry->path), .kind = kind };
    return source;
}

// A file is a source; a descriptor is as many as it has links, or one that was refused.
static int add_source(struct search *search, const struct tree_entry *entry, enum source_kind kind)
{
    struct batch_source seen = { .kind = kind };
    cleanup(descriptor_release) struct descriptor descriptor = DESCRIPTOR_INIT;
    check_source(search, entry, &seen);
    if (seen.error.class != ERR_NONE && seen.error.class != ERR_INPUT) {
        *search->err = seen.error;
        return seen.error.code;
    }
    if (kind != SOURCE_LOCAL && seen.error.class == ERR_NONE) {
        int r = read_descriptor(search, entry, &descriptor, &seen.error);
        if (r < 0)
            return r;
    }
    size_t parts = descriptor.count > 0 ? descriptor.count : 1;
    for (unsigned part = 0; part < parts; part++) {
        struct batch_source *source = new_source(search, entry, kind);
        if (source == NULL)
            continue;
        source->part = part;
        source->size_bytes = seen.size_bytes;
        source->modified_ns = seen.modified_ns;
        source->error = seen.error;
        if (descriptor.count > 0) {
            source->remote = descriptor.links[part];
            descriptor.links[part] = (struct remote)REMOTE_INIT;
        }
    }
    return 0;
}

// Nobody knows what is in there: better a video that failed than one that is silently left out.
static void add_closed_folder(struct search *search, const struct tree_entry *entry)
{
    struct batch_source *source = new_source(search, entry, SOURCE_LOCAL);
    if (source == NULL)
        return;
    cleanup(free_ptr) char *shown = text_escape(entry->path);
    err_set(&source->error, ERR_INPUT, "unreadable", "%s: is a folder that cannot be read: %s",
            shown, strerrordesc_np(-entry->trouble));
    err_hint(&source->error, "allow everyone to read and open the folder, and drop it again");
}

// Editors add .txt, and file managers hide it: who wrote such a file sees the name that was meant.
static bool is_job_conf(const struct search *search, const struct tree_entry *entry)
{
    return search->conf == NULL && strchr(entry->path, '/') == NULL &&
           (strcasecmp(entry->name, JOB_CONF) == 0 ||
            strcasecmp(entry->name, JOB_CONF ".txt") == 0);
}

static int look(void *context, const struct tree_entry *entry)
{
    struct search *search = context;
    bool is_folder = S_ISDIR(entry->stat->st_mode);
    if (err_is_passing(-entry->trouble))
        return fs_fail(search->err, -entry->trouble, "look into",
                       entry->path[0] ? entry->path : BATCH_IN);
    if (entry->path[0] == 0) {
        if (entry->trouble != 0)
            search->failed = "unreadable";
        return 0;
    }
    enum incoming_name name = incoming_name(entry->name);
    enum source_kind kind;
    if (name == INCOMING_JUNK || name == INCOMING_READY || strcmp(entry->path, MANIFEST_FILE) == 0)
        return TREE_SKIP;
    if (entry->trouble == -EACCES || entry->trouble == -EPERM) {
        add_closed_folder(search, entry);
        return TREE_SKIP;
    }
    if (entry->trouble != 0 || name == INCOMING_PARTIAL) {
        add_ignored(search, entry);
        return TREE_SKIP;
    }
    if (is_job_conf(search, entry)) {
        search->conf = xstrdup(entry->path);
        return TREE_SKIP;
    }
    if (is_folder)
        return 0;
    if (batch_is_source_name(entry->name, &kind))
        return add_source(search, entry, kind);
    add_ignored(search, entry);
    return 0;
}

// ---- job.conf

static int refuse_conf(struct batch *batch, const char *text)
{
    err_set(&batch->error, ERR_INPUT, "bad_job_conf", "%s", text);
    // What was dropped lies where people cannot reach it.
    err_hint(&batch->error,
             "drop the videos once more, with a job.conf that `clipspool check` finds good; or an "
             "administrator corrects failed/%s/in/job.conf, and then a file named retry in this "
             "folder starts it again",
             batch->id);
    return 0;
}

// As many whole lines of the report as an error has room for, and how many more there are.
static int refuse_report(struct batch *batch, const struct config_report *report)
{
    const size_t room = sizeof batch->error.text - sizeof "\n... and 1000 more";
    const char *text = report->text ? report->text : "job.conf: cannot be used";
    size_t shown = 0, length = 0;
    for (const char *line = text; *line != 0; shown++) {
        size_t end = (size_t)(line - text) + strcspn(line, "\n");
        if (end > room)
            break;
        length = end;
        line = text + end + (text[end] == '\n');
    }
    // A first line too long for itself is cut; its beginning says most.
    if (shown == 0)
        return refuse_conf(batch, text);
    cleanup(free_ptr) char *more = shown < report->count
                                       ? xasprintf("\n... and %zu more", report->count - shown)
                                       : xstrdup("");
    cleanup(free_ptr) char *whole = xasprintf("%.*s%s", (int)length, text, more);
    return refuse_conf(batch, whole);
}

// Fills batch->job.  What is wrong with job.conf goes to batch->error, and the defaults are used.
static int read_job(int indir, const char *conf, struct batch *batch, struct err *err)
{
    struct config_report report = CONFIG_REPORT_INIT;
    if (conf == NULL)
        return job_parse(JOB_CONF, NULL, &batch->job, &report);

    cleanup(free_ptr) char *text = NULL;
    size_t size = 0;
    struct err why = ERR_INIT;
    int r = fs_read(indir, conf, JOB_MAX_BYTES, &text, &size, &why);
    if (r < 0 && (why.class == ERR_IO || err_is_passing(-r))) {
        *err = why;
        return r;
    }
    if (r == -EFBIG)
        r = refuse_conf(batch, "job.conf: is larger than 64 KiB");
    else if (r < 0)
        r = refuse_conf(batch, why.class != ERR_NONE ? why.text : "job.conf: vanished");
    else if (memchr(text, 0, size) != NULL)
        r = refuse_conf(batch, "job.conf: holds a NUL byte, so it is not a text");
    else if (job_parse(JOB_CONF, text, &batch->job, &report) < 0)
        r = refuse_report(batch, &report);

    if (batch->error.class != ERR_NONE) {
        job_release(&batch->job);
        config_report_release(&report);
        return job_parse(JOB_CONF, NULL, &batch->job, &report);
    }
    config_report_release(&report);
    return r;
}

// ---- storage

static void choose_storage(struct batch *batch, const struct settings *settings)
{
    int storage = settings_storage(settings, batch->job.storage);
    batch->storage = storage < 0 ? STORAGE_LOCAL : storage;
    if (batch->storage != STORAGE_LOCAL)
        batch->bucket = xstrdup(settings->bucket);
    if (storage >= 0 || batch->error.class != ERR_NONE)
        return;
    err_set(&batch->error, ERR_INPUT, "bad_job_conf",
            "job.conf: storage: \"%s\" needs a bucket, and the service has none",
            job_storages[batch->job.storage]);
    err_hint(&batch->error, "write \"local\", or have storage.bucket set in clipspool.conf");
}

// ---- models

static void choose_models(struct batch *batch, const struct settings *settings)
{
    for (enum model_role role = 0; role < MODEL_ROLES; role++) {
        int wish = job_wish(&batch->job, role);
        int service = model_choose(&settings->models, role, wish);
        batch->roles[role] = service < 0 ? MODEL_LOCAL : service;
        if (service >= 0 || batch->error.class != ERR_NONE)
            continue;
        err_set(&batch->error, ERR_INPUT, "bad_job_conf",
                "job.conf: analysis.%s: \"%s\" is not set up in this service", model_roles[role],
                model_services[wish]);
        err_hint(&batch->error,
                 "leave analysis.%s out, or have the model and the credential of "
                 "%s set in clipspool.conf",
                 model_roles[role], model_services[wish]);
    }
}

// ---- order

static int compare_sources(const void *a, const void *b)
{
    const struct batch_source *x = a, *y = b;
    int order = text_natural_compare(x->file, y->file);
    return order != 0 ? order : (x->part > y->part) - (x->part < y->part);
}

// Moves all sources of `file` to position `to`, in their order, those between further on.  Returns
// how many there are.
static size_t move_sources(struct batch *batch, const char *file, size_t to)
{
    size_t moved = 0;
    for (size_t i = to; i < batch->source_count; i++) {
        if (strcmp(batch->sources[i].file, file) != 0)
            continue;
        struct batch_source source = batch->sources[i], *place = &batch->sources[to + moved++];
        memmove(place + 1, place, (size_t)(&batch->sources[i] - place) * sizeof source);
        *place = source;
    }
    return moved;
}

static void refuse_unknown(struct batch *batch, const char *file)
{
    cleanup(free_ptr) char *shown = text_escape(file);
    err_set(&batch->error, ERR_INPUT, "unknown_source",
            "job.conf: sources: \"%s\" is not a video of this folder", shown);
    if (batch->source_count == 0)
        return;
    cleanup(free_ptr) char *first = text_escape(batch->sources[batch->source_count - 1].file);
    err_hint(&batch->error, "write names exactly as they are in the folder, as in \"%s\"", first);
}

// Natural order, then what job.conf lists in front, each with its profile.
static void order_sources(struct batch *batch)
{
    if (batch->source_count > 0)
        qsort(batch->sources, batch->source_count, sizeof *batch->sources, compare_sources);
    for (size_t i = 0; i < batch->source_count; i++)
        batch->sources[i].profile = batch->job.profile;
    size_t placed = 0;
    for (size_t i = 0; i < batch->job.source_count; i++) {
        const struct job_source *wish = &batch->job.sources[i];
        size_t moved = move_sources(batch, wish->file, placed);
        if (moved == 0)
            refuse_unknown(batch, wish->file);
        for (size_t part = 0; part < moved && wish->profile >= 0; part++)
            batch->sources[placed + part].profile = wish->profile;
        placed += moved;
    }
}

// ---- the whole

static void refuse_whole(const struct search *search, int walked)
{
    struct err *error = &search->batch->error;
    if (walked == TREE_TOO_MANY) {
        err_set(error, ERR_INPUT, "too_many_entries",
                "the folder holds more than %jd files and folders",
                (intmax_t)search->settings->max_entries);
        err_hint(error, "drop only the videos of one reel");
    } else if (walked == TREE_TOO_DEEP) {
        err_set(error, ERR_INPUT, "too_deep", "folders are nested more than %d deep",
                TREE_MAX_DEPTH);
        err_hint(error, "put the videos directly into the folder");
    } else if (search->failed != NULL) {
        err_set(error, ERR_INPUT, search->failed, "the folder cannot be read");
        err_hint(error, "allow everyone to read and open the folder, and drop it again");
    } else if (search->sources == 0) {
        err_set(error, ERR_INPUT, "no_videos",
                search->ignored > 0 ? "there is no video in the folder, only other files"
                                    : "the folder is empty");
        err_hint(error, "videos end with mp4, mov, mkv, webm, avi and the like");
    } else if (search->sources > (size_t)search->settings->max_sources) {
        err_set(error, ERR_INPUT, "too_many_sources", "there are %zu videos, the limit is %jd",
                search->sources, (intmax_t)search->settings->max_sources);
        err_hint(error, "divide them over several folders");
    }
}

// With SHA256SUMS the batch is what that lists: all of it must be there, and a video that it does
// not list came by mistake, or not whole.  What is in them is for fetch to see.
static int hold_against_manifest(int indir, struct batch *batch, struct err *err)
{
    cleanup(manifest_release) struct manifest manifest = MANIFEST_INIT;
    struct err why = ERR_INIT;
    int r = indir < 0 ? -ENOENT : manifest_read(indir, &manifest, &why); // told already
    if (r == -ENOENT)
        return 0;
    if (r < 0) {
        struct err *to = why.class == ERR_INPUT ? &batch->error : err;
        if (to != NULL && to->class == ERR_NONE)
            *to = why;
        return why.class == ERR_INPUT ? 0 : r;
    }
    const struct manifest_file *missing = manifest_missing(&manifest, indir);
    if (missing != NULL) {
        cleanup(free_ptr) char *shown = text_escape(missing->path);
        err_set(&batch->error, ERR_INPUT, "missing_file",
                "%s is in " MANIFEST_FILE ", but not in the folder", shown);
        err_hint(&batch->error, "copy the folder again");
    }
    for (size_t i = 0; i < batch->source_count; i++) {
        struct batch_source *source = &batch->sources[i];
        if (manifest_find(&manifest, source->file) != NULL || source->error.class != ERR_NONE)
            continue;
        cleanup(free_ptr) char *shown = text_escape(source->file);
        err_set(&source->error, ERR_INPUT, "not_in_manifest", "%s: is not in " MANIFEST_FILE,
                shown);
        err_hint(&source->error, "list it there too, or take it out of the folder");
    }
    return 0;
}

// Why it could not be copied, if so.  Returns 1, 0 if it was not refused, or a negative.
static int read_refusal(int batchdir, struct err *ret_why, struct err *err)
{
    cleanup(json_free) json_t *json = NULL;
    int r = json_read(batchdir, BATCH_REFUSED, MAX_FILE_BYTES, &json, err);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if (step_error_from_json(json, ret_why) < 0)
        return err_set(err, ERR_INPUT, "bad_refusal", "%s is damaged", BATCH_REFUSED);
    return 1;
}

int batch_understand(int batchdir, const char *id, const char *name, time_t now,
                     const struct settings *settings, struct batch *batch, struct err *err)
{
    *batch = (struct batch)BATCH_INIT;
    batch->id = xstrdup(id);
    batch->name = xstrdup(name);
    batch->created_at = now;
    batch->ignored = xcalloc(1, sizeof *batch->ignored);
    cleanup(
        search_release) struct search search = { .settings = settings, .batch = batch, .err = err };
    int refused = read_refusal(batchdir, &batch->error, err);
    if (refused != 0)
        return refused < 0 ? refused : read_job(-1, NULL, batch, err);
    struct stat st;
    search.is_ready = fstatat(batchdir, BATCH_IN "/.ready", &st, AT_SYMLINK_NOFOLLOW) == 0;
    int walked = tree_walk(batchdir, BATCH_IN, (size_t)settings->max_entries, look, &search, err);
    if (walked < 0)
        return walked == -ENOENT
                   ? err_set(err, ERR_SYSTEM, "no_input", "%s has no folder %s", id, BATCH_IN)
                   : walked;

    cleanup(close_fd) int indir = fs_open(batchdir, BATCH_IN, O_RDONLY | O_DIRECTORY);
    if (indir < 0 && err_is_passing(-indir))
        return fs_fail(err, -indir, "look into", BATCH_IN);
    int r = read_job(indir, search.conf, batch, err);
    if (r < 0)
        return r;
    refuse_whole(&search, walked);
    r = hold_against_manifest(indir, batch, err);
    if (r < 0)
        return r;
    choose_storage(batch, settings);
    choose_models(batch, settings);
    order_sources(batch);
    return 0;
}

// ---- batch.json

static const char *const kind_names[] = { "local", "url", "oss", NULL };

static void put_name(json_t *json, const char *key, const char *bytes)
{
    cleanup(free_ptr) char *escaped = bytes ? text_escape(bytes) : NULL;
    json_put_text(json, key, escaped);
}

// In unsigned numbers: a time beyond what fits comes round, and is still itself.
int64_t batch_modified_ns(const struct stat *st)
{
    return (int64_t)((uint64_t)st->st_mtim.tv_sec * UINT64_C(1000000000) +
                     (uint64_t)st->st_mtim.tv_nsec);
}

static json_t *source_to_json(const struct batch_source *source)
{
    json_t *json = json_object();
    put_name(json, "file", source->file);
    json_put_text(json, "kind", kind_names[source->kind]);
    json_put_int(json, "part", source->part);
    if (source->remote.url != NULL || source->remote.key != NULL)
        json_put(json, "remote", remote_to_json(&source->remote));
    json_put_text(json, "profile", job_profiles[source->profile]);
    json_put_int(json, "size_bytes", (int64_t)source->size_bytes);
    json_put_int(json, "modified_ns", source->modified_ns);
    json_put(json, "error", step_error_to_json(&source->error));
    return json;
}

static json_t *models_to_json(const struct batch *batch)
{
    json_t *json = json_object();
    for (enum model_role role = 0; role < MODEL_ROLES; role++)
        json_put_text(json, model_roles[role], model_services[batch->roles[role]]);
    return json;
}

int batch_save(int batchdir, const struct batch *batch, struct err *err)
{
    cleanup(json_free) json_t *json = json_object();
    json_put_int(json, "version", BATCH_VERSION);
    json_put_text(json, "id", batch->id);
    put_name(json, "name", batch->name);
    put_name(json, "outbox", batch->outbox);
    json_put_int(json, "created_at", batch->created_at);
    json_put_text(json, "storage", job_storages[batch->storage]);
    json_put_text(json, "bucket", batch->bucket);
    json_put(json, "models", models_to_json(batch));
    json_put(json, "job", job_to_json(&batch->job));
    json_t *sources = json_array(), *ignored = json_array();
    for (size_t i = 0; i < batch->source_count; i++)
        (void)json_array_append_new(sources, source_to_json(&batch->sources[i]));
    json_put(json, "sources", sources);
    for (char **path = batch->ignored; path != NULL && *path != NULL; path++) {
        cleanup(free_ptr) char *escaped = text_escape(*path);
        (void)json_array_append_new(ignored, json_string(escaped));
    }
    json_put(json, "ignored", ignored);
    json_put(json, "error", step_error_to_json(&batch->error));
    // Here, for the sync of the directory that batch.json needs is good for both.  Where it fails,
    // the first step makes it.
    (void)mkdirat(batchdir, BATCH_STEPS, 0750);
    return json_write(batchdir, BATCH_FILE, json, err);
}

// The bytes of an escaped name at `key`, or NULL.
static char *take_name(const json_t *json, const char *key, const char **bad)
{
    const char *escaped = json_text(json, key, NULL, bad);
    if (escaped == NULL)
        return NULL;
    char *bytes = strlen(escaped) <= MAX_NAME_BYTES ? text_unescape(escaped) : NULL;
    if (bytes == NULL)
        *bad = key;
    return bytes;
}

static int find_name(const char *const *names, const char *name)
{
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -EINVAL;
}

// True for a path that stays inside in/, which is what the walk made.
static bool is_inner_path(const char *path)
{
    for (const char *part = path; part != NULL;) {
        size_t length = strcspn(part, "/");
        if (length == 0 || (length == 1 && part[0] == '.') ||
            (length == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        part = part[length] == '/' ? part + length + 1 : NULL;
    }
    return true;
}

// Where it is must fit its kind; only what was refused needs none.
static bool read_remote(const json_t *json, int kind, struct batch_source *source)
{
    const json_t *remote = json_object_get(json, "remote");
    if (remote == NULL)
        return kind == SOURCE_LOCAL || source->error.class != ERR_NONE;
    if (remote_from_json(remote, &source->remote) < 0)
        return false;
    return kind == (source->remote.kind == REMOTE_URL ? SOURCE_URL : SOURCE_OSS);
}

static void read_source(const json_t *json, struct batch_source *source, const char **bad)
{
    source->file = take_name(json, "file", bad);
    source->part = (unsigned)json_int(json, "part", 0, BATCH_MAX_SOURCES - 1, 0, bad);
    int kind = find_name(kind_names, json_text(json, "kind", "", bad));
    int profile = find_name(job_profiles, json_text(json, "profile", "", bad));
    source->size_bytes = (uint64_t)json_int(json, "size_bytes", 0, INT64_MAX, 0, bad);
    // A batch of before this was kept says nothing.
    source->modified_ns = json_int(json, "modified_ns", INT64_MIN, INT64_MAX, 0, bad);
    int error = step_error_from_json(json_object_get(json, "error"), &source->error);
    if (source->file == NULL || !is_inner_path(source->file) || kind < 0 || profile < 0 ||
        error < 0 || !read_remote(json, kind, source)) {
        *bad = "sources";
        return;
    }
    source->kind = (enum source_kind)kind;
    source->profile = profile;
}

static void read_lists(const json_t *json, struct batch *batch, const char **bad)
{
    const json_t *sources = json_object_get(json, "sources");
    const json_t *ignored = json_object_get(json, "ignored");
    size_t count = json_array_size(sources), others = json_array_size(ignored);
    batch->ignored = xcalloc(MAX_IGNORED + 1, sizeof *batch->ignored);
    if (count > BATCH_MAX_SOURCES || others > MAX_IGNORED || !json_is_array(sources)) {
        *bad = "sources";
        return;
    }
    batch->sources = xcalloc(count + 1, sizeof *batch->sources);
    for (size_t i = 0; i < count; i++)
        read_source(json_array_get(sources, i), &batch->sources[batch->source_count++], bad);
    for (size_t i = 0, used = 0; i < others; i++) {
        const char *escaped = json_string_value(json_array_get(ignored, i));
        char *path = escaped ? text_unescape(escaped) : NULL;
        if (path != NULL)
            batch->ignored[used++] = path;
    }
}

// A batch of before there were buckets says nothing and is local.
static void read_storage(const json_t *json, struct batch *batch, const char **bad)
{
    const char *bucket = json_text(json, "bucket", NULL, bad);
    int storage = find_name(job_storages, json_text(json, "storage", "local", bad));
    if (storage < 0 || storage == STORAGE_SERVICE ||
        (bucket != NULL) != (storage != STORAGE_LOCAL) ||
        (bucket != NULL && !remote_is_profile(bucket)))
        *bad = "storage";
    else
        batch->storage = storage;
    batch->bucket = bucket != NULL ? xstrdup(bucket) : NULL;
}

// A batch of before there were services of models says nothing: all is done here.
static void read_models(const json_t *json, struct batch *batch, const char **bad)
{
    for (enum model_role role = 0; role < MODEL_ROLES; role++) {
        bool heard = role == MODEL_SPEECH;
        const char *name = json_text(json, model_roles[role], heard ? "none" : "local", bad);
        int service = find_name(heard ? model_services : model_lookers, name);
        if (service < 0)
            *bad = "models";
        else
            batch->roles[role] = service;
    }
}

static int from_json(const json_t *json, struct batch *batch, struct err *err)
{
    const char *bad = NULL;
    if (json_int(json, "version", 1, BATCH_VERSION, 0, &bad) != BATCH_VERSION)
        return err_set(err, ERR_INPUT, "bad_batch", "%s is damaged or of a newer version",
                       BATCH_FILE);
    batch->id = xstrdup(json_text(json, "id", "", &bad));
    batch->name = take_name(json, "name", &bad);
    batch->outbox = take_name(json, "outbox", &bad);
    batch->created_at = json_int(json, "created_at", 0, INT64_MAX, 0, &bad);
    read_storage(json, batch, &bad);
    read_models(json_object_get(json, "models"), batch, &bad);
    read_lists(json, batch, &bad);
    if (step_error_from_json(json_object_get(json, "error"), &batch->error) < 0)
        bad = "error";
    if (!batch_is_id(batch->id))
        bad = "id";
    if (batch->name == NULL || !is_inner_path(batch->name) || strchr(batch->name, '/') != NULL)
        bad = "name";
    if (batch->outbox != NULL &&
        (!is_inner_path(batch->outbox) || strchr(batch->outbox, '/') != NULL))
        bad = "outbox";
    if (bad != NULL)
        return err_set(err, ERR_INPUT, "bad_batch", "%s is damaged at \"%s\"", BATCH_FILE, bad);
    return job_from_json(json_object_get(json, "job"), &batch->job, err);
}

int batch_load(int batchdir, struct batch *batch, struct err *err)
{
    cleanup(json_free) json_t *json = NULL;
    int r = json_read(batchdir, BATCH_FILE, MAX_FILE_BYTES, &json, err);
    if (r < 0)
        return r;
    *batch = (struct batch)BATCH_INIT;
    r = from_json(json, batch, err);
    if (r < 0)
        batch_release(batch);
    return r;
}

void batch_release(struct batch *batch)
{
    for (size_t i = 0; i < batch->source_count; i++) {
        free(batch->sources[i].file);
        remote_release(&batch->sources[i].remote);
    }
    free(batch->sources);
    fs_names_free(&batch->ignored);
    job_release(&batch->job);
    free(batch->id);
    free(batch->name);
    free(batch->outbox);
    free(batch->bucket);
    *batch = (struct batch)BATCH_INIT;
}

int batch_open_source(int batchdir, int index, struct err *err)
{
    cleanup(free_ptr) char *name = xasprintf("%d", index);
    int r = fs_mkdir(batchdir, name, 0750, err);
    return r < 0 ? r : fs_open_dir(batchdir, name, err);
}
