// The names of our objects in a bucket.
//
//   temp/compressed/YYYYMMDD/ID_INDEX.mp4     the proxy of a source, until its batch has ended
//   final/YYYYMMDD/ID/final.mp4               the reel; beside it status.json and plan.json
//
// All follow from the id of the batch, whose first digits are the day: whatever is done again is
// done to the same objects, and what belongs to a batch is known when nothing is left of it here.
#ifndef CLIPSPOOL_OBJECTS_H
#define CLIPSPOOL_OBJECTS_H

#include "base/base.h"
#include <time.h>

#define OBJECTS_TEMP "temp/compressed/"

// Metadata of a proxy: when it may be removed (RFC 3339, UTC), and what its source was called.
#define OBJECTS_EXPIRES "expires-at"
#define OBJECTS_ORIGINAL "original-name"

// Ids are as batch_is_id has them, of the form that spool_claim makes.  Give strings.
char *objects_proxy_key(const char *id, int index);
char *objects_reel_key(const char *id, const char *file);
// What the keys of all proxies of a batch begin with.
char *objects_proxy_prefix(const char *id);

// True for the key of a proxy, exactly as objects_proxy_key makes it.  Gives the id of its batch.
bool objects_is_proxy(const char *key, char **ret_id);

// The time in an id, when its batch was taken; -1 if there is none.
time_t objects_time(const char *id);

#endif
