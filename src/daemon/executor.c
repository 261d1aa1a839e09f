// The local executor: a process a step, two pipes, a child event and a control group each.
#include "daemon/executor.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/text.h"

// What a stage prints for people is kept line by line; a decoder may print megabytes.
enum { PRINTED_LINE = 1024, PRINTED_LINES = 200 };
// Bytes taken from a pipe in one turn of the loop, so that no child can keep it busy.
enum { READS_AT_ONCE = 16 };

struct execution {
    struct child child;
    struct cgroup *cgroup;
    char *group; // its own, or NULL
    struct executor_listener listener;
    sd_event_source *exited, *progress, *printing;
    struct message_reader reader;
    char line[PRINTED_LINE];
    size_t line_used;
    unsigned lines;
};

// ---- what it says

static void tell_messages(struct execution *execution)
{
    struct message message;
    while (message_next(&execution->reader, &message) == 1)
        execution->listener.said(execution->listener.context, &message);
}

// Returns false once there is nothing more to come.
static bool read_messages(struct execution *execution)
{
    for (int i = 0; i < READS_AT_ONCE; i++) {
        int r = message_read(&execution->reader, execution->child.progress_fd);
        if (r <= 0)
            return r == -EAGAIN;
        tell_messages(execution);
    }
    return true;
}

static int on_message(sd_event_source *source, int fd, uint32_t events, void *data)
{
    (void)fd, (void)events;
    if (!read_messages(data))
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
    return 0;
}

// ---- what it prints

static void tell_line(struct execution *execution)
{
    if (execution->line_used > 0 && execution->lines++ < PRINTED_LINES) {
        cleanup(free_ptr) char *text = text_escape_n(execution->line, execution->line_used);
        execution->listener.printed(execution->listener.context, text);
    }
    execution->line_used = 0;
}

static void take_printed(struct execution *execution, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n' || bytes[i] == '\r')
            tell_line(execution);
        else if (bytes[i] != '\0' && execution->line_used < sizeof execution->line)
            execution->line[execution->line_used++] = bytes[i];
    }
}

static bool read_printed(struct execution *execution)
{
    char bytes[4000];
    for (int i = 0; i < READS_AT_ONCE; i++) {
        ssize_t size = read(execution->child.message_fd, bytes, sizeof bytes);
        if (size < 0)
            return errno == EAGAIN || errno == EINTR;
        if (size == 0)
            return false;
        take_printed(execution, bytes, (size_t)size);
    }
    return true;
}

static int on_printed(sd_event_source *source, int fd, uint32_t events, void *data)
{
    (void)fd, (void)events;
    if (!read_printed(data))
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
    return 0;
}

// ---- its end

static int on_exit_of_child(sd_event_source *source, const siginfo_t *info, void *data)
{
    (void)source;
    struct execution *execution = data;
    int status = info->si_code == CLD_EXITED ? W_EXITCODE(info->si_status, 0)
                                             : W_EXITCODE(0, info->si_status);
    // What it said last may still lie in the pipes; what its own children hold open is not waited
    // for, and they have no business living on.
    (void)read_messages(execution);
    (void)read_printed(execution);
    tell_line(execution);
    child_kill(&execution->child, SIGKILL);
    execution->child.pid = 0;
    execution->listener.ended(execution->listener.context, status);
    return 0;
}

static void local_release(struct execution **execution_pointer)
{
    struct execution *execution = TAKE(*execution_pointer);
    if (!execution)
        return;
    child_kill(&execution->child, SIGKILL);
    sd_event_source_disable_unref(execution->exited);
    sd_event_source_disable_unref(execution->progress);
    sd_event_source_disable_unref(execution->printing);
    child_release(&execution->child);
    if (execution->group)
        cgroup_remove(execution->cgroup, execution->group);
    free(execution->group);
    message_reader_release(&execution->reader);
    free(execution);
}

static void local_kill(struct execution *execution, int signal_number)
{
    child_kill(&execution->child, signal_number);
}

static bool local_ran_out(const struct execution *execution)
{
    return execution->group && cgroup_ran_out(execution->cgroup, execution->group);
}

// The loop is woken once for the end of a process (sd-event arms its pidfd with EPOLLONESHOT).
// Where somebody traces it, that is before it has ended for its parent.
static void local_poll(struct execution *execution)
{
    (void)sd_event_source_set_enabled(execution->exited, SD_EVENT_OFF);
    (void)sd_event_source_set_enabled(execution->exited, SD_EVENT_ONESHOT);
}

static int listen_to(struct executor *executor, struct execution *execution)
{
    struct child *child = &execution->child;
    int r = sd_event_add_child(executor->event, &execution->exited, child->pid, WEXITED,
                               on_exit_of_child, execution);
    if (r >= 0)
        r = sd_event_add_io(executor->event, &execution->progress, child->progress_fd, EPOLLIN,
                            on_message, execution);
    if (r >= 0)
        r = sd_event_add_io(executor->event, &execution->printing, child->message_fd, EPOLLIN,
                            on_printed, execution);
    return r;
}

// Without a group it runs all the same, beside us: as on a machine that has none.
static char *join_group(struct execution *execution, struct child_limits *limits)
{
    struct err err = ERR_INIT;
    const struct cgroup *cgroup = execution->cgroup;
    if (!cgroup->path)
        return NULL;
    if (cgroup_add(execution->cgroup, limits->memory_bytes, &execution->group, &err) < 0) {
        log_warning(NULL, "a step runs without a control group of its own: %s", err.text);
        return NULL;
    }
    return xasprintf("%s/%s", cgroup->path, execution->group);
}

static int local_start(struct executor *executor, char *const argv[],
                       const struct child_limits *limits, const struct executor_listener *listener,
                       struct execution **ret_execution, struct err *err)
{
    cleanup(local_release) struct execution *execution = xcalloc(1, sizeof *execution);
    struct child_limits own_limits = limits ? *limits : (struct child_limits){ 0 };
    execution->child = (struct child)CHILD_INIT;
    execution->listener = *listener;
    execution->cgroup = executor->cgroup;
    cleanup(free_ptr) char *group = join_group(execution, &own_limits);
    own_limits.cgroup = group;
    int r = child_start(&execution->child, argv, &own_limits, err);
    if (r < 0)
        return r;
    r = listen_to(executor, execution);
    if (r < 0)
        return err_errno(err, -r, "watch the process of %s", argv[0]);
    *ret_execution = TAKE(execution);
    return 0;
}

void executor_local(struct executor *executor, sd_event *event, struct cgroup *cgroup)
{
    *executor = (struct executor){
        .start = local_start,
        .poll = local_poll,
        .kill = local_kill,
        .ran_out = local_ran_out,
        .release = local_release,
        .event = event,
        .cgroup = cgroup,
    };
}
