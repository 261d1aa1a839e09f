// The directories of the spool, and every move of a batch after its claim.
//
// All of these may be cut off anywhere and be called again: each looks at what is there first, does
// what is still to do, and ends in the one rename that makes it true.

#include "spool/spool.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/text.h"
#include "spool/mount.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <strings.h>

#define LOCK_FILE "clipspoold.lock"
// Prefix of what is being removed.  Nothing that is dropped may begin with a dot, so that no batch
// can have a name that looks like this, in archive either.
#define GONE ".gone."

enum {
    MAX_NAME = 255,        // of a file name on Linux, in bytes
    MAX_NUMBER = 100000,   // of folders with one name
    MAX_LISTED = 1000000,  // batches in one directory
    MAX_STATUS = 16 << 20, // bytes of a status.json
};

// ---- opening

static int missing(const char *path, struct err *err)
{
    cleanup(free_ptr) char *shown = text_escape(path);
    err_set(err, ERR_CONFIG, "no_spool", "%s does not exist", shown);
    return err_hint(err, "start clipspoold once, or create it with systemd-tmpfiles");
}

// Opens a folder given by its path, which an administrator chose: links are followed.
static int open_path(const char *path, mode_t mode, enum spool_open_flags flags, struct err *err)
{
    if (flags & SPOOL_CREATE && mkdir(path, mode) < 0 && errno != EEXIST)
        return err_errno(err, errno, "create %s", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return missing(path, err);
    return fd < 0 ? err_errno(err, errno, "open %s", path) : fd;
}

static int open_private(int rootdir, const struct settings *settings, const char *name,
                        enum spool_open_flags flags, int *ret_fd, struct err *err)
{
    int r = flags & SPOOL_CREATE ? fs_mkdir(rootdir, name, 0700, err) : 0;
    if (r < 0)
        return r;
    int fd = fs_open(rootdir, name, O_RDONLY | O_DIRECTORY);
    cleanup(free_ptr) char *path = xasprintf("%s/%s", settings->root, name);
    if (fd == -ENOENT)
        return missing(path, err);
    if (fd == -EACCES && flags == 0)
        return 0;
    if (fd < 0)
        return err_errno(err, -fd, "open %s", path);
    *ret_fd = fd;
    return 0;
}

// A batch must be able to go from each to each with one rename.
static int check_one_system(const struct spool *spool, struct err *err)
{
    const int dirs[] = { spool->work, spool->failed, spool->archive, spool->quarantine };
    struct stat first = { .st_dev = 0 }, other;
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        if (dirs[i] < 0)
            continue;
        if (fstat(dirs[i], &other) < 0)
            return err_errno(err, errno, "look at the spool");
        if (first.st_dev == 0)
            first = other;
        if (first.st_dev == other.st_dev)
            continue;
        err_set(err, ERR_CONFIG, "spool_divided",
                "work, failed, archive and quarantine are not on one file system");
        return err_hint(err, "mount the root of the spool, not the folders in it");
    }
    return 0;
}

static int take_lock(int rootdir, struct spool *spool, struct err *err)
{
    int fd = fs_lock_process(rootdir, LOCK_FILE, err);
    if (fd == -EAGAIN) {
        err_set(err, ERR_CONFIG, "spool_in_use", "another clipspoold works on this spool");
        return err_hint(err, "stop it first, or give this one a root of its own");
    }
    if (fd < 0)
        return fd;
    spool->lock = fd;
    return 0;
}

static bool is_gone(const char *name)
{
    return strncmp(name, GONE, strlen(GONE)) == 0;
}

// Finishes removals that a crash cut off.  What cannot be removed stays, hidden: somebody's folder
// in a dropped one must not keep the daemon from all other batches.
static void sweep(int dirfd)
{
    cleanup(fs_names_free) char **names = NULL;
    int count = fs_list(dirfd, MAX_LISTED, &names, NULL);
    for (int i = 0; i < count; i++)
        if (is_gone(names[i]))
            (void)fs_remove(dirfd, names[i], NULL);
}

