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

static void set_up(void)
{
    spool_fixture_open(&fixture);
    spool_fixture_fake(&fixture, "probe compress analyze plan render");
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

static void assert_reel(const char *name)
{
    cleanup(free_ptr) char *inner = xasprintf("spool/outbox/%s/final.mp4", name);
    cleanup(free_ptr) char *reel = folder_get(&fixture.folder, inner);
    ck_assert_msg(reel != NULL, "%s has no reel", name);
    ck_assert_str_eq(reel, FAKE_REEL);
}

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
    json_decref(status);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("daemon");
    TCase *tcase = tcase_create("life");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_dropped_folder_becomes_a_reel_and_its_originals_are_archived);
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
