// The signature of a webhook.

#include "net/sign_webhook.h"

#include "net/digest.h"
#include "net/secret.h"

#include <stdio.h>

enum { MIN_KEY = 24, MAX_KEY = 64 };

static bool is_id(const char *id)
{
    if (*id == 0)
        return false;
    for (; *id != 0; id++)
        if (*id <= 0x20 || *id > 0x7E || *id == '.')
            return false;
    return true;
}

static int read_key(const char *secret, uint8_t **ret_key, size_t *ret_size, struct err *err)
{
    static const char prefix[] = "whsec_";
    if (strncmp(secret, prefix, sizeof prefix - 1) == 0)
        secret += sizeof prefix - 1;
    uint8_t *key = NULL;
    size_t size = 0;
    if (digest_unbase64(secret, &key, &size) == 0 && size >= MIN_KEY && size <= MAX_KEY) {
        *ret_key = key;
        *ret_size = size;
        return 0;
    }
    if (key != NULL)
        secret_wipe(key, size);
    free(key);
    err_set(err, ERR_CONFIG, "bad_webhook_secret",
            "the webhook's secret is not whsec_ and base64 of %d to %d bytes", MIN_KEY, MAX_KEY);
    return err_hint(err, "copy it again from the receiver's page, or make one with: "
                         "printf 'whsec_%%s\\n' \"$(head -c 32 /dev/urandom | base64)\"");
}

int sign_webhook(const char *secret, const struct sign_webhook *message, char **ret_signature,
                 struct err *err)
{
    uint8_t *key = NULL;
    size_t size = 0;
    if (!is_id(message->id))
        return err_set(err, ERR_BUG, "bad_request", "a webhook's id holds a dot or a blank");
    int r = read_key(secret, &key, &size, err);
    if (r < 0)
        return r;
    struct secret text = SECRET_INIT;
    struct digest digest;
    char timestamp[32];
    (void)snprintf(timestamp, sizeof timestamp, "%jd", (intmax_t)message->timestamp);
    SECRET_ADD(&text, message->id, ".", timestamp, ".");
    secret_add(&text, message->body, message->size);
    r = digest_hmac(DIGEST_SHA256, (struct digest_key){ key, size }, text.text, text.length,
                    &digest, err);
    secret_wipe(key, size);
    free(key);
    secret_release(&text);
    if (r < 0)
        return r;
    cleanup(free_ptr) char *encoded = digest_base64(&digest);
    *ret_signature = xasprintf("v1,%s", encoded);
    return 0;
}
