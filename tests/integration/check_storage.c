// Whole batches with a bucket (a folder): what ends where in each mode, and that nothing temporary
// is left however a batch ends.
#include "spool/objects.h"
#include "tests/support/spool_story.h"

static void open_hybrid(void)
{
    spool_story_open();
    cleanup(free_ptr) char *bucket = outside("bucket");
    ck_assert_int_eq(mkdir(bucket, 0755), 0);
    cleanup(free_ptr) char *line =
        xasprintf("storage = { mode = \"hybrid\"; bucket = \"disk\"; buckets = ( { name = "
                  "\"disk\"; type = \"folder\"; path = \"%s\"; } ); };",
                  bucket);
    spool_fixture_set(&fixture, line);
    // Only what somebody elsewhere looks at goes up; who looks here is a stand-in.
    spool_fixture_set(&fixture, SPOOL_FIXTURE_MODEL);
}

static void drop(const char *script)
{
    spool_fixture_drop_script(&fixture, "trip", "clip.mp4", script);
}

// What the bucket holds below a folder of it; joined by a space.  Gives a string.
static char *objects(const char *below)
{
    cleanup(free_ptr) char *path = outside("bucket");
    char *output = NULL;
    ck_assert_int_eq(PROGRAM_RUN(&output, "/bin/sh", "-c",
                                 "cd \"$0\" && find . -type f -path \"./$1*\" -not -name '.*' | "
                                 "sed 's,.*/,,' | LC_ALL=C sort | paste -sd ' '",
                                 path, below),
                     0);
    output[strcspn(output, "\n")] = 0;
    return output;
}

// The errand is there before its batch leaves work/.
static void await_errands(void)
{
    spool_fixture_await_count(&fixture, "work", 0);
    spool_fixture_await_count(&fixture, "errands", 0);
}

static void assert_objects(const char *below, const char *due)
{
    cleanup(free_ptr) char *is = objects(below);
    ck_assert_str_eq(is, due);
}

static char *bucket_file(const json_t *status, const char *name)
{
    cleanup(free_ptr) char *key = objects_reel_key(text_of(status, "id"), name);
    cleanup(free_ptr) char *inner = xasprintf("bucket/%s", key);
    return folder_get(&fixture.folder, inner);
}

static void assert_valid(void)
{
    cleanup(free_ptr) char *path = spool_fixture_path(&fixture, "outbox/trip/status.json");
    char *output = NULL;
    int r = PROGRAM_RUN(&output, "python3", "-c",
                        "import json, sys, jsonschema\n"
                        "jsonschema.validate(json.load(open(sys.argv[1])), "
                        "json.load(open('docs/status.schema.json')))",
                        path);
    ck_assert_msg(r == 0, "%s", output);
    free(output);
}

static const struct {
    const char *job, *outbox, *temp, *final;
} modes[] = {
    { NULL, "analysis.json batch.log cover.jpg final.mp4 plan.json report.html status.json", "",
      "final.mp4 plan.json status.json" },
    { "storage = \"oss\";", "analysis.json batch.log cover.jpg plan.json report.html status.json",
      "", "final.mp4 plan.json status.json" },
    { "storage = \"local\";",
      "analysis.json batch.log cover.jpg final.mp4 plan.json report.html status.json", "", "" },
};

START_TEST(the_reel_ends_where_the_job_says)
{
    spool_fixture_start(&fixture);
    spool_fixture_drop(&fixture, "trip", "clip.mp4", modes[_i].job);
    json_t *status = spool_fixture_await(&fixture, "trip", "completed");
    bool is_local = modes[_i].final[0] == 0, is_away = _i == 1;
    await_errands();
    cleanup(free_ptr) char *names = folder_names(&fixture.folder, "spool/outbox/trip");
    ck_assert_str_eq(names, modes[_i].outbox);
    assert_objects("temp", modes[_i].temp);
    assert_objects("final", modes[_i].final);
    assert_valid();
    const json_t *final = json_object_get(status, "final");
    ck_assert_str_eq(text_of(final, "path"), is_away ? "" : "final.mp4");
    ck_assert_str_eq(text_of(final, "bucket"), is_local ? "" : "disk");
    const json_t *upload = json_object_get(json_object_get(status, "stages"), "upload");
    ck_assert_str_eq(text_of(upload, "status"), is_local ? "" : "completed");
    json_decref(status);
}
END_TEST

START_TEST(the_status_beside_the_reel_is_the_last_one)
{
    spool_fixture_start(&fixture);
    drop("");
    json_t *status = spool_fixture_await(&fixture, "trip", "completed");
    await_errands();
    cleanup(free_ptr) char *here = folder_get(&fixture.folder, "spool/outbox/trip/status.json");
    cleanup(free_ptr) char *there = bucket_file(status, "status.json");
    ck_assert_ptr_nonnull(there);
    ck_assert_str_eq(there, here);
    cleanup(free_ptr) char *key = objects_reel_key(text_of(status, "id"), "final.mp4");
    cleanup(free_ptr) char *reel = spool_fixture_path(&fixture, "outbox/trip/final.mp4");
    cleanup(free_ptr) char *object = xasprintf("%s/bucket/%s", fixture.folder.path, key);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "cmp", reel, object), 0);
    json_decref(status);
}
END_TEST

