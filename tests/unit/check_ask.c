// Questions over real sockets: what each misbehaviour of a service comes to, that what was answered
// is never asked again, and that nothing is sent that could pass a limit.
#include "tests/support/asking.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct asking_place place;

static void set_up(void)
{
    asking_make(&place);
}

static void tear_down(void)
{
    asking_remove(&place);
}

// The list of these answers, and a good one behind them.
static void script(const char *first, const char *text)
{
    cleanup(free_ptr) char *answer = asking_answer(&place, text);
    cleanup(free_ptr) char *json =
        xasprintf("[%s%s{\"body\":%s}]", first, *first ? "," : "", answer);
    asking_script(&place, json);
}

static void expect_answer(const char *content, int kept, const char *text)
{
    struct err err = ERR_INIT;
    cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
    int r = asking_ask(&place, content, &reply, &err);
    ck_assert_msg(r == kept, "%d, not %d: %s", r, kept, err.text);
    ck_assert_str_eq(reply.text, text);
    ck_assert_uint_eq(reply.usage.input, ASKING_INPUT);
}

static void expect_sums(uint64_t billed, uint64_t held)
{
    struct asking_sums sums;
    asking_sums(&place, &sums);
    ck_assert_uint_eq(sums.batch_billed, billed);
    ck_assert_uint_eq(sums.day_billed, billed);
    ck_assert_uint_eq(sums.batch_held, held);
    ck_assert_uint_eq(sums.day_held, held);
}

enum { BILL = ASKING_INPUT + ASKING_OUTPUT };

// ---- a question

static const struct {
    const char *name;
    int service, interface;
    const char *line;
} services[] = {
    { "DashScope", MODEL_DASHSCOPE, MODEL_NATIVE,
      "/v1/api/v1/services/aigc/text-generation/generation HTTP/1.1" },
    { "its compatible mode", MODEL_DASHSCOPE, MODEL_COMPATIBLE,
      "/v1/compatible-mode/v1/chat/completions HTTP/1.1" },
    { "OpenAI", MODEL_OPENAI, 0, "/v1/chat/completions HTTP/1.1" },
};

START_TEST(every_service_is_asked_in_its_own_way)
{
    place.service = services[_i].service;
    place.settings.interface = services[_i].interface;
    script("", "a beach");
    expect_answer("", 0, "a beach");
    cleanup(free_ptr) char *request = asking_request(&place, 1);
    ck_assert_msg(strstr(request, services[_i].line) != NULL, "%s", request);
    ck_assert_ptr_nonnull(strstr(request, "Authorization: Bearer secret-key\r\n"));
    ck_assert_ptr_nonnull(strstr(request, "Content-Type: application/json\r\n"));
    ck_assert_ptr_nonnull(strstr(request, "What happens?"));
    expect_sums(BILL, 0);
    expect_answer("", 1, "a beach");
    ck_assert_uint_eq(asking_requests(&place), 1);
}
END_TEST

START_TEST(a_server_that_asks_for_no_key_gets_none)
{
    place.key = place.credential = NULL;
    script("", "a beach");
    expect_answer("", 0, "a beach");
    cleanup(free_ptr) char *request = asking_request(&place, 1);
    ck_assert_ptr_null(strstr(request, "Authorization"));
}
END_TEST

// ---- misbehaviour

#define OPENAI MODEL_OPENAI, 0
#define NATIVE MODEL_DASHSCOPE, MODEL_NATIVE
#define COMPATIBLE MODEL_DASHSCOPE, MODEL_COMPATIBLE
#define SOON "\"head\":{\"retry-after-ms\":\"1\"}"

