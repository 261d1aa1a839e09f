// Writing into the outbox; see outbox.h.
#include "stages/outbox.h"

#include <errno.h>
#include <fcntl.h>

#include "base/text.h"
#include "spool/spool.h"

int outbox_trouble(struct stage_context *context, int number, struct err *err)
{
    cleanup(free_ptr) char *path = settings_outbox(&context->settings);
    cleanup(free_ptr) char *name = text_escape(context->batch.outbox ? context->batch.outbox : "");
    const char *reason = strerrordesc_np(number);
    (void)err_set(err, ERR_IO, number == ENOSPC || number == EDQUOT ? "no_space" : "outbox_trouble",
                  "what was made cannot be put into %s/%s: %s", path, name,
                  reason ? reason : "unknown error");
    return err_hint(err, number == ENOSPC || number == EDQUOT
                             ? "free some space in the outbox; publishing goes on by itself"
                             : "let the user clipspool write there; publishing goes on by itself");
}

int outbox_open(struct stage_context *context, struct err *err)
{
    const char *folder = context->batch.outbox;
    cleanup(free_ptr) char *path = settings_outbox(&context->settings);
    if (!folder)
        return err_set(err, ERR_BUG, "no_outbox", "the batch has no folder in the outbox");
    cleanup(close_fd) int outbox = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (outbox < 0)
        return outbox_trouble(context, errno, err);
    struct err inner = ERR_INIT;
    int r = fs_mkdir(outbox, folder, 0770, &inner);
    int fd = r < 0 ? r : fs_open_dir(outbox, folder, &inner);
    return fd < 0 ? outbox_trouble(context, -fd, err) : fd;
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

int outbox_put(int batchdir, const char *name, int folder, fs_progress *progress, void *data,
               struct err *err)
{
    int r = let_people_read(batchdir, name, folder, err);
    return r < 0 ? r : fs_link_or_copy(batchdir, name, folder, name, progress, data, err);
}