static bool has_a_proxy(struct spool_fixture *spool, void *context)
{
    (void)spool, (void)context;
    cleanup(free_ptr) char *is = objects("temp");
    return *is != 0;
}

START_TEST(a_batch_that_fails_leaves_nothing_temporary)
{
    spool_fixture_start(&fixture);
    drop("plan exit 65");
    json_t *status = spool_fixture_await(&fixture, "trip", "failed");
    const json_t *upload = json_object_get(json_object_get(status, "stages"), "upload");
    ck_assert_str_eq(text_of(upload, "status"), "completed"); // so there was something
    json_decref(status);
    await_errands();
    assert_objects("", "");
}
END_TEST

START_TEST(a_batch_that_is_cancelled_leaves_nothing_temporary)
{
    cleanup(free_ptr) char *gate = outside("gate");
    cleanup(free_ptr) char *script = xasprintf("plan wait %s", gate);
    ck_assert_int_eq(mkfifo(gate, 0600), 0);
    spool_fixture_start(&fixture);
    drop(script);
    spool_fixture_await_that(&fixture, "work", has_a_proxy, NULL);
    wish("trip", "cancel");
    json_decref(spool_fixture_await(&fixture, "trip", "cancelled"));
    await_errands();
    assert_objects("", "");
}
END_TEST

START_TEST(what_failed_and_is_tried_again_ends_with_the_reel_in_the_bucket)
{
    cleanup(free_ptr) char *mended = outside("mended");
    cleanup(free_ptr) char *script = xasprintf("plan need 65 %s", mended);
    spool_fixture_start(&fixture);
    drop(script);
    json_decref(spool_fixture_await(&fixture, "trip", "failed"));
    spool_fixture_await_count(&fixture, "work", 0);
    folder_put(&fixture.folder, "mended", "");
    wish("trip", "retry");
    spool_fixture_await_name(&fixture, "archive/trip", true);
    await_errands();
    assert_objects("temp", "");
    assert_objects("final", "final.mp4 plan.json status.json");
}
END_TEST

static bool waits_for_it(struct spool_fixture *spool, void *context)
{
    (void)context;
    json_t *status = spool_fixture_status(spool, "trip");
    bool found = strstr(text_of(status, "waiting_for"), "upload rests: storage disk") != NULL;
    json_decref(status);
    return found;
}

START_TEST(a_bucket_that_is_away_is_waited_for_and_status_says_so)
{
    cleanup(free_ptr) char *bucket = outside("bucket"), *moved = outside("moved");
    ck_assert_int_eq(rename(bucket, moved), 0);
    spool_fixture_start(&fixture);
    drop("");
    spool_fixture_await_that(&fixture, "outbox", waits_for_it, NULL);
    assert_valid();
    ck_assert_int_eq(rename(moved, bucket), 0);
    // It was taken for a mistake in the configuration, which is loaded again.
    ck_assert_int_eq(kill(fixture.daemon, SIGHUP), 0);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    await_errands();
    assert_objects("", "final.mp4 plan.json status.json");
}
END_TEST

START_TEST(what_changes_in_the_configuration_moves_no_batch_to_another_bucket)
{
    cleanup(free_ptr) char *gate = outside("gate"), *script = xasprintf("plan wait %s", gate);
    cleanup(free_ptr) char *other = outside("other");
    ck_assert_int_eq(mkfifo(gate, 0600) | mkdir(other, 0755), 0);
    spool_fixture_start(&fixture);
    drop(script);
    spool_fixture_await_that(&fixture, "work", has_a_proxy, NULL);
    cleanup(free_ptr) char *text = folder_get(&fixture.folder, "clipspool.conf");
    char *at = strstr(text, "bucket = \"disk\"; buckets = (");
    ck_assert_ptr_nonnull(at);
    cleanup(free_ptr) char *changed =
        xasprintf("%.*sbucket = \"other\"; buckets = ( { name = \"other\"; type = \"folder\"; "
                  "path = \"%s\"; }, %s",
                  (int)(at - text), text, other, at + strlen("bucket = \"disk\"; buckets = ("));
    folder_put(&fixture.folder, "clipspool.conf", changed);
    ck_assert_int_eq(kill(fixture.daemon, SIGHUP), 0);
    spool_fixture_await_notice(&fixture, "RELOADING=1");
    cleanup(close_fd) int fd = open(gate, O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(write(fd, "x", 1), 1);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    await_errands();
    assert_objects("", "final.mp4 plan.json status.json");
    cleanup(free_ptr) char *left = folder_names(&fixture.folder, "other");
    ck_assert_str_eq(left, "");
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, open_hybrid, spool_story_close);
    tcase_add_loop_test(tcase, the_reel_ends_where_the_job_says, 0, (int)ARRAY_LEN(modes));
    tcase_add_test(tcase, the_status_beside_the_reel_is_the_last_one);
    tcase_add_test(tcase, a_batch_that_fails_leaves_nothing_temporary);
    tcase_add_test(tcase, a_batch_that_is_cancelled_leaves_nothing_temporary);
    tcase_add_test(tcase, what_failed_and_is_tried_again_ends_with_the_reel_in_the_bucket);
    tcase_add_test(tcase, a_bucket_that_is_away_is_waited_for_and_status_says_so);
    tcase_add_test(tcase, what_changes_in_the_configuration_moves_no_batch_to_another_bucket);
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "storage", add_tests);
}
