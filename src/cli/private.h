// A spool for one batch of one person: `clipspool run`.
//
// The videos are not copied in, they are named by symbolic links; the configuration says that links
// are welcome here.  The folder lies beside the result, so that the finished reel gets there by a
// rename, unless that file system has no symbolic links.  Only what models answered outlives it: in
// the cache that the configuration names, else in clipspool/ of $XDG_CACHE_HOME or ~/.cache.
#ifndef CLIPSPOOL_PRIVATE_H
#define CLIPSPOOL_PRIVATE_H

#include "spool/job.h"
#include "spool/settings.h"

struct private
{
    char *path;   // absolute
    char *config; // of its clipspool.conf
    char *leaf;   // the last component of path
    int parent, dir, outbox;
};
#define PRIVATE_INIT                          \
    {                                         \
        .parent = -1, .dir = -1, .outbox = -1 \
    }

struct private_batch {         // all borrowed
    const char *name;          // of the batch
    const char *const *videos; // absolute paths
    size_t video_count;
    const char *job_text; // of job.conf, or NULL
    bool job_orders;      // it lists the sources itself
    const struct settings *settings;
};

// Makes the spool in the folder `where` with the batch in its incoming, complete and ready. Returns
// 0; -EPERM or -EOPNOTSUPP if `where` has no symbolic links (nothing is left there); other
// negatives.
int private_open(struct private *spool, const char *where, const struct private_batch *batch,
                 struct err *err);

// Removes it with everything in it.
void private_remove(struct private *spool);
void private_release(struct private *spool);

// The name a video gets in the batch: its own, where the intake would take that for a video; else
// made to fit.  Gives a string.
char *private_link_name(const char *path);

// A configuration text that says all that `settings` says.  Gives a string.
char *private_settings_text(const struct settings *settings);

#endif
