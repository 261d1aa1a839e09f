// Opening a batch: what is in its directory comes into memory, and its outbox folder is found.
#include "daemon/live.h"
#include "tests/support/batch_folder.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static struct batch_folder folder;
static struct roster roster;
static struct member *member;
static struct live *live;

static void set_up(void)
{
    batch_folder_make(&folder, 2);
    roster = (struct roster){ .first = NULL };
    member = roster_add(&roster, folder.id, MEMBER_NEW);
    live = NULL;
}

static void tear_down(void)
{
    live_free(&live);
    roster_release(&roster);
    batch_folder_remove(&folder);
}

static void save(enum stage stage, int index, enum step_state state)
{
    struct step step = { .state = state, .attempts = 1 };
    if (state == STEP_FAILED)
        (void)err_set(&step.error, ERR_INPUT, "x", "y");
    ck_assert_int_eq(step_save(folder.batchdir, stage, index, &step, NULL), 0);
}

START_TEST(results_of_steps_are_read)
{
    save(STAGE_FETCH, 0, STEP_DONE);
    save(STAGE_FETCH, 1, STEP_FAILED);
    ck_assert_int_eq(live_open(&folder.spool, member, &live, NULL), 0);
    struct course_place place = { STAGE_FETCH, 0 };
    ck_assert_int_eq(course_step(&live->course, place)->state, STEP_DONE);
    ck_assert(course_source_failed(&live->course, 1));
    ck_assert_int_eq(course_front(&live->course), STAGE_PROBE);
    ck_assert(!live->cancelled);
}
END_TEST

// The first of the two sources becomes one elsewhere.
static void move_elsewhere(void)
{
    struct batch batch = BATCH_INIT;
    ck_assert_int_eq(batch_load(folder.batchdir, &batch, NULL), 0);
    batch.sources[0].kind = SOURCE_URL;
    batch.sources[0].size_bytes = 0;
    batch.sources[0].remote.url = xstrdup("https://example.org/x/sea.mp4?key=secret");
    ck_assert_int_eq(batch_save(folder.batchdir, &batch, NULL), 0);
    batch_release(&batch);
}

START_TEST(what_is_elsewhere_is_taken_for_a_minute_until_it_is_here)
{
    const struct course_place first = { STAGE_FETCH, 0 }, second = { STAGE_FETCH, 1 };
    move_elsewhere();
    ck_assert_int_eq(live_open(&folder.spool, member, &live, NULL), 0);
    ck_assert(live_downloads(live, first) && !live_downloads(live, second));
    ck_assert(!live_downloads(live, (struct course_place){ STAGE_PROBE, 0 }));
    ck_assert_double_eq(live_material(live, first), 60);
    ck_assert_double_eq(live_material(live, second), 1); // a few bytes
    cleanup(free_ptr) char *name = live_source_name(live, 0);
    ck_assert_str_eq(name, "sea.mp4");
    live_free(&live);
    struct step step = { .state = STEP_DONE, .numbers = json_pack("{s:i}", "size_bytes", 3000000) };
    ck_assert_int_eq(step_save(folder.batchdir, STAGE_FETCH, 0, &step, NULL), 0);
    step_release(&step);
    ck_assert_int_eq(live_open(&folder.spool, member, &live, NULL), 0);
    ck_assert_double_eq(live_material(live, first), 2);
}
END_TEST

START_TEST(a_wish_to_cancel_that_was_kept_is_seen)
{
    cleanup(free_ptr) char *name = xasprintf("work/%s/" BATCH_CANCEL, folder.id);
    folder_put(&folder.folder, name, "");
    ck_assert_int_eq(live_open(&folder.spool, member, &live, NULL), 0);
    ck_assert(live->cancelled);
}
END_TEST

static const struct {
    const char *name, *before, *rest; // around the batch's id
    double percent;
    enum status_word word;
} told[] = {
    { "its own", "", "\"status\":\"compressing\",\"progress\":42.5}", 42.5, STATUS_COMPRESSING },
    { "another's", "x", "\"status\":\"compressing\",\"progress\":42.5}", 0, STATUS_QUEUED },
    { "too far", "", "\"status\":\"completed\",\"progress\":1000}", 0, STATUS_COMPLETED },
    { "nonsense", "", "[[[", 0, STATUS_QUEUED },
};

START_TEST(progress_goes_on_from_what_people_were_told)
{
    cleanup(free_ptr) char *text =
        xasprintf("{\"id\":\"%s%s\",%s", told[_i].before, folder.id, told[_i].rest);
    folder_put(&folder.folder, "outbox/trip/status.json", text);
    ck_assert_int_eq(live_open(&folder.spool, member, &live, NULL), 0);
    ck_assert_msg(live->percent == told[_i].percent, "%s: %g", told[_i].name, live->percent);
    ck_assert_msg(live->reported == told[_i].word, "%s", told[_i].name);
}
END_TEST

START_TEST(an_outbox_folder_that_was_moved_away_is_made_again)
{
    struct stat first, second;
    ck_assert_int_eq(live_open(&folder.spool, member, &live, NULL), 0);
    ck_assert_int_eq(fstat(live_outbox(&folder.spool, live, NULL), &first), 0);
    ck_assert_int_eq(renameat(folder.spool.outbox, "trip", folder.spool.outbox, "moved"), 0);
    ck_assert_int_eq(fstat(live_outbox(&folder.spool, live, NULL), &second), 0);
    ck_assert(first.st_ino != second.st_ino);
    ck_assert_int_eq(faccessat(folder.spool.outbox, "trip", F_OK, 0), 0);
}
END_TEST

START_TEST(a_file_or_link_in_its_place_is_not_followed)
{
    ck_assert_int_eq(live_open(&folder.spool, member, &live, NULL), 0);
    ck_assert_int_eq(unlinkat(folder.spool.outbox, "trip", AT_REMOVEDIR), 0);
    ck_assert_int_eq(symlinkat("/tmp", folder.spool.outbox, "trip"), 0);
    ck_assert_int_lt(live_outbox(&folder.spool, live, NULL), 0);
}
END_TEST

START_TEST(a_damaged_batch_is_an_input_error)
{
    struct err err = ERR_INIT;
    cleanup(free_ptr) char *name = xasprintf("work/%s/" BATCH_FILE, folder.id);
    folder_put(&folder.folder, name, "{");
    ck_assert_int_lt(live_open(&folder.spool, member, &live, &err), 0);
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert_ptr_null(live);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("live");
    TCase *tcase = tcase_create("live");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, results_of_steps_are_read);
    tcase_add_test(tcase, what_is_elsewhere_is_taken_for_a_minute_until_it_is_here);
    tcase_add_test(tcase, a_wish_to_cancel_that_was_kept_is_seen);
    tcase_add_loop_test(tcase, progress_goes_on_from_what_people_were_told, 0, ARRAY_LEN(told));
    tcase_add_test(tcase, an_outbox_folder_that_was_moved_away_is_made_again);
    tcase_add_test(tcase, a_file_or_link_in_its_place_is_not_followed);
    tcase_add_test(tcase, a_damaged_batch_is_an_input_error);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
