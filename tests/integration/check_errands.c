// What is left to do when a batch has ended: its webhook is delivered, over real sockets, to a
// receiver that makes every signature once more by itself (tests/support/httpd.py), however often
// it refuses and whatever dies meanwhile.
#include "spool/errand.h"
#include "tests/support/httpd.h"
#include "tests/support/spool_story.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>

#define KEY "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define SECRET "whsec_" KEY

static struct httpd server;

static void set_up(void)
{
    httpd_start(&server, NULL);
    spool_story_open();
    folder_put(&fixture.folder, "secret", SECRET "\n");
    cleanup(free_ptr) char *path = outside("secret");
    ck_assert_int_eq(chmod(path, 0600), 0);
}

static void tear_down(void)
{
    spool_story_close();
    httpd_stop(&server);
}

// ---- short ways

static void configure(const char *more)
{
    cleanup(free_ptr) char *line =
        xasprintf("webhook = { credential = \"%s/secret\"; %s };", fixture.folder.path, more);
    spool_fixture_set(&fixture, line);
}

#define OPEN_DOOR "allow_networks = \"127.0.0.1\"; "

static char *job_for(const char *query)
{
    cleanup(free_ptr) char *link = httpd_link(&server, "/hook-7f3a?hook=" KEY "&%s", query);
    return xasprintf("webhook = \"%s\";\n", link);
}

static void drop(const char *name, const char *query)
{
    cleanup(free_ptr) char *job = job_for(query);
    spool_fixture_drop(&fixture, name, "a.mp4", job);
}

static const json_t *webhook_of(const json_t *status)
{
    return json_object_get(status, "webhook");
}

struct awaited {
    const char *name, *word;
    json_int_t attempts;
};

static bool has_webhook(struct spool_fixture *spool, void *context)
{
    const struct awaited *awaited = context;
    json_t *status = spool_fixture_status(spool, awaited->name);
    const json_t *webhook = webhook_of(status);
    bool found = webhook && strcmp(text_of(webhook, "status"), awaited->word) == 0 &&
                 json_integer_value(json_object_get(webhook, "attempts")) >= awaited->attempts;
    json_decref(status);
    return found;
}

// Waits until that is told of the webhook, after so many attempts.  Gives the status.
static json_t *await_webhook(const char *name, const char *word, json_int_t attempts)
{
    struct awaited awaited = { name, word, attempts };
    spool_fixture_await_that(&fixture, "outbox", has_webhook, &awaited);
    return spool_fixture_status(&fixture, name);
}

static void expect_webhook(const json_t *status, const char *word, json_int_t attempts,
                           const char *message)
{
    const json_t *webhook = webhook_of(status);
    cleanup(free_ptr) char *host = httpd_link(&server, "%s", "");
    ck_assert_str_eq(text_of(webhook, "status"), word);
    ck_assert_str_eq(text_of(webhook, "url"), host);
    ck_assert_int_eq(json_integer_value(json_object_get(webhook, "attempts")), attempts);
    ck_assert_msg(strstr(text_of(webhook, "message"), message) != NULL, "%s",
                  text_of(webhook, "message"));
    ck_assert_int_eq(json_is_null(json_object_get(webhook, "next_try")),
                     strcmp(word, "pending") != 0);
}

// The word behind `key` in the n-th line (from 0) about a webhook.  Gives a string, NULL: there is
// no such line.
static char *heard(unsigned n, const char *key)
{
    const char *line = server.log;
    while (*line && (strncmp(line, "hook ", 5) != 0 || n-- > 0))
        line += strcspn(line, "\n") + 1;
    const char *word = *line ? strstr(line, key) : NULL;
    if (!word)
        return NULL;
    word += strlen(key);
    return xstrndup(word, strcspn(word, " \n"));
}

// All of them so far.
static unsigned hooks(void)
{
    (void)httpd_accepted(&server);
    return httpd_count(&server, "hook ");
}

static void expect_heard(unsigned n, const char *key, const char *word)
{
    cleanup(free_ptr) char *is = heard(n, key);
    ck_assert_msg(is && strcmp(is, word) == 0, "%u: %s%s, not %s\n%s", n, key, is ? is : "none",
                  word, server.log);
}

