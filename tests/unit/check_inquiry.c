// Whether services answer, asked for the least: what is sent, and what is said of what is wrong.
#include "model/inquiry.h"
#include "tests/support/asking.h"

#include <check.h>
#include <stdio.h>

static struct asking_place place;

static void set_up(void)
{
    asking_make(&place);
}

static void tear_down(void)
{
    asking_remove(&place);
}

static int ask(enum model_role role, uint64_t *ret_tokens, struct err *err)
{
    const struct http_rules rules = { .allow_hosts = "127.0.0.1" };
    struct http *http = http_new(&rules);
    const struct inquiry inquiry = { .settings = &place.settings,
                                     .service = place.service,
                                     .role = role,
                                     .key = place.key,
                                     .credential = place.credential,
                                     .http = http,
                                     .deadline_seconds = 5 };
    int r = inquiry_ask(&inquiry, ret_tokens, err);
    http_free(&http);
    return r;
}

// One answer for all requests.
static void answer(int status, const char *body)
{
    cleanup(free_ptr) char *json = xasprintf("[{\"status\":%d,\"body\":%s}]", status, body);
    asking_script(&place, json);
}

static const struct {
    const char *name;
    int service, interface;
    enum model_role role;
    const char *sent[4]; // parts of the request
} requests[] = {
    { "a plan of OpenAI",
      MODEL_OPENAI,
      MODEL_NATIVE,
      MODEL_TEXT,
      { "POST ", "/chat/completions", "Reply with OK", "\"max_completion_tokens\":256" } },
    { "a look of OpenAI",
      MODEL_OPENAI,
      MODEL_NATIVE,
      MODEL_VISION,
      { "/chat/completions", "data:image/png;base64,", "\"detail\":\"low\"", "256" } },
    { "its ear costs nothing", MODEL_OPENAI, MODEL_NATIVE, MODEL_SPEECH, { "GET ", "/models " } },
    { "a plan of DashScope",
      MODEL_DASHSCOPE,
      MODEL_NATIVE,
      MODEL_TEXT,
      { "text-generation/generation", "Reply with OK", "\"max_tokens\":256" } },
    { "a look of DashScope",
      MODEL_DASHSCOPE,
      MODEL_NATIVE,
      MODEL_VISION,
      { "multimodal-generation/generation", "data:image/png;base64,", "\"max_tokens\":256" } },
    { "its ear",
      MODEL_DASHSCOPE,
      MODEL_NATIVE,
      MODEL_SPEECH,
      { "GET ", "/api/v1/tasks?page_no=1&page_size=1 " } },
    { "a plan of its compatible mode",
      MODEL_DASHSCOPE,
      MODEL_COMPATIBLE,
      MODEL_TEXT,
      { "/compatible-mode/v1/chat/completions", "\"max_tokens\":256" } },
};

START_TEST(each_role_is_asked_once_and_small)
{
    struct err err = ERR_INIT;
    uint64_t tokens = 1;
    place.service = requests[_i].service;
    place.settings.interface = requests[_i].interface;
    cleanup(free_ptr) char *body = asking_answer(&place, "OK");
    answer(200, requests[_i].role == MODEL_SPEECH ? "{\"data\":[]}" : body);
    int r = ask(requests[_i].role, &tokens, &err);
    ck_assert_msg(r == 0, "%s: %s", requests[_i].name, err.text);
    bool is_paid = requests[_i].role != MODEL_SPEECH;
    ck_assert_uint_eq(tokens, is_paid ? ASKING_INPUT + ASKING_OUTPUT : 0);
    ck_assert_uint_eq(asking_requests(&place), 1);
    cleanup(free_ptr) char *sent = asking_request(&place, 1);
    for (size_t i = 0; i < ARRAY_LEN(requests[_i].sent) && requests[_i].sent[i] != NULL; i++)
        ck_assert_msg(strstr(sent, requests[_i].sent[i]) != NULL, "%s: no %s in %s",
                      requests[_i].name, requests[_i].sent[i], sent);
    ck_assert_ptr_nonnull(strstr(sent, "Authorization: Bearer secret-key"));
    // It is of no batch.
    ck_assert_int_lt(faccessat(place.folder.fd, "ledger", F_OK, 0), 0);
}
END_TEST

