// The daemon as a whole, on a temporary spool, with stand-ins for the stages that decode.
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/support/fake_stages.h"
#include "tests/support/spool_fixture.h"

static struct spool_fixture fixture;

static const char quick_tries[] =
    "stages = { compress = { tries = 2; wait_seconds = 0.05; soft_seconds = 1.0; hard_seconds = "
    "1.2; }; plan = { wait_seconds = 0.05; }; fetch = { wait_seconds = 0.05; }; };";

static void set_up(void)
{
    spool_fixture_open(&fixture);
    spool_fixture_fake(&fixture, "fetch probe compress analyze plan render publish");
    spool_fixture_set(&fixture, quick_tries);
}

static void tear_down(void)
{
    spool_fixture_close(&fixture);
}

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

static const json_t *video(const json_t *status, size_t index)
{
    return json_array_get(json_object_get(status, "videos"), index);
}

static void assert_reel(const char *name)
{
    cleanup(free_ptr) char *inner = xasprintf("spool/outbox/%s/final.mp4", name);
    cleanup(free_ptr) char *reel = folder_get(&fixture.folder, inner);
    ck_assert_msg(reel != NULL, "%s has no reel", name);
    ck_assert_str_eq(reel, FAKE_REEL);
}

// A path in the folder of the test that stages can look for.
static char *outside(const char *name)
{
    return xasprintf("%s/%s", fixture.folder.path, name);
}

static void wish(const char *name, const char *file)
{
    cleanup(free_ptr) char *path = xasprintf("outbox/%s/%s", name, file);
    spool_fixture_put(&fixture, path, "", 0);
}

static void assert_logged(const char *text)
{
    cleanup(free_ptr) char *log = spool_fixture_log(&fixture);
    ck_assert_msg(strstr(log, text) != NULL, "\"%s\" is not in the log:\n%s", text, log);
}

// ---- life

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

