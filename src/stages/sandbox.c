// The two walls: Landlock by its system calls, for which there is no library, and libseccomp.

#include "stages/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#endif

static int refuse(struct err *err, int number, const char *what)
{
    (void)err_set(err, ERR_SYSTEM, "no_sandbox", "cannot close itself in: %s: %s", what,
                  strerror(number));
    return -number;
}

// ---- files

// Of later kernels than the header of the build (truncation, requests to devices: version 3 and 5).
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif

static const uint64_t on_files = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                 LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_TRUNCATE |
                                 LANDLOCK_ACCESS_FS_IOCTL_DEV;
#define TO_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define TO_WRITE                                                                                  \
    (TO_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                    \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
     LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE)
static const uint64_t granted[] = { [SANDBOX_LIST] = LANDLOCK_ACCESS_FS_READ_DIR,
                                    [SANDBOX_READ] = TO_READ,
                                    [SANDBOX_WRITE] = TO_WRITE };
static const uint64_t on_devices = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                                   LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_IOCTL_DEV;

int sandbox_landlock(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? (int)version : 0;
}

// All that a kernel of that version can forbid.
static uint64_t known_to(int version)
{
    uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; // of version 1
    if (version >= 2)
        all |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3)
        all |= LANDLOCK_ACCESS_FS_TRUNCATE;
    if (version >= 5)
        all |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
    return all;
}

// What every program needs: its libraries, the clock's zone, and what sizes itself by the machine
// or works on a graphics card.
static const struct permission {
    const char *path;
    uint64_t access;
} common[] = {
    { "/usr", TO_READ },
    { "/lib", TO_READ },
    { "/lib64", TO_READ },
    { "/etc/ld.so.cache", LANDLOCK_ACCESS_FS_READ_FILE },
    { "/etc/localtime", LANDLOCK_ACCESS_FS_READ_FILE },
    { "/sys", TO_READ },
    { "/dev/null", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE },
    { "/dev/urandom", LANDLOCK_ACCESS_FS_READ_FILE },
    { "/dev/dri", on_devices },
    { "/dev/nvidiactl", on_devices },
    { "/dev/nvidia0", on_devices },
    { "/dev/nvidia-uvm", on_devices },
#ifdef HAS_SANITIZER
    { "/proc", TO_READ },
#endif
};

// How names become addresses and whose certificates count.
static const struct permission for_network[] = {
    { "/etc/resolv.conf", LANDLOCK_ACCESS_FS_READ_FILE },
    { "/etc/hosts", LANDLOCK_ACCESS_FS_READ_FILE },
    { "/etc/host.conf", LANDLOCK_ACCESS_FS_READ_FILE },
    { "/etc/nsswitch.conf", LANDLOCK_ACCESS_FS_READ_FILE },
    { "/etc/gai.conf", LANDLOCK_ACCESS_FS_READ_FILE },
    { "/etc/services", LANDLOCK_ACCESS_FS_READ_FILE },
    { "/etc/ssl", TO_READ },
    // A download that was cut off asks whether the machine was started anew since.
    { "/proc/sys/kernel/random/boot_id", LANDLOCK_ACCESS_FS_READ_FILE },
    { "/run/systemd/resolve", TO_READ },
};

static int permit(int ruleset, int fd, uint64_t access)
{
    struct stat st;
    struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISDIR(st.st_mode))
        rule.allowed_access &= on_files;
    long r = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    return r < 0 ? -errno : 0;
}

static int permit_path(int ruleset, const char *path, uint64_t access)
{
    cleanup(close_fd) int fd = open(path, O_PATH | O_CLOEXEC);
    return fd >= 0 ? permit(ruleset, fd, access) : 0;
}

static int permit_list(int ruleset, const struct permission *list, size_t count, uint64_t known)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = permit_path(ruleset, list[i].path, list[i].access & known);
    return r;
}

static int permit_places(int ruleset, const struct sandbox_rules *rules, uint64_t known)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < rules->count; i++) {
        const struct sandbox_place *place = &rules->places[i];
        uint64_t access = granted[place->access] & known;
        r = place->path != NULL ? permit_path(ruleset, place->path, access)
                                : permit(ruleset, place->fd, access);
    }
    return r;
}

static int close_files(const struct sandbox_rules *rules, struct err *err)
{
    int version = sandbox_landlock();
    // Before version 2 no name may be given in another folder, which publish and the cache need.
    if (version < 2)
        return 0;
    const struct landlock_ruleset_attr all = { .handled_access_fs = known_to(version) };
    cleanup(close_fd) int ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all.handled_access_fs, 0);
    if (ruleset < 0)
        return refuse(err, errno, "landlock_create_ruleset");
    int r = permit_list(ruleset, common, ARRAY_LEN(common), all.handled_access_fs);
    if (r == 0 && rules->network)
        r = permit_list(ruleset, for_network, ARRAY_LEN(for_network), all.handled_access_fs);
    if (r == 0)
        r = permit_places(ruleset, rules, all.handled_access_fs);
    if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        r = -errno;
    return r < 0 ? refuse(err, -r, "landlock") : 0;
}

// ---- system calls

