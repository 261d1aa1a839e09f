// Every move of a batch, killed between every two system calls it makes, then recovered as a start
// does: nothing is lost, nothing is there twice.
//
// A child does the move under ptrace; at its n-th stop it is killed, for n = 1, 2, 3... until it
// lives to its end.
#include "spool/batch.h"
#include "spool/spool.h"
#include "spool/step.h"
#include "tests/support/folder.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ID "20261122T041500Z-trip-3f2a"

static const time_t now = 1795320900;

struct place {
    struct folder folder; // the spool
    struct folder drop;   // incoming, on another file system where the story wants it
    struct settings settings;
    struct spool spool;
};

static void make_folder(struct folder *folder, const char *where)
{
    (void)snprintf(folder->path, sizeof folder->path, "%s/clipspool-test-XXXXXX", where);
    ck_assert_ptr_nonnull(mkdtemp(folder->path));
    folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(folder->fd, 0);
}

// Shared memory: thousands of runs should not be about the speed of a disk.
static void place_make(struct place *place, bool is_divided)
{
    struct config_report report = CONFIG_REPORT_INIT;
    struct err err = ERR_INIT;
    place->settings = (struct settings){ .root = NULL };
    ck_assert_int_eq(settings_load(NULL, &place->settings, &report), 0);
    make_folder(&place->folder, "/dev/shm");
    make_folder(&place->drop, is_divided ? "/tmp" : "/dev/shm");
    free(place->settings.root);
    place->settings.root = xstrdup(place->folder.path);
    place->settings.incoming = xstrdup(place->drop.path);
    ck_assert_msg(spool_open(&place->settings, SPOOL_CREATE, &place->spool, &err) == 0, "%s",
                  err.text);
}

static void place_remove(struct place *place)
{
    spool_release(&place->spool);
    settings_release(&place->settings);
    folder_remove(&place->folder);
    folder_remove(&place->drop);
}

static void make_dir(const struct folder *folder, const char *name)
{
    ck_assert_msg(mkdirat(folder->fd, name, 0755) == 0, "mkdir %s: %s", name, strerror(errno));
}

static void expect_names(const struct folder *folder, const char *dir, const char *expected)
{
    cleanup(free_ptr) char *names = folder_names(folder, dir);
    ck_assert_msg(strcmp(names, expected) == 0, "%s: \"%s\", not \"%s\"", dir, names, expected);
}

static void expect_contents(const struct folder *folder, const char *name, const char *expected)
{
    cleanup(free_ptr) char *text = folder_get(folder, name);
    ck_assert_msg(text != NULL, "%s is missing", name);
    ck_assert_str_eq(text, expected);
}

// ---- stories

struct story {
    const char *name;
    bool is_divided;
    void (*prepare)(struct place *place);
    int (*move)(struct place *place);
    void (*recover_and_check)(struct place *place);
};

static void drop_folder(struct place *place)
{
    make_dir(&place->drop, "trip");
    make_dir(&place->drop, "trip/day2");
    folder_put(&place->drop, "trip/a.mp4", "aa");
    folder_put(&place->drop, "trip/day2/b.mp4", "bb");
}

static void drop_file(struct place *place)
{
    folder_put(&place->drop, "trip.mp4", "aa");
}

static int claim(struct place *place, const char *name)
{
    char *id = NULL;
    int r = spool_claim(&place->spool, name, now, &id, NULL);
    free(id);
    return r;
}

static int claim_folder(struct place *place)
{
    return claim(place, "trip");
}

static int claim_file(struct place *place)
{
    return claim(place, "trip.mp4");
}

// As a start: recover what is in work; what was undone is claimed again.  Gives the one id.
static char *recover_claim(struct place *place, const char *name)
{
    struct err err = ERR_INIT;
    for (int round = 0; round < 2; round++) {
        spool_release(&place->spool);
        ck_assert_int_eq(spool_open(&place->settings, SPOOL_LOCK, &place->spool, &err), 0);
        char **ids = NULL;
        int count = spool_list(place->spool.work, &ids, &err), taken = 0;
        char *id = NULL;
        for (int i = 0; i < count; i++) {
            int r = spool_recover(&place->spool, ids[i], &err);
            ck_assert_msg(r >= 0, "%s", err.text);
            taken += r == 0;
            if (r == 0)
                id = ids[i];
            else
                free(ids[i]);
        }
        free(ids);
        ck_assert_int_le(taken, 1);
        if (taken == 1)
            return id;
        ck_assert_int_eq(claim(place, name), 0);
    }
    ck_abort_msg("claimed and not there");
    return NULL;
}

