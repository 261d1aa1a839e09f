// Holding a dropped folder against its SHA256SUMS, in a process of its own: it reads every byte,
// which takes as long as it takes, and libcrypto is not for the daemon.
#ifndef CLIPSPOOL_VERIFIER_H
#define CLIPSPOOL_VERIFIER_H

#include "daemon/service.h"

struct verifier;

enum verdict { VERDICT_GOOD, VERDICT_WRONG, VERDICT_UNKNOWN };

typedef void verifier_ended(void *context, enum verdict verdict, const char *why);

// Starts on incoming/NAME.  ended() is called from the loop when that is over, `why` being words
// for what is not good; it is to free the verifier.
int verifier_start(struct service *service, const char *name, verifier_ended *ended, void *context,
                   struct verifier **ret_verifier, struct err *err);
// What it looks at.  Borrowed.
const char *verifier_name(const struct verifier *verifier);
// Ends it; `ended` is not called.
void verifier_free(struct verifier **verifier);

#endif
