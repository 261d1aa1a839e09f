// Files held against the sums that SHA256SUMS has of them.
#ifndef CLIPSPOOL_SUMS_H
#define CLIPSPOOL_SUMS_H

#include "base/fs.h"
#include "spool/manifest.h"

// Reads all of the regular file open as fd.  Returns 0, or a negative with ERR_INPUT "wrong_sum" if
// it is not what the manifest says (the text follows its name).  `progress` may be NULL.
int sums_check(int fd, const struct manifest_file *file, fs_progress *progress, void *context,
               struct err *err);

// Reads all files of the manifest in the open folder, in its order; ends with the first that is
// wrong, is missing (ERR_INPUT "missing_file"), or cannot be read.
int sums_check_all(int dirfd, const struct manifest *manifest, struct err *err);

#endif
