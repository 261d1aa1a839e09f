// Trees: removed whatever their shape, copied whole or not at all, never beyond their edges.
#include "base/fs.h"
#include "tests/support/folder.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>

static struct folder folder;

static void set_up(void)
{
    folder_make(&folder);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static void assert_names(const char *inner, const char *names)
{
    cleanup(free_ptr) char *found = folder_names(&folder, inner);
    ck_assert_str_eq(found, names);
}

static void put_folder(const char *name)
{
    ck_assert_int_eq(mkdirat(folder.fd, name, 0755), 0);
}

// A chain of folders named d, with a file at the bottom.
static void put_chain(const char *name, int depth)
{
    put_folder(name);
    cleanup(close_fd) int fd = openat(folder.fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 1; i < depth; i++) {
        ck_assert_int_eq(mkdirat(fd, "d", 0755), 0);
        int inner = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = inner;
    }
    cleanup(close_fd) int file = openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ck_assert_int_ge(file, 0);
}

// ---- removing

START_TEST(what_is_not_there_is_removed_already)
{
    ck_assert_int_eq(fs_remove(folder.fd, "none", NULL), 0);
    ck_assert_int_eq(fs_remove(folder.fd, "none/none", NULL), 0);
}
END_TEST

START_TEST(every_kind_of_thing_is_removed_but_never_what_a_link_names)
{
    put_folder("keep");
    folder_put(&folder, "keep/precious", "x");
    put_folder("a");
    put_folder("a/empty");
    put_folder("a/full");
    folder_put(&folder, "a/full/file", "x");
    folder_put(&folder, "a/full/-rf\n\xFF", "x");
    ck_assert_int_eq(symlinkat("../../keep", folder.fd, "a/full/dirlink"), 0);
    ck_assert_int_eq(symlinkat("../keep/precious", folder.fd, "a/link"), 0);
    ck_assert_int_eq(mkfifoat(folder.fd, "a/fifo", 0600), 0);
    ck_assert_int_eq(symlinkat("keep", folder.fd, "link"), 0);
    ck_assert_int_eq(fs_remove(folder.fd, "a/full/file", NULL), 0);
    assert_names("a/full", "-rf\n\xFF dirlink");
    ck_assert_int_eq(fs_remove(folder.fd, "a", NULL), 0);
    ck_assert_int_eq(fs_remove(folder.fd, "link", NULL), 0);
    assert_names(".", "keep");
    assert_names("keep", "precious");
}
END_TEST

static const char *const refused[] = { "",     ".",    "..",   "a/",           "a/.",
                                       "a/..", "../x", "/tmp", "link/precious" };

START_TEST(a_name_that_leads_elsewhere_is_not_removed)
{
    struct err err = ERR_INIT;
    put_folder("a");
    folder_put(&folder, "a/precious", "x");
    ck_assert_int_eq(symlinkat("a", folder.fd, "link"), 0);
    ck_assert_int_lt(fs_remove(folder.fd, refused[_i], &err), 0);
    ck_assert_int_ne(err.class, ERR_NONE);
    assert_names("a", "precious");
}
END_TEST

static const int depths[] = { 63, 64, 65, 66, 130, 700 };

START_TEST(a_tree_of_any_depth_is_removed_with_few_descriptors)
{
    struct rlimit few = { 90, 90 };
    put_chain("a", depths[_i]);
    folder_put(&folder, "a/.removing-0", "a name that is used on the way");
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    struct err err = ERR_INIT;
    ck_assert_msg(fs_remove(folder.fd, "a", &err) == 0, "%s", err.text);
    assert_names(".", "");
}
END_TEST

START_TEST(many_entries_are_removed)
{
    put_folder("a");
    for (int i = 0; i < 3000; i++) {
        cleanup(free_ptr) char *name = xasprintf("a/%d", i);
        folder_put(&folder, name, "");
    }
    ck_assert_int_eq(fs_remove(folder.fd, "a", NULL), 0);
    assert_names(".", "");
}
END_TEST

START_TEST(a_folder_without_rights_is_removed_by_its_owner)
{
    put_folder("a");
    put_folder("a/locked");
    folder_put(&folder, "a/locked/file", "x");
    ck_assert_int_eq(fchmodat(folder.fd, "a/locked", 0, 0), 0);
    ck_assert_int_eq(fchmodat(folder.fd, "a", 0500, 0), 0);
    // Root may open everything anyway; it becomes nobody for the call.
    if (geteuid() == 0) {
        ck_assert_int_eq(fchownat(folder.fd, "", 65534, 65534, AT_EMPTY_PATH), 0);
        ck_assert_int_eq(fchownat(folder.fd, "a", 65534, 65534, 0), 0);
        ck_assert_int_eq(fchownat(folder.fd, "a/locked", 65534, 65534, 0), 0);
        ck_assert_int_eq(seteuid(65534), 0);
    }
    struct err err = ERR_INIT;
    int r = fs_remove(folder.fd, "a", &err);
    (void)!seteuid(getuid());
    ck_assert_msg(r == 0, "%s", err.text);
    assert_names(".", "");
}
END_TEST

START_TEST(a_mount_point_is_not_crossed)
{
    put_folder("a");
    put_folder("a/mount");
    cleanup(free_ptr) char *path = xasprintf("%s/a/mount", folder.path);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "", MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", path, "tmpfs", 0, "size=64k") != 0) {
        puts("SKIP mounting is not allowed here");
        return;
    }
    struct err err = ERR_INIT;
    folder_put(&folder, "a/mount/precious", "x");
    ck_assert_int_lt(fs_remove(folder.fd, "a", &err), 0);
    ck_assert_str_eq(err.text, "remove folder mount: Device or resource busy");
    assert_names("a/mount", "precious");
    ck_assert_int_eq(umount2(path, MNT_DETACH), 0);
}
END_TEST

