// Videos that come over Samba: the share that is shipped, a real smbd on loopback, and what its
// clients do.
#include "tests/support/share.h"
#include "tests/support/spool_story.h"

static struct share share;

static void set_up(void)
{
    spool_story_open();
    share_open(&share, &fixture);
    spool_fixture_start(&fixture);
}

static void tear_down(void)
{
    share_close(&share);
    spool_story_close();
}

// ---- its clients

// What smbclient says about these commands.  Gives a string.
static char *client(const char *commands)
{
    char *said;
    (void)PROGRAM_RUN(&said, "smbclient", "--no-pass", "--port", share.port, share.service,
                      "--command", commands);
    return said;
}

static void must(const char *commands)
{
    cleanup(free_ptr) char *said = client(commands);
    ck_assert_msg(strstr(said, "NT_STATUS") == NULL, "%s: %s", commands, said);
}

// A folder of the client's, with a video of that size in it.
static char *make_trip(size_t size)
{
    char *path = outside("home");
    cleanup(free_ptr) char *trip = xasprintf("%s/trip", path);
    cleanup(free_ptr) char *clip = xasprintf("%s/trip/clip.mp4", path);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    ck_assert_int_eq(mkdir(trip, 0755), 0);
    cleanup(close_fd) int fd = open(clip, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ck_assert_int_eq(posix_fallocate(fd, 0, (off_t)size), 0);
    ck_assert_int_eq(pwrite(fd, "v", 1, (off_t)size - 1), 1);
    return path;
}

static void assert_archived(off_t size)
{
    struct stat st;
    cleanup(free_ptr) char *path = spool_fixture_path(&fixture, "archive/trip/clip.mp4");
    spool_fixture_await_count(&fixture, "work", 0);
    ck_assert_msg(stat(path, &st) == 0, "clip.mp4 is not in the archive");
    ck_assert_int_eq(st.st_size, size);
}

START_TEST(a_folder_that_is_dragged_there_is_taken_whole_and_its_reel_fetched)
{
    enum { SIZE = 30000000 };
    cleanup(free_ptr) char *home = make_trip(SIZE);
    cleanup(free_ptr) char *commands =
        xasprintf("prompt off; recurse on; lcd %s; cd incoming; mput trip", home);
    cleanup(free_ptr) char *reel = xasprintf("lcd %s; cd outbox/trip; get final.mp4", home);
    cleanup(free_ptr) char *fetched = xasprintf("%s/final.mp4", home);
    must(commands);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    assert_archived(SIZE);
    must(reel);
    ck_assert_int_eq(access(fetched, R_OK), 0);
}
END_TEST

START_TEST(a_copy_that_pauses_half_way_is_waited_for)
{
    // Six settle times of silence with the file open.
    cleanup(free_ptr) char *command =
        xasprintf("(printf first; sleep 0.9; printf second) | smbclient --no-pass --port %s %s "
                  "--command 'mkdir incoming/trip; put - incoming/trip/clip.mp4'",
                  share.port, share.service);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "sh", "-c", command), 0);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    assert_archived(11);
}
END_TEST

START_TEST(a_partial_name_is_waited_for_until_it_is_renamed)
{
    cleanup(free_ptr) char *home = make_trip(1000);
    cleanup(free_ptr) char *put =
        xasprintf("lcd %s/trip; mkdir incoming/trip; cd incoming/trip; put clip.mp4 clip.mp4.part",
                  home);
    must(put);
    spool_fixture_await_notice(&fixture, "1 arriving");
    (void)poll(NULL, 0, 500);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "outbox"), 0);
    must("cd incoming/trip; rename clip.mp4.part clip.mp4");
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    assert_archived(1000);
}
END_TEST

START_TEST(a_person_cancels_by_dropping_a_file_into_the_outbox)
{
    cleanup(free_ptr) char *home = make_trip(1000);
    cleanup(free_ptr) char *script = xasprintf("%s/trip/fake", home);
    cleanup(free_ptr) char *commands =
        xasprintf("prompt off; recurse on; lcd %s; cd incoming; mput trip", home);
    cleanup(free_ptr) char *wished =
        xasprintf("lcd %s/trip; cd outbox/trip; put clip.mp4 cancel.txt", home);
    folder_put(&fixture.folder, "home/trip/fake", "render hang\n");
    must(commands);
    json_decref(spool_fixture_await(&fixture, "trip", "clipping"));
    must(wished);
    json_decref(spool_fixture_await(&fixture, "trip", "cancelled"));
}
END_TEST

static const struct {
    const char *what, *commands, *refused;
} refusals[] = {
    { "litter of desktops", "lcd /etc; put hostname incoming/.DS_Store",
      "NT_STATUS_OBJECT_NAME_NOT_FOUND" },
    { "a link that leads out of the spool", "get out/hostname /dev/null", "NT_STATUS" },
};

START_TEST(the_share_refuses)
{
    cleanup(free_ptr) char *link = spool_fixture_path(&fixture, "out");
    ck_assert_int_eq(symlink("/etc", link), 0);
    cleanup(free_ptr) char *said = client(refusals[_i].commands);
    ck_assert_msg(strstr(said, refusals[_i].refused) != NULL, "%s: %s", refusals[_i].what, said);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    if (geteuid() != 0) {
        puts("SKIP samba: only root can start smbd");
        return;
    }
    tcase_add_test(tcase, a_folder_that_is_dragged_there_is_taken_whole_and_its_reel_fetched);
    tcase_add_test(tcase, a_copy_that_pauses_half_way_is_waited_for);
    tcase_add_test(tcase, a_partial_name_is_waited_for_until_it_is_renamed);
    tcase_add_test(tcase, a_person_cancels_by_dropping_a_file_into_the_outbox);
    tcase_add_loop_test(tcase, the_share_refuses, 0, (int)ARRAY_LEN(refusals));
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "samba", add_tests);
}
