// See folder.h.  Uses nothing of what it helps to test.

#include "tests/support/folder.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

static void make(struct folder *folder, const char *parent)
{
    (void)snprintf(folder->path, sizeof folder->path, "%s/clipspool-test-XXXXXX", parent);
    ck_assert_ptr_nonnull(mkdtemp(folder->path));
    folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(folder->fd, 0);
}

void folder_make(struct folder *folder)
{
    make(folder, "/tmp");
}

void folder_make_in_memory(struct folder *folder)
{
    make(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void folder_remove(struct folder *folder)
{
    close_fd(&folder->fd);
    ck_assert_int_eq(nftw(folder->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void folder_put(const struct folder *folder, const char *name, const char *text)
{
    cleanup(close_fd) int fd =
        openat(folder->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ck_assert_msg(fd >= 0, "create %s", name);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

char *folder_get(const struct folder *folder, const char *name)
{
    cleanup(close_fd) int fd = openat(folder->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    size_t size = 0, room = 4096;
    char *text = xcalloc(room + 1, 1);
    for (;;) {
        if (size == room)
            text = xrealloc(text, (room *= 2) + 1, 1);
        ssize_t n = read(fd, text + size, room - size);
        ck_assert_int_ge(n, 0);
        size += (size_t)n;
        text[size] = '\0';
        if (n == 0)
            return text;
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *folder_names(const struct folder *folder, const char *inner)
{
    char *names[100], *joined = xstrdup("");
    size_t count = 0;
    DIR *dir = fdopendir(openat(folder->fd, inner, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            ck_assert_uint_lt(count, ARRAY_LEN(names));
            names[count++] = xstrdup(entry->d_name);
        }
    closedir(dir);
    qsort(names, count, sizeof *names, compare);
    for (size_t i = 0; i < count; i++) {
        cleanup(free_ptr) char *old = joined, *name = names[i];
        joined = xasprintf("%s%s%s", old, i ? " " : "", name);
    }
    return joined;
}
