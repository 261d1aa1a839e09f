// Whole trees: copied durably, removed.  Both walk with a stack of their own, so that a hostile
// depth costs neither the C stack nor more descriptors than a few dozen.

#include "base/fs.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

// Folders open at once.  People nest a handful; a copy refuses more, a removal moves what lies
// deeper up to the top and goes on.
enum { DEPTH_MAX = 64 };

// Times a folder is read again because it was not empty after all.  Each helps a tree DEPTH_MAX
// deeper, so this is millions of levels; it ends the race against someone who keeps adding.
enum { PASSES_MAX = 1 << 16 };

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

// ---- removing

struct level {
    DIR *dir;
    char *name; // within the level above
    unsigned passes;
    bool removed; // something went in this pass over the folder
};

struct removal {
    struct level level[DEPTH_MAX];
    int depth; // levels open
    int top;   // the descriptor in which level 0 has its name
    unsigned moved;
};

static void pop(struct removal *removal)
{
    struct level *level = &removal->level[--removal->depth];
    (void)closedir(level->dir);
    free_ptr(&level->name);
}

static void removal_release(struct removal *removal)
{
    while (removal->depth > 0)
        pop(removal);
}

static int parent_fd(const struct removal *removal)
{
    return removal->depth == 0 ? removal->top : dirfd(removal->level[removal->depth - 1].dir);
}

// A folder without the rights to empty it is given them, if they are ours to give.
static int open_folder(int parent, const char *name)
{
    struct stat st;
    const int flags = O_RDONLY | O_DIRECTORY;
    int fd = fs_open(parent, name, flags);
    if (fd == -EACCES && fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
        fd = fs_open(parent, name, flags);
    else if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 0700) != 0700)
        (void)fchmod(fd, 0700);
    return fd;
}

static int push(struct removal *removal, const char *name, struct err *err)
{
    cleanup(close_fd) int fd = open_folder(parent_fd(removal), name);
    if (fd < 0)
        return fs_fail(err, -fd, "remove folder", name);
    DIR *dir = fdopendir(fd);
    if (!dir)
        return fs_fail(err, errno, "remove folder", name);
    (void)take_fd(&fd);
    removal->level[removal->depth++] = (struct level){ .dir = dir, .name = xstrdup(name) };
    return 0;
}

// Too deep to open: becomes an entry of the first folder and is met there again.
static int move_up(struct removal *removal, const char *name, struct err *err)
{
    int top = dirfd(removal->level[0].dir), r;
    do {
        cleanup(free_ptr) char *shorter = xasprintf(".removing-%u", removal->moved++);
        r = fs_move(parent_fd(removal), name, top, shorter, 0, err);
    } while (r == -EEXIST && removal->moved < UINT32_MAX);
    return r == -EXDEV ? fs_fail(err, EXDEV, "remove folder", name) : r;
}

// A folder is removed by name first: that is all for an empty one, and refused with EBUSY for a
// mount point, which is how the walk stays on its file system.
static int remove_entry(struct removal *removal, const char *name, struct err *err)
{
    int r = 0, parent = parent_fd(removal);
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        r = 0;
    else if (errno != EISDIR && errno != EPERM)
        return fs_fail(err, errno, "remove", name);
    else if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
        r = 0;
    else if (errno == ENOTDIR)
        return fs_fail(err, EPERM, "remove", name);
    else if (errno != ENOTEMPTY && errno != EEXIST)
        return fs_fail(err, errno, "remove folder", name);
    else if (removal->depth == DEPTH_MAX)
        r = move_up(removal, name, err);
    else
        return push(removal, name, err);
    if (removal->depth > 0)
        removal->level[removal->depth - 1].removed = true;
    return r;
}

// The listing of the innermost folder has ended.
static int finish_folder(struct removal *removal, struct err *err)
{
    struct level *level = &removal->level[removal->depth - 1];
    int above = removal->depth == 1 ? removal->top : dirfd(level[-1].dir);
    if (unlinkat(above, level->name, AT_REMOVEDIR) == 0 || errno == ENOENT) {
        pop(removal);
        if (removal->depth > 0)
            removal->level[removal->depth - 1].removed = true;
        return 0;
    }
    // Entries may have come behind the reader's position; another pass, as long as passes help.
    if ((errno != ENOTEMPTY && errno != EEXIST) || !level->removed || ++level->passes > PASSES_MAX)
        return fs_fail(err, errno, "remove folder", level->name);
    level->removed = false;
    rewinddir(level->dir);
    return 0;
}

