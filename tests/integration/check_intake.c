// The incoming folder is watched and read: what comes is found, by whatever way.
#include "tests/support/spool_story.h"

static void make_folder(const char *name)
{
    cleanup(free_ptr) char *inner = xasprintf("incoming/%s", name);
    cleanup(free_ptr) char *path = spool_fixture_path(&fixture, inner);
    ck_assert_int_eq(mkdir(path, 0755), 0);
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

// ---- with intake.mode = "marker"

static const struct {
    const char *what, *from, *to;
    bool taken;
} renames[] = {
    { "a folder that was made aside", "aside", "spool/incoming/trip", true },
    { "one from a hidden name", "spool/incoming/.trip", "spool/incoming/trip", true },
    { "one from a partial name", "spool/incoming/trip.part", "spool/incoming/trip", true },
    { "a new folder that gets its name", "spool/incoming/New folder", "spool/incoming/trip",
      false },
};

START_TEST(a_folder_that_is_renamed_there_is_taken_but_not_one_that_lay_there)
{
    cleanup(free_ptr) char *from = outside(renames[_i].from);
    cleanup(free_ptr) char *to = outside(renames[_i].to);
    cleanup(free_ptr) char *clip = xasprintf("%s/a.mp4", renames[_i].from);
    spool_fixture_set(
        &fixture, "intake = { mode = \"marker\"; settle_seconds = 0.15; scan_seconds = 0.5; };");
    spool_fixture_start(&fixture);
    ck_assert_int_eq(mkdir(from, 0755), 0);
    folder_put(&fixture.folder, clip, "x");
    ck_assert_int_eq(rename(from, to), 0);
    if (!renames[_i].taken) {
        spool_fixture_await_notice(&fixture, "trip: is taken when it holds a file .ready");
        ck_assert_uint_eq(spool_fixture_count(&fixture, "outbox"), 0);
        spool_fixture_put(&fixture, "incoming/trip/.ready", "", 0);
    }
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, spool_story_open, spool_story_close);
    tcase_add_loop_test(tcase, a_folder_that_is_renamed_there_is_taken_but_not_one_that_lay_there,
                        0, (int)ARRAY_LEN(renames));
    tcase_add_test(tcase, ready_inside_a_folder_takes_it_at_once);
    tcase_add_test(tcase, what_lay_there_before_the_start_is_taken);
    tcase_add_test(tcase, two_batches_at_once_get_a_reel_each);
    tcase_add_test(tcase, fifty_folders_moved_in_while_nobody_looks_are_all_found);
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "intake", add_tests);
}
