// The service that a batch was promised for a role, opened by a program that may hold its key.
//
// The key is loaded here, after the process has closed itself to others (secret_guard_process), and
// wiped when the models are closed.
#ifndef CLIPSPOOL_MODELS_H
#define CLIPSPOOL_MODELS_H

#include "model/ask.h"
#include "stages/stage.h"

struct models {
    int service;                     // enum model_service
    const struct model_place *place; // of the settings; borrowed
    char *key;                       // secret; NULL: none is needed
    char *host;                      // the operator's: it may have any address
    struct http_rules rules;
    struct http *http; // for other requests to the same service
    struct gate *gate; // "model dashscope"
    struct asker *asker;
    int stop_fd; // SIGTERM and SIGINT end what goes on with -ECANCELED
};
#define MODELS_INIT   \
    {                 \
        .stop_fd = -1 \
    }

// Opens what the batch of the context has for the role; keeps the context.  *ret is MODELS_INIT and
// stays where it is until models_close.  No connection is made.  Returns 0; 1 with *ret untouched
// if that is no service (local, none); or a negative: ERR_CONFIG as credential_load_secret and
// asker_open have it.  models_close is due in any case.
int models_open(struct stage_context *context, enum model_role role, struct models *ret,
                struct err *err);

// The service alone, without batch and asker.  *ret is MODELS_INIT, keeps the settings.
int models_open_service(const struct settings *settings, int service, struct models *ret,
                        struct err *err);

// Wipes the key.
void models_close(struct models *models);

// To be called with what a request returned: if the process was asked to end, it does so here.
// Returns r.
int models_ended(const struct models *models, int r);

#endif
