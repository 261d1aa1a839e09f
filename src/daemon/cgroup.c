// Control groups are folders; their limits are files that take a number.
#include "daemon/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "base/fs.h"

#define HIERARCHY "/sys/fs/cgroup"
#define OWN_GROUP "daemon"
#define STEP_GROUP "step-"

// Sizes of the kernel's files here.
enum { MAX_FILE = 4096, MAX_GROUPS = 10000 };
// Coders start threads by the processor: x265 a pool of them, libavcodec up to 16 a stream, and
// several are at work side by side.
enum { THREADS = 512, THREADS_PER_PROCESSOR = 32 };

// ---- the kernel's files

// Gives what is in it, "" where it cannot be read.
static char *look(int dirfd, const char *name)
{
    char *text = xcalloc(1, MAX_FILE);
    cleanup(close_fd) int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && read(fd, text, MAX_FILE - 1) < 0)
        text[0] = '\0';
    return text;
}

// The kernel takes a value with one write or not at all.
static int set(int dirfd, const char *name, const char *value, struct err *err)
{
    cleanup(close_fd) int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        return err_errno(err, errno, "write %s into the control group's %s", value, name);
    return 0;
}

// True if `word` is one of those in a line of words.
static bool has_word(const char *line, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = line; *at != '\0'; at += strspn(at, " \n")) {
        size_t own = strcspn(at, " \n");
        if (own == length && strncmp(at, word, length) == 0)
            return true;
        at += own;
    }
    return false;
}

// ---- what was delegated

int cgroup_find(char **ret_path)
{
    static const char unified[] = "0::/";
    cleanup(free_ptr) char *text = look(AT_FDCWD, "/proc/self/cgroup");
    char *line = strncmp(text, unified, 4) == 0 ? text : strstr(text, "\n0::/");
    if (line == NULL)
        return -ENOENT;
    line = strstr(line, unified) + 3;
    line[strcspn(line, "\n")] = '\0';
    cleanup(free_ptr) char *path = xasprintf("%s%s", HIERARCHY, line);
    struct statfs about;
    char mark[2] = "";
    if (statfs(path, &about) != 0 || about.f_type != CGROUP2_SUPER_MAGIC ||
        getxattr(path, "user.delegate", mark, sizeof mark) != 1 || mark[0] != '1')
        return -ENOENT;
    *ret_path = TAKE(path);
    return 0;
}

static int hand_on(struct cgroup *cgroup, const char *controller, const char *word, bool *ret_has,
                   struct err *err)
{
    cleanup(free_ptr) char *there = look(cgroup->dirfd, "cgroup.controllers");
    *ret_has = has_word(there, controller);
    return *ret_has ? set(cgroup->dirfd, "cgroup.subtree_control", word, err) : 0;
}

// What an earlier daemon had; the kernel keeps those in which somebody still dies.
static void remove_found(const struct cgroup *cgroup)
{
    cleanup(fs_names_free) char **names = NULL;
    if (fs_list(cgroup->dirfd, MAX_GROUPS, &names, NULL) < 0)
        return;
    for (char **name = names; *name; name++)
        if (strncmp(*name, STEP_GROUP, strlen(STEP_GROUP)) == 0)
            (void)unlinkat(cgroup->dirfd, *name, AT_REMOVEDIR);
}

int cgroup_open(struct cgroup *cgroup, const char *path, struct err *err)
{
    *cgroup = (struct cgroup)CGROUP_INIT;
    cleanup(cgroup_release) struct cgroup own = { .path = xstrdup(path) };
    own.dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (own.dirfd < 0)
        return err_errno(err, errno, "open the control group %s", path);
    if (mkdirat(own.dirfd, OWN_GROUP, 0755) != 0 && errno != EEXIST)
        return err_errno(err, errno, "make a control group in %s", path);
    int r = set(own.dirfd, OWN_GROUP "/cgroup.procs", "0", err);
    if (r == 0)
        r = hand_on(&own, "memory", "+memory", &own.has_memory, err);
    if (r == 0)
        r = hand_on(&own, "pids", "+pids", &own.has_pids, err);
    if (r < 0)
        return r;
    remove_found(&own);
    *cgroup = own;
    own = (struct cgroup)CGROUP_INIT;
    return 0;
}

void cgroup_release(struct cgroup *cgroup)
{
    close_fd(&cgroup->dirfd);
    while (cgroup->left_count > 0)
        free(cgroup->left[--cgroup->left_count]);
    free(TAKE(cgroup->left));
    free(TAKE(cgroup->path));
}

// ---- a program's

static bool is_removed(const struct cgroup *cgroup, const char *name)
{
    return unlinkat(cgroup->dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

static void remove_left(struct cgroup *cgroup)
{
    size_t kept = 0;
    for (size_t i = 0; i < cgroup->left_count; i++) {
        if (is_removed(cgroup, cgroup->left[i]))
            free(cgroup->left[i]);
        else
            cgroup->left[kept++] = cgroup->left[i];
    }
    cgroup->left_count = kept;
}

static int limit(const struct cgroup *cgroup, int dirfd, uint64_t memory_bytes, struct err *err)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    cleanup(free_ptr) char *memory = xasprintf("%" PRIu64, memory_bytes);
    cleanup(free_ptr) char *threads =
        xasprintf("%ld", THREADS + THREADS_PER_PROCESSOR * (processors > 0 ? processors : 1));
    int r = 0;
    if (cgroup->has_memory && memory_bytes > 0)
        r = set(dirfd, "memory.max", memory, err);
    if (r == 0 && cgroup->has_memory)
        r = set(dirfd, "memory.oom.group", "1", err);
    if (r == 0 && cgroup->has_pids)
        r = set(dirfd, "pids.max", threads, err);
    return r;
}

int cgroup_add(struct cgroup *cgroup, uint64_t memory_bytes, char **ret_name, struct err *err)
{
    cleanup(free_ptr) char *name = NULL;
    int r;
    remove_left(cgroup);
    do { // a number is taken where what an earlier daemon had has not died yet
        free(name);
        name = xasprintf(STEP_GROUP "%u", ++cgroup->made);
        r = mkdirat(cgroup->dirfd, name, 0755) == 0 ? 0 : -errno;
    } while (r == -EEXIST);
    if (r < 0)
        return err_errno(err, -r, "make the control group %s/%s", cgroup->path, name);
    cleanup(close_fd) int dirfd = fs_open(cgroup->dirfd, name, O_RDONLY | O_DIRECTORY);
    r = dirfd < 0 ? err_errno(err, -dirfd, "open the control group %s/%s", cgroup->path, name)
                  : limit(cgroup, dirfd, memory_bytes, err);
    if (r < 0)
        cgroup_remove(cgroup, name);
    else
        *ret_name = TAKE(name);
    return r;
}

bool cgroup_ran_out(const struct cgroup *cgroup, const char *name)
{
    static const char key[] = "\noom_kill ";
    cleanup(free_ptr) char *file = xasprintf("%s/memory.events", name);
    cleanup(free_ptr) char *events = look(cgroup->dirfd, file);
    const char *found = strstr(events, key);
    return found != NULL && found[strlen(key)] != '0';
}

void cgroup_remove(struct cgroup *cgroup, const char *name)
{
    cleanup(free_ptr) char *kill_file = xasprintf("%s/cgroup.kill", name); // Linux 5.14
    (void)set(cgroup->dirfd, kill_file, "1", NULL);
    if (is_removed(cgroup, name))
        return;
    cgroup->left = xrealloc(cgroup->left, cgroup->left_count + 1, sizeof *cgroup->left);
    cgroup->left[cgroup->left_count++] = xstrdup(name);
}
