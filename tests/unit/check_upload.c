// The stage upload: the proxy under its name in the bucket, with what the sweep needs; again and
// again the same object.
#include "base/fs.h"
#include "base/text.h"
#include "spool/objects.h"
#include "tests/support/stored_batch.h"

#include <check.h>
#include <fcntl.h>
#include <time.h>

static struct stored_batch stored;
static char *key;

static void set_up(void)
{
    stored_batch_make(&stored, "hybrid", 2);
    close_fd(&(int){ batch_open_source(stored.batch.batchdir, 0, NULL) });
    close_fd(&(int){ batch_open_source(stored.batch.batchdir, 1, NULL) });
    stored_batch_put(&stored, "0/proxy.mp4", "a small copy");
    stored_batch_put(&stored, "1/proxy.mp4", "another one");
    key = objects_proxy_key(stored.batch.id, 1);
}

static void tear_down(void)
{
    free(key);
    stored_batch_remove(&stored);
}

static json_t *read_json(const char *name)
{
    json_t *json = NULL;
    struct err err = ERR_INIT;
    ck_assert_msg(json_read(stored.batch.batchdir, name, 1 << 16, &json, &err) == 0, "%s: %s", name,
                  err.text);
    return json;
}

// "main" of the folder, beside the object.
static json_t *about(void)
{
    json_t *json = NULL;
    const char *slash = strrchr(key, '/');
    cleanup(free_ptr) char *name =
        xasprintf("bucket/%.*s/.%s.about.json", (int)(slash - key), key, slash + 1);
    ck_assert_int_eq(json_read(stored.batch.folder.fd, name, 1 << 16, &json, NULL), 0);
    return json;
}

START_TEST(a_proxy_gets_its_name_its_end_and_what_its_source_was_called)
{
    stored_batch_configure(&stored, "temp_hours = 2.0;");
    time_t now = time(NULL), until = 0;
    ck_assert_int_eq(stored_batch_run(&stored, "upload", "1", NULL), 0);
    cleanup(free_ptr) char *keys = stored_batch_keys(&stored);
    ck_assert_str_eq(keys, key);
    cleanup(free_ptr) char *object = stored_batch_object(&stored, key);
    ck_assert_str_eq(object, "another one");
    cleanup(json_free) json_t *json = about();
    const json_t *metadata = json_object_get(json, "metadata");
    ck_assert_str_eq(json_text(json, "type", "", NULL), "video/mp4");
    ck_assert_str_eq(json_text(metadata, "original-name", "", NULL), "b.mp4");
    ck_assert_int_eq(text_time_parse(json_text(metadata, "expires-at", "", NULL), &until), 0);
    ck_assert_int_ge(until, now + 7200);
    ck_assert_int_le(until, now + 7200 + 60);
}
END_TEST

START_TEST(later_stages_find_where_it_is)
{
    ck_assert_int_eq(stored_batch_run(&stored, "upload", "1", NULL), 0);
    cleanup(json_free) json_t *json = read_json("1/upload.json");
    ck_assert_str_eq(json_text(json, "bucket", "", NULL), "main");
    ck_assert_str_eq(json_text(json, "key", "", NULL), key);
    ck_assert_uint_eq(strlen(json_text(json, "expires_at", "", NULL)), 20);
    ck_assert(json_is_null(json_object_get(json, "url"))); // a folder has no links
}
END_TEST

START_TEST(cut_off_before_its_result_it_puts_the_same_object_again)
{
    ck_assert_int_eq(stored_batch_run(&stored, "upload", "1", NULL), 0);
    ck_assert_int_eq(step_reset(stored.batch.batchdir, STAGE_UPLOAD, 1, NULL), 0);
    ck_assert_int_eq(stored_batch_run(&stored, "upload", "1", NULL), 0);
    ck_assert_int_eq(stored_batch_run(&stored, "upload", "0", NULL), 0);
    cleanup(free_ptr) char *keys = stored_batch_keys(&stored);
    cleanup(free_ptr) char *first = objects_proxy_key(stored.batch.id, 0);
    cleanup(free_ptr) char *due = xasprintf("%s %s", first, key);
    ck_assert_str_eq(keys, due);
}
END_TEST

START_TEST(a_name_without_end_is_cut)
{
    cleanup(json_free) json_t *json = read_json(BATCH_FILE);
    json_t *source = json_array_get(json_object_get(json, "sources"), 1);
    cleanup(free_ptr) char *name = xcalloc(2000, 1);
    memcpy(name, "sub/x", 5);
    for (size_t i = 5; i + 8 < 1200; i += 2)
        memcpy(name + i, "\xC3\xA9", 2);
    json_put_text(source, "file", name);
    ck_assert_int_eq(json_write(stored.batch.batchdir, BATCH_FILE, json, NULL), 0);
    char *output = NULL;
    ck_assert_msg(stored_batch_run(&stored, "upload", "1", &output) == 0, "%s", output);
    free(output);
    cleanup(json_free) json_t *facts = about();
    const char *kept = json_text(json_object_get(facts, "metadata"), "original-name", "", NULL);
    ck_assert_uint_eq(strlen(kept), 499); // x and 249 letters of two bytes
    ck_assert_int_eq(kept[0], 'x');
}
END_TEST

START_TEST(a_bucket_that_the_configuration_has_no_more_holds_the_stage)
{
    char *output = NULL;
    folder_put(&stored.batch.folder, "conf", "");
    ck_assert_int_eq(stored_batch_run(&stored, "upload", "1", &output), 78);
    ck_assert_msg(strstr(output, "storage main") && strstr(output, "storage.buckets"), "%s",
                  output);
    free(output);
}
END_TEST

START_TEST(a_bucket_that_cannot_be_written_does_not_pass_for_done)
{
    char *output = NULL;
    ck_assert_int_eq(unlinkat(stored.batch.folder.fd, "bucket", AT_REMOVEDIR), 0);
    ck_assert_int_eq(stored_batch_run(&stored, "upload", "1", &output), 78);
    ck_assert_msg(strstr(output, "storage main"), "%s", output);
    free(output);
    struct step step = STEP_INIT;
    ck_assert_int_eq(step_load(stored.batch.batchdir, STAGE_UPLOAD, 1, &step, NULL), 0);
    ck_assert_int_eq(step.state, STEP_OPEN);
    step_release(&step);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("upload");
    TCase *tcase = tcase_create("upload");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_proxy_gets_its_name_its_end_and_what_its_source_was_called);
    tcase_add_test(tcase, later_stages_find_where_it_is);
    tcase_add_test(tcase, cut_off_before_its_result_it_puts_the_same_object_again);
    tcase_add_test(tcase, a_name_without_end_is_cut);
    tcase_add_test(tcase, a_bucket_that_the_configuration_has_no_more_holds_the_stage);
    tcase_add_test(tcase, a_bucket_that_cannot_be_written_does_not_pass_for_done);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
