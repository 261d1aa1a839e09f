// Free space as a share.
#include "daemon/space.h"

#include <errno.h>
#include <sys/statvfs.h>

int space_free_percent(int dirfd, double *ret_percent, struct err *err)
{
    struct statvfs system;
    double percent = 100;
    if (fstatvfs(dirfd, &system) < 0)
        return err_errno(err, errno, "look at the free space");
    if (system.f_blocks > 0)
        percent = 100.0 * (double)system.f_bavail / (double)system.f_blocks;
    double inodes =
        system.f_files > 0 ? 100.0 * (double)system.f_favail / (double)system.f_files : 100;
    *ret_percent = inodes < percent ? inodes : percent;
    return 0;
}
