// The page of what waits says so for each name, whatever is in the names, and goes with the last.
#include "spool/waiting.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static struct folder folder;
static struct waiting waiting;

static void set_up(void)
{
    folder_make(&folder);
    waiting = (struct waiting)WAITING_INIT;
}

static void tear_down(void)
{
    waiting_release(&waiting);
    folder_remove(&folder);
}

static void tell(void)
{
    struct err err = ERR_INIT;
    ck_assert_msg(waiting_tell(&waiting, folder.fd, &err) == 0, "%s", err.text);
}

static const struct {
    const char *name, *why; // why NULL: nothing is said of it
} rows[] = {
    { "trip", "clip.mp4 is cut off" },
    { "trip 2", "50.0 GB are free; a batch is taken when 30.0 GB are left" },
    { "a: b", "b.mp4 is empty" },
    { "a", "c.mp4 is open" },
    { "evil\n\ntrip\n    nothing\xff", "d.mp4 has a gap" },
    { "trip 3", NULL },
    { "tri", NULL },
    { "b", NULL },
    { "Waiting in the folder for new videos", NULL },
    { "", NULL },
};

START_TEST(of_each_name_is_found_why_it_waits)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].why)
            waiting_add(&waiting, rows[i].name, rows[i].why);
    tell();
    cleanup(free_ptr) char *why = waiting_find(folder.fd, rows[_i].name);
    ck_assert_msg(rows[_i].why ? why && strcmp(why, rows[_i].why) == 0 : !why, "%s: %s",
                  rows[_i].name, why ? why : "nothing");
}
END_TEST

START_TEST(the_page_is_for_people_and_goes_when_nothing_waits)
{
    waiting_add(&waiting, "trip\x1b", "clip.mp4 is cut off");
    tell();
    cleanup(free_ptr) char *page = folder_get(&folder, WAITING_PAGE);
    ck_assert_str_eq(page,
                     "Waiting in the folder for new videos. Each is taken by itself once this "
                     "is over:\n\ntrip\\x1B\n    clip.mp4 is cut off\n");
    waiting_clear(&waiting);
    tell();
    ck_assert_int_ne(faccessat(folder.fd, WAITING_PAGE, F_OK, 0), 0);
    ck_assert_ptr_null(waiting_find(folder.fd, "trip"));
}
END_TEST

START_TEST(what_an_earlier_service_said_goes_at_the_first_word)
{
    folder_put(&folder, WAITING_PAGE, "Waiting:\n\ntrip\n    for ever\n");
    tell();
    ck_assert_int_ne(faccessat(folder.fd, WAITING_PAGE, F_OK, 0), 0);
}
END_TEST

START_TEST(what_is_said_already_is_not_written_again)
{
    waiting_add(&waiting, "trip", "clip.mp4 is cut off");
    tell();
    folder_put(&folder, WAITING_PAGE, "mine");
    tell();
    cleanup(free_ptr) char *kept = folder_get(&folder, WAITING_PAGE);
    ck_assert_str_eq(kept, "mine");
    waiting_add(&waiting, "beach", "b.mp4 is empty");
    tell();
    cleanup(free_ptr) char *said = folder_get(&folder, WAITING_PAGE);
    ck_assert_ptr_nonnull(strstr(said, "\ntrip\n"));
    ck_assert_ptr_nonnull(strstr(said, "\nbeach\n"));
}
END_TEST

START_TEST(of_very_many_some_are_named_and_all_counted)
{
    for (unsigned i = 0; i < 5000; i++) {
        cleanup(free_ptr) char *name = xasprintf("trip %u", i);
        waiting_add(&waiting, name, "clip.mp4 is cut off");
    }
    tell();
    cleanup(free_ptr) char *page = folder_get(&folder, WAITING_PAGE);
    ck_assert_ptr_nonnull(strstr(page, "\ntrip 99\n"));
    ck_assert_ptr_null(strstr(page, "\ntrip 100\n"));
    ck_assert_ptr_nonnull(strstr(page, "\nand 4900 more\n"));
}
END_TEST

// Where it cannot be written, it is tried again.
START_TEST(a_folder_in_its_place_is_an_error_until_it_is_gone)
{
    struct err err = ERR_INIT;
    ck_assert_int_eq(mkdirat(folder.fd, WAITING_PAGE, 0755), 0);
    waiting_add(&waiting, "trip", "clip.mp4 is cut off");
    ck_assert_int_lt(waiting_tell(&waiting, folder.fd, &err), 0);
    ck_assert_int_eq(unlinkat(folder.fd, WAITING_PAGE, AT_REMOVEDIR), 0);
    tell();
    cleanup(free_ptr) char *why = waiting_find(folder.fd, "trip");
    ck_assert_ptr_nonnull(why);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("waiting");
    TCase *tcase = tcase_create("waiting");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, of_each_name_is_found_why_it_waits, 0, ARRAY_LEN(rows));
    tcase_add_test(tcase, the_page_is_for_people_and_goes_when_nothing_waits);
    tcase_add_test(tcase, what_an_earlier_service_said_goes_at_the_first_word);
    tcase_add_test(tcase, what_is_said_already_is_not_written_again);
    tcase_add_test(tcase, of_very_many_some_are_named_and_all_counted);
    tcase_add_test(tcase, a_folder_in_its_place_is_an_error_until_it_is_gone);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
