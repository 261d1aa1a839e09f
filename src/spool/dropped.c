// What is wrong with a name, in the order in which people understand it.

#include "spool/dropped.h"
#include "base/fs.h"
#include "base/text.h"
#include "spool/doubt.h"
#include <fcntl.h>

// What a dropped name is, if it is no regular file.  Sets error.
static void refuse_kind(mode_t mode, struct err *error)
{
    static const struct {
        mode_t type;
        const char *id, *text;
    } kinds[] = {
        { S_IFLNK, "symlink", "is a symbolic link, not a file" },
        { S_IFIFO, "fifo", "is a FIFO (a named pipe), not a file" },
        { S_IFSOCK, "socket", "is a socket, not a file" },
        { S_IFCHR, "device", "is a device, not a file" },
        { S_IFBLK, "device", "is a device, not a file" },
        { S_IFDIR, "not_a_file", "is a folder, not a file" },
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if ((mode & S_IFMT) == kinds[i].type)
            err_set(error, ERR_INPUT, kinds[i].id, "%s", kinds[i].text);
    err_set(error, ERR_INPUT, "not_a_file", "is not a regular file");
    err_hint(error, "copy the video itself into the folder");
}

// Whether a video's size is one that we take.  Sets error if not.
static void check_size(uint64_t size, uint64_t limit, struct err *error)
{
    if (size <= limit)
        return;
    char has[TEXT_TIME_SIZE], most[TEXT_TIME_SIZE];
    err_set(error, ERR_INPUT, "too_large", "has %s, the limit is %s", text_bytes(size, has),
            text_bytes(limit, most));
    err_hint(error, "drop a smaller file, or have limits.max_source_bytes raised");
}

// Whether all of a copy came.  Whoever says `.ready` is believed: some recordings have no end.
static void check_whole(int fd, uint64_t size, struct err *error)
{
    cleanup(doubt_release) struct doubt doubt = DOUBT_INIT;
    doubt_file(fd, size, &doubt);
    if (doubt.kind != DOUBT_CUT_OFF)
        return;
    err_set(error, ERR_INPUT, "incomplete_file", "%s", doubt.why);
    err_hint(error, "copy the video again; if this is all there is of it, drop it in a folder that "
                    "also holds an empty file named .ready");
}

// Whether a regular file can be used.  Sets error if not.
static void check_file(const struct dropped_rules *rules, const struct tree_entry *entry,
                       const struct stat *st, struct err *error)
{
    if (st->st_nlink > 1 && !rules->accept_links) {
        // Whoever holds the other name can change the video while it is read.
        err_set(error, ERR_INPUT, "hard_link",
                "has %ju names (hard links); only a file of its own is taken",
                (uintmax_t)st->st_nlink);
        err_hint(error, "copy the video into the folder instead of linking it");
    } else if (st->st_size == 0) {
        err_set(error, ERR_INPUT, "empty_file", "is empty (0 bytes)");
        err_hint(error, "copy the video again; the first copy may have been interrupted");
    } else if (!rules->accept_links) {
        cleanup(close_fd) int fd = fs_open(entry->dirfd, entry->name, O_RDONLY);
        if (fd < 0 && err_is_passing(-fd)) {
            (void)err_errno(error, -fd, "cannot be read");
        } else if (fd < 0) {
            err_set(error, ERR_INPUT, "unreadable", "cannot be read: %s", strerror(-fd));
            err_hint(error, "allow everyone to read the file, or copy it again");
        } else if (!rules->is_ready) {
            check_whole(fd, (uint64_t)st->st_size, error);
        }
    }
    check_size((uint64_t)st->st_size, rules->max_bytes, error);
}

void dropped_check(const struct dropped_rules *rules, const struct tree_entry *entry,
                   struct stat *ret_stat, struct err *error)
{
    *ret_stat = *entry->stat;
    if (S_ISLNK(ret_stat->st_mode) && rules->accept_links &&
        fstatat(entry->dirfd, entry->name, ret_stat, 0) < 0)
        *ret_stat = *entry->stat;
    if (S_ISREG(ret_stat->st_mode))
        check_file(rules, entry, ret_stat, error);
    else
        refuse_kind(ret_stat->st_mode, error);
}
