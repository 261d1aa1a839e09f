// kill -9 of the daemon and of its stages at random instants: no batch is lost, none comes out
// twice.
//
// Batches are dropped; the daemon, or one of its children, is killed after a random pause, again
// and again while work is left; a killed daemon is started again.  A source that was killed twice
// in one step has failed by the rules: such a batch is told to retry.  In the end every batch has
// exactly one outbox folder with a whole reel, and its original lies once in the archive.
// CLIPSPOOL_KILLS: how many (200); CLIPSPOOL_SEED: which (printed).
#include "base/base.h"
#include "tests/support/folder.h"
#include "tests/support/media.h"
#include "tests/support/program.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum { BATCHES = 16, DEFAULT_KILLS = 200, ROUNDS = 40 };

struct trial {
    struct folder folder;
    char *daemon, *config;
    const char *clip;
    size_t dropped;
    pid_t pid;
    unsigned daemon_kills, stage_kills;
};

static void start_daemon(struct trial *trial, bool once)
{
    char *argv[] = { trial->daemon,
                     (char[]){ "--config" },
                     trial->config,
                     (char[]){ "--log-level" },
                     (char[]){ "error" },
                     once ? (char[]){ "--once" } : NULL,
                     NULL };
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    char *log = xasprintf("%s/log", trial->folder.path);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    ck_assert_int_eq(posix_spawn(&trial->pid, trial->daemon, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    free(log);
}

static void drop_batch(struct trial *trial)
{
    char *aside = xasprintf("%s/aside", trial->folder.path);
    char *to = xasprintf("%s/spool/incoming/batch-%zu", trial->folder.path, trial->dropped);
    char *copy = xasprintf("%s/clip.mp4", aside), *ready = xasprintf("%s/.ready", aside);
    ck_assert_int_eq(mkdir(aside, 0700), 0);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "cp", trial->clip, copy), 0);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "touch", ready), 0);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "mv", aside, to), 0);
    trial->dropped++;
    free(aside);
    free(to);
    free(copy);
    free(ready);
}

static size_t count_entries(const struct trial *trial, const char *inner)
{
    char *path = xasprintf("%s/spool/%s", trial->folder.path, inner);
    DIR *dir = opendir(path);
    size_t count = 0;
    for (struct dirent *e; dir && (e = readdir(dir));)
        count += e->d_name[0] != '.';
    if (dir)
        closedir(dir);
    free(path);
    return count;
}

// A child of the daemon, or 0.
static pid_t any_stage(pid_t daemon)
{
    char *path = xasprintf("/proc/%d/task/%d/children", (int)daemon, (int)daemon), line[512] = "";
    FILE *file = fopen(path, "r");
    free(path);
    if (!file)
        return 0;
    pid_t pids[64];
    size_t count = 0;
    char *at = fgets(line, sizeof line, file), *end;
    for (; at && count < ARRAY_LEN(pids); at = end) {
        long pid = strtol(at, &end, 10);
        if (end == at)
            break;
        pids[count++] = (pid_t)pid;
    }
    (void)fclose(file);
    return count ? pids[(size_t)rand() % count] : 0;
}

static void kill_something(struct trial *trial)
{
    // The instant is the point of the test: from within start-up to within the longest step.
    struct timespec pause = { .tv_nsec = (rand() % 200) * 1000000L + rand() % 1000000 };
    nanosleep(&pause, NULL);
    pid_t stage = rand() % 3 ? any_stage(trial->pid) : 0;
    if (stage > 0) {
        trial->stage_kills += kill(stage, SIGKILL) == 0;
        return;
    }
    ck_assert_int_eq(kill(trial->pid, SIGKILL), 0);
    int status;
    ck_assert_int_eq(waitpid(trial->pid, &status, 0), trial->pid);
    ck_assert_msg(WIFSIGNALED(status), "the daemon left by itself with status %d",
                  WEXITSTATUS(status));
    trial->daemon_kills++;
    start_daemon(trial, false);
}

// Lets what is left be done, then tells failed batches to try again; until none is failed.
static void finish(struct trial *trial)
{
    for (int round = 0; round < ROUNDS; round++) {
        int status;
        start_daemon(trial, true);
        ck_assert_int_eq(waitpid(trial->pid, &status, 0), trial->pid);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "clipspoold --once: %d",
                      status);
        if (count_entries(trial, "failed") == 0)
            return;
        for (size_t i = 0; i < trial->dropped; i++) {
            char *name = xasprintf("spool/outbox/batch-%zu/status.json", i);
            char *text = folder_get(&trial->folder, name);
            if (text && strstr(text, "\"status\": \"failed\"")) {
                char *wish = xasprintf("spool/outbox/batch-%zu/retry", i);
                folder_put(&trial->folder, wish, "");
                free(wish);
            }
            free(text);
            free(name);
        }
    }
    ck_abort_msg("batches still fail after %d rounds of retries", ROUNDS);
}

