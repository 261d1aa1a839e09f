// publish: puts what people get into the batch's folder of the outbox.
//
// The one stage that writes outside its batch.  Each file appears whole or not at all, the reel
// last but one and its report never before it; done twice, the same files are there.  An outbox
// that cannot be written is machine trouble and not the batch's fault: the reel waits, finished,
// until someone puts the outbox right.
#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/text.h"
#include "spool/spool.h"
#include "stages/stage.h"

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

// Turns any failure over the outbox into machine trouble that is tried again, and says where.
static int outbox_trouble(int number, const char *path, const char *folder, struct err *err)
{
    cleanup(free_ptr) char *name = text_escape(folder);
    const char *reason = strerrordesc_np(number);
    (void)err_set(err, ERR_IO, number == ENOSPC || number == EDQUOT ? "no_space" : "outbox_trouble",
                  "the finished reel cannot be put into %s/%s: %s", path, name,
                  reason ? reason : "unknown error");
    return err_hint(err, number == ENOSPC || number == EDQUOT
                             ? "free some space in the outbox; publishing goes on by itself"
                             : "let the user clipspool write there; publishing goes on by itself");
}

// Opens the batch's folder in the outbox, made again if someone removed it.
static int open_outbox(const char *path, const char *folder, struct err *err)
{
    cleanup(close_fd) int outbox = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (outbox < 0)
        return outbox_trouble(errno, path, folder, err);
    struct err inner = ERR_INIT;
    int r = fs_mkdir(outbox, folder, 0770, &inner);
    int fd = r < 0 ? r : fs_open_dir(outbox, folder, &inner);
    return fd < 0 ? outbox_trouble(-fd, path, folder, err) : fd;
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

// Whoever may read the folder may read what is in it, and nobody else may write to it: in the
// outbox it is a further link of the batch's own file.  Done to that file, before it has a name
// where others could put something else in its place.
static int let_people_read(int batchdir, const char *name, int folder, struct err *err)
{
    struct stat around;
    cleanup(close_fd) int fd = fs_open_file(batchdir, name, NULL, err);
    if (fd < 0)
        return fd;
    if (fstat(folder, &around) < 0)
        return err_errno(err, errno, "look at the outbox folder");
    // Refused where we are not in that group; then the folder's owner has other ways.
    (void)!fchown(fd, (uid_t)-1, around.st_gid);
    (void)fchmod(fd, (around.st_mode & 0444) | 0600);
    return 0;
}

static int publish_one(struct copying *copying, const char *name, int folder, struct err *err)
{
    struct stat found;
    int batchdir = copying->context->batchdir;
    if (fstatat(batchdir, name, &found, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
        return 0; // an optional one, see measure()
    int r = let_people_read(batchdir, name, folder, err);
    if (r == 0)
        r = fs_link_or_copy(batchdir, name, folder, name, copied, copying, err);
    if (r < 0)
        return r;
    copying->done_bytes += (uint64_t)found.st_size;
    return 0;
}

static int run(struct stage_context *context, struct err *err)
{
    const char *name = context->batch.outbox;
    cleanup(free_ptr) char *path = settings_outbox(&context->settings);
    struct copying copying = { .context = context };
    if (!name)
        return err_set(err, ERR_BUG, "no_outbox", "the batch has no folder in the outbox");
    int r = measure(&copying, err);
    cleanup(close_fd) int folder = r < 0 ? -1 : open_outbox(path, name, err);
    for (size_t i = 0; r == 0 && folder >= 0 && i < ARRAY_LEN(publications); i++) {
        struct err inner = ERR_INIT;
        int p = publish_one(&copying, publications[i].name, folder, &inner);
        if (p < 0)
            return outbox_trouble(-inner.code, path, name, err);
    }
    json_put_int(context->numbers, "size_bytes", (int64_t)copying.all_bytes);
    return r < 0 ? r : folder < 0 ? -EIO : 0;
}

int main(int argc, char **argv)
{
    return stage_main(argc, argv, STAGE_PUBLISH, run);
}