START_TEST(what_is_temporary_goes_and_nothing_else)
{
    folder_put(&folder, "a.tmp", "x");
    folder_put(&folder, "a.tmp.mp4", "x");
    folder_put(&folder, "a.TMP", "x");
    folder_put(&folder, ".tmp", "x");
    put_folder("tree.tmp");
    folder_put(&folder, "tree.tmp/file", "x");
    put_folder("keep");
    folder_put(&folder, "keep/b.tmp", "x");
    ck_assert_int_eq(fs_remove_temporary(folder.fd, NULL), 0);
    assert_names(".", ".tmp a.TMP a.tmp.mp4 keep");
    assert_names("keep", "b.tmp");
    ck_assert_int_eq(fs_remove_temporary(folder.fd, NULL), 0);
}
END_TEST

// ---- copying

static int copy(const char *from, const char *to, unsigned entries, uint64_t bytes, struct err *err)
{
    return fs_copy_tree(folder.fd, from, folder.fd, to, entries, bytes, err);
}

START_TEST(a_tree_is_copied_with_its_names_contents_and_times)
{
    char name[256] = "";
    memset(name, 'n', 255);
    cleanup(free_ptr) char *longest = xasprintf("a/%s", name);
    cleanup(free_ptr) char *longest_copy = xasprintf("b/%s", name);
    put_folder("a");
    put_folder("a/in");
    put_folder("a/in/empty");
    folder_put(&folder, longest, "long");
    folder_put(&folder, "a/clip.mp4", "clip");
    folder_put(&folder, "a/clip.mp4.tmp", "not ours");
    folder_put(&folder, "a/in/\xFF\n", "odd");
    const struct timespec times[] = { { 1000000000, 0 }, { 1000000001, 0 } };
    ck_assert_int_eq(utimensat(folder.fd, "a/clip.mp4", times, 0), 0);
    struct err err = ERR_INIT;
    ck_assert_msg(copy("a", "b", 7, 19, &err) == 0, "%s", err.text);
    assert_names(".", "a b");
    cleanup(free_ptr) char *expected = xasprintf("clip.mp4 clip.mp4.tmp in %s", name);
    assert_names("b", expected);
    assert_names("b/in", "empty \xFF\n");
    cleanup(free_ptr) char *clip = folder_get(&folder, "b/clip.mp4");
    cleanup(free_ptr) char *neighbour = folder_get(&folder, "b/clip.mp4.tmp");
    cleanup(free_ptr) char *odd = folder_get(&folder, "b/in/\xFF\n");
    cleanup(free_ptr) char *text = folder_get(&folder, longest_copy);
    ck_assert_str_eq(clip, "clip");
    ck_assert_str_eq(neighbour, "not ours");
    ck_assert_str_eq(odd, "odd");
    ck_assert_str_eq(text, "long");
    struct stat st;
    ck_assert_int_eq(fstatat(folder.fd, "b/clip.mp4", &st, 0), 0);
    ck_assert_int_eq(st.st_mtim.tv_sec, 1000000001);
}
END_TEST

START_TEST(a_single_file_is_copied)
{
    folder_put(&folder, "a.mp4", "clip");
    ck_assert_int_eq(copy("a.mp4", "b", 1, 4, NULL), 0);
    cleanup(free_ptr) char *text = folder_get(&folder, "b");
    ck_assert_str_eq(text, "clip");
    assert_names(".", "a.mp4 b");
}
END_TEST

