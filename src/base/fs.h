// Durable file work relative to a directory descriptor.  The only place that renames, links or
// syncs.
//
// A file is replaced whole or not at all: made aside as NAME.tmp, written, fsynced, closed,
// renamed, and the directory fsynced (measured in docs/SPOOL.md: without either sync, acknowledged
// files are lost in a power cut).  A failed fsync is never retried: the kernel may have dropped the
// pages, so the file is made again from its inputs.
#ifndef CLIPSPOOL_FS_H
#define CLIPSPOOL_FS_H

#include "base/err.h"
#include <sys/stat.h>

// ---- whole small files

// Reads a regular file (never follows a symlink, never blocks on a FIFO).  Gives *ret_data (free),
// with a NUL behind its *ret_size bytes.  Returns 0; -ENOENT without setting err; -EFBIG if larger
// than max_bytes; other negatives.
int fs_read(int dirfd, const char *name, size_t max_bytes, char **ret_data, size_t *ret_size,
            struct err *err);

// Replaces NAME durably with `size` bytes, mode 0640 less the umask.
int fs_write(int dirfd, const char *name, const void *data, size_t size, struct err *err);

// Appends one record with a single write and without sync: for logs only, where a lost tail is no
// loss.
int fs_append(int dirfd, const char *name, const void *data, size_t size, struct err *err);

// ---- large files, made in steps

// struct fs_file f = FS_FILE_INIT; fs_begin(); write to f.fd; fs_commit() or nothing; fs_release().
// Released without commit, nothing is left behind.
struct fs_file {
    int dirfd; // borrowed from the caller of fs_begin, must outlive the object
    int fd;    // open read-write; the object's own
    char *name;
    char *temporary; // name.tmp
};
#define FS_FILE_INIT          \
    {                         \
        .dirfd = -1, .fd = -1 \
    }
int fs_begin(struct fs_file *file, int dirfd, const char *name,
             struct err *err); // replaces a left-over .tmp
int fs_commit(struct fs_file *file, struct err *err);
void fs_release(struct fs_file *file);

// ---- names

// mkdir and fsync of the parent.  Returns 0, or 1 if a directory of that name was there already.
int fs_mkdir(int dirfd, const char *name, mode_t mode, struct err *err);

enum fs_move_flags { FS_MOVE_REPLACE = 1 << 0 }; // default: an existing target is -EEXIST
// Renames durably: fsyncs both directories.  Returns 0, -EEXIST, -EXDEV (both without setting err)
// or another negative.
int fs_move(int from_dirfd, const char *from, int to_dirfd, const char *to,
            enum fs_move_flags flags, struct err *err);

// Makes `to` a file with the contents of the regular file open as fd: by hard link to
// from_dirfd/from where the file system allows, else reflink, else copy; committed durably, an
// existing `to` is replaced.  `progress` may be NULL; it is called with bytes done during a copy.
// Returns the way it was done.
enum fs_way { FS_LINKED = 0, FS_CLONED = 1, FS_COPIED = 2 };
int fs_link_or_copy(int from_dirfd, const char *from, int to_dirfd, const char *to,
                    void (*progress)(void *context, uint64_t bytes), void *context,
                    struct err *err);

// Copies a tree of regular files and directories durably (each file and directory fsynced), nothing
// else and no symlinks; compares what was written with the source by a second read.  At most
// max_entries and max_bytes.  Returns 0 or negative.
int fs_copy_tree(int from_dirfd, const char *from, int to_dirfd, const char *to,
                 unsigned max_entries, uint64_t max_bytes, struct err *err);

// Removes a file or a whole tree, never following a symlink or leaving its file system.  What is
// not there is success.
int fs_remove(int dirfd, const char *name, struct err *err);

// Removes every *.tmp directly in dirfd.
int fs_remove_temporary(int dirfd, struct err *err);

// ---- looking

// Opens beneath dirfd without following any symlink (openat2 RESOLVE_BENEATH | NO_SYMLINKS |
// NO_MAGICLINKS), O_CLOEXEC, O_NONBLOCK, O_NOCTTY.  Returns a descriptor or -errno; sets no err.
int fs_open(int dirfd, const char *path, int flags);

// Opens beneath dirfd as above and requires a directory / a regular file.
int fs_open_dir(int dirfd, const char *path, struct err *err);
int fs_open_file(int dirfd, const char *path, struct stat *ret_stat, struct err *err);

// The names in a directory, without . and .., in natural order.  Gives an array and its strings in
// *ret_names (fs_names_free).  Returns the count, or -E2BIG if there are more than `max`, or
// another negative.
int fs_list(int dirfd, size_t max, char ***ret_names, struct err *err);
void fs_names_free(char ***names); // array ends with NULL

// Free space for unprivileged users, and free inodes (UINT64_MAX where the file system has no
// count).
int fs_free(int dirfd, uint64_t *ret_bytes, uint64_t *ret_inodes, struct err *err);

// Opens and locks NAME (created if needed) for this process: one holder at a time, freed by the
// kernel when the descriptor closes.  Returns the descriptor; -EAGAIN (without setting err) if
// another process holds it.
int fs_lock(int dirfd, const char *name, struct err *err);

#endif
