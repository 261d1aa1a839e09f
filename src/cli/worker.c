// The daemon as a child of `clipspool run`.  Its pipe is always read to the end: a daemon whose
// messages nobody takes would stand still.
#include "cli/worker.h"
#include "cli/command.h"
#include "cli/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

enum {
    KILLED_MS = 10000, // the kernel needs a moment to take a killed process down
    READ_BYTES = 4096, // of messages at a time
};

char *worker_program(const char *beside)
{
    char *self = realpath("/proc/self/exe", NULL);
    if (!self)
        return NULL;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(self, '/');
        if (slash)
            *slash = '\0';
    }
    char *path = xasprintf("%s/%s", self, beside);
    free(self);
    return path;
}

int worker_start(struct worker *worker, char *const argv[], bool echo, struct err *err)
{
    *worker = (struct worker)WORKER_INIT;
    worker->echo = echo;
    int r = child_start(&worker->child, argv, NULL, err);
    if (r < 0)
        return r;
    worker->pidfd = pidfd_open(worker->child.pid, 0);
    if (worker->pidfd < 0) {
        r = err_errno(err, errno, "watch %s", argv[0]);
        worker_release(worker);
    }
    return r;
}

static void keep(struct worker *worker, const char *data, size_t length)
{
    if (!worker->kept)
        worker->kept = xcalloc(WORKER_KEPT_BYTES, 1);
    if (length > WORKER_KEPT_BYTES) {
        data += length - WORKER_KEPT_BYTES;
        length = WORKER_KEPT_BYTES;
    }
    size_t old = worker->length;
    if (old + length > WORKER_KEPT_BYTES) {
        size_t drop = old + length - WORKER_KEPT_BYTES;
        memmove(worker->kept, worker->kept + drop, old - drop);
        old -= drop;
    }
    memcpy(worker->kept + old, data, length);
    worker->length = old + length;
}

static void drain(struct worker *worker)
{
    char buffer[READ_BYTES];
    ssize_t n;
    while (worker->child.message_fd >= 0 &&
           (n = read(worker->child.message_fd, buffer, sizeof buffer - 1)) != 0) {
        if (n < 0)
            return;
        keep(worker, buffer, (size_t)n);
        buffer[n] = '\0';
        cleanup(free_ptr) char *safe = worker->echo ? screen_safe_lines(buffer) : NULL;
        if (safe)
            fputs(safe, stderr);
    }
    close_fd(&worker->child.message_fd); // end of messages: poll must not wake for it again
}

void worker_look(struct worker *worker)
{
    drain(worker);
    if (worker->ended || !worker->child.pid)
        return;
    if (waitpid(worker->child.pid, &worker->status, WNOHANG) == worker->child.pid) {
        worker->ended = true;
        drain(worker);
    }
}

static void wait_for_end(struct worker *worker, int timeout_ms)
{
    int64_t deadline = command_now_us() / 1000 + timeout_ms;
    for (int64_t left = timeout_ms; !worker->ended && left > 0;) {
        struct pollfd fds[] = { { .fd = worker->pidfd, .events = POLLIN },
                                { .fd = worker->child.message_fd, .events = POLLIN } };
        (void)poll(fds, ARRAY_LEN(fds), (int)left);
        worker_look(worker);
        left = deadline - command_now_us() / 1000;
    }
}

void worker_finish(struct worker *worker, int timeout_ms)
{
    if (!worker->child.pid)
        return;
    wait_for_end(worker, timeout_ms);
    if (worker->ended)
        return;
    child_kill(&worker->child, SIGKILL);
    wait_for_end(worker, KILLED_MS);
}

void worker_release(struct worker *worker)
{
    if (worker->child.pid && !worker->ended) {
        child_kill(&worker->child, SIGKILL);
        wait_for_end(worker, KILLED_MS);
    }
    child_release(&worker->child);
    close_fd(&worker->pidfd);
    free_ptr(&worker->kept);
}
