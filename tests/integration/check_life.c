// From the drop to the end of a batch, with stand-ins for the stages that decode.
#include "tests/support/spool_story.h"

#include <sys/stat.h>

START_TEST(a_dropped_folder_becomes_a_reel_and_its_originals_are_archived)
{
    spool_fixture_start(&fixture);
    spool_fixture_drop(&fixture, "trip", "a.mp4 b.mp4", NULL);
    json_t *status = spool_fixture_await(&fixture, "trip", "completed");
    ck_assert_double_eq(json_number_value(json_object_get(status, "progress")), 100);
    ck_assert_int_eq(json_integer_value(json_object_get(status, "total_videos")), 2);
    assert_reel("trip");
    spool_fixture_await_count(&fixture, "work", 0);
    cleanup(free_ptr) char *original = folder_get(&fixture.folder, "spool/archive/trip/a.mp4");
    ck_assert_str_eq(original, "a.mp4");
    ck_assert_uint_eq(spool_fixture_count(&fixture, "incoming"), 0);
    cleanup(free_ptr) char *log = folder_get(&fixture.folder, "spool/outbox/trip/batch.log");
    ck_assert(strstr(log, "taken: 2 videos") && strstr(log, "finished"));
    json_decref(status);
}
END_TEST

START_TEST(a_loose_file_is_a_batch_of_one)
{
    spool_fixture_start(&fixture);
    spool_fixture_put(&fixture, "incoming/party.mp4", "x", 1);
    json_decref(spool_fixture_await(&fixture, "party", "completed"));
    assert_reel("party");
}
END_TEST

// Held open at its first compression until the small one is there, and again before its reel: on
// one slot, a batch that must end before the next has its turn would hold the small one for ever.
START_TEST(a_batch_of_ten_does_not_starve_a_batch_of_one)
{
    cleanup(free_ptr) char *begin = outside("begin");
    cleanup(free_ptr) char *end = outside("end");
    cleanup(free_ptr) char *script = xasprintf("compress.0 wait %s\nrender wait %s", begin, end);
    ck_assert_int_eq(mkfifo(begin, 0600), 0);
    ck_assert_int_eq(mkfifo(end, 0600), 0);
    spool_fixture_set(&fixture, "slots = { cpu = 1; net = 1; model = 1; };");
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "big",
                              "0.mp4 1.mp4 2.mp4 3.mp4 4.mp4 5.mp4 6.mp4 7.mp4 8.mp4 9.mp4",
                              script);
    spool_fixture_await_name(&fixture, "outbox/big/status.json", true);
    spool_fixture_drop(&fixture, "small", "a.mp4", NULL);
    spool_fixture_await_name(&fixture, "outbox/small/status.json", true);
    folder_put(&fixture.folder, "begin", "x"); // waits until the step is there
    json_decref(spool_fixture_await(&fixture, "small", "completed"));
    folder_put(&fixture.folder, "end", "x");
    json_decref(spool_fixture_await(&fixture, "big", "completed"));
}
END_TEST

START_TEST(progress_never_falls_and_ends_at_100)
{
    double last = -1;
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4 b.mp4 c.mp4",
                              "compress progress 0.5\nrender progress 0.9\nprobe.1 exit 65");
    for (bool done = false; !done;) {
        json_t *status = spool_fixture_status(&fixture, "trip");
        double progress = json_number_value(json_object_get(status, "progress"));
        ck_assert_double_ge(progress, last);
        last = status ? progress : last;
        done = strcmp(text_of(status, "status"), "completed") == 0;
        json_decref(status);
    }
    ck_assert_double_eq(last, 100);
}
END_TEST

START_TEST(one_bad_source_leaves_the_others_their_reel)
{
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4 b.mp4 c.mp4", "compress.1 exit 65");
    json_t *status = spool_fixture_await(&fixture, "trip", "completed");
    ck_assert_str_eq(text_of(video(status, 1), "status"), "failed");
    ck_assert_str_eq(text_of(json_object_get(video(status, 1), "error"), "code"), "fake_65");
    ck_assert(json_is_null(json_object_get(status, "error")));
    assert_reel("trip");
    json_decref(status);
}
END_TEST

START_TEST(the_log_of_a_batch_names_what_was_refused_and_counts_what_is_missing)
{
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4 b.mp4 c.url", "compress.1 exit 65");
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    cleanup(free_ptr) char *log = folder_get(&fixture.folder, "spool/outbox/trip/batch.log");
    const char *refused = strstr(log, "taken: 3 videos");
    ck_assert_msg(strstr(log, "not used: fake\n"), "%s", log);
    refused = refused ? strstr(refused, "c.url: ") : NULL;
    ck_assert_msg(refused && strstr(refused, " - write the whole link"), "%s", log);
    ck_assert_msg(strstr(refused, "final.mp4; 2 of 3 videos could not be used\n"), "%s", log);
}
END_TEST

