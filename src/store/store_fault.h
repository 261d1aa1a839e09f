// What a storage service says when it refuses, and what that means here.
#ifndef CLIPSPOOL_STORE_FAULT_H
#define CLIPSPOOL_STORE_FAULT_H

#include "net/http.h"

// Its words: of the XML in the body, or, where a HEAD has none, in x-oss-err.  Escaped, cut, and ""
// where it says nothing.
struct store_fault {
    int status;
    char code[64], message[200], request_id[64];
};
void store_fault_read(const struct http_answer *answer, struct store_fault *ret);

// For the text of errors.
struct store_words {
    const char *credential; // its name
    const char *bucket;
};

// Sets err for it, after the list in store/store.h.  Returns a negative: -ENOENT where the
// object is not there.  RequestTimeTooSkewed is ERR_SERVICE id "clock".
int store_fault_judge(const struct store_fault *fault, const struct answer *head,
                      const struct store_words *words, time_t now, struct err *err);

// Whether trying again at once may mend it.
bool store_fault_may_pass(const struct err *err);

// What a transport failure is to who asked a store: http_do's classes become those of store.h.
void store_fault_transport(struct err *err);

#endif
