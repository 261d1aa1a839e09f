// kill -9 of the daemon while each stage runs, and of each stage: after a restart there is exactly
// one outbox folder with a whole reel, and the originals are in the archive once.
#include "tests/support/spool_story.h"

#include <sys/inotify.h>

static void assert_exactly_one(const char *name)
{
    cleanup(free_ptr) char *inner = xasprintf("spool/outbox/%s/final.mp4", name);
    cleanup(free_ptr) char *original = xasprintf("spool/archive/%s/a.mp4", name);
    spool_fixture_await_count(&fixture, "work", 0);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "outbox"), 1);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "archive"), 1);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "failed"), 0);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "quarantine"), 0);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "incoming"), 0);
    cleanup(free_ptr) char *reel = folder_get(&fixture.folder, inner);
    cleanup(free_ptr) char *source = folder_get(&fixture.folder, original);
    ck_assert_str_eq(reel, FAKE_REEL);
    ck_assert_str_eq(source, "a.mp4");
}

// The writing end of the FIFO once the stage reads it; the stage goes on when it is closed.
static bool has_reader(struct spool_fixture *spool, void *context)
{
    int *fd = context;
    cleanup(free_ptr) char *gate = xasprintf("%s/gate", spool->folder.path);
    *fd = open(gate, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    return *fd >= 0;
}

// Lets whoever waits go on until the batch is completed: on a busy machine the stage that dies with
// its daemon may be met once more before the one that runs again.
static bool is_let_through(struct spool_fixture *spool, void *context)
{
    int *met = context, fd = -1;
    *met += has_reader(spool, &fd);
    close_fd(&fd);
    json_t *status = spool_fixture_status(spool, "trip");
    const char *word = json_string_value(json_object_get(status, "status"));
    bool is_through = word && strcmp(word, "completed") == 0;
    json_decref(status);
    return is_through;
}

// A batch goes through upload where it has a bucket and somebody elsewhere looks, and through
// transcribe where somebody listens.
static void have_every_stage(void)
{
    cleanup(free_ptr) char *bucket = outside("bucket");
    cleanup(free_ptr) char *line =
        xasprintf("storage = { mode = \"hybrid\"; bucket = \"disk\"; buckets = ( { name = "
                  "\"disk\"; type = \"folder\"; path = \"%s\"; } ); }; "
                  "models = { vision = \"openai\"; speech = \"local\"; cache_bytes = 0; }; "
                  "openai = { dialect = \"own\"; vision_model = \"none\"; };",
                  bucket);
    ck_assert_int_eq(mkdir(bucket, 0755), 0);
    spool_fixture_set(&fixture, line);
}

START_TEST(killed_while_a_stage_runs_the_daemon_finishes_the_batch_at_its_next_start)
{
    cleanup(free_ptr) char *gate = xasprintf("%s/gate", fixture.folder.path);
    cleanup(free_ptr) char *script = xasprintf("%s wait %s", stage_info[_i].name, gate);
    ck_assert_int_eq(mkfifo(gate, 0600), 0);
    have_every_stage();
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", script);
    int fd = -1;
    spool_fixture_await_that(&fixture, "work", has_reader, &fd);
    int status = spool_fixture_stop(&fixture, SIGKILL);
    ck_assert(WIFSIGNALED(status));
    close_fd(&fd);
    // The stage dies with its daemon; another may run at once.
    spool_fixture_start(&fixture);
    int met = 0;
    spool_fixture_await_that(&fixture, "outbox", is_let_through, &met);
    ck_assert_int_ge(met, 1);
    assert_exactly_one("trip");
}
END_TEST

START_TEST(a_stage_that_was_killed_runs_again)
{
    cleanup(free_ptr) char *script = xasprintf("%s*1 die 9", stage_info[_i].name);
    have_every_stage();
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", script);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    assert_exactly_one("trip");
    cleanup(free_ptr) char *log = folder_get(&fixture.folder, "spool/outbox/trip/batch.log");
    ck_assert_ptr_nonnull(strstr(log, "SIGKILL"));
}
END_TEST

static bool is_waiting(struct spool_fixture *spool, void *context)
{
    (void)context;
    json_t *status = spool_fixture_status(spool, "trip");
    bool found = strstr(text_of(status, "waiting_for"), "is tried again in") != NULL;
    json_decref(status);
    return found;
}

START_TEST(tries_survive_a_restart)
{
    spool_fixture_set(&fixture, "stages = { compress = { tries = 2; wait_seconds = 3.0; }; };");
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", "compress exit 75");
    spool_fixture_await_that(&fixture, "outbox", is_waiting, NULL);
    (void)spool_fixture_stop(&fixture, SIGKILL);
    spool_fixture_start(&fixture);
    json_t *status = spool_fixture_await(&fixture, "trip", "failed");
    const json_t *error =
        json_object_get(json_array_get(json_object_get(status, "videos"), 0), "error");
    ck_assert_int_eq(json_integer_value(json_object_get(error, "attempts")), 2);
    json_decref(status);
}
END_TEST

START_TEST(killed_again_and_again_it_still_ends_with_one_reel)
{
    spool_fixture_start(&fixture);
    spool_fixture_drop(&fixture, "trip", "a.mp4 b.mp4", NULL);
    // Each start finds things a little further; the last ones find nothing left to do.
    for (int i = 0; i < 8; i++) {
        (void)spool_fixture_stop(&fixture, SIGKILL);
        spool_fixture_start(&fixture);
    }
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    assert_exactly_one("trip");
}
END_TEST

START_TEST(an_ended_batch_that_is_still_in_work_ends_the_same_way_again)
{
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", "probe exit 65");
    json_decref(spool_fixture_await(&fixture, "trip", "failed"));
    spool_fixture_await_count(&fixture, "work", 0);
    (void)spool_fixture_stop(&fixture, SIGKILL);
    // As if the kill had come between the last status and the move.
    cleanup(free_ptr) char *failed = spool_fixture_path(&fixture, "failed");
    cleanup(free_ptr) char *work = spool_fixture_path(&fixture, "work");
    ck_assert_int_eq(rmdir(work), 0);
    ck_assert_int_eq(rename(failed, work), 0);
    spool_fixture_start(&fixture);
    spool_fixture_await_count(&fixture, "failed", 1);
    json_t *status = spool_fixture_await(&fixture, "trip", "failed");
    ck_assert_str_eq(text_of(json_object_get(status, "error"), "code"), "fake_65");
    json_decref(status);
}
END_TEST

static void watch_opens(int notify, const char *shelf, const char *name)
{
    cleanup(free_ptr) char *inner = xasprintf("%s/%s", shelf, name);
    cleanup(free_ptr) char *path = spool_fixture_path(&fixture, inner);
    ck_assert_int_ge(inotify_add_watch(notify, path, IN_OPEN), 0);
}

static bool is_archived(struct spool_fixture *spool, void *context)
{
    cleanup(free_ptr) char *path = spool_fixture_path(spool, "archive/last");
    (void)context;
    return access(path, F_OK) == 0;
}

// So a start costs the same however many batches came before it.
START_TEST(a_start_opens_nothing_of_batches_that_are_over)
{
    enum { OVER = 3 };
    static const char *const names[OVER] = { "one", "two", "three" };
    char events[4096];

    spool_fixture_start(&fixture);
    for (int i = 0; i < OVER; i++)
        spool_fixture_drop(&fixture, names[i], "a.mp4", NULL);
    spool_fixture_await_count(&fixture, "archive", OVER);
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
    cleanup(close_fd) int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    for (int i = 0; i < OVER; i++) {
        watch_opens(notify, "archive", names[i]);
        watch_opens(notify, "outbox", names[i]);
    }
    spool_fixture_start(&fixture);
    spool_fixture_drop(&fixture, "last", "a.mp4", NULL);
    spool_fixture_await_that(&fixture, "work", is_archived, NULL); // looks into no other folder
    ssize_t n = read(notify, events, sizeof events);
    ck_assert_msg(n < 0 && errno == EAGAIN, "%zd bytes of events", n);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, spool_story_open, spool_story_close);
    tcase_add_loop_test(tcase,
                        killed_while_a_stage_runs_the_daemon_finishes_the_batch_at_its_next_start,
                        0, STAGE_COUNT);
    tcase_add_loop_test(tcase, a_stage_that_was_killed_runs_again, 0, STAGE_COUNT);
    tcase_add_test(tcase, tries_survive_a_restart);
    tcase_add_test(tcase, killed_again_and_again_it_still_ends_with_one_reel);
    tcase_add_test(tcase, an_ended_batch_that_is_still_in_work_ends_the_same_way_again);
    tcase_add_test(tcase, a_start_opens_nothing_of_batches_that_are_over);
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "restart", add_tests);
}
