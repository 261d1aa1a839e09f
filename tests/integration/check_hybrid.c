// Whole batches in mode hybrid against storage services that check signatures, with an object among
// the sources: the reel ends in the bucket and nothing temporary is left, also when the daemon and
// its stages are killed at random; and the secret is in nothing that was written.
// CLIPSPOOL_HYBRID_KILLS: how many (20); CLIPSPOOL_SEED: which (printed).
#include "base/fs.h"
#include "spool/objects.h"
#include "tests/support/media.h"
#include "tests/support/spool_story.h"
#include "tests/support/store_story.h"

#include <dirent.h>
#include <sys/wait.h>
#include <time.h>

enum { DEFAULT_KILLS = 20, ROUNDS = 40 };

static struct bucketd bucketd;
static struct store *store;
static const char *wait_at; // script for stand-ins, or NULL

static const struct {
    enum store_kind kind;
    const char *type, *scheme;
} kinds[] = { { STORE_S3, "s3", "s3" }, { STORE_OSS, "oss", "oss" } };

// ---- the spool and its bucket

static void open_all(int kind)
{
    spool_fixture_open(&fixture);
    bucketd_start(&bucketd, kinds[kind].kind, NULL);
    store = bucketd_open(&bucketd, 0);
    cleanup(free_ptr) char *keys = xasprintf("access_key_id = %s\naccess_key_secret = %s\n",
                                             bucketd.credential.id, bucketd.credential.secret);
    folder_put(&bucketd.folder, "keys", keys);
    cleanup(free_ptr) char *path = xasprintf("%s/keys", bucketd.folder.path);
    ck_assert_int_eq(chmod(path, 0600), 0);
    cleanup(free_ptr) char *line =
        xasprintf("storage = { mode = \"hybrid\"; bucket = \"main\"; buckets = ( { name = "
                  "\"main\"; type = \"%s\"; bucket = \"reels\"; endpoint = \"%s\"; region = "
                  "\"%s\"; style = \"%s\"; credential = \"%s\"; } ); };",
                  kinds[kind].type, bucketd.endpoint,
                  bucketd.place.region ? bucketd.place.region : "us-east-1",
                  bucketd.place.style == STORE_STYLE_HOST ? "host" : "path", path);
    spool_fixture_set(&fixture, line);
    spool_fixture_set(&fixture, SPOOL_FIXTURE_MODEL);
    spool_fixture_set(&fixture, "stages = { fetch = { wait_seconds = 0.1; }; compress = { "
                                "wait_seconds = 0.1; }; upload = { wait_seconds = 0.1; }; "
                                "analyze = { wait_seconds = 0.1; }; };");
}

static void close_all(void)
{
    store_close(&store);
    bucketd_stop(&bucketd);
    spool_fixture_close(&fixture);
}

// Puts the clip into the bucket, and drops a folder with a file and an object of it.
static void drop(const char *scheme)
{
    const char *clip = MEDIA_CLIP(.name = "hybrid.mp4", .seconds = 3, .width = 160, .height = 90,
                                  .sound = "sine=frequency=440");
    cleanup(close_fd) int fd = media_open(clip);
    struct err err = ERR_INIT;
    const struct store_order order = { .key = "in/party.mp4",
                                       .body = { .fd = fd, .size = media_size(clip) } };
    ck_assert_msg(store_put(store, &order, &err) == 0, "%s", err.text);
    cleanup(free_ptr) char *aside = outside("aside"), *copy = outside("aside/a.mp4");
    cleanup(free_ptr) char *to = spool_fixture_path(&fixture, "incoming/trip");
    cleanup(free_ptr) char *text = xasprintf("%s://reels/in/party.mp4\n", scheme);
    ck_assert_int_eq(mkdir(aside, 0755), 0);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "cp", clip, copy), 0);
    folder_put(&fixture.folder, "aside/b.oss", text);
    if (wait_at != NULL)
        folder_put(&fixture.folder, "aside/fake", wait_at);
    folder_put(&fixture.folder, "aside/.ready", "");
    ck_assert_int_eq(rename(aside, to), 0);
}

static void assert_bucket(const json_t *status)
{
    cleanup(free_ptr) char *temp = store_story_keys(store, "temp/");
    cleanup(free_ptr) char *all = store_story_keys(store, "final/");
    cleanup(free_ptr) char *reel = objects_reel_key(text_of(status, "id"), "final.mp4");
    cleanup(free_ptr) char *plan = objects_reel_key(text_of(status, "id"), "plan.json");
    cleanup(free_ptr) char *last = objects_reel_key(text_of(status, "id"), "status.json");
    cleanup(free_ptr) char *due = xasprintf("%s %s %s", reel, plan, last);
    ck_assert_str_eq(temp, "");
    ck_assert_str_eq(all, due);
}