static const struct {
    const char *name;
    int service, interface;
    const char *first; // answers before the good one
    int tries;         // that it took to get it
    uint64_t held;     // what may have been billed besides
} passing[] = {
    { "a limit a minute, and when to come back", OPENAI,
      "{\"status\":429,\"head\":{\"Retry-After\":\"1\"},\"body\":{\"error\":{"
      "\"code\":\"rate_limit_exceeded\",\"message\":\"slow\"}}}",
      2, 0 },
    { "a limit a minute, and nothing said of when", NATIVE,
      "{\"status\":429,\"body\":{\"code\":\"Throttling.RateQuota\",\"message\":\"slow\"}}", 2, 0 },
    { "a quota a minute that has the name of an empty purse", COMPATIBLE,
      "{\"status\":429,\"body\":{\"error\":{\"code\":\"insufficient_quota\",\"message\":"
      "\"You exceeded your current quota\"}}}",
      2, 0 },
    { "broken for a moment, three times", OPENAI,
      "{\"status\":500," SOON "},{\"status\":503," SOON "},{\"status\":502," SOON "}", 4, 0 },
    { "a proxy that did not wait for the answer", OPENAI, "{\"status\":504," SOON "}", 2,
      ASKING_MOST },
    { "a body cut in the middle", OPENAI, "{\"body\":{\"choices\":[1,2,3,4]},\"cut\":10}", 2,
      ASKING_MOST },
    { "a page of some proxy", OPENAI, "{\"body\":\"<html>hello</html>\"," SOON "}", 2,
      ASKING_MOST },
    { "an error under 200", NATIVE,
      "{\"body\":{\"code\":\"InternalError\",\"message\":\"oops\",\"request_id\":\"1\"}}", 2, 0 },
    { "an answer without a message", OPENAI, "{\"body\":{\"choices\":[]}," SOON "}", 2,
      ASKING_MOST },
    { "a part of the answer", NATIVE,
      "{\"head\":{\"x-dashscope-partialresponse\":\"true\"},\"body\":{\"output\":{\"text\":\"a\"}}"
      "}",
      2, ASKING_MOST },
    { "a form of answer that is not known there", OPENAI,
      "{\"status\":400,\"body\":{\"error\":{\"message\":\"response_format is not supported\"}}}", 2,
      0 },
};

START_TEST(what_passes_is_tried_again)
{
    place.service = passing[_i].service;
    place.settings.interface = passing[_i].interface;
    script(passing[_i].first, "a beach");
    expect_answer("", 0, "a beach");
    ck_assert_int_eq((int)asking_requests(&place), passing[_i].tries);
    expect_sums(BILL, passing[_i].held);
}
END_TEST

static const struct {
    const char *name;
    int service, interface;
    const char *answer; // to every request
    enum err_class class;
    const char *id;
    int requests;
} lasting[] = {
    { "an empty purse that has the name of a quota", OPENAI,
      "{\"status\":429,\"body\":{\"error\":{\"code\":\"insufficient_quota\",\"message\":\"pay\"}}}",
      ERR_SERVICE, "purse_empty", 1 },
    { "an account that is overdue", NATIVE,
      "{\"status\":400,\"body\":{\"code\":\"Arrearage\",\"message\":\"pay\"}}", ERR_SERVICE,
      "purse_empty", 1 },
    { "a key that is refused", OPENAI, "{\"status\":401,\"body\":{\"error\":{\"message\":\"no\"}}}",
      ERR_DENIED, "key_refused", 1 },
    { "a model that is not there", NATIVE,
      "{\"status\":404,\"body\":{\"code\":\"ModelNotFound\",\"message\":\"no\"}}", ERR_CONFIG,
      "no_such_model", 1 },
    { "content that is refused", NATIVE,
      "{\"status\":400,\"body\":{\"code\":\"DataInspectionFailed\",\"message\":\"no\"}}", ERR_INPUT,
      "content_refused", 1 },
    { "an unknown task", NATIVE, "{\"body\":{\"output\":{\"task_status\":\"UNKNOWN\"}}}", ERR_RETRY,
      "task_lost", 2 },
    { "broken without end", OPENAI, "{\"status\":503," SOON "}", ERR_RETRY, "service_busy", 6 },
    { "a wait beyond all patience", OPENAI,
      "{\"status\":429,\"head\":{\"Retry-After\":\"3000\"},\"body\":{\"error\":{\"code\":"
      "\"rate_limit_exceeded\"}}}",
      ERR_RETRY, "throttled_requests", 1 },
};

START_TEST(what_does_not_pass_is_told)
{
    struct err err = ERR_INIT;
    cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
    cleanup(free_ptr) char *list = xasprintf("[%s]", lasting[_i].answer);
    place.service = lasting[_i].service;
    place.settings.interface = lasting[_i].interface;
    asking_script(&place, list);
    ck_assert_int_lt(asking_ask(&place, "", &reply, &err), 0);
    ck_assert_msg(strcmp(err.id, lasting[_i].id) == 0, "%s: %s", err.id, err.text);
    ck_assert_int_eq((int)err.class, (int)lasting[_i].class);
    ck_assert_ptr_null(reply.text);
    ck_assert_int_eq((int)asking_requests(&place), lasting[_i].requests);
    expect_sums(0, 0);
}
END_TEST

