// What follows from the end of a step, and from its not ending.
#include "tests/support/spool_story.h"

static const char quick_tries[] =
    "stages = { compress = { tries = 2; wait_seconds = 0.05; soft_seconds = 1.0; hard_seconds = "
    "1.2; }; plan = { wait_seconds = 0.05; }; fetch = { "
    "wait_seconds = 0.05; }; };";

static void set_up(void)
{
    spool_story_open();
    spool_fixture_set(&fixture, quick_tries);
}

static const struct {
    const char *name, *script, *status, *code, *message;
    int attempts; // of the source's error, 0: not looked at
} failures[] = {
    { "input that will never work", "probe exit 65", "failed", "fake_65", "told to leave", 1 },
    { "a crash has three tries", "compress die 6", "failed", "crashed", "SIGABRT", 3 },
    { "retried until the tries are used up", "compress exit 75", "failed", "fake_75", "leave", 2 },
    { "credentials refused", "compress exit 77", "failed", "fake_77", "told to leave", 1 },
    { "success without a result", "compress nothing", "failed", "no_result", "left no result", 3 },
    { "an unknown status is our bug", "compress exit 3", "failed", "fake_3", "told to leave", 3 },
    { "too long, asked to end", "compress hang", "failed", "took_too_long", "longer than 1 s", 2 },
    { "too long, and deaf", "compress deaf", "failed", "took_too_long", "longer than 1 s", 2 },
    { "tried again and good", "compress*1 exit 75", "completed", NULL, NULL, 0 },
    { "crashed twice and good", "compress*2 die 9\nrender*2 die 6", "completed", NULL, NULL, 0 },
    { "rubbish on all pipes", "compress babble\nrender babble", "completed", NULL, NULL, 0 },
    { "killed after the result", "+compress die 9\n+render die 6", "completed", NULL, NULL, 0 },
    { "hanging after the result", "+compress hang", "completed", NULL, NULL, 0 },
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

static bool is_waiting(struct spool_fixture *spool, void *text)
{
    json_t *status = spool_fixture_status(spool, "trip");
    bool found = strstr(text_of(status, "waiting_for"), text) != NULL;
    json_decref(status);
    return found;
}

START_TEST(machine_trouble_is_waited_out_without_using_up_tries)
{
    cleanup(free_ptr) char *gate = outside("gate");
    cleanup(free_ptr) char *script = xasprintf("render need 74 %s", gate);
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", script);
    // Not before its first try has failed.
    spool_fixture_await_that(&fixture, "outbox", is_waiting, (char[]){ "render is tried again" });
    folder_put(&fixture.folder, "gate", "");
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    assert_logged("trying again in");
}
END_TEST

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
    spool_fixture_fake(&fixture, "fetch probe compress analyze plan preview render publish");
    ck_assert_int_eq(kill(fixture.daemon, SIGHUP), 0);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
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

START_TEST(a_step_that_warns_without_end_is_heard_for_a_while_only)
{
    size_t count = 0;
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", "compress warn 5000");
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    cleanup(free_ptr) char *log = folder_get(&fixture.folder, "spool/outbox/trip/batch.log");
    for (const char *at = log; (at = strstr(at, "something was odd")); at++)
        count++;
    ck_assert_uint_eq(count, 20);
    ck_assert_ptr_nonnull(strstr(log, "more warnings, which are left out"));
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, set_up, spool_story_close);
    tcase_add_loop_test(tcase, what_follows_from_the_end_of_a_step, 0, ARRAY_LEN(failures));
    tcase_add_test(tcase, machine_trouble_is_waited_out_without_using_up_tries);
    tcase_add_test(tcase, a_wrong_configuration_holds_the_stage_until_it_is_loaded_again);
    tcase_add_test(tcase, a_missing_program_holds_its_stage_and_says_so);
    tcase_add_test(tcase, a_step_that_warns_without_end_is_heard_for_a_while_only);
    tcase_add_test(tcase, a_deaf_step_is_killed_when_the_service_stops);
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "supervise", add_tests);
}
