// A folder as a place for objects: a key is a path beneath it.
//
// What a file system does not keep of an object, its type and metadata, is in a hidden file beside
// it, written before the object appears.  So keys whose parts begin with a dot are refused, as are
// those that leave the folder or look like what base/fs makes aside.  What a process that was
// killed leaves has such names too, and is what store_abandon takes back.

#include "store/store_verbs.h"

#include "base/fs.h"
#include "base/json.h"
#include "base/text.h"
#include "net/fingerprint.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

enum {
    PIECE_BYTES = 256 * 1024,
    ABOUT_MAX_BYTES = 64 * 1024,
    MAX_ENTRIES = 100000, // of one folder
    MAX_DEPTH = 32,
};

struct folder {
    struct store store;
    int dirfd;
    int stop_fd; // of struct http_rules
};

static struct folder *folder_of(struct store *store)
{
    return (struct folder *)(void *)store;
}

// ---- names

static bool is_part(const char *part, size_t length)
{
    return length > 0 && length <= 200 && *part != '.' &&
           !(length > 4 && strncmp(part + length - 4, ".tmp", 4) == 0);
}

static int check_key(const char *key, struct err *err)
{
    unsigned depth = 0;
    for (const char *part = key;; part++) {
        size_t length = strcspn(part, "/");
        if (!is_part(part, length) || ++depth > MAX_DEPTH) {
            (void)err_set(err, ERR_INPUT, "bad_link",
                          "a folder cannot hold an object of this name");
            return err_hint(err, "parts of names in a folder have 1 to 200 bytes and neither begin "
                                 "with a dot nor end with .tmp");
        }
        part += length;
        if (*part == '\0')
            return 0;
    }
}

static const char about_end[] = ".about.json", aside_end[] = ".tmp";

// "temp/a.mp4" has "temp/.a.mp4.about.json".  Gives a string.
static char *about_name(const char *key)
{
    const char *slash = strrchr(key, '/');
    int parent = slash ? (int)(slash + 1 - key) : 0;
    return xasprintf("%.*s.%s%s", parent, key, key + parent, about_end);
}

// The name of the object that a file of that name is aside for, and says something about.  Gives a
// string, NULL if it is neither.
static char *object_of(const char *name, bool *ret_is_aside)
{
    size_t length = strlen(name);
    *ret_is_aside = text_ends_with(name, aside_end);
    length -= *ret_is_aside ? strlen(aside_end) : 0;
    cleanup(free_ptr) char *base = xstrndup(name, length);
    bool is_about = *base == '.' && text_ends_with(base, about_end);
    char *object = is_about ? xstrndup(base + 1, length - 1 - strlen(about_end)) : TAKE(base);
    if (!(is_about || *ret_is_aside) || !is_part(object, strlen(object)))
        free_ptr(&object);
    return object;
}

