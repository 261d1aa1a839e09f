// Leases, holes and lengths.

#include "spool/doubt.h"
#include "base/fs.h"
#include "base/text.h"
#include "spool/batch.h"
#include "spool/incoming.h"
#include "spool/tree.h"
#include "spool/whole.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

void doubt_release(struct doubt *doubt)
{
    free_ptr(&doubt->path);
    free_ptr(&doubt->why);
    doubt->kind = DOUBT_NONE;
}

// A lease asks exactly whether somebody has the file open for writing.  Returns 0: nobody; -EAGAIN:
// somebody; another negative: there is no way to know.
static int ask_lease(int fd)
{
    // A writer that comes while the lease is held makes the kernel send a signal: SIGURG, which is
    // ignored by default, in place of SIGIO, which kills.
    (void)fcntl(fd, F_SETSIG, SIGURG);
    if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
        return -errno;
    (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    return 0;
}

bool doubt_nobody_writes(int fd)
{
    return ask_lease(fd) == 0;
}

// Where the file ends in a hole, as one does whose size was set before its contents came.
static bool has_no_end(int fd, uint64_t size_bytes)
{
    return size_bytes > 0 && lseek(fd, (off_t)size_bytes - 1, SEEK_DATA) < 0 && errno == ENXIO;
}

void doubt_file(int fd, uint64_t size_bytes, struct doubt *doubt)
{
    char at[TEXT_TIME_SIZE];
    doubt_release(doubt);
    if (ask_lease(fd) == -EAGAIN) {
        doubt->kind = DOUBT_OPEN;
        doubt->why = xstrdup("is still open for writing in another program");
        return;
    }
    off_t hole = lseek(fd, 0, SEEK_HOLE);
    bool has_hole = hole >= 0 && (uint64_t)hole < size_bytes;
    if (has_hole)
        (void)text_bytes((uint64_t)hole, at);
    if (has_hole && has_no_end(fd, size_bytes))
        doubt->why = xasprintf("is cut off: it has a hole at %s that reaches to its end", at);
    else
        doubt->why = whole_doubt(fd, size_bytes);
    doubt->kind = doubt->why != NULL ? DOUBT_CUT_OFF : has_hole ? DOUBT_GAP : DOUBT_NONE;
    if (doubt->kind == DOUBT_GAP)
        doubt->why = xasprintf("has a hole at %s", at);
}

static int look(void *context, const struct tree_entry *entry)
{
    struct doubt *worst = context;
    cleanup(doubt_release) struct doubt doubt = DOUBT_INIT;
    if (entry->path[0] != 0 && incoming_name(entry->name) == INCOMING_JUNK)
        return TREE_SKIP;
    if (!S_ISREG(entry->stat->st_mode) || worst->kind == DOUBT_OPEN)
        return 0;
    cleanup(close_fd) int fd = fs_open(entry->dirfd, entry->name, O_RDONLY);
    if (fd < 0)
        return 0;
    doubt_file(fd, (uint64_t)entry->stat->st_size, &doubt);
    enum source_kind kind;
    if (doubt.kind == DOUBT_NONE && entry->stat->st_size == 0 &&
        batch_is_source_name(entry->name, &kind)) {
        // Some take the name first and bring the bytes later.
        doubt.kind = DOUBT_CUT_OFF;
        doubt.why = xstrdup("is empty");
    }
    if (doubt.kind <= worst->kind)
        return 0;
    doubt_release(worst);
    *worst = (struct doubt){ doubt.kind, xstrdup(*entry->path ? entry->path : entry->name),
                             TAKE(doubt.why) };
    return 0;
}

void doubt_look(int dirfd, const char *name, size_t max_entries, struct doubt *doubt)
{
    doubt_release(doubt);
    // A tree that cannot be walked to its end is judged by what was seen of it.
    (void)tree_walk(dirfd, name, max_entries, look, doubt, NULL);
}
