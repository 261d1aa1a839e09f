// Magic numbers, and the one file system that hides others behind it.

#include "spool/mount.h"
#include "base/fs.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>

enum { MAX_MOUNTINFO_BYTES = 4 << 20, MAX_FDINFO_BYTES = 4096 };

#define FUSE_MAGIC 0x65735546UL

bool mount_is_remote(unsigned long magic, const char *type)
{
    // Of linux/magic.h, which has not all of them.
    static const unsigned long remote[] = {
        0x6969,     // NFS
        0x517b,     // SMB
        0xff534d42, // CIFS
        0xfe534d42, // SMB 2 and 3
        0x01021997, // 9P, folders of a virtual machine's host
        0x00c36400, // Ceph
        0x5346414f, // AFS
        0x6b414653, // AFS of the kernel
        0x73757245, // Coda
        0x564c,     // NCP
        0x786f4256, // folders of a VirtualBox host
        0xbacbacbc, // folders of a VMware host
    };
    static const char *const behind_fuse[] = {
        "virtiofs",     "fuse.sshfs",      "fuse.rclone",   "fuse.s3fs",        "fuse.goofys",
        "fuse.juicefs", "fuse.glusterfs",  "fuse.ceph",     "fuse.ceph-fuse",   "fuse.davfs",
        "fuse.davfs2",  "fuse.gvfsd-fuse", "fuse.kio-fuse", "fuse.smbnetfs",    "fuse.curlftpfs",
        "fuse.gcsfuse", "fuse.blobfuse2",  "fuse.mfs",      "fuse.vmhgfs-fuse", "fuse.nfs",
    };
    for (size_t i = 0; i < ARRAY_LEN(remote); i++)
        if (magic == remote[i])
            return true;
    for (size_t i = 0; magic == FUSE_MAGIC && type != NULL && i < ARRAY_LEN(behind_fuse); i++)
        if (strcmp(type, behind_fuse[i]) == 0)
            return true;
    return false;
}

// "36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw": the type follows the lone hyphen.
char *mount_type(const char *mountinfo, int id)
{
    for (const char *line = mountinfo; *line != 0;) {
        size_t length = strcspn(line, "\n");
        const char *hyphen = memmem(line, length, " - ", 3);
        if (hyphen != NULL && strtol(line, NULL, 10) == id)
            return xstrndup(hyphen + 3, strcspn(hyphen + 3, " \n"));
        line += length + (line[length] == '\n');
    }
    return NULL;
}

// What the kernel shows is no file with a size.  Gives a string or NULL.
static char *read_shown(const char *path, size_t max)
{
    cleanup(free_ptr) char *text = xcalloc(max + 1, 1);
    cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t done = 0;
    while (fd >= 0 && done < max) {
        ssize_t got = read(fd, text + done, max - done);
        if (got <= 0 && !(got < 0 && errno == EINTR))
            break;
        done += got > 0 ? (size_t)got : 0;
    }
    return done > 0 ? TAKE(text) : NULL;
}

static char *type_of(int dir)
{
    cleanup(free_ptr) char *path = xasprintf("/proc/self/fdinfo/%d", dir);
    cleanup(free_ptr) char *info = read_shown(path, MAX_FDINFO_BYTES);
    const char *id = info ? strstr(info, "mnt_id:") : NULL;
    cleanup(free_ptr) char *mounts =
        id ? read_shown("/proc/self/mountinfo", MAX_MOUNTINFO_BYTES) : NULL;
    return mounts ? mount_type(mounts, (int)strtol(id + strlen("mnt_id:"), NULL, 10)) : NULL;
}

int mount_check(const struct settings *settings, int incoming, struct err *err)
{
    struct statfs info;
    if (settings->intake_mode == INTAKE_MARKER || incoming < 0)
        return 0;
    if (fstatfs(incoming, &info) < 0)
        return err_errno(err, errno, "look at the file system of incoming");
    unsigned long magic = (unsigned long)info.f_type & 0xffffffff;
    cleanup(free_ptr) char *type = type_of(incoming);
    if (!mount_is_remote(magic, type))
        return 0;
    (void)err_set(err, ERR_CONFIG, "incoming_is_remote",
                  "incoming lies on another machine (%s): nothing tells here whether a copy into "
                  "it is still under way",
                  type ? type : "a network file system");
    return err_hint(err,
                    "set intake.mode = \"marker\" and end every drop with an empty file .ready; "
                    "or let incoming be a folder of this machine that the others mount");
}
