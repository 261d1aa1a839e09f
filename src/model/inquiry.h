// Whether a service of models answers in a role, found out for the least that it can cost.
//
// One request, sent once: who looks or plans is asked for two letters, who writes down what is said
// for a list that costs nothing and takes the same key.  Nothing is held, booked or kept: it
// belongs to no batch.
#ifndef CLIPSPOOL_INQUIRY_H
#define CLIPSPOOL_INQUIRY_H

#include "net/http.h"
#include "spool/model.h"

// All borrowed.
struct inquiry {
    const struct model_settings *settings;
    int service; // MODEL_DASHSCOPE or MODEL_OPENAI
    enum model_role role;
    const char *key;        // the secret, or NULL
    const char *credential; // its name, for errors; or NULL
    struct http *http;
    double deadline_seconds;
};

// Returns 0 with the tokens that were billed, 0 if that is nothing or was not said; or a negative
// with a hint that names the credential or the options that are to be put right:
//   ERR_CONFIG  no_model, no_such_model
//   ERR_DENIED  key_refused, model_forbidden
//   what else fault_error and http_do have, and -ECANCELED when asked to stop
int inquiry_ask(const struct inquiry *inquiry, uint64_t *ret_tokens, struct err *err);

#endif