static void check_folder_claim(struct place *place)
{
    cleanup(free_ptr) char *id = recover_claim(place, "trip");
    cleanup(free_ptr) char *a = xasprintf("work/%s/in/a.mp4", id);
    cleanup(free_ptr) char *b = xasprintf("work/%s/in/day2/b.mp4", id);
    expect_contents(&place->folder, a, "aa");
    expect_contents(&place->folder, b, "bb");
    expect_names(&place->drop, ".", "");
    expect_names(&place->folder, "work", id);
}

static void check_file_claim(struct place *place)
{
    cleanup(free_ptr) char *id = recover_claim(place, "trip.mp4");
    cleanup(free_ptr) char *file = xasprintf("work/%s/in/trip.mp4", id);
    expect_contents(&place->folder, file, "aa");
    expect_names(&place->drop, ".", "");
    expect_names(&place->folder, "work", id);
}

static int open_batch(struct place *place, const char *where)
{
    cleanup(free_ptr) char *path = xasprintf("%s/" ID, where);
    int fd = openat(place->folder.fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static void make_batch(struct place *place, const char *where)
{
    static const char *const dirs[] = { "", "/in", "/0", "/steps" };
    static const char *const files[] = { "in/a.mp4", "in/b.mp4", "0/source", "0/proxy.mp4",
                                         "0/signals.json" };
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        cleanup(free_ptr) char *path = xasprintf("%s/" ID "%s", where, dirs[i]);
        make_dir(&place->folder, path);
    }
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        cleanup(free_ptr) char *path = xasprintf("%s/" ID "/%s", where, files[i]);
        folder_put(&place->folder, path, "x");
    }
    cleanup(free_ptr) char *claimed = xasprintf("%s/" ID "/claim.json", where);
    folder_put(&place->folder, claimed,
               "{\"name\":\"trip\",\"kind\":\"folder\",\"way\":\"rename\"}");
    cleanup(close_fd) int dir = open_batch(place, where);
    cleanup(batch_release) struct batch batch = BATCH_INIT;
    struct err err = ERR_INIT;
    ck_assert_int_eq(batch_understand(dir, ID, "trip", now, &place->settings, &batch, &err), 0);
    ck_assert_int_eq(batch_save(dir, &batch, &err), 0);
    struct step done = { .state = STEP_DONE, .attempts = 1 };
    struct step failed = { .state = STEP_FAILED, .attempts = 2 };
    err_set(&failed.error, ERR_BUG, "crashed", "killed by SIGSEGV");
    ck_assert_int_eq(step_save(dir, STAGE_FETCH, 0, &done, &err), 0);
    ck_assert_int_eq(step_save(dir, STAGE_COMPRESS, 0, &done, &err), 0);
    ck_assert_int_eq(step_save_try(dir, STAGE_PLAN, STEP_BATCH, &failed, &err), 0);
    ck_assert_int_eq(step_save(dir, STAGE_PLAN, STEP_BATCH, &failed, &err), 0);
}

static void batch_in_work(struct place *place)
{
    make_batch(place, "work");
}

static void batch_in_failed(struct place *place)
{
    make_batch(place, "failed");
}

static void refused_in_failed(struct place *place)
{
    make_batch(place, "failed");
    folder_put(&place->folder, "failed/" ID "/in/job.conf", "nonsense");
    cleanup(close_fd) int dir = open_batch(place, "failed");
    cleanup(batch_release) struct batch batch = BATCH_INIT;
    ck_assert_int_eq(batch_understand(dir, ID, "trip", now, &place->settings, &batch, NULL), 0);
    ck_assert_int_eq(batch_save(dir, &batch, NULL), 0);
}

static void reopen(struct place *place)
{
    struct err err = ERR_INIT;
    spool_release(&place->spool);
    ck_assert_msg(spool_open(&place->settings, SPOOL_LOCK, &place->spool, &err) == 0, "%s",
                  err.text);
}

