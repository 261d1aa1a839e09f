// What the file system under a folder can do, found out by doing it: its type says little (a
// network share may sit on anything).
#include "cli/ability.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

const struct ability ability_info[ABILITY_COUNT] = {
    [ABILITY_SAFE_RENAME] = { "rename that replaces nothing", NULL },
    [ABILITY_HARD_LINK] = { "hard links", "files are copied instead" },
    [ABILITY_CLONE] = { "copies that share their blocks", "files are copied whole" },
    [ABILITY_NAMELESS] = { "files without a name", "files are made under a hidden name" },
    [ABILITY_LEASE] = { "who has a file open", "only quiet says that a copy is complete" },
    [ABILITY_NOTIFY] = { "news of new files", "the folder is looked at every scan_seconds" },
};

static bool can_rename_safely(int dir)
{
    char *data = NULL;
    size_t size = 0;
    bool kept = fs_write(dir, "one", "1", 1, NULL) == 0 &&
                fs_write(dir, "two", "2", 1, NULL) == 0 &&
                fs_move(dir, "one", dir, "two", 0, NULL) == -EEXIST &&
                fs_read(dir, "two", 1, &data, &size, NULL) == 0 && size == 1 && *data == '2' &&
                fs_move(dir, "one", dir, "three", 0, NULL) == 0;
    free(data);
    return kept;
}

static bool can_link(int dir)
{
    return fs_link_or_copy(dir, "two", dir, "link", NULL, NULL, NULL) == FS_LINKED;
}

static bool can_clone(int dir)
{
    cleanup(close_fd) int from = openat(dir, "two", O_RDONLY | O_CLOEXEC);
    cleanup(close_fd) int to = openat(dir, "clone", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return from >= 0 && to >= 0 && ioctl(to, FICLONE, from) == 0;
}

static bool can_be_nameless(int dir)
{
    cleanup(close_fd) int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd >= 0;
}

// A read lease must be refused while the file is open for writing, and granted after.
static bool can_lease(int dir)
{
    cleanup(close_fd) int reader = openat(dir, "two", O_RDONLY | O_CLOEXEC);
    cleanup(close_fd) int writer = openat(dir, "two", O_WRONLY | O_CLOEXEC);
    if (reader < 0 || writer < 0 || fcntl(reader, F_SETLEASE, F_RDLCK) == 0)
        return false;
    close_fd(&writer);
    bool granted = fcntl(reader, F_SETLEASE, F_RDLCK) == 0;
    (void)fcntl(reader, F_SETLEASE, F_UNLCK);
    return granted;
}

static bool can_notify(int dir)
{
    cleanup(close_fd) int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    cleanup(free_ptr) char *path = xasprintf("/proc/self/fd/%d", dir);
    if (notify < 0 || inotify_add_watch(notify, path, IN_CREATE) < 0)
        return false;
    cleanup(close_fd) int fd = openat(dir, "news", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    char event[sizeof(struct inotify_event) + 256];
    return fd >= 0 && read(notify, event, sizeof event) > 0;
}

static bool (*const tests[ABILITY_COUNT])(int) = {
    [ABILITY_SAFE_RENAME] = can_rename_safely,
    [ABILITY_HARD_LINK] = can_link,
    [ABILITY_CLONE] = can_clone,
    [ABILITY_NAMELESS] = can_be_nameless,
    [ABILITY_LEASE] = can_lease,
    [ABILITY_NOTIFY] = can_notify,
};

// The files that the tests are made with: without them nothing is known, least of all that
// something is missing.
static int prepare(int inside, struct err *err)
{
    int r = fs_write(inside, "one", "1", 1, err);
    return r < 0 ? r : fs_write(inside, "two", "2", 1, err);
}

int ability_test(int dir, bool *ret_can, struct err *err)
{
    cleanup(free_ptr) char *name = xasprintf(".clipspool-doctor-%d", (int)getpid());
    int r = fs_mkdir(dir, name, 0700, err);
    if (r < 0)
        return r;
    cleanup(close_fd) int inside = fs_open_dir(dir, name, err);
    r = inside < 0 ? inside : prepare(inside, err);
    for (int i = 0; !r && i < ABILITY_COUNT; i++)
        ret_can[i] = tests[i](inside);
    (void)fs_remove(dir, name, NULL); // hidden and nearly empty, if it stays
    return r;
}

// Numbers: linux/magic.h; those it does not have are from the file systems' own sources (xfs
// fs/xfs/xfs_super.c, cifs fs/smb/client/cifsfs.c, zfs zpl_super.c).
static const struct {
    unsigned long magic;
    const char *name;
} systems[] = {
    { EXT4_SUPER_MAGIC, "ext4" },
    { 0x58465342, "xfs" },
    { BTRFS_SUPER_MAGIC, "btrfs" },
    { 0x2fc12fc1, "zfs" },
    { F2FS_SUPER_MAGIC, "f2fs" },
    { TMPFS_MAGIC, "tmpfs (lost at a restart)" },
    { OVERLAYFS_SUPER_MAGIC, "overlayfs" },
    { NFS_SUPER_MAGIC, "nfs" },
    { 0xff534d42, "cifs" },
    { 0xfe534d42, "smb" },
    { FUSE_SUPER_MAGIC, "fuse" },
    { V9FS_MAGIC, "9p" },
    { MSDOS_SUPER_MAGIC, "vfat" },
    { EXFAT_SUPER_MAGIC, "exfat" },
    { CEPH_SUPER_MAGIC, "ceph" },
};

char *ability_file_system(int dir)
{
    struct statfs info;
    if (fstatfs(dir, &info) < 0)
        return xstrdup("unknown");
    unsigned long magic = (unsigned long)info.f_type & 0xffffffff;
    for (size_t i = 0; i < ARRAY_LEN(systems); i++)
        if (systems[i].magic == magic)
            return xstrdup(systems[i].name);
    return xasprintf("type 0x%lx", magic);
}
