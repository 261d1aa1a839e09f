// Durable file work under failure: every system call of every operation fails once, and the process
// ends before every one of them.  After each, what was there or what shall be there is whole, an
// error has words, no descriptor is lost, and doing it again succeeds.
#include "base/fs.h"
#include "tests/support/faults.h"
#include "tests/support/folder.h"
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>

// More than any operation here makes calls; the sweep ends by itself long before.
enum { CALLS_MAX = 400, BYTES = 100000 };

static struct folder folder;
static char large[BYTES + 1]; // larger than one buffer of a copy

static void set_up(void)
{
    folder_make_in_memory(&folder);
    for (size_t i = 0; i < BYTES; i++)
        large[i] = (char)('a' + i % 23);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static void put_folder(const char *name)
{
    ck_assert_int_eq(mkdirat(folder.fd, name, 0755), 0);
}

// ---- the operations

static void prepare_write(void)
{
    put_folder("d");
    folder_put(&folder, "d/a", "old");
}

static int do_write(struct err *err)
{
    return fs_write(folder.fd, "d/a", large, BYTES, err);
}

static int do_write_unsynced(struct err *err)
{
    return fs_write_unsynced(folder.fd, "d/a", large, BYTES, err);
}

static void prepare_move(void)
{
    put_folder("d");
    put_folder("e");
    folder_put(&folder, "d/a", "moved");
}

static int do_move(struct err *err)
{
    return fs_move(folder.fd, "d/a", folder.fd, "e/a", 0, err);
}

static int do_move_unsynced(struct err *err)
{
    return fs_move(folder.fd, "d/a", folder.fd, "e/a", FS_MOVE_UNSYNCED, err);
}

static int do_replace(struct err *err)
{
    return fs_move(folder.fd, "d/a", folder.fd, "e/a", FS_MOVE_REPLACE, err);
}

static void prepare_replace(void)
{
    prepare_move();
    folder_put(&folder, "e/a", "old");
}

static void prepare_move_folder(void)
{
    put_folder("d");
    put_folder("e");
    put_folder("d/a");
    folder_put(&folder, "d/a/file", "moved");
}

static void prepare_link(void)
{
    put_folder("d");
    put_folder("e");
    folder_put(&folder, "d/a", large);
    folder_put(&folder, "e/a", "old");
}

static int do_link(struct err *err)
{
    return fs_link_or_copy(folder.fd, "d/a", folder.fd, "e/a", NULL, NULL, err);
}

static void prepare_tree(void)
{
    put_folder("d");
    put_folder("d/a");
    put_folder("d/a/in");
    folder_put(&folder, "d/a/1", large);
    folder_put(&folder, "d/a/in/2", "two");
    put_folder("e");
}

static int do_copy_tree(struct err *err)
{
    return fs_copy_tree(folder.fd, "d/a", folder.fd, "e/a", 10, 1 << 20, err);
}

static int do_remove(struct err *err)
{
    return fs_remove(folder.fd, "d/a", err);
}

static void prepare_mkdir(void)
{
    put_folder("d");
}

static int do_mkdir(struct err *err)
{
    int r = fs_mkdir(folder.fd, "d/a", 0750, err);
    return r > 0 ? 0 : r;
}

static int do_sync_name(struct err *err)
{
    return fs_sync_name(folder.fd, "d/a/in/2", err);
}

// ---- what may be seen

// Either of two texts; NULL: the file is not there.
static void assert_either(const char *name, const char *one, const char *other)
{
    cleanup(free_ptr) char *found = folder_get(&folder, name);
    bool is_one = one ? found && strcmp(found, one) == 0 : !found;
    bool is_other = other ? found && strcmp(found, other) == 0 : !found;
    ck_assert_msg(is_one || is_other, "%s holds %.20s", name, found ? found : "nothing at all");
}

static void assert_holds(const char *name, const char *text)
{
    assert_either(name, text, text);
}

static void see_write(bool is_done)
{
    assert_either("d/a", is_done ? large : "old", large);
}

// At any moment under at least one of its names.
static void see_move(bool is_done)
{
    cleanup(free_ptr) char *from = folder_get(&folder, "d/a"), *to = folder_get(&folder, "e/a");
    ck_assert(from || to);
    ck_assert(!from || strcmp(from, "moved") == 0);
    ck_assert(!to || strcmp(to, "moved") == 0);
    ck_assert(!is_done || !from);
}

// An error leaves it where it was found: nobody moves it twice.
static void see_move_by_link(bool is_done)
{
    cleanup(free_ptr) char *from = folder_get(&folder, "d/a"), *to = folder_get(&folder, "e/a");
    see_move(is_done);
    ck_assert_msg(!from || !to || strcmp(faults_struck(), "unlinkat") != 0, "both names are left");
}

static void see_replace(bool is_done)
{
    cleanup(free_ptr) char *from = folder_get(&folder, "d/a");
    assert_either("e/a", is_done ? "moved" : "old", "moved");
    ck_assert(!from || strcmp(from, "moved") == 0);
    if (!from)
        assert_holds("e/a", "moved");
    ck_assert(!is_done || !from);
}

static void see_move_folder(bool is_done)
{
    cleanup(free_ptr) char *from = folder_get(&folder, "d/a/file");
    cleanup(free_ptr) char *to = folder_get(&folder, "e/a/file");
    ck_assert(!from != !to);
    ck_assert_str_eq(from ? from : to, "moved");
    ck_assert(!is_done || to);
}

static void see_link(bool is_done)
{
    assert_holds("d/a", large);
    assert_either("e/a", is_done ? large : "old", large);
}

static void see_copy_tree(bool is_done)
{
    assert_holds("d/a/1", large);
    assert_holds("d/a/in/2", "two");
    if (is_done || faccessat(folder.fd, "e/a", F_OK, 0) == 0) {
        assert_holds("e/a/1", large);
        assert_holds("e/a/in/2", "two");
    }
}

static void see_remove(bool is_done)
{
    ck_assert(!is_done || faccessat(folder.fd, "d/a", F_OK, 0) != 0);
    // A file half removed would be a file changed.
    assert_either("d/a/1", large, NULL);
    assert_either("d/a/in/2", "two", NULL);
}

static void see_tree(bool is_done)
{
    (void)is_done;
    assert_holds("d/a/1", large);
    assert_holds("d/a/in/2", "two");
}

static void see_mkdir(bool is_done)
{
    ck_assert(!is_done || faccessat(folder.fd, "d/a", F_OK, 0) == 0);
}

static const struct operation {
    const char *name;
    void (*prepare)(void);
    int (*run)(struct err *err);
    void (*see)(bool is_done);
    const char *trace; // what changes something, in the only order that is safe
    const char *never; // a call that this file system shall not have
    int never_number;
    int done; // what doing it again may say when the first attempt had done it already
} operations[] = {
    { "write unsynced", prepare_write, do_write_unsynced, see_write, "write rename ", NULL, 0, 0 },
    { "move unsynced", prepare_move, do_move_unsynced, see_move, "rename ", NULL, 0, -ENOENT },
    { "write", prepare_write, do_write, see_write, "write sync-file rename sync-folder ", NULL, 0,
      0 },
    { "move", prepare_move, do_move, see_move, "rename sync-folder sync-folder ", NULL, 0,
      -ENOENT },
    // NFS has no RENAME_NOREPLACE.
    { "move by link", prepare_move, do_move, see_move_by_link, "link sync-folder sync-folder ",
      "renameat2", EINVAL, -ENOENT },
    { "move a folder", prepare_move_folder, do_move, see_move_folder, "rename sync-folder ", NULL,
      0, -ENOENT },
    { "move a folder without the flag", prepare_move_folder, do_move, see_move_folder,
      "link rename sync-folder ", "renameat2", EINVAL, -ENOENT },
    { "replace", prepare_replace, do_replace, see_replace, "rename sync-folder sync-folder ", NULL,
      0, -ENOENT },
    { "link", prepare_link, do_link, see_link, "link sync-file rename sync-folder ", NULL, 0, 0 },
    { "copy", prepare_link, do_link, see_link, "copy_file_range sync-file rename sync-folder ",
      "linkat", EPERM, 0 },
    { "copy outside the kernel", prepare_tree, do_copy_tree, see_copy_tree, NULL, "copy_file_range",
      EXDEV, -EEXIST },
    { "copy a tree", prepare_tree, do_copy_tree, see_copy_tree, NULL, NULL, 0, -EEXIST },
    { "remove", prepare_tree, do_remove, see_remove, "sync-folder ", NULL, 0, 0 },
    { "sync a name", prepare_tree, do_sync_name, see_tree,
      "sync-folder sync-folder sync-folder sync-folder ", NULL, 0, 0 },
    { "mkdir", prepare_mkdir, do_mkdir, see_mkdir, "mkdir sync-folder ", NULL, 0, 0 },
};

// ---- the sweeps

static int count_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void assert_no_temporary(const char *inner)
{
    if (faccessat(folder.fd, inner, F_OK, 0) != 0)
        return;
    cleanup(free_ptr) char *names = folder_names(&folder, inner);
    ck_assert_msg(!strstr(names, ".tmp"), "%s: %s", inner, names);
}

static void clear(void)
{
    folder_remove(&folder);
    folder_make_in_memory(&folder);
}

// What the next attempt, without failure, makes of what the failed one left.
static void do_again(const struct operation *operation)
{
    struct err err = ERR_INIT;
    const struct faults none = { .never = operation->never,
                                 .never_number = operation->never_number };
    faults_arm(&none);
    int r = operation->run(&err);
    faults_disarm();
    // A move cut off between link and unlink finds its own target there.
    bool was_done = r == operation->done || (r == -EEXIST && operation->run == do_move);
    ck_assert_msg(r >= 0 || was_done, "%s again: %d %s", operation->name, r, err.text);
    if (r >= 0)
        operation->see(true);
    assert_no_temporary("d");
    assert_no_temporary("e");
}

static const int numbers[] = { EIO, ENOSPC, EACCES };

// A call whose failure may cost nothing: a nicety, or there is another way.
static bool is_optional(const struct operation *operation, const char *call, int number)
{
    if (operation->run == do_link &&
        (strcmp(call, "linkat") == 0 || strcmp(call, "unlinkat") == 0 ||
         strcmp(call, "fstat") == 0 || strcmp(call, "fstatat") == 0))
        return true;
    if (operation->run == do_replace &&
        (strcmp(call, "fstat") == 0 || strcmp(call, "fstatat") == 0))
        return true;
    // A folder that may not be opened is given the right.
    if (operation->run == do_remove &&
        (strcmp(call, "fstat") == 0 || (strcmp(call, "openat") == 0 && number == EACCES)))
        return true;
    // Of a close only the one of what was written counts; see below.
    return strcmp(call, "futimens") == 0 || strcmp(call, "close") == 0;
}

START_TEST(no_failing_call_breaks_or_hides_anything)
{
    const struct operation *operation = &operations[_i % (int)ARRAY_LEN(operations)];
    int number = numbers[_i / (int)ARRAY_LEN(operations)];
    int call = 1;
    for (bool is_reached = true; is_reached; call++) {
        struct err err = ERR_INIT;
        clear();
        operation->prepare();
        int before = count_descriptors();
        const struct faults faults = { .fault = FAULT_ERROR,
                                       .call = call,
                                       .number = number,
                                       .never = operation->never,
                                       .never_number = operation->never_number };
        faults_arm(&faults);
        int r = operation->run(&err);
        is_reached = faults_disarm();
        const char *struck = faults_struck();
        ck_assert_int_lt(call, CALLS_MAX);
        ck_assert_msg(count_descriptors() == before, "%s: call %d, %s: lost a descriptor",
                      operation->name, call, struck);
        operation->see(r >= 0);
        ck_assert_msg(r >= 0 || (err.class != ERR_NONE && *err.text),
                      "%s: call %d, %s: %d, no words", operation->name, call, struck, r);
        ck_assert_msg(r < 0 || !is_reached || is_optional(operation, struck, number),
                      "%s: call %d, %s failed and nobody said so", operation->name, call, struck);
        if (strcmp(struck, "unlinkat") != 0) {
            assert_no_temporary("d");
            assert_no_temporary("e");
        }
        do_again(operation);
    }
    ck_assert_int_gt(call, 4);
}
END_TEST

START_TEST(no_end_before_a_call_leaves_anything_half_done)
{
    const struct operation *operation = &operations[_i];
    int status = 0;
    for (int call = 1; call == 1 || WEXITSTATUS(status) == FAULTS_EXIT_STATUS; call++) {
        clear();
        operation->prepare();
        ck_assert_int_lt(call, CALLS_MAX);
        pid_t pid = fork();
        if (pid == 0) {
            const struct faults faults = { .fault = FAULT_EXIT,
                                           .call = call,
                                           .never = operation->never,
                                           .never_number = operation->never_number };
            faults_arm(&faults);
            int r = operation->run(NULL);
            faults_disarm();
            _exit(r >= 0 ? 0 : 1);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFEXITED(status));
        operation->see(WEXITSTATUS(status) == 0);
        do_again(operation);
    }
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

static const struct {
    const char *call;
    enum fault fault;
    int number;
} interruptions[] = {
    { "openat", FAULT_ERROR, EINTR },
    { "write", FAULT_ERROR, EINTR },
    { "write", FAULT_SHORT, 0 },
    { "copy_file_range", FAULT_ERROR, EINTR },
    { "copy_file_range", FAULT_SHORT, 0 },
    { "copy_file_range", FAULT_ERROR, EXDEV },
    { "copy_file_range", FAULT_ERROR, EINVAL },
    { "copy_file_range", FAULT_ERROR, ENOSYS },
    { "pread", FAULT_ERROR, EINTR },
};

START_TEST(an_interruption_or_a_part_only_is_gone_on_with)
{
    const struct operation *operation = &operations[_i % (int)ARRAY_LEN(operations)];
    size_t which = (size_t)_i / ARRAY_LEN(operations);
    for (int call = 1, is_reached = 1; is_reached; call++) {
        struct err err = ERR_INIT;
        clear();
        operation->prepare();
        const struct faults faults = { .fault = interruptions[which].fault,
                                       .call = call,
                                       .number = interruptions[which].number,
                                       .only = interruptions[which].call,
                                       .never = operation->never,
                                       .never_number = operation->never_number };
        faults_arm(&faults);
        int r = operation->run(&err);
        is_reached = faults_disarm();
        ck_assert_msg(r >= 0, "%s: %s %d: %s", operation->name, interruptions[which].call, call,
                      err.text);
        operation->see(true);
    }
}
END_TEST

START_TEST(what_is_changed_is_synced_and_in_this_order)
{
    const struct operation *operation = &operations[_i];
    const struct faults none = { .never = operation->never,
                                 .never_number = operation->never_number };
    operation->prepare();
    faults_arm(&none);
    ck_assert_int_ge(operation->run(NULL), 0);
    faults_disarm();
    const char *trace = faults_trace(), *last = "sync-folder rename sync-folder ";
    if (operation->trace) {
        ck_assert_str_eq(trace, operation->trace);
        return;
    }
    // A tree: in the order of the listing, each file synced, then its folder; last of all the
    // rename of the whole.
    ck_assert_uint_gt(strlen(trace), strlen(last));
    ck_assert_str_eq(trace + strlen(trace) - strlen(last), last);
    int files = 0;
    for (const char *at = trace; (at = strstr(at, "sync-file rename sync-folder ")); at++)
        files++;
    ck_assert_int_eq(files, 2);
}
END_TEST

// NFS may tell of a full disk only then.
START_TEST(a_failed_close_of_what_was_written_is_told)
{
    int told = 0;
    for (int call = 1, is_reached = 1; is_reached; call++) {
        struct err err = ERR_INIT;
        clear();
        prepare_write();
        const struct faults faults = {
            .fault = FAULT_ERROR, .call = call, .number = ENOSPC, .only = "close"
        };
        faults_arm(&faults);
        int r = do_write(&err);
        is_reached = faults_disarm();
        told += r == -ENOSPC && err.class == ERR_IO;
        assert_holds("d/a", r < 0 ? "old" : large);
    }
    ck_assert_int_eq(told, 1);
}
END_TEST

START_TEST(a_failed_sync_is_never_repeated)
{
    struct err err = ERR_INIT;
    prepare_write();
    const struct faults faults = {
        .fault = FAULT_ERROR, .call = 1, .number = EIO, .only = "fsync"
    };
    faults_arm(&faults);
    ck_assert_int_eq(do_write(&err), -EIO);
    faults_disarm();
    // The kernel may say yes to a second one after it has dropped the pages.
    ck_assert_str_eq(faults_trace(), "write ");
    ck_assert_int_eq(err.class, ERR_IO);
    assert_holds("d/a", "old");
}
END_TEST

int main(void)
{
    const int count = (int)ARRAY_LEN(operations);
    Suite *suite = suite_create("fs under failure");
    TCase *tcase = tcase_create("faults");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, no_failing_call_breaks_or_hides_anything, 0,
                        count * (int)ARRAY_LEN(numbers));
    tcase_add_loop_test(tcase, no_end_before_a_call_leaves_anything_half_done, 0, count);
    tcase_add_loop_test(tcase, an_interruption_or_a_part_only_is_gone_on_with, 0,
                        count * (int)ARRAY_LEN(interruptions));
    tcase_add_loop_test(tcase, what_is_changed_is_synced_and_in_this_order, 0, count);
    tcase_add_test(tcase, a_failed_close_of_what_was_written_is_told);
    tcase_add_test(tcase, a_failed_sync_is_never_repeated);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
