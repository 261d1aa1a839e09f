// What a storage service says of an object's bytes, and the same made of the bytes themselves.
//
// OSS gives a CRC-64 of everything it has (x-oss-hash-crc64ecma).  S3 gives an ETag, which is the
// MD5 of an object that came in one piece and is not encrypted with keys of its owner; of a part it
// gives the CRC-32C that the part was announced with, where the upload was begun so.  All are
// against accidents, not against malice.
#ifndef CLIPSPOOL_PROOF_H
#define CLIPSPOOL_PROOF_H

#include "net/answer.h"

enum proof_kind { PROOF_NONE, PROOF_CRC64, PROOF_MD5, PROOF_CRC32C };

// The field of a request or answer that has a CRC-32C, in base64.
#define PROOF_CRC32C_FIELD "x-amz-checksum-crc32c"

// What the head of an answer says, as "crc64:1234", "md5:0123abcd..." or
// "crc32c:4waSgw==".  Gives a string, or NULL
// if it says nothing of that kind.
char *proof_of(enum proof_kind kind, const struct answer *head);

// A sum while the bytes come.
struct proof_sum;
struct proof_sum *proof_begin(enum proof_kind kind);
void proof_add(struct proof_sum *sum, const void *data, size_t size);

// Adds the bytes of `next`, which came behind; CRC-64 only.
void proof_join(struct proof_sum *sum, const struct proof_sum *next);

// What proof_of would give.  Gives a string; NULL for PROOF_NONE and where the machine's policy
// forbids MD5.  May be asked for again after more bytes.
char *proof_text(const struct proof_sum *sum);
void proof_free(struct proof_sum **sum);

// Whether they speak of different bytes; where either is NULL nothing is known.
bool proof_differs(const char *one, const char *other);

#endif
