// Looking at files: opening, reading, listing.  Nothing here changes a directory, but for a file
// that the caller asks fs_open to create.

#include "base/fs.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>

// Group readable, so that the people of the service's group can read results and logs.
static const mode_t file_mode = 0640;

int fs_fail(struct err *err, int number, const char *verb, const char *name)
{
    cleanup(free_ptr) char *shown = text_escape(name);
    if (number != EXDEV)
        return err_errno(err, number, "%s %s", verb, shown);
    // What fs_open says to a path that leads out; a mount point in the way is the rarer meaning.
    (void)err_set(err, ERR_INPUT, "outside", "%s %s: it lies outside of its folder or file system",
                  verb, shown);
    return -EXDEV;
}

// ---- opening

// A symlink is told as one, also where the kernel only sees that it is no folder.
static int open_component(int dirfd, const char *name, int flags)
{
    struct stat st;
    int fd;
    do
        fd = openat(dirfd, name, flags | O_NOFOLLOW, file_mode);
    while (fd < 0 && errno == EINTR);
    if (fd >= 0)
        return fd;
    int number = errno;
    if (number == ENOTDIR && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(st.st_mode))
        number = ELOOP;
    return -number;
}

// openat2 would do it in one call, but systemd's RestrictSUIDSGID= forbids that call, whose mode it
// cannot see; and a path here has two or three components.
int fs_open(int dirfd, const char *path, int flags)
{
    cleanup(free_ptr) char *copy = xstrdup(path);
    cleanup(close_fd) int inner = -1;
    if (*path == '/')
        return -EXDEV;
    flags |= O_CLOEXEC;
    // A slash at the end says that it is a folder, as everywhere.
    for (size_t length = strlen(copy); length > 1 && copy[length - 1] == '/'; length--) {
        copy[length - 1] = 0;
        flags |= O_DIRECTORY;
    }
    if (!(flags & O_PATH))
        flags |= O_NONBLOCK | O_NOCTTY;
    for (char *name = copy;;) {
        char *slash = strchr(name, '/');
        if (slash)
            *slash = 0;
        if (strcmp(name, "..") == 0)
            return -EXDEV;
        int fd = open_component(inner < 0 ? dirfd : inner, name,
                                slash ? O_PATH | O_DIRECTORY | O_CLOEXEC : flags);
        if (fd < 0 || !slash)
            return fd;
        close_fd(&inner);
        inner = fd;
        name = slash + 1;
    }
}

int fs_open_dir(int dirfd, const char *path, struct err *err)
{
    int fd = fs_open(dirfd, path, O_RDONLY | O_DIRECTORY);
    return fd >= 0 ? fd : fs_fail(err, -fd, "open folder", path);
}

static int not_a_file(struct err *err, const char *name, mode_t mode)
{
    const char *what = S_ISDIR(mode)    ? "a folder"
                       : S_ISFIFO(mode) ? "a FIFO"
                       : S_ISSOCK(mode) ? "a socket"
                       : S_ISLNK(mode)  ? "a symbolic link"
                                        : "a device";
    cleanup(free_ptr) char *shown = text_escape(name);
    return err_set(err, ERR_INPUT, "not_a_file", "%s is %s, not a regular file", shown, what);
}

// What could not be opened may be better explained by what it is.
static int explain_open(int dirfd, const char *name, int number, struct err *err)
{
    struct stat st;
    bool is_special = (number == ELOOP || number == ENXIO || number == ENODEV) &&
                      !strchr(name, '/') && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    return is_special && !S_ISREG(st.st_mode) ? not_a_file(err, name, st.st_mode)
                                              : fs_fail(err, number, "open", name);
}

// As fs_open_file, but -ENOENT sets no err.
static int open_regular(int dirfd, const char *path, struct stat *ret_stat, struct err *err)
{
    cleanup(close_fd) int fd = fs_open(dirfd, path, O_RDONLY);
    if (fd < 0)
        return fd == -ENOENT ? fd : explain_open(dirfd, path, -fd, err);
    if (fstat(fd, ret_stat) != 0)
        return fs_fail(err, errno, "look at", path);
    if (!S_ISREG(ret_stat->st_mode))
        return not_a_file(err, path, ret_stat->st_mode);
    return take_fd(&fd);
}

