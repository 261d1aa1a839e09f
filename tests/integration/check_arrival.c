// How files really arrive: slowly, with pauses, under partial names, by rsync.  Whatever way, the
// batch is taken once, whole.
#include "tests/support/spool_story.h"

enum { PIECE = 10000, PIECES = 6 };

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

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, spool_story_open, spool_story_close);
    tcase_add_test(tcase, a_file_that_grows_slowly_is_taken_whole);
    tcase_add_test(tcase, a_file_that_someone_holds_open_is_not_taken_however_long_he_pauses);
    tcase_add_test(tcase, a_partial_name_is_waited_for_until_it_is_renamed);
    tcase_add_test(tcase, rsync_with_its_temporary_names_is_taken_whole);
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "arrival", add_tests);
}
