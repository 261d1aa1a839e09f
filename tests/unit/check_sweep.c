// The program sweep: what is temporary goes, of one batch or of all that expired, and nothing else
// ever does.
#include "base/fs.h"
#include "base/json.h"
#include "base/text.h"
#include "spool/errand.h"
#include "spool/objects.h"
#include "tests/support/bucketd.h"
#include "tests/support/program.h"
#include "tests/support/stored_batch.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

static struct stored_batch stored;
static char *program;
static time_t now;

static void set_up(void)
{
    stored_batch_make(&stored, "hybrid", 2);
    program = program_built("libexec/clipspool/sweep");
    now = time(NULL);
}

static void tear_down(void)
{
    free(program);
    stored_batch_remove(&stored);
}

static void make_parents(const char *path)
{
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        cleanup(free_ptr) char *parent = xstrndup(path, (size_t)(slash - path));
        (void)mkdirat(stored.batch.folder.fd, parent, 0755);
    }
}

// An object of some age; `expires`: when it says that it expires, 0: it says nothing.
static void put_object(const char *key, time_t age, time_t expires)
{
    cleanup(free_ptr) char *path = xasprintf("bucket/%s", key);
    make_parents(path);
    folder_put(&stored.batch.folder, path, "object");
    const struct timespec times[2] = { { .tv_sec = now - age }, { .tv_sec = now - age } };
    ck_assert_int_eq(utimensat(stored.batch.folder.fd, path, times, 0), 0);
    if (expires == 0)
        return;
    char until[TEXT_TIME_SIZE];
    const char *name = strrchr(path, '/') + 1;
    cleanup(free_ptr) char *about = xasprintf("%.*s.%s.about.json", (int)(name - path), path, name);
    cleanup(free_ptr) char *text =
        xasprintf("{\"type\": \"video/mp4\", \"metadata\": {\"expires-at\": \"%s\"}}",
                  text_time(expires, until));
    folder_put(&stored.batch.folder, about, text);
}

// The id of a batch that was taken so long ago.  Gives a string.
static char *id_of(time_t age, const char *slug)
{
    char stamp[TEXT_TIME_SIZE];
    return xasprintf("%s-%s-00ff", text_time_compact(now - age, stamp), slug);
}

static void leave_work(void)
{
    ck_assert_int_eq(renameat(stored.batch.spool.work, stored.batch.id, stored.batch.spool.failed,
                              stored.batch.id),
                     0);
}

static void order(bool completed)
{
    struct errand errand = { .kind = ERRAND_SWEEP,
                             .batch = stored.batch.id,
                             .outbox = (char[]){ "trip" },
                             .bucket = (char[]){ "main" },
                             .completed = completed };
    cleanup(close_fd) int folder = errand_open(stored.batch.folder.path, NULL);
    ck_assert_int_eq(errand_save(folder, &errand, NULL), 0);
}

// Runs it; `argument` is an id, an option or NULL.
static int sweep(const char *argument, char **ret_output)
{
    const char *const argv[] = {
        program, "--config", stored.config, "--spool", stored.batch.folder.path, argument, NULL
    };
    return program_run(argv, ret_output);
}

static void swept(const char *argument)
{
    char *output = NULL;
    ck_assert_msg(sweep(argument, &output) == 0, "%s", output);
    free(output);
}

static void assert_keys(const char *due)
{
    cleanup(free_ptr) char *keys = stored_batch_keys(&stored);
    ck_assert_str_eq(keys, due);
}

// ---- one batch

START_TEST(the_proxies_of_a_batch_go_and_its_reel_stays)
{
    cleanup(free_ptr) char *first = objects_proxy_key(stored.batch.id, 0);
    cleanup(free_ptr) char *last = objects_proxy_key(stored.batch.id, 99);
    cleanup(free_ptr) char *reel = objects_reel_key(stored.batch.id, "final.mp4");
    cleanup(free_ptr) char *odd =
        xasprintf("temp/compressed/%s/%s_notes.txt", stored.day, stored.batch.id);
    cleanup(free_ptr) char *other_id = xasprintf("%s0", stored.batch.id);
    cleanup(free_ptr) char *other = objects_proxy_key(other_id, 0);
    put_object(first, 0, now + 3600);
    put_object(last, 0, 0);
    put_object(reel, 0, 0);
    put_object(odd, 0, 0);
    put_object(other, 0, 0);
    leave_work();
    order(false);
    swept(stored.batch.id);
    cleanup(free_ptr) char *due = xasprintf("%s %s %s", reel, other, odd);
    assert_keys(due);
    swept(stored.batch.id); // once more, there is nothing left to do
    assert_keys(due);
}
END_TEST

