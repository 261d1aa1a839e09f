// The walk over what was dropped: complete, in order, bounded, never through links; and signatures.
#include "base/fs.h"
#include "spool/tree.h"
#include "tests/support/folder.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct folder folder;

static void set_up(void)
{
    folder_make(&folder);
    ck_assert_int_eq(mkdirat(folder.fd, "trip", 0755), 0);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static void make_dir(const char *name)
{
    ck_assert_int_eq(mkdirat(folder.fd, name, 0755), 0);
}

struct seen {
    char *paths; // joined by spaces, the top as "."
    const char *skip;
    int stop_after, count;
};

static int note(void *context, const struct tree_entry *entry)
{
    struct seen *seen = context;
    char *old = seen->paths;
    seen->paths = xasprintf("%s%s%s%s", old ? old : "", old ? " " : "",
                            *entry->path ? entry->path : ".", entry->trouble ? "!" : "");
    free(old);
    if (seen->stop_after > 0 && ++seen->count == seen->stop_after)
        return -ECANCELED;
    return seen->skip != NULL && strcmp(seen->skip, entry->name) == 0 ? TREE_SKIP : 0;
}

START_TEST(a_walk_sees_all_in_natural_order)
{
    struct seen seen = { .paths = NULL };
    make_dir("trip/day2");
    folder_put(&folder, "trip/clip10.mp4", "x");
    folder_put(&folder, "trip/clip2.mp4", "x");
    folder_put(&folder, "trip/day2/a.mp4", "x");
    ck_assert_int_eq(tree_walk(folder.fd, "trip", 100, note, &seen, NULL), 0);
    ck_assert_str_eq(seen.paths, ". clip2.mp4 clip10.mp4 day2 day2/a.mp4");
    free(seen.paths);
}
END_TEST

START_TEST(a_loose_file_is_a_tree_of_one)
{
    struct seen seen = { .paths = NULL };
    folder_put(&folder, "a.mp4", "x");
    ck_assert_int_eq(tree_walk(folder.fd, "a.mp4", 0, note, &seen, NULL), 0);
    ck_assert_str_eq(seen.paths, ".");
    free(seen.paths);
}
END_TEST

START_TEST(a_skipped_folder_is_not_entered)
{
    struct seen seen = { .skip = "day2" };
    make_dir("trip/day2");
    folder_put(&folder, "trip/day2/a.mp4", "x");
    ck_assert_int_eq(tree_walk(folder.fd, "trip", 100, note, &seen, NULL), 0);
    ck_assert_str_eq(seen.paths, ". day2");
    free(seen.paths);
}
END_TEST

START_TEST(a_visitor_can_end_the_walk)
{
    struct seen seen = { .stop_after = 2 };
    folder_put(&folder, "trip/a.mp4", "x");
    folder_put(&folder, "trip/b.mp4", "x");
    ck_assert_int_eq(tree_walk(folder.fd, "trip", 100, note, &seen, NULL), -ECANCELED);
    ck_assert_str_eq(seen.paths, ". a.mp4");
    free(seen.paths);
}
END_TEST

START_TEST(links_and_fifos_are_seen_and_not_followed)
{
    struct seen seen = { .paths = NULL };
    make_dir("elsewhere");
    folder_put(&folder, "elsewhere/secret", "x");
    ck_assert_int_eq(symlinkat("../elsewhere", folder.fd, "trip/link"), 0);
    ck_assert_int_eq(mkfifoat(folder.fd, "trip/pipe", 0644), 0);
    ck_assert_int_eq(tree_walk(folder.fd, "trip", 100, note, &seen, NULL), 0);
    ck_assert_str_eq(seen.paths, ". link pipe");
    free(seen.paths);
    seen.paths = NULL;
    // Not even when the top itself is one.
    ck_assert_int_eq(tree_walk(folder.fd, "trip/link", 100, note, &seen, NULL), 0);
    ck_assert_str_eq(seen.paths, ".");
    free(seen.paths);
}
END_TEST

// Exchanges a folder and a link that leads out until it is killed.
static pid_t start_swapping(void)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); // also where the test fails
    while (child == 0)
        (void)renameat2(folder.fd, "trip/day", folder.fd, "trip-link", RENAME_EXCHANGE);
    return child;
}