static void expect_no_errand(void)
{
    spool_fixture_await_count(&fixture, "errands", 0);
}

// ---- delivery

// All that is told is what status.json says, but for what was not known yet.
static void expect_body_of(const json_t *status)
{
    cleanup(free_ptr) char *path = outside("body");
    json_t *body = json_load_file(path, JSON_REJECT_DUPLICATES, NULL),
           *due = json_deep_copy(status);
    ck_assert_ptr_nonnull(body);
    ck_assert_str_eq(text_of(webhook_of(body), "status"), "pending");
    json_object_set_new(due, "type", json_string("batch.completed"));
    static const char *const later[] = { "webhook", "updated_at", "total_processing_seconds" };
    for (size_t i = 0; i < ARRAY_LEN(later); i++) {
        json_object_del(body, later[i]);
        json_object_del(due, later[i]);
    }
    cleanup(free_ptr) char *is_text = json_dumps(body, JSON_SORT_KEYS);
    cleanup(free_ptr) char *due_text = json_dumps(due, JSON_SORT_KEYS);
    ck_assert_str_eq(is_text, due_text);
    json_decref(body);
    json_decref(due);
}

START_TEST(the_end_is_told_signed_with_the_final_status)
{
    configure(OPEN_DOOR);
    cleanup(free_ptr) char *query = xasprintf("save=%s/body", fixture.folder.path);
    drop("trip", query);
    spool_fixture_start(&fixture);
    json_t *status = await_webhook("trip", "delivered", 1);
    expect_webhook(status, "delivered", 1, "");
    ck_assert_str_eq(text_of(status, "status"), "completed");
    ck_assert_uint_eq(hooks(), 1);
    expect_heard(0, "signature=", "good");
    expect_heard(0, "type=", "batch.completed");
    expect_heard(0, "batch=", text_of(status, "id"));
    expect_body_of(status);
    json_decref(status);
    expect_no_errand();
    assert_reel("trip");
}
END_TEST

START_TEST(failure_and_cancellation_are_told_too)
{
    configure(OPEN_DOOR);
    cleanup(free_ptr) char *job = job_for("");
    cleanup(free_ptr) char *fifo = outside("fifo");
    cleanup(free_ptr) char *script = xasprintf("plan wait %s\n", fifo);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    spool_fixture_drop(&fixture, "broken", "notes.txt", job); // no video in it
    spool_fixture_start(&fixture);
    json_decref(await_webhook("broken", "delivered", 1));
    ck_assert_uint_eq(hooks(), 1);
    expect_heard(0, "signature=", "good");
    expect_heard(0, "type=", "batch.failed");

    cleanup(free_ptr) char *path = outside("job.conf"), *work = outside("aside2");
    cleanup(free_ptr) char *to = spool_fixture_path(&fixture, "incoming/long");
    ck_assert_int_eq(mkdir(work, 0755), 0);
    folder_put(&fixture.folder, "aside2/a.mp4", "a");
    folder_put(&fixture.folder, "aside2/fake", script);
    folder_put(&fixture.folder, "aside2/job.conf", job);
    folder_put(&fixture.folder, "aside2/.ready", "");
    ck_assert_int_eq(rename(work, to), 0);
    json_decref(spool_fixture_await(&fixture, "long", "generating_plan"));
    wish("long", "cancel");
    json_decref(await_webhook("long", "delivered", 1));
    ck_assert_uint_eq(hooks(), 2);
    expect_heard(1, "signature=", "good");
    expect_heard(1, "type=", "batch.cancelled");
    expect_no_errand();
}
END_TEST

