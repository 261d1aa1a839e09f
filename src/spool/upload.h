// Where a proxy is in the bucket: upload.json, which the stage upload leaves for those that show
// it.
#ifndef CLIPSPOOL_UPLOAD_H
#define CLIPSPOOL_UPLOAD_H

#include "base/json.h"
#include <time.h>

struct upload {
    char *bucket, *key; // the bucket by its name in the configuration
    char *link;         // NULL where the place has none (a folder)
    time_t expires_at;  // of the object
    time_t link_until;  // 0 without a link
};
#define UPLOAD_INIT    \
    {                  \
        .bucket = NULL \
    }
void upload_release(struct upload *upload);

// The file: { "bucket", "key", "expires_at", "url", "url_expires_at" }, times as text_time has
// them.
int upload_save(int sourcedir, const struct upload *upload, struct err *err);

// Fills *upload, which is INIT or released.  Returns 0; -ENOENT without err if there is no such
// file; or a negative: ERR_INPUT "bad_upload" or "bad_json" for one that is damaged.
int upload_load(int sourcedir, struct upload *upload, struct err *err);

// Whether the link lives for so many seconds from `now` on.
bool upload_lasts(const struct upload *upload, time_t now, double seconds);

#endif