START_TEST(a_refused_key_is_named_and_never_shown)
{
    struct err err = ERR_INIT;
    cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
    asking_script(&place, "[{\"status\":401,\"body\":{\"error\":{\"message\":\"bad key\"}}}]");
    ck_assert_int_lt(asking_ask(&place, "", &reply, &err), 0);
    ck_assert_msg(strstr(err.hint, "the-key") != NULL, "%s", err.hint);
    ck_assert_ptr_null(strstr(err.text, "secret-key"));
}
END_TEST

START_TEST(who_does_not_answer_in_time_is_asked_once_more_and_both_stay_held)
{
    struct err err = ERR_INIT;
    cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
    place.settings.deadline_seconds = 0.3;
    asking_script(&place, "[{\"mute\":true}]");
    ck_assert_int_lt(asking_ask(&place, "", &reply, &err), 0);
    ck_assert_msg(err.class == ERR_RETRY && strcmp(err.id, "too_slow") == 0, "%s", err.text);
    ck_assert_uint_eq(asking_requests(&place), 2);
    expect_sums(0, 2 * ASKING_MOST);
}
END_TEST

START_TEST(a_form_that_is_refused_is_asked_for_less_strictly)
{
    script("{\"status\":400,\"body\":{\"error\":{\"message\":\"json_schema is not supported\"}}},"
           "{\"status\":400,\"body\":{\"error\":{\"message\":\"response_format: unknown\"}}}",
           "a beach");
    struct wire_question question = asking_question();
    cleanup(json_free) json_t *schema = json_pack("{s:s}", "type", "object");
    question.form = WIRE_SCHEMA;
    question.schema = schema;
    const struct ask ask = { .question = &question,
                             .what = "clips",
                             .index = -1,
                             .content = "",
                             .prompt_version = "1",
                             .most = { ASKING_MOST, 0 } };
    struct err err = ERR_INIT;
    cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
    ck_assert_msg(asking_ask_so(&place, &ask, &reply, &err) == 0, "%s", err.text);
    static const char *const forms[] = { "\"json_schema\"", "\"json_object\"", NULL };
    for (unsigned i = 0; i < ARRAY_LEN(forms); i++) {
        cleanup(free_ptr) char *request = asking_request(&place, i + 1);
        bool has = strstr(request, forms[i] != NULL ? forms[i] : "response_format") != NULL;
        ck_assert_msg(has == (forms[i] != NULL), "%u: %s", i, request);
    }
    expect_sums(BILL, 0);
}
END_TEST

// ---- links on demand

static unsigned links;

static int give_link(void *context, char **ret_link, struct err *err)
{
    (void)context, (void)err;
    *ret_link = xasprintf("oss://bucket/%u.mp4", ++links);
    return 0;
}

START_TEST(a_link_is_made_only_to_be_sent_and_anew_when_it_has_expired)
{
    place.service = MODEL_DASHSCOPE;
    script(
        "{\"status\":400,\"body\":{\"code\":\"InvalidParameter\",\"message\":\"Policy expired\"}}",
        "a beach");
    struct wire_question question = asking_question();
    question.video = "";
    const struct ask ask = { .question = &question,
                             .what = "look",
                             .index = 0,
                             .content = "aa",
                             .prompt_version = "1",
                             .most = { ASKING_MOST, 0 },
                             .give_link = give_link };
    for (int kept = 0; kept < 2; kept++) {
        struct err err = ERR_INIT;
        cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
        int r = asking_ask_so(&place, &ask, &reply, &err);
        ck_assert_msg(r == kept, "%d: %s", r, err.text);
    }
    ck_assert_uint_eq(links, 2);
    for (unsigned i = 1; i <= 2; i++) {
        cleanup(free_ptr) char *request = asking_request(&place, i);
        cleanup(free_ptr) char *link = xasprintf("oss://bucket/%u.mp4", i);
        ck_assert_msg(strstr(request, link) != NULL, "%s", request);
        ck_assert_ptr_nonnull(strstr(request, WIRE_RESOLVE_FIELD "\r\n"));
    }
}
END_TEST

// ---- never twice

