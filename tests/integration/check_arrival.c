// How files really arrive: slowly, by rename, by rsync, with pauses, with `.ready`.  Whatever way,
// the batch is taken once, whole.
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/support/fake_stages.h"
#include "tests/support/program.h"
#include "tests/support/spool_fixture.h"

enum { PIECE = 10000, PIECES = 6 };

static struct spool_fixture fixture;

static void set_up(void)
{
    spool_fixture_open(&fixture);
    spool_fixture_fake(&fixture, "fetch probe compress analyze plan render publish");
}

static void tear_down(void)
{
    spool_fixture_close(&fixture);
}

static char *incoming(const char *name)
{
    cleanup(free_ptr) char *inner = xasprintf("incoming/%s", name);
    return spool_fixture_path(&fixture, inner);
}

static void make_folder(const char *name)
{
    cleanup(free_ptr) char *path = incoming(name);
    ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void write_piece(int fd)
{
    char piece[PIECE];
    memset(piece, 'v', sizeof piece);
    ck_assert_int_eq(write(fd, piece, sizeof piece), PIECE);
}

// The pace of a slow writer; nothing is waited for here.
static void pace(int milliseconds)
{
    (void)poll(NULL, 0, milliseconds);
}

static void assert_archived(const char *name, off_t size)
{
    struct stat st;
    cleanup(free_ptr) char *inner = xasprintf("archive/%s", name);
    cleanup(free_ptr) char *path = spool_fixture_path(&fixture, inner);
    spool_fixture_await_count(&fixture, "work", 0);
    ck_assert_msg(stat(path, &st) == 0, "%s is not in the archive", name);
    ck_assert_int_eq(st.st_size, size);
}

START_TEST(a_file_that_grows_slowly_is_taken_whole)
{
    cleanup(free_ptr) char *path = incoming("slow/clip.mp4");
    spool_fixture_start(&fixture);
    make_folder("slow");
    // Opened and closed for each piece: between them no program has it open.
    for (int i = 0; i < PIECES; i++) {
        cleanup(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        ck_assert_int_ge(fd, 0);
        write_piece(fd);
        close_fd(&fd);
        pace(70);
    }
    json_decref(spool_fixture_await(&fixture, "slow", "completed"));
    assert_archived("slow/clip.mp4", (off_t)PIECE * PIECES);
}
END_TEST

START_TEST(a_file_that_someone_holds_open_is_not_taken_however_long_he_pauses)
{
    cleanup(free_ptr) char *path = incoming("pause/clip.mp4");
    spool_fixture_start(&fixture);
    make_folder("pause");
    cleanup(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
    write_piece(fd);
    spool_fixture_await_notice(&fixture, "1 arriving");
    pace(900); // six times the settle time
    ck_assert_uint_eq(spool_fixture_count(&fixture, "work"), 0);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "outbox"), 0);
    write_piece(fd);
    close_fd(&fd);
    json_decref(spool_fixture_await(&fixture, "pause", "completed"));
    assert_archived("pause/clip.mp4", (off_t)PIECE * 2);
}
END_TEST

START_TEST(a_partial_name_is_waited_for_until_it_is_renamed)
{
    cleanup(free_ptr) char *partial = incoming("trip/clip.mp4.part");
    cleanup(free_ptr) char *whole = incoming("trip/clip.mp4");
    spool_fixture_start(&fixture);
    make_folder("trip");
    spool_fixture_put(&fixture, "incoming/trip/clip.mp4.part", "x", 1);
    spool_fixture_await_notice(&fixture, "1 arriving");
    pace(500);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "outbox"), 0);
    ck_assert_int_eq(rename(partial, whole), 0);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    assert_archived("trip/clip.mp4", 1);
}
END_TEST

START_TEST(rsync_with_its_temporary_names_is_taken_whole)
{
    enum { SIZE = 600000 };
    cleanup(free_ptr) char *source = xasprintf("%s/trip", fixture.folder.path);
    cleanup(free_ptr) char *clip = xasprintf("%s/trip/clip.mp4", fixture.folder.path);
    cleanup(free_ptr) char *target = incoming("");
    ck_assert_int_eq(mkdir(source, 0755), 0);
    cleanup(close_fd) int fd = open(clip, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    for (int i = 0; i < SIZE / PIECE; i++)
        write_piece(fd);
    close_fd(&fd);
    spool_fixture_start(&fixture);
    // 600 kB at 800 kB/s: several settle times.
    ck_assert_int_eq(PROGRAM_RUN(NULL, "rsync", "-r", "--bwlimit=800", source, target), 0);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    assert_archived("trip/clip.mp4", SIZE);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "archive"), 1);
}
END_TEST