static int look_for_secret(void *context, const struct tree_entry *entry)
{
    unsigned *counts = context;
    counts[0] += strcmp(entry->path, "day/clip.mp4") == 0;
    counts[1] += strcmp(entry->name, "secret") == 0;
    return 0;
}

// And through the same race, opening what the walk names.
START_TEST(a_folder_that_becomes_a_link_during_the_walk_leads_nowhere)
{
    enum { WALKS = 20000 };
    unsigned counts[2] = { 0 };
    make_dir("trip/day");
    make_dir("elsewhere");
    folder_put(&folder, "trip/day/clip.mp4", "x");
    folder_put(&folder, "elsewhere/secret", "x");
    ck_assert_int_eq(symlinkat("../elsewhere", folder.fd, "trip-link"), 0);
    pid_t child = start_swapping();
    int opened = 0;
    for (int i = 0; i < WALKS; i++) {
        ck_assert_int_eq(tree_walk(folder.fd, "trip", 100, look_for_secret, counts, NULL), 0);
        cleanup(close_fd) int fd = fs_open(folder.fd, "trip/day/secret", O_RDONLY);
        opened += fd >= 0;
    }
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert_uint_gt(counts[0], 0);
    ck_assert_uint_eq(counts[1], 0);
    ck_assert_int_eq(opened, 0);
}
END_TEST

START_TEST(as_many_entries_as_allowed_pass_and_one_more_does_not)
{
    struct seen seen = { .paths = NULL };
    make_dir("trip/sub");
    folder_put(&folder, "trip/sub/a", "x");
    folder_put(&folder, "trip/sub/b", "x");
    ck_assert_int_eq(tree_walk(folder.fd, "trip", 3, note, &seen, NULL), 0);
    ck_assert_int_eq(tree_walk(folder.fd, "trip", 2, note, &seen, NULL), TREE_TOO_MANY);
    free(seen.paths);
}
END_TEST

static void nest(unsigned depth)
{
    char *path = xstrdup("trip");
    for (unsigned i = 0; i < depth; i++) {
        char *deeper = xasprintf("%s/d", path);
        make_dir(deeper);
        free(path);
        path = deeper;
    }
    free(path);
}

START_TEST(folders_may_be_nested_so_deep_and_no_deeper)
{
    struct seen seen = { .paths = NULL };
    nest(TREE_MAX_DEPTH);
    ck_assert_int_eq(tree_walk(folder.fd, "trip", 100, note, &seen, NULL), 0);
    make_dir("trip/d/d/d/d/d/d/d/d/d");
    ck_assert_int_eq(tree_walk(folder.fd, "trip", 100, note, &seen, NULL), TREE_TOO_DEEP);
    free(seen.paths);
}
END_TEST

START_TEST(what_is_not_there_is_no_error_to_report)
{
    struct err err = ERR_INIT;
    struct seen seen = { .paths = NULL };
    ck_assert_int_eq(tree_walk(folder.fd, "gone", 100, note, &seen, &err), -ENOENT);
    ck_assert_int_eq(err.class, ERR_NONE);
    ck_assert_ptr_null(seen.paths);
}
END_TEST

START_TEST(a_folder_that_cannot_be_listed_is_told_to_the_visitor)
{
    struct seen seen = { .paths = NULL };
    make_dir("trip/closed");
    folder_put(&folder, "trip/open.mp4", "x");
    ck_assert_int_eq(fchmodat(folder.fd, "trip/closed", 0, 0), 0);
    bool is_root = geteuid() == 0;
    ck_assert_int_eq(fchmod(folder.fd, 0755), 0);
    ck_assert(!is_root || seteuid(65534) == 0);
    ck_assert_int_eq(tree_walk(folder.fd, "trip", 100, note, &seen, NULL), 0);
    ck_assert(!is_root || seteuid(0) == 0);
    ck_assert_str_eq(seen.paths, ". closed closed! open.mp4");
    free(seen.paths);
    ck_assert_int_eq(fchmodat(folder.fd, "trip/closed", 0755, 0), 0);
}
END_TEST

// ---- signatures

static uint64_t signature(enum tree_sign_flags flags)
{
    uint64_t value = 0;
    ck_assert_int_eq(tree_signature(folder.fd, "trip", 100, flags, &value, NULL), 0);
    return value;
}

static void append(const char *name, const char *text)
{
    cleanup(close_fd) int fd = openat(folder.fd, name, O_WRONLY | O_APPEND | O_CLOEXEC);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void touch_forward(void)
{
    const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 4000000000 } };
    ck_assert_int_eq(utimensat(folder.fd, "trip/a.mp4", times, 0), 0);
}