START_TEST(the_key_is_made_of_everything_the_answer_depends_on)
{
    script("", "a beach");
    expect_answer("aa", 0, "a beach");
    expect_answer("aa", 1, "a beach");
    expect_answer("bb", 0, "a beach");
    place.settings.openai.models[MODEL_TEXT] = (char[]){ "another" };
    expect_answer("aa", 0, "a beach");
    struct err err = ERR_INIT;
    struct wire_question question = asking_question();
    struct ask ask = { .question = &question, .what = "theme", .index = -1, .content = "aa" };
    static const struct {
        const char *system, *prompt, *version;
        unsigned max_tokens;
        double temperature;
        enum wire_form form;
    } rows[] = {
        { "s", "p", "1", 9, 0.1, WIRE_JSON },  { "S", "p", "1", 9, 0.1, WIRE_JSON },
        { "s", "P", "1", 9, 0.1, WIRE_JSON },  { "s", "p", "2", 9, 0.1, WIRE_JSON },
        { "s", "p", "1", 8, 0.1, WIRE_JSON },  { "s", "p", "1", 9, 0.2, WIRE_JSON },
        { "s", "p", "1", 9, 0.1, WIRE_PLAIN },
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        size_t row = i % ARRAY_LEN(rows);
        question.system = rows[row].system;
        question.prompt = rows[row].prompt;
        question.max_tokens = rows[row].max_tokens;
        question.temperature = rows[row].temperature;
        question.form = rows[row].form;
        ask.prompt_version = rows[row].version;
        cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
        int r = asking_ask_so(&place, &ask, &reply, &err);
        ck_assert_msg(r == (i >= ARRAY_LEN(rows)), "row %zu: %d %s", row, r, err.text);
    }
}
END_TEST

START_TEST(an_answer_that_came_is_settled_by_whoever_finds_it)
{
    script("", "a beach");
    expect_answer("", 0, "a beach");
    // As if it had died between keeping and settling.
    cleanup(free_ptr) char *ledger = folder_get(&place.folder, "batch/ledger.json");
    char *billed = strstr(ledger, "\"billed\": {");
    ck_assert_ptr_nonnull(billed);
    char *end = strchr(billed, '}') + 1;
    cleanup(free_ptr) char *unbilled =
        xasprintf("%.*s\"billed\": null%s", (int)(billed - ledger), ledger, end);
    folder_put(&place.folder, "batch/ledger.json", unbilled);
    struct asking_sums sums;
    asking_sums(&place, &sums);
    ck_assert_uint_eq(sums.batch_held, ASKING_MOST);
    expect_answer("", 1, "a beach");
    expect_sums(BILL, 0); // in the day it was settled, and not once more
    ck_assert_uint_eq(asking_requests(&place), 1);
}
END_TEST

START_TEST(an_answer_that_cannot_be_kept_may_have_been_billed)
{
    struct err err = ERR_INIT;
    cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
    place.settings.cache_bytes = 0;
    script("", "a beach");
    expect_answer("", 0, "a beach");
    // The name of the answer is taken by a folder.
    cleanup(free_ptr) char *names = folder_names(&place.folder, "batch/answers");
    cleanup(free_ptr) char *path = xasprintf("batch/answers/%s", strtok(names, " "));
    ck_assert_int_eq(unlinkat(place.folder.fd, path, 0), 0);
    ck_assert_int_eq(mkdirat(place.folder.fd, path, 0700), 0);
    ck_assert_int_lt(asking_ask(&place, "", &reply, &err), 0);
    ck_assert_msg(err.class != ERR_NONE && reply.text == NULL, "%s", err.text);
    expect_sums(BILL, ASKING_MOST);
}
END_TEST

START_TEST(processes_with_the_same_question_ask_it_once)
{
    enum { PROCESSES = 6 };
    script("", "a beach");
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct wire_reply reply = WIRE_REPLY_INIT;
            int r = asking_ask(&place, "", &reply, NULL);
            _exit(r >= 0 && strcmp(reply.text, "a beach") == 0 ? 0 : 1);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_uint_eq(asking_requests(&place), 1);
    expect_sums(BILL, 0);
}
END_TEST

// ---- money

START_TEST(what_could_pass_a_limit_is_not_sent)
{
    script("", "a beach");
    static const struct {
        int64_t job_tokens, day_tokens;
        double job_cost, day_cost;
        bool sent;
    } rows[] = {
        { ASKING_MOST, ASKING_MOST, 0, 0, true },
        { ASKING_MOST - 1, 0, 0, 0, false },
        { 0, ASKING_MOST - 1, 0, 0, false },
        { 0, 0, 1e-9, 0, false },
        { 0, 0, 0, 1e-9, false },
        { 0, 0, 0, 0, true },
    };
    struct model_settings *settings = &place.settings;
    settings->job_tokens = rows[_i].job_tokens;
    settings->day_tokens = rows[_i].day_tokens;
    settings->job_cost = rows[_i].job_cost;
    settings->day_cost = rows[_i].day_cost;
    struct err err = ERR_INIT;
    cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
    int r = asking_ask(&place, "", &reply, &err);
    ck_assert_msg(rows[_i].sent ? r == 0 : strcmp(err.id, "over_budget") == 0, "%d %s", r,
                  err.text);
    ck_assert_uint_eq(asking_requests(&place), rows[_i].sent);
}
END_TEST