START_TEST(a_batch_without_a_webhook_and_one_whose_job_is_wrong_tell_nobody)
{
    configure(OPEN_DOOR);
    cleanup(free_ptr) char *job = job_for("");
    cleanup(free_ptr) char *wrong = xasprintf("%stitel = \"x\";\n", job);
    spool_fixture_drop(&fixture, "quiet", "a.mp4", NULL);
    spool_fixture_drop(&fixture, "wrong", "a.mp4", wrong);
    spool_fixture_start(&fixture);
    json_t *quiet = spool_fixture_await(&fixture, "quiet", "completed");
    json_t *refused = spool_fixture_await(&fixture, "wrong", "failed");
    ck_assert(json_is_null(webhook_of(quiet)));
    ck_assert(json_is_null(webhook_of(refused)));
    json_decref(quiet);
    json_decref(refused);
    expect_no_errand();
    ck_assert_uint_eq(httpd_accepted(&server), 0);
}
END_TEST

// ---- refused

START_TEST(what_is_refused_is_tried_again_under_the_same_name)
{
    configure(OPEN_DOOR "wait_seconds = \"0.05 0.05 0.05\";");
    drop("trip", "status=500&times=2");
    spool_fixture_start(&fixture);
    json_t *status = await_webhook("trip", "delivered", 3);
    expect_webhook(status, "delivered", 3, "");
    json_decref(status);
    ck_assert_uint_eq(hooks(), 3);
    cleanup(free_ptr) char *name = heard(0, "id=");
    for (unsigned i = 0; i < 3; i++) {
        expect_heard(i, "signature=", "good");
        expect_heard(i, "id=", name);
    }
    expect_no_errand();
    assert_logged("answers with status 500");
}
END_TEST

START_TEST(one_that_is_refused_for_ever_is_given_up_and_never_held_the_batch_up)
{
    configure(OPEN_DOOR "wait_seconds = \"0.05 0.05\"; deadline_seconds = 0.3;");
    drop("trip", "mute=1");
    spool_fixture_start(&fixture);
    spool_fixture_await_name(&fixture, "archive/trip", true);
    json_t *status = await_webhook("trip", "failed", 3);
    expect_webhook(status, "failed", 3, "did not answer in 0.3 s");
    ck_assert_str_eq(text_of(status, "status"), "completed");
    json_decref(status);
    ck_assert_uint_eq(hooks(), 3);
    expect_no_errand();
    assert_logged("webhook is given up after 3 attempts");
    cleanup(free_ptr) char *told = folder_get(&fixture.folder, "spool/outbox/trip/batch.log");
    ck_assert_ptr_nonnull(strstr(told, "webhook is given up after 3 attempts"));
}
END_TEST

START_TEST(who_asks_for_time_gets_it)
{
    configure(OPEN_DOOR "wait_seconds = \"0.05\";");
    drop("trip", "status=503&times=1&retry=2");
    spool_fixture_start(&fixture);
    json_decref(await_webhook("trip", "delivered", 2));
    ck_assert_uint_eq(hooks(), 2);
    cleanup(free_ptr) char *first = heard(0, "at="), *second = heard(1, "at=");
    ck_assert_double_ge(strtod(second, NULL) - strtod(first, NULL), 1.9);
}
END_TEST

START_TEST(a_receiver_that_fails_too_often_is_left_alone_and_no_try_is_lost)
{
    configure(OPEN_DOOR "wait_seconds = \"0.05 0.05\";");
    spool_fixture_set(&fixture, "services = { failures = 2; rest_seconds = 2.0; };");
    drop("trip", "status=500&times=2");
    spool_fixture_start(&fixture);
    json_t *status = await_webhook("trip", "delivered", 3);
    expect_webhook(status, "delivered", 3, "");
    json_decref(status);
    ck_assert_uint_eq(hooks(), 3);
    cleanup(free_ptr) char *second = heard(1, "at="), *third = heard(2, "at=");
    ck_assert_double_ge(strtod(third, NULL) - strtod(second, NULL), 1.9);
    assert_logged("rests after 2 failures in a row (webhook_refused)");
}
END_TEST

static const struct {
    const char *query, *message;
    unsigned attempts;
} finals[] = {
    { "status=410", "it wants to be told no more", 1 },
    { "location=/elsewhere", "status 302, and is not followed elsewhere", 2 },
    { "status=404", "status 404", 2 },
    { "rubbish=1", "", 2 },
};

