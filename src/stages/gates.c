// Gates from settings.
#include "stages/gates.h"

#include "spool/remote.h"

// Others may need their slot meanwhile: who has no turn after this comes again later.
static const double wait_seconds = 20;

struct gate *gates_service(const struct settings *settings, const char *name, int stop_fd)
{
    const struct gate_order order = {
        .root = settings->root,
        .name = name,
        .rules = { .per_second = settings->service_rate,
                   .burst = (unsigned)settings->service_burst,
                   .concurrent = (unsigned)settings->service_concurrent,
                   .failures = (unsigned)settings->service_failures,
                   .rest_seconds = settings->service_rest_seconds },
        .wait_seconds = wait_seconds,
        .stop_fd = stop_fd,
    };
    return gate_new(&order);
}

struct gate *gates_host(const struct settings *settings, const char *link, int stop_fd)
{
    cleanup(free_ptr) char *host = remote_show_host(link);
    cleanup(free_ptr) char *name = xasprintf("links of %s", host);
    const struct gate_order order = {
        .root = settings->root,
        .name = name,
        .rules = { .concurrent = (unsigned)settings->host_concurrent },
        .wait_seconds = wait_seconds,
        .stop_fd = stop_fd,
    };
    return gate_new(&order);
}
