// Preloaded into the daemon and all it starts: makes the N-th call of a kind fail, or writes down
// what is done to the disk (tests/support/shim.h).  Everything is by system calls and in static
// memory: it runs behind fork, within sandboxes, and below malloc.
#include "tests/support/shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static struct shim_page *page;
static char own_name[32];
static char page_variable[256] = "CLIPSPOOL_SHIM=", preload_variable[512] = "LD_PRELOAD=";

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// What programs were started as, not what they are: stand-ins for stages are all one file.
static void find_own_name(void)
{
    char line[512] = "";
    int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (fd >= 0)
        syscall(SYS_close, fd);
    if (n > 0)
        (void)snprintf(own_name, sizeof own_name, "%s", base_name(line));
}

__attribute__((constructor)) static void shim_open(void)
{
    const char *path = getenv("CLIPSPOOL_SHIM"), *self = getenv("LD_PRELOAD");
    if (!path || !self)
        return;
    strncat(page_variable, path, sizeof page_variable - strlen(page_variable) - 1);
    strncat(preload_variable, self, sizeof preload_variable - strlen(preload_variable) - 1);
    find_own_name();
    void *frame;
    (void)backtrace(&frame, 1); // the first one allocates
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    void *mapped =
        fd < 0 ? MAP_FAILED : mmap(NULL, SHIM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        syscall(SYS_close, fd);
    if (mapped != MAP_FAILED)
        page = mapped;
}

// ---- failing

// Those that use memory without a look at whether they got it: libseccomp 2.5 crashes, or runs in a
// circle, libconfig 1.5 crashes.  Neither is ours to mend, and both have their place at the start
// of a program.
static bool is_spared(enum shim_call call)
{
    return call == SHIM_MEMORY && (strncmp(page->struck_by, "libseccomp", 10) == 0 ||
                                   strncmp(page->struck_by, "libconfig", 9) == 0);
}

// Whose call it was: the nearest that is neither of the shim nor of the C library.
static void find_caller(void)
{
    void *frames[16];
    Dl_info self, info;
    int count = backtrace(frames, 16);
    if (dladdr((void *)(uintptr_t)&find_caller, &self) == 0)
        return;
    for (int i = 0; i < count; i++) {
        if (dladdr(frames[i], &info) == 0 || !info.dli_fname || info.dli_fbase == self.dli_fbase ||
            strncmp(base_name(info.dli_fname), "libc.so", 7) == 0)
            continue;
        (void)snprintf(page->struck_by, sizeof page->struck_by, "%s", base_name(info.dli_fname));
        page->struck_at = (uint64_t)((char *)frames[i] - (char *)info.dli_fbase);
        return;
    }
}

static bool strikes(enum shim_call call)
{
    if (!page || page->call != (int)call || page->fault == SHIM_NONE ||
        (page->program[0] && strcmp(page->program, own_name) != 0))
        return false;
    int count = ++page->count;
    bool is_it = count == page->nth || (page->fault == SHIM_LASTS && count > page->nth);
    if (!is_it)
        return false;
    if (page->struck++ == 0) {
        memcpy(page->struck_in, own_name, sizeof own_name);
        find_caller();
    }
    if (is_spared(call)) {
        page->spared = true;
        return false;
    }
    if (page->fault == SHIM_KILL)
        syscall(SYS_kill, getpid(), SIGKILL);
    errno = page->number;
    return page->fault != SHIM_SHORT;
}

static bool shortens(void)
{
    int before = page ? page->struck : 0;
    return strikes(SHIM_WRITE) ? false : page && page->struck > before;
}

// ---- writing down

static bool is_recorded(void)
{
    return page && page->records_data;
}

static void lock(void)
{
    // Who is killed within holds it for ever: then the order is lost, and nothing else.
    for (int i = 0; page && page->records && atomic_exchange(&page->lock, true) && i < 1000000; i++)
        sched_yield();
}

static void unlock(void)
{
    if (page && page->records)
        page->lock = false;
}

static void note(struct shim_record *record, const void *data)
{
    size_t bytes = (sizeof *record + record->size + 7) / 8 * 8;
    size_t at = page->used;
    if (at + bytes > SHIM_BYTES - sizeof *page) {
        page->overflow = true;
        return;
    }
    record->bytes = (uint32_t)bytes;
    memcpy(page->log + at, record, sizeof *record);
    if (record->size)
        memcpy(page->log + at + sizeof *record, data, record->size);
    page->used = at + bytes;
}

static void copy_name(char to[96], const char *name)
{
    (void)snprintf(to, 96, "%s", base_name(name));
}

// The inode of the folder that a name is in, 0 where that is of another file system.
static uint64_t folder_of(int dirfd, const char *name)
{
    struct stat st;
    char parent[4096];
    const char *slash = strrchr(name, '/');
    if (slash)
        (void)snprintf(parent, sizeof parent, "%.*s", (int)(slash == name ? 1 : slash - name),
                       name);
    int r = slash               ? fstatat(dirfd, parent, &st, 0)
            : dirfd == AT_FDCWD ? fstatat(dirfd, ".", &st, 0)
                                : fstat(dirfd, &st);
    return r == 0 && st.st_dev == page->device ? st.st_ino : 0;
}

static bool look(int dirfd, const char *name, struct stat *st)
{
    return fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW) == 0 && st->st_dev == page->device;
}