START_TEST(only_2xx_is_success)
{
    configure(OPEN_DOOR "wait_seconds = \"0.05\";");
    drop("trip", finals[_i].query);
    spool_fixture_start(&fixture);
    json_t *status = await_webhook("trip", "failed", finals[_i].attempts);
    expect_webhook(status, "failed", finals[_i].attempts, finals[_i].message);
    json_decref(status);
    ck_assert_uint_eq(hooks(), finals[_i].attempts);
    ck_assert_ptr_null(strstr(server.log, " /elsewhere"));
    expect_no_errand();
}
END_TEST

START_TEST(an_answer_that_breaks_off_behind_its_head_is_one)
{
    configure(OPEN_DOOR "deadline_seconds = 0.5;");
    drop("trip", "stall=10");
    spool_fixture_start(&fixture);
    json_decref(await_webhook("trip", "delivered", 1));
    ck_assert_uint_eq(hooks(), 1);
}
END_TEST

// ---- not allowed, not configured

static void load_again(void)
{
    spool_fixture_write_config(&fixture);
    ck_assert_int_eq(kill(fixture.daemon, SIGHUP), 0);
}

START_TEST(a_private_address_is_not_connected_to_before_it_is_named)
{
    configure("wait_seconds = \"3600\";");
    drop("trip", "");
    spool_fixture_start(&fixture);
    json_t *status = await_webhook("trip", "pending", 1);
    expect_webhook(status, "pending", 1, "is not a server on the open internet");
    json_decref(status);
    ck_assert_uint_eq(httpd_accepted(&server), 0);
    assert_logged("webhook.allow_networks");
    char *extra = strstr(fixture.extra, "webhook = {");
    *extra = '\0';
    configure("wait_seconds = \"3600\"; " OPEN_DOOR);
    load_again();
    json_decref(await_webhook("trip", "delivered", 2));
    ck_assert_uint_eq(hooks(), 1);
}
END_TEST

START_TEST(without_a_secret_nothing_is_sent_unsigned)
{
    spool_fixture_set(&fixture, "webhook = { " OPEN_DOOR "wait_seconds = \"3600\"; };");
    drop("trip", "");
    spool_fixture_start(&fixture);
    json_t *status = await_webhook("trip", "pending", 1);
    expect_webhook(status, "pending", 1, "no secret is configured");
    json_decref(status);
    ck_assert_uint_eq(httpd_accepted(&server), 0);
    char *extra = strstr(fixture.extra, "webhook = {");
    *extra = '\0';
    configure(OPEN_DOOR);
    load_again();
    json_decref(await_webhook("trip", "delivered", 2));
    ck_assert_uint_eq(hooks(), 1);
    expect_heard(0, "signature=", "good");
}
END_TEST

// The secret in no file, the address in none that people see.
static void expect_nowhere(const char *word, const char *where)
{
    cleanup(free_ptr) char *path = outside(where), *found = NULL;
    if (PROGRAM_RUN(&found, "grep", "-rl", word, path) != 1)
        ck_abort_msg("%s is in %s", word, found);
}

START_TEST(neither_secret_nor_path_of_the_address_is_told)
{
    configure(OPEN_DOOR "wait_seconds = \"0.05\";");
    cleanup(free_ptr) char *link = httpd_link(&server, "/services/T0/Zm9vYmFy?status=500&times=1");
    cleanup(free_ptr) char *job = xasprintf("webhook = \"%s\";\n", link);
    spool_fixture_drop(&fixture, "trip", "a.mp4", job);
    spool_fixture_start(&fixture);
    json_decref(await_webhook("trip", "delivered", 2));
    expect_nowhere("Zm9vYmFy", "spool/outbox");
    expect_nowhere("Zm9vYmFy", "daemon.log");
    expect_nowhere(KEY, "spool");
    expect_nowhere(KEY, "daemon.log");
}
END_TEST

// ---- what dies meanwhile

