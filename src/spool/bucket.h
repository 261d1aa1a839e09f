// A bucket as the configuration names it: where objects can be, and whose keys open it.
//
// Plain data, the rows of its options and the rules between them; who opens one is in
// src/store.  Keys are never here, only the name of a credential (net/credential.h).
#ifndef CLIPSPOOL_BUCKET_H
#define CLIPSPOOL_BUCKET_H

#include "base/config.h"
#include "spool/remote.h"

enum bucket_type { BUCKET_OSS, BUCKET_S3, BUCKET_FOLDER };
enum bucket_style { BUCKET_AUTO, BUCKET_PATH, BUCKET_HOST, BUCKET_OWN };
enum bucket_signature { BUCKET_V4, BUCKET_V1 };

enum { BUCKET_MAX_COUNT = 50 }; // in one configuration

struct bucket {
    char *name; // what the configuration and files call it
    int type;   // enum bucket_type
    char *bucket, *endpoint, *region;
    int style, signature; // enum bucket_style, enum bucket_signature
    char *credential;     // a name of systemd's, or an absolute path
    char *path;           // BUCKET_FOLDER: the folder
};

enum { BUCKET_OPTIONS = 9 };
extern const struct config_option bucket_options[BUCKET_OPTIONS];

struct bucket_list {
    struct bucket *items;
    size_t count;
};

// Adds all that is wrong with the buckets of a configuration, each line beginning with `name`, that
// of the file.  What passes has an endpoint that remote_endpoint takes.
void bucket_check(const char *name, const struct bucket_list *list, struct config_report *report);

// The one of that name, or NULL.  Borrowed.
const struct bucket *bucket_find(const struct bucket_list *list, const char *name);

// The one that holds an object: that of its profile; else the first of its service that has its
// bucket's name and, where the object says them, its endpoint and region.  NULL if there is none.
// A profile whose bucket is another one is no match: keys are for their own bucket only.  Borrowed.
const struct bucket *bucket_of_object(const struct bucket_list *list, const struct remote *remote);

// The region as it goes into signatures: the configured one, else what the endpoint says, else
// us-east-1 for S3, which services that have none take for theirs.  Gives a string, NULL if an OSS
// endpoint does not say.
char *bucket_region(const struct bucket *bucket);

#endif
