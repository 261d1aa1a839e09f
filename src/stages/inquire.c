// inquire: tells the doctor whether the services of models answer, each in every role that it is
// set up for.
//
// Asks the least that there is to ask (model/inquiry.h), through the gate of the service like
// whoever else asks it.  It belongs to no batch: nothing is booked, kept or tried again.
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "model/inquiry.h"
#include "net/credential.h"
#include "stages/errand_main.h"
#include "stages/models.h"

// Six of them are waited for by somebody who looks at the screen.
static const double most_seconds = 30;

static int ask(const struct settings *settings, const struct models *models, enum model_role role,
               uint64_t *ret_tokens, struct err *err)
{
    const struct inquiry inquiry = {
        .settings = &settings->models,
        .service = models->service,
        .role = role,
        .key = models->key,
        .credential = models->place->credential,
        .http = models->http,
        .deadline_seconds = fmin(settings->models.deadline_seconds, most_seconds),
    };
    int r = gate_enter(models->gate, err);
    if (r < 0)
        return r;
    r = inquiry_ask(&inquiry, ret_tokens, err);
    gate_leave(models->gate, err);
    return r;
}

static char *describe(const struct models *models, enum model_role role, uint64_t tokens)
{
    const char *model = models->place->models[role];
    if (role == MODEL_SPEECH)
        return xasprintf("%s: the address and the key are good", model);
    if (tokens == 0)
        return xasprintf("%s answers", model);
    return xasprintf("%s answers, for %llu tokens", model, (unsigned long long)tokens);
}

static int look_at_role(const struct settings *settings, const struct models *models,
                        enum model_role role)
{
    struct err why = ERR_INIT;
    uint64_t tokens = 0;
    cleanup(free_ptr) char *name =
        xasprintf("%s %s", model_services[models->service], model_roles[role]);
    int r = ask(settings, models, role, &tokens, &why);
    cleanup(free_ptr) char *text = describe(models, role, tokens);
    if (r != -ECANCELED)
        errand_tell(name, text, &why);
    return models_ended(models, r);
}

static bool is_set_up(const struct settings *settings, enum model_role role, int service)
{
    return model_choose(&settings->models, role, service) == service;
}

// What cannot be opened is told once, whatever the roles.
static int look_at_service(const struct errand_context *context, int service)
{
    struct err why = ERR_INIT;
    cleanup(models_close) struct models models = MODELS_INIT;
    const struct settings *settings = &context->settings;
    const struct model_place *place = model_place(&settings->models, service);
    if (!credential_is_ours(context->credentials, place->credential)) {
        errand_tell_unknown(model_services[service], "its key is handed to the service only");
        return 0;
    }
    if (models_open_service(settings, service, &models, &why) < 0) {
        errand_tell(model_services[service], "", &why);
        return 0;
    }
    int r = 0;
    for (int role = 0; role < MODEL_ROLES && r != -ECANCELED; role++)
        if (is_set_up(settings, (enum model_role)role, service))
            r = look_at_role(settings, &models, (enum model_role)role);
    return r;
}

static int check(struct errand_context *context, struct err *err)
{
    static const int services[] = { MODEL_DASHSCOPE, MODEL_OPENAI };
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        bool is_wanted = false;
        for (int role = 0; role < MODEL_ROLES; role++)
            is_wanted |= is_set_up(&context->settings, (enum model_role)role, services[i]);
        if (is_wanted && look_at_service(context, services[i]) == -ECANCELED)
            return err_set(err, ERR_RETRY, "stopped", "asked to stop"), -ECANCELED;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct errand_program program = {
        .name = "inquire",
        .summary = "Asks the services of models whether they answer",
        .check = check,
    };
    return errand_main(argc, argv, &program);
}