static const struct {
    const char *name;
    int service;
    enum model_role role;
    int status;
    const char *body, *id, *hint;
} refusals[] = {
    { "a key that is refused", MODEL_OPENAI, MODEL_TEXT, 401,
      "{\"error\":{\"code\":\"invalid_api_key\",\"message\":\"no\"}}", "key_refused", "the-key" },
    { "likewise of the list", MODEL_OPENAI, MODEL_SPEECH, 401,
      "{\"error\":{\"code\":\"invalid_api_key\",\"message\":\"no\"}}", "key_refused", "the-key" },
    { "of DashScope", MODEL_DASHSCOPE, MODEL_SPEECH, 401,
      "{\"code\":\"InvalidApiKey\",\"message\":\"Invalid API-key provided.\"}", "key_refused",
      "the-key" },
    { "a model that is not there", MODEL_OPENAI, MODEL_VISION, 404,
      "{\"error\":{\"code\":\"model_not_found\",\"message\":\"no\"}}", "no_such_model",
      "openai.vision_model and openai.address" },
    { "of DashScope, too", MODEL_DASHSCOPE, MODEL_TEXT, 404,
      "{\"code\":\"ModelNotFound\",\"message\":\"no\"}", "no_such_model",
      "dashscope.text_model and dashscope.address" },
    { "a model that was not bought", MODEL_DASHSCOPE, MODEL_TEXT, 403,
      "{\"code\":\"AccessDenied.Unpurchased\",\"message\":\"no\"}", "model_forbidden", "the-key" },
    { "an account that nobody pays", MODEL_DASHSCOPE, MODEL_TEXT, 400,
      "{\"code\":\"Arrearage\",\"message\":\"no\"}", "purse_empty", "the-key" },
    { "some other service", MODEL_OPENAI, MODEL_TEXT, 200, "{\"hello\":\"world\"}",
      "garbled_answer", "openai.address" },
};

START_TEST(what_is_wrong_is_said_with_what_to_put_right)
{
    struct err err = ERR_INIT;
    uint64_t tokens;
    place.service = refusals[_i].service;
    answer(refusals[_i].status, refusals[_i].body);
    int r = ask(refusals[_i].role, &tokens, &err);
    ck_assert_msg(r < 0 && strcmp(err.id, refusals[_i].id) == 0, "%s: %d %s", refusals[_i].name, r,
                  err.id);
    ck_assert_msg(strstr(err.hint, refusals[_i].hint) != NULL, "%s: %s", refusals[_i].name,
                  err.hint);
    ck_assert_uint_eq(asking_requests(&place), 1);
    ck_assert_ptr_null(strstr(err.text, place.key));
    ck_assert_ptr_null(strstr(err.hint, place.key));
}
END_TEST

START_TEST(an_address_where_nobody_is_names_its_option)
{
    struct err err = ERR_INIT;
    uint64_t tokens;
    char nowhere[] = "http://127.0.0.1:9/v1";
    place.settings.openai.address = nowhere;
    ck_assert_int_lt(ask(MODEL_TEXT, &tokens, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.hint, "openai.address"));
}
END_TEST

START_TEST(a_role_without_a_model_is_not_asked)
{
    struct err err = ERR_INIT;
    uint64_t tokens;
    place.settings.openai.models[MODEL_SPEECH] = NULL;
    ck_assert_int_lt(ask(MODEL_SPEECH, &tokens, &err), 0);
    ck_assert_str_eq(err.id, "no_model");
    ck_assert_uint_eq(asking_requests(&place), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inquiry");
    TCase *tcase = tcase_create("inquiry");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, each_role_is_asked_once_and_small, 0, (int)ARRAY_LEN(requests));
    tcase_add_loop_test(tcase, what_is_wrong_is_said_with_what_to_put_right, 0,
                        (int)ARRAY_LEN(refusals));
    tcase_add_test(tcase, an_address_where_nobody_is_names_its_option);
    tcase_add_test(tcase, a_role_without_a_model_is_not_asked);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
