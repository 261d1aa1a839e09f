// Each allocation fails once, in the daemon and in each stage on a real video: nobody crashes, and
// what is run again afterwards comes to its end.
//
// CLIPSPOOL_POINTS: how many allocations of each program (6), by chance; 0: all, from number
// CLIPSPOOL_FIRST (1) on.  CLIPSPOOL_SEED: which (printed).
#include "tests/support/batch_source.h"
#include "tests/support/media.h"
#include "tests/support/shimmed.h"
#include "tests/support/spool_story.h"

#include <time.h>

// What a life leaves is of few kinds: of all the points, so many share the one run behind them.
enum { DEFAULT_POINTS = 6, SIGNALLED = 128, CLEAN_EACH = 16 };

static struct shim_page *page;

static unsigned wanted_points(void)
{
    const char *wanted = getenv("CLIPSPOOL_POINTS");
    return wanted ? (unsigned)strtoul(wanted, NULL, 10) : DEFAULT_POINTS;
}

static int first_point(void)
{
    const char *wanted = getenv("CLIPSPOOL_FIRST");
    return wanted ? (int)strtol(wanted, NULL, 10) : 1;
}

static void arm(const char *program, int nth)
{
    shimmed_arm(page, program, SHIM_MEMORY, nth, SHIM_ERROR, ENOMEM);
}

// run(context, true) is the life in which it fails, and says whether nobody crashed; run(context,
// false) one behind it, which must succeed.
static void sweep(const char *program, bool (*run)(void *context, bool is_struck), void *context)
{
    const char *chosen = getenv("CLIPSPOOL_SEED");
    unsigned seed = chosen ? (unsigned)strtoul(chosen, NULL, 10) : (unsigned)time(NULL);
    unsigned wanted = wanted_points(), points = 0;
    arm(program, INT32_MAX);
    ck_assert(run(context, false));
    int calls = page->count;
    ck_assert_int_gt(calls, 0);
    srand(seed);
    for (bool is_reached = true; is_reached && (wanted == 0 || points < wanted); points++) {
        int nth = wanted == 0 ? first_point() + (int)points : rand() % calls + 1;
        arm(program, nth);
        ck_assert_msg(run(context, true), "%s crashed at allocation %d, of %s at %#llx", program,
                      nth, page->struck_by, (unsigned long long)page->struck_at);
        is_reached = page->struck > 0 || wanted > 0;
        shimmed_clear(page);
        if (wanted == 0 && is_reached && points % CLEAN_EACH != 0)
            continue;
        ck_assert_msg(run(context, false), "%s did not succeed behind allocation %d", program, nth);
    }
    printf("%s: %u of %d allocations, no crash, seed %u\n", program, points, calls, seed);
    (void)fflush(stdout);
}

// ---- stages

struct life {
    struct batch_folder *batch;
    enum stage stage;
    int index;
};

static bool run_stage(void *context, bool is_struck)
{
    const struct life *life = context;
    cleanup(free_ptr) char *said = NULL;
    cleanup(free_ptr) char *kept = xasprintf("%s/cache", life->batch->folder.path);
    (void)PROGRAM_RUN(NULL, "rm", "-rf", kept);
    ck_assert_int_eq(step_reset(life->batch->batchdir, life->stage, life->index, NULL), 0);
    int status = batch_source_run(life->batch, life->stage, life->index, &said);
    if (!is_struck && status != 0)
        printf("%s", said);
    return is_struck ? status < SIGNALLED : status == 0;
}

START_TEST(a_stage_whose_memory_fails_ends_and_can_be_run_again)
{
    struct batch_folder batch;
    enum stage stage = (enum stage)_i;
    batch_folder_make(&batch, 1);
    page = shimmed_open(batch.folder.path);
    if (stage != STAGE_FETCH)
        batch_source_put(&batch, 0,
                         MEDIA_CLIP(.name = "memory.mp4", .seconds = 2, .width = 160, .height = 90,
                                    .sound = "sine=frequency=440"));
    for (enum stage before = STAGE_COMPRESS; before < stage; before++)
        if (before != STAGE_UPLOAD && before != STAGE_TRANSCRIBE)
            ck_assert_int_eq(batch_source_run(&batch, before,
                                              stage_info[before].per_source ? 0 : STEP_BATCH, NULL),
                             0);
    struct life life = { &batch, stage, stage_info[stage].per_source ? 0 : STEP_BATCH };
    sweep(stage_info[stage].name, run_stage, &life);
    shimmed_close(page);
    batch_folder_remove(&batch);
}
END_TEST

// ---- the daemon

static bool run_daemon(void *context, bool is_struck)
{
    (void)context;
    if (is_struck) {
        cleanup(free_ptr) char *incoming = spool_fixture_path(&fixture, "incoming");
        ck_assert_int_eq(PROGRAM_RUN(NULL, "rm", "-rf", fixture.root), 0);
        ck_assert_int_eq(mkdir(fixture.root, 0755) | mkdir(incoming, 0755), 0);
        spool_fixture_drop(&fixture, "trip", "a.mp4 b.mp4", NULL);
    }
    begin_once();
    int status = spool_fixture_wait(&fixture);
    if (is_struck)
        return WIFEXITED(status);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 && is_trip_through();
}

START_TEST(a_daemon_whose_memory_fails_ends_and_its_next_start_goes_on)
{
    spool_fixture_open_in_memory(&fixture);
    spool_fixture_fake(&fixture, "probe compress upload transcribe analyze plan preview render");
    spool_fixture_set(&fixture, "models = { cache_bytes = 0; };");
    page = shimmed_open(fixture.folder.path);
    spool_fixture_drop(&fixture, "trip", "a.mp4 b.mp4", NULL);
    sweep("clipspoold", run_daemon, NULL);
    shimmed_close(page);
    spool_fixture_close(&fixture);
}
END_TEST

static bool is_swept(enum stage stage)
{
    return stage != STAGE_UPLOAD && stage != STAGE_TRANSCRIBE;
}

// A case for each program, to be run alone by CK_RUN_CASE.
static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, wanted_points() == 0 ? 36000 : 150);
    suite_add_tcase(suite, tcase);
    return tcase;
}

int main(int argc, char **argv)
{
    if (fake_stages_is(argv[0]))
        return fake_stages_main(argc, argv);
#ifdef __SANITIZE_ADDRESS__ // which brings an allocator of its own
    printf("SKIP check_memory: not under AddressSanitizer\n");
    return 0;
#endif
    Suite *suite = suite_create("memory");
    tcase_add_test(add_case(suite, "daemon"),
                   a_daemon_whose_memory_fails_ends_and_its_next_start_goes_on);
    for (int stage = STAGE_FETCH; stage <= STAGE_PUBLISH; stage++)
        if (is_swept((enum stage)stage))
            tcase_add_loop_test(add_case(suite, stage_info[stage].name),
                                a_stage_whose_memory_fails_ends_and_can_be_run_again, stage,
                                stage + 1);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
