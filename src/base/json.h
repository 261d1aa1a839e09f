// jansson with limits: bounded reading, durable writing, typed access that says what is wrong.
#ifndef CLIPSPOOL_JSON_H
#define CLIPSPOOL_JSON_H

#include "base/err.h"
#include <jansson.h>

// For cleanup(json_free) on a json_t * local.
void json_free(json_t **json);

// Reads and parses a regular file of at most max_bytes.  Depth is bounded by jansson (2048),
// duplicate keys are refused.  Returns 0 and gives *ret_json (json_decref), or: -ENOENT if there is
// no such file; other negatives with err set, class ERR_INPUT and id "bad_json" for damaged
// contents.
int json_read(int dirfd, const char *name, size_t max_bytes, json_t **ret_json, struct err *err);

// Parses text of `length` bytes.  As above.
int json_parse(const char *text, size_t length, json_t **ret_json, struct err *err);

// Writes durably (fs_write): indented by two, keys in the order they were set, final newline.
// Borrows json.
int json_write(int dirfd, const char *name, const json_t *json, struct err *err);

// Typed reads from an object that came from disk or from outside.  A missing key or null gives the
// default; a wrong type, a non-finite or an out-of-range number gives the default too and, if `bad`
// is not NULL, *bad names the key (borrowed from the caller).  json_int takes 3.0 for 3.
const char *json_text(const json_t *object, const char *key, const char *fallback,
                      const char **bad);
double json_number(const json_t *object, const char *key, double min, double max, double fallback,
                   const char **bad);
int64_t json_int(const json_t *object, const char *key, int64_t min, int64_t max, int64_t fallback,
                 const char **bad);
bool json_flag(const json_t *object, const char *key, bool fallback, const char **bad);

// Sets object[key]; text that is not valid UTF-8 is escaped (text_escape), NULL becomes null, a
// number that is not finite becomes null.  Numbers are rounded to `decimals` places.
void json_put_text(json_t *object, const char *key, const char *text);
void json_put_number(json_t *object, const char *key, double value, int decimals);
void json_put_int(json_t *object, const char *key, int64_t value);
void json_put_flag(json_t *object, const char *key, bool value);
void json_put(json_t *object, const char *key, json_t *value); // takes value

// A number as a JSON real rounded to `decimals`; null if it is not finite.  Gives a reference.
json_t *json_rounded(double value, int decimals);

#endif
