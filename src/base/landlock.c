// Rulesets of Landlock.

#include "base/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>

// Of later kernels than the header of the build (truncation, requests to devices: version 3 and 5).
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif

static const uint64_t on_files = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                 LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_TRUNCATE |
                                 LANDLOCK_ACCESS_FS_IOCTL_DEV;

#define TO_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
static const uint64_t granted[] = {
    [REACH_LIST] = LANDLOCK_ACCESS_FS_READ_DIR,
    [REACH_READ] = TO_READ,
    [REACH_WRITE] = TO_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SYM |
                    LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE,
    [REACH_DEVICE] = TO_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_IOCTL_DEV,
};

int landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? (int)version : 0;
}

// All that a kernel of that version can forbid.
static uint64_t known_to(int version)
{
    uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; // of version 1
    if (version >= 2)
        all |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3)
        all |= LANDLOCK_ACCESS_FS_TRUNCATE;
    if (version >= 5)
        all |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
    return all;
}

static int permit(int ruleset, int fd, uint64_t access)
{
    struct stat st;
    struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISDIR(st.st_mode))
        rule.allowed_access &= on_files;
    if (rule.allowed_access == 0)
        return 0;
    long r = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    return r < 0 ? -errno : 0;
}

static int permit_list(int ruleset, const struct reach_list *list, uint64_t known)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct reach_place *place = &list->places[i];
        cleanup(close_fd) int fd = place->path ? open(place->path, O_PATH | O_CLOEXEC) : -1;
        if (place->path != NULL && fd < 0)
            continue;
        int r = permit(ruleset, fd >= 0 ? fd : place->fd, granted[place->reach] & known);
        if (r < 0)
            return r;
    }
    return 0;
}

static int refuse(struct err *err, int number)
{
    (void)err_set(err, ERR_SYSTEM, "no_landlock", "Landlock cannot be used: %s", strerror(number));
    return -number;
}

int landlock_restrict(const struct reach_list *lists, size_t count, struct err *err)
{
    int version = landlock_version();
    if (version < 2)
        return 0;
    const struct landlock_ruleset_attr all = { .handled_access_fs = known_to(version) };
    cleanup(close_fd) int ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all.handled_access_fs, 0);
    if (ruleset < 0)
        return refuse(err, errno);
    for (size_t i = 0; i < count; i++) {
        int r = permit_list(ruleset, &lists[i], all.handled_access_fs);
        if (r < 0)
            return refuse(err, -r);
    }
    return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? refuse(err, errno) : 0;
}
