// Names of batches, the folders of the spool, and whether somebody works on it.
#include "cli/place.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static struct folder folder;
static int dir;

static void set_up(void)
{
    folder_make(&folder);
    dir = folder.fd;
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static const struct {
    const char *name, *made, *typed;
    bool found;
} find_cases[] = {
    { "as it is", "trip", "trip", true },
    { "with the slash a shell adds", "trip", "trip/", true },
    { "bytes", "a\n\xff", "a\n\xff", true },
    { "escaped as list shows it", "a\n\xff", "a\\x0A\\xFF", true },
    { "a backslash", "a\\x0A", "a\\x0A", true },
    { "another", "trip", "tri", false },
    { "the folder itself", "trip", ".", false },
    { "the folder above", "trip", "..", false },
    { "a path", "trip", "trip/../trip", false },
    { "nothing", "trip", "", false },
    { "a slash", "trip", "/", false },
};

START_TEST(test_a_batch_is_found_by_its_bytes_or_by_how_they_are_shown)
{
    char *name = NULL;
    struct err err = ERR_INIT;
    ck_assert_int_eq(mkdirat(dir, find_cases[_i].made, 0700), 0);
    int r = place_find(dir, find_cases[_i].typed, &name, &err);
    ck_assert_msg((r == 0) == find_cases[_i].found, "%s", find_cases[_i].name);
    if (r == 0)
        ck_assert_str_eq(name, find_cases[_i].made);
    else
        ck_assert_str_eq(err.id, "no_such_batch");
    free(name);
}
END_TEST

START_TEST(test_an_unused_name_is_in_neither_folder)
{
    ck_assert_int_eq(mkdirat(dir, "in", 0700), 0);
    ck_assert_int_eq(mkdirat(dir, "out", 0700), 0);
    ck_assert_int_eq(mkdirat(dir, "in/trip", 0700), 0);
    ck_assert_int_eq(mkdirat(dir, "out/trip-2", 0700), 0);
    cleanup(close_fd) int in = openat(dir, "in", O_RDONLY | O_DIRECTORY);
    cleanup(close_fd) int out = openat(dir, "out", O_RDONLY | O_DIRECTORY);
    cleanup(free_ptr) char *both = place_unused(in, out, "trip");
    cleanup(free_ptr) char *only = place_unused(in, -1, "trip");
    cleanup(free_ptr) char *free_name = place_unused(in, out, "walk");
    ck_assert_str_eq(both, "trip-3");
    ck_assert_str_eq(only, "trip-2");
    ck_assert_str_eq(free_name, "walk");
}
END_TEST

static struct settings settings_of(char *root)
{
    return (struct settings){ .root = root };
}

START_TEST(test_a_daemon_is_seen_by_its_lock_and_not_disturbed)
{
    struct settings settings = settings_of(folder.path);
    struct spool spool = SPOOL_INIT;
    struct err err = ERR_INIT;
    ck_assert_int_eq(place_is_served(&settings), 0);
    ck_assert_msg(!spool_open(&settings, SPOOL_CREATE | SPOOL_LOCK, &spool, &err), "%s", err.text);
    ck_assert_int_eq(place_is_served(&settings), 1);
    spool_release(&spool);
    ck_assert_int_eq(place_is_served(&settings), 0);
    ck_assert_int_eq(spool_open(&settings, SPOOL_LOCK, &spool, &err), 0);
    spool_release(&spool);
}
END_TEST

START_TEST(test_a_missing_spool_is_told_with_a_remedy)
{
    struct settings settings = settings_of((char[]){ "/nowhere/at/all" });
    struct err err = ERR_INIT;
    ck_assert_int_lt(place_open_outbox(&settings, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "/nowhere/at/all/outbox"));
    ck_assert_ptr_nonnull(strstr(err.hint, "doctor"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("place");
    TCase *tcase = tcase_create("place");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, test_a_batch_is_found_by_its_bytes_or_by_how_they_are_shown, 0,
                        (int)ARRAY_LEN(find_cases));
    tcase_add_test(tcase, test_an_unused_name_is_in_neither_folder);
    tcase_add_test(tcase, test_a_daemon_is_seen_by_its_lock_and_not_disturbed);
    tcase_add_test(tcase, test_a_missing_spool_is_told_with_a_remedy);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
