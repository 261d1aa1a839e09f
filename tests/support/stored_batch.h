// A batch made by hand whose objects go to a bucket that is a folder beside the spool, for tests of
// single stages.
#ifndef CLIPSPOOL_TESTS_STORED_BATCH_H
#define CLIPSPOOL_TESTS_STORED_BATCH_H

#include "tests/support/batch_folder.h"

struct stored_batch {
    struct batch_folder batch;
    char *config; // path of a configuration that knows the bucket, "main"
    char *day;    // of the batch, as in names of objects
};

// `mode`: "oss" or "hybrid"; `sources` as of batch_folder_make.
void stored_batch_make(struct stored_batch *stored, const char *mode, size_t sources);
void stored_batch_remove(struct stored_batch *stored);

// Writes the configuration: `lines` go into its group storage, behind the bucket.
void stored_batch_configure(struct stored_batch *stored, const char *lines);

// Runs a stage on it; index NULL for the whole batch.  Its stdout and stderr come back in
// *ret_output (free), NULL to throw them away.  Returns the exit status.
int stored_batch_run(const struct stored_batch *stored, const char *stage, const char *index,
                     char **ret_output);

// Puts a file into the batch ("0/proxy.mp4"); what the bucket holds under a key, NULL if nothing
// (gives a string); all keys in it, sorted, joined by a space (gives a string).
void stored_batch_put(const struct stored_batch *stored, const char *name, const char *text);
char *stored_batch_object(const struct stored_batch *stored, const char *key);
char *stored_batch_keys(const struct stored_batch *stored);

#endif
