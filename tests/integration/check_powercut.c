// The power goes at any moment of a batch's life, and the disk keeps of what was not synced what it
// likes (tests/support/disk.h): the next start ends the batch exactly once, loses nothing, and runs
// no step again that had ended.  And each sync is needed: left out, some such moment breaks this.
//
// CLIPSPOOL_POWER_CUTS: how many states of each story (20); from 1000 on every sync is left out
// once, else some.  CLIPSPOOL_SEED: which (printed).
#include "base/json.h"
#include "spool/batch.h"
#include "tests/support/disk.h"
#include "tests/support/spool_story.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <time.h>

enum { DEFAULT_CUTS = 20, THOROUGH_CUTS = 1000, TRIES_FOR_ONE = 40, TRIES_LEFT_OUT = 400 };

static struct shim_page *page;

// ---- stories

static void begin_recording(void)
{
    struct stat st;
    ck_assert_int_eq(stat(fixture.root, &st), 0);
    shimmed_clear(page);
    page->device = st.st_dev;
    page->records = page->records_data = true;
}

static void drop_folder(void)
{
    spool_fixture_drop(&fixture, "trip", "a.mp4 b.mp4", NULL);
}

static void drop_loose(void)
{
    spool_fixture_put(&fixture, "incoming/trip.mp4", "trip.mp4", strlen("trip.mp4"));
}

// As if it had been cancelled: who tries again takes that back.
static void cancel_the_failed(void)
{
    cleanup(free_ptr) char *id = folder_names(&fixture.folder, "spool/failed");
    cleanup(free_ptr) char *name = xasprintf("spool/failed/%s/" BATCH_CANCEL, id);
    folder_put(&fixture.folder, name, "");
}

static void fail_and_wish(void)
{
    cleanup(free_ptr) char *there = outside("there");
    cleanup(free_ptr) char *script = xasprintf("plan need 65 %s\n", there);
    (void)unlink(there);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4 b.mp4", script);
    begin_once();
    (void)spool_fixture_wait(&fixture);
    folder_put(&fixture.folder, "there", "");
    cancel_the_failed();
    wish("trip", "retry");
}

// The disk knows of the whole copy only what is synced after it.
static void copy_without_sync(void)
{
    cleanup(free_ptr) char *from = outside("trip"), *to = spool_fixture_path(&fixture, "incoming");
    cleanup(free_ptr) char *inner = xasprintf("%s/day 2", from);
    (void)PROGRAM_RUN(NULL, "rm", "-rf", from);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "mkdir", "-p", inner), 0);
    folder_put(&fixture.folder, "trip/a.mp4", "a.mp4");
    folder_put(&fixture.folder, "trip/b.mp4", "b.mp4");
    folder_put(&fixture.folder, "trip/day 2/c.mp4", "day 2/c.mp4");
    folder_put(&fixture.folder, "trip/.ready", "");
    begin_recording();
    ck_assert_int_eq(PROGRAM_RUN(NULL, "cp", "-r", from, to), 0);
}

static void copy_loose_without_sync(void)
{
    cleanup(free_ptr) char *from = outside("trip.mp4");
    cleanup(free_ptr) char *to = spool_fixture_path(&fixture, "incoming");
    folder_put(&fixture.folder, "trip.mp4", "trip.mp4");
    begin_recording();
    ck_assert_int_eq(PROGRAM_RUN(NULL, "cp", from, to), 0);
}

static const struct story {
    const char *name;
    void (*begin)(void);
    const char *originals[3];
    bool is_unsynced; // until they are fetched, the originals are nobody's promise
} stories[] = {
    { "a folder", drop_folder, { "a.mp4", "b.mp4" } },
    { "a loose file", drop_loose, { "trip.mp4" } },
    { "a second try", fail_and_wish, { "a.mp4", "b.mp4" } },
    { "a copy of a moment ago",
      copy_without_sync,
      { "a.mp4", "b.mp4", "day 2/c.mp4" },
      .is_unsynced = true },
    { "a loose copy of a moment ago",
      copy_loose_without_sync,
      { "trip.mp4" },
      .is_unsynced = true },
};

static const char *const results[] = { "final.mp4", "cover.jpg", "plan.json", "analysis.json" };

// What came of a life that nothing cut off.
struct recorded {
    struct disk *before;
    char *results[ARRAY_LEN(results)];
    struct shim_page *page;
    struct disk_event *events;
    size_t count;
};

