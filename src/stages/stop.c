// Signals by way of a descriptor.
#include "stages/stop.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>

int stop_catch(struct err *err)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd >= 0 ? fd : err_errno(err, errno, "watch for signals");
}

void stop_end(int fd)
{
    struct signalfd_siginfo info;
    if (read(fd, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, (int)info.ssi_signo);
    (void)raise((int)info.ssi_signo);
    (void)sigprocmask(SIG_UNBLOCK, &signals, NULL);
}
