// Free space, and what must stay free.
#include "daemon/space.h"

#include "base/fs.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

// Some hundred status.json; what is a hundredth of what is free is missed by nobody.
static const uint64_t reserve_bytes = 4 << 20, reserve_share = 100;

int space_look(int dirfd, struct space *ret_space, struct err *err)
{
    struct statvfs system;
    if (fstatvfs(dirfd, &system) < 0)
        return err_errno(err, errno, "look at the free space");
    *ret_space = (struct space){
        .total_bytes = (uint64_t)system.f_blocks * system.f_frsize,
        .free_bytes = (uint64_t)system.f_bavail * system.f_frsize,
        .free_inodes_percent =
            system.f_files > 0 ? 100.0 * (double)system.f_favail / (double)system.f_files : 100,
    };
    return 0;
}

static char *lack_of_percent(double percent, const char *what, double least)
{
    return xasprintf("only %.1f %% of the disk%s free, below %g %% nothing new is taken", percent,
                     what, least);
}

// ", 2.1 GB of them for batches that run": what is held, if it is anything.
static char *held_text(uint64_t bytes)
{
    char text[TEXT_TIME_SIZE];
    return bytes > 0 ? xasprintf(", %s of them for batches that run", text_bytes(bytes, text))
                     : xstrdup("");
}

char *space_lack(const struct space *space, const struct space_wish *wish)
{
    char free_text[TEXT_TIME_SIZE], least_text[TEXT_TIME_SIZE], largest_text[TEXT_TIME_SIZE];
    if (space->free_inodes_percent < wish->min_percent)
        return lack_of_percent(space->free_inodes_percent, "'s inodes are", wish->min_percent);
    if (space->total_bytes == 0)
        return NULL;
    double left = (double)space->free_bytes - (double)wish->held_bytes;
    double percent = 100 * (double)space->free_bytes / (double)space->total_bytes;
    double least = wish->min_batches * (double)wish->largest_bytes;
    if (percent < wish->min_percent)
        return lack_of_percent(percent, " is", wish->min_percent);
    if (left >= least && 100 * left / (double)space->total_bytes >= wish->min_percent)
        return NULL;
    cleanup(free_ptr) char *held = held_text(wish->held_bytes);
    return xasprintf("%s are free%s; a batch is taken when %s and %g %% of the disk are left, %g "
                     "times the largest batch (%s)",
                     text_bytes(space->free_bytes, free_text), held,
                     text_bytes((uint64_t)least, least_text), wish->min_percent, wish->min_batches,
                     text_bytes(wish->largest_bytes, largest_text));
}

// ---- what is kept for telling people

void space_keep(int dirfd)
{
    struct space space = { 0 };
    struct stat st;
    if (space_look(dirfd, &space, NULL) < 0 || space.free_bytes < reserve_share * reserve_bytes)
        return;
    cleanup(close_fd) int fd = fs_open(dirfd, SPACE_RESERVE, O_WRONLY | O_CREAT);
    // One without blocks is left by who was killed before it had any.
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_blocks > 0)
        return;
    if (fs_reserve(fd, 0, reserve_bytes, NULL) < 0)
        (void)space_give(dirfd);
}

bool space_give(int dirfd)
{
    return unlinkat(dirfd, SPACE_RESERVE, 0) == 0;
}