static const struct {
    const char *name, *status;
    bool completed, put;
} statuses[] = {
    { "of a completed one", "{\"id\": \"%s\", \"status\": \"completed\"}", true, true },
    { "not of one that failed", "{\"id\": \"%s\", \"status\": \"failed\"}", false, false },
    { "not of another one that took the folder", "{\"id\": \"%sx\"}", true, false },
    { "not where people took it away", NULL, true, false },
    { "not one that people wrote", "of %s", true, false },
};

START_TEST(the_last_status_is_put_beside_the_reel)
{
    cleanup(free_ptr) char *key = objects_reel_key(stored.batch.id, "status.json");
    cleanup(free_ptr) char *text = NULL;
    if (statuses[_i].status != NULL) {
        text = xcalloc(300, 1);
        const char *mark = strstr(statuses[_i].status, "%s");
        (void)snprintf(text, 300, "%.*s%s%s", (int)(mark - statuses[_i].status),
                       statuses[_i].status, stored.batch.id, mark + 2);
        folder_put(&stored.batch.folder, "outbox/trip/status.json", text);
    }
    leave_work();
    order(statuses[_i].completed);
    swept(stored.batch.id);
    cleanup(free_ptr) char *object = stored_batch_object(&stored, key);
    ck_assert_msg((object != NULL) == statuses[_i].put, "%s", statuses[_i].name);
    if (object != NULL)
        ck_assert_str_eq(object, text);
}
END_TEST

static const struct {
    const char *name, *closed; // NULL: the outbox is away
    int exit_status;
} troubles[] = {
    { "the outbox is not mounted", NULL, 71 },
    { "its folder cannot be read", "outbox/trip", 77 },
    { "its status cannot be read", "outbox/trip/status.json", 77 },
};

START_TEST(a_status_that_cannot_be_read_now_is_tried_again)
{
    cleanup(free_ptr) char *key = objects_reel_key(stored.batch.id, "status.json");
    cleanup(free_ptr) char *text = xasprintf("{\"id\": \"%s\"}", stored.batch.id);
    int root = stored.batch.folder.fd;
    const char *closed = troubles[_i].closed;
    folder_put(&stored.batch.folder, "outbox/trip/status.json", text);
    leave_work();
    order(true);
    if (closed != NULL && !program_obey_permissions())
        return;
    ck_assert_int_eq(closed ? fchmodat(root, closed, 0, 0) : renameat(root, "outbox", root, "away"),
                     0);
    int status = sweep(stored.batch.id, NULL);
    ck_assert_int_eq(
        closed ? fchmodat(root, closed, 0755, 0) : renameat(root, "away", root, "outbox"), 0);
    ck_assert_msg(status == troubles[_i].exit_status, "%s: %d", troubles[_i].name, status);
    swept(stored.batch.id);
    cleanup(free_ptr) char *object = stored_batch_object(&stored, key);
    ck_assert_str_eq(object, text);
}
END_TEST

START_TEST(a_batch_that_is_at_work_again_keeps_its_proxies)
{
    cleanup(free_ptr) char *key = objects_proxy_key(stored.batch.id, 0);
    put_object(key, 0, 0);
    order(false);
    ck_assert_int_eq(sweep(stored.batch.id, NULL), 75);
    assert_keys(key);
}
END_TEST

START_TEST(what_nobody_ordered_is_not_done)
{
    cleanup(free_ptr) char *key = objects_proxy_key(stored.batch.id, 0);
    put_object(key, 0, 0);
    leave_work();
    ck_assert_int_eq(sweep(stored.batch.id, NULL), 65);
    assert_keys(key);
}
END_TEST

