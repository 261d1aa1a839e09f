// Looking: nothing outside, through a link, endless or blocking is ever opened.
#include "base/fs.h"
#include "tests/support/folder.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct folder folder;

// A name of each kind.
static void set_up(void)
{
    folder_make(&folder);
    folder_put(&folder, "file", "contents");
    ck_assert_int_eq(mkdirat(folder.fd, "dir", 0700), 0);
    folder_put(&folder, "dir/inner", "x");
    ck_assert_int_eq(symlinkat("file", folder.fd, "link"), 0);
    ck_assert_int_eq(symlinkat("dir", folder.fd, "dirlink"), 0);
    ck_assert_int_eq(symlinkat("/etc/passwd", folder.fd, "away"), 0);
    ck_assert_int_eq(symlinkat("nowhere", folder.fd, "dangling"), 0);
    ck_assert_int_eq(mkfifoat(folder.fd, "fifo", 0600), 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    cleanup(free_ptr) char *path = xasprintf("%s/socket", folder.path);
    ck_assert_uint_lt(strlen(path), sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    cleanup(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static const struct {
    const char *path;
    int result;     // 0: opened
    const char *id; // what fs_open_file says
} paths[] = {
    { "file", 0, NULL },
    { "dir/inner", 0, NULL },
    { "dir/../file", -EXDEV, "outside" },
    { "dir", 0, "not_a_file" },
    { "dir/", 0, "not_a_file" },
    { "file/", -ENOTDIR, "not_found" },
    { "fifo", 0, "not_a_file" }, // would block for ever without O_NONBLOCK
    { "socket", -ENXIO, "not_a_file" },
    { "link", -ELOOP, "not_a_file" },
    { "away", -ELOOP, "not_a_file" },
    { "dangling", -ELOOP, "not_a_file" },
    { "dirlink/inner", -ELOOP, "system" },
    { "none", -ENOENT, "not_found" },
    { "none/none", -ENOENT, "not_found" },
    { "file/none", -ENOTDIR, "not_found" },
    { "../", -EXDEV, "outside" },
    { "dir/../../x", -EXDEV, "outside" },
    { "/etc/passwd", -EXDEV, "outside" },
    { "", -ENOENT, "not_found" },
};

START_TEST(only_what_lies_beneath_is_opened)
{
    cleanup(close_fd) int fd = fs_open(folder.fd, paths[_i].path, O_RDONLY);
    ck_assert_msg(paths[_i].result == 0 ? fd >= 0 : fd == paths[_i].result, "%s: %d",
                  paths[_i].path, fd);
    if (fd >= 0)
        ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
}
END_TEST

START_TEST(only_a_regular_file_is_taken_for_one_and_the_error_says_what_it_is)
{
    struct err err = ERR_INIT;
    struct stat st = { 0 };
    cleanup(close_fd) int fd = fs_open_file(folder.fd, paths[_i].path, &st, &err);
    if (!paths[_i].id) {
        ck_assert_int_ge(fd, 0);
        ck_assert(S_ISREG(st.st_mode));
        ck_assert_int_eq(err.class, ERR_NONE);
        return;
    }
    ck_assert_int_lt(fd, 0);
    ck_assert_str_eq(err.id, paths[_i].id);
}
END_TEST

START_TEST(only_a_folder_is_taken_for_one)
{
    struct err err = ERR_INIT;
    cleanup(close_fd) int fd = fs_open_dir(folder.fd, "dir", &err);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fs_open_dir(folder.fd, "dirlink", &err), -ELOOP);
    ck_assert_str_eq(err.text, "open folder dirlink: Too many levels of symbolic links");
    ck_assert_int_eq(fs_open_dir(folder.fd, "file", NULL), -ENOTDIR);
    ck_assert_int_eq(fs_open_dir(folder.fd, "none", NULL), -ENOENT);
}
END_TEST

START_TEST(a_file_is_created_only_beneath)
{
    cleanup(close_fd) int fd = fs_open(folder.fd, "dir/new", O_WRONLY | O_CREAT | O_EXCL);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fs_open(folder.fd, "dangling", O_WRONLY | O_CREAT), -ELOOP);
    ck_assert_int_eq(fs_open(folder.fd, "dirlink/new", O_WRONLY | O_CREAT), -ELOOP);
    cleanup(free_ptr) char *names = folder_names(&folder, "dir");
    ck_assert_str_eq(names, "inner new");
}
END_TEST

static const struct {
    size_t max;
    int result;
} bounds[] = { { 0, -EFBIG }, { 7, -EFBIG }, { 8, 0 }, { 9, 0 }, { SIZE_MAX, 0 } };

START_TEST(a_file_is_read_up_to_the_limit)
{
    char *data = NULL;
    size_t size = 99;
    struct err err = ERR_INIT;
    int r = fs_read(folder.fd, "file", bounds[_i].max, &data, &size, &err);
    ck_assert_int_eq(r, bounds[_i].result);
    if (r == 0) {
        ck_assert_uint_eq(size, 8);
        ck_assert_str_eq(data, "contents");
        free(data);
        return;
    }
    ck_assert_str_eq(err.id, "too_large");
    ck_assert_ptr_null(data);
    ck_assert_uint_eq(size, 99);
}
END_TEST

START_TEST(a_missing_file_is_read_as_missing_without_words)
{
    char *data;
    size_t size;
    struct err err = ERR_INIT;
    ck_assert_int_eq(fs_read(folder.fd, "none", 10, &data, &size, &err), -ENOENT);
    ck_assert_int_eq(err.class, ERR_NONE);
    ck_assert_int_lt(fs_read(folder.fd, "fifo", 10, &data, &size, &err), 0);
    ck_assert_str_eq(err.text, "fifo is a FIFO, not a regular file");
}
END_TEST

// Like a log that grows while it is read: the kernel gives such files no size.
START_TEST(a_file_larger_than_its_size_says_is_read_whole)
{
    cleanup(close_fd) int proc = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup(free_ptr) char *data = NULL;
    size_t size = 0;
    ck_assert_int_eq(fs_read(proc, "maps", 1 << 20, &data, &size, NULL), 0);
    ck_assert_uint_gt(size, 1000);
    ck_assert_uint_eq(strlen(data), size);
    char *none = NULL;
    ck_assert_int_eq(fs_read(proc, "maps", 1000, &none, &size, NULL), -EFBIG);
}
END_TEST

START_TEST(a_listing_is_in_natural_order_and_bounded)
{
    char **names = NULL;
    struct err err = ERR_INIT;
    folder_put(&folder, "dir/clip10", "");
    folder_put(&folder, "dir/clip2", "");
    folder_put(&folder, "dir/.hidden", "");
    cleanup(close_fd) int dir = fs_open_dir(folder.fd, "dir", NULL);
    // Twice: the first must not have moved a position that the second shares.
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(fs_list(dir, 4, &names, NULL), 4);
        ck_assert_str_eq(names[0], ".hidden");
        ck_assert_str_eq(names[1], "clip2");
        ck_assert_str_eq(names[2], "clip10");
        ck_assert_str_eq(names[3], "inner");
        ck_assert_ptr_null(names[4]);
        fs_names_free(&names);
        ck_assert_ptr_null(names);
    }
    fs_names_free(&names);
    ck_assert_int_eq(fs_list(dir, 3, &names, &err), -E2BIG);
    ck_assert_str_eq(err.id, "too_many_entries");
    ck_assert_ptr_null(names);
}
END_TEST

START_TEST(an_empty_folder_lists_as_an_empty_array)
{
    char **names = NULL;
    ck_assert_int_eq(mkdirat(folder.fd, "empty", 0700), 0);
    cleanup(close_fd) int dir = fs_open_dir(folder.fd, "empty", NULL);
    ck_assert_int_eq(fs_list(dir, 0, &names, NULL), 0);
    ck_assert_ptr_nonnull(names);
    ck_assert_ptr_null(names[0]);
    fs_names_free(&names);
}
END_TEST

START_TEST(free_space_is_told)
{
    uint64_t bytes = 0, inodes = 0;
    ck_assert_int_eq(fs_free(folder.fd, &bytes, &inodes, NULL), 0);
    ck_assert_uint_gt(bytes, 4096);
    ck_assert_uint_gt(inodes, 0);
    ck_assert_int_eq(fs_free(-1, &bytes, &inodes, NULL), -EBADF);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fs_look");
    TCase *tcase = tcase_create("fs_look");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, only_what_lies_beneath_is_opened, 0, (int)ARRAY_LEN(paths));
    tcase_add_loop_test(tcase, only_a_regular_file_is_taken_for_one_and_the_error_says_what_it_is,
                        0, (int)ARRAY_LEN(paths));
    tcase_add_test(tcase, only_a_folder_is_taken_for_one);
    tcase_add_test(tcase, a_file_is_created_only_beneath);
    tcase_add_loop_test(tcase, a_file_is_read_up_to_the_limit, 0, (int)ARRAY_LEN(bounds));
    tcase_add_test(tcase, a_missing_file_is_read_as_missing_without_words);
    tcase_add_test(tcase, a_file_larger_than_its_size_says_is_read_whole);
    tcase_add_test(tcase, a_listing_is_in_natural_order_and_bounded);
    tcase_add_test(tcase, an_empty_folder_lists_as_an_empty_array);
    tcase_add_test(tcase, free_space_is_told);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
