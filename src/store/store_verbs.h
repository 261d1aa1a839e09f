// What is behind a store: for the kinds of store only.
#ifndef CLIPSPOOL_STORE_VERBS_H
#define CLIPSPOOL_STORE_VERBS_H

#include "store/store.h"

// As the functions of store.h, which have checked the key before, and put the store's name in front
// of what goes wrong after.
struct store_verbs {
    int (*put)(struct store *store, const struct store_order *order, struct err *err);
    int (*get)(struct store *store, const struct store_target *target,
               struct download_result *result, struct err *err);
    int (*head)(struct store *store, const char *key, struct store_about *about, struct err *err);
    int (*remove)(struct store *store, const char *key, struct err *err);
    int (*list)(struct store *store, const char *prefix, store_visit *visit, void *context,
                struct err *err);
    int (*abandon)(struct store *store, const char *prefix, time_t before, struct err *err);
    int (*sign)(struct store *store, const char *key, unsigned seconds, char **ret_link,
                struct err *err);
    void (*close)(struct store *store); // frees it
};

// The first member of each kind's own struct.
struct store {
    const struct store_verbs *verbs;
    char *shown; // owned by store.c
};

// Give *ret_store without `shown`.  Errors as store_open.
int store_bucket_open(const struct store_place *place, const struct http_rules *rules,
                      struct store **ret_store, struct err *err);
int store_folder_open(const struct store_place *place, const struct http_rules *rules,
                      struct store **ret_store, struct err *err);

// Whether metadata can be kept as store.h says; ERR_BUG "bad_header".
int store_check_metadata(const struct fields *metadata, struct err *err);

#endif
