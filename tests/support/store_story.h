// What every store must do, told once: for each kind of store a test calls them with its own.
#ifndef CLIPSPOOL_TESTS_STORE_STORY_H
#define CLIPSPOOL_TESTS_STORE_STORY_H

#include "tests/support/bucketd.h"

// Puts bytes from memory; fails the test where that cannot be.
void store_story_put(struct store *store, const char *key, const void *data, size_t size);

// Whether the object is there and has these bytes.
bool store_story_has(struct store *store, const char *key, const void *data, size_t size);

// The keys that begin with the prefix, in order, joined by a space.  Gives a string.
char *store_story_keys(struct store *store, const char *prefix);

// An object of each of these sizes comes back byte for byte, from a file and from memory, and its
// progress ends at its size.
void store_story_sizes(struct store *store, const size_t *sizes, size_t count);

// Type, size, time and metadata are known afterwards, whatever characters the values have.
void store_story_metadata(struct store *store);

// Lists have what begins with the prefix and nothing else, over as many pages as it takes (600
// objects); they end with what the visitor returns; it may remove what it is shown.
void store_story_lists(struct store *store);

// Removing is done once and twice; what is not there is told by all who look.
void store_story_removal(struct store *store);

// Keys with blanks, percent signs, quotes, plus signs and letters of all alphabets are one object
// each, also in lists; `escapes_twice`: but for what XML escapes, which the S3 service of npm does
// twice.
void store_story_keys_of_all_kinds(struct store *store, bool escapes_twice);

// ---- of buckets

// A signed link is good for the curl program, for its object, and for getting alone; changed by one
// character anywhere it is refused.
void store_story_links(struct store *store);

// A link of one second is refused afterwards.
void store_story_expiry(struct store *store);

// All verbs are ERR_DENIED and name the credential; the secret is in none of the texts.
void store_story_wrong_secret(struct bucketd *bucketd);

// An upload in parts that is asked to stop while it goes ends at once with "stopped", and there is
// no object.
void store_story_stop(const struct bucketd *bucketd);

#endif