// The link in status.json leads to the reel that lies beside it.
static void assert_link(const json_t *status)
{
    const char *url = text_of(json_object_get(status, "final"), "url");
    cleanup(free_ptr) char *here = spool_fixture_path(&fixture, "outbox/trip/final.mp4");
    cleanup(free_ptr) char *there = outside("fetched.mp4");
    ck_assert_int_eq(PROGRAM_RUN(NULL, "curl", "-sfo", there, url), 0);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "cmp", here, there), 0);
}

// ---- secrets

// The whole folder of the test: spool, outbox, log, configuration.
static void assert_no_secret_written(void)
{
    char *found = NULL;
    if (bucketd.kind == STORE_S3)
        return; // its secret is the same word as its id, which is in every link
    // Silent about files that go while it looks: the work goes on.
    int r = PROGRAM_RUN(&found, "grep", "-rlasF", bucketd.credential.secret, fixture.folder.path);
    ck_assert_msg(r != 0 && !*found, "the secret is in %s", found);
    free(found);
}

static void assert_not_in(const char *path)
{
    char *said = NULL;
    int r = PROGRAM_RUN(&said, "grep", "-saF", bucketd.credential.secret, path);
    ck_assert_msg(r != 0, "the secret is in %s", path);
    free(said);
}

// A child of the daemon, or 0; none has the secret among what others see of it.
static pid_t any_stage(void)
{
    pid_t pids[64];
    size_t count = spool_fixture_children(&fixture, pids, ARRAY_LEN(pids));
    for (size_t i = 0; bucketd.kind == STORE_OSS && i < count; i++) {
        cleanup(free_ptr) char *arguments = xasprintf("/proc/%d/cmdline", (int)pids[i]);
        cleanup(free_ptr) char *environment = xasprintf("/proc/%d/environ", (int)pids[i]);
        assert_not_in(arguments);
        assert_not_in(environment);
    }
    return count > 0 ? pids[(size_t)rand() % count] : 0;
}

// ---- the tests

START_TEST(a_batch_with_an_object_ends_with_its_reel_in_the_bucket)
{
    open_all(_i);
    spool_fixture_start(&fixture);
    drop(kinds[_i].scheme);
    json_t *status = spool_fixture_await(&fixture, "trip", "completed");
    ck_assert_str_eq(text_of(video(status, 1), "source"), "oss");
    ck_assert_str_eq(text_of(video(status, 1), "status"), "completed");
    spool_fixture_await_count(&fixture, "work", 0);
    spool_fixture_await_count(&fixture, "errands", 0);
    assert_bucket(status);
    assert_link(status);
    assert_no_secret_written();
    json_decref(status);
    close_all();
}
END_TEST

static bool is_uploaded(struct spool_fixture *spool, void *context)
{
    (void)context;
    cleanup(free_ptr) char *path = xasprintf("%s/work", spool->root);
    return PROGRAM_RUN(NULL, "/bin/sh", "-c", "test -e \"$0\"/*/steps/upload.1.json", path) == 0 &&
           PROGRAM_RUN(NULL, "/bin/sh", "-c", "test -e \"$0\"/*/steps/upload.0.json", path) == 0;
}

START_TEST(the_secret_is_in_nothing_that_was_written_in_the_midst_of_the_work)
{
    open_all(1);
    spool_fixture_fake(&fixture, "plan");
    cleanup(free_ptr) char *gate = outside("gate"), *script = xasprintf("plan wait %s\n", gate);
    ck_assert_int_eq(mkfifo(gate, 0600), 0);
    wait_at = script;
    spool_fixture_start(&fixture);
    drop("oss");
    spool_fixture_await_that(&fixture, "work", is_uploaded, NULL);
    ck_assert_int_eq(unlink(gate), 0); // nobody may read it for ever
    assert_no_secret_written();
    wish("trip", "cancel");
    json_decref(spool_fixture_await(&fixture, "trip", "cancelled"));
    spool_fixture_await_count(&fixture, "work", 0);
    spool_fixture_await_count(&fixture, "errands", 0);
    assert_no_secret_written();
    cleanup(free_ptr) char *temp = store_story_keys(store, "temp/");
    ck_assert_str_eq(temp, "");
    close_all();
}
END_TEST

