// The service as its manager sees it: start, reload, stop, messages, exit statuses.
#include "tests/support/spool_story.h"

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

// Forgets what was told before, so that READY can only be that after RELOADING.
static void reload(void)
{
    free(fixture.notified);
    fixture.notified = xstrdup("");
    ck_assert_int_eq(kill(fixture.daemon, SIGHUP), 0);
    spool_fixture_await_notice(&fixture, "RELOADING=1\nMONOTONIC_USEC=");
    spool_fixture_await_notice(&fixture, "READY=1");
    ck_assert(strstr(fixture.notified, "READY=1") > strstr(fixture.notified, "RELOADING=1"));
}

START_TEST(a_good_configuration_is_loaded_on_sighup)
{
    spool_fixture_start(&fixture);
    spool_fixture_set(&fixture, "slots = { cpu = 3; };");
    spool_fixture_write_config(&fixture);
    reload();
    assert_logged("the configuration is loaded");
}
END_TEST

START_TEST(a_bad_configuration_is_refused_on_sighup_and_the_old_one_stays)
{
    spool_fixture_start(&fixture);
    folder_put(&fixture.folder, "clipspool.conf", "slots = { cpu = \"many\"; };\nnonsense = 1;\n");
    reload();
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

static bool has_logged(struct spool_fixture *spool, void *text)
{
    cleanup(free_ptr) char *log = spool_fixture_log(spool);
    return strstr(log, text) != NULL;
}

START_TEST(what_was_kept_long_enough_goes_but_not_by_a_clock_that_has_jumped)
{
    // As if the service had last run in the year 2001: the clock has jumped since.
    cleanup(free_ptr) char *archive = spool_fixture_path(&fixture, "archive");
    cleanup(free_ptr) char *old = spool_fixture_path(&fixture, "archive/old");
    cleanup(free_ptr) char *calendar = spool_fixture_path(&fixture, "calendar.json");
    static const char then[] = "{\"believed\": 1000000000, \"doubted\": 0}";
    spool_fixture_set(&fixture, "keep = { archive_days = 0.000001; };");
    ck_assert_int_eq(mkdir(archive, 0700), 0);
    ck_assert_int_eq(mkdir(old, 0700), 0);
    spool_fixture_put(&fixture, "calendar.json", then, sizeof then - 1);
    spool_fixture_start(&fixture);
    spool_fixture_await_that(&fixture, "", has_logged, (char[]){ "days ahead of the time" });
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "archive"), 1);
    // With a clock that is believed it goes at the first scan.
    ck_assert_int_eq(unlink(calendar), 0);
    spool_fixture_start(&fixture);
    spool_fixture_await_count(&fixture, "archive", 0);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, spool_story_open, spool_story_close);
    tcase_add_test(tcase, a_second_daemon_on_the_spool_refuses_to_start);
    tcase_add_test(tcase, a_good_configuration_is_loaded_on_sighup);
    tcase_add_test(tcase, a_bad_configuration_is_refused_on_sighup_and_the_old_one_stays);
    tcase_add_test(tcase, the_service_manager_hears_all_it_needs);
    tcase_add_test(tcase, stopped_at_work_it_ends_the_steps_and_goes_on_at_the_next_start);
    tcase_add_test(tcase, once_works_until_nothing_is_left_and_tells_of_failures);
    tcase_add_test(tcase, another_spool_than_the_configured_one_is_used_as_told);
    tcase_add_test(tcase, wrong_configurations_and_arguments_are_refused);
    tcase_add_test(tcase, what_was_kept_long_enough_goes_but_not_by_a_clock_that_has_jumped);
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "service", add_tests);
}