// A batch that is still in work is one that a start goes on with; it must be whole enough for it.
static bool is_in_work(struct place *place)
{
    char **ids = NULL;
    int count = spool_list(place->spool.work, &ids, NULL);
    for (int i = 0; i < count; i++)
        free(ids[i]);
    free(ids);
    if (count == 0)
        return false;
    struct err err = ERR_INIT;
    ck_assert_msg(spool_recover(&place->spool, ID, &err) == 0, "%s", err.text);
    cleanup(close_fd) int dir = open_batch(place, "work");
    cleanup(batch_release) struct batch batch = BATCH_INIT;
    ck_assert_msg(batch_load(dir, &batch, &err) == 0, "%s", err.text);
    return true;
}

static int archive(struct place *place)
{
    return spool_archive(&place->spool, ID, "trip", NULL);
}

static void check_archive(struct place *place)
{
    reopen(place);
    if (is_in_work(place))
        ck_assert_int_eq(archive(place), 0);
    expect_names(&place->folder, "archive", "trip");
    expect_names(&place->folder, "archive/trip", "a.mp4 b.mp4");
    expect_names(&place->folder, "work", "");
}

static int set_aside(struct place *place)
{
    return spool_set_aside(&place->spool, ID, NULL);
}

static void check_set_aside(struct place *place)
{
    reopen(place);
    if (is_in_work(place))
        ck_assert_int_eq(set_aside(place), 0);
    expect_names(&place->folder, "work", "");
    expect_names(&place->folder, "failed", ID);
    expect_names(&place->folder, "failed/" ID "/in", "a.mp4 b.mp4");
    expect_names(&place->folder, "failed/" ID "/0", "signals.json");
    // No step claims to have made what is gone.
    cleanup(close_fd) int dir = open_batch(place, "failed");
    static const enum stage gone[] = { STAGE_FETCH, STAGE_COMPRESS };
    for (size_t i = 0; i < ARRAY_LEN(gone); i++) {
        cleanup(step_release) struct step step = STEP_INIT;
        ck_assert_int_eq(step_load(dir, gone[i], 0, &step, NULL), 0);
        ck_assert_int_eq(step.state, STEP_OPEN);
    }
}

static int retry(struct place *place)
{
    return spool_retry(&place->spool, ID, NULL);
}

static void check_retry(struct place *place)
{
    reopen(place);
    ck_assert_int_eq(retry(place), 0);
    expect_names(&place->folder, "failed", "");
    expect_names(&place->folder, "work/" ID "/in", "a.mp4 b.mp4");
    cleanup(close_fd) int dir = open_batch(place, "work");
    cleanup(step_release) struct step step = STEP_INIT;
    ck_assert_int_eq(step_load(dir, STAGE_PLAN, STEP_BATCH, &step, NULL), 0);
    ck_assert_int_eq(step.state, STEP_OPEN);
    ck_assert_uint_eq(step.attempts, 0);
}