static bool look_fd(int fd, struct stat *st)
{
    return fstat(fd, st) == 0 && st->st_dev == page->device &&
           (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode));
}

static void note_create(int dirfd, const char *name)
{
    struct stat st;
    struct shim_record record = { .kind = SHIM_DID_CREATE };
    if (!look(dirfd, name, &st))
        return;
    record.inode = st.st_ino;
    record.is_folder = S_ISDIR(st.st_mode);
    record.dir = folder_of(dirfd, name);
    copy_name(record.name, name);
    note(&record, NULL);
}

static void note_write(int fd, off_t offset, const void *data, size_t size)
{
    struct stat st;
    if (!look_fd(fd, &st))
        return;
    struct shim_record record = {
        .kind = SHIM_DID_WRITE, .inode = st.st_ino, .offset = (uint64_t)offset, .size = size
    };
    note(&record, data);
}

static void note_file(int fd, enum shim_kind kind, uint64_t offset, struct timespec when)
{
    struct stat st;
    if (!look_fd(fd, &st))
        return;
    struct shim_record record = {
        .kind = (uint16_t)kind, .inode = st.st_ino, .offset = offset, .when = when
    };
    note(&record, NULL);
}

static void note_two(enum shim_kind kind, int from, const char *old, int to, const char *new)
{
    struct stat st;
    struct shim_record record = { .kind = (uint16_t)kind };
    if (!look(to, new, &st))
        return;
    record.inode = st.st_ino;
    record.is_folder = S_ISDIR(st.st_mode);
    record.dir = folder_of(from, old);
    record.to = folder_of(to, new);
    copy_name(record.name, old);
    copy_name(record.second, new);
    note(&record, NULL);
}

static void note_program(const char *program, const char *argument)
{
    struct shim_record record = { .kind = SHIM_DID_EXEC, .offset = (uint64_t)getpid() };
    copy_name(record.name, program);
    copy_name(record.second, argument);
    note(&record, NULL);
}

// ---- status.json is whole at every instant

static bool is_status(const char *name)
{
    return strcmp(base_name(name), "status.json") == 0;
}

static void watch_open(const char *path, int flags)
{
    if (page && (flags & (O_WRONLY | O_RDWR | O_TRUNC)) && is_status(path))
        page->torn++;
}

