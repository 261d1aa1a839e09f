// place, ability, worker, interrupt: what the commands stand on.
#include "base/fs.h"
#include "cli/ability.h"
#include "cli/interrupt.h"
#include "cli/place.h"
#include "cli/worker.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

static char *folder;
static int dir;

static void set_up(void)
{
    folder = xstrdup("/tmp/clipspool-check-place-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY);
}

static void tear_down(void)
{
    close(dir);
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY);
    ck_assert_int_eq(fs_remove(tmp, strrchr(folder, '/') + 1, NULL), 0);
    close(tmp);
    free(folder);
}

// ---- names

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

// ---- the service

static struct settings settings_of(char *root)
{
    return (struct settings){ .root = root };
}

START_TEST(test_a_daemon_is_seen_by_its_lock_and_not_disturbed)
{
    struct settings settings = settings_of(folder);
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

// ---- abilities

START_TEST(test_what_this_file_system_can_is_found_by_doing_it)
{
    bool can[ABILITY_COUNT];
    char **names = NULL;
    ck_assert_int_eq(ability_test(dir, can, NULL), 0);
    ck_assert(can[ABILITY_SAFE_RENAME]);
    ck_assert(can[ABILITY_HARD_LINK]);
    ck_assert(can[ABILITY_NOTIFY]);
    ck_assert_int_eq(fs_list(dir, 10, &names, NULL), 0); // nothing stays
    fs_names_free(&names);
    char *type = ability_file_system(dir);
    ck_assert_uint_gt(strlen(type), 0);
    free(type);
}
END_TEST

START_TEST(test_a_folder_that_cannot_be_written_has_no_abilities_to_find)
{
    bool can[ABILITY_COUNT];
    struct err err = ERR_INIT;
    cleanup(close_fd) int proc = open("/proc", O_RDONLY | O_DIRECTORY);
    ck_assert_int_lt(ability_test(proc, can, &err), 0);
    ck_assert_int_ne(err.class, ERR_NONE);
}
END_TEST

// ---- a child and its messages

START_TEST(test_the_last_messages_of_a_worker_are_kept)
{
    char *argv[] = { (char[]){ "/bin/sh" }, (char[]){ "-c" },
                     (char[]){ "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; "
                               "echo last >&2; exit 3" },
                     NULL };
    cleanup(worker_release) struct worker worker = WORKER_INIT;
    struct err err = ERR_INIT;
    ck_assert_msg(worker_start(&worker, argv, false, &err) == 0, "%s", err.text);
    worker_finish(&worker, 20000);
    ck_assert(worker.ended);
    ck_assert_int_eq(WEXITSTATUS(worker.status), 3);
    ck_assert_uint_eq(worker.length, WORKER_KEPT_BYTES);
    ck_assert_mem_eq(worker.kept + worker.length - 5, "last\n", 5);
}
END_TEST

START_TEST(test_a_worker_that_does_not_end_is_killed)
{
    char *argv[] = { (char[]){ "/bin/sh" }, (char[]){ "-c" },
                     (char[]){ "trap '' TERM; echo up; while :; do sleep 60; done" }, NULL };
    cleanup(worker_release) struct worker worker = WORKER_INIT;
    ck_assert_int_eq(worker_start(&worker, argv, false, NULL), 0);
    struct pollfd fd = { .fd = worker.child.message_fd, .events = POLLIN };
    ck_assert_int_eq(poll(&fd, 1, 5000), 1);
    child_kill(&worker.child, SIGTERM);
    worker_finish(&worker, 50);
    ck_assert(worker.ended);
    ck_assert(WIFSIGNALED(worker.status));
}
END_TEST

START_TEST(test_an_interrupt_is_an_event)
{
    cleanup(close_fd) int fd = interrupt_open();
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(interrupt_taken(fd), 0);
    ck_assert_int_eq(raise(SIGINT), 0);
    ck_assert_int_eq(interrupt_taken(fd), SIGINT);
    ck_assert_int_eq(raise(SIGTERM), 0);
    ck_assert_int_eq(interrupt_taken(fd), SIGTERM);
    ck_assert_int_eq(interrupt_taken(fd), 0);
    ck_assert_int_eq(interrupt_taken(-1), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("place");
    TCase *tcase = tcase_create("places");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, test_a_batch_is_found_by_its_bytes_or_by_how_they_are_shown, 0,
                        (int)ARRAY_LEN(find_cases));
    tcase_add_test(tcase, test_an_unused_name_is_in_neither_folder);
    tcase_add_test(tcase, test_a_daemon_is_seen_by_its_lock_and_not_disturbed);
    tcase_add_test(tcase, test_a_missing_spool_is_told_with_a_remedy);
    tcase_add_test(tcase, test_what_this_file_system_can_is_found_by_doing_it);
    tcase_add_test(tcase, test_a_folder_that_cannot_be_written_has_no_abilities_to_find);
    tcase_add_test(tcase, test_the_last_messages_of_a_worker_are_kept);
    tcase_add_test(tcase, test_a_worker_that_does_not_end_is_killed);
    tcase_add_test(tcase, test_an_interrupt_is_an_event);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
