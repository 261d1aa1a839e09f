// A batch made by hand in a temporary spool, for tests of single stages and modules.
#ifndef CLIPSPOOL_TESTS_BATCH_FOLDER_H
#define CLIPSPOOL_TESTS_BATCH_FOLDER_H

#include "spool/spool.h"
#include "tests/support/folder.h"

struct batch_folder {
    struct folder folder; // the root of the spool
    struct settings settings;
    struct spool spool;
    char *id, *path; // of the batch in work/
    int batchdir;
};

// Makes the spool and a batch "trip" of the sources a.mp4, b.mp4 ... with a few bytes each,
// understood, with its outbox folder.
void batch_folder_make(struct batch_folder *batch, size_t sources);
void batch_folder_remove(struct batch_folder *batch);

// From here on it is a batch of these services: enum model_service.
void batch_folder_roles(const struct batch_folder *batch, int vision, int speech);

#endif