static int open_all(const struct settings *settings, enum spool_open_flags flags,
                    struct spool *spool, struct err *err)
{
    cleanup(close_fd) int rootdir = open_path(settings->root, 0755, flags, err);
    if (rootdir < 0)
        return rootdir;
    const struct {
        const char *name;
        int *fd;
    } private_dirs[] = { { "work", &spool->work },
                         { "failed", &spool->failed },
                         { "archive", &spool->archive },
                         { "quarantine", &spool->quarantine } };
    for (size_t i = 0; i < ARRAY_LEN(private_dirs); i++) {
        int r =
            open_private(rootdir, settings, private_dirs[i].name, flags, private_dirs[i].fd, err);
        if (r < 0)
            return r;
    }
    cleanup(free_ptr) char *incoming = settings_incoming(settings);
    cleanup(free_ptr) char *outbox = settings_outbox(settings);
    spool->incoming = open_path(incoming, 0770, flags, err);
    spool->outbox = spool->incoming < 0 ? -1 : open_path(outbox, 0770, flags, err);
    if (spool->incoming < 0 || spool->outbox < 0)
        return spool->incoming < 0 ? spool->incoming : spool->outbox;

    int r = check_one_system(spool, err);
    if (r < 0 || !(flags & SPOOL_LOCK))
        return r;
    r = mount_check(settings, spool->incoming, err);
    if (r == 0)
        r = take_lock(rootdir, spool, err);
    if (r < 0)
        return r;
    sweep(spool->work);
    sweep(spool->archive);
    sweep(spool->failed);
    return 0;
}

int spool_open(const struct settings *settings, enum spool_open_flags flags, struct spool *spool,
               struct err *err)
{
    *spool = (struct spool)SPOOL_INIT;
    int r = open_all(settings, flags, spool, err);
    if (r < 0)
        spool_release(spool);
    return r;
}

void spool_release(struct spool *spool)
{
    close_fd(&spool->incoming);
    close_fd(&spool->work);
    close_fd(&spool->outbox);
    close_fd(&spool->archive);
    close_fd(&spool->failed);
    close_fd(&spool->quarantine);
    close_fd(&spool->lock);
}

// ---- names

char *spool_numbered(const char *name, unsigned n)
{
    cleanup(free_ptr) char *ending = n > 1 ? xasprintf("-%u", n) : xstrdup("");
    size_t length = strlen(name), most = MAX_NAME - strlen(ending);
    if (length > most) {
        length = most;
        // Not in the middle of a character.
        while (length > 0 && ((unsigned char)name[length] & 0xc0) == 0x80)
            length--;
    }
    return xasprintf("%.*s%s", (int)length, name, ending);
}

int spool_list(int dirfd, char ***ret_ids, struct err *err)
{
    cleanup(fs_names_free) char **names = NULL;
    int count = fs_list(dirfd, MAX_LISTED, &names, err);
    if (count < 0)
        return count;
    int kept = 0;
    for (int i = 0; i < count; i++) {
        if (batch_is_id(names[i]))
            names[kept++] = names[i];
        else
            free(names[i]);
    }
    names[kept] = NULL;
    *ret_ids = TAKE(names);
    return kept;
}

