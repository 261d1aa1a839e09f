// The checksums of an object's parts: a thread of its own reads ahead of who sends them.  A service
// that checks a part wants its checksum before the first byte, so each is read twice; done in turn,
// that holds up what is being sent.
#ifndef CLIPSPOOL_PART_SUMS_H
#define CLIPSPOOL_PART_SUMS_H

#include "net/http.h"
#include "net/proof.h"

// Starts with the first part.  The body is cut into parts of `part_bytes`, the last may be shorter;
// there is at least one byte.  Keeps what the body's bytes are in, memory or file.
struct part_sums;
struct part_sums *part_sums_start(enum proof_kind kind, const struct http_body *body,
                                  uint64_t part_bytes);

// Waits for the sum of a part, from 0.  Lends *ret_sum, until part_sums_free.  Returns 0, or a
// negative: ERR_RETRY "changed" where the file ends before the body does, ERR_IO where it cannot
// be read.
int part_sums_wait(struct part_sums *sums, unsigned part, const struct proof_sum **ret_sum,
                   struct err *err);

// Ends it, wherever it is.  For cleanup.
void part_sums_free(struct part_sums **at);

#endif
