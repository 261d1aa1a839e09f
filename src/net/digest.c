// Hashes and their spellings.

#include "net/digest.h"

#include "net/secret.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static const EVP_MD *algorithm(enum digest_kind kind)
{
    switch (kind) {
    case DIGEST_MD5:
        return EVP_md5();
    case DIGEST_SHA1:
        return EVP_sha1();
    case DIGEST_SHA256:
        break;
    }
    return EVP_sha256();
}

static int failed(const char *what, struct err *err)
{
    return err_set(err, ERR_SYSTEM, "crypto", "%s: libcrypto cannot do it on this machine", what);
}

int digest_of(enum digest_kind kind, const void *data, size_t size, struct digest *ret,
              struct err *err)
{
    unsigned length = 0;
    if (EVP_Digest(data, size, ret->bytes, &length, algorithm(kind), NULL) != 1)
        return failed("hash", err);
    ret->size = length;
    return 0;
}

// ---- in pieces: libcrypto's own object by our name

static EVP_MD_CTX *hash_of(struct digest_run *run)
{
    return (EVP_MD_CTX *)(void *)run;
}

struct digest_run *digest_begin(enum digest_kind kind, struct err *err)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    if (hash != NULL && EVP_DigestInit_ex(hash, algorithm(kind), NULL) == 1)
        return (struct digest_run *)(void *)hash;
    EVP_MD_CTX_free(hash);
    (void)failed("hash", err);
    return NULL;
}

int digest_add(struct digest_run *run, const void *data, size_t size, struct err *err)
{
    return EVP_DigestUpdate(hash_of(run), data, size) == 1 ? 0 : failed("hash", err);
}

int digest_end(struct digest_run *run, struct digest *ret, struct err *err)
{
    unsigned length = 0;
    if (EVP_DigestFinal_ex(hash_of(run), ret->bytes, &length) != 1)
        return failed("hash", err);
    ret->size = length;
    return 0;
}

void digest_run_free(struct digest_run **run)
{
    EVP_MD_CTX_free(hash_of(TAKE(*run)));
}

// ---- keyed

int digest_hmac(enum digest_kind kind, struct digest_key key, const void *data, size_t size,
                struct digest *ret, struct err *err)
{
    struct digest made = { .size = 0 };
    unsigned length = 0;
    if (key.size > INT_MAX ||
        HMAC(algorithm(kind), key.bytes, (int)key.size, data, size, made.bytes, &length) == NULL)
        return failed("sign", err);
    made.size = length;
    *ret = made;
    secret_wipe(&made, sizeof made);
    return 0;
}

char *digest_hex(const struct digest *digest, char *buffer)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < digest->size; i++) {
        buffer[2 * i] = digits[digest->bytes[i] >> 4];
        buffer[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
    buffer[2 * digest->size] = 0;
    return buffer;
}

char *digest_base64(const struct digest *digest)
{
    char *text = xcalloc((digest->size + 2) / 3 * 4 + 1, 1);
    (void)EVP_EncodeBlock((unsigned char *)text, digest->bytes, (int)digest->size);
    return text;
}

// EVP_DecodeBlock forgives blanks at both ends and counts the padding as bytes; this allows only
// the alphabet and counts for itself.
int digest_unbase64(const char *text, uint8_t **ret_bytes, size_t *ret_size)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t length = strlen(text), plain = strspn(text, alphabet);
    size_t padding = length - plain;
    if (length % 4 != 0 || length > INT_MAX || padding > 2 || strspn(text + plain, "=") != padding)
        return -EINVAL;
    uint8_t *bytes = xcalloc(length / 4 * 3 + 1, 1);
    int decoded = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length);
    if (decoded < 0) {
        free(bytes);
        return -EINVAL;
    }
    *ret_bytes = bytes;
    *ret_size = (size_t)decoded - padding;
    return 0;
}
