// See disk.h.
#include "tests/support/disk.h"

#include "base/base.h"
#include "base/fs.h"

#include <check.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct node {
    uint64_t inode;
    mode_t mode;
    char *data;
    size_t size;
    struct timespec when; // tv_nsec UTIME_NOW: nobody said
    bool is_put;          // in the folder that is being filled, as `first`
    char *first;
};

struct name {
    uint64_t dir, inode;
    char text[96];
};

struct disk {
    uint64_t root;
    struct node *nodes;
    size_t node_count;
    struct name *names;
    size_t name_count;
};

static struct node *node_of(struct disk *disk, uint64_t inode)
{
    for (size_t i = 0; i < disk->node_count; i++)
        if (disk->nodes[i].inode == inode)
            return &disk->nodes[i];
    return NULL;
}

static struct node *add_node(struct disk *disk, const struct node *node)
{
    disk->nodes = xrealloc(disk->nodes, disk->node_count + 1, sizeof *node);
    disk->nodes[disk->node_count] = *node;
    return &disk->nodes[disk->node_count++];
}

static void drop_name(struct disk *disk, uint64_t dir, const char *text)
{
    for (size_t i = 0; i < disk->name_count; i++)
        if (disk->names[i].dir == dir && strcmp(disk->names[i].text, text) == 0) {
            disk->names[i] = disk->names[--disk->name_count];
            return;
        }
}

static void set_name(struct disk *disk, uint64_t dir, const char *text, uint64_t inode)
{
    struct name name = { .dir = dir, .inode = inode };
    (void)snprintf(name.text, sizeof name.text, "%s", text);
    drop_name(disk, dir, text);
    disk->names = xrealloc(disk->names, disk->name_count + 1, sizeof name);
    disk->names[disk->name_count++] = name;
}

static bool has_name(const struct disk *disk, uint64_t dir, const char *text, uint64_t inode)
{
    for (size_t i = 0; i < disk->name_count; i++)
        if (disk->names[i].dir == dir && strcmp(disk->names[i].text, text) == 0)
            return disk->names[i].inode == inode;
    return false;
}

// ---- reading

static void read_folder(struct disk *disk, int fd, uint64_t inode);

static void read_name(struct disk *disk, int dirfd, uint64_t dir, const char *text)
{
    struct stat st;
    ck_assert_int_eq(fstatat(dirfd, text, &st, AT_SYMLINK_NOFOLLOW), 0);
    bool is_known = node_of(disk, st.st_ino) != NULL;
    set_name(disk, dir, text, st.st_ino);
    if (is_known)
        return;
    struct node node = { .inode = st.st_ino, .mode = st.st_mode, .when = st.st_mtim };
    if (S_ISREG(st.st_mode))
        ck_assert_int_eq(fs_read(dirfd, text, 1 << 24, &node.data, &node.size, NULL), 0);
    add_node(disk, &node);
    if (S_ISDIR(st.st_mode))
        read_folder(disk, openat(dirfd, text, O_RDONLY | O_DIRECTORY | O_CLOEXEC), st.st_ino);
}

// Takes the descriptor.
static void read_folder(struct disk *disk, int fd, uint64_t inode)
{
    DIR *dir = fdopendir(fd);
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            read_name(disk, fd, inode, entry->d_name);
    closedir(dir);
}

struct disk *disk_read(const char *path)
{
    struct disk *disk = xcalloc(1, sizeof *disk);
    struct stat st;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &st), 0);
    disk->root = st.st_ino;
    add_node(disk, &(struct node){ .inode = st.st_ino, .mode = st.st_mode, .when = st.st_mtim });
    read_folder(disk, fd, st.st_ino);
    return disk;
}

static struct disk *copy(const struct disk *disk)
{
    struct disk *same = xcalloc(1, sizeof *same);
    same->root = disk->root;
    for (size_t i = 0; i < disk->node_count; i++) {
        struct node node = disk->nodes[i];
        node.data = node.data ? memcpy(xcalloc(1, node.size + 1), node.data, node.size) : NULL;
        add_node(same, &node);
    }
    for (size_t i = 0; i < disk->name_count; i++)
        set_name(same, disk->names[i].dir, disk->names[i].text, disk->names[i].inode);
    return same;
}

void disk_free(struct disk *disk)
{
    for (size_t i = 0; disk && i < disk->node_count; i++) {
        free(disk->nodes[i].data);
        free(disk->nodes[i].first);
    }
    if (disk) {
        free(disk->nodes);
        free(disk->names);
    }
    free(disk);
}

