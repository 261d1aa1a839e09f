// The daemon alone, with stand-ins that do nothing: how soon a settled batch is worked on, what an
// idle daemon costs, whether the thousandth batch costs more than the first, how soon the service
// is there again on a spool that holds the thousand and a hundred thousand files of theirs, and
// what it costs to stand by it.
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/support/fake_stages.h"
#include "tests/support/spool_fixture.h"

enum { DROPS = 20, IDLE_SECONDS = 5, GROUPS = 10, IN_A_GROUP = 100 };
enum { MORE_FILES = 99, STARTS = 5, STAND_BY_SECONDS = 60 }; // of an old spool

static struct spool_fixture fixture;

static void set_up(void)
{
    (void)setenv("TZ", "fake", 1); // fetch and publish are stand-ins too
    spool_fixture_open(&fixture);
    spool_fixture_fake(&fixture, "fetch probe compress analyze plan preview render publish");
    spool_fixture_set(&fixture, "intake = { settle_seconds = 10.0; scan_seconds = 30.0; };");
}

static void tear_down(void)
{
    spool_fixture_close(&fixture);
}

static double now_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// Seconds of processor time that the daemon itself has used, to the nanosecond.
static double used_seconds(void)
{
    unsigned long long used = 0;
    cleanup(free_ptr) char *path = xasprintf("/proc/%d/schedstat", (int)fixture.daemon);
    FILE *file = fopen(path, "re");
    if (file) {
        (void)!fscanf(file, "%llu", &used);
        (void)fclose(file);
    }
    return (double)used / 1e9;
}

// Kilobytes of a line of /proc/PID/status.
static unsigned long memory_kb(const char *key)
{
    char line[200];
    unsigned long value = 0;
    cleanup(free_ptr) char *path = xasprintf("/proc/%d/status", (int)fixture.daemon);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtoul(line + strlen(key) + 1, NULL, 10);
    }
    if (file)
        (void)fclose(file);
    return value;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

START_TEST(settled_to_first_stage)
{
    double delays[DROPS];
    cleanup(free_ptr) char *gate = xasprintf("%s/gate", fixture.folder.path);
    cleanup(free_ptr) char *script = xasprintf("fetch wait %s", gate);
    ck_assert_int_eq(mkfifo(gate, 0600), 0);
    spool_fixture_start(&fixture);
    for (int i = 0; i < DROPS; i++) {
        cleanup(free_ptr) char *name = xasprintf("trip%d", i);
        spool_fixture_drop_script(&fixture, name, "a.mp4", script);
        double begun = now_seconds();
        cleanup(close_fd) int fd = open(gate, O_WRONLY | O_CLOEXEC); // until the stage reads
        delays[i] = now_seconds() - begun;
        close_fd(&fd);
        spool_fixture_await_count(&fixture, "archive", (size_t)i + 1);
    }
    qsort(delays, DROPS, sizeof *delays, compare);
    printf("settled to first stage running:  median %.1f ms, longest %.1f ms  (at most 100 ms)\n",
           delays[DROPS / 2] * 1e3, delays[DROPS - 1] * 1e3);
}
END_TEST

