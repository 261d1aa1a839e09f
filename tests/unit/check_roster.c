// The list of batches, their lines, and whose outbox folder is whose.
#include "daemon/roster.h"

#include <check.h>
#include <stdio.h>

static struct roster roster;

static void set_up(void)
{
    roster = (struct roster){ .first = NULL };
}

static void tear_down(void)
{
    roster_release(&roster);
    ck_assert_ptr_null(roster.first);
    ck_assert_ptr_null(roster.by_outbox);
}

static struct member *add(const char *id, int priority)
{
    struct member *member = roster_add(&roster, id, MEMBER_NEW);
    member->priority = priority;
    return member;
}

START_TEST(a_line_is_first_in_first_out_for_each_priority)
{
    struct member *a = add("a", PRIORITY_NORMAL), *b = add("b", PRIORITY_HIGH);
    struct member *c = add("c", PRIORITY_NORMAL);
    roster_queue(&roster, a);
    roster_queue(&roster, b);
    roster_queue(&roster, c);
    ck_assert_uint_eq(roster.count[MEMBER_QUEUED], 3);
    ck_assert_ptr_eq(roster_dequeue(&roster, PRIORITY_NORMAL), a);
    ck_assert_ptr_eq(roster_dequeue(&roster, PRIORITY_NORMAL), c);
    ck_assert_ptr_null(roster_dequeue(&roster, PRIORITY_NORMAL));
    ck_assert_ptr_eq(roster_dequeue(&roster, PRIORITY_HIGH), b);
    roster_queue(&roster, a);
    ck_assert_ptr_eq(roster_dequeue(&roster, PRIORITY_NORMAL), a);
}
END_TEST

// Which of a, b, c leaves the line, and who is left.
static const struct {
    size_t leaves;
    const char *left;
} leavers[] = { { 0, "bc" }, { 1, "ac" }, { 2, "ab" } };

START_TEST(one_may_leave_the_middle_of_a_line)
{
    struct member *members[] = { add("a", 0), add("b", 0), add("c", 0) };
    char left[8] = "";
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        roster_queue(&roster, members[i]);
    roster_unqueue(&roster, members[leavers[_i].leaves]);
    roster_queue(&roster, add("d", 0));
    for (struct member *member; (member = roster_dequeue(&roster, 0));)
        strncat(left, member->id, 1);
    ck_assert_int_eq(strncmp(left, leavers[_i].left, 2), 0);
    ck_assert_str_eq(left + 2, "d");
}
END_TEST

START_TEST(a_folder_has_one_owner_at_a_time)
{
    struct member *a = add("a", 0), *b = add("b", 0);
    roster_set_outbox(&roster, a, xstrdup("trip"));
    roster_set_outbox(&roster, b, xstrdup("trip-2"));
    ck_assert_ptr_eq(roster_find_outbox(&roster, "trip"), a);
    ck_assert_ptr_eq(roster_find_outbox(&roster, "trip-2"), b);
    ck_assert_ptr_null(roster_find_outbox(&roster, "other"));
    roster_set_outbox(&roster, a, xstrdup("trip")); // adopted again
    roster_forget_outbox(&roster, a);
    ck_assert_ptr_null(roster_find_outbox(&roster, "trip"));
    roster_set_outbox(&roster, b, xstrdup("trip"));
    ck_assert_ptr_null(roster_find_outbox(&roster, "trip-2"));
    roster_remove(&roster, b);
    ck_assert_ptr_null(roster_find_outbox(&roster, "trip"));
}
END_TEST

START_TEST(counts_follow_the_states)
{
    struct member *a = add("a", PRIORITY_LOW);
    roster_set_state(&roster, a, MEMBER_OPEN);
    ck_assert_uint_eq(roster.open[PRIORITY_LOW], 1);
    ck_assert_uint_eq(roster.count[MEMBER_NEW], 0);
    roster_set_state(&roster, a, MEMBER_ASIDE);
    ck_assert_uint_eq(roster.open[PRIORITY_LOW], 0);
    ck_assert_uint_eq(roster.count[MEMBER_ASIDE], 1);
    roster_remove(&roster, a);
    ck_assert_uint_eq(roster.count[MEMBER_ASIDE], 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("roster");
    TCase *tcase = tcase_create("roster");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_line_is_first_in_first_out_for_each_priority);
    tcase_add_loop_test(tcase, one_may_leave_the_middle_of_a_line, 0, ARRAY_LEN(leavers));
    tcase_add_test(tcase, a_folder_has_one_owner_at_a_time);
    tcase_add_test(tcase, counts_follow_the_states);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