// ---- doing

static void resize(struct node *node, size_t size)
{
    node->data = xrealloc(node->data, size + 1, 1);
    if (size > node->size)
        memset(node->data + node->size, 0, size - node->size);
    node->size = size;
}

static void do_write(struct disk *disk, const struct shim_record *record, enum disk_fate fate)
{
    struct node *node = node_of(disk, record->inode);
    size_t size = fate == DISK_PART ? record->size / 2 : record->size;
    size_t end = record->offset + size;
    if (!node)
        return;
    if (end > node->size)
        resize(node, end);
    if (fate != DISK_ZEROS && size > 0)
        memcpy(node->data + record->offset, record + 1, size);
}

static void do_rename(struct disk *disk, const struct shim_record *record, enum disk_fate fate)
{
    bool loses = fate != DISK_PART || record->is_folder;
    if (loses && has_name(disk, record->dir, record->name, record->inode))
        drop_name(disk, record->dir, record->name);
    set_name(disk, record->to, record->second, record->inode);
}

static void do_event(struct disk *disk, const struct shim_record *record, enum disk_fate fate)
{
    struct node *node = node_of(disk, record->inode);
    switch ((enum shim_kind)record->kind) {
    case SHIM_DID_CREATE:
        set_name(disk, record->dir, record->name, record->inode);
        break;
    case SHIM_DID_WRITE:
        do_write(disk, record, fate);
        break;
    case SHIM_DID_RESIZE:
        if (node)
            resize(node, record->offset);
        break;
    case SHIM_DID_STAMP:
        if (node)
            node->when = record->when;
        break;
    case SHIM_DID_RENAME:
        do_rename(disk, record, fate);
        break;
    case SHIM_DID_LINK:
        set_name(disk, record->to, record->second, record->inode);
        break;
    case SHIM_DID_UNLINK:
        drop_name(disk, record->dir, record->name);
        break;
    default:
        break;
    }
}

// What was made since is a thing of its own, whether or not anything of it has a name.
static void know_created(struct disk *disk, const struct shim_record *record)
{
    bool is_new = record->kind == SHIM_DID_CREATE && !node_of(disk, record->inode);
    struct node node = { .inode = record->inode,
                         .mode = record->is_folder ? S_IFDIR | 0755 : S_IFREG | 0644,
                         .when = { .tv_nsec = UTIME_NOW } };
    if (is_new && !record->is_folder)
        node.data = xcalloc(1, 1);
    if (is_new)
        add_node(disk, &node);
}

// ---- what happened where

static const struct name *any_name(const struct disk *disk, uint64_t inode)
{
    for (size_t i = 0; i < disk->name_count; i++)
        if (disk->names[i].inode == inode)
            return &disk->names[i];
    return NULL;
}

// Ids and numbers are all alike.
static const char *kind_of_name(const char *text)
{
    const char *rest = text + strspn(text, "0123456789");
    if (*rest == '\0' && *text)
        return "N";
    return rest - text == 8 && *rest == 'T' ? "ID" : text;
}

// What is made durable aside and under its name is one thing, and so is a step of each source.
static void generalise(char *place)
{
    size_t length = strlen(place);
    for (char *at = place; *at; at++)
        if (at[0] == '.' && isdigit((unsigned char)at[1]) && at[2] == '.')
            at[1] = 'N';
    if (length > 4 && strcmp(place + length - 4, ".tmp") == 0)
        place[length - 4] = '\0';
}

// Empty where it has no name in the folder.
static void place_of(const struct disk *disk, uint64_t inode, char place[256])
{
    cleanup(free_ptr) char *path = xstrdup(inode == disk->root ? "." : "");
    const struct name *name = NULL;
    for (; inode != disk->root && (name = any_name(disk, inode)); inode = name->dir) {
        char *below = path;
        path = xasprintf("%s%s%s", kind_of_name(name->text), *below ? "/" : "", below);
        free(below);
    }
    *place = '\0';
    if (inode == disk->root && strlen(path) < 256)
        memcpy(place, path, strlen(path) + 1);
    generalise(place);
}