bool sandbox_filters(void)
{
#ifdef HAS_SANITIZER
    return false;
#else
    return true;
#endif
}

// Files, memory, time, threads, waiting, signals to oneself.  Names that an architecture does not
// have are passed over.
static const char *const calls[] = {
    "access",
    "arch_prctl",
    "alarm",
    "brk",
    "capget",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "close",
    "close_range",
    "copy_file_range",
    "dup",
    "dup2",
    "dup3",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_wait",
    "eventfd2",
    "exit",
    "exit_group",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fallocate",
    "fchmod",
    "fchmodat",
    "fchown",
    "fchownat",
    "fcntl",
    "fdatasync",
    "flock",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "futex",
    "futex_waitv",
    "get_mempolicy",
    "get_robust_list",
    "getcpu",
    "getcwd",
    "getdents64",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getpgrp",
    "getpid",
    "getppid",
    "getpriority",
    "getrandom",
    "getresgid",
    "getresuid",
    "getrlimit",
    "getrusage",
    "gettid",
    "gettimeofday",
    "getuid",
    "ioctl",
    "link",
    "linkat",
    "lseek",
    "lstat",
    "madvise",
    "mbind",
    "membarrier",
    "memfd_create",
    "mincore",
    "mkdir",
    "mkdirat",
    "mlock",
    "mlock2",
    "mmap",
    "mprotect",
    "mremap",
    "msync",
    "munlock",
    "munmap",
    "nanosleep",
    "newfstatat",
    "open",
    "openat",
    "pipe",
    "pipe2",
    "poll",
    "ppoll",
    "prctl",
    "pread64",
    "preadv",
    "preadv2",
    "prlimit64",
    "pselect6",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readahead",
    "readlink",
    "readlinkat",
    "readv",
    "rename",
    "renameat",
    "renameat2",
    "restart_syscall",
    "rmdir",
    "rseq",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "sched_getaffinity",
    "sched_getattr",
    "sched_getparam",
    "sched_getscheduler",
    "sched_setaffinity",
    "sched_yield",
    "select",
    "sendfile",
    "set_mempolicy",
    "set_robust_list",
    "set_tid_address",
    "setpriority",
    "sigaltstack",
    "signalfd4",
    "stat",
    "statfs",
    "statx",
    "symlinkat",
    "sync_file_range",
    "sysinfo",
    "tgkill",
    "time",
    "timer_create",
    "timer_delete",
    "timer_settime",
    "timerfd_create",
    "timerfd_settime",
    "times",
    "umask",
    "uname",
    "unlink",
    "unlinkat",
    "utimensat",
    "write",
    "writev",
};

static const char *const network_calls[] = {
    "bind",    "connect",  "getpeername", "getsockname", "getsockopt", "recvfrom", "recvmmsg",
    "recvmsg", "sendmmsg", "sendmsg",     "sendto",      "setsockopt", "shutdown", "socketpair",
};

// Of a program that connects: the internet, the kernel's list of addresses, and the local services
// that know names.
static const int families[] = { AF_INET, AF_INET6, AF_NETLINK, AF_UNIX };

// What a program that was taken over would try: it is told that it may not.  All else that is not
// in the lists does not exist for it, so that libraries do without as on an older kernel.
static const char *const refused[] = { "execve", "execveat", "fork", "vfork", "ptrace" };

static int permit_calls(scmp_filter_ctx filter, uint32_t action, const char *const *names,
                        size_t count)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        int call = seccomp_syscall_resolve_name(names[i]);
        if (call >= 0)
            r = seccomp_rule_add(filter, action, call, 0);
    }
    return r;
}

// A thread of our own, but no process.  clone3 hides from a filter what is asked for, so it is not
// there, and clone is asked instead.
static int permit_threads(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp a_thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
    const struct scmp_arg_cmp a_process = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);
    int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, a_thread);
    return r < 0 ? r
                 : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, a_process);
}

static int permit_network(scmp_filter_ctx filter)
{
    int r = permit_calls(filter, SCMP_ACT_ALLOW, network_calls, ARRAY_LEN(network_calls));
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(families); i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                             SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
    return r;
}

static int fill(scmp_filter_ctx filter, bool network)
{
    const struct scmp_arg_cmp to_oneself = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid());
    int r = permit_calls(filter, SCMP_ACT_ALLOW, calls, ARRAY_LEN(calls));
    if (r == 0)
        r = permit_calls(filter, SCMP_ACT_ERRNO(EPERM), refused, ARRAY_LEN(refused));
    if (r == 0)
        r = permit_threads(filter);
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1, to_oneself);
    if (r == 0)
        r = network ? permit_network(filter)
                    : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 0);
    return r;
}

static int close_calls(bool network, struct err *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (filter == NULL)
        return refuse(err, ENOMEM, "seccomp");
    int r = fill(filter, network);
    if (r == 0)
        r = seccomp_load(filter);
    seccomp_release(filter);
    return r < 0 ? refuse(err, -r, "seccomp") : 0;
}

int sandbox_enter(const struct sandbox_rules *rules, struct err *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return refuse(err, errno, "no_new_privs");
    int r = close_files(rules, err);
    return r == 0 && sandbox_filters() ? close_calls(rules->network, err) : r;
}