// What is about to get the name must begin and end as a whole one does.
static void watch_rename(int from, const char *old, const char *new)
{
    char begin = 0, end[3] = "";
    if (!page || !is_status(new) || is_status(old))
        return;
    int fd = (int)syscall(SYS_openat, from, old, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    bool is_whole = size > 100 && pread(fd, &begin, 1, 0) == 1 && begin == '{' &&
                    pread(fd, end, 2, size - 2) == 2 && strcmp(end, "}\n") == 0;
    if (fd >= 0)
        syscall(SYS_close, fd);
    page->torn += !is_whole;
}

// ---- the calls

static int open_any(int dirfd, const char *path, int flags, mode_t mode)
{
    struct stat before;
    if (strikes(SHIM_OPEN))
        return -1;
    watch_open(path, flags);
    lock();
    bool was_there = !is_recorded() || !(flags & O_CREAT) || look(dirfd, path, &before);
    int fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
    int number = errno;
    if (fd >= 0 && !was_there)
        note_create(dirfd, path);
    if (fd >= 0 && is_recorded() && (flags & O_TRUNC))
        note_file(fd, SHIM_DID_RESIZE, 0, (struct timespec){ 0 });
    unlock();
    errno = number;
    return fd;
}

EXPORT int openat(int dirfd, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_any(dirfd, path, flags, mode);
}

EXPORT int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_any(AT_FDCWD, path, flags, mode);
}

// As programs that were built for large files call them.
EXPORT int openat64(int dirfd, const char *path, int flags, ...) __attribute__((alias("openat")));
EXPORT int open64(const char *path, int flags, ...) __attribute__((alias("open")));

EXPORT ssize_t write(int fd, const void *data, size_t size)
{
    if (page && page->fault == SHIM_SHORT)
        size = shortens() && size > 1 ? size / 2 : size;
    else if (strikes(SHIM_WRITE))
        return -1;
    lock();
    ssize_t n = syscall(SYS_write, fd, data, size);
    int number = errno;
    if (n > 0 && is_recorded())
        note_write(fd, lseek(fd, 0, SEEK_CUR) - n, data, (size_t)n);
    unlock();
    errno = number;
    return n;
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    if (page && page->fault == SHIM_SHORT)
        size = shortens() && size > 1 ? size / 2 : size;
    else if (strikes(SHIM_WRITE))
        return -1;
    lock();
    ssize_t n = syscall(SYS_pwrite64, fd, data, size, offset);
    int number = errno;
    if (n > 0 && is_recorded())
        note_write(fd, offset, data, (size_t)n);
    unlock();
    errno = number;
    return n;
}

// What can be done by two calls is done by the longer way: the copy is seen as what is written.
EXPORT ssize_t copy_file_range(int in, off_t *in_at, int out, off_t *out_at, size_t size,
                               unsigned flags)
{
    if (!is_recorded())
        return strikes(SHIM_WRITE)
                   ? -1
                   : syscall(SYS_copy_file_range, in, in_at, out, out_at, size, flags);
    errno = EXDEV;
    return -1;
}

EXPORT int fsync(int fd)
{
    if (strikes(SHIM_FSYNC))
        return -1;
    lock();
    int r = (int)syscall(SYS_fsync, fd), number = errno;
    if (r == 0 && is_recorded())
        note_file(fd, SHIM_DID_SYNC, 0, (struct timespec){ 0 });
    unlock();
    errno = number;
    return r;
}

EXPORT int ftruncate(int fd, off_t size)
{
    lock();
    int r = (int)syscall(SYS_ftruncate, fd, size), number = errno;
    if (r == 0 && is_recorded())
        note_file(fd, SHIM_DID_RESIZE, (uint64_t)size, (struct timespec){ 0 });
    unlock();
    errno = number;
    return r;
}

EXPORT int futimens(int fd, const struct timespec times[2])
{
    lock();
    int r = (int)syscall(SYS_utimensat, fd, NULL, times, 0), number = errno;
    if (r == 0 && is_recorded() && times)
        note_file(fd, SHIM_DID_STAMP, 0, times[1]);
    unlock();
    errno = number;
    return r;
}