START_TEST(a_bucket_that_is_away_is_tried_again)
{
    leave_work();
    order(false);
    ck_assert_int_eq(renameat(stored.batch.folder.fd, "bucket", stored.batch.folder.fd, "b"), 0);
    char *output = NULL;
    ck_assert_int_eq(sweep(stored.batch.id, &output), 78);
    ck_assert_msg(strstr(output, "storage main") != NULL, "%s", output);
    free(output);
}
END_TEST

// ---- what expired

enum { HOUR = 3600, DAY = 24 * HOUR };

static const struct {
    const char *name;
    time_t taken, age, expires; // ago; expires: from now on, 0: it does not say
    bool goes;
} proxies[] = {
    { "over for an hour", 2 * DAY, 2 * DAY, -HOUR, true },
    { "over for a second", DAY, DAY, -1, true },
    { "not over yet", 2 * DAY, 2 * DAY, HOUR, false },
    { "put just now, by a clock that is wrong", 2 * DAY, 60, -HOUR, false },
    { "says nothing, and is young", DAY, DAY, 0, false },
    { "says nothing, at the longest life there is", 167 * HOUR, 167 * HOUR, 0, false },
    { "says nothing, beyond all lives", 169 * HOUR, 169 * HOUR, 0, true },
    { "says nothing, of an old batch but put lately", 30 * DAY, DAY, 0, false },
};

START_TEST(a_proxy_goes_when_it_has_expired)
{
    cleanup(free_ptr) char *id = id_of(proxies[_i].taken, "old"), *key = objects_proxy_key(id, 3);
    put_object(key, proxies[_i].age, proxies[_i].expires ? now + proxies[_i].expires : 0);
    swept(NULL);
    cleanup(free_ptr) char *object = stored_batch_object(&stored, key);
    ck_assert_msg((object == NULL) == proxies[_i].goes, "%s", proxies[_i].name);
}
END_TEST

START_TEST(what_is_not_ours_stays_however_old)
{
    cleanup(free_ptr) char *id = id_of(400 * DAY, "old");
    cleanup(free_ptr) char *reel = objects_reel_key(id, "final.mp4");
    cleanup(free_ptr) char *renamed = xasprintf("temp/compressed/%.8s/%s_0.mov", id, id);
    cleanup(free_ptr) char *elsewhere = xasprintf("temp/compressed/%s_0.mp4", id);
    const char *const foreign[] = { "temp/compressed/20200101/holiday_0.mp4",
                                    "temp/compressed/readme.txt",
                                    "temp/other/20200101/x_0.mp4",
                                    "videos/a.mp4",
                                    reel,
                                    renamed,
                                    elsewhere };
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
        put_object(foreign[i], 400 * DAY, now - DAY);
    swept(NULL);
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
        cleanup(free_ptr) char *object = stored_batch_object(&stored, foreign[i]);
        ck_assert_msg(object != NULL, "%s was removed", foreign[i]);
    }
}
END_TEST

START_TEST(a_batch_that_waits_longer_than_its_proxies_live_keeps_them)
{
    cleanup(free_ptr) char *key = objects_proxy_key(stored.batch.id, 0);
    put_object(key, 2 * DAY, now - DAY);
    swept(NULL);
    assert_keys(key);
    leave_work();
    swept(NULL);
    assert_keys("");
}
END_TEST

static const struct {
    const char *name, *first, *used; // type of the first bucket; storage.bucket
    int exit_status;
} neighbours[] = {
    { "a bucket that is not used any more", "path = \"%s/other\"; type = \"folder\";", "first", 0 },
    { "no bucket is used any more", "path = \"%s/other\"; type = \"folder\";", "", 0 },
    { "beside one that cannot be opened", "path = \"%s/gone\"; type = \"folder\";", "second", 78 },
    { "beside one of sources that may only be read", "served", "second", 0 },
    { "beside one that is to be swept and refuses", "served", "first", 77 },
};

// The first one of a server that refuses whatever it is asked; `first` as above.  Gives a string.
static char *first_bucket(struct bucketd *bucketd, const char *first)
{
    const char *mark = strstr(first, "%s");
    if (mark != NULL)
        return xasprintf("%.*s%s%s", (int)(mark - first), first, stored.batch.folder.path,
                         mark + 2);
    cleanup(free_ptr) char *keys = xasprintf("%s/keys", stored.batch.folder.path);
    folder_put(&stored.batch.folder, "keys",
               "access_key_id = LTAI-test\naccess_key_secret = wrong\n");
    ck_assert_int_eq(chmod(keys, 0600), 0);
    bucketd_start(bucketd, STORE_OSS, NULL);
    return xasprintf("type = \"oss\"; bucket = \"reels\"; endpoint = \"%s\"; region = "
                     "\"cn-test\"; credential = \"%s\";",
                     bucketd->endpoint, keys);
}

