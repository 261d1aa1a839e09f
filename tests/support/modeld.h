// Services of models on loopback: DashScope in both its ways, OpenAI and servers of one's own
// (tests/support/modeld.py), and what they have to tell.
#ifndef CLIPSPOOL_TESTS_MODELD_H
#define CLIPSPOOL_TESTS_MODELD_H

#include "tests/support/folder.h"
#include "tests/support/server.h"

#include <jansson.h>

// The keys that they want; tests look for them in what must not hold them.
#define MODELD_DASHSCOPE_KEY "sk-5f0e-key-of-dashscope"
#define MODELD_OPENAI_KEY "sk-7d1c-key-of-openai"

struct modeld {
    struct server process;
    unsigned port, store_port;
    struct folder folder;                       // of its log, and of the keys
    char *log;                                  // path
    char *dashscope_key_file, *openai_key_file; // paths, as configurations name them
};

void modeld_start(struct modeld *modeld);
void modeld_stop(struct modeld *modeld);

// The address of a service: "" (DashScope), "/v1" (OpenAI), "/ollama/v1" ...  Gives a string.
char *modeld_address(const struct modeld *modeld, const char *service);

// Says what they do wrong from now on; see modeld.py.
void modeld_control(const struct modeld *modeld, const char *lines);

// Waits until no request is under way any more (at most half a minute), so that all that came
// before is in the log.
void modeld_settle(const struct modeld *modeld);

// All events so far, in order: an array of objects (json_decref).
json_t *modeld_events(const struct modeld *modeld);
// How many requests of that route were understood; NULL: of those that cost something.
unsigned modeld_count(const struct modeld *modeld, const char *route);
// What was refused because it was no good request, a line each; "" if nothing was.  What was
// refused on demand is not among it.  Gives a string.
char *modeld_refused(const struct modeld *modeld);

#endif
