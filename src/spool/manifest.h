// SHA256SUMS in a dropped folder: the files that belong to the batch, and what is in them.
//
// The format is that of sha256sum(1): a line for each file, 64 hex digits, a blank, a blank or an
// asterisk, and the name; in a line that begins with a backslash, \\ \n and \r of the name stand
// for themselves.  Names are relative to the folder and stay in it.  It is the strongest way to say
// what is complete: a batch that has it is not taken before each file is there and is what it says.
#ifndef CLIPSPOOL_MANIFEST_H
#define CLIPSPOOL_MANIFEST_H

#include "base/err.h"

#define MANIFEST_FILE "SHA256SUMS"

enum {
    MANIFEST_MAX_BYTES = 1 << 20,
    MANIFEST_MAX_FILES = 10000, // above any limits.max_entries that a reel needs
    MANIFEST_SUM_SIZE = 65,     // 64 lower-case digits and a NUL
};

struct manifest_file {
    char *path; // bytes, without a leading "./"
    char sum[MANIFEST_SUM_SIZE];
};
struct manifest {
    struct manifest_file *files;
    size_t count;
};
#define MANIFEST_INIT \
    {                 \
        NULL, 0       \
    }

// Reads the text.  Returns 0, or a negative with ERR_INPUT "bad_manifest", whose text names the
// line.
int manifest_parse(const char *text, size_t size, struct manifest *manifest, struct err *err);
// The one in the open folder.  Returns 0; -ENOENT without setting err if there is none; another
// negative: as above, also for one that is no file or too large.
int manifest_read(int dirfd, struct manifest *manifest, struct err *err);
void manifest_release(struct manifest *manifest);

// The file of that path, or NULL.  Borrowed.
const struct manifest_file *manifest_find(const struct manifest *manifest, const char *path);

// The first file that is not there, or is no regular file, or NULL.  Borrowed.
const struct manifest_file *manifest_missing(const struct manifest *manifest, int dirfd);

#endif
