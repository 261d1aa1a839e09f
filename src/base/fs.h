// Durable file work relative to a directory descriptor.  The only place that renames, links or
// syncs.
//
// A file is replaced whole or not at all: made aside as NAME.tmp, written, fsynced, closed,
// renamed, and the directory fsynced (measured in docs/SPOOL.md: without either sync, acknowledged
// files are lost in a power cut).  A failed fsync is never retried: the kernel may have dropped the
// pages, so the file is made again from its inputs.
//
// A name may have components ("steps/plan.json"): it is resolved beneath dirfd without following a
// symlink, and the directory that is fsynced is the one that holds the file.  An absolute name or
// one that climbs out with .. is refused.
#ifndef CLIPSPOOL_FS_H
#define CLIPSPOOL_FS_H

#include "base/err.h"
#include <sys/stat.h>

// err_errno about a name: "open clip.mp4: Permission denied", the name escaped.  Returns -number.
int fs_fail(struct err *err, int number, const char *verb, const char *name);

// ---- whole small files

// Reads a regular file (never follows a symlink, never blocks on a FIFO).  Gives *ret_data (free),
// with a NUL behind its *ret_size bytes.  Returns 0; -ENOENT without setting err; -EFBIG
// (ERR_INPUT id "too_large") if larger than max_bytes; other negatives.
int fs_read(int dirfd, const char *name, size_t max_bytes, char **ret_data, size_t *ret_size,
            struct err *err);

// Replaces NAME durably with `size` bytes, mode 0640 less the umask.
int fs_write(int dirfd, const char *name, const void *data, size_t size, struct err *err);

// The same with its name first and its durability after: for what a killed process must not lose,
// while a lost machine may.  After the latter NAME may be of the right size and hold anything, so
// who reads it must see whether it is whole.
int fs_write_at_once(int dirfd, const char *name, const void *data, size_t size, struct err *err);

// The same without durability: for what the next start holds against its source and makes anew.
int fs_write_unsynced(int dirfd, const char *name, const void *data, size_t size, struct err *err);

// Appends one record with a single write and without sync: for logs only, where a lost tail is no
// loss.
int fs_append(int dirfd, const char *name, const void *data, size_t size, struct err *err);

// ---- large files, made in steps

// struct fs_file f = FS_FILE_INIT; fs_begin(); write to f.fd; fs_commit() or nothing; fs_release().
// Released without commit, nothing is left behind.
struct fs_file {
    int dirfd;       // the directory that holds the file; the object's own
    int fd;          // open read-write; the object's own; -1 again after fs_commit
    char *name;      // within dirfd
    char *temporary; // name.tmp, NULL once there is none
    bool keeps;      // released without commit, the temporary stays
};
#define FS_FILE_INIT          \
    {                         \
        .dirfd = -1, .fd = -1 \
    }
int fs_begin(struct fs_file *file, int dirfd, const char *name,
             struct err *err); // replaces a left-over .tmp
// Under its own name, which must be free: for the files of a tree that is made aside as a whole.
int fs_begin_in_place(struct fs_file *file, int dirfd, const char *name, struct err *err);
// Made over several runs: as NAME.part, with what an earlier one left in it, which also stays when
// this one is released without commit.
int fs_continue(struct fs_file *file, int dirfd, const char *name, struct err *err);
int fs_commit(struct fs_file *file, struct err *err);
void fs_release(struct fs_file *file);

// Writes all of it where fd stands.
int fs_write_all(int fd, const void *data, size_t size, struct err *err);

// Sets the space aside that bytes from `offset` on will need, without changing the size of the
// file. Returns 0, or a negative with ERR_IO id "no_space".  Where a file system cannot, it is only
// held against what is free.
int fs_reserve(int fd, uint64_t offset, uint64_t size, struct err *err);

// What was written is on the disk.  After a failure the file is to be thrown away.
int fs_sync(int fd, struct err *err);

// A hint to begin with that for `size` bytes from `offset` on; waits for nothing.
void fs_sync_soon(int fd, uint64_t offset, uint64_t size);

// ---- names

// mkdir and fsync of the parent.  Returns 0, or 1 if a directory of that name was there already.
int fs_mkdir(int dirfd, const char *name, mode_t mode, struct err *err);