// The batch waits at its plan, and its id is known: as if its stages had been killed in the midst
// of uploads in parts.
START_TEST(what_killed_stages_left_half_uploaded_is_taken_back)
{
    open_all(1);
    spool_fixture_fake(&fixture, "plan");
    cleanup(free_ptr) char *gate = outside("gate"), *script = xasprintf("plan wait %s\n", gate);
    ck_assert_int_eq(mkfifo(gate, 0600), 0);
    wait_at = script;
    spool_fixture_start(&fixture);
    drop("oss");
    spool_fixture_await_that(&fixture, "work", is_uploaded, NULL);
    json_t *status = spool_fixture_status(&fixture, "trip");
    cleanup(free_ptr) char *proxy = objects_proxy_key(text_of(status, "id"), 0);
    cleanup(free_ptr) char *reel = objects_reel_key(text_of(status, "id"), "final.mp4");
    cleanup(free_ptr) char *link = xasprintf("%s/~/uploads", bucketd.endpoint);
    cleanup(free_ptr) char *lines =
        xasprintf("9 %s\n9 %s\n9 temp/compressed/20260101/somebody_0.mp4\n", proxy, reel);
    ck_assert_int_eq(bucketd_plain("POST", link, lines, NULL), 200);
    json_decref(status);
    wish("trip", "cancel");
    json_decref(spool_fixture_await(&fixture, "trip", "cancelled"));
    spool_fixture_await_count(&fixture, "errands", 0);
    cleanup(free_ptr) char *left = bucketd_ask(&bucketd, "uploads");
    ck_assert_str_eq(left, "temp/compressed/20260101/somebody_0.mp4\n");
    close_all();
}
END_TEST

static bool is_over(void)
{
    json_t *status = spool_fixture_status(&fixture, "trip");
    bool is = strcmp(text_of(status, "status"), "completed") == 0;
    json_decref(status);
    return is && spool_fixture_count(&fixture, "errands") == 0 &&
           spool_fixture_count(&fixture, "work") == 0;
}

static unsigned sweeps_killed;

static void kill_something(void)
{
    // The instant is the point of the test.
    struct timespec pause = { .tv_nsec = (rand() % 120) * 1000000L + rand() % 1000000 };
    (void)nanosleep(&pause, NULL);
    pid_t stage = any_stage();
    // A sweep is killed once: the next wait would be a minute.
    if (spool_fixture_count(&fixture, "errands") > 0 && stage > 0 && sweeps_killed++ > 0)
        stage = 0;
    if (stage > 0 && rand() % 2) {
        (void)kill(stage, SIGKILL);
        return;
    }
    int status = spool_fixture_stop(&fixture, SIGKILL);
    ck_assert_msg(WIFSIGNALED(status), "the daemon left by itself: %d", status);
    assert_no_secret_written(); // in the midst of the work, too
    spool_fixture_start(&fixture);
}

// Lets what is left be done; a step that was killed twice has failed and is told to try again.
static void finish(void)
{
    (void)spool_fixture_stop(&fixture, SIGKILL);
    for (int round = 0; round < ROUNDS && !is_over(); round++) {
        if (spool_fixture_count(&fixture, "failed") > 0)
            wish("trip", "retry");
        spool_fixture_begin(&fixture, (const char *const[]){ "--once", NULL });
        (void)spool_fixture_wait(&fixture);
    }
    ck_assert_msg(is_over(), "not over after %d rounds, see %s", ROUNDS, fixture.folder.path);
}

START_TEST(killed_at_random_it_ends_with_the_same_objects)
{
    const char *wanted = getenv("CLIPSPOOL_HYBRID_KILLS"), *chosen = getenv("CLIPSPOOL_SEED");
    unsigned kills = wanted ? (unsigned)strtoul(wanted, NULL, 10) : DEFAULT_KILLS;
    unsigned seed = chosen ? (unsigned)strtoul(chosen, NULL, 10) : (unsigned)time(NULL);
    srand(seed);
    open_all(_i);
    spool_fixture_start(&fixture);
    drop(kinds[_i].scheme);
    unsigned done = 0;
    for (; done < kills && !is_over(); done++)
        kill_something();
    printf("seed %u, %u kills before it was over\n", seed, done);
    finish();
    json_t *status = spool_fixture_status(&fixture, "trip");
    ck_assert_str_eq(text_of(status, "status"), "completed");
    assert_bucket(status);
    assert_link(status);
    assert_no_secret_written();
    ck_assert_uint_eq(spool_fixture_count(&fixture, "outbox"), 1);
    json_decref(status);
    close_all();
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_set_timeout(tcase, 400);
    tcase_add_loop_test(tcase, a_batch_with_an_object_ends_with_its_reel_in_the_bucket, 0,
                        (int)ARRAY_LEN(kinds));
    tcase_add_test(tcase, the_secret_is_in_nothing_that_was_written_in_the_midst_of_the_work);
    tcase_add_test(tcase, what_killed_stages_left_half_uploaded_is_taken_back);
    tcase_add_loop_test(tcase, killed_at_random_it_ends_with_the_same_objects, 0,
                        (int)ARRAY_LEN(kinds));
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "hybrid", add_tests);
}