START_TEST(a_restart_between_tries_goes_on_where_it_was)
{
    configure(OPEN_DOOR "wait_seconds = \"1.5 3600\";");
    drop("trip", "status=500&times=1");
    spool_fixture_start(&fixture);
    json_decref(await_webhook("trip", "pending", 1));
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "errands"), 1);
    ck_assert_uint_eq(hooks(), 1);
    spool_fixture_start(&fixture);
    json_decref(await_webhook("trip", "delivered", 2));
    cleanup(free_ptr) char *first = heard(0, "at="), *name = heard(0, "id=");
    ck_assert_uint_eq(hooks(), 2);
    cleanup(free_ptr) char *second = heard(1, "at=");
    ck_assert_double_ge(strtod(second, NULL) - strtod(first, NULL), 1.4);
    expect_heard(1, "id=", name);
    expect_no_errand();
}
END_TEST

START_TEST(one_that_waits_for_hours_is_not_tried_by_a_restart)
{
    configure(OPEN_DOOR "wait_seconds = \"3600\";");
    drop("trip", "status=500");
    spool_fixture_start(&fixture);
    json_decref(await_webhook("trip", "pending", 1));
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGKILL), SIGKILL);
    spool_fixture_start(&fixture);
    spool_fixture_drop(&fixture, "next", "a.mp4", NULL); // gives it the time
    json_decref(spool_fixture_await(&fixture, "next", "completed"));
    ck_assert_uint_eq(hooks(), 1);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "errands"), 1);
}
END_TEST

START_TEST(a_stop_while_the_receiver_thinks_is_not_waited_through)
{
    configure(OPEN_DOOR "deadline_seconds = 600;");
    drop("trip", "mute=1");
    spool_fixture_start(&fixture);
    httpd_wait(&server, "stalled ");
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "errands"), 1);
    // Nor is it an attempt, nor one that was cut off.
    cleanup(errand_release) struct errand errand = ERRAND_INIT;
    cleanup(close_fd) int errands = errand_open(fixture.root, NULL);
    cleanup(free_ptr) char *name = folder_names(&fixture.folder, "spool/errands"), *batch = NULL;
    ck_assert_int_eq(errand_parse_name(name, &errand.kind, &batch), 0);
    ck_assert_int_eq(errand_load(errands, ERRAND_WEBHOOK, batch, &errand, NULL), 0);
    ck_assert_uint_eq(errand.attempts, 0);
    ck_assert_uint_eq(errand.interrupted, 0);
}
END_TEST

enum { SWEPT = 6 };

// Each batch was told of under one name only.
static void expect_one_name_each(void)
{
    char *batches[SWEPT] = { NULL }, *names[SWEPT] = { NULL };
    size_t known = 0;
    unsigned count = hooks();
    for (unsigned i = 0; i < count; i++) {
        char *batch = heard(i, "batch="), *name = heard(i, "id=");
        expect_heard(i, "signature=", "good");
        size_t at = 0;
        while (at < known && strcmp(batches[at], batch) != 0)
            at++;
        ck_assert_uint_lt(at, SWEPT);
        if (at < known) {
            ck_assert_msg(strcmp(names[at], name) == 0, "%s is %s and %s", batch, names[at], name);
            free(batch);
            free(name);
            continue;
        }
        batches[known] = batch;
        names[known++] = name;
    }
    ck_assert_uint_eq(known, SWEPT);
    printf("%u deliveries of %d ends\n", count, SWEPT);
    for (size_t i = 0; i < known; i++) {
        free(batches[i]);
        free(names[i]);
    }
}

START_TEST(killed_at_any_instant_each_end_is_told_under_one_name)
{
    const char *given = getenv("CLIPSPOOL_KILLS");
    long kills = given ? strtol(given, NULL, 10) : 60;
    unsigned seed = (unsigned)time(NULL);
    srand(seed);
    printf("seed %u, %ld kills\n", seed, kills);
    spool_fixture_set(&fixture, "services = { rest_seconds = 0.2; };");
    configure(OPEN_DOOR "wait_seconds = \"0.05 0.05 0.1 0.2 0.2 0.2 0.2\";");
    for (int i = 0; i < SWEPT; i++) {
        cleanup(free_ptr) char *name = xasprintf("trip-%d", i);
        cleanup(free_ptr) char *query = xasprintf("status=500&times=2&n=%d", i);
        drop(name, query);
    }
    spool_fixture_begin(&fixture, NULL);
    for (long i = 0; i < kills; i++) {
        // The instant is the point of the test.
        struct timespec pause = { .tv_nsec = (rand() % 250) * 1000000L + rand() % 1000000 };
        nanosleep(&pause, NULL);
        ck_assert_int_eq(kill(fixture.daemon, SIGKILL), 0);
        (void)spool_fixture_wait(&fixture);
        spool_fixture_begin(&fixture, NULL);
    }
    for (int i = 0; i < SWEPT; i++) {
        cleanup(free_ptr) char *name = xasprintf("trip-%d", i);
        json_decref(await_webhook(name, "delivered", 1));
    }
    expect_no_errand();
    expect_one_name_each();
}
END_TEST

