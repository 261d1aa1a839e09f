// What of adopting needs no daemon: the list of those that wait in failed/.
#include "daemon/adopt.h"
#include "tests/support/folder.h"

#include <check.h>
#include <sys/inotify.h>
#include <sys/stat.h>

static const struct {
    const char *name;
    enum member_state state;
    bool there, kept; // in failed/; in the roster afterwards
} members[] = {
    { "20260101T000000Z-lies-aside-0001", MEMBER_ASIDE, true, true },
    { "20260101T000000Z-has-expired-0002", MEMBER_ASIDE, false, false },
    { "20260101T000000Z-is-in-work-0003", MEMBER_QUEUED, false, true },
    { "20260101T000000Z-not-understood-0004", MEMBER_NEW, false, true },
    { "20260101T000000Z-expired-too-0005", MEMBER_ASIDE, false, false },
};

static bool is_in(const struct roster *roster, const char *id)
{
    for (const struct member *member = roster->first; member; member = member->next) {
        if (strcmp(member->id, id) == 0)
            return true;
    }
    return false;
}

START_TEST(who_is_gone_from_failed_is_forgotten_with_his_watch_and_his_folder)
{
    struct folder folder;
    struct service service = { .spool = SPOOL_INIT };
    folder_make(&folder);
    service.spool.failed = folder.fd;
    ck_assert_int_eq(sd_event_new(&service.event), 0);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        struct member *member = roster_add(&service.roster, members[i].name, members[i].state);
        roster_set_outbox(&service.roster, member, xasprintf("box%zu", i));
        ck_assert_int_ge(sd_event_add_inotify_fd(service.event, &member->watch, folder.fd,
                                                 IN_MOVED_TO, NULL, NULL),
                         0);
        service.roster.watches++;
        if (members[i].there)
            ck_assert_int_eq(mkdirat(folder.fd, members[i].name, 0700), 0);
    }
    adopt_forget_removed(&service);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        cleanup(free_ptr) char *box = xasprintf("box%zu", i);
        ck_assert_msg(is_in(&service.roster, members[i].name) == members[i].kept, "%s",
                      members[i].name);
        ck_assert_msg((roster_find_outbox(&service.roster, box) != NULL) == members[i].kept, "%s",
                      members[i].name);
    }
    ck_assert_uint_eq(service.roster.watches, 3);
    roster_release(&service.roster);
    sd_event_unref(service.event);
    folder_remove(&folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("adopt");
    TCase *tcase = tcase_create("adopt");
    tcase_add_test(tcase, who_is_gone_from_failed_is_forgotten_with_his_watch_and_his_folder);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
