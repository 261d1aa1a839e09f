// Incoming on another file system than the spool.
#include "tests/support/program.h"
#include "tests/support/spool_story.h"

enum { PIECE = 10000 };

static void write_piece(int fd)
{
    char piece[PIECE];
    memset(piece, 'v', sizeof piece);
    ck_assert_int_eq(write(fd, piece, sizeof piece), PIECE);
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

// Incoming on the other file system that every machine has.  Returns false if this one has not.
static bool begin_elsewhere(char *other)
{
    struct stat here, there;
    ck_assert_ptr_nonnull(mkdtemp(other));
    ck_assert_int_eq(stat(fixture.root, &here), 0);
    ck_assert_int_eq(stat(other, &there), 0);
    if (here.st_dev == there.st_dev) {
        printf("SKIP: /dev/shm is on the file system of /tmp\n");
        (void)rmdir(other);
        return false;
    }
    fixture.incoming = other;
    spool_fixture_start(&fixture);
    return true;
}

START_TEST(incoming_on_another_file_system_is_copied_over_without_holding_up_others)
{
    char other[] = "/dev/shm/clipspool-test-XXXXXX";
    if (!begin_elsewhere(other))
        return;
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

static const char script[] =
    "set -e; cd \"$1\"; mkdir -p trip/1/2/3/4/5/6/7/8/9; echo x >trip/a.mp4; "
    "touch trip/.ready";
static const char mend[] = "set -e; cd \"$1\"/.clipspool-*; rmdir 1/2/3/4/5/6/7/8/9";

static void run_in(const char *text, const char *folder)
{
    ck_assert_int_eq(PROGRAM_RUN(NULL, "/bin/sh", "-c", text, "sh", folder), 0);
}

START_TEST(what_can_never_be_copied_fails_once_and_is_copied_when_that_is_mended)
{
    char other[] = "/dev/shm/clipspool-test-XXXXXX";
    if (!begin_elsewhere(other))
        return;
    run_in(script, other);
    json_t *status = spool_fixture_await(&fixture, "trip", "failed");
    const json_t *error = json_object_get(status, "error");
    ck_assert_str_eq(text_of(error, "code"), "too_deep");
    ck_assert_str_eq(text_of(error, "message"), "folders are nested more than 8 deep");
    ck_assert_str_eq(text_of(error, "hint"), "put the videos directly into the folder");
    json_decref(status);
    spool_fixture_await_count(&fixture, "failed", 1);
    run_in(mend, other);
    wish("trip", "retry");
    spool_fixture_await_name(&fixture, "outbox/trip/final.mp4", true);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    assert_archived("trip/a.mp4", 2);
    (void)spool_fixture_stop(&fixture, SIGTERM);
    ck_assert_int_eq(rmdir(other), 0); // nothing hidden is left
}
END_TEST

// Work holds a copy that has begun.
static bool is_copying(struct spool_fixture *spool, void *context)
{
    (void)context;
    cleanup(free_ptr) char *work = xasprintf("%s/work", spool->root);
    cleanup(free_ptr) char *names = folder_names(&spool->folder, "spool/work");
    cleanup(free_ptr) char *inner = xasprintf("%s/%s/in.tmp", work, names);
    return *names && access(inner, F_OK) == 0;
}

START_TEST(a_copy_that_was_cut_off_is_made_by_the_next_daemon_beside_its_other_work)
{
    char other[] = "/dev/shm/clipspool-test-XXXXXX";
    if (!begin_elsewhere(other))
        return;
    cleanup(free_ptr) char *aside = xasprintf("%s/.aside", other);
    cleanup(free_ptr) char *clip = xasprintf("%s/clip.mp4", other);
    cleanup(close_fd) int fd = open(aside, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    for (int i = 0; i < 5000; i++)
        write_piece(fd);
    close_fd(&fd);
    ck_assert_int_eq(rename(aside, clip), 0);
    spool_fixture_await_that(&fixture, "work", is_copying, NULL);
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGKILL), SIGKILL);
    spool_fixture_start(&fixture);
    json_decref(spool_fixture_await(&fixture, "clip", "completed"));
    assert_archived("clip/clip.mp4", (off_t)PIECE * 5000);
    ck_assert_int_eq(access(clip, F_OK), -1);
    (void)spool_fixture_stop(&fixture, SIGTERM);
    ck_assert_int_eq(rmdir(other), 0);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, spool_story_open, spool_story_close);
    tcase_add_test(tcase, incoming_on_another_file_system_is_copied_over_without_holding_up_others);
    tcase_add_test(tcase, a_copy_that_was_cut_off_is_made_by_the_next_daemon_beside_its_other_work);
    tcase_add_test(tcase, what_can_never_be_copied_fails_once_and_is_copied_when_that_is_mended);
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "carrier", add_tests);
}