static bool exists(int dirfd, const char *name)
{
    struct stat st;
    return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

// Moves to the first free of NAME, NAME-2...
static int move_numbered(int from, const char *from_name, int to, const char *name, struct err *err)
{
    for (unsigned n = 1; n < MAX_NUMBER; n++) {
        cleanup(free_ptr) char *target = spool_numbered(name, n);
        int r = fs_move(from, from_name, to, target, 0, err);
        if (r != -EEXIST)
            return r;
    }
    cleanup(free_ptr) char *shown = text_escape(name);
    return err_set(err, ERR_SYSTEM, "too_many_names", "no name is free after %s-%d", shown,
                   MAX_NUMBER);
}

// ---- removing

// One rename, then time to remove: whoever lists the directory, also after a crash, sees either
// the whole or nothing.  A left-over of the name that cannot be removed is stepped around.
static int remove_whole(int dirfd, const char *name, struct err *err)
{
    cleanup(free_ptr) char *long_name = xasprintf(GONE "%s", name);
    for (unsigned n = 1; exists(dirfd, name) && n < MAX_NUMBER; n++) {
        cleanup(free_ptr) char *gone = spool_numbered(long_name, n);
        if (exists(dirfd, gone) && fs_remove(dirfd, gone, NULL) < 0)
            continue;
        int r = fs_move(dirfd, name, dirfd, gone, 0, err);
        if (r != -EEXIST)
            return r < 0 ? r : fs_remove(dirfd, gone, err);
    }
    return 0;
}

int spool_remove(struct spool *spool, const char *id, struct err *err)
{
    return remove_whole(spool->work, id, err);
}

static bool is_older(int dirfd, const char *name, double days, time_t now)
{
    struct stat st;
    // The change time of a folder is when it was moved here; its other times are the user's.
    return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           difftime(now, st.st_ctim.tv_sec) > days * 86400;
}

// With the original of a batch that could not be copied.  Where it is somebody's who lets nobody
// else remove it, it stays: it is hidden, and his.
static int remove_expired(const struct spool *spool, int dirfd, const char *name, struct err *err)
{
    cleanup(free_ptr) char *original = xasprintf(SPOOL_HIDDEN "%s", name);
    if (dirfd == spool->failed && batch_is_id(name))
        (void)fs_remove(spool->incoming, original, NULL);
    return remove_whole(dirfd, name, err);
}

// Returns how many were removed.  The first trouble goes to *ret_trouble, and the rest is done.
static int expire(const struct spool *spool, int dirfd, double days, time_t now, int *ret_trouble,
                  struct err *err)
{
    cleanup(fs_names_free) char **names = NULL;
    int count = days > 0 ? fs_list(dirfd, MAX_LISTED, &names, err) : 0, removed = 0;
    if (count < 0 && *ret_trouble == 0)
        *ret_trouble = count;
    for (int i = 0; i < count; i++) {
        if (is_gone(names[i]) || !is_older(dirfd, names[i], days, now))
            continue;
        int r = remove_expired(spool, dirfd, names[i], *ret_trouble == 0 ? err : NULL);
        if (r < 0 && *ret_trouble == 0)
            *ret_trouble = r;
        removed += r == 0;
    }
    return removed;
}

int spool_expire(struct spool *spool, const struct settings *settings, time_t now, struct err *err)
{
    int trouble = 0;
    int removed = expire(spool, spool->archive, settings->archive_days, now, &trouble, err);
    removed += expire(spool, spool->failed, settings->failed_days, now, &trouble, err);
    return trouble < 0 ? trouble : removed;
}

// ---- the outbox

// Made by us and not written to yet.  One that a user made beforehand is nobody's batch: we may not
// be able to write there at all.
static bool is_fresh(int dirfd)
{
    cleanup(fs_names_free) char **names = NULL;
    struct stat st;
    return fstat(dirfd, &st) == 0 && st.st_uid == geteuid() && fs_list(dirfd, 1, &names, NULL) == 0;
}

// True for a folder that a crash left to this batch.
static bool is_own_outbox(int outbox, const char *name, const char *id)
{
    cleanup(close_fd) int dirfd = fs_open(outbox, name, O_RDONLY | O_DIRECTORY);
    if (dirfd < 0)
        return false;
    cleanup(json_free) json_t *status = NULL;
    int r = json_read(dirfd, "status.json", MAX_STATUS, &status, NULL);
    if (r == -ENOENT)
        return is_fresh(dirfd);
    return r == 0 && strcmp(json_text(status, "id", "", NULL), id) == 0;
}

// People of the group drop their wishes here, whatever our umask is.
static void let_group_write(int outbox, const char *name)
{
    cleanup(close_fd) int dirfd = fs_open(outbox, name, O_RDONLY | O_DIRECTORY);
    struct stat st;
    if (dirfd >= 0 && fstat(dirfd, &st) == 0)
        (void)fchmod(dirfd, (st.st_mode & 07777) | S_IRWXG); // else only we can cancel
}

int spool_take_outbox(struct spool *spool, const char *name, const char *id, char **ret_outbox,
                      struct err *err)
{
    for (unsigned n = 1; n < MAX_NUMBER; n++) {
        cleanup(free_ptr) char *outbox = spool_numbered(name, n);
        struct err why = ERR_INIT;
        int r = fs_mkdir(spool->outbox, outbox, 0770, &why);
        if (r == -ENOTDIR || (r == 1 && !is_own_outbox(spool->outbox, outbox, id)))
            continue;
        if (r < 0) {
            if (err != NULL && err->class == ERR_NONE)
                *err = why;
            return r;
        }
        let_group_write(spool->outbox, outbox);
        *ret_outbox = TAKE(outbox);
        return 0;
    }
    cleanup(free_ptr) char *shown = text_escape(name);
    return err_set(err, ERR_SYSTEM, "too_many_names", "no name is free after %s-%d", shown,
                   MAX_NUMBER);
}

static enum spool_wish read_wish(const char *name)
{
    static const struct {
        const char *word;
        enum spool_wish wish;
    } words[] = { { "cancel", WISH_CANCEL }, { "retry", WISH_RETRY }, { "approve", WISH_APPROVE } };
    size_t length = strcspn(name, ".");
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strlen(words[i].word) == length && strncasecmp(words[i].word, name, length) == 0)
            return words[i].wish;
    return WISH_NONE;
}

