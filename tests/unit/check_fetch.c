// The stage fetch, and what all stages do around their work.
#include "base/fs.h"
#include "tests/support/batch_folder.h"
#include "tests/support/program.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static struct batch_folder folder;
static char *program;

static void set_up(void)
{
    batch_folder_make(&folder, 2);
    program = program_built("libexec/clipspool/fetch");
}

static void tear_down(void)
{
    free(program);
    batch_folder_remove(&folder);
}

static int fetch(const char *index)
{
    return PROGRAM_RUN(NULL, program, folder.path, index);
}

static char *source(int index)
{
    cleanup(free_ptr) char *name = xasprintf("work/%s/%d/source", folder.id, index);
    return folder_get(&folder.folder, name);
}

static enum step_state state(int index)
{
    struct step step = STEP_INIT;
    ck_assert_int_eq(step_load(folder.batchdir, STAGE_FETCH, index, &step, NULL), 0);
    enum step_state found = step.state;
    step_release(&step);
    return found;
}

START_TEST(a_dropped_file_becomes_the_source_without_a_copy)
{
    struct stat dropped, fetched;
    cleanup(free_ptr) char *in = xasprintf("%s/in/a.mp4", folder.path);
    cleanup(free_ptr) char *out = xasprintf("%s/0/source", folder.path);
    ck_assert_int_eq(fetch("0"), 0);
    ck_assert_int_eq(stat(in, &dropped), 0);
    ck_assert_int_eq(stat(out, &fetched), 0);
    ck_assert_uint_eq(dropped.st_ino, fetched.st_ino);
    ck_assert_int_eq(state(0), STEP_DONE);
    ck_assert_int_eq(state(1), STEP_OPEN);
}
END_TEST

START_TEST(a_step_with_a_result_is_not_run_again)
{
    ck_assert_int_eq(fetch("0"), 0);
    cleanup(free_ptr) char *out = xasprintf("%s/0/source", folder.path);
    ck_assert_int_eq(unlink(out), 0);
    ck_assert_int_eq(fetch("0"), 0);
    ck_assert_ptr_null(source(0));
}
END_TEST

START_TEST(done_twice_without_its_result_it_leaves_the_same)
{
    ck_assert_int_eq(fetch("1"), 0);
    ck_assert_int_eq(step_reset(folder.batchdir, STAGE_FETCH, 1, NULL), 0);
    ck_assert_int_eq(fetch("1"), 0);
    cleanup(free_ptr) char *text = source(1);
    ck_assert_str_eq(text, "a video");
}
END_TEST

START_TEST(a_step_that_another_process_is_at_is_left_to_it)
{
    ck_assert_int_ge(fs_mkdir(folder.batchdir, "steps", 0755, NULL), 0);
    cleanup(close_fd) int lock = fs_lock(folder.batchdir, "steps/fetch.0.lock", NULL);
    ck_assert_int_ge(lock, 0);
    ck_assert_int_eq(fetch("0"), 75);
    ck_assert_int_eq(state(0), STEP_OPEN);
    close_fd(&lock);
    ck_assert_int_eq(fetch("0"), 0);
}
END_TEST

static void grow(const char *path)
{
    cleanup(close_fd) int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    ck_assert_int_eq(write(fd, "more", 4), 4);
}

static void write_over(const char *path)
{
    struct stat before;
    ck_assert_int_eq(stat(path, &before), 0);
    cleanup(close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(write(fd, "A", 1), 1);
    // A clock of coarse ticks may not have moved on since.
    const struct timespec times[] = { before.st_atim, { .tv_sec = before.st_mtim.tv_sec + 1 } };
    ck_assert_int_eq(futimens(fd, times), 0);
}

static void become_link(const char *path)
{
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("/etc/passwd", path), 0);
}

