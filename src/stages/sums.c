// A file is read once, in pieces.
#include "stages/sums.h"

#include <errno.h>
#include <fcntl.h>

#include "base/text.h"
#include "net/digest.h"

enum { PIECE = 1 << 18 };

static int add_all(struct digest_run *run, int fd, fs_progress *progress, void *context,
                   struct err *err)
{
    cleanup(free_ptr) char *piece = xcalloc(PIECE, 1);
    for (uint64_t done = 0;;) {
        ssize_t got = pread(fd, piece, PIECE, (off_t)done);
        if (got == 0)
            return 0;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, errno, "read the file");
        int r = digest_add(run, piece, (size_t)got, err);
        if (r < 0)
            return r;
        done += (uint64_t)got;
        if (progress)
            progress(context, done);
    }
}

int sums_check(int fd, const struct manifest_file *file, fs_progress *progress, void *context,
               struct err *err)
{
    struct digest digest;
    char is[DIGEST_HEX_SIZE];
    cleanup(digest_run_free) struct digest_run *run = digest_begin(DIGEST_SHA256, err);
    int r = run ? add_all(run, fd, progress, context, err) : -ENOMEM;
    if (r == 0)
        r = digest_end(run, &digest, err);
    if (r < 0 || strcmp(digest_hex(&digest, is), file->sum) == 0)
        return r;
    err_set(err, ERR_INPUT, "wrong_sum",
            "is not what " MANIFEST_FILE " says: its SHA-256 is %.12s..., not %.12s...", is,
            file->sum);
    return err_hint(err, "copy it again; or make " MANIFEST_FILE " again, if it is right");
}

int sums_check_all(int dirfd, const struct manifest *manifest, struct err *err)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const struct manifest_file *file = &manifest->files[i];
        cleanup(close_fd) int fd = fs_open(dirfd, file->path, O_RDONLY);
        cleanup(free_ptr) char *shown = text_escape(file->path);
        struct stat st;
        if (fd == -EACCES)
            return err_set(err, ERR_INPUT, "unreadable", "%s may not be read", shown);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
            return err_set(err, ERR_INPUT, "missing_file",
                           "%s is in " MANIFEST_FILE ", but not in the folder", shown);
        int r = sums_check(fd, file, NULL, NULL, err);
        if (r < 0)
            return err_prefix(err, "%s", shown);
    }
    return 0;
}