EXPORT int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
    if (strikes(SHIM_RENAME))
        return -1;
    watch_rename(from, old, new);
    lock();
    int r = (int)syscall(SYS_renameat2, from, old, to, new, flags), number = errno;
    if (r == 0 && is_recorded())
        note_two(SHIM_DID_RENAME, from, old, to, new);
    unlock();
    errno = number;
    return r;
}

EXPORT int renameat(int from, const char *old, int to, const char *new)
{
    return renameat2(from, old, to, new, 0);
}

EXPORT int linkat(int from, const char *old, int to, const char *new, int flags)
{
    if (strikes(SHIM_LINK))
        return -1;
    lock();
    int r = (int)syscall(SYS_linkat, from, old, to, new, flags), number = errno;
    if (r == 0 && is_recorded())
        note_two(SHIM_DID_LINK, from, old, to, new);
    unlock();
    errno = number;
    return r;
}

EXPORT int unlinkat(int dirfd, const char *name, int flags)
{
    struct shim_record record = { .kind = SHIM_DID_UNLINK };
    if (strikes(SHIM_UNLINK))
        return -1;
    lock();
    int r = (int)syscall(SYS_unlinkat, dirfd, name, flags), number = errno;
    if (r == 0 && is_recorded()) {
        record.dir = folder_of(dirfd, name);
        copy_name(record.name, name);
        note(&record, NULL);
    }
    unlock();
    errno = number;
    return r;
}

EXPORT int mkdirat(int dirfd, const char *name, mode_t mode)
{
    if (strikes(SHIM_MKDIR))
        return -1;
    lock();
    int r = (int)syscall(SYS_mkdirat, dirfd, name, mode), number = errno;
    if (r == 0 && is_recorded())
        note_create(dirfd, name);
    unlock();
    errno = number;
    return r;
}

EXPORT int mkdir(const char *name, mode_t mode)
{
    return mkdirat(AT_FDCWD, name, mode);
}

// ---- processes

EXPORT pid_t fork(void)
{
    static pid_t (*real)(void);
    if (strikes(SHIM_FORK))
        return -1;
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fork");
    return real();
}

// As event loops wait for them: they look first, and then they reap.
EXPORT int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    int r = (int)syscall(SYS_waitid, type, id, info, options, NULL), number = errno;
    if (r == 0 && info && info->si_pid > 0 && page && page->records &&
        info->si_code == CLD_EXITED && info->si_status == 0) {
        struct shim_record record = { .kind = SHIM_DID_END, .offset = (uint64_t)info->si_pid };
        lock();
        note(&record, NULL);
        unlock();
    }
    errno = number;
    return r;
}

// Programs get only a few variables, of which the shim is none.
EXPORT int execve(const char *path, char *const argv[], char *const environment[])
{
    char *more[64];
    size_t count = 0, argc = 0;
    for (; environment[count] && count < 60; count++)
        more[count] = environment[count];
    if (page) {
        more[count++] = page_variable;
        more[count++] = preload_variable;
    }
    more[count] = NULL;
    while (argv[argc])
        argc++;
    if (page && page->records) {
        lock();
        note_program(path, argc ? argv[argc - 1] : "");
        unlock();
    }
    return (int)syscall(SYS_execve, path, argv, more);
}

// ---- the wall clock

EXPORT int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int r = (int)syscall(SYS_clock_gettime, clock, ret);
    if (r == 0 && page && clock == CLOCK_REALTIME)
        ret->tv_sec += page->ahead;
    return r;
}

EXPORT time_t time(time_t *ret)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}

// ---- memory

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

EXPORT void *malloc(size_t size)
{
    return strikes(SHIM_MEMORY) ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
    return strikes(SHIM_MEMORY) ? NULL : __libc_calloc(count, size);
}

EXPORT void *realloc(void *old, size_t size)
{
    return strikes(SHIM_MEMORY) ? NULL : __libc_realloc(old, size);
}