static void grow(void)
{
    append("trip/a.mp4", "y");
}

static void add(void)
{
    folder_put(&folder, "trip/b.mp4", "");
}

static void drop(void)
{
    ck_assert_int_eq(unlinkat(folder.fd, "trip/a.mp4", 0), 0);
}

static void rename_file(void)
{
    ck_assert_int_eq(renameat(folder.fd, "trip/a.mp4", folder.fd, "trip/c.mp4"), 0);
}

// Same name, size and times, another file.
static void replace(void)
{
    struct stat st;
    ck_assert_int_eq(fstatat(folder.fd, "trip/a.mp4", &st, 0), 0);
    folder_put(&folder, "trip/aside", "x");
    const struct timespec times[] = { st.st_atim, st.st_mtim };
    ck_assert_int_eq(utimensat(folder.fd, "trip/aside", times, 0), 0);
    ck_assert_int_eq(renameat(folder.fd, "trip/aside", folder.fd, "trip/a.mp4"), 0);
}

static void add_junk(void)
{
    folder_put(&folder, "trip/.DS_Store", "finder was here");
    folder_put(&folder, "trip/Thumbs.db", "explorer too");
}

static void move_away_and_back(void)
{
    ck_assert_int_eq(renameat(folder.fd, "trip", folder.fd, "tour"), 0);
    ck_assert_int_eq(renameat(folder.fd, "tour", folder.fd, "trip"), 0);
}

static void nothing(void)
{
}

static const struct {
    const char *what;
    void (*change)(void);
    bool is_seen;
} changes[] = {
    { "nothing", nothing, false },
    { "a file grew", grow, true },
    { "a file came", add, true },
    { "a file went", drop, true },
    { "a file was renamed", rename_file, true },
    { "a file was replaced", replace, true },
    { "a time changed to the far future", touch_forward, true },
    { "housekeeping files came", add_junk, false },
    { "the folder itself was renamed", move_away_and_back, false },
};

START_TEST(a_signature_sees_every_change_that_counts)
{
    folder_put(&folder, "trip/a.mp4", "x");
    uint64_t before = signature(0);
    changes[_i].change();
    ck_assert_msg((signature(0) != before) == changes[_i].is_seen, "%s", changes[_i].what);
}
END_TEST

START_TEST(a_loose_file_that_was_moved_can_be_compared)
{
    uint64_t before = 0, after = 0, strict = 0;
    folder_put(&folder, "a.mp4", "x");
    ck_assert_int_eq(tree_signature(folder.fd, "a.mp4", 1, TREE_SIGN_MOVED, &before, NULL), 0);
    ck_assert_int_eq(tree_signature(folder.fd, "a.mp4", 1, 0, &strict, NULL), 0);
    ck_assert_uint_ne(before, strict);
    ck_assert_int_eq(renameat(folder.fd, "a.mp4", folder.fd, "b.mp4"), 0);
    ck_assert_int_eq(tree_signature(folder.fd, "b.mp4", 1, TREE_SIGN_MOVED, &after, NULL), 0);
    ck_assert_uint_eq(before, after);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tree");
    TCase *tcase = tcase_create("tree");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_walk_sees_all_in_natural_order);
    tcase_add_test(tcase, a_loose_file_is_a_tree_of_one);
    tcase_add_test(tcase, a_skipped_folder_is_not_entered);
    tcase_add_test(tcase, a_visitor_can_end_the_walk);
    tcase_add_test(tcase, links_and_fifos_are_seen_and_not_followed);
    tcase_add_test(tcase, a_folder_that_becomes_a_link_during_the_walk_leads_nowhere);
    tcase_add_test(tcase, as_many_entries_as_allowed_pass_and_one_more_does_not);
    tcase_add_test(tcase, folders_may_be_nested_so_deep_and_no_deeper);
    tcase_add_test(tcase, what_is_not_there_is_no_error_to_report);
    tcase_add_test(tcase, a_folder_that_cannot_be_listed_is_told_to_the_visitor);
    tcase_add_loop_test(tcase, a_signature_sees_every_change_that_counts, 0,
                        (int)ARRAY_LEN(changes));
    tcase_add_test(tcase, a_loose_file_that_was_moved_can_be_compared);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
