#include "spool/proxies.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/fs.h"
#include "base/imprint.h"
#include "spool/batch.h"
#include "spool/hoard.h"

#define CACHE "cache"
#define CACHE_PROXY "cache/proxy"
#define SECRET "secret"
#define FACTS "facts.json"

enum {
    PIECE = 1 << 20,     // read at once
    MAX_FACTS = 1 << 16, // bytes
    MAX_FILES = 1024,    // in an entry's folder: pictures, and some
};

// ---- the cache's own folder

// Returns a descriptor, -ENOENT (without err) if it is missing and not to be made.
static int open_cache(const struct settings *settings, bool create, struct err *err)
{
    cleanup(close_fd) int root = open(settings->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_errno(err, errno, "open the spool %s", settings->root);
    int r = create ? fs_mkdir(root, CACHE, 0700, err) : 0;
    if (r >= 0 && create)
        r = fs_mkdir(root, CACHE_PROXY, 0700, err);
    if (r < 0)
        return r;
    int fd = fs_open(root, CACHE_PROXY, O_RDONLY | O_DIRECTORY);
    return fd >= 0 || fd == -ENOENT ? fd : fs_fail(err, -fd, "open", CACHE_PROXY);
}

static int make_secret(int cache, struct err *err)
{
    uint64_t secret[IMPRINT_POINTS];
    if (getrandom(secret, sizeof secret, 0) != sizeof secret)
        return err_errno(err, errno, "draw a random number");
    return fs_write(cache, SECRET, secret, sizeof secret, err);
}

// If two make it at once the later one stands, and what was kept under the other is never found.
static int load_secret(int cache, uint64_t secret[IMPRINT_POINTS], struct err *err)
{
    for (int tries = 0;; tries++) {
        cleanup(free_ptr) char *data = NULL;
        size_t size = 0;
        int r = fs_read(cache, SECRET, 4096, &data, &size, err);
        if (r == 0 && size == sizeof(uint64_t) * IMPRINT_POINTS) {
            memcpy(secret, data, size);
            return 0;
        }
        if (r < 0 && r != -ENOENT)
            return r;
        if (tries > 0)
            return err_set(err, ERR_IO, "bad_secret", "the cache's secret cannot be read back");
        r = make_secret(cache, err);
        if (r < 0)
            return r;
    }
}

// ---- keys

static int read_all(int fd, struct imprint *print, struct err *err)
{
    cleanup(free_ptr) char *piece = xcalloc(1, PIECE);
    off_t at = 0;
    for (;;) {
        ssize_t n = pread(fd, piece, PIECE, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, errno, "read the source");
        if (n == 0)
            return 0;
        imprint_add(print, piece, (size_t)n);
        at += n;
    }
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int proxies_key(const struct settings *settings, const char *recipe, int fd, char **ret_key,
                struct err *err)
{
    uint64_t secret[IMPRINT_POINTS];
    struct imprint print;
    struct stat before, after;
    char hex[IMPRINT_HEX + 1];
    if (settings->proxy_bytes == 0 || settings->accept_links)
        return 1;
    cleanup(close_fd) int cache = open_cache(settings, true, err);
    if (cache < 0)
        return cache;
    int r = load_secret(cache, secret, err);
    if (r < 0)
        return r;
    imprint_begin(&print, secret);
    imprint_add(&print, recipe, strlen(recipe) + 1);
    if (fstat(fd, &before) < 0)
        return err_errno(err, errno, "look at the source");
    r = read_all(fd, &print, err);
    if (r < 0)
        return r;
    if (fstat(fd, &after) < 0)
        return err_errno(err, errno, "look at the source");
    if (!is_same(&before, &after))
        return err_set(err, ERR_RETRY, "changed", "the source changes while it is read");
    imprint_end(&print, hex);
    *ret_key = xstrdup(hex);
    return 0;
}

// ---- removing

static enum hoard_kind kind_of(const char *name)
{
    if (strcmp(name, SECRET) == 0)
        return HOARD_FOREIGN;
    return strlen(name) == IMPRINT_HEX ? HOARD_KEPT : HOARD_LEFT;
}

static int expire_in(const struct settings *settings, int cache, time_t now, struct err *err)
{
    const struct hoard_rules rules = { .bytes = (uint64_t)settings->proxy_bytes,
                                       .days = settings->proxy_days,
                                       .kind = kind_of };
    return hoard_expire(cache, &rules, now, err);
}

int proxies_expire(const struct settings *settings, time_t now, struct err *err)
{
    cleanup(close_fd) int cache = open_cache(settings, false, err);
    if (cache < 0)
        return cache == -ENOENT ? 0 : cache;
    return expire_in(settings, cache, now, err);
}

// ---- taking and keeping

// What a source may have of it, and what it has not unless it was wanted.
static const struct {
    const char *name;
    bool optional, folder;
} kept[] = {
    { SOURCE_PROXY, false, false },
    { SOURCE_SIGNALS, false, false },
    { SOURCE_AUDIO, true, false },
    { SOURCE_FRAMES, true, true },
};

static int link_files(int from, int to, struct err *err)
{
    cleanup(fs_names_free) char **names = NULL;
    int count = fs_list(from, MAX_FILES, &names, err), r = 0;
    for (int i = 0; r >= 0 && i < count; i++)
        r = fs_link_or_copy(from, names[i], to, names[i], NULL, NULL, err);
    return count < 0 ? count : r;
}

// A folder of files, made aside and put in the place of what there is.
static int link_folder(int from, int to, const char *name, struct err *err)
{
    cleanup(free_ptr) char *aside = xasprintf("%s.tmp", name);
    cleanup(close_fd) int source = fs_open_dir(from, name, err);
    int r = source < 0 ? source : fs_remove(to, aside, err);
    if (r >= 0)
        r = fs_mkdir(to, aside, 0700, err);
    if (r < 0)
        return r;
    cleanup(close_fd) int target = fs_open_dir(to, aside, err);
    r = target < 0 ? target : link_files(source, target, err);
    if (r >= 0)
        r = fs_remove(to, name, err);
    return r < 0 ? r : fs_move(to, aside, to, name, 0, err);
}

// Everything of a proxy that `from` has gets a second name in `to`.
static int link_all(int from, int to, struct err *err)
{
    int r = 0;
    for (size_t i = 0; r >= 0 && i < ARRAY_LEN(kept); i++) {
        if (kept[i].optional && faccessat(from, kept[i].name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        r = kept[i].folder ? link_folder(from, to, kept[i].name, err)
                           : fs_link_or_copy(from, kept[i].name, to, kept[i].name, NULL, NULL, err);
    }
    return r;
}

static int take_from(int entry, int sourcedir, json_t **ret_facts, struct err *err)
{
    cleanup(json_free) json_t *facts = NULL;
    int r = json_read(entry, FACTS, MAX_FACTS, &facts, err);
    if (r >= 0)
        r = link_all(entry, sourcedir, err);
    if (r < 0)
        return r;
    *ret_facts = TAKE(facts);
    return 0;
}

int proxies_take(const struct settings *settings, const char *key, int sourcedir,
                 json_t **ret_facts, struct err *err)
{
    cleanup(close_fd) int cache = open_cache(settings, false, err);
    if (cache < 0)
        return cache == -ENOENT ? 0 : cache;
    cleanup(close_fd) int entry = fs_open(cache, key, O_RDONLY | O_DIRECTORY);
    // One that goes at this moment, or is not whole, is none: the source is compressed.
    if (entry < 0 || take_from(entry, sourcedir, ret_facts, NULL) < 0)
        return 0;
    hoard_use(cache, key);
    return 1;
}

static int fill_entry(int entry, int sourcedir, const json_t *facts, struct err *err)
{
    int r = link_all(sourcedir, entry, err);
    return r < 0 ? r : json_write(entry, FACTS, facts, err);
}

// Made under a name of this process alone, so that nobody meets it half done.
static int make_entry(int cache, const char *key, int sourcedir, const json_t *facts,
                      struct err *err)
{
    cleanup(free_ptr) char *making = xasprintf("%s.%ld.tmp", key, (long)getpid());
    int r = fs_remove(cache, making, err);
    if (r >= 0)
        r = fs_mkdir(cache, making, 0700, err);
    if (r < 0)
        return r;
    cleanup(close_fd) int entry = fs_open_dir(cache, making, err);
    r = entry < 0 ? entry : fill_entry(entry, sourcedir, facts, err);
    if (r >= 0)
        r = fs_move(cache, making, cache, key, 0, err);
    if (r < 0)
        (void)fs_remove(cache, making, NULL);
    return r == -EEXIST ? 0 : r;
}

int proxies_keep(const struct settings *settings, const char *key, int sourcedir,
                 const json_t *facts, time_t now, struct err *err)
{
    cleanup(close_fd) int cache = open_cache(settings, true, err);
    if (cache < 0)
        return cache;
    // Who comes here found none, or one of no use.
    int r = hoard_remove(cache, key, err);
    if (r >= 0)
        r = make_entry(cache, key, sourcedir, facts, err);
    if (r >= 0)
        r = expire_in(settings, cache, now, err);
    return r < 0 ? r : 0;
}
