// Between fork and exec a child may only make system calls: everything that allocates is done
// before.

#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_ADDRESS_SANITIZER 1
#endif
#ifdef HAS_ADDRESS_SANITIZER
static const bool limits_memory = false;
#else
static const bool limits_memory = true;
#endif

static const char *const passed_on[] = {
    "PATH",
    "LANG",
    "TZ",
    "HOME",
    "TMPDIR",
    "CLIPSPOOL_BOOT_ID",
    "ASAN_OPTIONS",
    "LSAN_OPTIONS",
    "UBSAN_OPTIONS",
    "CREDENTIALS_DIRECTORY",
};

// What the descriptors are in the child.  The report must stay clear of what the program gets.
enum { PROGRESS_FD = 3, REPORT_FD = 4 };

struct pipe_ends {
    int read, write;
};

static void pipe_close(struct pipe_ends *ends)
{
    close_fd(&ends->read);
    close_fd(&ends->write);
}

static int pipe_open(struct pipe_ends *ends, struct err *err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return err_errno(err, errno, "make a pipe");
    *ends = (struct pipe_ends){ fds[0], fds[1] };
    return 0;
}

static void environment_free(char ***environment)
{
    for (char **entry = *environment; entry && *entry; entry++)
        free(*entry);
    free(*environment);
    *environment = NULL;
}

static char **environment_new(void)
{
    char **environment = xcalloc(ARRAY_LEN(passed_on) + 1, sizeof *environment);
    size_t used = 0;
    for (size_t i = 0; i < ARRAY_LEN(passed_on); i++) {
        const char *value = getenv(passed_on[i]);
        if (value)
            environment[used++] = xasprintf("%s=%s", passed_on[i], value);
    }
    return environment;
}

// ---- in the child

struct start {
    char *const *argv;
    char *const *environment;
    const struct child_limits *limits;
    const char *group_procs; // NULL: none to join
    pid_t parent;
    int null, message, progress, report;
};

static void lower_limit(int resource, uint64_t value)
{
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0)
        return;
    if (limit.rlim_max == RLIM_INFINITY || value < limit.rlim_max)
        limit.rlim_max = value;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit((__rlimit_resource_t)resource, &limit);
}

static void apply_limits(const struct child_limits *limits)
{
    lower_limit(RLIMIT_CORE, 0);
    if (limits && limits->memory_bytes && limits_memory)
        lower_limit(RLIMIT_AS, limits->memory_bytes);
    if (limits && limits->file_bytes) {
        lower_limit(RLIMIT_FSIZE, limits->file_bytes);
        (void)signal(SIGXFSZ, SIG_IGN);
    }
    if (limits && limits->nice) {
        int own = getpriority(PRIO_PROCESS, 0); // -1 is as good as an error here
        (void)setpriority(PRIO_PROCESS, 0, own + (int)(limits->nice > 39 ? 39 : limits->nice));
    }
}

// The kernel takes 0 for who writes it.
static bool join_group(const char *group_procs)
{
    if (!group_procs)
        return true;
    int fd = open(group_procs, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 && write(fd, "0", 1) == 1; // closed with all the others
}

// Handlers first, then the mask: what is pending meets the default.  Asked of the kernel itself:
// the C library refuses the two real-time signals that it keeps for threads, and whoever started us
// may have left even those ignored.  To the kernel, an action that is all zeros is the default.
static void reset_signals(void)
{
    static const unsigned long action[16];
    sigset_t none;
    for (int number = 1; number < NSIG; number++) // refused for SIGKILL and SIGSTOP
        (void)syscall(SYS_rt_sigaction, number, action, NULL, (NSIG - 1) / 8);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

// Moves every source out of the way before any target is overwritten.
static bool place_descriptors(struct start *start)
{
    int *const sources[] = { &start->null, &start->message, &start->progress, &start->report };
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        *sources[i] = fcntl(*sources[i], F_DUPFD_CLOEXEC, 10);
        if (*sources[i] < 0)
            return false;
    }
    // The report first: from here on a failure can be told.
    if (dup3(start->report, REPORT_FD, O_CLOEXEC) < 0)
        return false;
    start->report = REPORT_FD;
    return dup2(start->null, STDIN_FILENO) >= 0 && dup2(start->message, STDOUT_FILENO) >= 0 &&
           dup2(start->message, STDERR_FILENO) >= 0 && dup2(start->progress, PROGRESS_FD) >= 0 &&
           close_range(REPORT_FD + 1, ~0U, 0) == 0;
}

_Noreturn static void become(struct start *start)
{
    // A parent that died before prctl will never be noticed by it.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == start->parent && setpgid(0, 0) == 0 &&
        place_descriptors(start) && join_group(start->group_procs)) {
        reset_signals();
        apply_limits(start->limits);
        (void)execve(start->argv[0], start->argv, start->environment);
    }
    int number = errno;
    ssize_t ignored = write(start->report, &number, sizeof number);
    (void)ignored;
    _exit(127);
}

