// The two walls: Landlock (base/landlock.h), and a filter by libseccomp.

#include "stages/sandbox.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>

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

// What every program needs: its libraries, the clock's zone, and what sizes itself by the machine
// or works on a graphics card.
static const struct reach_place common[] = {
    { "/usr", .reach = REACH_READ },           { "/lib", .reach = REACH_READ },
    { "/lib64", .reach = REACH_READ },         { "/etc/ld.so.cache", .reach = REACH_READ },
    { "/etc/localtime", .reach = REACH_READ }, { "/sys", .reach = REACH_READ },
    { "/dev/null", .reach = REACH_DEVICE },    { "/dev/urandom", .reach = REACH_READ },
    { "/dev/dri", .reach = REACH_DEVICE },     { "/dev/nvidiactl", .reach = REACH_DEVICE },
    { "/dev/nvidia0", .reach = REACH_DEVICE }, { "/dev/nvidia-uvm", .reach = REACH_DEVICE },
#ifdef HAS_SANITIZER
    { "/proc", .reach = REACH_READ },
#endif
};

// How names become addresses and whose certificates count.
static const struct reach_place for_network[] = {
    { "/etc/resolv.conf", .reach = REACH_READ },
    { "/etc/hosts", .reach = REACH_READ },
    { "/etc/host.conf", .reach = REACH_READ },
    { "/etc/nsswitch.conf", .reach = REACH_READ },
    { "/etc/gai.conf", .reach = REACH_READ },
    { "/etc/services", .reach = REACH_READ },
    { "/etc/ssl", .reach = REACH_READ },
    // A download that was cut off asks whether the machine was started anew since.
    { "/proc/sys/kernel/random/boot_id", .reach = REACH_READ },
    { "/run/systemd/resolve", .reach = REACH_READ },
};

// The file of leaks that are not ours, which the leak sanitizer reads at the end.  Gives a string,
// NULL if there is none.
static char *known_leaks(void)
{
#ifdef HAS_SANITIZER
    static const char option[] = "suppressions=";
    const char *options = getenv("LSAN_OPTIONS");
    const char *at = options != NULL ? strstr(options, option) : NULL;
    if (at != NULL)
        return xstrndup(at + strlen(option), strcspn(at + strlen(option), ":"));
#endif
    return NULL;
}

static int close_files(const struct sandbox_rules *rules, struct err *err)
{
    cleanup(free_ptr) char *leaks = known_leaks();
    const struct reach_place last = { .path = leaks, .reach = REACH_READ };
    const struct reach_list lists[] = {
        { common, ARRAY_LEN(common) },
        { rules->places, rules->count },
        { for_network, rules->network ? ARRAY_LEN(for_network) : 0 },
        { &last, leaks != NULL ? 1 : 0 },
    };
    return landlock_restrict(lists, ARRAY_LEN(lists), err);
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
