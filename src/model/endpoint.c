#include "model/endpoint.h"

#include "model/wire_dashscope.h"

#define COMPATIBLE_PATH "/compatible-mode/v1"

void endpoint_release(struct endpoint *endpoint)
{
    free(endpoint->who);
    *endpoint = (struct endpoint)ENDPOINT_INIT;
}

static void set_manners(const struct model_settings *settings, int service,
                        struct endpoint *endpoint)
{
    if (service == MODEL_OPENAI) {
        endpoint->service = FAULT_OPENAI;
        endpoint->dialect = settings->dialect == MODEL_DIALECT_OWN ? WIRE_OWN : WIRE_OPENAI;
    } else {
        endpoint->service =
            settings->interface == MODEL_COMPATIBLE ? FAULT_COMPATIBLE : FAULT_DASHSCOPE;
        endpoint->dialect = WIRE_COMPATIBLE;
    }
}

int endpoint_set(const struct model_settings *settings, int service, enum model_role role,
                 struct endpoint *endpoint, struct err *err)
{
    const struct model_place *place = model_place(settings, service);
    if (place == NULL || place->address == NULL || place->models[role] == NULL) {
        (void)err_set(err, ERR_CONFIG, "no_model", "%s has no model for %s in the configuration",
                      model_services[service], model_roles[role]);
        return err_hint(err, "set %s.address and %s.%s_model in clipspool.conf",
                        model_services[service], model_services[service], model_roles[role]);
    }
    set_manners(settings, service, endpoint);
    endpoint->address = place->address;
    endpoint->model = place->models[role];
    endpoint->who = xasprintf("%s %s", model_services[service], endpoint->model);
    return 0;
}

const char *endpoint_word(const struct endpoint *endpoint)
{
    if (endpoint->service == FAULT_OPENAI)
        return "openai";
    return endpoint->service == FAULT_COMPATIBLE ? "dashscope compatible" : "dashscope";
}

static bool is_a_look(const struct wire_question *question)
{
    return question->video != NULL || question->frame_count > 0;
}

char *endpoint_link(const struct endpoint *endpoint, const struct wire_question *question)
{
    const char *path = is_a_look(question) ? WIRE_DASHSCOPE_LOOK_PATH : WIRE_DASHSCOPE_TEXT_PATH;
    if (endpoint->service == FAULT_COMPATIBLE)
        path = COMPATIBLE_PATH WIRE_OPENAI_CHAT_PATH;
    else if (endpoint->service == FAULT_OPENAI)
        path = WIRE_OPENAI_CHAT_PATH;
    return xasprintf("%s%s", endpoint->address, path);
}

json_t *endpoint_body(const struct endpoint *endpoint, const struct wire_question *question)
{
    struct wire_question own = *question;
    own.model = endpoint->model;
    if (endpoint->service != FAULT_DASHSCOPE)
        return wire_openai_chat(&own, endpoint->dialect);
    return is_a_look(&own) ? wire_dashscope_look(&own) : wire_dashscope_text(&own);
}

int endpoint_read(const struct endpoint *endpoint, const json_t *json, struct wire_reply *reply,
                  struct err *err)
{
    return endpoint->service == FAULT_DASHSCOPE ? wire_dashscope_read(json, reply, err)
                                                : wire_openai_read(json, reply, err);
}
