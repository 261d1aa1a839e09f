// What a reel is about, out of what a model answered, as the next question tells it:
//
//   theme: "a day at sea"
//   outline: "waves"
//   outline: "a jump"
//   avoid: "people waiting"
#ifndef CLIPSPOOL_IDEA_H
#define CLIPSPOOL_IDEA_H

#include "base/json.h"

// Gives *ret_idea, quoted and bounded as by brief_quote, out of a text; `example` is the answer
// that the prompt shows, or NULL.  Returns 0, or a negative with *ret_idea untouched: as of
// reply_understand, or ERR_INPUT "example_in_reply".
int idea_read(const char *text, json_t *example, char **ret_idea, struct err *err);

#endif