// ---- in the parent

static int no_program(struct err *err, const char *program, int number)
{
    (void)err_set(err, ERR_CONFIG, "no_program", "start %s: %s", program, strerrordesc_np(number));
    (void)err_hint(err, "is clipspool installed completely, and is spool.programs right?");
    return -number;
}

// Waits until the child has become the program (the report closes without a word) or could not.
static int await_exec(pid_t pid, int report, const char *program, struct err *err)
{
    int number = 0;
    ssize_t n;
    do
        n = read(report, &number, sizeof number);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return 0;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (n != (ssize_t)sizeof number || number <= 0)
        number = EIO;
    const bool is_missing = number == ENOENT || number == EACCES || number == ENOEXEC ||
                            number == ENOTDIR || number == EISDIR || number == ELOOP;
    return is_missing ? no_program(err, program, number)
                      : err_errno(err, number, "start %s", program);
}

// Signals are held off over the fork, so that no handler of ours ever runs in the child.
static pid_t fork_held(struct start *start)
{
    sigset_t all, old;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &old);
    pid_t pid = fork();
    if (pid == 0)
        become(start);
    int number = errno;
    (void)sigprocmask(SIG_SETMASK, &old, NULL);
    errno = number;
    return pid;
}

static bool set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

int child_start(struct child *child, char *const argv[], const struct child_limits *limits,
                struct err *err)
{
    cleanup(pipe_close) struct pipe_ends message = { -1, -1 };
    cleanup(pipe_close) struct pipe_ends progress = { -1, -1 };
    cleanup(pipe_close) struct pipe_ends report = { -1, -1 };
    cleanup(environment_free) char **environment = environment_new();
    int r = pipe_open(&message, err);
    if (r == 0)
        r = pipe_open(&progress, err);
    if (r == 0)
        r = pipe_open(&report, err);
    if (r < 0)
        return r;
    cleanup(close_fd) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0)
        return err_errno(err, errno, "open /dev/null");
    if (!set_nonblocking(message.read) || !set_nonblocking(progress.read))
        return err_errno(err, errno, "prepare a pipe");
    cleanup(free_ptr) char *group_procs =
        limits && limits->cgroup ? xasprintf("%s/cgroup.procs", limits->cgroup) : NULL;
    struct start start = { .argv = argv,
                           .environment = environment,
                           .limits = limits,
                           .group_procs = group_procs,
                           .parent = getpid(),
                           .null = null,
                           .message = message.write,
                           .progress = progress.write,
                           .report = report.write };
    pid_t pid = fork_held(&start);
    if (pid < 0)
        return err_errno(err, errno, "start a process for %s", argv[0]);
    close_fd(&report.write);
    r = await_exec(pid, report.read, argv[0], err);
    if (r < 0)
        return r;
    *child = (struct child){ .pid = pid,
                             .progress_fd = take_fd(&progress.read),
                             .message_fd = take_fd(&message.read) };
    return 0;
}

void child_kill(const struct child *child, int signal_number)
{
    if (child->pid > 0)
        (void)kill(-child->pid, signal_number);
}

void child_release(struct child *child)
{
    close_fd(&child->progress_fd);
    close_fd(&child->message_fd);
    child->pid = 0;
}

char *child_describe(int wait_status, char *buffer)
{
    if (WIFEXITED(wait_status)) {
        (void)snprintf(buffer, CHILD_TEXT_SIZE, "exit status %d", WEXITSTATUS(wait_status));
    } else if (WIFSIGNALED(wait_status)) {
        const char *name = sigabbrev_np(WTERMSIG(wait_status));
        if (name)
            (void)snprintf(buffer, CHILD_TEXT_SIZE, "killed by SIG%s", name);
        else
            (void)snprintf(buffer, CHILD_TEXT_SIZE, "killed by signal %d", WTERMSIG(wait_status));
    } else {
        (void)snprintf(buffer, CHILD_TEXT_SIZE, "wait status %d", wait_status);
    }
    return buffer;
}
