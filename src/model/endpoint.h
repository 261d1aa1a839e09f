// Where and how a service is asked in a role: the one place that knows which of the wire_*
// functions and addresses belong to whom.
#ifndef CLIPSPOOL_ENDPOINT_H
#define CLIPSPOOL_ENDPOINT_H

#include "model/fault.h"
#include "model/wire_openai.h"
#include "spool/model.h"

struct endpoint {
    enum fault_service service;
    enum wire_dialect dialect;   // of all but FAULT_DASHSCOPE
    const char *address, *model; // of the settings; borrowed
    char *who;                   // "dashscope qwen3-vl-plus"
};
#define ENDPOINT_INIT   \
    {                   \
        .address = NULL \
    }
void endpoint_release(struct endpoint *endpoint);

// The service (enum model_service) in the role; keeps the settings.  *endpoint is INIT.  Returns 0,
// or a negative with ERR_CONFIG "no_model" where it has no address or no model for that.
int endpoint_set(const struct model_settings *settings, int service, enum model_role role,
                 struct endpoint *endpoint, struct err *err);

// What tells its answers apart from those of others: "dashscope", "dashscope compatible", "openai".
const char *endpoint_word(const struct endpoint *endpoint);

// Where the question goes.  Gives a string.
char *endpoint_link(const struct endpoint *endpoint, const struct wire_question *question);

// Its body, for the endpoint's model.  Gives a reference.
json_t *endpoint_body(const struct endpoint *endpoint, const struct wire_question *question);

// Reads an answer as wire_dashscope_read and wire_openai_read do.
int endpoint_read(const struct endpoint *endpoint, const json_t *json, struct wire_reply *reply,
                  struct err *err);

#endif