static int remove_tree(int dir, const char *name, struct err *err)
{
    cleanup(removal_release) struct removal removal = { .top = dir };
    int r = remove_entry(&removal, name, err);
    while (r == 0 && removal.depth > 0) {
        errno = 0;
        struct dirent *entry = readdir(removal.level[removal.depth - 1].dir);
        if (entry && !is_dots(entry->d_name))
            r = remove_entry(&removal, entry->d_name, err);
        else if (!entry && errno != 0)
            r = fs_fail(err, errno, "list folder", removal.level[removal.depth - 1].name);
        else if (!entry)
            r = finish_folder(&removal, err);
    }
    return r;
}

int fs_remove(int dirfd, const char *name, struct err *err)
{
    const char *slash = strrchr(name, '/'), *leaf = slash ? slash + 1 : name;
    if (!*leaf || is_dots(leaf))
        return fs_fail(err, EINVAL, "remove", name);
    // Of "/a" the slash itself, which fs_open refuses.
    size_t length = slash == name ? 1 : slash ? (size_t)(slash - name) : 0;
    cleanup(free_ptr) char *parent = slash ? xstrndup(name, length) : xstrdup(".");
    cleanup(close_fd) int dir = fs_open(dirfd, parent, O_RDONLY | O_DIRECTORY);
    if (dir == -ENOENT)
        return 0;
    if (dir < 0)
        return fs_fail(err, -dir, "open the folder of", name);
    int r = remove_tree(dir, leaf, err);
    return r < 0 ? r : fs_sync_dir(dir, err);
}

int fs_remove_temporary(int dirfd, struct err *err)
{
    cleanup(fs_names_free) char **names = NULL;
    int count = fs_list(dirfd, INT32_MAX - 1, &names, err), removed = 0;
    for (int i = 0; i < count; i++) {
        size_t length = strlen(names[i]);
        if (length <= 4 || strcmp(names[i] + length - 4, ".tmp") != 0)
            continue;
        int r = remove_tree(dirfd, names[i], err);
        if (r < 0)
            return r;
        removed++;
    }
    if (count < 0)
        return count;
    return removed ? fs_sync_dir(dirfd, err) : 0;
}

// ---- copying

struct pair {
    DIR *from;
    int to;
};

struct copying {
    struct pair level[DEPTH_MAX];
    int depth;
    unsigned entries, max_entries;
    uint64_t bytes, max_bytes;
};

static void copying_release(struct copying *copying)
{
    while (copying->depth > 0) {
        struct pair *pair = &copying->level[--copying->depth];
        (void)closedir(pair->from);
        close_fd(&pair->to);
    }
}