// ---- what people do meanwhile

START_TEST(a_folder_that_was_taken_away_is_not_made_again)
{
    configure(OPEN_DOOR "wait_seconds = \"1\";");
    drop("trip", "status=500&times=1");
    spool_fixture_start(&fixture);
    json_decref(await_webhook("trip", "pending", 1));
    cleanup(free_ptr) char *from = spool_fixture_path(&fixture, "outbox/trip"),
                           *to = outside("mine");
    ck_assert_int_eq(rename(from, to), 0);
    expect_no_errand();
    ck_assert_uint_eq(hooks(), 2);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "outbox"), 0);
    cleanup(free_ptr) char *kept = folder_get(&fixture.folder, "mine/status.json");
    ck_assert_ptr_nonnull(strstr(kept, "\"pending\""));
}
END_TEST

START_TEST(a_batch_that_is_tried_again_tells_its_new_end_only)
{
    configure(OPEN_DOOR "wait_seconds = \"3600\";");
    cleanup(free_ptr) char *ready = outside("ready"), *job = job_for("status=500&times=1");
    cleanup(free_ptr) char *script = xasprintf("probe need 65 %s\n", ready);
    cleanup(free_ptr) char *work = outside("aside2");
    cleanup(free_ptr) char *to = spool_fixture_path(&fixture, "incoming/trip");
    ck_assert_int_eq(mkdir(work, 0755), 0);
    folder_put(&fixture.folder, "aside2/a.mp4", "a");
    folder_put(&fixture.folder, "aside2/fake", script);
    folder_put(&fixture.folder, "aside2/job.conf", job);
    folder_put(&fixture.folder, "aside2/.ready", "");
    ck_assert_int_eq(rename(work, to), 0);
    spool_fixture_start(&fixture);
    json_decref(await_webhook("trip", "pending", 1));
    folder_put(&fixture.folder, "ready", "");
    wish("trip", "retry");
    json_t *status = await_webhook("trip", "delivered", 1);
    ck_assert_str_eq(text_of(status, "status"), "completed");
    json_decref(status);
    ck_assert_uint_eq(hooks(), 2);
    expect_heard(0, "type=", "batch.failed");
    expect_heard(1, "type=", "batch.completed");
    cleanup(free_ptr) char *first = heard(0, "id="), *second = heard(1, "id=");
    ck_assert_str_ne(first, second);
    expect_no_errand();
}
END_TEST

// Nothing of it was begun; or else it is of an earlier end, of a batch that was tried again.
START_TEST(what_lies_there_of_a_batch_at_work_is_written_anew_at_its_end)
{
    configure(OPEN_DOOR "wait_seconds = \"3600\";");
    cleanup(free_ptr) char *job = job_for("status=500&times=1");
    spool_fixture_drop(&fixture, "trip", "notes.txt", job); // no video: it fails at once
    spool_fixture_start(&fixture);
    json_decref(await_webhook("trip", "pending", 1));
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
    cleanup(free_ptr) char *id = folder_names(&fixture.folder, "spool/failed");
    cleanup(free_ptr) char *from = xasprintf("%s/failed/%s", fixture.root, id);
    cleanup(free_ptr) char *to = xasprintf("%s/work/%s", fixture.root, id);
    ck_assert_int_eq(rename(from, to), 0);
    spool_fixture_start(&fixture);
    json_decref(await_webhook("trip", "delivered", 1));
    ck_assert_uint_eq(hooks(), 2);
    cleanup(free_ptr) char *first = heard(0, "id="), *second = heard(1, "id=");
    ck_assert_str_ne(first, second);
    expect_no_errand();
}
END_TEST

