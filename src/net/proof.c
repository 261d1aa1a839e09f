// Sums in the words of the services.

#include "net/proof.h"

#include "net/crc32c.h"
#include "net/crc64.h"
#include "net/digest.h"

#include <openssl/evp.h>
#include <stdio.h>

enum { MD5_HEX = 32, CRC32C_BYTES = 4 };

struct proof_sum {
    enum proof_kind kind;
    uint64_t crc, bytes;
    uint32_t crc32c;
    EVP_MD_CTX *md5; // NULL where there is none
};

// ---- what is said

static char *crc_of(const struct answer *head)
{
    uint64_t crc;
    char text[CRC64_TEXT_SIZE];
    const char *said = answer_find(head, "x-oss-hash-crc64ecma");
    return said != NULL && crc64_parse(said, &crc) == 0
               ? xasprintf("crc64:%s", crc64_text(crc, text))
               : NULL;
}

// With keys of the owner the ETag looks like an MD5 and is none.
static bool has_own_keys(const struct answer *head)
{
    const char *how = answer_find(head, "x-amz-server-side-encryption");
    return (how != NULL && strcmp(how, "AES256") != 0) ||
           answer_find(head, "x-amz-server-side-encryption-customer-algorithm") != NULL;
}

static char *md5_of(const struct answer *head)
{
    const char *tag = answer_find(head, "ETag");
    if (tag == NULL || has_own_keys(head))
        return NULL;
    bool quoted = *tag == '"';
    tag += quoted;
    size_t digits = strspn(tag, "0123456789abcdefABCDEF");
    if (digits != MD5_HEX || strcmp(tag + digits, quoted ? "\"" : "") != 0)
        return NULL;
    char *text = xasprintf("md5:%.*s", MD5_HEX, tag);
    for (char *c = text; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'F')
            *c = (char)(*c - 'A' + 'a');
    return text;
}

static char *crc32c_of(const struct answer *head)
{
    const char *said = answer_find(head, PROOF_CRC32C_FIELD);
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (said == NULL || digest_unbase64(said, &bytes, &size) < 0)
        return NULL;
    free(bytes);
    return size == CRC32C_BYTES ? xasprintf("crc32c:%s", said) : NULL;
}

char *proof_of(enum proof_kind kind, const struct answer *head)
{
    if (kind == PROOF_CRC64)
        return crc_of(head);
    if (kind == PROOF_CRC32C)
        return crc32c_of(head);
    return kind == PROOF_MD5 ? md5_of(head) : NULL;
}

// ---- what is

struct proof_sum *proof_begin(enum proof_kind kind)
{
    struct proof_sum *sum = xcalloc(1, sizeof *sum);
    sum->kind = kind;
    sum->md5 = kind == PROOF_MD5 ? EVP_MD_CTX_new() : NULL;
    if (sum->md5 != NULL && EVP_DigestInit_ex(sum->md5, EVP_md5(), NULL) != 1) {
        EVP_MD_CTX_free(sum->md5);
        sum->md5 = NULL;
    }
    return sum;
}

void proof_add(struct proof_sum *sum, const void *data, size_t size)
{
    sum->bytes += size;
    if (sum->kind == PROOF_CRC64)
        sum->crc = crc64_add(sum->crc, data, size);
    else if (sum->kind == PROOF_CRC32C)
        sum->crc32c = crc32c_add(sum->crc32c, data, size);
    else if (sum->md5 != NULL)
        (void)EVP_DigestUpdate(sum->md5, data, size);
}

void proof_join(struct proof_sum *sum, const struct proof_sum *next)
{
    sum->crc = crc64_join(sum->crc, next->crc, next->bytes);
    sum->bytes += next->bytes;
}

static char *md5_text(const struct proof_sum *sum)
{
    struct digest digest = { .size = 0 };
    unsigned size = 0;
    unsigned char hash[EVP_MAX_MD_SIZE];
    char hex[DIGEST_HEX_SIZE];
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    bool good = copy != NULL && EVP_MD_CTX_copy_ex(copy, sum->md5) == 1 &&
                EVP_DigestFinal_ex(copy, hash, &size) == 1 && size <= sizeof digest.bytes;
    EVP_MD_CTX_free(copy);
    if (!good)
        return NULL;
    memcpy(digest.bytes, hash, size);
    digest.size = size;
    return xasprintf("md5:%s", digest_hex(&digest, hex));
}

static char *crc32c_text(uint32_t crc)
{
    struct digest digest = { .size = CRC32C_BYTES };
    for (unsigned i = 0; i < CRC32C_BYTES; i++)
        digest.bytes[i] = (uint8_t)(crc >> (24 - 8 * i));
    cleanup(free_ptr) char *text = digest_base64(&digest);
    return xasprintf("crc32c:%s", text);
}

char *proof_text(const struct proof_sum *sum)
{
    char text[CRC64_TEXT_SIZE];
    if (sum->kind == PROOF_CRC32C)
        return crc32c_text(sum->crc32c);
    if (sum->kind == PROOF_CRC64)
        return xasprintf("crc64:%s", crc64_text(sum->crc, text));
    return sum->md5 != NULL ? md5_text(sum) : NULL;
}

void proof_free(struct proof_sum **sum)
{
    struct proof_sum *s = TAKE(*sum);
    if (s == NULL)
        return;
    EVP_MD_CTX_free(s->md5);
    free(s);
}

bool proof_differs(const char *one, const char *other)
{
    return one != NULL && other != NULL && strcmp(one, other) != 0;
}
