// Text that leaves no copies.

#include "net/secret.h"

#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>

void secret_guard_process(void)
{
    const struct rlimit none = { 0, 0 };
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void secret_wipe(void *memory, size_t size)
{
    OPENSSL_cleanse(memory, size);
}

static void reserve(struct secret *secret, size_t more)
{
    if (more >= SIZE_MAX / 4 - secret->length)
        base_out_of_memory();
    size_t need = secret->length + more + 1;
    if (need <= secret->room)
        return;
    size_t room = need < 256 ? 256 : need * 2;
    char *text = xcalloc(room, 1);
    if (secret->text != NULL) {
        memcpy(text, secret->text, secret->length);
        secret_wipe(secret->text, secret->room);
        free(secret->text);
    }
    secret->text = text;
    secret->room = room;
}

void secret_add(struct secret *secret, const void *bytes, size_t size)
{
    reserve(secret, size);
    if (size > 0)
        memcpy(secret->text + secret->length, bytes, size);
    secret->length += size;
    secret->text[secret->length] = 0;
}

void secret_add_list(struct secret *secret, const char *const *texts)
{
    for (; *texts != NULL; texts++)
        secret_add(secret, *texts, strlen(*texts));
}

void secret_release(struct secret *secret)
{
    if (secret->text != NULL)
        secret_wipe(secret->text, secret->room);
    free(secret->text);
    *secret = (struct secret)SECRET_INIT;
}

char *secret_take(struct secret *secret)
{
    reserve(secret, 0);
    char *text = TAKE(secret->text);
    *secret = (struct secret)SECRET_INIT;
    return text;
}

char *secret_bearer(const char *key)
{
    cleanup(secret_release) struct secret field = SECRET_INIT;
    if (key == NULL)
        return NULL;
    SECRET_ADD(&field, "Authorization: Bearer ", key);
    return secret_take(&field);
}

void secret_free(char **text)
{
    if (*text != NULL)
        secret_wipe(*text, strlen(*text));
    free(*text);
    *text = NULL;
}