START_TEST(a_wish_to_try_again_that_cannot_be_granted_costs_no_errand)
{
    configure(OPEN_DOOR "wait_seconds = \"3600\";");
    cleanup(free_ptr) char *job = job_for("status=500&times=1");
    spool_fixture_drop(&fixture, "trip", "notes.txt", job);
    spool_fixture_start(&fixture);
    json_decref(await_webhook("trip", "pending", 1));
    // What is in the way of the batch.
    cleanup(free_ptr) char *id = folder_names(&fixture.folder, "spool/failed");
    cleanup(free_ptr) char *work = xasprintf("%s/work/%s", fixture.root, id);
    cleanup(free_ptr) char *in = xasprintf("%s/in", work);
    ck_assert_int_eq(mkdir(work, 0755) | mkdir(in, 0755), 0);
    wish("trip", "retry");
    spool_fixture_await_name(&fixture, "outbox/trip/retry", false);
    assert_logged("cannot be tried again");
    ck_assert_uint_eq(spool_fixture_count(&fixture, "errands"), 1);
    ck_assert_int_eq(rmdir(in) | rmdir(work), 0);
    wish("trip", "retry");
    json_decref(await_webhook("trip", "delivered", 1));
    expect_no_errand();
}
END_TEST

static bool says_not_yet(struct spool_fixture *spool, void *context)
{
    (void)context;
    cleanup(free_ptr) char *log = spool_fixture_log(spool);
    return strstr(log, "status.json does not say yet what became of the webhook") != NULL;
}

START_TEST(what_became_of_it_is_told_once_the_outbox_lets_it)
{
    if (!program_obey_permissions())
        return;
    spool_fixture_set(&fixture, "webhook = { " OPEN_DOOR "wait_seconds = \"3600\"; };");
    drop("trip", "");
    spool_fixture_start(&fixture);
    json_decref(await_webhook("trip", "pending", 1)); // there is no secret
    cleanup(free_ptr) char *folder = spool_fixture_path(&fixture, "outbox/trip");
    ck_assert_int_eq(chmod(folder, 0555), 0);
    *strstr(fixture.extra, "webhook = {") = '\0';
    configure(OPEN_DOOR);
    load_again();
    spool_fixture_await_that(&fixture, "", says_not_yet, NULL);
    ck_assert_int_eq(chmod(folder, 0755), 0);
    load_again(); // what an administrator put right is not waited for longer
    json_decref(await_webhook("trip", "delivered", 2));
    expect_no_errand();
    ck_assert_uint_eq(hooks(), 1);
}
END_TEST

// What would have to be run again.  The errand of a batch of long ago.
static void put_errand(unsigned interrupted)
{
    cleanup(free_ptr) char *link = httpd_link(&server, "/hook?hook=" KEY);
    cleanup(close_fd) int errands = errand_open(fixture.root, NULL);
    struct errand errand = { .kind = ERRAND_WEBHOOK,
                             .batch = (char[]){ "20261122T041500Z-old-3f2a" },
                             .outbox = (char[]){ "old" },
                             .attempts = interrupted,
                             .interrupted = interrupted,
                             .message = (char[]){ "msg_1" },
                             .url = link,
                             .body = (char[]){ "{}" } };
    ck_assert_int_eq(errand_save(errands, &errand, NULL), 0);
}

START_TEST(one_that_the_daemon_always_dies_in_is_not_begun_once_more)
{
    static const char given_up[] =
        "webhook is given up after 20 attempts: the service died 20 times";
    configure(OPEN_DOOR);
    put_errand(_i == 0 ? ERRAND_MAX_INTERRUPTED : ERRAND_MAX_INTERRUPTED - 1);
    spool_fixture_start(&fixture);
    expect_no_errand();
    cleanup(free_ptr) char *log = spool_fixture_log(&fixture);
    ck_assert_int_eq(strstr(log, given_up) != NULL, _i == 0);
    ck_assert_uint_eq(hooks(), (unsigned)_i);
}
END_TEST