static void close_dir(DIR **dir)
{
    if (*dir != NULL)
        (void)closedir(*dir);
}

int spool_wish(struct spool *spool, const char *outbox, char **ret_file, struct err *err)
{
    cleanup(close_fd) int fd = fs_open(spool->outbox, outbox, O_RDONLY | O_DIRECTORY);
    if (fd == -ENOENT)
        return WISH_NONE;
    cleanup(close_fd) int own = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    cleanup(close_dir) DIR *dir = own < 0 ? NULL : fdopendir(own);
    if (dir == NULL)
        return err_errno(err, fd < 0 ? -fd : errno, "look for wishes");
    (void)take_fd(&own);

    // Not fs_list: this is asked often, and a folder rarely holds one.
    enum spool_wish best = WISH_NONE;
    cleanup(free_ptr) char *file = NULL;
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        enum spool_wish wish = entry->d_type == DT_DIR ? WISH_NONE : read_wish(entry->d_name);
        if (wish == WISH_NONE || (best != WISH_NONE && wish > best))
            continue;
        best = wish;
        free(file);
        file = xstrdup(entry->d_name);
    }
    if (best != WISH_NONE)
        *ret_file = TAKE(file);
    return (int)best;
}

int spool_wish_granted(struct spool *spool, const char *outbox, const char *file, struct err *err)
{
    cleanup(close_fd) int fd = fs_open(spool->outbox, outbox, O_RDONLY | O_DIRECTORY);
    if (fd == -ENOENT)
        return 0;
    return fd < 0 ? err_errno(err, -fd, "open the outbox folder") : fs_remove(fd, file, err);
}

// ---- completed

int spool_archive(struct spool *spool, const char *id, const char *outbox, struct err *err)
{
    cleanup(free_ptr) char *in = xasprintf("%s/" BATCH_IN, id);
    int r =
        exists(spool->work, in) ? move_numbered(spool->work, in, spool->archive, outbox, err) : 0;
    return r < 0 ? r : spool_remove(spool, id, err);
}

// ---- failed and back

static int reset_if_done(int batchdir, enum stage stage, int index, struct err *err)
{
    cleanup(step_release) struct step step = STEP_INIT;
    int r = step_load(batchdir, stage, index, &step, err);
    return r < 0 || step.state != STEP_DONE ? r : step_reset(batchdir, stage, index, err);
}

