// Durable changes: every sequence here ends in the sync that makes it true after a power cut.

#include "base/fs.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>

// ---- the directory and the last component of a name

struct place {
    int dirfd;        // own, -1 when closed
    const char *leaf; // points into the name
};
#define PLACE_INIT  \
    {               \
        .dirfd = -1 \
    }

static void place_release(struct place *place)
{
    close_fd(&place->dirfd);
}

static int place_open(int dirfd, const char *name, struct place *place, struct err *err)
{
    const char *slash = strrchr(name, '/');
    place->leaf = slash ? slash + 1 : name;
    if (!*place->leaf || strcmp(place->leaf, ".") == 0 || strcmp(place->leaf, "..") == 0)
        return fs_fail(err, EINVAL, "use as a name", name);
    // Of "/a" the slash itself, which fs_open refuses.
    size_t length = slash == name ? 1 : slash ? (size_t)(slash - name) : 0;
    cleanup(free_ptr) char *parent = slash ? xstrndup(name, length) : xstrdup(".");
    place->dirfd = fs_open(dirfd, parent, O_RDONLY | O_DIRECTORY);
    if (place->dirfd >= 0)
        return 0;
    // EXDEV has a meaning of its own to those who move and link.
    int r = fs_fail(err, -place->dirfd, "open the folder of", name);
    return r == -EXDEV ? -EINVAL : r;
}

// ---- bytes

static ssize_t read_again(int fd, void *buffer, size_t size)
{
    ssize_t n;
    do
        n = read(fd, buffer, size);
    while (n < 0 && errno == EINTR);
    return n;
}