// Elsewhere nothing is lost; for each state it is empty anew.
static void use_bucket(void)
{
    cleanup(free_ptr) char *bucket = outside("bucket");
    cleanup(free_ptr) char *line =
        xasprintf("storage = { mode = \"hybrid\"; bucket = \"disk\"; buckets = ( { name = "
                  "\"disk\"; type = \"folder\"; path = \"%s\"; } ); };",
                  bucket);
    spool_fixture_set(&fixture, line);
}

static void set_up(void)
{
    spool_fixture_open_in_memory(&fixture);
    spool_fixture_fake(&fixture, "probe compress upload transcribe analyze plan preview render");
    spool_fixture_set(&fixture, "models = { vision = \"openai\"; cache_bytes = 0; };"
                                "openai = { dialect = \"own\"; vision_model = \"none\"; };");
    use_bucket();
    // What the power left of a copy is nothing to wait for.
    spool_fixture_set(&fixture, "intake = { settle_seconds = 0.15; scan_seconds = 0.5; "
                                "doubt_seconds = 0.5; };");
    page = shimmed_open(fixture.folder.path);
}

static void tear_down(void)
{
    shimmed_close(page);
    spool_fixture_close(&fixture);
}

static void empty_spool(void)
{
    cleanup(free_ptr) char *bucket = outside("bucket");
    ck_assert_int_eq(PROGRAM_RUN(NULL, "rm", "-rf", fixture.root, bucket), 0);
    ck_assert_int_eq(mkdir(fixture.root, 0755) | mkdir(bucket, 0755), 0);
}

// ---- what must hold

static bool has_text(const char *name, const char *text)
{
    cleanup(free_ptr) char *found = folder_get(&fixture.folder, name);
    return found && strcmp(found, text) == 0;
}

static char *result(size_t number)
{
    cleanup(free_ptr) char *name = xasprintf("spool/outbox/trip/%s", results[number]);
    return folder_get(&fixture.folder, name);
}

static bool has_page(void)
{
    cleanup(free_ptr) char *text = folder_get(&fixture.folder, "spool/outbox/trip/report.html");
    return text && strstr(text, "</html>\n");
}

// But for the page, which has times in it.
static bool has_results(const struct recorded *life)
{
    for (size_t i = 0; i < ARRAY_LEN(results); i++) {
        cleanup(free_ptr) char *found = result(i);
        if (!found || strcmp(found, life->results[i]) != 0)
            return false;
    }
    return true;
}

static bool is_completed(void)
{
    json_t *status = spool_fixture_status(&fixture, "trip");
    bool is = strcmp(text_of(status, "status"), "completed") == 0;
    json_decref(status);
    return is;
}

static bool is_elsewhere(void)
{
    static const char *const empty[] = { "incoming", "work", "failed", "quarantine" };
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(empty); i++)
        count += spool_fixture_count(&fixture, empty[i]);
    return count > 0;
}

static bool has_originals(const struct story *story)
{
    for (size_t i = 0; i < ARRAY_LEN(story->originals) && story->originals[i]; i++) {
        cleanup(free_ptr) char *name = xasprintf("spool/archive/trip/%s", story->originals[i]);
        if (!has_text(name, story->originals[i]))
            return false;
    }
    return true;
}

static bool is_same_step(const struct shim_record *a, const struct shim_record *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->second, b->second) == 0;
}

static bool is_run_again(const struct shim_record *step)
{
    for (const struct shim_record *r = NULL; (r = shimmed_next(page, r));)
        if (r->kind == SHIM_DID_EXEC && is_same_step(r, step))
            return true;
    return false;
}

static const struct shim_record *begin_of(const struct recorded *life, uint64_t process)
{
    for (size_t i = 0; i < life->count; i++)
        if (life->events[i].record->kind == SHIM_DID_EXEC &&
            life->events[i].record->offset == process)
            return life->events[i].record;
    return NULL;
}

// What is left to do in the end may be done twice, under the same names.
static bool is_errand(const struct shim_record *begin)
{
    return strcmp(begin->name, "sweep") == 0;
}

// What was left to do in the end: the bucket has the last status, and no proxy.
static bool is_swept(const struct recorded *life, size_t cut)
{
    cleanup(free_ptr) char *bucket = outside("bucket");
    for (size_t i = 0; i < cut; i++) {
        const struct shim_record *end = life->events[i].record;
        const struct shim_record *step =
            end->kind == SHIM_DID_END ? begin_of(life, end->offset) : NULL;
        if (step && is_errand(step))
            return true;
    }
    cleanup(free_ptr) char *look =
        xasprintf("cd %s && ls final/*/*/status.json && ! ls temp/*/*/*", bucket);
    return PROGRAM_RUN(NULL, "sh", "-c", look) == 0;
}

