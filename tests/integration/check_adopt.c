// How a batch gets its place: names, outbox folders, what is found in work/ at a start.
#include "tests/support/spool_story.h"

START_TEST(the_same_name_twice_gets_two_folders)
{
    spool_fixture_start(&fixture);
    spool_fixture_drop(&fixture, "trip", "a.mp4", NULL);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    spool_fixture_drop(&fixture, "trip", "b.mp4", NULL);
    json_decref(spool_fixture_await(&fixture, "trip-2", "completed"));
    spool_fixture_await_count(&fixture, "work", 0);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "outbox"), 2);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "archive"), 2);
}
END_TEST

START_TEST(two_batches_of_one_name_at_once_never_share_a_folder)
{
    cleanup(free_ptr) char *gate = outside("gate");
    cleanup(free_ptr) char *script = xasprintf("compress wait %s", gate);
    ck_assert_int_eq(mkfifo(gate, 0600), 0);
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", script);
    json_decref(spool_fixture_await(&fixture, "trip", "compressing"));
    cleanup(free_ptr) char *folder = spool_fixture_path(&fixture, "outbox/trip");
    cleanup(free_ptr) char *moved = outside("moved");
    ck_assert_int_eq(rename(folder, moved), 0); // someone tidies up
    spool_fixture_drop(&fixture, "trip", "b.mp4", NULL);
    json_decref(spool_fixture_await(&fixture, "trip-2", "completed"));
    cleanup(close_fd) int fd = open(gate, O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    close_fd(&fd);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    ck_assert_uint_eq(spool_fixture_count(&fixture, "outbox"), 2);
}
END_TEST

START_TEST(a_folder_goes_with_the_live_batch_not_with_the_failed_one_that_had_its_name)
{
    cleanup(free_ptr) char *gate = outside("gate");
    cleanup(free_ptr) char *moved = outside("moved");
    cleanup(free_ptr) char *folder = spool_fixture_path(&fixture, "outbox/trip");
    cleanup(free_ptr) char *script = xasprintf("compress need 74 %s", gate);
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", "probe exit 65");
    json_decref(spool_fixture_await(&fixture, "trip", "failed"));
    spool_fixture_await_count(&fixture, "failed", 1);
    ck_assert_int_eq(rename(folder, moved), 0);
    spool_fixture_drop_script(&fixture, "trip", "b.mp4", script);
    json_decref(spool_fixture_await(&fixture, "trip", "compressing"));
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
    folder_put(&fixture.folder, "gate", "");
    wish("trip", "retry");
    spool_fixture_start(&fixture);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    spool_fixture_await_count(&fixture, "work", 0);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "failed"), 1);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "quarantine"), 0);
    assert_reel("trip");
}
END_TEST

START_TEST(what_cannot_be_understood_goes_to_quarantine_and_the_rest_goes_on)
{
    static const char id[] = "work/20260101T000000Z-old-0000";
    cleanup(free_ptr) char *work = spool_fixture_path(&fixture, "work");
    cleanup(free_ptr) char *old = spool_fixture_path(&fixture, id);
    ck_assert_int_eq(mkdir(work, 0700), 0);
    ck_assert_int_eq(mkdir(old, 0700), 0);
    cleanup(free_ptr) char *claim = xasprintf("%s/claim.json", id);
    cleanup(free_ptr) char *batch = xasprintf("%s/batch.json", id);
    spool_fixture_put(&fixture, claim, "{{{", 3);
    spool_fixture_put(&fixture, batch, "no", 2);
    spool_fixture_start(&fixture);
    spool_fixture_await_count(&fixture, "quarantine", 1);
    spool_fixture_drop(&fixture, "trip", "a.mp4", NULL);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    cleanup(free_ptr) char *reason =
        folder_get(&fixture.folder, "spool/quarantine/20260101T000000Z-old-0000/reason.json");
    ck_assert_ptr_nonnull(reason);
}
END_TEST

START_TEST(what_is_damaged_at_a_start_has_failed_for_its_people_too)
{
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", "compress hang");
    json_t *status = spool_fixture_await(&fixture, "trip", "compressing");
    cleanup(free_ptr) char *step = xasprintf("work/%s/steps/fetch.0.json", text_of(status, "id"));
    json_decref(status);
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
    spool_fixture_put(&fixture, step, "{{{", 3);
    spool_fixture_start(&fixture);
    status = spool_fixture_await(&fixture, "trip", "failed");
    ck_assert(*text_of(json_object_get(status, "error"), "message"));
    json_decref(status);
    spool_fixture_await_count(&fixture, "quarantine", 1);
    cleanup(free_ptr) char *log = folder_get(&fixture.folder, "spool/outbox/trip/batch.log");
    ck_assert_ptr_nonnull(strstr(log, "quarantine"));
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, spool_story_open, spool_story_close);
    tcase_add_test(tcase, the_same_name_twice_gets_two_folders);
    tcase_add_test(tcase, two_batches_of_one_name_at_once_never_share_a_folder);
    tcase_add_test(tcase,
                   a_folder_goes_with_the_live_batch_not_with_the_failed_one_that_had_its_name);
    tcase_add_test(tcase, what_is_damaged_at_a_start_has_failed_for_its_people_too);
    tcase_add_test(tcase, what_cannot_be_understood_goes_to_quarantine_and_the_rest_goes_on);
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "adopt", add_tests);
}
