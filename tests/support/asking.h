// An asker against a server on loopback that answers by a script (tests/support/httpd.py), and what
// is on disk afterwards.
#ifndef CLIPSPOOL_TESTS_ASKING_H
#define CLIPSPOOL_TESTS_ASKING_H

#include "model/ask.h"
#include "tests/support/folder.h"
#include "tests/support/httpd.h"

// What a service bills for the answers below.
enum { ASKING_INPUT = 700, ASKING_OUTPUT = 200, ASKING_MOST = 1000 };

struct asking_place {
    struct folder folder; // the spool; the batch is "batch" in it, the cache "cache"
    struct httpd server;
    struct model_settings settings; // reset by each asking_make, then the test's to change
    int service;                    // MODEL_OPENAI
    int batchdir;
    const char *key, *credential; // "secret-key", "the-key"
    char *address;
};

// Makes the place with a server; the answers are set by asking_script.
void asking_make(struct asking_place *place);
void asking_remove(struct asking_place *place);

// From now on the server answers like this: the JSON list of httpd.py.
void asking_script(struct asking_place *place, const char *json);

// The body of a good answer of that text, as the service of the place has it.  Gives a string.
char *asking_answer(const struct asking_place *place, const char *text);

// Asks a question that differs by `content`.  As asker_ask.
int asking_ask(struct asking_place *place, const char *content, struct wire_reply *reply,
               struct err *err);
// The same question that asking_ask asks, for a test that changes it.
struct wire_question asking_question(void);
int asking_ask_so(struct asking_place *place, const struct ask *ask, struct wire_reply *reply,
                  struct err *err);

// How many requests came so far; the n-th of them as it came (from 1; gives a string).
unsigned asking_requests(struct asking_place *place);
char *asking_request(struct asking_place *place, unsigned n);

// What the accounts of the batch and of the day hold: billed tokens and held tokens.
struct asking_sums {
    uint64_t batch_billed, batch_held, day_billed, day_held;
};
void asking_sums(struct asking_place *place, struct asking_sums *ret);

#endif
