// The signature of a webhook (Standard Webhooks 1.0.0, symmetric form).
//
// A receiver recomputes it over the exact bytes that came, so whoever sends must send the same
// bytes that were signed, with the same id on every attempt and the time of this one.
#ifndef CLIPSPOOL_SIGN_WEBHOOK_H
#define CLIPSPOOL_SIGN_WEBHOOK_H

#include "base/err.h"
#include <time.h>

struct sign_webhook {
    const char *id;   // visible ASCII without '.'; the receiver's protection against repetition
    time_t timestamp; // of this attempt
    const void *body;
    size_t size;
};

// The value of webhook-signature ("v1,<base64>").  `secret` is base64 of 24 to 64 bytes, with or
// without "whsec_" in front.  Gives *ret_signature (free).  Returns 0 or a negative: ERR_CONFIG
// "bad_webhook_secret", ERR_BUG "bad_request", ERR_SYSTEM "crypto".
int sign_webhook(const char *secret, const struct sign_webhook *message, char **ret_signature,
                 struct err *err);

#endif
