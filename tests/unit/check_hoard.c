// What is kept goes when it is due and not before, the longest unused first, and nothing else goes.
#include "spool/hoard.h"
#include "tests/support/folder.h"

#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static struct folder folder;
static const time_t now = 1700000000;
enum { DAY = 86400, MANY = 1000000, MINUTE = 60 };

static void set_up(void)
{
    folder_make(&folder);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static void set_time(const char *name, time_t when)
{
    const struct timespec times[] = { { .tv_sec = when }, { .tv_sec = when } };
    ck_assert_int_eq(utimensat(folder.fd, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

// A file of that size, last of use so many seconds ago.
static void put(const char *name, size_t bytes, time_t ago)
{
    cleanup(free_ptr) char *text = xcalloc(bytes + 1, 1);
    memset(text, 'x', bytes);
    folder_put(&folder, name, text);
    set_time(name, now - ago);
}

static void put_folder(const char *name)
{
    ck_assert_int_eq(mkdirat(folder.fd, name, 0700), 0);
}

// k... is kept, m... and .m... are being made; all else is foreign.
static enum hoard_kind kind_of(const char *name)
{
    if (*name == 'm' || strncmp(name, ".m", 2) == 0)
        return HOARD_LEFT;
    return *name == 'k' ? HOARD_KEPT : HOARD_FOREIGN;
}

static void expire(const struct hoard_rules *rules, int removed, const char *left)
{
    struct err err = ERR_INIT;
    int r = hoard_expire(folder.fd, rules, now, &err);
    cleanup(free_ptr) char *names = folder_names(&folder, ".");
    ck_assert_msg(r == removed && strcmp(names, left) == 0, "%d removed, left \"%s\": %s", r, names,
                  err.text);
}

// ---- what is due

// Three entries of 100 bytes: k1 unused for 30 days and a quarter, k2 for 20, k3 for 10.
static const struct {
    const char *name;
    uint64_t bytes;
    double days;
    const char *spared;
    int removed;
    const char *left;
} rows[] = {
    { "what is within both limits stays", 300, 31, NULL, 0, "k1 k2 k3" },
    { "what is unused for longer goes", 300, 15, NULL, 2, "k3" },
    { "so does all of it", 300, 9, NULL, 3, "" },
    { "parts of a day count", 300, 30.5, NULL, 0, "k1 k2 k3" },
    { "no days are no limit", 300, 0, NULL, 0, "k1 k2 k3" },
    { "of what is a byte too much the longest unused goes", 299, 0, NULL, 1, "k2 k3" },
    { "until it is not too much any more", 100, 0, NULL, 2, "k3" },
    { "where nothing may lie, nothing stays", 0, 0, NULL, 3, "" },
    { "what is spared stays and another goes", 200, 0, "k1", 1, "k1 k3" },
    { "what is spared stays also if it is too much alone", 1, 0, "k2", 2, "k2" },
    { "what is spared stays also if it is old", 300, 5, "k1", 2, "k1" },
};

START_TEST(what_is_due_goes_and_nothing_else)
{
    const struct hoard_rules rules = {
        .bytes = rows[_i].bytes, .days = rows[_i].days, .spared = rows[_i].spared, .kind = kind_of
    };
    put("k2", 100, 20 * DAY);
    put("k3", 100, 10 * DAY);
    put("k1", 100, 30 * DAY + DAY / 4);
    expire(&rules, rows[_i].removed, rows[_i].left);
    expire(&rules, 0, rows[_i].left); // once is enough
}
END_TEST

START_TEST(an_entry_may_be_a_folder_and_counts_with_all_that_is_in_it)
{
    struct hoard_rules rules = { .bytes = 600, .kind = kind_of };
    put_folder("k1");
    put_folder("k1/in");
    put("k1/a", 200, 0);
    put("k1/in/b", 300, 0);
    set_time("k1", now - 10);
    put("k2", 100, 5);
    expire(&rules, 0, "k1 k2");
    rules.bytes = 599;
    expire(&rules, 1, "k2");
}
END_TEST

START_TEST(what_is_of_use_becomes_the_last_to_go)
{
    const struct hoard_rules rules = { .bytes = 100, .kind = kind_of };
    put("k1", 100, 30 * DAY);
    put("k2", 100, 20 * DAY);
    hoard_use(folder.fd, "k1");
    hoard_use(folder.fd, "not-there"); // of no consequence
    expire(&rules, 1, "k1");
}
END_TEST

START_TEST(times_in_the_future_are_those_of_things_just_used)
{
    const struct hoard_rules rules = { .bytes = MANY, .days = 1, .kind = kind_of };
    put("k1", 100, -900 * DAY);
    put("m1", 100, -900 * DAY);
    expire(&rules, 0, "k1 m1");
}
END_TEST

START_TEST(what_is_foreign_is_not_touched_and_does_not_count)
{
    const struct hoard_rules rules = { .bytes = 100, .days = 1, .kind = kind_of };
    put("secret", 5000, 400 * DAY);
    put("k1", 100, 10);
    put_folder("strange");
    expire(&rules, 0, "k1 secret strange");
}
END_TEST

// ---- what is being made

START_TEST(what_is_being_made_stays_for_minutes_whatever_the_limits)
{
    const struct hoard_rules rules = { .bytes = 0, .days = 0.0001, .kind = kind_of };
    put("m-young", 100, 5 * MINUTE);
    put("m-old", 100, 7 * MINUTE);
    put(".m-old", 100, 7 * MINUTE);
    put("k1", 100, MINUTE);
    expire(&rules, 3, "m-young");
}
END_TEST

START_TEST(a_removal_that_was_cut_off_is_finished)
{
    const struct hoard_rules rules = { .bytes = MANY, .kind = kind_of };
    put_folder(".gone.k1");
    put(".gone.k1/a", 100, 0);
    set_time(".gone.k1", now - DAY);
    expire(&rules, 1, "");
}
END_TEST

// ---- removing

START_TEST(an_entry_is_removed_with_all_that_is_in_it_whatever_is_in_the_way)
{
    static const char *const names[] = { "k1", ".m1", ".gone.k2" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        cleanup(free_ptr) char *inner = xasprintf("%s/a", names[i]);
        put_folder(names[i]);
        put(inner, 10, 0);
    }
    put_folder(".gone.k1"); // as if an earlier one had been cut off
    put(".gone.k1/b", 10, 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        for (int again = 0; again < 2; again++) // what is not there is success
            ck_assert_int_eq(hoard_remove(folder.fd, names[i], NULL), 0);
    cleanup(free_ptr) char *left = folder_names(&folder, ".");
    ck_assert_str_eq(left, ".gone.k1");
}
END_TEST

// ---- file systems of a test's own, which nobody else sees

// Runs `live` in a process where `name` is a file system in memory of 1 MiB; it says 0 if all is as
// it should be.  Nothing is tested where that may not be mounted.
static void with_mount(const char *name, int (*live)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        cleanup(free_ptr) char *path = xasprintf("%s/%s", folder.path, name);
        bool mounted = unshare(CLONE_NEWNS) == 0 &&
                       mount("none", "/", "", MS_REC | MS_PRIVATE, NULL) == 0 &&
                       mount("none", path, "tmpfs", 0, "size=1m") == 0;
        folder.fd = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); // sees the mount
        _exit(mounted ? live() : 0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(status == 0, "status %#x", (unsigned)status);
}

// A mount cannot be removed from within.
static int expire_around_a_mount(void)
{
    struct err err = ERR_INIT;
    const struct hoard_rules rules = { .bytes = MANY, .days = 1, .kind = kind_of };
    set_time("k1", now - 30 * DAY);
    int r = hoard_expire(folder.fd, &rules, now, &err);
    cleanup(free_ptr) char *left = folder_names(&folder, ".");
    return r < 0 && err.class != ERR_NONE && strcmp(left, "k1") == 0 ? 0 : 1;
}

START_TEST(what_cannot_be_removed_does_not_keep_the_others)
{
    put("k2", 100, 20 * DAY);
    put("k3", 100, 10 * DAY);
    put_folder("k1");
    with_mount("k1", expire_around_a_mount);
}
END_TEST

static int expire_where_it_is_full(void)
{
    const struct hoard_rules rules = { .bytes = MANY * 10, .kind = kind_of };
    folder.fd = openat(folder.fd, "small", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (time_t i = 1; i <= 7; i++) {
        cleanup(free_ptr) char *name = xasprintf("k%d", (int)i);
        put(name, 100000, (8 - i) * DAY);
    }
    // 700 kB of 1 MiB: free are about 330 kB.
    int r = hoard_expire(folder.fd, &rules, now, NULL);
    cleanup(free_ptr) char *left = folder_names(&folder, ".");
    return r == 4 && strcmp(left, "k5 k6 k7") == 0 ? 0 : 1;
}

START_TEST(no_more_stays_than_is_still_free)
{
    put_folder("small");
    with_mount("small", expire_where_it_is_full);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hoard");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, what_is_due_goes_and_nothing_else, 0, (int)ARRAY_LEN(rows));
    tcase_add_test(tcase, an_entry_may_be_a_folder_and_counts_with_all_that_is_in_it);
    tcase_add_test(tcase, what_is_of_use_becomes_the_last_to_go);
    tcase_add_test(tcase, times_in_the_future_are_those_of_things_just_used);
    tcase_add_test(tcase, what_is_foreign_is_not_touched_and_does_not_count);
    tcase_add_test(tcase, what_is_being_made_stays_for_minutes_whatever_the_limits);
    tcase_add_test(tcase, a_removal_that_was_cut_off_is_finished);
    tcase_add_test(tcase, an_entry_is_removed_with_all_that_is_in_it_whatever_is_in_the_way);
    tcase_add_test(tcase, what_cannot_be_removed_does_not_keep_the_others);
    tcase_add_test(tcase, no_more_stays_than_is_still_free);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
