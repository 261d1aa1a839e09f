// publish: puts what people get into the batch's folder of the outbox.
//
// Each file appears whole or not at all, the reel
// last but one and its report never before it; done twice, the same files are there.  An outbox
// that cannot be written is machine trouble and not the batch's fault: the reel waits, finished,
// until someone puts the outbox right.
#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "stages/outbox.h"

struct publication {
    const char *name;
    bool required;
};

static const struct publication publications[] = {
    { BATCH_ANALYSIS, false },
    { BATCH_PLAN, true },
    { BATCH_COVER, false },
    { BATCH_FINAL, true },
};

struct copying {
    struct stage_context *context;
    uint64_t done_bytes, all_bytes;
};

static void copied(void *data, uint64_t bytes)
{
    const struct copying *copying = data;
    if (copying->all_bytes > 0)
        stage_progress(copying->context,
                       (double)(copying->done_bytes + bytes) / (double)copying->all_bytes);
}

// Sizes of what is there, for the progress; what must be there and is not is our own fault.
static int measure(struct copying *copying, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(publications); i++) {
        struct stat found;
        int r =
            fstatat(copying->context->batchdir, publications[i].name, &found, AT_SYMLINK_NOFOLLOW);
        if (r == 0 && S_ISREG(found.st_mode))
            copying->all_bytes += (uint64_t)found.st_size;
        else if (publications[i].required)
            return err_set(err, ERR_BUG, "nothing_to_publish", "%s is missing in the batch",
                           publications[i].name);
    }
    return 0;
}

static int publish_one(struct copying *copying, const char *name, int folder, struct err *err)
{
    struct stat found;
    int batchdir = copying->context->batchdir;
    if (fstatat(batchdir, name, &found, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
        return 0; // an optional one, see measure()
    int r = outbox_put(batchdir, name, folder, copied, copying, err);
    if (r < 0)
        return r;
    copying->done_bytes += (uint64_t)found.st_size;
    return 0;
}

static int run(struct stage_context *context, struct err *err)
{
    struct copying copying = { .context = context };
    int r = measure(&copying, err);
    cleanup(close_fd) int folder = r < 0 ? r : outbox_open(context, err);
    if (folder < 0)
        return folder;
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(publications); i++) {
        struct err inner = ERR_INIT;
        if (publish_one(&copying, publications[i].name, folder, &inner) < 0)
            r = outbox_trouble(context, -inner.code, err);
    }
    json_put_int(context->numbers, "size_bytes", (int64_t)copying.all_bytes);
    // The reel is there; what it was to look like is of no more use.
    if (r == 0)
        (void)fs_remove(folder, BATCH_PREVIEW, NULL);
    return r;
}

int main(int argc, char **argv)
{
    return stage_main(argc, argv, STAGE_PUBLISH, run);
}
