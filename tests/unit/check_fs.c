// Durable changes: whole or not at all, never through a symlink, never outside the folder.
#include "base/fs.h"
#include "tests/support/folder.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>

static struct folder folder, other; // other: on another file system, fd -1 where there is none

static void set_up(void)
{
    folder_make(&folder);
    other.fd = -1;
}

static void tear_down(void)
{
    if (other.fd >= 0)
        folder_remove(&other);
    folder_remove(&folder);
}

static bool has_other_file_system(void)
{
    struct stat here, there;
    (void)snprintf(other.path, sizeof other.path, "/dev/shm/clipspool-test-XXXXXX");
    if (stat("/dev/shm", &there) == 0 && fstat(folder.fd, &here) == 0 &&
        there.st_dev != here.st_dev && mkdtemp(other.path))
        other.fd = open(other.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (other.fd < 0)
        puts("SKIP /dev/shm is no other file system here");
    return other.fd >= 0;
}

static void assert_contents(const struct folder *where, const char *name, const char *text)
{
    cleanup(free_ptr) char *found = folder_get(where, name);
    ck_assert_msg(found, "%s is missing", name);
    ck_assert_str_eq(found, text);
}

static void assert_names(const char *names)
{
    cleanup(free_ptr) char *found = folder_names(&folder, ".");
    ck_assert_str_eq(found, names);
}

static ino_t inode(const struct folder *where, const char *name)
{
    struct stat st;
    ck_assert_int_eq(fstatat(where->fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
    return st.st_ino;
}

static int write_text(const char *name, const char *text, struct err *err)
{
    return fs_write(folder.fd, name, text, strlen(text), err);
}

// ---- whole files

START_TEST(a_file_is_replaced_and_nothing_else_is_left)
{
    struct stat st;
    (void)umask(0027);
    ck_assert_int_eq(write_text("a", "old", NULL), 0);
    ino_t before = inode(&folder, "a");
    folder_put(&folder, "a.tmp", "left-over");
    ck_assert_int_eq(write_text("a", "new", NULL), 0);
    assert_contents(&folder, "a", "new");
    assert_names("a");
    ck_assert_int_ne(inode(&folder, "a"), before);
    ck_assert_int_eq(fstatat(folder.fd, "a", &st, 0), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0640);
}
END_TEST

START_TEST(an_empty_file_and_one_of_a_megabyte_are_written)
{
    enum { SIZE = 1 << 20 };
    cleanup(free_ptr) char *large = xcalloc(SIZE + 1, 1);
    memset(large, 'x', SIZE);
    ck_assert_int_eq(write_text("a", "", NULL), 0);
    assert_contents(&folder, "a", "");
    ck_assert_int_eq(write_text("a", large, NULL), 0);
    assert_contents(&folder, "a", large);
}
END_TEST

START_TEST(a_name_may_have_components)
{
    ck_assert_int_eq(fs_mkdir(folder.fd, "steps", 0750, NULL), 0);
    ck_assert_int_eq(write_text("steps/a", "x", NULL), 0);
    assert_contents(&folder, "steps/a", "x");
    ck_assert_int_eq(fs_mkdir(folder.fd, "steps/b", 0750, NULL), 0);
    ck_assert_int_eq(fs_move(folder.fd, "steps/a", folder.fd, "steps/b/c", 0, NULL), 0);
    assert_contents(&folder, "steps/b/c", "x");
    assert_names("steps");
}
END_TEST

static const char *const refused[] = {
    "", ".", "..", "a/", "a/..", "../a", "/a", "/tmp/a", "a/../../b", "link/a", "none/a", "file/a",
};

START_TEST(a_name_that_leads_elsewhere_is_refused_by_everything)
{
    struct err err[6] = { ERR_INIT };
    const char *name = refused[_i];
    ck_assert_int_eq(mkdirat(folder.fd, "a", 0700), 0);
    ck_assert_int_eq(symlinkat("a", folder.fd, "link"), 0);
    folder_put(&folder, "file", "x");
    ck_assert_int_lt(write_text(name, "x", &err[0]), 0);
    ck_assert_int_lt(fs_mkdir(folder.fd, name, 0700, &err[1]), 0);
    int r = fs_move(folder.fd, "file", folder.fd, name, 0, &err[2]);
    ck_assert(r < 0 && r != -EXDEV && r != -EEXIST);
    r = fs_move(folder.fd, name, folder.fd, "b", 0, &err[3]);
    ck_assert(r < 0 && r != -EXDEV && r != -EEXIST);
    ck_assert_int_lt(fs_link_or_copy(folder.fd, "file", folder.fd, name, NULL, NULL, &err[4]), 0);
    ck_assert_int_lt(fs_link_or_copy(folder.fd, name, folder.fd, "b", NULL, NULL, &err[5]), 0);
    for (size_t i = 0; i < ARRAY_LEN(err); i++)
        ck_assert_msg(err[i].class != ERR_NONE && *err[i].text, "%zu", i);
    assert_names("a file link");
    cleanup(free_ptr) char *inner = folder_names(&folder, "a");
    ck_assert_str_eq(inner, "");
}
END_TEST

START_TEST(a_symlink_in_the_way_is_replaced_and_its_target_is_not_touched)
{
    folder_put(&folder, "target", "precious");
    ck_assert_int_eq(symlinkat("target", folder.fd, "a"), 0);
    ck_assert_int_eq(symlinkat("target", folder.fd, "a.tmp"), 0);
    ck_assert_int_eq(write_text("a", "new", NULL), 0);
    assert_contents(&folder, "target", "precious");
    assert_contents(&folder, "a", "new");
    assert_names("a target");
}
END_TEST

START_TEST(a_folder_in_the_way_of_the_temporary_name_is_removed)
{
    ck_assert_int_eq(mkdirat(folder.fd, "a.tmp", 0755), 0);
    ck_assert_int_eq(write_text("a", "new", NULL), 0);
    assert_contents(&folder, "a", "new");
    ck_assert_int_eq(mkdirat(folder.fd, "a.tmp", 0755), 0);
    ck_assert_int_eq(mkdirat(folder.fd, "a.tmp/b", 0755), 0);
    folder_put(&folder, "a.tmp/b/c", "x");
    ck_assert_int_eq(write_text("a", "newer", NULL), 0);
    assert_contents(&folder, "a", "newer");
    assert_names("a");
}
END_TEST

START_TEST(a_folder_in_the_way_of_the_file_is_an_error_and_stays)
{
    struct err err = ERR_INIT;
    ck_assert_int_eq(mkdirat(folder.fd, "a", 0755), 0);
    ck_assert_int_lt(write_text("a", "new", &err), 0);
    ck_assert_int_ne(err.class, ERR_NONE);
    assert_names("a");
}
END_TEST

START_TEST(released_without_commit_nothing_has_happened)
{
    struct fs_file file = FS_FILE_INIT;
    fs_release(&file);
    folder_put(&folder, "a", "old");
    ck_assert_int_eq(fs_begin(&file, folder.fd, "a", NULL), 0);
    ck_assert_int_eq(write(file.fd, "new", 3), 3);
    assert_names("a a.tmp");
    fs_release(&file);
    assert_names("a");
    assert_contents(&folder, "a", "old");
}
END_TEST

START_TEST(a_large_file_made_in_steps_appears_at_commit)
{
    struct fs_file file = FS_FILE_INIT;
    ck_assert_int_eq(fs_begin(&file, folder.fd, "a", NULL), 0);
    ck_assert_int_eq(write(file.fd, "one", 3), 3);
    ck_assert_int_eq(write(file.fd, "two", 3), 3);
    ck_assert_int_eq(fs_commit(&file, NULL), 0);
    ck_assert_int_eq(file.fd, -1);
    fs_release(&file);
    assert_names("a");
    assert_contents(&folder, "a", "onetwo");
}
END_TEST

START_TEST(a_file_made_over_several_runs_keeps_what_it_has)
{
    struct fs_file file = FS_FILE_INIT;
    ck_assert_int_eq(fs_continue(&file, folder.fd, "a", NULL), 0);
    ck_assert_int_eq(fs_write_all(file.fd, "one", 3, NULL), 0);
    fs_release(&file);
    assert_names("a.part");
    ck_assert_int_eq(fs_continue(&file, folder.fd, "a", NULL), 0);
    ck_assert_int_eq(lseek(file.fd, 0, SEEK_END), 3);
    ck_assert_int_eq(fs_write_all(file.fd, "two", 3, NULL), 0);
    ck_assert_int_eq(fs_commit(&file, NULL), 0);
    fs_release(&file);
    assert_names("a");
    assert_contents(&folder, "a", "onetwo");
}
END_TEST

START_TEST(what_is_no_file_of_its_own_is_not_continued)
{
    static const char *const names[] = { "a", "b" };
    struct fs_file file = FS_FILE_INIT;
    folder_put(&folder, "precious", "p");
    ck_assert_int_eq(symlinkat("precious", folder.fd, "a.part"), 0);
    ck_assert_int_eq(linkat(folder.fd, "precious", folder.fd, "b.part", 0), 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        ck_assert_int_eq(fs_continue(&file, folder.fd, names[i], NULL), 0);
        ck_assert_int_eq(fs_write_all(file.fd, "x", 1, NULL), 0);
        ck_assert_int_eq(fs_commit(&file, NULL), 0);
        fs_release(&file);
    }
    assert_names("a b precious");
    assert_contents(&folder, "precious", "p");
}
END_TEST

START_TEST(space_is_set_aside_without_a_change_of_size_or_refused_at_once)
{
    struct fs_file file = FS_FILE_INIT;
    struct err err = ERR_INIT;
    struct stat st;
    ck_assert_int_eq(fs_begin(&file, folder.fd, "a", NULL), 0);
    ck_assert_int_eq(fs_reserve(file.fd, 0, 1 << 20, NULL), 0);
    ck_assert_int_eq(fstat(file.fd, &st), 0);
    ck_assert_int_eq(st.st_size, 0);
    // More than any disk has, and a little more than this one has: neither takes anything.
    uint64_t before;
    ck_assert_int_eq(fs_free(folder.fd, &before, &(uint64_t){ 0 }, NULL), 0);
    ck_assert_int_lt(fs_reserve(file.fd, 0, UINT64_C(1) << 50, &err), 0);
    ck_assert_int_eq(err.class, ERR_IO);
    ck_assert_str_eq(err.id, "no_space");
    ck_assert_int_lt(fs_reserve(file.fd, 0, before + (before >> 4), NULL), 0);
    ck_assert_int_eq(fstat(file.fd, &st), 0);
    ck_assert_int_le(st.st_blocks, (1 << 20) / 512 + 8);
    ck_assert_int_eq(fs_sync(file.fd, NULL), 0);
    ck_assert_int_lt(fs_sync(-1, NULL), 0);
    fs_release(&file);
}
END_TEST

START_TEST(a_file_begun_in_place_spares_its_neighbours_and_must_be_new)
{
    struct fs_file file = FS_FILE_INIT;
    folder_put(&folder, "a.tmp", "somebody's");
    ck_assert_int_eq(fs_begin_in_place(&file, folder.fd, "a", NULL), 0);
    ck_assert_int_eq(write(file.fd, "x", 1), 1);
    ck_assert_int_eq(fs_commit(&file, NULL), 0);
    fs_release(&file);
    assert_names("a a.tmp");
    ck_assert_int_eq(fs_begin_in_place(&file, folder.fd, "a", NULL), -EEXIST);
    ck_assert_int_eq(fs_begin_in_place(&file, folder.fd, "b", NULL), 0);
    fs_release(&file);
    assert_names("a a.tmp");
}
END_TEST

START_TEST(records_are_appended)
{
    ck_assert_int_eq(fs_append(folder.fd, "log", "one\n", 4, NULL), 0);
    ck_assert_int_eq(fs_append(folder.fd, "log", "two\n", 4, NULL), 0);
    assert_contents(&folder, "log", "one\ntwo\n");
}
END_TEST

START_TEST(nothing_is_appended_to_what_is_no_file)
{
    struct err err = ERR_INIT;
    folder_put(&folder, "target", "x");
    ck_assert_int_eq(symlinkat("target", folder.fd, "link"), 0);
    ck_assert_int_eq(mkfifoat(folder.fd, "fifo", 0600), 0);
    ck_assert_int_lt(fs_append(folder.fd, "link", "y", 1, &err), 0);
    ck_assert_int_ne(err.class, ERR_NONE);
    ck_assert_int_lt(fs_append(folder.fd, "fifo", "y", 1, NULL), 0);
    cleanup(close_fd) int reader = openat(folder.fd, "fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ck_assert_int_lt(fs_append(folder.fd, "fifo", "y", 1, NULL), 0);
    assert_contents(&folder, "target", "x");
}
END_TEST

// ---- names

START_TEST(a_folder_is_made_once)
{
    struct err err = ERR_INIT;
    folder_put(&folder, "file", "x");
    ck_assert_int_eq(fs_mkdir(folder.fd, "a", 0750, NULL), 0);
    ck_assert_int_eq(fs_mkdir(folder.fd, "a", 0750, NULL), 1);
    ck_assert_int_eq(fs_mkdir(folder.fd, "file", 0750, &err), -ENOTDIR);
    ck_assert_str_eq(err.text, "create folder file: Not a directory");
}
END_TEST

START_TEST(an_existing_target_stops_a_move_without_a_word)
{
    struct err err = ERR_INIT;
    folder_put(&folder, "a", "a");
    folder_put(&folder, "b", "b");
    ck_assert_int_eq(mkdirat(folder.fd, "c", 0700), 0);
    ck_assert_int_eq(mkdirat(folder.fd, "d", 0700), 0);
    ck_assert_int_eq(fs_move(folder.fd, "a", folder.fd, "b", 0, &err), -EEXIST);
    // rename(2) alone would replace an empty folder.
    ck_assert_int_eq(fs_move(folder.fd, "c", folder.fd, "d", 0, &err), -EEXIST);
    ck_assert_int_eq(err.class, ERR_NONE);
    assert_names("a b c d");
    ck_assert_int_eq(fs_move(folder.fd, "a", folder.fd, "b", FS_MOVE_REPLACE, &err), 0);
    assert_names("b c d");
    assert_contents(&folder, "b", "a");
}
END_TEST

START_TEST(a_missing_source_is_an_error_with_words)
{
    struct err err = ERR_INIT;
    ck_assert_int_eq(fs_move(folder.fd, "no\nne", folder.fd, "b", 0, &err), -ENOENT);
    ck_assert_str_eq(err.text, "move no\\x0Ane: No such file or directory");
}
END_TEST

// rename(2) would do nothing and leave both.
START_TEST(one_of_two_links_moved_onto_the_other_goes)
{
    folder_put(&folder, "a", "x");
    ck_assert_int_eq(linkat(folder.fd, "a", folder.fd, "b", 0), 0);
    ck_assert_int_eq(fs_move(folder.fd, "a", folder.fd, "b", FS_MOVE_REPLACE, NULL), 0);
    assert_names("b");
    ck_assert_int_eq(fs_move(folder.fd, "b", folder.fd, "b", FS_MOVE_REPLACE, NULL), 0);
    assert_contents(&folder, "b", "x");
}
END_TEST

START_TEST(a_move_across_file_systems_is_told_without_words)
{
    struct err err = ERR_INIT;
    if (!has_other_file_system())
        return;
    folder_put(&folder, "a", "x");
    ck_assert_int_eq(fs_move(folder.fd, "a", other.fd, "a", 0, &err), -EXDEV);
    ck_assert_int_eq(fs_move(folder.fd, "a", other.fd, "a", FS_MOVE_REPLACE, &err), -EXDEV);
    ck_assert_int_eq(err.class, ERR_NONE);
    assert_names("a");
}
END_TEST

// ---- contents

static void count_progress(void *context, uint64_t bytes)
{
    uint64_t *last = context;
    ck_assert_uint_gt(bytes, *last);
    *last = bytes;
}

START_TEST(a_link_is_made_where_it_can_be_and_again_when_asked_again)
{
    folder_put(&folder, "a", "x");
    folder_put(&folder, "b", "old");
    folder_put(&folder, "b.tmp", "left-over");
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(fs_link_or_copy(folder.fd, "a", folder.fd, "b", NULL, NULL, NULL),
                         FS_LINKED);
        ck_assert_int_eq(inode(&folder, "a"), inode(&folder, "b"));
        assert_names("a b");
    }
}
END_TEST

START_TEST(blocks_are_shared_where_that_can_be_and_nothing_is_done_where_not)
{
    struct err err = ERR_INIT;
    cleanup(fs_release) struct fs_file file = FS_FILE_INIT;
    folder_put(&folder, "a", "contents");
    cleanup(close_fd) int fd = fs_open(folder.fd, "a", O_RDONLY);
    ck_assert_int_eq(fs_begin(&file, folder.fd, "b", &err), 0);
    int way = fs_clone(&file, fd, &err);
    ck_assert_int_eq(err.class, ERR_NONE);
    off_t size = lseek(file.fd, 0, SEEK_END);
    ck_assert(way == FS_CLONED ? size == 8 : way == -EOPNOTSUPP && size == 0);
}
END_TEST

START_TEST(a_copy_is_made_across_file_systems_with_its_times)
{
    enum { SIZE = 20000000 };
    if (!has_other_file_system())
        return;
    cleanup(free_ptr) char *large = xcalloc(SIZE + 1, 1);
    for (size_t i = 0; i < SIZE; i++)
        large[i] = (char)('a' + i % 23);
    folder_put(&folder, "a", large);
    const struct timespec times[] = { { 1000000000, 0 }, { 1000000001, 0 } };
    ck_assert_int_eq(utimensat(folder.fd, "a", times, 0), 0);
    uint64_t last = 0;
    ck_assert_int_eq(fs_link_or_copy(folder.fd, "a", other.fd, "b", count_progress, &last, NULL),
                     FS_COPIED);
    ck_assert_uint_eq(last, SIZE);
    assert_contents(&other, "b", large);
    struct stat st;
    ck_assert_int_eq(fstatat(other.fd, "b", &st, 0), 0);
    ck_assert_int_eq(st.st_mtim.tv_sec, 1000000001);
    cleanup(free_ptr) char *names = folder_names(&other, ".");
    ck_assert_str_eq(names, "b");
}
END_TEST

static const struct {
    const char *name, *id;
} no_files[] = {
    { "link", "not_a_file" },
    { "fifo", "not_a_file" },
    { "dir", "not_a_file" },
    { "none", "not_found" },
};

START_TEST(what_is_no_regular_file_is_neither_linked_nor_copied)
{
    struct err err = ERR_INIT;
    folder_put(&folder, "target", "x");
    ck_assert_int_eq(symlinkat("target", folder.fd, "link"), 0);
    ck_assert_int_eq(mkfifoat(folder.fd, "fifo", 0600), 0);
    ck_assert_int_eq(mkdirat(folder.fd, "dir", 0700), 0);
    const char *name = no_files[_i].name;
    ck_assert_int_lt(fs_link_or_copy(folder.fd, name, folder.fd, "b", NULL, NULL, &err), 0);
    ck_assert_str_eq(err.id, no_files[_i].id);
    assert_names("dir fifo link target");
}
END_TEST

struct meddler {
    off_t size; // what the source is cut or grown to when the copy has begun
    bool was_called;
};

static void meddle(void *context, uint64_t bytes)
{
    struct meddler *meddler = context;
    (void)bytes;
    cleanup(close_fd) int fd = openat(folder.fd, "a", O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(ftruncate(fd, meddler->size), 0);
    meddler->was_called = true;
}

static const off_t meddled_sizes[] = { 9 << 20, 0, 30 << 20 };

START_TEST(a_file_that_changes_under_the_copy_is_told_to_be_tried_again)
{
    struct meddler meddler = { .size = meddled_sizes[_i] };
    struct err err = ERR_INIT;
    struct fs_file file = FS_FILE_INIT;
    folder_put(&folder, "a", "");
    cleanup(close_fd) int fd = openat(folder.fd, "a", O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(ftruncate(fd, 20 << 20), 0);
    ck_assert_int_eq(fs_begin(&file, folder.fd, "b", NULL), 0);
    int r = fs_fill(&file, fd, meddle, &meddler, &err);
    fs_release(&file);
    if (!meddler.was_called) {
        puts("SKIP /tmp clones files instead of copying them");
        return;
    }
    ck_assert_int_eq(r, -EAGAIN);
    ck_assert_int_eq(err.class, ERR_RETRY);
    ck_assert_str_eq(err.id, "changed");
    assert_names("a");
}
END_TEST

// ---- locks

START_TEST(a_lock_has_one_holder_until_it_is_closed)
{
    struct err err = ERR_INIT;
    cleanup(close_fd) int first = fs_lock(folder.fd, "lock", NULL);
    ck_assert_int_ge(first, 0);
    ck_assert_int_eq(fs_lock(folder.fd, "lock", &err), -EAGAIN);
    ck_assert_int_eq(err.class, ERR_NONE);
    close_fd(&first);
    first = fs_lock(folder.fd, "lock", NULL);
    ck_assert_int_ge(first, 0);
}
END_TEST

START_TEST(a_lock_is_freed_when_its_holder_is_killed)
{
    int ready[2];
    ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)!write(ready[1], fs_lock(folder.fd, "lock", NULL) >= 0 ? "+" : "-", 1);
        for (;;)
            pause();
    }
    char answer = 0;
    ck_assert_int_eq(read(ready[0], &answer, 1), 1);
    ck_assert_int_eq(answer, '+');
    ck_assert_int_eq(fs_lock(folder.fd, "lock", NULL), -EAGAIN);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    cleanup(close_fd) int fd = fs_lock(folder.fd, "lock", NULL);
    ck_assert_int_ge(fd, 0);
    close(ready[0]);
    close(ready[1]);
}
END_TEST

// A process that forked and was killed before its child became another program.
START_TEST(a_lock_of_a_process_is_not_held_by_what_it_forked)
{
    int ready[2];
    ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        bool locked = fs_lock_process(folder.fd, "lock", NULL) >= 0;
        pid_t child = fork();
        if (child > 0)
            (void)!write(ready[1], locked ? &child : &(pid_t){ 0 }, sizeof child);
        for (;;)
            pause();
    }
    pid_t child = 0;
    ck_assert_int_eq(read(ready[0], &child, sizeof child), sizeof child);
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(fs_lock_process(folder.fd, "lock", NULL), -EAGAIN);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    cleanup(close_fd) int fd = fs_lock_process(folder.fd, "lock", NULL);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    close(ready[0]);
    close(ready[1]);
}
END_TEST

START_TEST(a_folder_is_synced_also_through_a_path_descriptor)
{
    cleanup(close_fd) int fd = open(folder.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_eq(fs_sync_dir(fd, NULL), 0);
    ck_assert_int_eq(fs_write(fd, "a", "x", 1, NULL), 0);
    assert_names("a");
    struct err err = ERR_INIT;
    ck_assert_int_eq(fs_sync_dir(-1, &err), -EBADF);
    ck_assert_int_eq(err.class, ERR_SYSTEM);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fs");
    TCase *tcase = tcase_create("fs");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_file_is_replaced_and_nothing_else_is_left);
    tcase_add_test(tcase, an_empty_file_and_one_of_a_megabyte_are_written);
    tcase_add_test(tcase, a_name_may_have_components);
    tcase_add_loop_test(tcase, a_name_that_leads_elsewhere_is_refused_by_everything, 0,
                        (int)ARRAY_LEN(refused));
    tcase_add_test(tcase, a_symlink_in_the_way_is_replaced_and_its_target_is_not_touched);
    tcase_add_test(tcase, a_folder_in_the_way_of_the_temporary_name_is_removed);
    tcase_add_test(tcase, a_folder_in_the_way_of_the_file_is_an_error_and_stays);
    tcase_add_test(tcase, released_without_commit_nothing_has_happened);
    tcase_add_test(tcase, a_large_file_made_in_steps_appears_at_commit);
    tcase_add_test(tcase, a_file_made_over_several_runs_keeps_what_it_has);
    tcase_add_test(tcase, what_is_no_file_of_its_own_is_not_continued);
    tcase_add_test(tcase, space_is_set_aside_without_a_change_of_size_or_refused_at_once);
    tcase_add_test(tcase, a_file_begun_in_place_spares_its_neighbours_and_must_be_new);
    tcase_add_test(tcase, records_are_appended);
    tcase_add_test(tcase, nothing_is_appended_to_what_is_no_file);
    tcase_add_test(tcase, a_folder_is_made_once);
    tcase_add_test(tcase, an_existing_target_stops_a_move_without_a_word);
    tcase_add_test(tcase, a_missing_source_is_an_error_with_words);
    tcase_add_test(tcase, one_of_two_links_moved_onto_the_other_goes);
    tcase_add_test(tcase, a_move_across_file_systems_is_told_without_words);
    tcase_add_test(tcase, a_link_is_made_where_it_can_be_and_again_when_asked_again);
    tcase_add_test(tcase, blocks_are_shared_where_that_can_be_and_nothing_is_done_where_not);
    tcase_add_test(tcase, a_copy_is_made_across_file_systems_with_its_times);
    tcase_add_loop_test(tcase, what_is_no_regular_file_is_neither_linked_nor_copied, 0,
                        (int)ARRAY_LEN(no_files));
    tcase_add_loop_test(tcase, a_file_that_changes_under_the_copy_is_told_to_be_tried_again, 0,
                        (int)ARRAY_LEN(meddled_sizes));
    tcase_add_test(tcase, a_lock_has_one_holder_until_it_is_closed);
    tcase_add_test(tcase, a_lock_is_freed_when_its_holder_is_killed);
    tcase_add_test(tcase, a_lock_of_a_process_is_not_held_by_what_it_forked);
    tcase_add_test(tcase, a_folder_is_synced_also_through_a_path_descriptor);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