static bool has_ended(const struct recorded *life, uint64_t process)
{
    for (size_t i = 0; i < life->count; i++)
        if (life->events[i].record->kind == SHIM_DID_END &&
            life->events[i].record->offset == process)
            return true;
    return false;
}

// All that began ended, or nobody would see what is done twice.
static bool has_all_ended(const struct recorded *life)
{
    bool has_begun = false;
    for (size_t i = 0; i < life->count; i++) {
        const struct shim_record *begin = life->events[i].record;
        if (begin->kind == SHIM_DID_EXEC && !has_ended(life, begin->offset))
            return false;
        has_begun = has_begun || begin->kind == SHIM_DID_EXEC;
    }
    return has_begun;
}

static bool repeats_step(const struct recorded *life, size_t cut)
{
    for (size_t i = 0; i < cut; i++) {
        const struct shim_record *end = life->events[i].record;
        const struct shim_record *step =
            end->kind == SHIM_DID_END ? begin_of(life, end->offset) : NULL;
        if (step && !is_errand(step) && is_run_again(step))
            return true;
    }
    return false;
}

// Whether all sources were fetched when the power went.
static bool has_fetched(const struct recorded *life, size_t cut)
{
    for (size_t i = 0; i < cut; i++)
        if (life->events[i].record->kind == SHIM_DID_EXEC &&
            strcmp(life->events[i].record->name, "plan") == 0)
            return true;
    return false;
}

