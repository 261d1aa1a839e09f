// From a role of the batch to an asker with the service's key.
#include "stages/models.h"

#include <errno.h>

#include "net/credential.h"
#include "net/secret.h"
#include "stages/gates.h"
#include "stages/stop.h"

static int load_key(struct models *models, struct err *err)
{
    if (models->place->credential == NULL)
        return 0;
    secret_guard_process();
    int r = credential_load_secret(getenv("CREDENTIALS_DIRECTORY"), models->place->credential,
                                   &models->key, err);
    return r < 0 ? err_prefix(err, "%s", model_services[models->service]) : 0;
}

static char *host_of(const char *address)
{
    const char *host = strstr(address, "://");
    host = host != NULL ? host + 3 : address;
    // Of a number in brackets the colons are no port.
    return xstrndup(host, *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/"));
}

static void open_ways(const struct settings *settings, struct models *models)
{
    cleanup(free_ptr) char *name = xasprintf("model %s", model_services[models->service]);
    models->host = host_of(models->place->address);
    models->rules = (struct http_rules){
        .allow_hosts = models->host,
        .ca_file = settings->ca_file,
        .connect_seconds = settings->connect_seconds,
        .stall_seconds = settings->stall_seconds,
        .stall_bytes_per_second = settings->stall_bytes_per_second,
        .stop_fd = models->stop_fd,
    };
    models->http = http_new(&models->rules);
    models->gate = gates_service(settings, name, models->stop_fd);
}

int models_open_service(const struct settings *settings, int service, struct models *ret,
                        struct err *err)
{
    ret->service = service;
    ret->place = model_place(&settings->models, service);
    if (ret->place == NULL || ret->place->address == NULL) {
        (void)err_set(err, ERR_CONFIG, "no_model", "%s has no address in the configuration",
                      model_services[service]);
        return err_hint(err, "set %s.address in clipspool.conf", model_services[service]);
    }
    int r = load_key(ret, err);
    if (r < 0)
        return r;
    ret->stop_fd = stop_catch(err);
    if (ret->stop_fd < 0)
        return ret->stop_fd;
    open_ways(settings, ret);
    return 0;
}

int models_open(struct stage_context *context, enum model_role role, struct models *ret,
                struct err *err)
{
    const struct settings *settings = &context->settings;
    int service = context->batch.roles[role];
    if (model_place(&settings->models, service) == NULL)
        return 1;
    int r = models_open_service(settings, service, ret, err);
    if (r < 0)
        return r;
    const struct asker_order order = {
        .settings = &settings->models,
        .service = service,
        .role = role,
        .key = ret->key,
        .credential = ret->place->credential,
        .root = settings->root,
        .batchdir = context->batchdir,
        .gate = ret->gate,
        .http = &ret->rules,
    };
    return asker_open(&order, &ret->asker, err);
}

void models_close(struct models *models)
{
    asker_close(&models->asker);
    http_free(&models->http);
    gate_free(&models->gate);
    secret_free(&models->key);
    free_ptr(&models->host);
    close_fd(&models->stop_fd);
}

int models_ended(const struct models *models, int r)
{
    if (r == -ECANCELED)
        stop_end(models->stop_fd);
    return r;
}
