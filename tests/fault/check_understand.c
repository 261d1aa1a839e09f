// What was dropped is judged by what it is, never by a moment in which the machine could not look:
// every call made while a batch is understood fails once, and either nothing is decided yet or the
// same as ever.
#include "spool/batch.h"
#include "spool/settings.h"
#include "tests/support/faults.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

// More than there are; the sweep ends by itself long before.
enum { CALLS_MAX = 2000 };

static const char id[] = "20261122T041500Z-trip-3f2a";
static struct folder folder;
static struct settings settings;

// An index and no pictures: whole, as far as its boxes say.
static const char film[] = "\0\0\0\x10"
                           "ftypisom\0\0\0\0"
                           "\0\0\0\x8"
                           "moov";

static void put_film(const char *name)
{
    cleanup(close_fd) int fd = openat(folder.fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ck_assert_int_eq(write(fd, film, sizeof film - 1), sizeof film - 1);
}

static void set_up(void)
{
    struct config_report report = CONFIG_REPORT_INIT;
    settings = (struct settings){ .root = NULL };
    ck_assert_int_eq(settings_load(NULL, &settings, &report), 0);
    folder_make_in_memory(&folder);
    ck_assert_int_eq(mkdirat(folder.fd, "in", 0755), 0);
    ck_assert_int_eq(mkdirat(folder.fd, "in/more", 0755), 0);
    put_film("in/a.mp4");
    put_film("in/more/b.mp4");
    folder_put(&folder, "in/c.url", "https://example.org/c.mp4\n");
    folder_put(&folder, "in/job.conf", "title = \"Trip\";\n");
}

static void tear_down(void)
{
    settings_release(&settings);
    folder_remove(&folder);
}

static const int numbers[] = { EIO, EMFILE };

// What was found of the batch, in one line.
static char *judged(const struct batch *batch)
{
    char *line = xasprintf("%s;%s", batch->error.id, batch->job.title ? batch->job.title : "");
    for (size_t i = 0; i < batch->source_count; i++) {
        cleanup(free_ptr) char *old = line;
        line = xasprintf("%s;%s %s", old, batch->sources[i].file, batch->sources[i].error.text);
    }
    for (size_t i = 0; batch->ignored[i] != NULL; i++) {
        cleanup(free_ptr) char *old = line;
        line = xasprintf("%s;ignored %s", old, batch->ignored[i]);
    }
    return line;
}

START_TEST(one_failing_call_decides_nothing_about_what_was_dropped)
{
    int number = numbers[_i], undecided = 0, call = 1;
    for (bool is_reached = true; is_reached; call++) {
        cleanup(batch_release) struct batch batch = BATCH_INIT;
        struct err err = ERR_INIT;
        const struct faults faults = { .call = call, .number = number };
        faults_arm(&faults);
        int r = batch_understand(folder.fd, id, "trip", 1800000000, &settings, &batch, &err);
        is_reached = faults_disarm();
        const char *struck = faults_struck();
        ck_assert_int_lt(call, CALLS_MAX);
        ck_assert_msg(r >= 0 || err.class == ERR_IO || err.class == ERR_SYSTEM,
                      "call %d, %s: class %d, %s", call, struck, (int)err.class, err.text);
        undecided += r < 0;
        if (r < 0)
            continue;
        cleanup(free_ptr) char *found = judged(&batch);
        ck_assert_msg(strcmp(found, ";Trip;a.mp4 ;c.url ;more/b.mp4 ") == 0, "call %d, %s: %s",
                      call, struck, found);
    }
    // Not for having looked at nothing.
    ck_assert_int_ge(undecided, 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("understanding under failure");
    TCase *tcase = tcase_create("faults");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, one_failing_call_decides_nothing_about_what_was_dropped, 0,
                        (int)ARRAY_LEN(numbers));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