size_t disk_events(const struct disk *disk, const struct shim_page *page,
                   struct disk_event **ret_events)
{
    struct disk *now = copy(disk);
    struct disk_event *events = NULL;
    size_t count = 0;
    for (const struct shim_record *r = NULL; (r = shimmed_next(page, r));) {
        events = xrealloc(events, count + 1, sizeof *events);
        events[count] = (struct disk_event){ .record = r };
        know_created(now, r);
        if (r->kind == SHIM_DID_SYNC)
            place_of(now, r->inode, events[count].place);
        do_event(now, r, DISK_THERE);
        count++;
    }
    disk_free(now);
    *ret_events = events;
    return count;
}

static bool is_of_contents(const struct shim_record *record)
{
    return record->kind == SHIM_DID_WRITE || record->kind == SHIM_DID_RESIZE ||
           record->kind == SHIM_DID_STAMP;
}

// What a sync of `inode` makes of something done before.
static enum disk_fate settle(const struct shim_record *record, uint64_t inode, enum disk_fate fate)
{
    if (is_of_contents(record))
        return record->inode == inode ? DISK_THERE : fate;
    switch ((enum shim_kind)record->kind) {
    case SHIM_DID_CREATE:
    case SHIM_DID_UNLINK:
        return record->dir == inode ? DISK_THERE : fate;
    case SHIM_DID_LINK:
        return record->to == inode ? DISK_THERE : fate;
    case SHIM_DID_RENAME:
        if (record->to == inode && (record->is_folder || record->dir == record->to))
            return DISK_THERE;
        if (record->to == inode && fate == DISK_LOST)
            return DISK_PART;
        return record->dir == inode && fate == DISK_PART ? DISK_THERE : fate;
    default:
        return DISK_THERE;
    }
}

void disk_settled(const struct disk_event *events, size_t count, const char *left_out,
                  enum disk_fate *fates)
{
    for (size_t i = 0; i < count; i++) {
        bool is_event =
            events[i].record->kind < SHIM_DID_SYNC ||
            (events[i].record->kind > SHIM_DID_SYNC && events[i].record->kind < SHIM_DID_EXEC);
        fates[i] = is_event ? DISK_LOST : DISK_THERE;
        if (events[i].record->kind != SHIM_DID_SYNC ||
            (left_out && strcmp(events[i].place, left_out) == 0))
            continue;
        for (size_t j = 0; j < i; j++)
            fates[j] = settle(events[j].record, events[i].record->inode, fates[j]);
    }
}

// ---- leaving

static uint64_t add_to_sum(uint64_t sum, const void *data, size_t size)
{
    // FNV-1a, only to tell states apart.
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ ((const unsigned char *)data)[i]) * 1099511628211U;
    return sum;
}

static void put_file(struct node *node, const char *path)
{
    if (node->is_put) {
        ck_assert_int_eq(link(node->first, path), 0);
        return;
    }
    cleanup(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fs_write_all(fd, node->data, node->size, NULL), 0);
    ck_assert_int_eq(fchmod(fd, node->mode & 07777), 0);
    const struct timespec times[2] = { node->when, node->when };
    ck_assert_int_eq(futimens(fd, times), 0);
    node->is_put = true;
    node->first = xstrdup(path);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

static uint64_t put_folder(struct disk *disk, uint64_t inode, const char *path, uint64_t sum)
{
    for (size_t i = 0; i < disk->name_count; i++) {
        const struct name *name = &disk->names[i];
        struct node *node = node_of(disk, name->inode);
        if (name->dir != inode || !node)
            continue;
        cleanup(free_ptr) char *inner = xasprintf("%s/%s", path, name->text);
        sum = add_to_sum(sum, inner, strlen(inner));
        if (S_ISDIR(node->mode)) {
            ck_assert_int_eq(mkdir(inner, node->mode & 07777), 0);
            sum = put_folder(disk, node->inode, inner, sum);
        } else {
            put_file(node, inner);
            sum = add_to_sum(sum, &node->size, sizeof node->size);
            sum = add_to_sum(sum, node->data, node->size);
        }
    }
    return sum;
}

uint64_t disk_leave(const struct disk *disk, const struct disk_event *events, size_t count,
                    const enum disk_fate *fates, const char *path)
{
    struct disk *left = copy(disk);
    for (size_t i = 0; i < count; i++) {
        know_created(left, events[i].record);
        if (fates[i] != DISK_LOST)
            do_event(left, events[i].record, fates[i]);
    }
    qsort(left->names, left->name_count, sizeof *left->names, by_text);
    uint64_t sum = put_folder(left, left->root, path, 14695981039346656037U);
    disk_free(left);
    return sum;
}
