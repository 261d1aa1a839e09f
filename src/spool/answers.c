#include "spool/answers.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/text.h"
#include "spool/batch.h"
#include "spool/hoard.h"

#define LOCK "lock"
#define ENDING ".json"

// ---- where

// Made where only the last part is missing, as the parent of a cache is somebody else's.
static void make_cache(const char *path)
{
    cleanup(free_ptr) char *parent = xstrdup(path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL)
        return;
    *slash = '\0';
    cleanup(close_fd) int above =
        open(slash > parent ? parent : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above >= 0)
        (void)fs_mkdir(above, slash + 1, 0700, NULL);
}

static int open_cache(const struct model_settings *settings)
{
    make_cache(settings->cache);
    cleanup(close_fd) int cache = open(settings->cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cache < 0 || fs_mkdir(cache, BATCH_ANSWERS, 0700, NULL) < 0)
        return -ENOENT;
    return fs_open(cache, BATCH_ANSWERS, O_RDONLY | O_DIRECTORY);
}

void answers_open(const struct model_settings *settings, int batchdir, struct answers *ret)
{
    bool wished = settings->cache != NULL && settings->cache_bytes > 0;
    *ret = (struct answers){ settings, batchdir, wished ? open_cache(settings) : -1 };
    // What can be read and not be written is of no use: the answers of two batches would differ.
    if (ret->cache >= 0 && faccessat(ret->cache, ".", W_OK, AT_EACCESS) < 0)
        close_fd(&ret->cache);
}

void answers_close(struct answers *answers)
{
    close_fd(&answers->cache);
    *answers = (struct answers)ANSWERS_INIT;
}

// The batch's own folder.  Returns a descriptor, or a negative: -ENOENT (without err) if it is not
// there and not to be made.
static int open_own(const struct answers *answers, bool create, struct err *err)
{
    int r = create ? fs_mkdir(answers->batchdir, BATCH_ANSWERS, 0700, err) : 0;
    if (r < 0)
        return r;
    int fd = fs_open(answers->batchdir, BATCH_ANSWERS, O_RDONLY | O_DIRECTORY);
    return fd >= 0 || fd == -ENOENT ? fd : fs_fail(err, -fd, "open", BATCH_ANSWERS);
}

// ---- one asks

// The cache's, so that all batches wait for each other; where that is gone by now, the batch's own.
static int open_lock(const struct answers *answers, struct err *err)
{
    int fd = answers->cache >= 0 ? fs_open(answers->cache, LOCK, O_RDWR | O_CREAT) : -ENOENT;
    if (fd >= 0)
        return fd;
    cleanup(close_fd) int own = open_own(answers, true, err);
    if (own < 0)
        return own;
    fd = fs_open(own, LOCK, O_RDWR | O_CREAT);
    return fd >= 0 ? fd : fs_fail(err, -fd, "open", LOCK);
}

int answers_claim(const struct answers *answers, const char *key, struct err *err)
{
    char *end, begin[16] = "";
    cleanup(close_fd) int fd = open_lock(answers, err);
    if (fd < 0)
        return fd;
    // A byte of the file for each key: 60 bits of it will do, and are no more than an offset holds.
    memcpy(begin, key, sizeof begin - 1);
    struct flock range = { .l_type = F_WRLCK,
                           .l_whence = SEEK_SET,
                           .l_start = (off_t)strtoull(begin, &end, 16),
                           .l_len = 1 };
    if (fcntl(fd, F_OFD_SETLK, &range) == 0)
        return take_fd(&fd);
    return errno == EAGAIN || errno == EACCES ? -EAGAIN : fs_fail(err, errno, "lock", LOCK);
}

// ---- taking

static int take_from(int folder, const char *name, json_t **ret_json)
{
    cleanup(json_free) json_t *json = NULL;
    // One that cannot be read, or is not whole after the machine was lost, is none.
    if (folder < 0 || json_read(folder, name, ANSWERS_MAX_BYTES, &json, NULL) < 0 ||
        !json_is_object(json))
        return 0;
    *ret_json = TAKE(json);
    hoard_use(folder, name);
    return 1;
}

int answers_take(const struct answers *answers, const char *key, json_t **ret_json, struct err *err)
{
    cleanup(free_ptr) char *name = xasprintf("%s" ENDING, key);
    if (take_from(answers->cache, name, ret_json) > 0)
        return 1;
    cleanup(close_fd) int own = open_own(answers, false, err);
    if (own < 0)
        return own == -ENOENT ? 0 : own;
    return take_from(own, name, ret_json);
}

// ---- keeping

static enum hoard_kind kind_of(const char *name)
{
    size_t digits = strspn(name, "0123456789abcdef");
    if (digits != ANSWERS_KEY_LENGTH)
        return HOARD_FOREIGN;
    if (strcmp(name + digits, ENDING) == 0)
        return HOARD_KEPT;
    return strcmp(name + digits, ENDING ".tmp") == 0 ? HOARD_LEFT : HOARD_FOREIGN;
}

static int keep_in(int folder, const char *name, const char *text, struct err *err)
{
    return fs_write_at_once(folder, name, text, strlen(text), err);
}

int answers_keep(const struct answers *answers, const char *key, const json_t *json, time_t now,
                 struct err *err)
{
    cleanup(free_ptr) char *name = xasprintf("%s" ENDING, key);
    const struct hoard_rules rules = { .bytes = (uint64_t)answers->settings->cache_bytes,
                                       .days = answers->settings->cache_days,
                                       .spared = name,
                                       .kind = kind_of };
    cleanup(free_ptr) char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15));
    if (text == NULL)
        base_out_of_memory();
    if (answers->cache >= 0 && keep_in(answers->cache, name, text, NULL) == 0) {
        // What is too much goes the next time; the answer is here.
        (void)hoard_expire(answers->cache, &rules, now, NULL);
        return 0;
    }
    cleanup(close_fd) int own = open_own(answers, true, err);
    return own < 0 ? own : keep_in(own, name, text, err);
}