static void become_fifo(const char *path)
{
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void vanish(const char *path)
{
    ck_assert_int_eq(unlink(path), 0);
}

static const struct {
    const char *name;
    void (*change)(const char *path);
    const char *says;
} changes[] = {
    { "it grew", grow, "had 7 bytes when the batch was taken and has 11 now" },
    { "it was written over", write_over, "was written to after the batch was taken" },
    { "it became a link", become_link, "became a link" },
    { "it became a FIFO", become_fifo, "not a regular file" },
    { "it is gone", vanish, "is gone" },
};

START_TEST(a_file_that_changed_after_the_claim_is_no_source)
{
    cleanup(free_ptr) char *in = xasprintf("%s/in/a.mp4", folder.path);
    cleanup(free_ptr) char *output = NULL;
    changes[_i].change(in);
    int status = PROGRAM_RUN(&output, program, folder.path, "0");
    ck_assert_msg(status == 65, "%s: %d", changes[_i].name, status);
    ck_assert_msg(strstr(output, changes[_i].says) != NULL, "%s: %s", changes[_i].name, output);
    ck_assert_int_eq(state(0), STEP_OPEN); // the supervisor has the last word
    ck_assert_ptr_null(source(0));
}
END_TEST

START_TEST(who_still_has_it_open_changes_nothing_that_is_looked_at)
{
    cleanup(free_ptr) char *in = xasprintf("%s/in/a.mp4", folder.path);
    cleanup(close_fd) int fd = open(in, O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(fetch("0"), 0);
    ck_assert_int_eq(pwrite(fd, "A VIDEO!", 8, 0), 8);
    cleanup(free_ptr) char *text = source(0);
    ck_assert_str_eq(text, "a video");
}
END_TEST

START_TEST(a_source_that_is_written_to_all_the_same_is_not_gone_on_with)
{
    cleanup(free_ptr) char *in = xasprintf("%s/in/a.mp4", folder.path);
    cleanup(free_ptr) char *probe = program_built("libexec/clipspool/probe");
    cleanup(free_ptr) char *output = NULL;
    ck_assert_int_eq(fetch("0"), 0);
    write_over(in);
    ck_assert_int_eq(PROGRAM_RUN(&output, probe, folder.path, "0"), 65);
    ck_assert_msg(strstr(output, "was written to after the batch was taken") != NULL, "%s", output);
}
END_TEST

static const struct {
    const char *name, *first, *second, *third;
    int status;
} usages[] = {
    { "its version", "--version", NULL, NULL, 0 },
    { "help", "--help", NULL, NULL, 0 },
    { "no batch", NULL, NULL, NULL, 64 },
    { "no index", "/tmp", NULL, NULL, 64 },
    { "a wrong index", "/tmp", "one", NULL, 64 },
    { "a huge index", "/tmp", "99999999999999999999", NULL, 64 },
    { "an unknown option", "--frobnicate", "/tmp", "0", 64 },
    { "no such batch", "/nowhere/at/all", "0", NULL, 71 },
    { "a folder without a batch", "/", "0", NULL, 70 },
};

START_TEST(arguments_are_checked)
{
    const char *argv[] = { program, usages[_i].first, usages[_i].second, usages[_i].third, NULL };
    int status = program_run(argv, NULL);
    ck_assert_msg(status == usages[_i].status, "%s: %d", usages[_i].name, status);
}
END_TEST

START_TEST(an_index_beyond_the_batch_is_our_bug)
{
    ck_assert_int_eq(fetch("2"), 70);
}
END_TEST

START_TEST(a_private_spool_keeps_links_as_they_are)
{
    cleanup(free_ptr) char *in = xasprintf("%s/in/a.mp4", folder.path);
    cleanup(free_ptr) char *original = xasprintf("%s/original", folder.folder.path);
    cleanup(free_ptr) char *config = xasprintf("%s/private.conf", folder.folder.path);
    cleanup(free_ptr) char *out = xasprintf("%s/0/source", folder.path);
    struct stat fetched;
    folder_put(&folder.folder, "private.conf", "intake = { accept_links = true; };");
    ck_assert_int_eq(rename(in, original), 0);
    ck_assert_int_eq(symlink(original, in), 0);
    ck_assert_int_eq(fetch("0"), 65); // elsewhere a link is refused
    ck_assert_int_eq(PROGRAM_RUN(NULL, program, "--config", config, folder.path, "0"), 0);
    ck_assert_int_eq(lstat(out, &fetched), 0);
    ck_assert(S_ISLNK(fetched.st_mode));
    cleanup(close_fd) int fd = open(out, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fetch");
    TCase *tcase = tcase_create("fetch");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_dropped_file_becomes_the_source_without_a_copy);
    tcase_add_test(tcase, a_step_with_a_result_is_not_run_again);
    tcase_add_test(tcase, done_twice_without_its_result_it_leaves_the_same);
    tcase_add_test(tcase, a_step_that_another_process_is_at_is_left_to_it);
    tcase_add_loop_test(tcase, a_file_that_changed_after_the_claim_is_no_source, 0,
                        ARRAY_LEN(changes));
    tcase_add_test(tcase, who_still_has_it_open_changes_nothing_that_is_looked_at);
    tcase_add_test(tcase, a_source_that_is_written_to_all_the_same_is_not_gone_on_with);
    tcase_add_loop_test(tcase, arguments_are_checked, 0, ARRAY_LEN(usages));
    tcase_add_test(tcase, an_index_beyond_the_batch_is_our_bug);
    tcase_add_test(tcase, a_private_spool_keeps_links_as_they_are);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