START_TEST(links_and_special_files_are_left_out)
{
    put_folder("a");
    folder_put(&folder, "a/file", "x");
    ck_assert_int_eq(symlinkat("file", folder.fd, "a/link"), 0);
    ck_assert_int_eq(symlinkat("/etc", folder.fd, "a/dirlink"), 0);
    ck_assert_int_eq(mkfifoat(folder.fd, "a/fifo", 0600), 0);
    ck_assert_int_eq(copy("a", "b", 10, 10, NULL), 0);
    assert_names("b", "file");
}
END_TEST

static const struct {
    unsigned entries;
    uint64_t bytes;
    int result;
    const char *id;
} bounds[] = {
    { 3, 10, 0, "" },
    { 2, 10, -E2BIG, "too_many_entries" },
    { 0, 10, -E2BIG, "too_many_entries" },
    { 3, 9, -EFBIG, "too_large" },
};

START_TEST(a_tree_beyond_its_bounds_leaves_nothing)
{
    struct err err = ERR_INIT;
    put_folder("a");
    folder_put(&folder, "a/1", "12345");
    folder_put(&folder, "a/2", "12345");
    ck_assert_int_eq(copy("a", "b", bounds[_i].entries, bounds[_i].bytes, &err), bounds[_i].result);
    ck_assert_str_eq(err.id, bounds[_i].id);
    ck_assert_int_eq(err.class, bounds[_i].result ? ERR_INPUT : ERR_NONE);
    assert_names(".", bounds[_i].result ? "a" : "a b");
}
END_TEST

START_TEST(a_tree_too_deep_is_refused)
{
    struct err err = ERR_INIT;
    put_chain("a", 65);
    ck_assert_int_lt(copy("a", "b", 1000, 1000, &err), 0);
    ck_assert_str_eq(err.id, "too_deep");
    assert_names(".", "a");
    ck_assert_int_eq(fs_remove(folder.fd, "a", NULL), 0);
    put_chain("a", 64);
    ck_assert_int_eq(copy("a", "b", 1000, 1000, NULL), 0);
    ck_assert_int_eq(fs_remove(folder.fd, "a", NULL), 0);
    ck_assert_int_eq(fs_remove(folder.fd, "b", NULL), 0);
}
END_TEST

START_TEST(an_existing_copy_is_told_without_words_and_a_left_over_is_replaced)
{
    struct err err = ERR_INIT;
    put_folder("a");
    folder_put(&folder, "a/file", "x");
    put_folder("b.tmp");
    folder_put(&folder, "b.tmp/half", "x");
    ck_assert_int_eq(copy("a", "b", 10, 10, &err), 0);
    assert_names("b", "file");
    folder_put(&folder, "a/more", "x");
    ck_assert_int_eq(copy("a", "b", 10, 10, &err), -EEXIST);
    ck_assert_int_eq(err.class, ERR_NONE);
    assert_names("b", "file");
    assert_names(".", "a b");
}
END_TEST

START_TEST(a_missing_source_is_an_error)
{
    struct err err = ERR_INIT;
    ck_assert_int_eq(copy("none", "b", 10, 10, &err), -ENOENT);
    ck_assert_int_ne(err.class, ERR_NONE);
    assert_names(".", "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fs_tree");
    TCase *removing = tcase_create("removing"), *copying = tcase_create("copying");
    tcase_add_checked_fixture(removing, set_up, tear_down);
    tcase_add_test(removing, what_is_not_there_is_removed_already);
    tcase_add_test(removing, every_kind_of_thing_is_removed_but_never_what_a_link_names);
    tcase_add_loop_test(removing, a_name_that_leads_elsewhere_is_not_removed, 0,
                        (int)ARRAY_LEN(refused));
    tcase_add_loop_test(removing, a_tree_of_any_depth_is_removed_with_few_descriptors, 0,
                        (int)ARRAY_LEN(depths));
    tcase_add_test(removing, many_entries_are_removed);
    tcase_add_test(removing, a_folder_without_rights_is_removed_by_its_owner);
    tcase_add_test(removing, a_mount_point_is_not_crossed);
    tcase_add_test(removing, what_is_temporary_goes_and_nothing_else);
    tcase_add_checked_fixture(copying, set_up, tear_down);
    tcase_add_test(copying, a_tree_is_copied_with_its_names_contents_and_times);
    tcase_add_test(copying, a_single_file_is_copied);
    tcase_add_test(copying, links_and_special_files_are_left_out);
    tcase_add_loop_test(copying, a_tree_beyond_its_bounds_leaves_nothing, 0,
                        (int)ARRAY_LEN(bounds));
    tcase_add_test(copying, a_tree_too_deep_is_refused);
    tcase_add_test(copying, an_existing_copy_is_told_without_words_and_a_left_over_is_replaced);
    tcase_add_test(copying, a_missing_source_is_an_error);
    suite_add_tcase(suite, removing);
    suite_add_tcase(suite, copying);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