// Removes what can be made again from one source.  A step's result goes before its file: a result
// without the file would never be made good.
static int slim_source(int batchdir, int index, struct err *err)
{
    cleanup(free_ptr) char *name = xasprintf("%d", index);
    cleanup(close_fd) int sourcedir = fs_open(batchdir, name, O_RDONLY | O_DIRECTORY);
    if (sourcedir < 0)
        return sourcedir == -ENOENT ? 0 : err_errno(err, -sourcedir, "open source %d", index);
    cleanup(step_release) struct step analyze = STEP_INIT;
    int r = step_load(batchdir, STAGE_ANALYZE, index, &analyze, err);

    // Nothing after the analysis needs the proxy.
    bool has_proxy = exists(sourcedir, SOURCE_PROXY) || exists(sourcedir, SOURCE_AUDIO) ||
                     exists(sourcedir, SOURCE_FRAMES);
    if (r == 0 && has_proxy && analyze.state != STEP_DONE)
        r = reset_if_done(batchdir, STAGE_COMPRESS, index, err);
    // What was uploaded is removed when the batch has ended.
    if (r == 0 && analyze.state != STEP_DONE)
        r = reset_if_done(batchdir, STAGE_UPLOAD, index, err);
    if (r == 0 && exists(sourcedir, SOURCE_FILE))
        r = reset_if_done(batchdir, STAGE_FETCH, index, err);
    const char *const large[] = { SOURCE_FILE, SOURCE_PART, SOURCE_PROXY, SOURCE_AUDIO,
                                  SOURCE_FRAMES };
    for (size_t i = 0; i < ARRAY_LEN(large) && r == 0; i++)
        r = fs_remove(sourcedir, large[i], err);
    return r < 0 ? r : fs_remove_temporary(sourcedir, err);
}

int spool_set_aside(struct spool *spool, const char *id, struct err *err)
{
    cleanup(close_fd) int batchdir = fs_open(spool->work, id, O_RDONLY | O_DIRECTORY);
    if (batchdir == -ENOENT && exists(spool->failed, id))
        return 0;
    if (batchdir < 0)
        return err_errno(err, -batchdir, "open %s", id);
    int r = fs_remove_temporary(batchdir, err);
    for (int i = 0; i < BATCH_MAX_SOURCES && r == 0; i++)
        r = slim_source(batchdir, i, err);
    // What is over is told by the batch itself: a start that finds it in work/ moves it again.
    return r < 0 ? r : fs_move(spool->work, id, spool->failed, id, FS_MOVE_UNSYNCED, err);
}

// ---- retry

static const enum stage source_stages[] = { STAGE_FETCH,  STAGE_PROBE,      STAGE_COMPRESS,
                                            STAGE_UPLOAD, STAGE_TRANSCRIBE, STAGE_ANALYZE };
static const enum stage batch_stages[] = { STAGE_PLAN, STAGE_PREVIEW, STAGE_RENDER, STAGE_PUBLISH };

// What of a batch had failed.
struct failures {
    bool whole;                        // a step on the batch, for a reason that may pass
    bool passing[BATCH_MAX_SOURCES];   // a source, for a reason that may pass
    bool permanent[BATCH_MAX_SOURCES]; // a source that will never work
    bool any_passing;
};

static int find_failures(int batchdir, const struct batch *batch, struct failures *found,
                         struct err *err)
{
    for (size_t s = 0; s < ARRAY_LEN(batch_stages); s++) {
        cleanup(step_release) struct step step = STEP_INIT;
        int r = step_load(batchdir, batch_stages[s], STEP_BATCH, &step, err);
        if (r < 0)
            return r;
        found->whole |= step.state == STEP_FAILED && step.error.class != ERR_INPUT;
    }
    for (size_t i = 0; i < batch->source_count; i++) {
        for (size_t s = 0; s < ARRAY_LEN(source_stages); s++) {
            cleanup(step_release) struct step step = STEP_INIT;
            int r = step_load(batchdir, source_stages[s], (int)i, &step, err);
            if (r < 0)
                return r;
            if (!step_is_lost(&step, source_stages[s]))
                continue;
            bool is_permanent = step.error.class == ERR_INPUT;
            found->permanent[i] |= is_permanent;
            found->passing[i] |= !is_permanent;
            found->any_passing |= !is_permanent;
        }
    }
    return 0;
}

// Resets the steps of a source that have failed or used up tries.
static int reset_source(int batchdir, int index, struct err *err)
{
    for (size_t s = 0; s < ARRAY_LEN(source_stages); s++) {
        cleanup(step_release) struct step step = STEP_INIT;
        int r = step_load(batchdir, source_stages[s], index, &step, err);
        if (r == 0 && step.state != STEP_DONE)
            r = step_reset(batchdir, source_stages[s], index, err);
        if (r < 0)
            return r;
    }
    return 0;
}

