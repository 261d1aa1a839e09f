// The folders of the spool as its users see them.
#include "cli/place.h"
#include "base/fs.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>

#define LOCK_FILE "clipspoold.lock" // as spool_open takes it; check_cli sees them agree

static int open_folder(const char *path, struct err *err)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0)
        return dir;
    int number = errno;
    err_errno(err, number, "open %s", path);
    if (number == ENOENT)
        return err_hint(err, "There is no spool here; name its configuration with -C FILE, or see "
                             "`clipspool doctor`.");
    if (number == EACCES)
        return err_hint(err,
                        "Ask to be made a member of the group clipspool-users, then log in anew.");
    return -number;
}

int place_open_outbox(const struct settings *settings, struct err *err)
{
    cleanup(free_ptr) char *path = settings_outbox(settings);
    return open_folder(path, err);
}

int place_open_incoming(const struct settings *settings, struct err *err)
{
    cleanup(free_ptr) char *path = settings_incoming(settings);
    return open_folder(path, err);
}

static bool exists(int dir, const char *name)
{
    struct stat st;
    return dir >= 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_one_name(const char *name)
{
    return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int place_find(int dir, const char *typed, char **ret_name, struct err *err)
{
    // A shell completes folders with a slash at the end.
    size_t length = strlen(typed);
    while (length > 1 && typed[length - 1] == '/')
        length--;
    cleanup(free_ptr) char *name = xstrndup(typed, length);
    if (is_one_name(name) && exists(dir, name)) {
        *ret_name = TAKE(name);
        return 0;
    }
    cleanup(free_ptr) char *bytes = text_unescape(name);
    if (bytes && is_one_name(bytes) && exists(dir, bytes)) {
        *ret_name = TAKE(bytes);
        return 0;
    }
    err_set(err, ERR_INPUT, "no_such_batch", "there is no batch called \"%s\"", typed);
    err_hint(err, "`clipspool list` shows them.");
    return -ENOENT;
}

char *place_unused(int incoming, int outbox, const char *name)
{
    char *candidate = xstrdup(name);
    for (unsigned n = 2; exists(incoming, candidate) || exists(outbox, candidate); n++) {
        free(candidate);
        candidate = spool_numbered(name, n);
    }
    return candidate;
}

char *place_outbox_name(int incoming, int outbox, const char *name)
{
    struct stat st;
    const char *dot = strrchr(name, '.');
    bool loose = dot && dot > name && fstatat(incoming, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                 S_ISREG(st.st_mode);
    cleanup(free_ptr) char *batch = loose ? xstrndup(name, (size_t)(dot - name)) : xstrdup(name);
    return place_unused(-1, outbox, batch);
}

// Asked about, not taken: a daemon that starts at this moment must find its lock free.
int place_is_served(const struct settings *settings)
{
    cleanup(free_ptr) char *path = xasprintf("%s/" LOCK_FILE, settings->root);
    cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
        return -errno;
    return lock.l_type != F_UNLCK;
}