START_TEST(ready_inside_a_folder_takes_it_at_once)
{
    spool_fixture_set(&fixture, "intake = { settle_seconds = 3600.0; scan_seconds = 3600.0; };");
    spool_fixture_start(&fixture);
    make_folder("trip");
    spool_fixture_put(&fixture, "incoming/trip/clip.mp4", "x", 1);
    spool_fixture_await_notice(&fixture, "READY=1");
    spool_fixture_put(&fixture, "incoming/trip/.ready", "", 0);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
}
END_TEST

START_TEST(what_lay_there_before_the_start_is_taken)
{
    spool_fixture_drop(&fixture, "trip", "a.mp4", NULL);
    make_folder("later");
    spool_fixture_put(&fixture, "incoming/later/b.mp4", "x", 1);
    spool_fixture_start(&fixture);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    json_decref(spool_fixture_await(&fixture, "later", "completed"));
}
END_TEST

START_TEST(two_batches_at_once_get_a_reel_each)
{
    spool_fixture_start(&fixture);
    spool_fixture_drop(&fixture, "one", "a.mp4 b.mp4", NULL);
    spool_fixture_drop(&fixture, "two", "a.mp4", NULL);
    json_decref(spool_fixture_await(&fixture, "one", "completed"));
    json_decref(spool_fixture_await(&fixture, "two", "completed"));
    assert_archived("one/b.mp4", 5);
    assert_archived("two/a.mp4", 5);
}
END_TEST

START_TEST(fifty_folders_moved_in_while_nobody_looks_are_all_found)
{
    enum { COUNT = 50 };
    ck_assert_int_eq(setenv("TZ", "fake", 1), 0);
    spool_fixture_start(&fixture);
    for (int i = 0; i < COUNT; i++) {
        cleanup(free_ptr) char *name = xasprintf("trip%d", i);
        spool_fixture_drop(&fixture, name, "a.mp4", NULL);
    }
    spool_fixture_await_count(&fixture, "archive", COUNT);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "outbox"), COUNT);
    spool_fixture_await_count(&fixture, "work", 0);
    ck_assert_int_eq(unsetenv("TZ"), 0);
}
END_TEST

START_TEST(incoming_on_another_file_system_is_copied_over_without_holding_up_others)
{
    char other[] = "/dev/shm/clipspool-test-XXXXXX";
    struct stat here, there;
    ck_assert_ptr_nonnull(mkdtemp(other));
    ck_assert_int_eq(stat(fixture.root, &here), 0);
    ck_assert_int_eq(stat(other, &there), 0);
    if (here.st_dev == there.st_dev) {
        printf("SKIP: /dev/shm is on the file system of /tmp\n");
        return;
    }
    fixture.incoming = other;
    spool_fixture_start(&fixture);
    cleanup(free_ptr) char *clip = xasprintf("%s/clip.mp4", other);
    cleanup(close_fd) int fd = open(clip, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    for (int i = 0; i < 3000; i++)
        write_piece(fd);
    close_fd(&fd);
    json_decref(spool_fixture_await(&fixture, "clip", "completed"));
    assert_archived("clip/clip.mp4", (off_t)PIECE * 3000);
    ck_assert_int_eq(access(clip, F_OK), -1);
    (void)spool_fixture_stop(&fixture, SIGTERM);
    ck_assert_int_eq(rmdir(other), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("arrival");
    TCase *tcase = tcase_create("arrival");
    tcase_set_timeout(tcase, 150);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_file_that_grows_slowly_is_taken_whole);
    tcase_add_test(tcase, a_file_that_someone_holds_open_is_not_taken_however_long_he_pauses);
    tcase_add_test(tcase, a_partial_name_is_waited_for_until_it_is_renamed);
    tcase_add_test(tcase, rsync_with_its_temporary_names_is_taken_whole);
    tcase_add_test(tcase, ready_inside_a_folder_takes_it_at_once);
    tcase_add_test(tcase, what_lay_there_before_the_start_is_taken);
    tcase_add_test(tcase, two_batches_at_once_get_a_reel_each);
    tcase_add_test(tcase, fifty_folders_moved_in_while_nobody_looks_are_all_found);
    tcase_add_test(tcase, incoming_on_another_file_system_is_copied_over_without_holding_up_others);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(int argc, char **argv)
{
    if (fake_stages_is(argv[0]))
        return fake_stages_main(argc, argv);
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
