#include "spool/hoard.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"

// Begins the name of what is being removed.
#define GONE ".gone."

enum {
    MAX_ENTRIES = 1 << 20,   // listed
    MAX_FILES = 1024,        // of a folder in an entry
    MAX_DEPTH = 2,           // of folders in each other
    MAKING_SECONDS = 6 * 60, // an entry that is made longer than that was left by a crash
};

struct entry {
    char *name;
    enum hoard_kind kind;
    time_t used;
    uint64_t bytes;
};

static bool is_gone(const char *name)
{
    return strncmp(name, GONE, strlen(GONE)) == 0;
}

int hoard_remove(int folder, const char *name, struct err *err)
{
    cleanup(free_ptr) char *gone = xasprintf("%s%s", is_gone(name) ? "" : GONE, name);
    int r = is_gone(name) ? 0 : fs_move(folder, name, folder, gone, FS_MOVE_REPLACE, NULL);
    if (r == -ENOENT)
        return 0; // somebody else was quicker
    return fs_remove(folder, r < 0 ? name : gone, err);
}

void hoard_use(int folder, const char *name)
{
    // If that cannot be noted, it goes earlier.
    (void)utimensat(folder, name, NULL, AT_SYMLINK_NOFOLLOW);
}

static uint64_t size_of(int folder, const char *name, unsigned depth)
{
    struct stat st;
    cleanup(fs_names_free) char **names = NULL;
    uint64_t bytes = 0;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    if (!S_ISDIR(st.st_mode))
        return (uint64_t)st.st_size;
    cleanup(close_fd) int entry =
        depth < MAX_DEPTH ? fs_open(folder, name, O_RDONLY | O_DIRECTORY) : -1;
    int count = entry < 0 ? 0 : fs_list(entry, MAX_FILES, &names, NULL);
    for (int i = 0; i < count; i++)
        bytes += size_of(entry, names[i], depth + 1);
    return bytes;
}

static int longest_unused_first(const void *a, const void *b)
{
    const struct entry *p = a, *q = b;
    return p->used != q->used ? (p->used < q->used ? -1 : 1) : strcmp(p->name, q->name);
}

// Does it go?
static bool is_due(const struct hoard_rules *rules, const struct entry *entry, time_t now,
                   bool too_much)
{
    double age = difftime(now, entry->used);
    if (entry->kind == HOARD_LEFT)
        return age > MAKING_SECONDS;
    if (rules->spared != NULL && strcmp(entry->name, rules->spared) == 0)
        return false;
    return too_much || (rules->days > 0 && age > rules->days * 86400);
}

// Returns how many, and in *ret_bytes how much all are.
static int look(int folder, const struct hoard_rules *rules, char *const *names,
                struct entry *entries, uint64_t *ret_bytes)
{
    int kept = 0;
    for (; *names != NULL; names++) {
        struct stat st;
        enum hoard_kind kind = is_gone(*names) ? HOARD_LEFT : rules->kind(*names);
        if (kind == HOARD_FOREIGN || fstatat(folder, *names, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        entries[kept] = (struct entry){ *names, kind, st.st_mtime, size_of(folder, *names, 0) };
        *ret_bytes += entries[kept++].bytes;
    }
    return kept;
}

int hoard_expire(int folder, const struct hoard_rules *rules, time_t now, struct err *err)
{
    cleanup(fs_names_free) char **names = NULL;
    uint64_t free_bytes = 0, inodes, total = 0, most = rules->bytes;
    int count = fs_list(folder, MAX_ENTRIES, &names, err), removed = 0, r = 0;
    if (count < 0)
        return count;
    cleanup(free_ptr) struct entry *entries = xcalloc((size_t)count + 1, sizeof *entries);
    int kept = look(folder, rules, names, entries, &total);
    qsort(entries, (size_t)kept, sizeof *entries, longest_unused_first);
    if (fs_free(folder, &free_bytes, &inodes, NULL) == 0 && free_bytes < most)
        most = free_bytes;
    for (int i = 0; i < kept; i++) {
        if (!is_due(rules, &entries[i], now, total > most))
            continue;
        int gone = hoard_remove(folder, entries[i].name, err);
        // What cannot be removed does not keep the others.
        r = r < 0 ? r : gone;
        total -= gone < 0 ? 0 : entries[i].bytes;
        removed += gone >= 0;
    }
    return r < 0 ? r : removed;
}