enum fs_move_flags {
    FS_MOVE_REPLACE = 1 << 0,  // default: an existing target is -EEXIST
    FS_MOVE_UNSYNCED = 1 << 1, // a power cut may undo it: for what the next start moves again
};
// Renames durably: fsyncs both directories (of a folder only the new one, for it has one name).
// Returns 0, -EEXIST, -EXDEV (both without setting err) or another negative.
int fs_move(int from_dirfd, const char *from, int to_dirfd, const char *to,
            enum fs_move_flags flags, struct err *err);

// Called with the bytes done so far during a copy.
typedef void fs_progress(void *context, uint64_t bytes);

// Makes `to` a file with the contents of the regular file `from`: by hard link where the file
// system allows, else reflink, else copy; committed durably, an existing `to` is replaced.
// `progress` may be NULL.  Returns the way it was done; ERR_RETRY id "changed" if the file changed
// meanwhile.  A hard link shares later changes with whoever may still write to `from`, and its
// rights; a copy may be read by the same, as far as we may give that, and written by us alone.
enum fs_way { FS_LINKED = 0, FS_CLONED = 1, FS_COPIED = 2 };
int fs_link_or_copy(int from_dirfd, const char *from, int to_dirfd, const char *to,
                    fs_progress *progress, void *context, struct err *err);

// Fills a file begun with the contents of the regular file open as fd, and its times: by reflink,
// else copy.  Returns FS_CLONED or FS_COPIED; ERR_RETRY id "changed" as above.
int fs_fill(struct fs_file *file, int fd, fs_progress *progress, void *context, struct err *err);

// Fills a file begun with what shares all blocks of the regular file open as fd, and its times:
// what either is changed to later, the other does not show.  Returns FS_CLONED, or -EOPNOTSUPP
// without setting err where the file systems cannot (then nothing was done), or as fs_fill.
int fs_clone(struct fs_file *file, int fd, struct err *err);

// Copies a regular file or a tree of regular files and directories durably (each file and directory
// fsynced); symlinks and special files are left out.  What was written is compared with the source
// by a second read.  `to` appears whole or not at all (made as `to`.tmp).  At most max_entries and
// max_bytes, else -E2BIG and -EFBIG with ERR_INPUT.  A file or folder that may not be read is
// ERR_INPUT "unreadable".  Returns 0, -EEXIST (without setting err) if
// `to` is there, or another negative.
int fs_copy_tree(int from_dirfd, const char *from, int to_dirfd, const char *to,
                 unsigned max_entries, uint64_t max_bytes, struct err *err);

// Removes a file or a whole tree durably, never following a symlink or crossing a mount point. What
// is not there is success.
int fs_remove(int dirfd, const char *name, struct err *err);

// Removes every *.tmp directly in dirfd, files and trees.
int fs_remove_temporary(int dirfd, struct err *err);

// ---- looking

// Opens beneath dirfd without following any symlink, component by component, O_CLOEXEC, O_NONBLOCK,
// O_NOCTTY; mode 0640 with O_CREAT.  Returns a descriptor or -errno: -ELOOP for a symlink, -EXDEV
// for an absolute path or one with "..".  Sets no err.
int fs_open(int dirfd, const char *path, int flags);

// Opens beneath dirfd for reading, as above, and requires a directory / a regular file (ERR_INPUT
// id "not_a_file" says what else it is).  Return a descriptor or a negative.  ret_stat may be NULL.
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

// Makes the names in a directory durable: what was created, removed or renamed in it.
int fs_sync_dir(int dirfd, struct err *err);

// Makes durable that NAME, which may have components, is there: syncs its folder and those between
// it and dirfd, which somebody else may have made.
int fs_sync_name(int dirfd, const char *name, struct err *err);

// Opens and locks NAME (created if needed): one holder at a time, freed by the kernel when the
// descriptor and its copies close.  The lock file is never removed: two holders of two files of one
// name would both be right.  Returns the descriptor; -EAGAIN (without setting err) if
// another process holds it.
int fs_lock(int dirfd, const char *name, struct err *err);
// The same, held by the process: a child that was just forked, and is about to become another
// program, does not hold it on after its parent was killed.  No other descriptor of the file may be
// closed meanwhile, that would let go of it.
int fs_lock_process(int dirfd, const char *name, struct err *err);

#endif
