// What models answered, kept so that nothing is asked and paid for twice: not after a retry, a
// restart, in another batch, with another plan.
//
//   CACHE/answers/KEY.json      CACHE: settings.models.cache
//   work/ID/answers/KEY.json    where there is no such folder, or none is to be used
//
// KEY is the SHA-256 of all that the answer depends on (model/ask.h).  An answer stands there as
// it came, at once when it has come; it is read anew each time.  Its time says when it was last of
// use.
#ifndef CLIPSPOOL_ANSWERS_H
#define CLIPSPOOL_ANSWERS_H

#include "base/json.h"
#include "spool/model.h"
#include <time.h>

enum { ANSWERS_KEY_LENGTH = 64, ANSWERS_MAX_BYTES = 48 << 20 };

struct answers {
    const struct model_settings *settings; // borrowed
    int batchdir;                          // borrowed
    int cache;                             // -1: none
};
#define ANSWERS_INIT \
    {                \
        .cache = -1  \
    }

// Keeps both.  *ret is INIT.  A cache that cannot be had is none: answers are then kept with their
// batch.
void answers_open(const struct model_settings *settings, int batchdir, struct answers *ret);
void answers_close(struct answers *answers);

// One holder at a time of each key, in whatever process: who asks, so that another with the same
// question waits and takes the answer.  Returns a descriptor (close_fd lets go); -EAGAIN (without
// setting err) if another holds it; another negative.
int answers_claim(const struct answers *answers, const char *key, struct err *err);

// Gives what was kept under the key: an object.  Returns 1; 0 if there is nothing, or nothing
// whole; or a negative.
int answers_take(const struct answers *answers, const char *key, json_t **ret_json,
                 struct err *err);

// Keeps an object, replacing what there was, and then removes from the cache what has gone unused
// for settings.cache_days and the longest unused beyond settings.cache_bytes, but never this one.
// What cannot be written there is kept with the batch.  Borrows json.
int answers_keep(const struct answers *answers, const char *key, const json_t *json, time_t now,
                 struct err *err);

#endif
