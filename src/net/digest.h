// Hashes and their spellings, by OpenSSL's libcrypto.
//
// All fail only where the library cannot work (a policy of the machine forbids an algorithm, no
// memory): ERR_SYSTEM id "crypto".
#ifndef CLIPSPOOL_DIGEST_H
#define CLIPSPOOL_DIGEST_H

#include "base/err.h"

enum digest_kind { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256 };
enum { DIGEST_MAX_BYTES = 32, DIGEST_HEX_SIZE = 2 * DIGEST_MAX_BYTES + 1 };

struct digest {
    uint8_t bytes[DIGEST_MAX_BYTES];
    size_t size;
};

// The digest of `size` bytes in one piece.  Returns 0 or a negative.
int digest_of(enum digest_kind kind, const void *data, size_t size, struct digest *ret,
              struct err *err);

// The same of what comes in pieces.  begin: NULL with err set where it cannot be.
struct digest_run;
struct digest_run *digest_begin(enum digest_kind kind, struct err *err);
int digest_add(struct digest_run *run, const void *data, size_t size, struct err *err);
int digest_end(struct digest_run *run, struct digest *ret, struct err *err);
void digest_run_free(struct digest_run **run);

// HMAC.  The key may be the digest that is written (chains of keys).
struct digest_key {
    const void *bytes;
    size_t size;
};
int digest_hmac(enum digest_kind kind, struct digest_key key, const void *data, size_t size,
                struct digest *ret, struct err *err);

// Lower-case hex.  `buffer` has DIGEST_HEX_SIZE bytes.  Returns buffer.
char *digest_hex(const struct digest *digest, char *buffer);

// Gives a string.
char *digest_base64(const struct digest *digest);

// Reads base64 strictly: padded, no blanks.  Gives *ret_bytes (secret: the caller wipes and frees).
// Returns 0 or -EINVAL.
int digest_unbase64(const char *text, uint8_t **ret_bytes, size_t *ret_size);

#endif
