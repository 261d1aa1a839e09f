// The policy of retries, row by row.
#include "daemon/outcome.h"

#include <check.h>
#include <stdio.h>

static const struct settings_stage rules = { .tries = 3, .wait_seconds = 60 };

static const struct {
    const char *name;
    enum err_class class;
    const char *id;
    unsigned failures, troubles;
    bool once;
    enum outcome_action action;
    double wait; // with chance 0.5, so without jitter
    bool counted, trouble;
} rows[] = {
    { "done", ERR_NONE, "", 0, 0, false, OUTCOME_DONE, 0, true, false },
    { "bad input", ERR_INPUT, "x", 1, 0, false, OUTCOME_FAIL, 0, true, false },
    { "denied", ERR_DENIED, "x", 1, 0, false, OUTCOME_FAIL, 0, true, false },
    { "try again, first", ERR_RETRY, "x", 1, 1, false, OUTCOME_RETRY, 60, true, false },
    { "try again, doubled", ERR_RETRY, "x", 2, 2, false, OUTCOME_RETRY, 120, true, false },
    { "try again, used up", ERR_RETRY, "x", 3, 3, false, OUTCOME_FAIL, 0, true, false },
    { "service away", ERR_SERVICE, "x", 1, 0, false, OUTCOME_RETRY, 60, true, false },
    { "service away, used up", ERR_SERVICE, "x", 3, 0, false, OUTCOME_FAIL, 0, true, false },
    { "a service that rests, first", ERR_SERVICE, "service_away", 9, 0, false, OUTCOME_RETRY, 1.1,
      false, false },
    { "a service that rests, nobody there", ERR_SERVICE, "service_away", 1, 0, true, OUTCOME_RETRY,
      60, true, false },
    { "a service with a gate, away", ERR_SERVICE, "storage_away", 1, 0, false, OUTCOME_RETRY, 60,
      true, false },
    { "no turn at a service", ERR_RETRY, "no_turn", 9, 1, true, OUTCOME_RETRY, 1.1, false, false },
    { "a model that has too much to do", ERR_RETRY, "service_busy", 3, 3, false, OUTCOME_FAIL, 0,
      true, false },
    { "crash, once more", ERR_BUG, "x", 1, 0, false, OUTCOME_RETRY, 0, true, false },
    { "crash, twice", ERR_BUG, "x", 2, 0, false, OUTCOME_RETRY, 0, true, false },
    { "crash, three times", ERR_BUG, "x", 3, 0, false, OUTCOME_FAIL, 0, true, false },
    { "disk full", ERR_IO, "no_space", 1, 1, false, OUTCOME_RETRY, 2, false, true },
    { "disk full, for long", ERR_IO, "no_space", 1, 500, false, OUTCOME_RETRY, 60, false, true },
    { "disk full, nobody there", ERR_IO, "no_space", 1, 3, true, OUTCOME_FAIL, 0, true, false },
    { "read error", ERR_IO, "io_error", 1, 3, false, OUTCOME_RETRY, 8, false, true },
    { "read error, for long", ERR_IO, "io_error", 1, 12, false, OUTCOME_FAIL, 0, true, false },
    { "no memory", ERR_SYSTEM, "no_memory", 1, 2, false, OUTCOME_RETRY, 4, false, true },
    { "outbox", ERR_IO, "outbox_trouble", 1, 500, false, OUTCOME_RETRY, 60, false, false },
    { "step busy", ERR_RETRY, "step_busy", 9, 1, false, OUTCOME_RETRY, 0.2, false, false },
    { "step busy, for long", ERR_RETRY, "step_busy", 9, 90, false, OUTCOME_RETRY, 30, false,
      false },
    { "configuration", ERR_CONFIG, "x", 9, 0, false, OUTCOME_HOLD_RELOAD, 0, false, false },
    { "configuration, nobody there", ERR_CONFIG, "x", 1, 0, true, OUTCOME_FAIL, 0, true, false },
};