static int make_parents(const struct folder *folder, const char *key, struct err *err)
{
    for (const char *slash = strchr(key, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        cleanup(free_ptr) char *parent = xstrndup(key, (size_t)(slash - key));
        int r = fs_mkdir(folder->dirfd, parent, 0750, err);
        if (r < 0)
            return r;
    }
    return 0;
}

// Folders that have become empty go; one that is in use just then stays.
static void remove_parents(const struct folder *folder, const char *key)
{
    cleanup(free_ptr) char *path = xstrdup(key);
    for (char *slash = strrchr(path, '/'); slash != NULL; slash = strrchr(path, '/')) {
        *slash = '\0';
        const char *above = strrchr(path, '/');
        cleanup(free_ptr) char *parent = above ? xstrndup(path, (size_t)(above - path)) : NULL;
        cleanup(close_fd) int fd =
            fs_open(folder->dirfd, parent ? parent : ".", O_RDONLY | O_DIRECTORY);
        if (fd < 0 || unlinkat(fd, above ? above + 1 : path, AT_REMOVEDIR) < 0)
            return;
    }
}

static int not_there(int r, struct err *err)
{
    if (r != -ENOENT && r != -ENOTDIR)
        return r;
    err_clear(err);
    (void)err_set(err, ERR_INPUT, "no_object", "there is no such object");
    return -ENOENT;
}

// ---- type and metadata

static int write_about(const struct folder *folder, const struct store_order *order,
                       struct err *err)
{
    cleanup(free_ptr) char *name = about_name(order->key);
    bool has_any = order->type != NULL || (order->metadata != NULL && order->metadata->count > 0);
    if (!has_any)
        return fs_remove(folder->dirfd, name, err);
    cleanup(json_free) json_t *json = json_object();
    json_t *metadata = json_object();
    json_put_text(json, "type", order->type);
    for (size_t i = 0; order->metadata != NULL && i < order->metadata->count; i++)
        json_put_text(metadata, order->metadata->items[i].name, order->metadata->items[i].value);
    json_put(json, "metadata", metadata);
    return json_write(folder->dirfd, name, json, err);
}

// Missing or damaged, nothing is known.
static void read_about(const struct folder *folder, const char *key, struct store_about *about)
{
    cleanup(free_ptr) char *name = about_name(key);
    cleanup(json_free) json_t *json = NULL;
    const char *field;
    json_t *value;
    bool known = json_read(folder->dirfd, name, ABOUT_MAX_BYTES, &json, NULL) == 0;
    about->type = xstrdup(known ? json_text(json, "type", "", NULL) : "");
    json_object_foreach(known ? json_object_get(json, "metadata") : NULL, field,
                        value) if (json_is_string(value))
        fields_add(&about->metadata, field, json_string_value(value));
}

// ---- put and get

static ssize_t read_piece(const struct http_body *body, uint64_t at, char *piece)
{
    size_t wanted = body->size - at < PIECE_BYTES ? (size_t)(body->size - at) : PIECE_BYTES;
    if (body->data != NULL) {
        memcpy(piece, (const char *)body->data + at, wanted);
        return (ssize_t)wanted;
    }
    ssize_t got;
    do
        got = pread(body->fd, piece, wanted, (off_t)(body->offset + at));
    while (got < 0 && errno == EINTR);
    return got;
}

static int check_stop(const struct folder *folder, struct err *err)
{
    struct pollfd stop = { .fd = folder->stop_fd > 0 ? folder->stop_fd : -1, .events = POLLIN };
    if (poll(&stop, 1, 0) <= 0)
        return 0;
    (void)err_set(err, ERR_RETRY, "stopped", "the transfer was asked to stop");
    return -ECANCELED;
}

static int copy_body(const struct folder *folder, const struct store_order *order, int to,
                     struct err *err)
{
    cleanup(free_ptr) char *piece = xcalloc(1, PIECE_BYTES);
    for (uint64_t at = 0; at < order->body.size;) {
        int r = check_stop(folder, err);
        if (r < 0)
            return r;
        ssize_t got = read_piece(&order->body, at, piece);
        if (got < 0)
            return err_errno(err, errno, "read what to put");
        if (got == 0)
            return err_set(err, ERR_RETRY, "changed", "the file became shorter while it was put");
        r = fs_write_all(to, piece, (size_t)got, err);
        if (r < 0)
            return r;
        at += (uint64_t)got;
        if (order->progress != NULL)
            order->progress(order->context, at, order->body.size);
    }
    return 0;
}

static int put(struct store *store, const struct store_order *order, struct err *err)
{
    const struct folder *folder = folder_of(store);
    cleanup(fs_release) struct fs_file file = FS_FILE_INIT;
    int r = check_key(order->key, err);
    if (r == 0)
        r = make_parents(folder, order->key, err);
    if (r == 0)
        r = fs_begin(&file, folder->dirfd, order->key, err);
    if (r == 0)
        r = fs_reserve(file.fd, 0, order->body.size, err);
    if (r == 0)
        r = copy_body(folder, order, file.fd, err);
    if (r == 0)
        r = write_about(folder, order, err);
    return r == 0 ? fs_commit(&file, err) : r;
}

static int check_size(const struct stat *found, const struct store_target *target, struct err *err)
{
    char most[TEXT_TIME_SIZE];
    if (found->st_size == 0)
        return err_set(err, ERR_INPUT, "empty_file", "the object is empty");
    if ((uint64_t)found->st_size <= target->max_bytes)
        return 0;
    return err_set(err, ERR_INPUT, "too_large", "the object is larger than the limit of %s",
                   text_bytes(target->max_bytes, most));
}

struct copying {
    const struct store_target *target;
    uint64_t total_bytes;
};

static void copied(void *context, uint64_t bytes)
{
    const struct copying *copying = context;
    if (copying->target->progress != NULL)
        copying->target->progress(copying->target->context, bytes, copying->total_bytes);
}

static int copy_object(int from, const struct stat *found, const struct store_target *target,
                       struct download_result *result, struct err *err)
{
    cleanup(fs_release) struct fs_file file = FS_FILE_INIT;
    struct copying copying = { target, (uint64_t)found->st_size };
    int r = fs_begin(&file, target->dirfd, target->name, err);
    if (r == 0)
        r = fs_reserve(file.fd, 0, copying.total_bytes, err);
    if (r == 0)
        r = fs_fill(&file, from, copied, &copying, err);
    if (r < 0)
        return r;
    struct fingerprint *fingerprint = fingerprint_start(file.fd, PROOF_NONE);
    fingerprint_follow(fingerprint, copying.total_bytes);
    r = fingerprint_finish(&fingerprint, result->sha256, NULL, err);
    return r == 0 ? fs_commit(&file, err) : r;
}

static int get(struct store *store, const struct store_target *target,
               struct download_result *result, struct err *err)
{
    const struct folder *folder = folder_of(store);
    struct stat found;
    int r = check_key(target->key, err);
    if (r < 0)
        return r;
    cleanup(close_fd) int from = fs_open_file(folder->dirfd, target->key, &found, err);
    if (from < 0)
        return not_there(from, err);
    r = check_size(&found, target, err);
    if (r == 0)
        r = copy_object(from, &found, target, result, err);
    if (r < 0)
        return r;
    const char *slash = strrchr(target->key, '/');
    struct store_about about = STORE_ABOUT_INIT;
    read_about(folder, target->key, &about);
    result->size_bytes = result->received_bytes = (uint64_t)found.st_size;
    result->requests = 1;
    result->name = xstrdup(slash ? slash + 1 : target->key);
    result->type = TAKE(about.type);
    store_about_release(&about);
    return 0;
}

// ---- the other verbs

static int head(struct store *store, const char *key, struct store_about *about, struct err *err)
{
    const struct folder *folder = folder_of(store);
    struct stat found;
    int r = check_key(key, err);
    if (r < 0)
        return r;
    cleanup(close_fd) int fd = fs_open_file(folder->dirfd, key, &found, err);
    if (fd < 0)
        return not_there(fd, err);
    about->size_bytes = (uint64_t)found.st_size;
    about->modified = found.st_mtime;
    read_about(folder, key, about);
    return 0;
}

static int drop(struct store *store, const char *key, struct err *err)
{
    const struct folder *folder = folder_of(store);
    int r = check_key(key, err);
    if (r < 0)
        return r;
    // Only ever a file: what is a folder here is no object.
    cleanup(close_fd) int fd = fs_open_file(folder->dirfd, key, NULL, err);
    bool is_there = fd != -ENOENT;
    if (fd == -ENOTDIR) { // of what lies in a file, there is nothing
        err_clear(err);
        return 0;
    }
    if (fd < 0 && is_there)
        return fd;
    err_clear(err);
    cleanup(free_ptr) char *about = about_name(key);
    r = is_there ? fs_remove(folder->dirfd, key, err) : 0;
    // Also of an object that is gone: one who was killed came no further.
    if (r == 0)
        r = fs_remove(folder->dirfd, about, err);
    if (r == 0)
        remove_parents(folder, key);
    return r;
}

struct walk {
    const struct folder *folder;
    const char *prefix;
    // Called with each file that is no link, the path of its folder, and its name there.
    int (*file)(const struct walk *walk, const char *path, const char *name,
                const struct stat *found, struct err *err);
    void *context;
};

static int walk_folder(const struct walk *walk, const char *path, unsigned depth, struct err *err);

// Whether anything in the folder of that path, which ends with /, may begin with the prefix.
static bool may_hold(const char *path, const char *prefix)
{
    size_t length = strlen(path), most = strlen(prefix);
    return strncmp(path, prefix, length < most ? length : most) == 0;
}

static int walk_entry(const struct walk *walk, const char *path, const char *name, unsigned depth,
                      struct err *err)
{
    struct stat found;
    cleanup(free_ptr) char *key = xasprintf("%s%s", path, name);
    cleanup(close_fd) int fd = fs_open(walk->folder->dirfd, key, O_PATH);
    if (fd < 0 || fstat(fd, &found) < 0)
        return 0; // gone meanwhile, or a link, which is no object
    if (S_ISREG(found.st_mode))
        return walk->file(walk, path, name, &found, err);
    if (!S_ISDIR(found.st_mode) || !is_part(name, strlen(name)) || depth == MAX_DEPTH)
        return 0;
    cleanup(free_ptr) char *inside = xasprintf("%s/", key);
    return may_hold(inside, walk->prefix) ? walk_folder(walk, inside, depth + 1, err) : 0;
}

static int walk_folder(const struct walk *walk, const char *path, unsigned depth, struct err *err)
{
    cleanup(close_fd) int fd =
        fs_open(walk->folder->dirfd, *path != '\0' ? path : ".", O_RDONLY | O_DIRECTORY);
    char **names = NULL;
    int r = fd == -ENOENT ? 0 : fd;
    if (fd < 0)
        return r == 0 ? 0 : fs_fail(err, -fd, "open folder", path);
    r = fs_list(fd, MAX_ENTRIES, &names, err);
    for (char **name = names; r >= 0 && name != NULL && *name != NULL; name++) {
        r = walk_entry(walk, path, *name, depth, err);
        if (r != 0)
            break;
    }
    fs_names_free(&names);
    return r;
}

static bool has_prefix(const struct walk *walk, const char *key)
{
    return strncmp(key, walk->prefix, strlen(walk->prefix)) == 0;
}

struct listing {
    store_visit *visit;
    void *context;
};

static int list_file(const struct walk *walk, const char *path, const char *name,
                     const struct stat *found, struct err *err)
{
    const struct listing *listing = walk->context;
    cleanup(free_ptr) char *key = xasprintf("%s%s", path, name);
    const struct store_entry entry = { key, (uint64_t)found->st_size, found->st_mtime };
    return is_part(name, strlen(name)) && has_prefix(walk, key)
               ? listing->visit(listing->context, &entry, err)
               : 0;
}

static int list(struct store *store, const char *prefix, store_visit *visit, void *context,
                struct err *err)
{
    struct listing listing = { visit, context };
    const struct walk walk = { folder_of(store), prefix, list_file, &listing };
    return walk_folder(&walk, "", 0, err);
}

struct abandoning {
    time_t before;
    int count;
};

// What a put that was killed left: something aside, or what is said of an object that never came.
static int abandon_file(const struct walk *walk, const char *path, const char *name,
                        const struct stat *found, struct err *err)
{
    struct abandoning *abandoning = walk->context;
    bool is_aside = false;
    cleanup(free_ptr) char *of = object_of(name, &is_aside);
    if (of == NULL || found->st_mtime >= abandoning->before)
        return 0;
    cleanup(free_ptr) char *key = xasprintf("%s%s", path, of);
    cleanup(close_fd) int fd = fs_open(walk->folder->dirfd, key, O_PATH);
    bool is_used = !is_aside && fd != -ENOENT;
    if (is_used || !has_prefix(walk, key))
        return 0;
    cleanup(free_ptr) char *left = xasprintf("%s%s", path, name);
    int r = fs_remove(walk->folder->dirfd, left, err);
    if (r == 0)
        remove_parents(walk->folder, key);
    abandoning->count += r == 0;
    return r;
}

static int abandon(struct store *store, const char *prefix, time_t before, struct err *err)
{
    struct abandoning abandoning = { before, 0 };
    const struct walk walk = { folder_of(store), prefix, abandon_file, &abandoning };
    int r = walk_folder(&walk, "", 0, err);
    return r < 0 ? r : abandoning.count;
}

static int sign(struct store *store, const char *key, unsigned seconds, char **ret_link,
                struct err *err)
{
    (void)store, (void)key, (void)seconds, (void)ret_link;
    (void)err_set(err, ERR_CONFIG, "no_links", "a folder gives no links");
    return err_hint(err, "use a bucket of OSS or S3 where others are to fetch from");
}

static void folder_close(struct store *store)
{
    struct folder *folder = folder_of(store);
    close_fd(&folder->dirfd);
    free(folder);
}

int store_folder_open(const struct store_place *place, const struct http_rules *rules,
                      struct store **ret_store, struct err *err)
{
    static const struct store_verbs verbs = { put,  get,     head, drop,
                                              list, abandon, sign, folder_close };
    bool is_absolute = place->path != NULL && *place->path == '/';
    cleanup(close_fd) int fd =
        is_absolute ? open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0) {
        (void)err_set(err, ERR_CONFIG, "bad_folder", "its folder cannot be used: %s",
                      is_absolute ? strerror(errno) : "the path is not absolute");
        return err_hint(err, "make the folder and let the service write into it");
    }
    struct folder *folder = xcalloc(1, sizeof *folder);
    folder->store.verbs = &verbs;
    folder->dirfd = take_fd(&fd);
    folder->stop_fd = rules ? rules->stop_fd : 0;
    *ret_store = &folder->store;
    return 0;
}
