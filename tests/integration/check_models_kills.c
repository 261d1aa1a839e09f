// kill -9 of the daemon and of its stages at random instants while models are being asked: no
// question is asked again whose answer had been received, and each batch ends with its reel.
//
// The services answer slowly, and write down when a client had read all of an answer.  An answer
// that was read 50 ms before a kill has to be on disk by then, so the same question may not come
// again; what was read later may be lost, and is asked once more.
// CLIPSPOOL_KILLS: how many (12); CLIPSPOOL_SEED: which (printed).
#include "tests/support/model_story.h"

#include <time.h>

enum { DEFAULT_KILLS = 12, MOST_KILLS = 500, ROUNDS = 60, SOURCES = 3 };
#define GRACE 0.05

static double kills[MOST_KILLS]; // when, in seconds of the monotonic clock
static unsigned killed, daemons_killed, dropped;

static double now_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// A disk that others keep busy may take longer than GRACE to sync; that is not what this is about.
static void open_in_memory(void)
{
    spool_fixture_open_in_memory(&fixture);
    modeld_start(&modeld);
}

// ---- killing

// The batch is over, or was failed by the rules: its step was killed twice.
static bool is_idle(void)
{
    return spool_fixture_count(&fixture, "work") == 0 &&
           spool_fixture_count(&fixture, "incoming") == 0;
}

// What a new batch shows was never shown before, so that there is something to ask.
static void drop_another(void)
{
    const char *paths[SOURCES];
    for (size_t i = 0; i < SOURCES; i++)
        paths[i] = model_story_clip(dropped * SOURCES + i);
    cleanup(free_ptr) char *name = xasprintf("trip-%u", dropped++);
    spool_fixture_drop_copies(&fixture, name, paths, SOURCES, "target_duration = 6;");
}

static void kill_something(void)
{
    // The instant is the point of the test.
    struct timespec pause = { .tv_nsec = (rand() % 400) * 1000000L + rand() % 1000000 };
    (void)nanosleep(&pause, NULL);
    pid_t pids[64];
    size_t count = spool_fixture_children(&fixture, pids, ARRAY_LEN(pids));
    kills[killed++] = now_seconds();
    if (count > 0 && rand() % 3 > 0) {
        (void)kill(pids[(size_t)rand() % count], SIGKILL);
        return;
    }
    daemons_killed++;
    int status = spool_fixture_stop(&fixture, SIGKILL);
    ck_assert_msg(WIFSIGNALED(status), "the daemon left by itself: %d", status);
    spool_fixture_start(&fixture);
}

// Whether a request has come that costs something, since `asked` were there.
static bool models_are_asked(unsigned asked)
{
    return modeld_count(&modeld, NULL) > asked;
}

// Lets what is left be done; what was killed too often is told to try again.
static bool all_are_completed(void)
{
    bool all = true;
    for (unsigned i = 0; i < dropped; i++) {
        cleanup(free_ptr) char *name = xasprintf("trip-%u", i);
        cleanup(json_free) json_t *status = spool_fixture_status(&fixture, name);
        all = all && strcmp(text_of(status, "status"), "completed") == 0;
        if (strcmp(text_of(status, "status"), "failed") == 0)
            wish(name, "retry");
    }
    return all && is_idle();
}

static void finish(void)
{
    kills[killed++] = now_seconds();
    (void)spool_fixture_stop(&fixture, SIGKILL);
    for (int round = 0; round < ROUNDS && !all_are_completed(); round++) {
        spool_fixture_begin(&fixture, (const char *const[]){ "--once", NULL });
        (void)spool_fixture_wait(&fixture);
    }
    ck_assert_msg(all_are_completed(), "not over after %d rounds, see %s", ROUNDS,
                  fixture.folder.path);
}

// ---- the log

static const json_t *answer_of(const json_t *events, json_int_t number)
{
    const json_t *event;
    size_t i;
    json_array_foreach(events, i, event) if (strcmp(text_of(event, "event"), "answered") == 0 &&
                                             json_integer_value(json_object_get(event, "number")) ==
                                                 number) return event;
    return NULL;
}