// Reads both from the start and compares.  What was written is clean after its fsync, so it can be
// dropped from the page cache and comes from the disk.
static int compare_contents(int from, int to, const char *name, struct err *err)
{
    char expected[32 * 1024], written[sizeof expected];
    off_t at = 0;
    (void)posix_fadvise(to, 0, 0, POSIX_FADV_DONTNEED);
    for (;;) {
        ssize_t n = pread(from, expected, sizeof expected, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fs_fail(err, errno, "read again", name);
        for (ssize_t got = 0; got < n;) {
            ssize_t m = pread(to, written + got, (size_t)(n - got), at + got);
            if (m < 0 && errno == EINTR)
                continue;
            if (m <= 0)
                return fs_fail(err, m < 0 ? errno : EIO, "read back", name);
            got += m;
        }
        if (memcmp(expected, written, (size_t)n) != 0)
            return fs_fail(err, EIO, "compare with what was written of", name);
        if (n == 0)
            return 0;
        at += n;
    }
}

static int copy_file(struct copying *copying, int from_fd, const struct stat *st, int to_dirfd,
                     const char *name, struct err *err)
{
    cleanup(fs_release) struct fs_file file = FS_FILE_INIT;
    copying->bytes += (uint64_t)st->st_size;
    if (copying->bytes > copying->max_bytes) {
        (void)err_set(err, ERR_INPUT, "too_large", "a folder holds more than %ju bytes",
                      (uintmax_t)copying->max_bytes);
        return -EFBIG;
    }
    // In place: the tree is aside as a whole, and its names are foreign ("a" and "a.tmp").
    int r = fs_begin_in_place(&file, to_dirfd, name, err);
    if (r == 0)
        r = fs_fill(&file, from_fd, NULL, NULL, err);
    if (r >= 0)
        r = fs_commit(&file, err);
    if (r < 0)
        return r;
    cleanup(close_fd) int written = fs_open_file(to_dirfd, name, NULL, err);
    return written < 0 ? written : compare_contents(from_fd, written, name, err);
}

static int enter_folder(struct copying *copying, int *from_fd, int to_dirfd, const char *name,
                        struct err *err)
{
    if (copying->depth == DEPTH_MAX)
        return err_set(err, ERR_INPUT, "too_deep", "folders are nested more than %d deep",
                       (int)DEPTH_MAX);
    int r = fs_mkdir(to_dirfd, name, 0770, err);
    if (r < 0)
        return r;
    cleanup(close_fd) int to = fs_open_dir(to_dirfd, name, err);
    if (to < 0)
        return to;
    DIR *from = fdopendir(*from_fd);
    if (!from)
        return fs_fail(err, errno, "list folder", name);
    *from_fd = -1;
    copying->level[copying->depth++] = (struct pair){ .from = from, .to = take_fd(&to) };
    return 0;
}

static int copy_entry(struct copying *copying, int from_dirfd, const char *from, int to_dirfd,
                      const char *to, struct err *err)
{
    struct stat st;
    cleanup(close_fd) int fd = fs_open(from_dirfd, from, O_RDONLY);
    // Symbolic links, sockets, devices without a driver: left out, like what fstat finds below.
    if (fd == -ELOOP || fd == -ENXIO || fd == -ENODEV)
        return 0;
    if (fd == -EACCES || fd == -EPERM) {
        cleanup(free_ptr) char *shown = text_escape(from);
        (void)err_set(err, ERR_INPUT, "unreadable", "%s: cannot be read: %s", shown,
                      strerrordesc_np(-fd));
        (void)err_hint(err, "allow everyone to read it, or copy it again");
        return fd;
    }
    if (fd < 0 || fstat(fd, &st) != 0)
        return fs_fail(err, fd < 0 ? -fd : errno, "open", from);
    if (++copying->entries > copying->max_entries) {
        (void)err_set(err, ERR_INPUT, "too_many_entries", "a folder holds more than %u entries",
                      copying->max_entries);
        return -E2BIG;
    }
    if (S_ISREG(st.st_mode))
        return copy_file(copying, fd, &st, to_dirfd, to, err);
    return S_ISDIR(st.st_mode) ? enter_folder(copying, &fd, to_dirfd, to, err) : 0;
}

static int copy_tree(struct copying *copying, int from_dirfd, const char *from, int to_dirfd,
                     const char *to, struct err *err)
{
    int r = copy_entry(copying, from_dirfd, from, to_dirfd, to, err);
    while (r == 0 && copying->depth > 0) {
        struct pair *pair = &copying->level[copying->depth - 1];
        errno = 0;
        struct dirent *entry = readdir(pair->from);
        if (entry && !is_dots(entry->d_name)) {
            r = copy_entry(copying, dirfd(pair->from), entry->d_name, pair->to, entry->d_name, err);
        } else if (!entry && errno != 0) {
            r = err_errno(err, errno, "list a folder");
        } else if (!entry) {
            (void)closedir(pair->from);
            close_fd(&pair->to);
            copying->depth--;
        }
    }
    return r;
}

int fs_copy_tree(int from_dirfd, const char *from, int to_dirfd, const char *to,
                 unsigned max_entries, uint64_t max_bytes, struct err *err)
{
    cleanup(copying_release) struct copying copying = { .max_entries = max_entries,
                                                        .max_bytes = max_bytes };
    cleanup(free_ptr) char *aside = xasprintf("%s.tmp", to);
    int r = fs_remove(to_dirfd, aside, err);
    if (r == 0)
        r = copy_tree(&copying, from_dirfd, from, to_dirfd, aside, err);
    if (r == 0)
        r = fs_move(to_dirfd, aside, to_dirfd, to, 0, err);
    if (r < 0)
        (void)fs_remove(to_dirfd, aside, NULL);
    return r;
}