START_TEST(once_ends_when_its_last_errand_cannot_even_be_started)
{
    configure(OPEN_DOOR "wait_seconds = \"\";");
    char *scan = strstr(fixture.extra, "scan_seconds = 0.5");
    memcpy(scan, "scan_seconds = 600", strlen("scan_seconds = 600")); // it is not to end by chance
    cleanup(free_ptr) char *notify = xasprintf("%s/notify", fixture.programs);
    ck_assert_int_eq(unlink(notify), 0);
    drop("trip", "");
    spool_fixture_begin(&fixture, (const char *const[]){ "--once", NULL });
    int status = spool_fixture_wait(&fixture);
    ck_assert(WIFEXITED(status));
    cleanup(json_free) json_t *told = spool_fixture_status(&fixture, "trip");
    expect_webhook(told, "failed", 1, "notify");
    expect_no_errand();
}
END_TEST

START_TEST(a_damaged_errand_is_said_and_left_and_the_others_are_run)
{
    configure(OPEN_DOOR);
    cleanup(free_ptr) char *errands = spool_fixture_path(&fixture, "errands");
    ck_assert_int_eq(mkdir(errands, 0700), 0);
    spool_fixture_put(&fixture, "errands/20261122T041500Z-old-3f2a.webhook.json", "{", 1);
    drop("trip", "");
    spool_fixture_start(&fixture);
    json_decref(await_webhook("trip", "delivered", 1));
    assert_logged("an errand is damaged, and left where it is");
    ck_assert_uint_eq(spool_fixture_count(&fixture, "errands"), 1);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_end_is_told_signed_with_the_final_status);
    tcase_add_test(tcase, failure_and_cancellation_are_told_too);
    tcase_add_test(tcase, a_batch_without_a_webhook_and_one_whose_job_is_wrong_tell_nobody);
    tcase_add_test(tcase, what_is_refused_is_tried_again_under_the_same_name);
    tcase_add_test(tcase, one_that_is_refused_for_ever_is_given_up_and_never_held_the_batch_up);
    tcase_add_test(tcase, who_asks_for_time_gets_it);
    tcase_add_test(tcase, a_receiver_that_fails_too_often_is_left_alone_and_no_try_is_lost);
    tcase_add_loop_test(tcase, only_2xx_is_success, 0, (int)ARRAY_LEN(finals));
    tcase_add_test(tcase, an_answer_that_breaks_off_behind_its_head_is_one);
    tcase_add_test(tcase, a_private_address_is_not_connected_to_before_it_is_named);
    tcase_add_test(tcase, without_a_secret_nothing_is_sent_unsigned);
    tcase_add_test(tcase, neither_secret_nor_path_of_the_address_is_told);
    tcase_add_test(tcase, a_restart_between_tries_goes_on_where_it_was);
    tcase_add_test(tcase, one_that_waits_for_hours_is_not_tried_by_a_restart);
    tcase_add_test(tcase, a_stop_while_the_receiver_thinks_is_not_waited_through);
    tcase_add_test(tcase, killed_at_any_instant_each_end_is_told_under_one_name);
    tcase_add_test(tcase, a_folder_that_was_taken_away_is_not_made_again);
    tcase_add_test(tcase, a_batch_that_is_tried_again_tells_its_new_end_only);
    tcase_add_test(tcase, what_lies_there_of_a_batch_at_work_is_written_anew_at_its_end);
    tcase_add_test(tcase, a_wish_to_try_again_that_cannot_be_granted_costs_no_errand);
    tcase_add_test(tcase, what_became_of_it_is_told_once_the_outbox_lets_it);
    tcase_add_loop_test(tcase, one_that_the_daemon_always_dies_in_is_not_begun_once_more, 0, 2);
    tcase_add_test(tcase, once_ends_when_its_last_errand_cannot_even_be_started);
    tcase_add_test(tcase, a_damaged_errand_is_said_and_left_and_the_others_are_run);
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "errands", add_tests);
}
