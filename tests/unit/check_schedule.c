// Turns: fair within a priority, strict between them, never more than there are slots.
#include "daemon/schedule.h"

#include <check.h>
#include <stdio.h>

// Batches named by letters; upper case is high priority, digits are low.
static struct schedule_turn turns[128];
static struct schedule schedule;

static struct schedule_turn *turn_of(char name)
{
    struct schedule_turn *turn = &turns[(unsigned char)name];
    if (!turn->owner)
        *turn = (struct schedule_turn){
            .owner = turn,
            .slot = SLOT_CPU,
            .priority = name >= 'a'   ? PRIORITY_NORMAL
                        : name >= 'A' ? PRIORITY_HIGH
                                      : PRIORITY_LOW,
        };
    return turn;
}

static void set_up(void)
{
    static const unsigned slots[SLOT_COUNT] = { [SLOT_CPU] = 1, [SLOT_NET] = 2, [SLOT_MODEL] = 1 };
    memset(turns, 0, sizeof turns);
    schedule_init(&schedule, slots);
}

static const struct {
    const char *name;
    const char *lines; // batches that stand in line, each with as many steps as its letter occurs
    const char *order; // in which their steps run on one slot
} rows[] = {
    { "first come, first served", "abc", "abc" },
    { "a batch of many takes turns with a batch of one", "aaaaab", "abaaaa" },
    { "two of many alternate", "aaabbb", "ababab" },
    { "high before normal before low", "1aA", "Aa1" },
    { "high priority runs to its end", "aAAA", "AAAa" },
    { "nobody", "", "" },
};

START_TEST(steps_run_in_turns)
{
    unsigned steps[128] = { 0 };
    char order[64] = "";
    for (const char *at = rows[_i].lines; *at; at++) {
        steps[(unsigned char)*at]++;
        schedule_offer(&schedule, turn_of(*at));
    }
    for (struct schedule_turn *turn; (turn = schedule_next(&schedule));) {
        char name = (char)(turn - turns);
        strncat(order, &name, 1);
        schedule_take(&schedule, turn->slot);
        ck_assert_ptr_null(schedule_next(&schedule)); // the one slot is taken
        schedule_give_back(&schedule, turn->slot);
        if (--steps[(unsigned char)name] > 0)
            schedule_offer(&schedule, turn);
    }
    ck_assert_msg(strcmp(order, rows[_i].order) == 0, "%s: %s", rows[_i].name, order);
}
END_TEST

START_TEST(classes_of_slots_do_not_wait_for_each_other)
{
    struct schedule_turn *cpu = turn_of('a'), *net = turn_of('b');
    net->slot = SLOT_NET;
    schedule_take(&schedule, SLOT_CPU);
    schedule_offer(&schedule, cpu);
    schedule_offer(&schedule, net);
    ck_assert_ptr_eq(schedule_next(&schedule), net);
    ck_assert_ptr_null(schedule_next(&schedule));
    schedule_give_back(&schedule, SLOT_CPU);
    ck_assert_ptr_eq(schedule_next(&schedule), cpu);
}
END_TEST

START_TEST(standing_in_line_twice_or_leaving_twice_changes_nothing)
{
    schedule_offer(&schedule, turn_of('a'));
    schedule_offer(&schedule, turn_of('b'));
    schedule_offer(&schedule, turn_of('a'));
    schedule_withdraw(turn_of('c'));
    ck_assert_ptr_eq(schedule_next(&schedule), turn_of('a'));
    schedule_withdraw(turn_of('b'));
    schedule_withdraw(turn_of('b'));
    ck_assert_ptr_null(schedule_next(&schedule));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schedule");
    TCase *tcase = tcase_create("schedule");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_loop_test(tcase, steps_run_in_turns, 0, ARRAY_LEN(rows));
    tcase_add_test(tcase, classes_of_slots_do_not_wait_for_each_other);
    tcase_add_test(tcase, standing_in_line_twice_or_leaving_twice_changes_nothing);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