// When the good answer to this question had been read and was safe from the next kill; or 0.
static double received(const json_t *events, const json_t *asked)
{
    const json_t *answer = answer_of(events, json_integer_value(json_object_get(asked, "number")));
    const json_t *taken = json_object_get(answer, "taken");
    if (!json_is_true(json_object_get(answer, "good")) || !json_is_real(taken))
        return 0;
    double at = json_real_value(taken);
    for (unsigned i = 0; i < killed; i++)
        if (kills[i] >= at && kills[i] < at + GRACE)
            return 0;
    return at;
}

// Fails the test at the first question that was asked again after its answer had been received.
// Returns how many were asked again because theirs had not.
static unsigned assert_nothing_was_asked_twice(const json_t *events)
{
    const json_t *first, *second;
    unsigned again = 0;
    size_t i, j;
    json_array_foreach(events, i, first)
    {
        if (!json_is_true(json_object_get(first, "paid")))
            continue;
        double safe = received(events, first);
        bool is_repeated = false;
        for (j = i + 1; j < json_array_size(events); j++) {
            second = json_array_get(events, j);
            if (!json_is_true(json_object_get(second, "paid")) ||
                strcmp(text_of(first, "key"), text_of(second, "key")) != 0)
                continue;
            is_repeated = true;
            ck_assert_msg(safe == 0 || json_real_value(json_object_get(second, "at")) < safe,
                          "request %lld (%s) was answered at %.3f and asked again as %lld at %.3f",
                          json_integer_value(json_object_get(first, "number")),
                          text_of(first, "route"), safe,
                          json_integer_value(json_object_get(second, "number")),
                          json_real_value(json_object_get(second, "at")));
        }
        again += is_repeated;
    }
    return again;
}

START_TEST(no_answer_that_was_received_is_paid_again)
{
    const char *wanted = getenv("CLIPSPOOL_KILLS"), *chosen = getenv("CLIPSPOOL_SEED");
    unsigned due = wanted ? (unsigned)strtoul(wanted, NULL, 10) : DEFAULT_KILLS;
    unsigned seed = chosen ? (unsigned)strtoul(chosen, NULL, 10) : (unsigned)time(NULL);
    ck_assert_uint_lt(due, MOST_KILLS);
    srand(seed);
    // The last also listens, by a task whose name has to survive.
    model_story_set(&model_stories[_i % 2], _i < 2 ? "" : "speech = \"dashscope\";");
    modeld_control(&modeld, "late * * 50 400");
    spool_fixture_start(&fixture);
    for (unsigned asked = 0; killed < due;) {
        if (is_idle()) {
            asked = modeld_count(&modeld, NULL);
            drop_another();
        }
        // Kills are for the time in which models are asked, not for the compressing before it.
        struct timespec pause = { .tv_nsec = 10000000 };
        (void)nanosleep(&pause, NULL);
        if (models_are_asked(asked))
            kill_something();
    }
    finish();
    modeld_settle(&modeld);
    cleanup(json_free) json_t *events = modeld_events(&modeld);
    unsigned again = assert_nothing_was_asked_twice(events);
    printf(
        "%s: seed %u, %u batches, %u kills, %u of them of the daemon; %u questions, %u asked again "
        "because their answer had not come\n",
        model_stories[_i % 2].name, seed, dropped, killed, daemons_killed,
        modeld_count(&modeld, NULL), again);
    cleanup(free_ptr) char *refused = modeld_refused(&modeld);
    ck_assert_str_eq(refused, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("models, killed");
    TCase *tcase = tcase_create("kill -9");
    tcase_set_timeout(tcase, 550);
    tcase_add_checked_fixture(tcase, open_in_memory, model_story_close);
    tcase_add_loop_test(tcase, no_answer_that_was_received_is_paid_again, 0, 3);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