START_TEST(a_batch_of_ten_does_not_starve_a_batch_of_one)
{
    spool_fixture_set(&fixture, "slots = { cpu = 1; net = 1; model = 1; };");
    spool_fixture_start(&fixture);
    spool_fixture_drop(&fixture, "big",
                       "0.mp4 1.mp4 2.mp4 3.mp4 4.mp4 5.mp4 6.mp4 7.mp4 8.mp4 9.mp4", NULL);
    json_decref(spool_fixture_await(&fixture, "big", "preparing"));
    spool_fixture_drop(&fixture, "small", "a.mp4", NULL);
    json_decref(spool_fixture_await(&fixture, "small", "completed"));
    json_t *big = spool_fixture_status(&fixture, "big");
    ck_assert_str_ne(text_of(big, "status"), "completed");
    json_decref(big);
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

// ---- steps that go wrong

static const struct {
    const char *name, *script, *status, *code, *message;
    int attempts; // of the source's error, 0: not looked at
} failures[] = {
    { "input that will never work", "probe exit 65", "failed", "fake_65", "told to leave", 1 },
    { "a crash is repeated once", "compress die 6", "failed", "crashed", "SIGABRT", 2 },
    { "retried until the tries are used up", "compress exit 75", "failed", "fake_75", "leave", 2 },
    { "credentials refused", "compress exit 77", "failed", "fake_77", "told to leave", 1 },
    { "success without a result", "compress nothing", "failed", "no_result", "left no result", 2 },
    { "an unknown status is our bug", "compress exit 3", "failed", "fake_3", "told to leave", 2 },
    { "too long, asked to end", "compress hang", "failed", "took_too_long", "longer than 1 s", 2 },
    { "too long, and deaf", "compress deaf", "failed", "took_too_long", "longer than 1 s", 2 },
    { "tried again and good", "compress*1 exit 75", "completed", NULL, NULL, 0 },
    { "crashed once and good", "compress*1 die 9\nrender*1 die 6", "completed", NULL, NULL, 0 },
    { "rubbish on all pipes", "compress babble\nrender babble", "completed", NULL, NULL, 0 },
    { "a warning", "compress warn", "completed", NULL, NULL, 0 },
};

START_TEST(what_follows_from_the_end_of_a_step)
{
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", failures[_i].script);
    json_t *status = spool_fixture_await(&fixture, "trip", failures[_i].status);
    if (failures[_i].code) {
        const json_t *error = json_object_get(video(status, 0), "error");
        const char *row = failures[_i].name;
        ck_assert_msg(strcmp(text_of(error, "code"), failures[_i].code) == 0, "%s: %s", row,
                      text_of(error, "code"));
        ck_assert_msg(strstr(text_of(error, "message"), failures[_i].message) != NULL, "%s: %s",
                      row, text_of(error, "message"));
        ck_assert_msg(json_integer_value(json_object_get(error, "attempts")) ==
                          failures[_i].attempts,
                      "%s: %d attempts", row,
                      (int)json_integer_value(json_object_get(error, "attempts")));
        ck_assert_msg(*text_of(json_object_get(status, "error"), "message"), "%s", row);
        spool_fixture_await_count(&fixture, "failed", 1);
        ck_assert_uint_eq(spool_fixture_count(&fixture, "archive"), 0);
    } else {
        assert_reel("trip");
    }
    spool_fixture_await_count(&fixture, "work", 0);
    json_decref(status);
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

START_TEST(machine_trouble_is_waited_out_without_using_up_tries)
{
    cleanup(free_ptr) char *gate = outside("gate");
    cleanup(free_ptr) char *script = xasprintf("render need 74 %s", gate);
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", script);
    json_decref(spool_fixture_await(&fixture, "trip", "clipping"));
    spool_fixture_await_name(&fixture, "outbox/trip/status.json", true);
    folder_put(&fixture.folder, "gate", "");
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    assert_logged("trying again in");
}
END_TEST

static bool is_waiting(struct spool_fixture *spool, void *text)
{
    json_t *status = spool_fixture_status(spool, "trip");
    bool found = strstr(text_of(status, "waiting_for"), text) != NULL;
    json_decref(status);
    return found;
}

START_TEST(a_wrong_configuration_holds_the_stage_until_it_is_loaded_again)
{
    cleanup(free_ptr) char *gate = outside("gate");
    cleanup(free_ptr) char *script = xasprintf("plan need 78 %s", gate);
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", script);
    spool_fixture_await_that(&fixture, "outbox", is_waiting, (char[]){ "plan rests" });
    folder_put(&fixture.folder, "gate", "");
    ck_assert_int_eq(kill(fixture.daemon, SIGHUP), 0);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
}
END_TEST

START_TEST(a_missing_program_holds_its_stage_and_says_so)
{
    cleanup(free_ptr) char *program = xasprintf("%s/render", fixture.programs);
    ck_assert_int_eq(unlink(program), 0);
    spool_fixture_start(&fixture);
    spool_fixture_drop(&fixture, "trip", "a.mp4", NULL);
    spool_fixture_await_that(&fixture, "outbox", is_waiting, (char[]){ "render rests" });
    spool_fixture_fake(&fixture, "fetch probe compress analyze plan render publish");
    ck_assert_int_eq(kill(fixture.daemon, SIGHUP), 0);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
}
END_TEST

// ---- wishes

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

// ---- the service

START_TEST(a_second_daemon_on_the_spool_refuses_to_start)
{
    spool_fixture_start(&fixture);
    pid_t first = fixture.daemon;
    spool_fixture_begin(&fixture, NULL);
    int status = spool_fixture_wait(&fixture);
    fixture.daemon = first;
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 78);
    assert_logged("another clipspoold works on this spool");
}
END_TEST

START_TEST(a_good_configuration_is_loaded_on_sighup)
{
    spool_fixture_start(&fixture);
    spool_fixture_set(&fixture, "slots = { cpu = 3; };");
    spool_fixture_write_config(&fixture);
    ck_assert_int_eq(kill(fixture.daemon, SIGHUP), 0);
    spool_fixture_await_notice(&fixture, "RELOADING=1\nMONOTONIC_USEC=");
    free(fixture.notified);
    fixture.notified = xstrdup("");
    spool_fixture_await_notice(&fixture, "READY=1");
    assert_logged("the configuration is loaded");
}
END_TEST

START_TEST(a_bad_configuration_is_refused_on_sighup_and_the_old_one_stays)
{
    spool_fixture_start(&fixture);
    folder_put(&fixture.folder, "clipspool.conf", "slots = { cpu = \"many\"; };\nnonsense = 1;\n");
    ck_assert_int_eq(kill(fixture.daemon, SIGHUP), 0);
    spool_fixture_await_notice(&fixture, "RELOADING=1");
    free(fixture.notified);
    fixture.notified = xstrdup("");
    spool_fixture_await_notice(&fixture, "READY=1");
    assert_logged("refused");
    assert_logged("slots.cpu");
    assert_logged("nonsense");
    spool_fixture_drop(&fixture, "trip", "a.mp4", NULL);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
}
END_TEST

START_TEST(the_service_manager_hears_all_it_needs)
{
    ck_assert_int_eq(setenv("WATCHDOG_USEC", "400000", 1), 0);
    spool_fixture_start(&fixture);
    ck_assert_int_eq(unsetenv("WATCHDOG_USEC"), 0);
    spool_fixture_await_notice(&fixture, "STATUS=idle");
    spool_fixture_await_notice(&fixture, "WATCHDOG=1");
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", "compress progress 0.41\ncompress hang");
    spool_fixture_await_notice(&fixture, "STATUS=1 batch, 1 running, compress 41 %");
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
    spool_fixture_await_notice(&fixture, "STOPPING=1");
    spool_fixture_await_notice(&fixture, "EXTEND_TIMEOUT_USEC=");
}
END_TEST

START_TEST(stopped_at_work_it_ends_the_steps_and_goes_on_at_the_next_start)
{
    cleanup(free_ptr) char *gate = outside("gate");
    ck_assert_int_eq(mkfifo(gate, 0600), 0);
    cleanup(free_ptr) char *script = xasprintf("compress wait %s", gate);
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", script);
    json_decref(spool_fixture_await(&fixture, "trip", "compressing"));
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
    json_t *status = spool_fixture_status(&fixture, "trip");
    ck_assert_str_eq(text_of(status, "status"), "compressing");
    json_decref(status);
    spool_fixture_start(&fixture);
    cleanup(close_fd) int fd = open(gate, O_WRONLY | O_CLOEXEC); // waits for the reader
    ck_assert_int_ge(fd, 0);
    close_fd(&fd);
    status = spool_fixture_await(&fixture, "trip", "completed");
    json_decref(status);
}
END_TEST

START_TEST(a_deaf_step_is_killed_when_the_service_stops)
{
    spool_fixture_set(&fixture, "service = { stop_seconds = 0.2; };");
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", "render deaf");
    json_decref(spool_fixture_await(&fixture, "trip", "clipping"));
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
}
END_TEST

static int run_once(const char *const *arguments)
{
    spool_fixture_begin(&fixture, arguments);
    int status = spool_fixture_wait(&fixture);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

START_TEST(once_works_until_nothing_is_left_and_tells_of_failures)
{
    static const char *const once[] = { "--once", NULL };
    ck_assert_int_eq(run_once(once), 0); // an empty spool
    spool_fixture_drop(&fixture, "good", "a.mp4", NULL);
    spool_fixture_drop(&fixture, "better", "a.mp4 b.mp4", NULL);
    ck_assert_int_eq(run_once(once), 0);
    assert_reel("good");
    assert_reel("better");
    spool_fixture_drop_script(&fixture, "bad", "a.mp4", "probe exit 65");
    spool_fixture_drop_script(&fixture, "wrong", "a.mp4", "plan exit 78");
    ck_assert_int_eq(run_once(once), 1);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "work"), 0);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "failed"), 2);
}
END_TEST

