// Files named cancel and retry in the outbox folder of a batch.
#include "tests/support/spool_story.h"

#include <glob.h>
#include <sys/stat.h>

#include <sys/mount.h>
#include <sys/resource.h>

static bool is_deaf(struct spool_fixture *spool, void *context)
{
    cleanup(free_ptr) char *log = spool_fixture_log(spool);
    (void)context;
    return strstr(log, "not heard any more") != NULL;
}

START_TEST(a_cancelled_batch_ends_at_once_and_is_kept)
{
    spool_fixture_set(&fixture, "service = { stop_seconds = 0.2; };");
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", "render deaf");
    json_decref(spool_fixture_await(&fixture, "trip", "clipping"));
    wish("trip", "Cancel.txt");
    json_decref(spool_fixture_await(&fixture, "trip", "cancelled"));
    spool_fixture_await_count(&fixture, "work", 0);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "failed"), 1);
    cleanup(free_ptr) char *left = folder_get(&fixture.folder, "spool/outbox/trip/Cancel.txt");
    ck_assert_ptr_null(left);
}
END_TEST

START_TEST(a_failed_batch_is_tried_again_as_wished)
{
    cleanup(free_ptr) char *gate = outside("gate");
    cleanup(free_ptr) char *script = xasprintf("probe need 65 %s", gate);
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", script);
    json_decref(spool_fixture_await(&fixture, "trip", "failed"));
    folder_put(&fixture.folder, "gate", "");
    wish("trip", "retry");
    spool_fixture_await_name(&fixture, "outbox/trip/final.mp4", true);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    assert_reel("trip");
    spool_fixture_await_count(&fixture, "failed", 0);
    spool_fixture_await_count(&fixture, "work", 0);
    cleanup(free_ptr) char *log = folder_get(&fixture.folder, "spool/outbox/trip/batch.log");
    ck_assert_msg(strstr(log, "tried again as wished\n") != NULL, "%s", log);
}
END_TEST

START_TEST(a_wish_that_cannot_be_granted_is_answered_where_it_was_dropped)
{
    cleanup(free_ptr) char *gate = outside("gate");
    cleanup(free_ptr) char *script = xasprintf("probe wait %s", gate);
    ck_assert_int_eq(mkfifo(gate, 0600), 0);
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", script);
    spool_fixture_await_name(&fixture, "outbox/trip/status.json", true);
    wish("trip", "retry");
    spool_fixture_await_name(&fixture, "outbox/trip/retry", false);
    folder_put(&fixture.folder, "gate", "x");
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    cleanup(free_ptr) char *log = folder_get(&fixture.folder, "spool/outbox/trip/batch.log");
    ck_assert_msg(strstr(log, "nothing to try again: the batch has not failed\n") != NULL, "%s",
                  log);
}
END_TEST

START_TEST(a_batch_that_failed_before_a_restart_can_be_tried_again)
{
    cleanup(free_ptr) char *gate = outside("gate");
    cleanup(free_ptr) char *script = xasprintf("probe need 65 %s", gate);
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", script);
    json_decref(spool_fixture_await(&fixture, "trip", "failed"));
    spool_fixture_await_count(&fixture, "failed", 1);
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
    folder_put(&fixture.folder, "gate", "");
    spool_fixture_start(&fixture);
    wish("trip", "RETRY.md");
    spool_fixture_await_name(&fixture, "outbox/trip/final.mp4", true);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
}
END_TEST

START_TEST(a_wish_to_cancel_that_came_while_the_service_was_down_is_granted_at_its_start)
{
    spool_fixture_set(&fixture, "intake = { settle_seconds = 3600.0; scan_seconds = 3600.0; };");
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", "render hang");
    json_decref(spool_fixture_await(&fixture, "trip", "clipping"));
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
    wish("trip", "cancel");
    spool_fixture_start(&fixture);
    json_decref(spool_fixture_await(&fixture, "trip", "cancelled"));
    spool_fixture_await_count(&fixture, "failed", 1);
}
END_TEST

START_TEST(a_wish_that_cannot_be_removed_is_granted_once)
{
    if (geteuid() != 0) {
        printf("SKIP: only root can mount over a file\n");
        return;
    }
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", "probe exit 65");
    json_decref(spool_fixture_await(&fixture, "trip", "failed"));
    spool_fixture_await_count(&fixture, "failed", 1);
    // A mount point cannot be removed.
    cleanup(free_ptr) char *aside = outside("retry");
    cleanup(free_ptr) char *target = spool_fixture_path(&fixture, "outbox/trip/retry");
    folder_put(&fixture.folder, "retry", "");
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
    wish("trip", "retry");
    ck_assert_int_eq(mount(aside, target, NULL, MS_BIND, NULL), 0);
    spool_fixture_start(&fixture);
    spool_fixture_await_that(&fixture, "failed", is_deaf, NULL);
    spool_fixture_await_count(&fixture, "work", 0);
    ck_assert_int_eq(umount2(target, MNT_DETACH), 0);
    spool_fixture_await_count(&fixture, "failed", 1);
}
END_TEST

static bool no_wish_is_left(struct spool_fixture *spool, void *context)
{
    (void)context;
    cleanup(free_ptr) char *wished = xasprintf("%s/outbox/trip/retry.*", spool->root);
    glob_t found;
    int r = glob(wished, GLOB_NOSORT, NULL, &found);
    globfree(&found);
    return r == GLOB_NOMATCH;
}

START_TEST(a_heap_of_wishes_is_granted_one_after_the_other)
{
    const struct rlimit small = { 128 << 10, 128 << 10 };
    spool_fixture_start(&fixture);
    spool_fixture_drop(&fixture, "trip", "a.mp4", "this is no job");
    json_decref(spool_fixture_await(&fixture, "trip", "failed"));
    spool_fixture_await_count(&fixture, "failed", 1);
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
    for (int i = 0; i < 100; i++) {
        cleanup(free_ptr) char *file = xasprintf("retry.%d", i);
        wish("trip", file);
    }
    ck_assert_int_eq(setrlimit(RLIMIT_STACK, &small), 0); // of the daemon, too
    spool_fixture_start(&fixture);
    spool_fixture_await_that(&fixture, "outbox/trip", no_wish_is_left, NULL);
    spool_fixture_await_count(&fixture, "failed", 1);
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, spool_story_open, spool_story_close);
    tcase_add_test(tcase, a_cancelled_batch_ends_at_once_and_is_kept);
    tcase_add_test(tcase, a_failed_batch_is_tried_again_as_wished);
    tcase_add_test(tcase, a_wish_that_cannot_be_granted_is_answered_where_it_was_dropped);
    tcase_add_test(tcase,
                   a_wish_to_cancel_that_came_while_the_service_was_down_is_granted_at_its_start);
    tcase_add_test(tcase, a_heap_of_wishes_is_granted_one_after_the_other);
    tcase_add_test(tcase, a_wish_that_cannot_be_removed_is_granted_once);
    tcase_add_test(tcase, a_batch_that_failed_before_a_restart_can_be_tried_again);
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "wishes", add_tests);
}
