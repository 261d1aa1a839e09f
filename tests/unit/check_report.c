// What a batch tells: status.json not too often, batch.log line by line, log.jsonl for programs.
#include "daemon/report.h"
#include "spool/throttle.h"
#include "tests/support/batch_folder.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

static struct batch_folder folder;
static struct options options;
static struct service service;
static struct live *live;

static void set_up(void)
{
    static const unsigned slots[SLOT_COUNT] = { 2, 2, 2 };
    batch_folder_make(&folder, 2);
    service = (struct service){ .options = &options, .spool = folder.spool };
    schedule_init(&service.schedule, slots);
    progress_rates_init(&service.rates);
    ck_assert_int_ge(sd_event_new(&service.event), 0);
    struct member *member = roster_add(&service.roster, folder.id, MEMBER_NEW);
    ck_assert_int_eq(live_open(&folder.spool, member, &live, NULL), 0);
    live->service = &service;
}

static void tear_down(void)
{
    live_free(&live);
    roster_release(&service.roster);
    sd_event_unref(service.event);
    batch_folder_remove(&folder);
}

static json_t *status(void)
{
    cleanup(free_ptr) char *path = xasprintf("%s/outbox/trip/status.json", folder.folder.path);
    return json_load_file(path, 0, NULL);
}

static void assert_status(const char *key, const char *expected)
{
    json_t *json = status();
    const char *text = json_string_value(json_object_get(json, key));
    ck_assert_msg(strcmp(text ? text : "", expected) == 0, "%s is %s", key, text ? text : "null");
    json_decref(json);
}

static void run(enum stage stage, int index, bool running)
{
    struct course_place place = { stage, index };
    course_mark(&live->course, place)->running = running;
    course_step(&live->course, place)->attempts = 1;
    live->running += running ? 1 : -1u;
}

START_TEST(the_word_and_the_stage_follow_the_steps)
{
    report_status(&service, live);
    assert_status("status", "queued");
    run(STAGE_FETCH, 0, true);
    live->reported_us = 0;
    report_status(&service, live);
    assert_status("status", "preparing");
    assert_status("stage", "fetch");
}
END_TEST

START_TEST(the_same_word_is_not_written_again_at_once)
{
    run(STAGE_FETCH, 0, true);
    report_status(&service, live);
    ck_assert(!live->dirty);
    ck_assert_int_eq(unlinkat(live->outboxdir, "status.json", 0), 0);
    report_status(&service, live);
    ck_assert_ptr_null(status());
    ck_assert(live->dirty); // the next tick writes it
}
END_TEST

START_TEST(waiting_is_explained)
{
    struct course_place place = { STAGE_FETCH, 1 };
    struct step *step = course_step(&live->course, place);
    step->attempts = 1;
    (void)err_set(&step->error, ERR_RETRY, "x", "the moon is away");
    course_mark(&live->course, place)->due_us = service_now(&service) + 40000000;
    report_status(&service, live);
    assert_status("waiting_for", "fetch of b.mp4 is tried again in 40 s: the moon is away");
    service.held_us[STAGE_FETCH] = UINT64_MAX;
    service.held_why[STAGE_FETCH] = (char[]){ "the configuration is wrong" };
    live->reported_us = 0;
    report_status(&service, live);
    assert_status("waiting_for", "fetch rests: the configuration is wrong");
}
END_TEST

START_TEST(a_service_that_rests_is_named_with_the_time_of_the_next_try)
{
    struct course_place place = { STAGE_FETCH, 1 };
    struct step *step = course_step(&live->course, place);
    const struct throttle throttle = { .failures = 5, .why = "storage_away" };
    char due[64];
    struct tm local;
    step->attempts = 1;
    step->next_try = time(NULL) + 40;
    (void)throttle_away(&throttle, "storage oss-main", 40000000, &step->error);
    (void)err_prefix(&step->error, "b.oss");
    course_mark(&live->course, place)->due_us = service_now(&service) + 40000000;
    report_status(&service, live);
    ck_assert_ptr_nonnull(localtime_r(&step->next_try, &local));
    (void)strftime(due, sizeof due, "storage oss-main, next try %H:%M:%S", &local);
    assert_status("waiting_for", due);
}
END_TEST

START_TEST(the_end_is_written_with_its_error)
{
    live->ending = true;
    live->end = STATUS_FAILED;
    (void)err_set(&live->error, ERR_INPUT, "no_usable_source", "nothing is of use");
    ck_assert_int_eq(report_end(&service, live, NULL), 0);
    assert_status("status", "failed");
    json_t *json = status();
    const json_t *error = json_object_get(json, "error");
    ck_assert_str_eq(json_string_value(json_object_get(error, "message")), "nothing is of use");
    json_decref(json);
}
END_TEST

START_TEST(lines_are_appended_and_stay_lines)
{
    struct course_place place = { STAGE_PROBE, 1 };
    report_line(live, "%s", "first");
    report_line(live, "second %d", 2);
    report_event(live, place, "retry", "with \"quotes\"");
    report_event(live, place, "done", NULL);
    cleanup(free_ptr) char *log = folder_get(&folder.folder, "outbox/trip/batch.log");
    ck_assert_ptr_nonnull(strstr(log, "  first\n20"));
    ck_assert_ptr_nonnull(strstr(log, "  second 2\n"));
    cleanup(free_ptr) char *name = xasprintf("work/%s/" BATCH_LOG, folder.id);
    cleanup(free_ptr) char *events = folder_get(&folder.folder, name);
    char *end = strchr(events, '\n');
    *end = '\0';
    json_t *json = json_loads(events, 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(json, "stage")), "probe");
    ck_assert_int_eq(json_integer_value(json_object_get(json, "source")), 1);
    ck_assert_str_eq(json_string_value(json_object_get(json, "text")), "with \"quotes\"");
    json_decref(json);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report");
    TCase *tcase = tcase_create("report");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_word_and_the_stage_follow_the_steps);
    tcase_add_test(tcase, the_same_word_is_not_written_again_at_once);
    tcase_add_test(tcase, waiting_is_explained);
    tcase_add_test(tcase, a_service_that_rests_is_named_with_the_time_of_the_next_try);
    tcase_add_test(tcase, the_end_is_written_with_its_error);
    tcase_add_test(tcase, lines_are_appended_and_stay_lines);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