START_TEST(another_spool_than_the_configured_one_is_used_as_told)
{
    cleanup(free_ptr) char *other = outside("other");
    cleanup(free_ptr) char *incoming = outside("other/incoming");
    cleanup(free_ptr) char *clip = outside("other/incoming/clip.mp4");
    ck_assert_int_eq(mkdir(other, 0755), 0);
    ck_assert_int_eq(mkdir(incoming, 0755), 0);
    folder_put(&fixture.folder, "other/incoming/clip.mp4", "x");
    const char *const arguments[] = { "--once", "--spool", other, NULL };
    ck_assert_int_eq(run_once(arguments), 0);
    cleanup(free_ptr) char *reel = folder_get(&fixture.folder, "other/outbox/clip/final.mp4");
    ck_assert_str_eq(reel, FAKE_REEL);
}
END_TEST

START_TEST(wrong_configurations_and_arguments_are_refused)
{
    static const char *const check[] = { "--check-config", NULL };
    static const char *const unknown[] = { "--frobnicate", NULL };
    static const char *const level[] = { "--log-level", "loud", NULL };
    ck_assert_int_eq(run_once(check), 0);
    assert_logged("configuration OK");
    ck_assert_int_eq(run_once(unknown), 64);
    ck_assert_int_eq(run_once(level), 64);
    spool_fixture_set(&fixture, "slots = { cpu = -1; };");
    ck_assert_int_eq(run_once(check), 78);
    ck_assert_int_eq(run_once(NULL), 78);
    assert_logged("slots.cpu");
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("daemon");
    TCase *tcase = tcase_create("daemon");
    tcase_set_timeout(tcase, 150);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_dropped_folder_becomes_a_reel_and_its_originals_are_archived);
    tcase_add_test(tcase, a_loose_file_is_a_batch_of_one);
    tcase_add_test(tcase, the_same_name_twice_gets_two_folders);
    tcase_add_test(tcase, two_batches_of_one_name_at_once_never_share_a_folder);
    tcase_add_test(tcase, a_batch_of_ten_does_not_starve_a_batch_of_one);
    tcase_add_test(tcase, progress_never_falls_and_ends_at_100);
    tcase_add_loop_test(tcase, what_follows_from_the_end_of_a_step, 0, ARRAY_LEN(failures));
    tcase_add_test(tcase, one_bad_source_leaves_the_others_their_reel);
    tcase_add_test(tcase, when_no_source_is_of_use_the_batch_says_so);
    tcase_add_test(tcase, machine_trouble_is_waited_out_without_using_up_tries);
    tcase_add_test(tcase, a_wrong_configuration_holds_the_stage_until_it_is_loaded_again);
    tcase_add_test(tcase, a_missing_program_holds_its_stage_and_says_so);
    tcase_add_test(tcase, a_cancelled_batch_ends_at_once_and_is_kept);
    tcase_add_test(tcase, a_failed_batch_is_tried_again_as_wished);
    tcase_add_test(tcase, a_batch_that_failed_before_a_restart_can_be_tried_again);
    tcase_add_test(tcase, a_second_daemon_on_the_spool_refuses_to_start);
    tcase_add_test(tcase, a_good_configuration_is_loaded_on_sighup);
    tcase_add_test(tcase, a_bad_configuration_is_refused_on_sighup_and_the_old_one_stays);
    tcase_add_test(tcase, the_service_manager_hears_all_it_needs);
    tcase_add_test(tcase, stopped_at_work_it_ends_the_steps_and_goes_on_at_the_next_start);
    tcase_add_test(tcase, a_deaf_step_is_killed_when_the_service_stops);
    tcase_add_test(tcase, once_works_until_nothing_is_left_and_tells_of_failures);
    tcase_add_test(tcase, another_spool_than_the_configured_one_is_used_as_told);
    tcase_add_test(tcase, wrong_configurations_and_arguments_are_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(int argc, char **argv)
{
    if (fake_stages_is(argv[0]))
        return fake_stages_main(argc, argv);
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
