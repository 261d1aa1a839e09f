// The SHA-256 of a file while it grows: a thread of its own reads behind who writes, out of the
// page cache.  So hashing costs a transfer no time, and one that goes on with what an earlier run
// left hashes that part, too, without anything to be remembered.
#ifndef CLIPSPOOL_FINGERPRINT_H
#define CLIPSPOOL_FINGERPRINT_H

#include "net/proof.h"

enum { FINGERPRINT_SIZE = 65 }; // hexadecimal, with its NUL

// Starts at the first byte; no byte counts yet.  Keeps fd, which must be readable.  With a kind of
// proof the file is summed up that way, too.
struct fingerprint;
struct fingerprint *fingerprint_start(int fd, enum proof_kind proof);

// The first `bytes` of the file are there; never fewer than before.
void fingerprint_follow(struct fingerprint *fingerprint, uint64_t bytes);

// Waits until all that is there has been read.  Frees *fingerprint.  Returns 0, or a negative where
// the file cannot be read.  `hex` has FINGERPRINT_SIZE bytes.  Gives *ret_proof (free) as
// proof_text does; may be NULL.
int fingerprint_finish(struct fingerprint **fingerprint, char *hex, char **ret_proof,
                       struct err *err);

// Ends it without result.  For cleanup.
void fingerprint_free(struct fingerprint **fingerprint);

#endif