// In failed it must be whole, or nobody could ask for it again; in work a start goes on with it.
static void check_refused(struct place *place)
{
    reopen(place);
    struct stat st;
    if (fstatat(place->spool.failed, ID, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        cleanup(close_fd) int dir = open_batch(place, "failed");
        cleanup(batch_release) struct batch batch = BATCH_INIT;
        struct err err = ERR_INIT;
        ck_assert_msg(batch_load(dir, &batch, &err) == 0, "in failed without batch.json");
        ck_assert_int_eq(retry(place), 0);
    }
    ck_assert_int_eq(spool_recover(&place->spool, ID, NULL), 0);
    expect_names(&place->folder, "failed", "");
    expect_names(&place->folder, "work/" ID, "0 claim.json in steps");
}

static int quarantine(struct place *place)
{
    return spool_quarantine(&place->spool, ID, "strange", NULL);
}

static void check_quarantine(struct place *place)
{
    reopen(place);
    ck_assert_int_eq(quarantine(place), 0);
    expect_names(&place->folder, "work", "");
    expect_names(&place->folder, "quarantine", ID);
    expect_names(&place->folder, "quarantine/" ID "/in", "a.mp4 b.mp4");
}

static int save_step(struct place *place)
{
    cleanup(close_fd) int dir = open_batch(place, "work");
    struct step step = { .state = STEP_DONE, .attempts = 1 };
    return step_save(dir, STAGE_RENDER, STEP_BATCH, &step, NULL);
}

static void check_step(struct place *place)
{
    cleanup(close_fd) int dir = open_batch(place, "work");
    cleanup(step_release) struct step step = STEP_INIT;
    struct err err = ERR_INIT;
    ck_assert_msg(step_load(dir, STAGE_RENDER, STEP_BATCH, &step, &err) == 0, "%s", err.text);
    if (step.state == STEP_OPEN)
        ck_assert_int_eq(save_step(place), 0);
    cleanup(free_ptr) char *names = folder_names(&place->folder, "work/" ID "/steps");
    ck_assert_ptr_nonnull(strstr(names, "render.json"));
    ck_assert(step.state != STEP_DONE || strstr(names, ".tmp") == NULL);
}

static int take_outbox(struct place *place)
{
    char *outbox = NULL;
    int r = spool_take_outbox(&place->spool, "trip", ID, &outbox, NULL);
    free(outbox);
    return r;
}

static void check_outbox(struct place *place)
{
    ck_assert_int_eq(take_outbox(place), 0);
    expect_names(&place->folder, "outbox", "trip");
}

static const struct story stories[] = {
    { "claim a folder", false, drop_folder, claim_folder, check_folder_claim },
    { "claim a file", false, drop_file, claim_file, check_file_claim },
    { "claim a folder from another system", true, drop_folder, claim_folder, check_folder_claim },
    { "claim a file from another system", true, drop_file, claim_file, check_file_claim },
    { "archive", false, batch_in_work, archive, check_archive },
    { "set aside", false, batch_in_work, set_aside, check_set_aside },
    { "retry", false, batch_in_failed, retry, check_retry },
    { "retry what was refused", false, refused_in_failed, retry, check_refused },
    { "quarantine", false, batch_in_work, quarantine, check_quarantine },
    { "save a step", false, batch_in_work, save_step, check_step },
    { "take an outbox", false, drop_folder, take_outbox, check_outbox },
};

// ---- killing

enum { MAX_STOPS = 5000 };

static void be_traced(const struct story *story, struct place *place)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        _exit(77);
    (void)raise(SIGSTOP);
    _exit(story->move(place) == 0 ? 0 : 1);
}

// Lets the child make `stops` stops at system calls and kills it.  Returns true if it was killed,
// false if it came to its end before.
static bool kill_after(pid_t child, int stops)
{
    int state = 0;
    ck_assert_int_eq(waitpid(child, &state, 0), child);
    for (int i = 0; WIFSTOPPED(state); i++) {
        if (i == stops) {
            ck_assert_int_eq(kill(child, SIGKILL), 0);
            ck_assert_int_eq(waitpid(child, &state, 0), child);
            return true;
        }
        ck_assert_int_eq(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
        ck_assert_int_eq(waitpid(child, &state, 0), child);
    }
    ck_assert_msg(WIFEXITED(state) && WEXITSTATUS(state) == 0, "the move itself failed: %d", state);
    return false;
}

static bool can_trace(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 ? 1 : 0);
    int state = 0;
    return waitpid(child, &state, 0) == child && WIFEXITED(state) && WEXITSTATUS(state) == 0;
}

START_TEST(a_move_killed_anywhere_is_recovered)
{
    const struct story *story = &stories[_i];
    if (!can_trace()) {
        puts("SKIP a_move_killed_anywhere: ptrace is not allowed here");
        return;
    }
    bool killed = true;
    int stops = 1;
    // A system call makes two stops; its end and the begin of the next are the same to the disk.
    for (; killed && stops < MAX_STOPS; stops += 2) {
        struct place place;
        place_make(&place, story->is_divided);
        story->prepare(&place);
        pid_t child = fork();
        if (child == 0)
            be_traced(story, &place);
        killed = kill_after(child, stops);
        story->recover_and_check(&place);
        place_remove(&place);
    }
    ck_assert_msg(!killed, "%s does not end", story->name);
    // Fewer would mean that the child was not stopped where it matters.
    ck_assert_msg(stops > 10, "%s: only %d stops", story->name, stops);
    printf("%s: killed at %d instants\n", story->name, (stops - 1) / 2 - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("interrupted moves");
    TCase *tcase = tcase_create("killed");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, a_move_killed_anywhere_is_recovered, 0, (int)ARRAY_LEN(stories));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