int fs_open_file(int dirfd, const char *path, struct stat *ret_stat, struct err *err)
{
    struct stat st;
    int fd = open_regular(dirfd, path, &st, err);
    if (fd == -ENOENT)
        return fs_fail(err, ENOENT, "open", path);
    if (fd >= 0 && ret_stat)
        *ret_stat = st;
    return fd;
}

// ---- reading

static ssize_t read_again(int fd, void *buffer, size_t size)
{
    ssize_t n;
    do
        n = read(fd, buffer, size);
    while (n < 0 && errno == EINTR);
    return n;
}

static int too_large(struct err *err, const char *name, size_t max_bytes)
{
    cleanup(free_ptr) char *shown = text_escape(name);
    (void)err_set(err, ERR_INPUT, "too_large", "%s is larger than %zu bytes", shown, max_bytes);
    return -EFBIG;
}

int fs_read(int dirfd, const char *name, size_t max_bytes, char **ret_data, size_t *ret_size,
            struct err *err)
{
    struct stat st = { 0 };
    cleanup(close_fd) int fd = open_regular(dirfd, name, &st, err);
    if (fd < 0)
        return fd;
    if (st.st_size > 0 && (uintmax_t)st.st_size > max_bytes)
        return too_large(err, name, max_bytes);
    // The size is a hint only: a log grows while it is read.
    size_t capacity = (size_t)st.st_size + 1, size = 0;
    cleanup(free_ptr) char *data = xcalloc(capacity + 1, 1);
    for (;;) {
        if (size == capacity) {
            capacity = capacity > SIZE_MAX / 4 ? SIZE_MAX / 2 : capacity * 2 + 4096;
            data = xrealloc(data, capacity + 1, 1);
        }
        ssize_t n = read_again(fd, data + size, capacity - size);
        if (n < 0)
            return fs_fail(err, errno, "read", name);
        if (n == 0)
            break;
        size += (size_t)n;
        if (size > max_bytes)
            return too_large(err, name, max_bytes);
    }
    data[size] = '\0';
    *ret_data = TAKE(data);
    *ret_size = size;
    return 0;
}

// ---- listing

static int compare_names(const void *a, const void *b)
{
    return text_natural_compare(*(char *const *)a, *(char *const *)b);
}

static void close_dir(DIR **dir)
{
    if (*dir)
        (void)closedir(*dir);
    *dir = NULL;
}

void fs_names_free(char ***names)
{
    for (char **name = *names; name && *name; name++)
        free(*name);
    free(*names);
    *names = NULL;
}

int fs_list(int dirfd, size_t max, char ***ret_names, struct err *err)
{
    int fd = fs_open(dirfd, ".", O_RDONLY | O_DIRECTORY);
    cleanup(close_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return err_errno(err, fd < 0 ? -fd : errno, "list a folder");
    cleanup(fs_names_free) char **names = xcalloc(1, sizeof *names);
    size_t count = 0, room = 1;
    struct dirent *entry;
    while ((errno = 0, entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (count == max || count == INT32_MAX) {
            (void)err_set(err, ERR_INPUT, "too_many_entries",
                          "a folder holds more than %zu entries", max);
            return -E2BIG;
        }
        if (count + 2 > room) {
            room = room * 2 + 14;
            names = xrealloc(names, room, sizeof *names);
        }
        names[count++] = xstrdup(entry->d_name);
        names[count] = NULL;
    }
    if (errno != 0)
        return err_errno(err, errno, "list a folder");
    qsort(names, count, sizeof *names, compare_names);
    *ret_names = TAKE(names);
    return (int)count;
}

int fs_free(int dirfd, uint64_t *ret_bytes, uint64_t *ret_inodes, struct err *err)
{
    struct statvfs vfs;
    while (fstatvfs(dirfd, &vfs) != 0)
        if (errno != EINTR)
            return err_errno(err, errno, "ask for free space");
    *ret_bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
    *ret_inodes = vfs.f_files == 0 ? UINT64_MAX : vfs.f_favail;
    return 0;
}