START_TEST(processes_side_by_side_do_not_pass_a_limit_together)
{
    enum { PROCESSES = 8, QUESTIONS = 3, ROOM = 5 };
    script("", "a beach");
    place.settings.day_tokens = ROOM * ASKING_MOST;
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        for (int k = 0; pids[i] == 0 && k < QUESTIONS; k++) {
            struct wire_reply reply = WIRE_REPLY_INIT;
            cleanup(free_ptr) char *content = xasprintf("%d-%d", i, k);
            (void)asking_ask(&place, content, &reply, NULL);
        }
        if (pids[i] == 0)
            _exit(0);
    }
    for (int i = 0; i < PROCESSES; i++)
        ck_assert_int_eq(waitpid(pids[i], NULL, 0), pids[i]);
    struct asking_sums sums;
    asking_sums(&place, &sums);
    // Each bills less than was held, so the last one leaves less room than one call holds.
    ck_assert_uint_eq(sums.day_held, 0);
    ck_assert_uint_le(sums.day_billed, ROOM * ASKING_MOST);
    ck_assert_uint_gt(sums.day_billed + ASKING_MOST, ROOM * ASKING_MOST);
    ck_assert_uint_eq(sums.day_billed, (uint64_t)BILL * asking_requests(&place));
}
END_TEST

START_TEST(who_is_to_stop_stops_and_what_was_sent_stays_held)
{
    struct err err = ERR_INIT;
    cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
    asking_script(&place, "[{\"mute\":true}]");
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], "", 1), 1);
    struct asker *asker = NULL;
    const struct http_rules rules = { .allow_hosts = "127.0.0.1", .stop_fd = ends[0] };
    const struct asker_order order = { .settings = &place.settings,
                                       .service = MODEL_OPENAI,
                                       .role = MODEL_TEXT,
                                       .root = place.folder.path,
                                       .batchdir = place.batchdir,
                                       .http = &rules };
    ck_assert_int_eq(asker_open(&order, &asker, &err), 0);
    const struct wire_question question = asking_question();
    const struct ask ask = { .question = &question,
                             .what = "theme",
                             .content = "",
                             .prompt_version = "1",
                             .most = { ASKING_MOST, 0 } };
    ck_assert_int_eq(asker_ask(asker, &ask, &reply, &err), -ECANCELED);
    asker_close(&asker);
    expect_sums(0, ASKING_MOST);
}
END_TEST

START_TEST(a_role_without_a_model_is_said_to_be_configured)
{
    struct err err = ERR_INIT;
    struct wire_reply reply = WIRE_REPLY_INIT;
    place.settings.openai.models[MODEL_TEXT] = NULL;
    ck_assert_int_lt(asking_ask(&place, "", &reply, &err), 0);
    ck_assert_int_eq((int)err.class, ERR_CONFIG);
    ck_assert_msg(strstr(err.hint, "openai.text_model") != NULL, "%s", err.hint);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ask");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, every_service_is_asked_in_its_own_way, 0, ARRAY_LEN(services));
    tcase_add_test(tcase, a_server_that_asks_for_no_key_gets_none);
    tcase_add_loop_test(tcase, what_passes_is_tried_again, 0, ARRAY_LEN(passing));
    tcase_add_loop_test(tcase, what_does_not_pass_is_told, 0, ARRAY_LEN(lasting));
    tcase_add_test(tcase, a_refused_key_is_named_and_never_shown);
    tcase_add_test(tcase, who_does_not_answer_in_time_is_asked_once_more_and_both_stay_held);
    tcase_add_test(tcase, a_form_that_is_refused_is_asked_for_less_strictly);
    tcase_add_test(tcase, a_link_is_made_only_to_be_sent_and_anew_when_it_has_expired);
    tcase_add_test(tcase, the_key_is_made_of_everything_the_answer_depends_on);
    tcase_add_test(tcase, an_answer_that_came_is_settled_by_whoever_finds_it);
    tcase_add_test(tcase, an_answer_that_cannot_be_kept_may_have_been_billed);
    tcase_add_test(tcase, processes_with_the_same_question_ask_it_once);
    tcase_add_loop_test(tcase, what_could_pass_a_limit_is_not_sent, 0, 6);
    tcase_add_test(tcase, processes_side_by_side_do_not_pass_a_limit_together);
    tcase_add_test(tcase, who_is_to_stop_stops_and_what_was_sent_stays_held);
    tcase_add_test(tcase, a_role_without_a_model_is_said_to_be_configured);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
