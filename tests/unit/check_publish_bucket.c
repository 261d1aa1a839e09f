// The stage publish of a batch with a bucket: what goes where, again and again the same, and what
// status.json is told.
#include "base/fs.h"
#include "base/text.h"
#include "spool/objects.h"
#include "tests/support/stored_batch.h"

#include <check.h>
#include <fcntl.h>
#include <sys/stat.h>

static struct stored_batch stored;

static void make(const char *mode)
{
    stored_batch_make(&stored, mode, 1);
    stored_batch_put(&stored, "final.mp4", "a reel");
    stored_batch_put(&stored, "plan.json", "{}");
    stored_batch_put(&stored, "cover.jpg", "a cover");
}

static void tear_down(void)
{
    stored_batch_remove(&stored);
}

static void publish(void)
{
    char *output = NULL;
    ck_assert_msg(stored_batch_run(&stored, "publish", NULL, &output) == 0, "%s", output);
    free(output);
}

static void assert_bucket(void)
{
    cleanup(free_ptr) char *keys = stored_batch_keys(&stored);
    cleanup(free_ptr) char *reel = objects_reel_key(stored.batch.id, "final.mp4");
    cleanup(free_ptr) char *plan = objects_reel_key(stored.batch.id, "plan.json");
    cleanup(free_ptr) char *due = xasprintf("%s %s", reel, plan);
    cleanup(free_ptr) char *object = stored_batch_object(&stored, reel);
    ck_assert_str_eq(keys, due);
    ck_assert_str_eq(object, "a reel");
}

static json_t *told(void)
{
    struct step step = STEP_INIT;
    ck_assert_int_eq(step_load(stored.batch.batchdir, STAGE_PUBLISH, STEP_BATCH, &step, NULL), 0);
    ck_assert_int_eq(step.state, STEP_DONE);
    json_t *numbers = json_incref(step.numbers);
    step_release(&step);
    return numbers;
}

static const struct {
    const char *mode, *outbox;
} modes[] = {
    { "hybrid", "cover.jpg final.mp4 plan.json" },
    { "oss", "cover.jpg plan.json" },
};

START_TEST(the_reel_is_where_the_mode_says)
{
    make(modes[_i].mode);
    publish();
    cleanup(free_ptr) char *names = folder_names(&stored.batch.folder, "outbox/trip");
    ck_assert_str_eq(names, modes[_i].outbox);
    assert_bucket();
}
END_TEST

START_TEST(done_twice_it_leaves_the_same_objects)
{
    make(modes[_i].mode);
    publish();
    ck_assert_int_eq(step_reset(stored.batch.batchdir, STAGE_PUBLISH, STEP_BATCH, NULL), 0);
    publish();
    cleanup(free_ptr) char *names = folder_names(&stored.batch.folder, "outbox/trip");
    ck_assert_str_eq(names, modes[_i].outbox);
    assert_bucket();
}
END_TEST

START_TEST(the_result_says_where_it_is)
{
    make("oss");
    publish();
    cleanup(json_free) json_t *numbers = told();
    cleanup(free_ptr) char *key = objects_reel_key(stored.batch.id, "final.mp4");
    ck_assert_str_eq(json_text(numbers, "bucket", "", NULL), "main");
    ck_assert_str_eq(json_text(numbers, "key", "", NULL), key);
    ck_assert(json_is_null(json_object_get(numbers, "url"))); // a folder has no links
}
END_TEST

START_TEST(a_public_address_makes_a_link_that_lasts)
{
    make("oss");
    stored_batch_configure(&stored, "public_address = \"https://reels.example.org/a/\";");
    publish();
    cleanup(json_free) json_t *numbers = told();
    cleanup(free_ptr) char *key = objects_reel_key(stored.batch.id, "final.mp4");
    cleanup(free_ptr) char *url = xasprintf("https://reels.example.org/a/%s", key);
    ck_assert_str_eq(json_text(numbers, "url", "", NULL), url);
    ck_assert(json_is_null(json_object_get(numbers, "url_expires_at")));
}
END_TEST

START_TEST(the_preview_goes_only_when_all_is_there)
{
    make("hybrid");
    folder_put(&stored.batch.folder, "outbox/trip/preview.mp4", "a preview");
    ck_assert_int_eq(renameat(stored.batch.folder.fd, "bucket", stored.batch.folder.fd, "b"), 0);
    char *output = NULL;
    ck_assert_int_eq(stored_batch_run(&stored, "publish", NULL, &output), 78);
    ck_assert_msg(strstr(output, "storage main") != NULL, "%s", output);
    free(output);
    cleanup(free_ptr) char *before = folder_names(&stored.batch.folder, "outbox/trip");
    ck_assert_str_eq(before, "cover.jpg final.mp4 plan.json preview.mp4");
    ck_assert_int_eq(renameat(stored.batch.folder.fd, "b", stored.batch.folder.fd, "bucket"), 0);
    publish();
    cleanup(free_ptr) char *after = folder_names(&stored.batch.folder, "outbox/trip");
    ck_assert_str_eq(after, "cover.jpg final.mp4 plan.json");
    assert_bucket();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("publish_bucket");
    TCase *tcase = tcase_create("publish_bucket");
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_loop_test(tcase, the_reel_is_where_the_mode_says, 0, (int)ARRAY_LEN(modes));
    tcase_add_loop_test(tcase, done_twice_it_leaves_the_same_objects, 0, (int)ARRAY_LEN(modes));
    tcase_add_test(tcase, the_result_says_where_it_is);
    tcase_add_test(tcase, a_public_address_makes_a_link_that_lasts);
    tcase_add_test(tcase, the_preview_goes_only_when_all_is_there);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
