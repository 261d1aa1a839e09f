// The daemon's own sweep: at its start what has expired in the bucket goes, whosever it was.
#include "base/text.h"
#include "spool/objects.h"
#include "tests/support/spool_story.h"

#include <time.h>

static void configure(const char *lines)
{
    cleanup(free_ptr) char *bucket = outside("bucket");
    cleanup(free_ptr) char *line = xasprintf(
        "storage = { %s buckets = ( { name = \"disk\"; type = \"folder\"; path = \"%s\"; } ); };",
        lines, bucket);
    spool_fixture_set(&fixture, line);
}

static void make(const char *name)
{
    cleanup(free_ptr) char *path = outside(name);
    ck_assert_int_eq(mkdir(path, 0755), 0);
}

// The key of a proxy of a batch of nobody, taken ten days ago.  Gives a string.
static char *put_proxy(void)
{
    char stamp[TEXT_TIME_SIZE];
    time_t then = time(NULL) - 10 * 86400;
    cleanup(free_ptr) char *id = xasprintf("%s-lost-00ff", text_time_compact(then, stamp));
    char *key = objects_proxy_key(id, 0);
    cleanup(free_ptr) char *path = xasprintf("bucket/%s", key);
    cleanup(free_ptr) char *day = xasprintf("bucket/temp/compressed/%.8s", id);
    make("bucket");
    make("bucket/temp");
    make("bucket/temp/compressed");
    make(day);
    folder_put(&fixture.folder, path, "a proxy");
    const struct timespec times[2] = { { .tv_sec = then }, { .tv_sec = then } };
    ck_assert_int_eq(utimensat(fixture.folder.fd, path, times, 0), 0);
    folder_put(&fixture.folder, "bucket/temp/notes.txt", "of somebody else");
    return key;
}

static bool is_gone(struct spool_fixture *spool, void *context)
{
    cleanup(free_ptr) char *path = xasprintf("bucket/%s", (const char *)context);
    cleanup(free_ptr) char *object = folder_get(&spool->folder, path);
    return object == NULL;
}

// Also where no bucket is in use any more.
START_TEST(at_its_start_what_expired_is_removed_and_nothing_else)
{
    cleanup(free_ptr) char *key = put_proxy();
    configure(_i == 0 ? "bucket = \"disk\";" : "");
    spool_fixture_start(&fixture);
    spool_fixture_await_that(&fixture, "", is_gone, key);
    cleanup(free_ptr) char *notes = folder_get(&fixture.folder, "bucket/temp/notes.txt");
    ck_assert_ptr_nonnull(notes);
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
}
END_TEST

static bool says_it(struct spool_fixture *spool, void *context)
{
    (void)context;
    cleanup(free_ptr) char *log = spool_fixture_log(spool);
    return strstr(log, "what has expired in a bucket cannot be removed") != NULL;
}

START_TEST(a_bucket_that_is_away_is_said_and_holds_nothing_up)
{
    configure("bucket = \"disk\";");
    spool_fixture_start(&fixture);
    spool_fixture_await_that(&fixture, "", says_it, NULL);
    spool_fixture_drop(&fixture, "trip", "a.mp4", NULL);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    assert_logged("storage disk");
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, spool_story_open, spool_story_close);
    tcase_add_loop_test(tcase, at_its_start_what_expired_is_removed_and_nothing_else, 0, 2);
    tcase_add_test(tcase, a_bucket_that_is_away_is_said_and_holds_nothing_up);
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "patrol", add_tests);
}
