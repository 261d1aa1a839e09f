// The sweep now and then; see patrol.h.
#include "daemon/patrol.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/log.h"
#include "daemon/errands.h"

static const uint64_t interval_us = 1800000000;
// A run that takes longer than this has met a bucket that does not end.
static const uint64_t longest_us = 1500000000;

struct patrol {
    struct service *service;
    struct execution *execution; // while it runs
    sd_event_source *timer, *hard;
    bool warned; // that it fails was said
    struct err told;
    bool explained;
};

static void say_failure(struct patrol *patrol, const char *text, const char *hint)
{
    if (!patrol->warned)
        log_warning(NULL, "what has expired in a bucket cannot be removed, trying again: %s%s%s",
                    text, *hint ? " - " : "", hint);
    patrol->warned = true;
}

static void on_said(void *context, const struct message *message)
{
    struct patrol *patrol = context;
    if (message->kind != MESSAGE_ERROR)
        return;
    patrol->told = message->error;
    patrol->explained = true;
}

static void on_printed(void *context, const char *line)
{
    const struct patrol *patrol = context;
    // Its error comes on descriptor 3 as well.
    if (!patrol->explained)
        log_info(NULL, "sweep: %s", line);
}

static void on_ended(void *context, int wait_status)
{
    struct patrol *patrol = context;
    char how[CHILD_TEXT_SIZE];
    patrol->hard = sd_event_source_disable_unref(patrol->hard);
    patrol->service->executor.release(&patrol->execution);
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0)
        patrol->warned = false;
    else
        say_failure(patrol,
                    patrol->explained ? patrol->told.text : child_describe(wait_status, how),
                    patrol->explained ? patrol->told.hint : "");
}

static int on_hard_deadline(sd_event_source *source, uint64_t when, void *context)
{
    (void)source, (void)when;
    struct patrol *patrol = context;
    patrol->service->executor.kill(patrol->execution, SIGKILL);
    return 0;
}

static void start(struct patrol *patrol)
{
    struct service *service = patrol->service;
    struct err err = ERR_INIT;
    const struct executor_listener listener = {
        .context = patrol, .said = on_said, .printed = on_printed, .ended = on_ended
    };
    patrol->explained = false;
    if (errands_start_program(service, ERRAND_SWEEP, NULL, &listener, &patrol->execution, &err) < 0)
        say_failure(patrol, err.text, err.hint);
    else
        service_arm(service, &patrol->hard, service_now(service) + longest_us, on_hard_deadline,
                    patrol);
}

static int on_timer(sd_event_source *source, uint64_t when, void *context)
{
    (void)source, (void)when;
    struct patrol *patrol = context;
    struct service *service = patrol->service;
    if (!service->stopping && !service->unaccepted && !patrol->execution &&
        service->settings.buckets.count > 0)
        start(patrol);
    service_arm(service, &patrol->timer, service_now(service) + interval_us, on_timer, patrol);
    return 0;
}

void patrol_open(struct service *service)
{
    struct patrol *patrol = xcalloc(1, sizeof *patrol);
    patrol->service = service;
    service->patrol = patrol;
    if (!service->options->once)
        service_arm(service, &patrol->timer, service_now(service), on_timer, patrol);
}

static void end_run(struct patrol *patrol)
{
    patrol->hard = sd_event_source_disable_unref(patrol->hard);
    if (patrol->execution)
        patrol->service->executor.release(&patrol->execution);
}

void patrol_stop(struct service *service)
{
    end_run(service->patrol);
}

void patrol_free(struct patrol **patrol_pointer)
{
    struct patrol *patrol = TAKE(*patrol_pointer);
    if (!patrol)
        return;
    end_run(patrol);
    sd_event_source_disable_unref(patrol->timer);
    free(patrol);
}