// What was dropped does not get better by being tried again; a machine may.
START_TEST(a_retry_is_offered_for_what_may_go_better_the_next_time)
{
    spool_fixture_set(&fixture, "stages = { probe = { tries = 1; }; };");
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "wrong", "a.mp4", "probe exit 65");
    spool_fixture_drop_script(&fixture, "unlucky", "a.mp4", "probe exit 69");
    json_decref(spool_fixture_await(&fixture, "wrong", "failed"));
    json_decref(spool_fixture_await(&fixture, "unlucky", "failed"));
    spool_fixture_await_count(&fixture, "failed", 2); // both have been told
    cleanup(free_ptr) char *wrong = folder_get(&fixture.folder, "spool/outbox/wrong/batch.log");
    cleanup(free_ptr) char *other = folder_get(&fixture.folder, "spool/outbox/unlucky/batch.log");
    ck_assert_msg(strstr(wrong, "tell it something else\n"), "%s", wrong);
    ck_assert_msg(strstr(other, "; a file named retry in this folder starts it again\n"), "%s",
                  other);
}
END_TEST

START_TEST(when_no_source_is_of_use_the_batch_says_so)
{
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4 b.mp4", "probe exit 65");
    json_t *status = spool_fixture_await(&fixture, "trip", "failed");
    const json_t *error = json_object_get(status, "error");
    ck_assert_str_eq(text_of(error, "code"), "no_usable_source");
    ck_assert_ptr_nonnull(strstr(text_of(error, "message"), "none of the 2 videos"));
    ck_assert_ptr_nonnull(strstr(text_of(error, "message"), "a.mp4"));
    json_decref(status);
}
END_TEST

START_TEST(batches_that_only_wait_do_not_hold_up_the_others)
{
    spool_fixture_set(&fixture, "stages = { fetch = { wait_seconds = 3600.0; }; };");
    spool_fixture_start(&fixture);
    for (int i = 0; i < 25; i++) {
        cleanup(free_ptr) char *name = xasprintf("wait%d", i);
        spool_fixture_drop_script(&fixture, name, "a.mp4", "fetch exit 75");
    }
    spool_fixture_await_count(&fixture, "outbox", 25);
    spool_fixture_drop(&fixture, "trip", "a.mp4", NULL);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    spool_fixture_await_count(&fixture, "work", 25); // trip leaves it after it is told
}
END_TEST

static bool is_waiting(struct spool_fixture *spool, void *text)
{
    json_t *status = spool_fixture_status(spool, "trip");
    bool found = strstr(text_of(status, "waiting_for"), text) != NULL;
    json_decref(status);
    return found;
}

// No scan comes to make up for it.  The last of several like steps fails, so that the status before
// has the same word and is young: the one that tells of the waiting has to be put off.
START_TEST(what_a_batch_waits_for_is_told_when_it_begins_to_wait)
{
    spool_fixture_set(&fixture, "intake = { settle_seconds = 0.1; scan_seconds = 3600.0; };");
    spool_fixture_set(&fixture, "stages = { compress = { wait_seconds = 3600.0; }; };");
    spool_fixture_set(&fixture, "slots = { cpu = 1; };");
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "0.mp4 1.mp4 2.mp4 3.mp4 4.mp4 5.mp4",
                              "compress.5 exit 75");
    spool_fixture_await_that(&fixture, "outbox", is_waiting,
                             (char[]){ "compress of 5.mp4 is tried again" });
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, spool_story_open, spool_story_close);
    tcase_add_test(tcase, a_dropped_folder_becomes_a_reel_and_its_originals_are_archived);
    tcase_add_test(tcase, a_loose_file_is_a_batch_of_one);
    tcase_add_test(tcase, a_batch_of_ten_does_not_starve_a_batch_of_one);
    tcase_add_test(tcase, progress_never_falls_and_ends_at_100);
    tcase_add_test(tcase, one_bad_source_leaves_the_others_their_reel);
    tcase_add_test(tcase, the_log_of_a_batch_names_what_was_refused_and_counts_what_is_missing);
    tcase_add_test(tcase, a_retry_is_offered_for_what_may_go_better_the_next_time);
    tcase_add_test(tcase, what_a_batch_waits_for_is_told_when_it_begins_to_wait);
    tcase_add_test(tcase, batches_that_only_wait_do_not_hold_up_the_others);
    tcase_add_test(tcase, when_no_source_is_of_use_the_batch_says_so);
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "life", add_tests);
}
