// A configured bucket, opened by a program that may hold its keys.
//
// Keys are loaded here and nowhere else, after the process has closed itself to others
// (secret_guard_process), and wiped when the storage is closed.
#ifndef CLIPSPOOL_STORAGE_H
#define CLIPSPOOL_STORAGE_H

#include "net/gate.h"
#include "spool/settings.h"
#include "store/store.h"

struct storage {
    const struct bucket *bucket;  // of the settings; borrowed
    struct credential credential; // the store refers to it: the struct stays where it is
    struct gate *gate;            // that all who use this bucket go through, whoever they are
    struct store *store;
    int stop_fd; // SIGTERM and SIGINT end what the store does with -ECANCELED
};
#define STORAGE_INIT  \
    {                 \
        .stop_fd = -1 \
    }

// Opens the bucket; keeps the settings.  *storage is STORAGE_INIT.  No connection is made.  Returns
// 0 or a negative: ERR_CONFIG, as store_open and credential_load have it.
int storage_open(const struct settings *settings, const struct bucket *bucket,
                 struct storage *storage, struct err *err);

// The bucket of that name, which a batch was promised.  ERR_CONFIG "no_bucket" if the configuration
// has it no more.
int storage_open_named(const struct settings *settings, const char *name, struct storage *storage,
                       struct err *err);

// Wipes the keys.
void storage_close(struct storage *storage);

// To be called with what a verb of the store returned: if it was asked to end, the process does so
// here.  Returns r.
int storage_ended(const struct storage *storage, int r);

// A link that works for so long, NULL where the place has none (a folder).  With `address`, where
// everybody may read what is there, one that lasts.  Gives *ret_link (secret_free).
int storage_link(const struct storage *storage, const char *address, const char *key,
                 unsigned seconds, char **ret_link, struct err *err);

#endif
