// When a step does without a model.
#include "stages/fallback.h"

#include "tests/support/folder.h"
#include <check.h>
#include <fcntl.h>
#include <sys/stat.h>

// `failed` attempts before this one, as the supervisor has written them down: this one is counted
// as interrupted until it has ended, and `killed` ended with the supervisor.
static const struct {
    const char *name;
    enum err_class class;
    const char *id;
    unsigned tries, failed, killed;
    bool due;
} errors[] = {
    { "what never works", ERR_INPUT, "content_refused", 2, 0, 0, true },
    { "no money left of the budget", ERR_INPUT, "over_budget", 2, 0, 0, true },
    { "an answer of no use", ERR_INPUT, "no_json_in_reply", 2, 0, 0, true },
    { "a purse that is empty", ERR_SERVICE, "purse_empty", 9, 0, 0, true },
    { "a service that is away, at first", ERR_RETRY, "service_busy", 2, 0, 0, false },
    { "in the last try", ERR_RETRY, "service_busy", 2, 1, 0, true },
    { "and in one of many", ERR_RETRY, "unreachable", 5, 3, 0, false },
    { "tries that were killed count for nothing", ERR_RETRY, "service_busy", 2, 0, 3, false },
    { "nor do they take any away", ERR_RETRY, "service_busy", 2, 1, 3, true },
    { "the only try", ERR_SERVICE, "service_busy", 1, 0, 0, true },
    { "others are at the service", ERR_RETRY, "no_turn", 2, 1, 0, false },
    { "it rests, in the last try", ERR_SERVICE, "service_away", 2, 1, 0, true },
    { "it rests", ERR_SERVICE, "service_away", 2, 0, 0, false },
    { "a refused key", ERR_DENIED, "key_refused", 1, 0, 0, false },
    { "a model that is not there", ERR_CONFIG, "no_such_model", 1, 0, 0, false },
    { "a full disk", ERR_IO, "no_space", 1, 0, 0, false },
    { "our own fault", ERR_BUG, "missing_file", 1, 0, 0, false },
};

START_TEST(a_batch_does_not_fail_for_want_of_a_model)
{
    struct folder folder;
    folder_make(&folder);
    ck_assert_int_eq(mkdirat(folder.fd, BATCH_STEPS, 0700), 0);
    struct stage_context context = { .batchdir = folder.fd, .index = 1 };
    context.settings.stage[STAGE_ANALYZE].tries = errors[_i].tries;
    struct step step = STEP_INIT;
    step.attempts = errors[_i].failed + errors[_i].killed + 1;
    step.interrupted = errors[_i].killed + 1;
    ck_assert_int_eq(step_save_try(folder.fd, STAGE_ANALYZE, 1, &step, NULL), 0);
    struct err err = ERR_INIT;
    (void)err_set(&err, errors[_i].class, errors[_i].id, "model dashscope: as told");
    ck_assert_msg(fallback_is_due(&context, STAGE_ANALYZE, &err) == errors[_i].due, "%s",
                  errors[_i].name);
    folder_remove(&folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fallback");
    TCase *tcase = tcase_create("fallback");
    tcase_add_loop_test(tcase, a_batch_does_not_fail_for_want_of_a_model, 0,
                        (int)ARRAY_LEN(errors));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
