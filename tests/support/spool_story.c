// See spool_story.h.
#include "tests/support/spool_story.h"

struct spool_fixture fixture;

void spool_story_open(void)
{
    spool_fixture_open(&fixture);
    spool_fixture_fake(
        &fixture, "fetch probe compress upload transcribe analyze plan preview render publish");
}

void spool_story_close(void)
{
    spool_fixture_close(&fixture);
}

const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

const json_t *video(const json_t *status, size_t index)
{
    return json_array_get(json_object_get(status, "videos"), index);
}

void assert_reel(const char *name)
{
    cleanup(free_ptr) char *inner = xasprintf("spool/outbox/%s/final.mp4", name);
    cleanup(free_ptr) char *reel = folder_get(&fixture.folder, inner);
    ck_assert_msg(reel != NULL, "%s has no reel", name);
    ck_assert_str_eq(reel, FAKE_REEL);
}

void assert_logged(const char *text)
{
    cleanup(free_ptr) char *log = spool_fixture_log(&fixture);
    ck_assert_msg(strstr(log, text) != NULL, "\"%s\" is not in the log:\n%s", text, log);
}

char *outside(const char *name)
{
    return xasprintf("%s/%s", fixture.folder.path, name);
}

void wish(const char *name, const char *file)
{
    cleanup(free_ptr) char *path = xasprintf("outbox/%s/%s", name, file);
    spool_fixture_put(&fixture, path, "", 0);
}

void begin_once(void)
{
    static const char *const once[] = { "--once", "--log-level", "error", NULL };
    spool_fixture_begin(&fixture, once);
}

bool is_trip_through(void)
{
    json_t *status = spool_fixture_status(&fixture, "trip");
    bool is = strcmp(text_of(status, "status"), "completed") == 0;
    json_decref(status);
    return is && spool_fixture_count(&fixture, "work") == 0;
}

void assert_trip_once(const char *when)
{
    static const char *const empty[] = { "incoming", "work", "failed", "quarantine" };
    cleanup(free_ptr) char *reel = folder_get(&fixture.folder, "spool/outbox/trip/final.mp4");
    cleanup(free_ptr) char *a = folder_get(&fixture.folder, "spool/archive/trip/a.mp4");
    cleanup(free_ptr) char *b = folder_get(&fixture.folder, "spool/archive/trip/b.mp4");
    ck_assert_msg(is_trip_through(), "%s: not completed, see %s", when, fixture.folder.path);
    ck_assert_msg(reel && strcmp(reel, FAKE_REEL) == 0, "%s: no whole reel", when);
    ck_assert_msg(a && strcmp(a, "a.mp4") == 0 && b && strcmp(b, "b.mp4") == 0,
                  "%s: the videos are not what they were", when);
    ck_assert_msg(spool_fixture_count(&fixture, "outbox") == 1, "%s: two in the outbox", when);
    ck_assert_msg(spool_fixture_count(&fixture, "archive") == 1, "%s: two in the archive", when);
    for (size_t i = 0; i < ARRAY_LEN(empty); i++)
        ck_assert_msg(spool_fixture_count(&fixture, empty[i]) == 0,
                      "%s: something is in %s, see %s", when, empty[i], fixture.folder.path);
}

// The tests wait for events and give up on their own; this is for those that hang.
enum { TIMEOUT_SECONDS = 150 };

int spool_story_main(int argc, char **argv, const char *name, void (*add_tests)(TCase *tcase))
{
    if (fake_stages_is(argv[0]))
        return fake_stages_main(argc, argv);
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, TIMEOUT_SECONDS);
    add_tests(tcase);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
