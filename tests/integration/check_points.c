// Every system call of the daemon and its stages fails once, or is their last: afterwards, without
// failures, the batch ends exactly once, its videos are what they were, and status.json was whole
// at every instant.
//
// A point is a kind of call, its number, and a fault.  The numbers go up until a run succeeds that
// met none.  CLIPSPOOL_POINTS: how many of each kind and fault (1), by chance; 0: all.
// CLIPSPOOL_SEED: which (printed).
#include "tests/support/shimmed.h"
#include "tests/support/spool_story.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

enum { DEFAULT_POINTS = 1, CALLS_MAX = 100000, CLEAN_RUNS = 4 };
// What waits longer after its fault waits for the clock, which is put forward instead.
enum { PATIENCE_MS = 700, AHEAD_SECONDS = 3 * 3600 };

static const struct fault {
    const char *name;
    enum shim_fault fault;
    int number;
} faults[] = {
    { "EIO", SHIM_ERROR, EIO },     { "ENOSPC", SHIM_ERROR, ENOSPC },
    { "EINTR", SHIM_ERROR, EINTR }, { "SIGKILL", SHIM_KILL, 0 },
    { "short", SHIM_SHORT, 0 },     { "ENOSPC from there on", SHIM_LASTS, ENOSPC },
};

// In a system call's manual there is no EINTR of a rename, a link or a folder, and no full disk of
// a fork.
static bool can_be(enum shim_call call, const struct fault *fault)
{
    bool is_slow = call == SHIM_OPEN || call == SHIM_WRITE;
    switch (fault->fault) {
    case SHIM_SHORT:
        return call == SHIM_WRITE;
    case SHIM_LASTS:
        return call == SHIM_WRITE || call == SHIM_MKDIR;
    default:
        return fault->number != EINTR || is_slow;
    }
}

static struct shim_page *page;

static void set_up(void)
{
    spool_fixture_open_in_memory(&fixture);
    spool_fixture_fake(&fixture, "probe compress upload transcribe analyze plan preview render");
    spool_fixture_set(&fixture, "models = { cache_bytes = 0; };");
    page = shimmed_open(fixture.folder.path);
}

static void tear_down(void)
{
    shimmed_close(page);
    spool_fixture_close(&fixture);
}

static void empty_spool(void)
{
    cleanup(free_ptr) char *incoming = spool_fixture_path(&fixture, "incoming");
    ck_assert_int_eq(PROGRAM_RUN(NULL, "rm", "-rf", fixture.root), 0);
    ck_assert_int_eq(mkdir(fixture.root, 0755) | mkdir(incoming, 0755), 0);
}

// Waits for the daemon to leave, or to have waited for long behind its fault.
static void end_struck(void)
{
    cleanup(close_fd) int fd = (int)syscall(SYS_pidfd_open, fixture.daemon, 0);
    struct pollfd end = { .fd = fd, .events = POLLIN };
    for (int idle = 0; poll(&end, 1, 10) == 0 && idle < PATIENCE_MS / 10;)
        idle += page->struck > 0;
    (void)spool_fixture_stop(&fixture, SIGKILL);
}

// What failed by the fault is wished once more, as people may.
static void run_clean(const char *point)
{
    for (int run = 0; run < CLEAN_RUNS && !(run && is_trip_through()); run++) {
        shimmed_clear(page);
        page->ahead = (run + 1) * AHEAD_SECONDS;
        if (spool_fixture_count(&fixture, "failed") > 0)
            wish("trip", "retry");
        begin_once();
        int status = spool_fixture_wait(&fixture);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "%s: then %d", point, status);
        ck_assert_msg(page->torn == 0, "%s: status.json was not whole, later", point);
    }
}

// Returns whether there was such a call.
static bool hold_point(enum shim_call call, const struct fault *fault, int nth)
{
    cleanup(free_ptr) char *point = xasprintf("%s %d %s", shim_call_names[call], nth, fault->name);
    empty_spool();
    spool_fixture_drop(&fixture, "trip", "a.mp4 b.mp4", NULL);
    shimmed_arm(page, "", call, nth, fault->fault, fault->number);
    begin_once();
    end_struck();
    bool is_reached = page->struck > 0;
    ck_assert_msg(page->torn == 0, "%s: status.json was not whole", point);
    run_clean(point);
    assert_trip_once(point);
    return is_reached;
}

// How many calls of the kind there are in a life without a failure, about: some depend on timing.
static int count_calls(enum shim_call call)
{
    empty_spool();
    spool_fixture_drop(&fixture, "trip", "a.mp4 b.mp4", NULL);
    shimmed_arm(page, "", call, INT32_MAX, SHIM_ERROR, EIO);
    begin_once();
    ck_assert_int_eq(spool_fixture_wait(&fixture), 0);
    assert_trip_once("without a failure");
    return page->count;
}

static unsigned wanted_points(void)
{
    const char *wanted = getenv("CLIPSPOOL_POINTS");
    return wanted ? (unsigned)strtoul(wanted, NULL, 10) : DEFAULT_POINTS;
}

START_TEST(after_any_failed_call_the_batch_ends_exactly_once)
{
    const char *chosen = getenv("CLIPSPOOL_SEED");
    unsigned wanted = wanted_points(), points = 0;
    unsigned seed = chosen ? (unsigned)strtoul(chosen, NULL, 10) : (unsigned)time(NULL);
    enum shim_call call = (enum shim_call)_i;
    int calls = count_calls(call);
    ck_assert_int_gt(calls, 0);
    srand(seed);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        if (!can_be(call, &faults[i]))
            continue;
        for (unsigned n = 0; n < wanted; n++, points++)
            (void)hold_point(call, &faults[i], rand() % calls + 1);
        for (int n = 1; wanted == 0 && hold_point(call, &faults[i], n); n++)
            points++;
    }
    printf("%s: %u points of %d calls, 0 violations, seed %u\n", shim_call_names[call], points,
           calls, seed);
    (void)fflush(stdout);
}
END_TEST

// A case for each kind, to be run alone by CK_RUN_CASE.
int main(int argc, char **argv)
{
    if (fake_stages_is(argv[0]))
        return fake_stages_main(argc, argv);
    Suite *suite = suite_create("points");
    for (int call = SHIM_OPEN; call <= SHIM_FORK; call++) {
        TCase *tcase = tcase_create(shim_call_names[call]);
        tcase_set_timeout(tcase, wanted_points() == 0 ? 7200 : 150);
        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_loop_test(tcase, after_any_failed_call_the_batch_ends_exactly_once, call,
                            call + 1);
        suite_add_tcase(suite, tcase);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