// Opens what had failed.  The batch's own steps first: as long as a source is still marked as
// failed, a call after one that was cut off knows that all after it is to be made again.
static int reset_failures(int batchdir, const struct batch *batch, const struct failures *found,
                          struct err *err)
{
    bool try_permanent = !found->whole && !found->any_passing, anew = false;
    bool again[BATCH_MAX_SOURCES] = { false };
    for (size_t i = 0; i < batch->source_count; i++) {
        again[i] = found->passing[i] || (found->permanent[i] && try_permanent);
        anew |= again[i];
    }
    for (size_t s = 0; s < ARRAY_LEN(batch_stages); s++) {
        cleanup(step_release) struct step step = STEP_INIT;
        int r = step_load(batchdir, batch_stages[s], STEP_BATCH, &step, err);
        if (r == 0 && (anew || step.state != STEP_DONE))
            r = step_reset(batchdir, batch_stages[s], STEP_BATCH, err);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < batch->source_count; i++) {
        int r = again[i] ? reset_source(batchdir, (int)i, err) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static bool was_refused(const struct batch *batch)
{
    bool refused = batch->error.class != ERR_NONE;
    for (size_t i = 0; i < batch->source_count; i++)
        refused |= batch->sources[i].error.class != ERR_NONE;
    return refused;
}

static int reset_batch(int batchdir, struct err *err)
{
    cleanup(batch_release) struct batch batch = BATCH_INIT;
    int r = fs_remove(batchdir, BATCH_CANCEL, err);
    if (r < 0)
        return r;
    r = batch_load(batchdir, &batch, err);
    if (r == -ENOENT)
        return 0; // nothing was understood yet
    if (r < 0)
        return r;
    struct failures found = { .whole = false };
    r = find_failures(batchdir, &batch, &found, err);
    if (r == 0)
        r = reset_failures(batchdir, &batch, &found, err);
    // Limits may have been raised since it was refused.  Only marked here: without its batch.json
    // nobody would know whose it is in failed/, should the move not come.
    if (r == 0 && was_refused(&batch))
        r = fs_write(batchdir, SPOOL_ANEW, "", 0, err);
    return r;
}

int spool_forget_refusal(int batchdir, struct err *err)
{
    if (!exists(batchdir, SPOOL_ANEW))
        return 0;
    int r = fs_remove(batchdir, BATCH_FILE, err);
    if (r == 0)
        r = fs_remove(batchdir, BATCH_REFUSED, err);
    return r < 0 ? r : fs_remove(batchdir, SPOOL_ANEW, err);
}

int spool_retry(struct spool *spool, const char *id, struct err *err)
{
    cleanup(close_fd) int batchdir = fs_open(spool->failed, id, O_RDONLY | O_DIRECTORY);
    if (batchdir == -ENOENT) {
        if (exists(spool->work, id))
            return 0;
        (void)err_set(err, ERR_INPUT, "not_failed", "there is no failed batch %s", id);
        return -ENOENT;
    }
    if (batchdir < 0)
        return err_errno(err, -batchdir, "open %s", id);
    // Before the move: in work/ a failed step would fail the batch again at once.
    int r = reset_batch(batchdir, err);
    if (r == 0)
        r = fs_move(spool->failed, id, spool->work, id, 0, err);
    if (r == 0)
        (void)spool_forget_refusal(batchdir, NULL); // else spool_recover does
    return r;
}

// ---- quarantine

int spool_quarantine(struct spool *spool, const char *id, const char *reason, struct err *err)
{
    cleanup(close_fd) int batchdir = fs_open(spool->work, id, O_RDONLY | O_DIRECTORY);
    if (batchdir == -ENOENT && exists(spool->quarantine, id))
        return 0;
    if (batchdir < 0)
        return err_errno(err, -batchdir, "open %s", id);
    cleanup(json_free) json_t *json = json_object();
    json_put_text(json, "id", id);
    json_put_text(json, "reason", reason);
    int r = json_write(batchdir, "reason.json", json, err);
    return r < 0 ? r : move_numbered(spool->work, id, spool->quarantine, id, err);
}
