// Waiting for the changes of a batch.
#include "base/fs.h"
#include "cli/follow.h"
#include "tests/support/folder.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>

static struct folder folder;
static int dir;

static void set_up(void)
{
    folder_make(&folder);
    dir = folder.fd;
    ck_assert_int_eq(mkdirat(dir, "trip", 0700), 0);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static void put_status(const char *text)
{
    ck_assert_int_eq(fs_write(dir, "trip/status.json", text, strlen(text), NULL), 0);
}

static int wait_for(struct follow *follow, struct view *view)
{
    struct pollfd fd = { .fd = follow_fd(follow), .events = POLLIN };
    ck_assert_int_eq(poll(&fd, 1, 5000), 1);
    return follow_look(follow, view, NULL);
}

START_TEST(test_a_batch_is_followed_from_before_it_is_there_to_its_end)
{
    struct follow follow;
    struct view view = VIEW_INIT;
    follow_open(&follow, dir, "later");
    ck_assert_int_eq(follow_look(&follow, &view, NULL), 0);
    ck_assert_int_eq(mkdirat(dir, "later", 0700), 0);
    ck_assert_int_eq(wait_for(&follow, &view), 0);

    const char *words[] = { "{\"status\":\"queued\"}", "{\"status\":\"completed\"}" };
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(fs_write(dir, "later/status.json", words[i], strlen(words[i]), NULL), 0);
        while (wait_for(&follow, &view) == 0 || (i == 1 && !view_is_final(&view)))
            ;
        ck_assert_int_eq(view_is_final(&view), i == 1);
    }
    view_release(&view);
    follow_close(&follow);
}
END_TEST

START_TEST(test_a_folder_that_is_made_anew_is_found_again)
{
    struct follow follow;
    struct view view = VIEW_INIT;
    follow_open(&follow, dir, "trip");
    ck_assert_int_eq(follow_look(&follow, &view, NULL), 0);
    ck_assert_int_eq(unlinkat(dir, "trip", AT_REMOVEDIR), 0);
    ck_assert_int_eq(wait_for(&follow, &view), 0);
    ck_assert_int_eq(mkdirat(dir, "trip", 0700), 0);
    ck_assert_int_eq(wait_for(&follow, &view), 0);
    put_status("{\"status\":\"failed\"}");
    while (wait_for(&follow, &view) == 0)
        ;
    ck_assert_int_eq(view.word, STATUS_FAILED);
    view_release(&view);
    follow_close(&follow);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("follow");
    TCase *tcase = tcase_create("follow");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_a_batch_is_followed_from_before_it_is_there_to_its_end);
    tcase_add_test(tcase, test_a_folder_that_is_made_anew_is_found_again);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