// A thousand batches as they are found after years: each of a hundred files.
static void add_files(void)
{
    cleanup(free_ptr) char *path = spool_fixture_path(&fixture, "archive");
    DIR *archive = opendir(path);
    ck_assert(archive != NULL);
    for (struct dirent *entry; (entry = readdir(archive)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        cleanup(close_fd) int batch =
            openat(dirfd(archive), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (int i = 0; i < MORE_FILES; i++) {
            char name[32];
            (void)snprintf(name, sizeof name, "more%d.mp4", i);
            cleanup(close_fd) int fd = openat(batch, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
            ck_assert_int_ge(fd, 0);
        }
    }
    (void)closedir(archive);
}

static void on_an_old_spool(void)
{
    double starts[STARTS];
    add_files();
    for (int i = 0; i < STARTS; i++) {
        ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
        double begun = now_seconds();
        spool_fixture_start(&fixture);
        starts[i] = now_seconds() - begun;
    }
    spool_fixture_drop(&fixture, "last", "a.mp4", NULL);
    spool_fixture_await_count(&fixture, "archive", GROUPS * IN_A_GROUP + 1);
    double before = used_seconds();
    (void)poll(NULL, 0, STAND_BY_SECONDS * 1000);
    qsort(starts, STARTS, sizeof *starts, compare);
    printf("with %d finished batches of %d files:  started in %.0f ms, longest of %d %.0f ms  "
           "(under 1 s)\n",
           GROUPS * IN_A_GROUP, GROUPS * IN_A_GROUP * (MORE_FILES + 1), starts[STARTS / 2] * 1e3,
           STARTS, starts[STARTS - 1] * 1e3);
    printf("idle on it for %d s:  %.1f ms of processor time, %.4f %%, %.1f MB resident  (at most "
           "0.1 %%)\n",
           STAND_BY_SECONDS, (used_seconds() - before) * 1e3,
           (used_seconds() - before) / STAND_BY_SECONDS * 1e2, (double)memory_kb("VmRSS:") / 1e3);
}

START_TEST(idle)
{
    spool_fixture_start(&fixture);
    spool_fixture_drop(&fixture, "trip", "a.mp4", NULL);
    spool_fixture_await_count(&fixture, "archive", 1);
    double before = used_seconds();
    (void)poll(NULL, 0, IDLE_SECONDS * 1000);
    printf(
        "idle for %d s:  %.0f ms of processor time, %.1f MB resident, of it %.1f MB its own  (no "
        "measurable time, under 8 MB)\n",
        IDLE_SECONDS, (used_seconds() - before) * 1e3, (double)memory_kb("VmRSS:") / 1e3,
        (double)memory_kb("RssAnon:") / 1e3);
}
END_TEST

START_TEST(a_thousand_batches)
{
    double seconds[GROUPS], used[GROUPS];
    spool_fixture_start(&fixture);
    for (int group = 0; group < GROUPS; group++) {
        double begun = now_seconds(), begun_used = used_seconds();
        for (int i = 0; i < IN_A_GROUP; i++) {
            cleanup(free_ptr) char *name = xasprintf("trip%d", group * IN_A_GROUP + i);
            spool_fixture_drop(&fixture, name, "a.mp4", NULL);
        }
        spool_fixture_await_count(&fixture, "archive", (size_t)(group + 1) * IN_A_GROUP);
        seconds[group] = (now_seconds() - begun) / IN_A_GROUP;
        used[group] = (used_seconds() - begun_used) / IN_A_GROUP;
    }
    printf("a batch of seven steps that do nothing:  first hundred %.1f ms, last hundred of %d "
           "%.1f ms, ratio %.2f\n",
           seconds[0] * 1e3, GROUPS * IN_A_GROUP, seconds[GROUPS - 1] * 1e3,
           seconds[GROUPS - 1] / seconds[0]);
    printf("of it the daemon's processor time:  first hundred %.2f ms, last hundred %.2f ms, ratio "
           "%.2f;  %.1f MB resident afterwards\n",
           used[0] * 1e3, used[GROUPS - 1] * 1e3, used[GROUPS - 1] / used[0],
           (double)memory_kb("VmRSS:") / 1e3);
    on_an_old_spool();
}
END_TEST

int main(int argc, char **argv)
{
    if (fake_stages_is(argv[0]))
        return fake_stages_main(argc, argv);
    Suite *suite = suite_create("daemon");
    TCase *tcase = tcase_create("bench");
    tcase_set_timeout(tcase, 600);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, settled_to_first_stage);
    tcase_add_test(tcase, idle);
    tcase_add_test(tcase, a_thousand_batches);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    if (failed)
        srunner_print(runner, CK_NORMAL);
    srunner_free(runner);
    return failed > 0;
}