// Without the date that was believed, the next start would believe any (spool/calendar.h).
static bool has_whole_calendar(void)
{
    cleanup(close_fd) int root = open(fixture.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup(json_free) json_t *calendar = NULL;
    int r = json_read(root, "calendar.json", 1000, &calendar, NULL);
    return r == -ENOENT || (r == 0 && json_object_get(calendar, "believed"));
}

// Goes on after the cut.  Returns NULL, or what is wrong then.
static const char *go_on(const struct story *story, const struct recorded *life, size_t cut)
{
    if (!has_whole_calendar())
        return "the date is lost";
    shimmed_clear(page);
    page->records = true;
    begin_once();
    int status = spool_fixture_wait(&fixture);
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
        return "the daemon did not end well";
    if (story->is_unsynced && !has_fetched(life, cut))
        return spool_fixture_count(&fixture, "outbox") > 1 ? "there are two in the outbox" : NULL;
    if (!is_completed())
        return "the batch is not completed";
    if (!has_results(life) || !has_page())
        return "the results are not those of a life without a cut";
    if (!has_originals(story))
        return "the videos are not what they were";
    if (spool_fixture_count(&fixture, "outbox") != 1)
        return "there are two in the outbox";
    if (spool_fixture_count(&fixture, "archive") != 1)
        return "there are two in the archive";
    if (is_elsewhere())
        return "something is left elsewhere";
    if (!is_swept(life, cut))
        return "what was left to do in the end was not done";
    return repeats_step(life, cut) ? "a step that had ended was run again" : NULL;
}

// ---- recording

static void keep_page(struct recorded *life)
{
    size_t size = sizeof *page + page->used;
    ck_assert(!page->overflow);
    life->page = xcalloc(1, size);
    memcpy(life->page, page, size);
}

static void keep_results(struct recorded *life)
{
    for (size_t i = 0; i < ARRAY_LEN(results); i++) {
        life->results[i] = result(i);
        ck_assert_ptr_nonnull(life->results[i]);
    }
    ck_assert_str_eq(life->results[0], FAKE_REEL);
}

static struct recorded record(const struct story *story)
{
    struct recorded life = { 0 };
    cleanup(free_ptr) char *incoming = spool_fixture_path(&fixture, "incoming");
    empty_spool();
    ck_assert_int_eq(mkdir(incoming, 0755), 0);
    shimmed_clear(page);
    if (!story->is_unsynced)
        story->begin();
    life.before = disk_read(fixture.root);
    begin_recording();
    if (story->is_unsynced)
        story->begin();
    begin_once();
    ck_assert_int_eq(spool_fixture_wait(&fixture), 0);
    keep_page(&life);
    keep_results(&life);
    life.count = disk_events(life.before, life.page, &life.events);
    ck_assert(has_all_ended(&life));
    ck_assert_ptr_null(go_on(story, &life, life.count));
    return life;
}

static void forget(struct recorded *life)
{
    for (size_t i = 0; i < ARRAY_LEN(results); i++)
        free(life->results[i]);
    disk_free(life->before);
    free(life->events);
    free(life->page);
}

// ---- cutting

enum cut_kind {
    CUT_NOTHING_MORE, // than what was synced
    CUT_ALL,          // as after a kill
    CUT_ALL_BUT_ONE,
    CUT_ONE_MORE,
    CUT_ANY,
    CUT_KINDS
};

static enum disk_fate any_fate(const struct shim_record *record, enum disk_fate least)
{
    bool has_parts = record->kind == SHIM_DID_WRITE || record->kind == SHIM_DID_RENAME;
    enum disk_fate fate = rand() % 2  ? least
                          : has_parts ? (enum disk_fate)(rand() % (DISK_THERE + 1))
                                      : DISK_THERE;
    if (record->kind == SHIM_DID_RENAME && fate == DISK_ZEROS)
        fate = DISK_PART;
    return fate > least ? fate : least;
}

static void choose(const struct recorded *life, size_t cut, enum cut_kind kind,
                   enum disk_fate *fates)
{
    size_t one = (size_t)rand() % (cut + 1);
    disk_settled(life->events, cut, NULL, fates);
    for (size_t i = 0; i < cut; i++) {
        enum disk_fate least = fates[i];
        if (kind == CUT_ANY)
            fates[i] = any_fate(life->events[i].record, least);
        else if (kind == CUT_ALL || (kind == CUT_ALL_BUT_ONE && i != one) ||
                 (kind == CUT_ONE_MORE && i == one))
            fates[i] = DISK_THERE;
    }
}

static bool is_known(uint64_t **sums, size_t *count, uint64_t sum)
{
    for (size_t i = 0; i < *count; i++)
        if ((*sums)[i] == sum)
            return true;
    *sums = xrealloc(*sums, *count + 1, sizeof **sums);
    (*sums)[(*count)++] = sum;
    return false;
}

static unsigned wanted_cuts(void)
{
    const char *wanted = getenv("CLIPSPOOL_POWER_CUTS");
    return wanted ? (unsigned)strtoul(wanted, NULL, 10) : DEFAULT_CUTS;
}

static unsigned choose_seed(void)
{
    const char *chosen = getenv("CLIPSPOOL_SEED");
    unsigned seed = chosen ? (unsigned)strtoul(chosen, NULL, 10) : (unsigned)time(NULL);
    srand(seed);
    return seed;
}

START_TEST(after_any_power_cut_the_batch_ends_exactly_once)
{
    const struct story *story = &stories[_i];
    struct recorded life = record(story);
    cleanup(free_ptr) enum disk_fate *fates = xcalloc(life.count + 1, sizeof *fates);
    uint64_t *sums = NULL;
    size_t states = 0;
    unsigned seed = choose_seed(), wanted = wanted_cuts();
    for (size_t tries = 0; states < wanted && tries < TRIES_FOR_ONE * wanted; tries++) {
        size_t cut = (size_t)rand() % (life.count + 1);
        enum cut_kind kind = (enum cut_kind)(rand() % CUT_KINDS);
        choose(&life, cut, kind, fates);
        empty_spool();
        if (is_known(&sums, &states,
                     disk_leave(life.before, life.events, cut, fates, fixture.root)))
            continue;
        const char *wrong = go_on(story, &life, cut);
        ck_assert_msg(!wrong, "%s, cut at %zu of %zu (kind %d, try %zu, seed %u): %s; see %s",
                      story->name, cut, life.count, (int)kind, tries, seed, wrong,
                      fixture.folder.path);
    }
    printf("%s: %zu states of a life of %zu writes, 0 wrong, seed %u\n", story->name, states,
           life.count, seed);
    (void)fflush(stdout);
    ck_assert_uint_eq(states, wanted);
    free(sums);
    forget(&life);
}
END_TEST

// ---- leaving out

// All is there but what only the syncs of that place had settled.  Returns whether there is any.
static bool leave_out(const struct recorded *life, size_t cut, const char *place,
                      enum disk_fate *fates)
{
    cleanup(free_ptr) enum disk_fate *settled = xcalloc(cut + 1, sizeof *settled);
    bool is_any = false;
    disk_settled(life->events, cut, NULL, settled);
    disk_settled(life->events, cut, place, fates);
    for (size_t i = 0; i < cut; i++) {
        bool is_lost = fates[i] < settled[i];
        is_any = is_any || is_lost;
        if (!is_lost)
            fates[i] = DISK_THERE;
        else if (life->events[i].record->kind == SHIM_DID_WRITE)
            fates[i] = rand() % 2 ? DISK_ZEROS : DISK_LOST;
    }
    return is_any;
}

// Returns whether some cut shows that this place is not synced.
static bool is_caught_by(const struct story *story, const struct recorded *life, const char *place)
{
    cleanup(free_ptr) enum disk_fate *fates = xcalloc(life->count + 1, sizeof *fates);
    uint64_t *sums = NULL;
    size_t states = 0;
    const char *wrong = NULL;
    for (int tries = 0; !wrong && tries < TRIES_LEFT_OUT; tries++) {
        size_t cut = (size_t)rand() % (life->count + 1);
        if (!leave_out(life, cut, place, fates))
            continue;
        empty_spool();
        if (!is_known(&sums, &states,
                      disk_leave(life->before, life->events, cut, fates, fixture.root)))
            wrong = go_on(story, life, cut);
    }
    free(sums);
    if (wrong)
        printf("%s not synced: of %s %s\n", place, story->name, wrong);
    (void)fflush(stdout);
    return wrong != NULL;
}

static bool is_first_of_place(const struct recorded *life, size_t at)
{
    const struct disk_event *event = &life->events[at];
    if (event->record->kind != SHIM_DID_SYNC || !*event->place)
        return false;
    for (size_t i = 0; i < at; i++)
        if (strcmp(life->events[i].place, event->place) == 0)
            return false;
    return true;
}

static bool has_place(const struct recorded *life, const char *place)
{
    for (size_t i = 0; i < life->count; i++)
        if (strcmp(life->events[i].place, place) == 0)
            return true;
    return false;
}

static bool is_caught(const struct recorded *lives, const char *place)
{
    for (size_t i = 0; i < ARRAY_LEN(stories); i++)
        if (has_place(&lives[i], place) && is_caught_by(&stories[i], &lives[i], place))
            return true;
    return false;
}

// Those of an earlier story are not held again.
static void hold_places(const struct recorded *lives, size_t story, unsigned *left)
{
    for (size_t i = 0; i<lives[story].count && * left> 0; i++) {
        const char *place = lives[story].events[i].place;
        bool is_new = is_first_of_place(&lives[story], i);
        for (size_t earlier = 0; earlier < story; earlier++)
            is_new = is_new && !has_place(&lives[earlier], place);
        if (!is_new)
            continue;
        ck_assert_msg(is_caught(lives, place), "%s is not synced, and nobody notices", place);
        (*left)--;
    }
}

START_TEST(a_sync_that_is_left_out_is_noticed)
{
    struct recorded lives[ARRAY_LEN(stories)];
    unsigned left = wanted_cuts() < THOROUGH_CUTS ? 5 : UINT_MAX;
    (void)choose_seed();
    for (size_t i = 0; i < ARRAY_LEN(stories); i++)
        lives[i] = record(&stories[i]);
    for (size_t i = 0; i < ARRAY_LEN(stories); i++)
        hold_places(lives, i, &left);
    for (size_t i = 0; i < ARRAY_LEN(stories); i++)
        forget(&lives[i]);
}
END_TEST

int main(int argc, char **argv)
{
    if (fake_stages_is(argv[0]))
        return fake_stages_main(argc, argv);
    Suite *suite = suite_create("powercut");
    TCase *cuts = tcase_create("cuts"), *left_out = tcase_create("left out");
    int timeout = wanted_cuts() > DEFAULT_CUTS ? 7200 : 150;
    tcase_set_timeout(cuts, timeout);
    tcase_set_timeout(left_out, timeout);
    tcase_add_checked_fixture(cuts, set_up, tear_down);
    tcase_add_checked_fixture(left_out, set_up, tear_down);
    tcase_add_loop_test(cuts, after_any_power_cut_the_batch_ends_exactly_once, 0,
                        ARRAY_LEN(stories));
    tcase_add_test(left_out, a_sync_that_is_left_out_is_noticed);
    suite_add_tcase(suite, cuts);
    suite_add_tcase(suite, left_out);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