START_TEST(every_bucket_is_swept_whatever_becomes_of_the_others)
{
    struct bucketd bucketd = { .port = 0 };
    cleanup(free_ptr) char *id = id_of(2 * DAY, "old"), *key = objects_proxy_key(id, 0);
    cleanup(free_ptr) char *first = first_bucket(&bucketd, neighbours[_i].first);
    const char *used = neighbours[_i].used;
    cleanup(free_ptr) char *text = xasprintf(
        "storage = { %s%s%s buckets = ( { name = \"first\"; %s }, { name = \"second\"; type = "
        "\"folder\"; path = \"%s/bucket\"; } ); };",
        *used ? "bucket = \"" : "", used, *used ? "\";" : "", first, stored.batch.folder.path);
    make_parents("other/");
    put_object(key, 2 * DAY, now - HOUR);
    folder_put(&stored.batch.folder, "conf", text);
    char *output = NULL;
    int status = sweep(NULL, &output);
    ck_assert_msg(status == neighbours[_i].exit_status, "%s: %d: %s", neighbours[_i].name, status,
                  output);
    ck_assert_msg(strstr(output, "1 removed from storage second") != NULL, "%s: %s",
                  neighbours[_i].name, output);
    free(output);
    assert_keys("");
    if (bucketd.port != 0)
        bucketd_stop(&bucketd);
}
END_TEST

START_TEST(without_a_bucket_there_is_nothing_to_do)
{
    folder_put(&stored.batch.folder, "conf", "");
    swept(NULL);
}
END_TEST

START_TEST(the_doctor_hears_of_each_bucket)
{
    cleanup(free_ptr) char *text =
        xasprintf("storage = { buckets = ( { name = \"main\"; type = \"folder\"; path = "
                  "\"%s/bucket\"; }, { name = \"gone\"; type = \"folder\"; path = \"%s/gone\"; },"
                  "{ name = \"served\"; type = \"s3\"; bucket = \"reels\"; endpoint = "
                  "\"http://127.0.0.1:9\"; credential = \"keys\"; } ); };",
                  stored.batch.folder.path, stored.batch.folder.path);
    folder_put(&stored.batch.folder, "conf", text);
    ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    char *output = NULL;
    ck_assert_int_eq(sweep("--check", &output), 0);
    ck_assert_msg(strstr(output, "ok main: can be listed\nproblem gone: storage gone") == output,
                  "%s", output);
    ck_assert_msg(strstr(output, "\nunknown served: its keys") != NULL, "%s", output);
    free(output);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sweep");
    TCase *tcase = tcase_create("sweep");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_proxies_of_a_batch_go_and_its_reel_stays);
    tcase_add_loop_test(tcase, the_last_status_is_put_beside_the_reel, 0, ARRAY_LEN(statuses));
    tcase_add_loop_test(tcase, a_status_that_cannot_be_read_now_is_tried_again, 0,
                        ARRAY_LEN(troubles));
    tcase_add_test(tcase, a_batch_that_is_at_work_again_keeps_its_proxies);
    tcase_add_test(tcase, what_nobody_ordered_is_not_done);
    tcase_add_test(tcase, a_bucket_that_is_away_is_tried_again);
    tcase_add_loop_test(tcase, a_proxy_goes_when_it_has_expired, 0, ARRAY_LEN(proxies));
    tcase_add_test(tcase, what_is_not_ours_stays_however_old);
    tcase_add_test(tcase, a_batch_that_waits_longer_than_its_proxies_live_keeps_them);
    tcase_add_loop_test(tcase, every_bucket_is_swept_whatever_becomes_of_the_others, 0,
                        ARRAY_LEN(neighbours));
    tcase_add_test(tcase, without_a_bucket_there_is_nothing_to_do);
    tcase_add_test(tcase, the_doctor_hears_of_each_bucket);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
