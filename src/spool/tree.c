// The walk, and the signature of a tree.

#include "spool/tree.h"
#include "base/fs.h"
#include "base/text.h"
#include "spool/incoming.h"
#include <errno.h>
#include <fcntl.h>

struct walk {
    tree_visit *visit;
    void *context;
    size_t entries_left;
    dev_t device;
    struct err *err;
};

// Visits one entry.  Returns 0 for a folder to go into, TREE_SKIP for all else.
static int visit(struct walk *walk, struct tree_entry *entry)
{
    int r = walk->visit(walk->context, entry);
    if (r != 0 || S_ISDIR(entry->stat->st_mode))
        return r;
    return TREE_SKIP;
}

// Tells the visitor that the folder cannot be listed.
static int visit_trouble(struct walk *walk, struct tree_entry *entry, int trouble)
{
    entry->trouble = trouble;
    int r = walk->visit(walk->context, entry);
    return r < 0 ? r : 0;
}

static int walk_folder(struct walk *walk, struct tree_entry *folder, unsigned depth);

static int walk_child(struct walk *walk, int dirfd, const char *folder_path, const char *name,
                      unsigned depth)
{
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_errno(walk->err, errno, "look into a folder");
    cleanup(free_ptr) char *path =
        *folder_path ? xasprintf("%s/%s", folder_path, name) : xstrdup(name);
    struct tree_entry entry = { .dirfd = dirfd, .name = name, .path = path, .stat = &st };
    int r = visit(walk, &entry);
    if (r != 0)
        return r == TREE_SKIP ? 0 : r;
    if (depth > TREE_MAX_DEPTH)
        return TREE_TOO_DEEP;
    return walk_folder(walk, &entry, depth);
}

// Recursion is bounded by TREE_MAX_DEPTH.
static int walk_folder(struct walk *walk, struct tree_entry *folder, unsigned depth)
{
    // A mount point inside a dropped folder is somebody else's data.
    if (folder->stat->st_dev != walk->device)
        return visit_trouble(walk, folder, -EXDEV);
    cleanup(close_fd) int fd = fs_open(folder->dirfd, folder->name, O_RDONLY | O_DIRECTORY);
    if (fd == -ENOENT)
        return 0;
    if (fd < 0)
        return visit_trouble(walk, folder, fd);

    cleanup(fs_names_free) char **names = NULL;
    int count = fs_list(fd, walk->entries_left, &names, NULL);
    if (count == -E2BIG)
        return TREE_TOO_MANY;
    if (count < 0)
        return visit_trouble(walk, folder, count);
    walk->entries_left -= (size_t)count;
    int r = 0;
    for (int i = 0; i < count && r == 0; i++)
        r = walk_child(walk, fd, folder->path, names[i], depth + 1);
    return r;
}

int tree_walk(int dirfd, const char *name, size_t max_entries, tree_visit *visitor, void *context,
              struct err *err)
{
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? -ENOENT : err_errno(err, errno, "look at what was dropped");
    struct walk walk = { .visit = visitor,
                         .context = context,
                         .entries_left = max_entries,
                         .device = st.st_dev,
                         .err = err };
    struct tree_entry top = { .dirfd = dirfd, .name = name, .path = "", .stat = &st };
    int r = visit(&walk, &top);
    if (r != 0)
        return r == TREE_SKIP ? 0 : r;
    return walk_folder(&walk, &top, 0);
}

// ---- signature

// FNV-1a: changes are accidents here, not attacks; who wants to look unchanged can simply stop
// writing.
static uint64_t hash(uint64_t signature, const void *data, size_t size)
{
    const unsigned char *byte = data;
    for (size_t i = 0; i < size; i++)
        signature = (signature ^ byte[i]) * UINT64_C(0x100000001b3);
    return signature;
}

uint64_t tree_sign(uint64_t signature, const struct tree_entry *entry, enum tree_sign_flags flags)
{
    const struct stat *st = entry->stat;
    bool is_file = !S_ISDIR(st->st_mode);
    bool is_moved = entry->path[0] == 0 && flags & TREE_SIGN_MOVED;
    const uint64_t facts[] = {
        (uint64_t)st->st_mode,
        (uint64_t)st->st_dev,
        (uint64_t)st->st_ino,
        (uint64_t)-entry->trouble,
        is_file ? (uint64_t)st->st_size : 0,
        is_file ? (uint64_t)st->st_mtim.tv_sec : 0,
        is_file ? (uint64_t)st->st_mtim.tv_nsec : 0,
        is_file && !is_moved ? (uint64_t)st->st_ctim.tv_sec : 0,
        is_file && !is_moved ? (uint64_t)st->st_ctim.tv_nsec : 0,
    };
    // With its NUL, so that "a" then "b" is not "ab".
    signature = hash(signature, entry->path, strlen(entry->path) + 1);
    return hash(signature, facts, sizeof facts);
}

struct signing {
    uint64_t signature;
    enum tree_sign_flags flags;
};

static int sign(void *context, const struct tree_entry *entry)
{
    struct signing *signing = context;
    if (entry->path[0] != 0 && incoming_name(entry->name) == INCOMING_JUNK)
        return TREE_SKIP;
    signing->signature = tree_sign(signing->signature, entry, signing->flags);
    return 0;
}

int tree_signature(int dirfd, const char *name, size_t max_entries, enum tree_sign_flags flags,
                   uint64_t *ret_signature, struct err *err)
{
    struct signing signing = { .signature = TREE_SIGNATURE_START, .flags = flags };
    int r = tree_walk(dirfd, name, max_entries, sign, &signing, err);
    if (r == 0)
        *ret_signature = signing.signature;
    return r;
}