static void assert_whole(const struct trial *trial, size_t number)
{
    char *name = xasprintf("spool/outbox/batch-%zu/status.json", number);
    char *text = folder_get(&trial->folder, name);
    ck_assert_msg(text != NULL, "batch %zu was lost: no status", number);
    ck_assert_msg(strstr(text, "\"status\": \"completed\"") != NULL, "batch %zu:\n%s", number,
                  text);
    char *reel = xasprintf("%s/spool/outbox/batch-%zu/final.mp4", trial->folder.path, number),
         *said;
    int status =
        PROGRAM_RUN(&said, "ffmpeg", "-v", "error", "-xerror", "-i", reel, "-f", "null", "-");
    ck_assert_msg(status == 0 && !*said, "batch %zu: %s", number, said);
    char *original = xasprintf("%s/spool/archive/batch-%zu/clip.mp4", trial->folder.path, number);
    ck_assert_msg(PROGRAM_RUN(NULL, "cmp", trial->clip, original) == 0,
                  "the original of batch %zu is not in the archive", number);
    free(original);
    free(said);
    free(reel);
    free(text);
    free(name);
}

START_TEST(test_random_kills_lose_no_batch_and_double_no_output)
{
    const char *wanted = getenv("CLIPSPOOL_KILLS"), *chosen = getenv("CLIPSPOOL_SEED");
    unsigned kills = wanted ? (unsigned)strtoul(wanted, NULL, 10) : DEFAULT_KILLS;
    unsigned seed = chosen ? (unsigned)strtoul(chosen, NULL, 10) : (unsigned)time(NULL);
    srand(seed);
    struct trial trial = { .daemon = program_built("sbin/clipspoold"),
                           .clip = MEDIA_CLIP(.name = "kills.mp4", .seconds = 3, .width = 160,
                                              .height = 90, .sound = "sine=frequency=440") };
    folder_make(&trial.folder);
    trial.config = xasprintf("%s/clipspool.conf", trial.folder.path);
    char *text = xasprintf("spool = { root = \"%s/spool\"; };\n"
                           "intake = { settle_seconds = 0.1; scan_seconds = 1; };\n"
                           "limits = { min_free_percent = 0; };\n",
                           trial.folder.path);
    folder_put(&trial.folder, "clipspool.conf", text);
    free(text);
    char *spool = xasprintf("%s/spool", trial.folder.path);
    char *incoming = xasprintf("%s/incoming", spool);
    ck_assert_int_eq(mkdir(spool, 0700) | mkdir(incoming, 0700), 0);
    start_daemon(&trial, false);
    while (trial.daemon_kills + trial.stage_kills < kills) {
        if (count_entries(&trial, "work") + count_entries(&trial, "incoming") < 4 &&
            trial.dropped < BATCHES + kills / 8)
            drop_batch(&trial);
        kill_something(&trial);
    }
    ck_assert_int_eq(kill(trial.pid, SIGKILL), 0);
    waitpid(trial.pid, NULL, 0);
    finish(&trial);
    printf("%u kills of the daemon, %u of stages, %zu batches, seed %u\n", trial.daemon_kills,
           trial.stage_kills, trial.dropped, seed);
    (void)fflush(stdout); // should the test fail, it is wanted most
    for (size_t i = 0; i < trial.dropped; i++)
        assert_whole(&trial, i);
    ck_assert_uint_eq(count_entries(&trial, "outbox"), trial.dropped);
    ck_assert_uint_eq(count_entries(&trial, "archive"), trial.dropped);
    static const char *const empty[] = { "incoming", "work", "failed", "quarantine" };
    for (size_t i = 0; i < ARRAY_LEN(empty); i++)
        ck_assert_msg(count_entries(&trial, empty[i]) == 0, "something is left in %s", empty[i]);
    char *left;
    // But in the cache, where what nobody finished goes with a later use (docs/SPOOL.md 6).
    ck_assert_int_eq(PROGRAM_RUN(&left, "find", spool, "-path", "*/cache/proxy", "-prune", "-o",
                                 "-name", "*.tmp", "-print"),
                     0);
    ck_assert_str_eq(left, "");
    free(left);
    free(incoming);
    free(spool);
    free(trial.config);
    free(trial.daemon);
    folder_remove(&trial.folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kills");
    TCase *tcase = tcase_create("kill -9");
    tcase_set_timeout(tcase, 550);
    tcase_add_test(tcase, test_random_kills_lose_no_batch_and_double_no_output);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
