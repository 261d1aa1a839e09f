// Where steps run: a struct of verbs.  `local` starts processes here; a cluster's queue would be
// another; nothing above knows which.
//
// start() begins a step; from then on the listener hears of it from the event loop, never from
// inside start() or kill(): what it says, what it prints, and once, last of all, how it ended.
// After `ended` the listener calls release().
#ifndef CLIPSPOOL_EXECUTOR_H
#define CLIPSPOOL_EXECUTOR_H

#include "base/child.h"
#include "daemon/cgroup.h"
#include "spool/message.h"
#include <systemd/sd-event.h>

struct execution; // one running step; the executor's own

struct executor_listener { // kept by value; context must outlive the execution
    void *context;
    void (*said)(void *context, const struct message *message);
    void (*printed)(void *context, const char *line); // for people; escaped, one line
    void (*ended)(void *context, int wait_status);
};

struct executor {
    // Begins argv with its limits; borrows all.  Gives *ret_execution.
    int (*start)(struct executor *executor, char *const argv[], const struct child_limits *limits,
                 const struct executor_listener *listener, struct execution **ret_execution,
                 struct err *err);
    // Looks now for news of it, where nothing may have woken the loop; the listener hears them from
    // there.
    void (*poll)(struct execution *execution);
    // Asks it (SIGTERM) or forces it (SIGKILL) to end; `ended` follows.
    void (*kill)(struct execution *execution, int signal_number);
    // True if the kernel ended it because there was no memory for it; of one that has ended.
    bool (*ran_out)(const struct execution *execution);
    // Frees it.  One that still runs is killed and not heard of again.
    void (*release)(struct execution **execution);

    sd_event *event;       // kept
    struct cgroup *cgroup; // kept
};

// Steps as processes of this machine, under this loop, each in a group of its own where `cgroup`
// has any to give.  SIGCHLD must be blocked.
void executor_local(struct executor *executor, sd_event *event, struct cgroup *cgroup);

#endif
