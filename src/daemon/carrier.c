// A claim in a process of its own.
#include "daemon/carrier.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"

struct carrier {
    struct service *service;
    struct execution *execution;
    char *name; // for people
    char *id;   // as it printed it
    void (*ended)(void *context, const char *id);
    void *context;
};

bool carrier_is_needed(const struct spool *spool)
{
    struct stat incoming, work;
    return fstat(spool->incoming, &incoming) == 0 && fstat(spool->work, &work) == 0 &&
           incoming.st_dev != work.st_dev;
}

void carrier_free(struct carrier **carrier_pointer)
{
    struct carrier *carrier = TAKE(*carrier_pointer);
    if (!carrier)
        return;
    if (carrier->execution)
        carrier->service->executor.release(&carrier->execution);
    free(carrier->name);
    free(carrier->id);
    free(carrier);
}

static void on_said(void *context, const struct message *message)
{
    (void)context, (void)message;
}

static void on_printed(void *context, const char *line)
{
    struct carrier *carrier = context;
    if (batch_is_id(line)) {
        free(carrier->id);
        carrier->id = xstrdup(line);
    } else {
        log_warning(NULL, "%s: %s", carrier->name, line);
    }
}

static void on_ended(void *context, int wait_status)
{
    struct carrier *carrier = context;
    bool good = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
    carrier->ended(carrier->context, good ? carrier->id : NULL);
}

// Starts this program with an option and its value.
static int start(struct carrier *carrier, const char *option, const char *value, struct err *err)
{
    struct service *service = carrier->service;
    cleanup(free_ptr) char *self = realpath("/proc/self/exe", NULL);
    cleanup(free_ptr) char *what = xstrdup(option);
    cleanup(free_ptr) char *which = xstrdup(value);
    if (!self)
        return err_errno(err, errno, "find this program");
    char config_option[] = "--config";
    char *argv[] = { self,
                     (char[]){ "--spool" },
                     service->settings.root,
                     what,
                     which,
                     service->accepted ? config_option : NULL,
                     service->accepted,
                     NULL };
    struct executor_listener listener = {
        .context = carrier, .said = on_said, .printed = on_printed, .ended = on_ended
    };
    return service->executor.start(&service->executor, argv, NULL, &listener, &carrier->execution,
                                   err);
}

int carrier_start(struct service *service, const char *name,
                  void (*ended)(void *context, const char *id), void *context,
                  struct carrier **ret_carrier, struct err *err)
{
    cleanup(carrier_free) struct carrier *carrier = xcalloc(1, sizeof *carrier);
    *carrier = (struct carrier){ .service = service, .ended = ended, .context = context };
    carrier->name = text_escape(name);
    int r = start(carrier, "--claim", name, err);
    if (r == 0)
        *ret_carrier = TAKE(carrier);
    return r;
}

int carrier_recover(struct service *service, const char *id,
                    void (*ended)(void *context, const char *id), void *context,
                    struct carrier **ret_carrier, struct err *err)
{
    cleanup(carrier_free) struct carrier *carrier = xcalloc(1, sizeof *carrier);
    *carrier = (struct carrier){ .service = service, .ended = ended, .context = context };
    carrier->name = xstrdup(id);
    int r = start(carrier, "--recover", id, err);
    if (r == 0)
        *ret_carrier = TAKE(carrier);
    return r;
}

int carrier_main(const struct options *options)
{
    cleanup(settings_release) struct settings settings = { .root = NULL };
    cleanup(config_report_release) struct config_report report = CONFIG_REPORT_INIT;
    cleanup(spool_release) struct spool spool = SPOOL_INIT;
    cleanup(free_ptr) char *id = NULL;
    struct err err = ERR_INIT;
    if (settings_load(options->config, &settings, &report) < 0)
        return EX_CONFIG;
    free(settings.root);
    settings.root = xstrdup(options->spool);
    int r = spool_open(&settings, 0, &spool, &err);
    if (r == 0 && options->recover) {
        id = xstrdup(options->recover);
        r = batch_is_id(id) ? spool_recover(&spool, id, &err) : -EINVAL;
    } else if (r == 0) {
        r = spool_claim(&spool, options->claim, time(NULL), &id, &err);
    }
    if (r >= 0) {
        (void)puts(id);
        return EX_OK;
    }
    if (err.class == ERR_NONE) // it is gone, or changed meanwhile
        return EX_TEMPFAIL;
    (void)fprintf(stderr, "%s\n", err.text);
    return err_exit(err.class);
}
