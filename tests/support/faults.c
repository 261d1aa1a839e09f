// See faults.h.  The __wrap_ and __real_ names are what ld --wrap makes of them.

#include "tests/support/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

static struct {
    struct faults plan;
    bool is_armed, was_reached;
    int count;
    const char *struck;
    char trace[4096];
} state;

void faults_arm(const struct faults *faults)
{
    memset(&state, 0, sizeof state);
    state.struck = "";
    state.plan = *faults;
    state.is_armed = true;
}

bool faults_disarm(void)
{
    state.is_armed = false;
    return state.was_reached;
}

const char *faults_trace(void)
{
    return state.trace;
}

const char *faults_struck(void)
{
    return state.struck;
}

static void record(const char *word)
{
    size_t used = strlen(state.trace);
    if (used + strlen(word) + 2 < sizeof state.trace)
        (void)snprintf(state.trace + used, sizeof state.trace - used, "%s ", word);
}

// True if this call is the one; errno is set for FAULT_ERROR.
static bool strikes(const char *name, const char *word)
{
    if (!state.is_armed)
        return false;
    if (state.plan.never && strcmp(state.plan.never, name) == 0) {
        errno = state.plan.never_number;
        return true;
    }
    bool is_counted = !state.plan.only || strcmp(state.plan.only, name) == 0;
    if (is_counted && ++state.count == state.plan.call) {
        state.was_reached = true;
        state.struck = name;
        if (state.plan.fault == FAULT_EXIT)
            _exit(FAULTS_EXIT_STATUS);
        errno = state.plan.number;
        return true;
    }
    if (word)
        record(word);
    return false;
}

// The same for calls that can do a part: shortens *size instead of failing.
static bool strikes_amount(const char *name, size_t *size)
{
    if (!strikes(name, name))
        return false;
    if (state.plan.fault != FAULT_SHORT || !state.was_reached)
        return true;
    *size = *size > 1 ? *size / 2 : *size;
    return false;
}

// ---- the calls.  Each pair needs a declaration: no header knows these names.

#define WRAP(type, name, parameters, arguments, word)               \
    type __real_##name parameters;                                  \
    type __wrap_##name parameters;                                  \
    type __wrap_##name parameters                                   \
    {                                                               \
        return strikes(#name, word) ? -1 : __real_##name arguments; \
    }

WRAP(int, renameat, (int from, const char *old, int to, const char *new), (from, old, to, new),
     "rename")
WRAP(int, renameat2, (int from, const char *old, int to, const char *new, unsigned flags),
     (from, old, to, new, flags), "rename")
WRAP(int, linkat, (int from, const char *old, int to, const char *new, int flags),
     (from, old, to, new, flags), "link")
WRAP(int, unlinkat, (int dir, const char *name, int flags), (dir, name, flags), NULL)
WRAP(int, mkdirat, (int dir, const char *name, mode_t mode), (dir, name, mode), "mkdir")
WRAP(int, ftruncate, (int fd, off_t size), (fd, size), NULL)
WRAP(int, futimens, (int fd, const struct timespec *times), (fd, times), NULL)
WRAP(int, fstat, (int fd, struct stat *st), (fd, st), NULL)
WRAP(int, fstatat, (int dir, const char *name, struct stat *st, int flags), (dir, name, st, flags),
     NULL)
WRAP(ssize_t, pread, (int fd, void *buffer, size_t size, off_t at), (fd, buffer, size, at), NULL)

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    struct stat st;
    bool is_folder = __real_fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
    return strikes("fsync", is_folder ? "sync-folder" : "sync-file") ? -1 : __real_fsync(fd);
}

// A failing close closes all the same.
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    bool is_struck = strikes("close", NULL);
    int number = errno, r = __real_close(fd);
    if (!is_struck)
        return r;
    errno = number;
    return -1;
}

ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    return strikes_amount("write", &size) ? -1 : __real_write(fd, data, size);
}

ssize_t __real_copy_file_range(int in, off_t *in_at, int out, off_t *out_at, size_t size,
                               unsigned flags);
ssize_t __wrap_copy_file_range(int in, off_t *in_at, int out, off_t *out_at, size_t size,
                               unsigned flags);
ssize_t __wrap_copy_file_range(int in, off_t *in_at, int out, off_t *out_at, size_t size,
                               unsigned flags)
{
    return strikes_amount("copy_file_range", &size)
               ? -1
               : __real_copy_file_range(in, in_at, out, out_at, size, flags);
}

int __real_openat(int dirfd, const char *path, int flags, mode_t mode);
int __wrap_openat(int dirfd, const char *path, int flags, mode_t mode);
int __wrap_openat(int dirfd, const char *path, int flags, mode_t mode)
{
    return strikes("openat", NULL) ? -1 : __real_openat(dirfd, path, flags, mode);
}