// Returns 0 or -errno.
static int write_all(int fd, const void *data, size_t size)
{
    const char *next = data;
    while (size > 0) {
        ssize_t n = write(fd, next, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        next += n;
        size -= (size_t)n;
    }
    return 0;
}

int fs_append(int dirfd, const char *name, const void *data, size_t size, struct err *err)
{
    struct stat st;
    cleanup(close_fd) int fd = fs_open(dirfd, name, O_WRONLY | O_APPEND | O_CREAT);
    if (fd < 0)
        return fs_fail(err, -fd, "append to", name);
    if (fstat(fd, &st) != 0)
        return fs_fail(err, errno, "look at", name);
    if (!S_ISREG(st.st_mode))
        return fs_fail(err, EINVAL, "append to", name);
    ssize_t n;
    do
        n = write(fd, data, size);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return fs_fail(err, errno, "append to", name);
    // A rest written by a second call could land behind another writer's record.
    return (size_t)n == size ? 0 : fs_fail(err, ENOSPC, "append to", name);
}

// ---- replacing a file whole

int fs_sync_dir(int dirfd, struct err *err)
{
    if (fsync(dirfd) == 0)
        return 0;
    int number = errno;
    // A descriptor opened with O_PATH cannot be synced itself.
    cleanup(close_fd) int fd = number == EBADF ? fs_open(dirfd, ".", O_RDONLY | O_DIRECTORY) : -1;
    if (fd >= 0 && fsync(fd) == 0)
        return 0;
    // EINVAL: file systems that have nothing to sync for a directory, and say so this way.
    return number == EINVAL ? 0 : err_errno(err, number, "sync a folder");
}

int fs_sync_name(int dirfd, const char *name, struct err *err)
{
    cleanup(free_ptr) char *folder = xstrdup(name);
    int r = 0;
    for (char *slash; r == 0 && (slash = strrchr(folder, '/')); *slash = '\0') {
        *slash = '\0';
        cleanup(close_fd) int fd = fs_open_dir(dirfd, folder, err);
        r = fd < 0 ? fd : fs_sync_dir(fd, err);
    }
    return r < 0 ? r : fs_sync_dir(dirfd, err);
}

// Whatever is in the way of a temporary name; where others may write, that can be a folder.
static int remove_leftover(const struct place *place, const char *temporary, struct err *err)
{
    if (unlinkat(place->dirfd, temporary, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno == EISDIR || errno == EPERM)
        return fs_remove(place->dirfd, temporary, err);
    return fs_fail(err, errno, "remove left-over", temporary);
}

// A left-over of the temporary name goes; one made in place must be new.
static int begin(struct fs_file *file, struct place *place, const char *suffix, struct err *err)
{
    cleanup(free_ptr) char *temporary = xasprintf("%s%s", place->leaf, suffix);
    int r = *suffix ? remove_leftover(place, temporary, err) : 0;
    if (r < 0)
        return r;
    int fd = fs_open(place->dirfd, temporary, O_RDWR | O_CREAT | O_EXCL);
    if (fd < 0)
        return fs_fail(err, -fd, "create", temporary);
    *file = (struct fs_file){ .dirfd = take_fd(&place->dirfd),
                              .fd = fd,
                              .name = xstrdup(place->leaf),
                              .temporary = TAKE(temporary) };
    return 0;
}

int fs_begin(struct fs_file *file, int dirfd, const char *name, struct err *err)
{
    cleanup(place_release) struct place place = PLACE_INIT;
    int r = place_open(dirfd, name, &place, err);
    return r < 0 ? r : begin(file, &place, ".tmp", err);
}

int fs_continue(struct fs_file *file, int dirfd, const char *name, struct err *err)
{
    cleanup(place_release) struct place place = PLACE_INIT;
    int r = place_open(dirfd, name, &place, err);
    if (r < 0)
        return r;
    cleanup(free_ptr) char *temporary = xasprintf("%s.part", place.leaf);
    struct stat st;
    cleanup(close_fd) int fd = fs_open(place.dirfd, temporary, O_RDWR);
    bool usable = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1;
    if (!usable) {
        r = begin(file, &place, ".part", err);
        file->keeps = r >= 0;
        return r;
    }
    *file = (struct fs_file){ .dirfd = take_fd(&place.dirfd),
                              .fd = take_fd(&fd),
                              .name = xstrdup(place.leaf),
                              .temporary = TAKE(temporary),
                              .keeps = true };
    return 0;
}

int fs_begin_in_place(struct fs_file *file, int dirfd, const char *name, struct err *err)
{
    cleanup(place_release) struct place place = PLACE_INIT;
    int r = place_open(dirfd, name, &place, err);
    return r < 0 ? r : begin(file, &place, "", err);
}

// The commit point; after it there is no temporary name to remove.  For a file begun in place both
// names are one, and rename does nothing.
static int name_it(struct fs_file *file, struct err *err)
{
    if (renameat(file->dirfd, file->temporary, file->dirfd, file->name) != 0)
        return fs_fail(err, errno, "rename into place", file->name);
    free_ptr(&file->temporary);
    return 0;
}

static int put_in_place(struct fs_file *file, struct err *err)
{
    int r = name_it(file, err);
    return r < 0 ? r : fs_sync_dir(file->dirfd, err);
}

int fs_commit(struct fs_file *file, struct err *err)
{
    if (fsync(file->fd) != 0)
        return fs_fail(err, errno, "sync", file->name);
    // Network file systems may report here what fsync had not seen.  Never again on EINTR: the
    // descriptor is gone already.
    if (close(take_fd(&file->fd)) != 0 && errno != EINTR)
        return fs_fail(err, errno, "close", file->name);
    return put_in_place(file, err);
}

void fs_release(struct fs_file *file)
{
    close_fd(&file->fd);
    if (file->temporary && !file->keeps)
        (void)unlinkat(file->dirfd, file->temporary, 0); // else the next start sweeps it
    close_fd(&file->dirfd);
    free_ptr(&file->name);
    free_ptr(&file->temporary);
}

int fs_write_all(int fd, const void *data, size_t size, struct err *err)
{
    int r = write_all(fd, data, size);
    return r < 0 ? err_errno(err, -r, "write a file") : 0;
}

int fs_reserve(int fd, uint64_t offset, uint64_t size, struct err *err)
{
    struct statvfs space;
    struct stat st;
    // Asked first, because where there is too little, fallocate takes all there is before it fails.
    if (fstatvfs(fd, &space) == 0 && (uint64_t)space.f_bavail * space.f_frsize < size)
        return err_errno(err, ENOSPC, "set space aside");
    if (size == 0 || fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size) == 0)
        return 0;
    int number = errno;
    // And what it took all the same, in a race for the last of it, goes back.
    if (fstat(fd, &st) == 0)
        (void)!ftruncate(fd, st.st_size);
    if (number == EOPNOTSUPP || number == ENOSYS || number == EINVAL || number == EINTR)
        return 0;
    return err_errno(err, number, "set space aside");
}

int fs_sync(int fd, struct err *err)
{
    return fsync(fd) == 0 ? 0 : err_errno(err, errno, "sync a file");
}

void fs_sync_soon(int fd, uint64_t offset, uint64_t size)
{
    // Only a hint: what it cannot do, or does wrong, fs_sync does and finds.
    (void)sync_file_range(fd, (off_t)offset, (off_t)size, SYNC_FILE_RANGE_WRITE);
}

static int begin_with(struct fs_file *file, int dirfd, const char *name, const void *data,
                      size_t size, struct err *err)
{
    int r = fs_begin(file, dirfd, name, err);
    if (r < 0)
        return r;
    r = write_all(file->fd, data, size);
    return r < 0 ? fs_fail(err, -r, "write", name) : 0;
}

int fs_write(int dirfd, const char *name, const void *data, size_t size, struct err *err)
{
    cleanup(fs_release) struct fs_file file = FS_FILE_INIT;
    int r = begin_with(&file, dirfd, name, data, size, err);
    return r < 0 ? r : fs_commit(&file, err);
}

int fs_write_at_once(int dirfd, const char *name, const void *data, size_t size, struct err *err)
{
    cleanup(fs_release) struct fs_file file = FS_FILE_INIT;
    int r = begin_with(&file, dirfd, name, data, size, err);
    if (r == 0)
        r = put_in_place(&file, err);
    if (r == 0 && fsync(file.fd) != 0)
        r = fs_fail(err, errno, "sync", name);
    return r;
}

int fs_write_unsynced(int dirfd, const char *name, const void *data, size_t size, struct err *err)
{
    cleanup(fs_release) struct fs_file file = FS_FILE_INIT;
    int r = begin_with(&file, dirfd, name, data, size, err);
    return r < 0 ? r : name_it(&file, err);
}

// ---- names

int fs_mkdir(int dirfd, const char *name, mode_t mode, struct err *err)
{
    cleanup(place_release) struct place place = PLACE_INIT;
    int r = place_open(dirfd, name, &place, err);
    if (r < 0)
        return r;
    bool is_new = mkdirat(place.dirfd, place.leaf, mode) == 0;
    if (!is_new && errno != EEXIST)
        return fs_fail(err, errno, "create folder", name);
    struct stat st;
    if (!is_new && fstatat(place.dirfd, place.leaf, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return fs_fail(err, errno, "look at", name);
    if (!is_new && !S_ISDIR(st.st_mode))
        return fs_fail(err, ENOTDIR, "create folder", name);
    // Also for one that was there: who made it may have died before its sync.
    r = fs_sync_dir(place.dirfd, err);
    return r < 0 ? r : !is_new;
}

static bool same_inode(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

// rename(2) between two links of one file does nothing and leaves both names.
static int replace(const struct place *from, const struct place *to)
{
    struct stat source, target, from_dir, to_dir;
    if (fstatat(from->dirfd, from->leaf, &source, AT_SYMLINK_NOFOLLOW) == 0 &&
        fstatat(to->dirfd, to->leaf, &target, AT_SYMLINK_NOFOLLOW) == 0 &&
        same_inode(&source, &target) && !S_ISDIR(source.st_mode) &&
        fstat(from->dirfd, &from_dir) == 0 && fstat(to->dirfd, &to_dir) == 0) {
        if (same_inode(&from_dir, &to_dir) && strcmp(from->leaf, to->leaf) == 0)
            return 0;
        return unlinkat(from->dirfd, from->leaf, 0) == 0 ? 0 : -errno;
    }
    return renameat(from->dirfd, from->leaf, to->dirfd, to->leaf) == 0 ? 0 : -errno;
}

// The second half of a move by link.  If it fails the new name is taken back, or what was moved
// would be found by the old one and moved once more; but never the last name, for where an answer
// was lost on a network the old one may be gone all the same.
static int drop_old_name(const struct place *from, const struct place *to)
{
    if (unlinkat(from->dirfd, from->leaf, 0) == 0)
        return 0;
    int number = errno;
    struct stat old, new;
    if (fstatat(from->dirfd, from->leaf, &old, AT_SYMLINK_NOFOLLOW) == 0 &&
        fstatat(to->dirfd, to->leaf, &new, AT_SYMLINK_NOFOLLOW) == 0 && same_inode(&old, &new))
        (void)unlinkat(to->dirfd, to->leaf, 0);
    return -number;
}

// NFS and some FUSE file systems refuse RENAME_NOREPLACE with EINVAL.  A link never replaces, so
// for a file link and unlink do the same (a crash between leaves both names, never none).  For a
// directory, or without hard links, there is only looking first; the spool has one writer.
static int move_to_free_name(const struct place *from, const struct place *to)
{
    if (renameat2(from->dirfd, from->leaf, to->dirfd, to->leaf, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    if (linkat(from->dirfd, from->leaf, to->dirfd, to->leaf, 0) == 0)
        return drop_old_name(from, to);
    if (errno != EPERM && errno != EOPNOTSUPP)
        return -errno;
    struct stat st;
    if (fstatat(to->dirfd, to->leaf, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST;
    if (errno != ENOENT)
        return -errno;
    return renameat(from->dirfd, from->leaf, to->dirfd, to->leaf) == 0 ? 0 : -errno;
}

// The new name first: a power cut between the two may show both names, never none.  A folder has a
// single parent: where its new name is, the old one is not.
static int sync_move(const struct place *from, const struct place *to, struct err *err)
{
    struct stat st;
    int r = fs_sync_dir(to->dirfd, err);
    if (r < 0)
        return r;
    if (fstatat(to->dirfd, to->leaf, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return fs_fail(err, errno, "look at", to->leaf);
    return S_ISDIR(st.st_mode) ? 0 : fs_sync_dir(from->dirfd, err);
}

int fs_move(int from_dirfd, const char *from, int to_dirfd, const char *to,
            enum fs_move_flags flags, struct err *err)
{
    cleanup(place_release) struct place source = PLACE_INIT, target = PLACE_INIT;
    int r = place_open(from_dirfd, from, &source, err);
    if (r >= 0)
        r = place_open(to_dirfd, to, &target, err);
    if (r < 0)
        return r;
    r = flags & FS_MOVE_REPLACE ? replace(&source, &target) : move_to_free_name(&source, &target);
    if (r == -EXDEV || r == -EEXIST)
        return r;
    if (r < 0)
        return fs_fail(err, -r, "move", from);
    if (flags & FS_MOVE_UNSYNCED)
        return 0;
    return sync_move(&source, &target, err);
}

// ---- the contents of large files

static int changed(struct err *err, const char *name)
{
    cleanup(free_ptr) char *shown = text_escape(name);
    (void)err_set(err, ERR_RETRY, "changed", "%s changed while it was copied", shown);
    return -EAGAIN;
}

// Copies up to `size` bytes from where both descriptors stand; in the kernel where that works
// between these two file systems.  Returns the bytes copied, 0 at the end, or -errno.
static ssize_t copy_some(int from, int to, size_t size, bool *in_kernel)
{
    while (*in_kernel) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, size, 0);
        if (n > 0)
            return n;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
            return -errno;
        // Also for 0: some file systems answer so without being at the end.
        *in_kernel = false;
    }
    char buffer[64 * 1024];
    ssize_t n = read_again(from, buffer, size < sizeof buffer ? size : sizeof buffer);
    if (n <= 0)
        return n < 0 ? -errno : 0;
    int r = write_all(to, buffer, (size_t)n);
    return r < 0 ? r : n;
}

static int copy_contents(struct fs_file *file, int fd, off_t size, fs_progress *progress,
                         void *context, struct err *err)
{
    // Often enough for a progress bar over a network, seldom enough to cost nothing.
    const off_t piece = (off_t)8 << 20;
    bool in_kernel = true;
    // A fill after a failed one starts anew.
    if (lseek(fd, 0, SEEK_SET) != 0 || lseek(file->fd, 0, SEEK_SET) != 0 ||
        ftruncate(file->fd, 0) != 0)
        return fs_fail(err, errno, "rewind", file->name);
    for (off_t done = 0; done < size;) {
        off_t rest = size - done;
        ssize_t n = copy_some(fd, file->fd, (size_t)(rest < piece ? rest : piece), &in_kernel);
        if (n < 0)
            return fs_fail(err, (int)-n, "copy to", file->name);
        if (n == 0)
            return changed(err, file->name);
        done += n;
        if (progress)
            progress(context, (uint64_t)done);
    }
    return 0;
}

// What filled the file with the contents of fd.  `progress` and `context` are of a copy.
static int fill(struct fs_file *file, int fd, bool may_copy, fs_progress *progress, void *context,
                struct err *err)
{
    struct stat before, after;
    if (fstat(fd, &before) != 0)
        return fs_fail(err, errno, "look at the source of", file->name);
    bool is_cloned = ioctl(file->fd, FICLONE, fd) == 0;
    if (!is_cloned && !may_copy)
        return -EOPNOTSUPP;
    int r = is_cloned ? 0 : copy_contents(file, fd, before.st_size, progress, context, err);
    if (r < 0)
        return r;
    if (fstat(fd, &after) != 0)
        return fs_fail(err, errno, "look at the source of", file->name);
    if (after.st_size != before.st_size || after.st_mtim.tv_sec != before.st_mtim.tv_sec ||
        after.st_mtim.tv_nsec != before.st_mtim.tv_nsec)
        return changed(err, file->name);
    const struct timespec times[] = { before.st_atim, before.st_mtim };
    (void)futimens(file->fd, times); // when it was filmed: a nicety that not every system keeps
    return is_cloned ? FS_CLONED : FS_COPIED;
}

int fs_fill(struct fs_file *file, int fd, fs_progress *progress, void *context, struct err *err)
{
    return fill(file, fd, true, progress, context, err);
}

int fs_clone(struct fs_file *file, int fd, struct err *err)
{
    return fill(file, fd, false, NULL, NULL, err);
}

// Gives place/leaf.tmp as a further link of the file open as fd.  Returns false where that cannot
// be.
static bool link_aside(const struct place *from, int fd, const struct place *to,
                       const char *temporary)
{
    struct stat opened, linked;
    if (unlinkat(to->dirfd, temporary, 0) != 0 && errno != ENOENT)
        return false;
    if (linkat(from->dirfd, from->leaf, to->dirfd, temporary, 0) != 0)
        return false;
    // The name may have come to mean something else since it was opened and found to be a file.
    if (fstat(fd, &opened) == 0 &&
        fstatat(to->dirfd, temporary, &linked, AT_SYMLINK_NOFOLLOW) == 0 &&
        same_inode(&opened, &linked))
        return true;
    (void)unlinkat(to->dirfd, temporary, 0);
    return false;
}

// Returns FS_LINKED, another negative, or -EXDEV (without setting err) if it must be copied.
static int link_into_place(const struct place *from, int fd, const struct place *to,
                           struct err *err)
{
    cleanup(free_ptr) char *temporary = xasprintf("%s.tmp", to->leaf);
    if (!link_aside(from, fd, to, temporary))
        return -EXDEV;
    // The contents may be as young as the drop; the result must not be less durable than its name.
    int r = fsync(fd) == 0 ? 0 : fs_fail(err, errno, "sync", from->leaf);
    const struct place aside = { .dirfd = to->dirfd, .leaf = temporary };
    if (r == 0) {
        r = replace(&aside, to);
        if (r < 0)
            r = fs_fail(err, -r, "rename into place", to->leaf);
    }
    if (r < 0) {
        (void)unlinkat(to->dirfd, temporary, 0);
        return r == -EXDEV ? -EIO : r;
    }
    r = fs_sync_dir(to->dirfd, err);
    return r < 0 ? r : FS_LINKED;
}

// As a link would be, but that nobody else may write.  Our own group is not set: the folder may
// have given a better one.
static void let_same_read(const struct fs_file *file, const struct stat *source)
{
    if (source->st_gid != getegid())
        (void)!fchown(file->fd, (uid_t)-1, source->st_gid); // refused where we are not in it
    (void)fchmod(file->fd, (source->st_mode & 0444) | 0600);
}

int fs_link_or_copy(int from_dirfd, const char *from, int to_dirfd, const char *to,
                    fs_progress *progress, void *context, struct err *err)
{
    cleanup(place_release) struct place source = PLACE_INIT, target = PLACE_INIT;
    cleanup(fs_release) struct fs_file file = FS_FILE_INIT;
    int r = place_open(from_dirfd, from, &source, err);
    if (r >= 0)
        r = place_open(to_dirfd, to, &target, err);
    if (r < 0)
        return r;
    struct stat st;
    cleanup(close_fd) int fd = fs_open_file(source.dirfd, source.leaf, &st, err);
    if (fd < 0)
        return fd;
    r = link_into_place(&source, fd, &target, err);
    if (r != -EXDEV)
        return r;
    r = fs_begin(&file, target.dirfd, target.leaf, err);
    if (r < 0)
        return r;
    int way = fs_fill(&file, fd, progress, context, err);
    if (way < 0)
        return way;
    let_same_read(&file, &st);
    r = fs_commit(&file, err);
    return r < 0 ? r : way;
}

// ---- one holder at a time

static int lock_file(int dirfd, const char *name, int command, struct err *err)
{
    cleanup(close_fd) int fd = fs_open(dirfd, name, O_RDWR | O_CREAT);
    if (fd < 0)
        return fs_fail(err, -fd, "open", name);
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (fcntl(fd, command, &lock) == 0)
        return take_fd(&fd);
    if (errno == EAGAIN || errno == EACCES)
        return -EAGAIN;
    return fs_fail(err, errno, "lock", name);
}

int fs_lock(int dirfd, const char *name, struct err *err)
{
    return lock_file(dirfd, name, F_OFD_SETLK, err);
}

int fs_lock_process(int dirfd, const char *name, struct err *err)
{
    return lock_file(dirfd, name, F_SETLK, err);
}