START_TEST(what_follows_from_a_class)
{
    struct err err = { .class = rows[_i].class };
    (void)snprintf(err.id, sizeof err.id, "%s", rows[_i].id);
    struct outcome_facts facts = { .err = &err,
                                   .failures = rows[_i].failures,
                                   .troubles = rows[_i].troubles,
                                   .rules = &rules,
                                   .once = rows[_i].once,
                                   .chance = 0.5 };
    struct outcome outcome = outcome_judge(&facts);
    ck_assert_msg(outcome.action == rows[_i].action, "%s: %d", rows[_i].name, outcome.action);
    ck_assert_msg(outcome.wait_seconds > rows[_i].wait - 1e-9 &&
                      outcome.wait_seconds < rows[_i].wait + 1e-9,
                  "%s: %g s", rows[_i].name, outcome.wait_seconds);
    ck_assert_msg(outcome.counted == rows[_i].counted, "%s", rows[_i].name);
    ck_assert_msg(outcome.trouble == rows[_i].trouble, "%s", rows[_i].name);
}
END_TEST

START_TEST(a_service_is_not_asked_again_before_it_said_but_within_the_hour)
{
    struct err err = { .class = ERR_RETRY, .retry_after = 90 };
    struct outcome_facts facts = { .err = &err, .failures = 1, .rules = &rules, .chance = 0.5 };
    ck_assert_double_eq_tol(outcome_judge(&facts).wait_seconds, 90, 1e-9);
    err.retry_after = 5;
    ck_assert_double_eq_tol(outcome_judge(&facts).wait_seconds, 60, 1e-9);
    err.retry_after = 86400;
    ck_assert_double_eq_tol(outcome_judge(&facts).wait_seconds, 3600, 1e-9);
}
END_TEST

START_TEST(retries_are_spread_by_a_quarter_to_both_sides)
{
    struct err err = { .class = ERR_RETRY };
    struct outcome_facts facts = { .err = &err, .failures = 1, .rules = &rules };
    ck_assert_double_eq_tol(outcome_judge(&facts).wait_seconds, 45, 1e-9);
    facts.chance = 1;
    ck_assert_double_eq_tol(outcome_judge(&facts).wait_seconds, 75, 1e-9);
}
END_TEST

START_TEST(a_crash_has_three_tries_whatever_the_configuration_says)
{
    const struct settings_stage few = { .tries = 1 }, many = { .tries = 100 };
    struct err err = { .class = ERR_BUG };
    struct outcome_facts facts = { .err = &err, .rules = &few };
    for (facts.failures = 1; facts.failures < 3; facts.failures++)
        ck_assert_int_eq(outcome_judge(&facts).action, OUTCOME_RETRY);
    facts.rules = &many;
    ck_assert_int_eq(outcome_judge(&facts).action, OUTCOME_FAIL);
}
END_TEST

START_TEST(a_wait_never_exceeds_its_bound)
{
    struct settings_stage patient = { .tries = 100, .wait_seconds = 600 };
    struct err err = { .class = ERR_RETRY };
    struct outcome_facts facts = { .err = &err, .rules = &patient, .chance = 1 };
    for (facts.failures = 1; facts.failures < 100; facts.failures++)
        ck_assert_double_le(outcome_judge(&facts).wait_seconds, 3600 * 1.25);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outcome");
    TCase *tcase = tcase_create("outcome");
    tcase_add_loop_test(tcase, what_follows_from_a_class, 0, ARRAY_LEN(rows));
    tcase_add_test(tcase, a_service_is_not_asked_again_before_it_said_but_within_the_hour);
    tcase_add_test(tcase, a_crash_has_three_tries_whatever_the_configuration_says);
    tcase_add_test(tcase, retries_are_spread_by_a_quarter_to_both_sides);
    tcase_add_test(tcase, a_wait_never_exceeds_its_bound);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
