// Parts of the chain against the services of models, one by one: what a service's answer is judged
// to be, in each dialect, and a video that is handed over.
#include "model/fault.h"
#include "model/handover.h"
#include "model/wire_dashscope.h"
#include "tests/support/media.h"
#include "tests/support/modeld.h"

#include <check.h>
#include <math.h>
#include <time.h>

static struct modeld modeld;
static struct http *http;

static void set_up(void)
{
    struct http_rules rules = { .stall_seconds = 1, .stall_bytes_per_second = 10 };
    modeld_start(&modeld);
    ck_assert_int_eq(address_list_parse("127.0.0.1", &rules.allow_networks, NULL), 0);
    http = http_new(&rules);
}

static void tear_down(void)
{
    http_free(&http);
    modeld_stop(&modeld);
}

// Posts JSON as one who has that key.  Returns what http_do does.
static int post(const char *path, const char *key, const char *field, const char *body,
                struct http_answer *answer, struct err *err)
{
    cleanup(free_ptr) char *link = modeld_address(&modeld, path);
    cleanup(free_ptr) char *authorization = xasprintf("Authorization: Bearer %s", key);
    const char *const fields[] = { authorization, "Content-Type: application/json", field, NULL };
    const struct http_body sent = { .data = body, .size = strlen(body) };
    const struct http_request request = {
        .method = "POST", .link = link, .fields = fields, .body = &sent, .deadline_seconds = 5
    };
    return http_do(http, &request, answer, err);
}

// ---- what an answer is

enum dialect { NATIVE, COMPATIBLE, OPENAI };
static const struct {
    enum fault_service service;
    const char *path, *key, *body;
} dialects[] = {
    { FAULT_DASHSCOPE, WIRE_DASHSCOPE_TEXT_PATH, MODELD_DASHSCOPE_KEY,
      "{\"model\":\"%s\",\"input\":{\"messages\":[{\"role\":\"user\",\"content\":\"What is the "
      "theme?\"}]},\"parameters\":{\"result_format\":\"message\",\"response_format\":{\"type\":"
      "\"%s\"}}}" },
    { FAULT_COMPATIBLE, "/compatible-mode/v1/chat/completions", MODELD_DASHSCOPE_KEY,
      "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"What is the theme?\"}],"
      "\"response_format\":{\"type\":\"%s\"}}" },
    { FAULT_OPENAI, "/v1/chat/completions", MODELD_OPENAI_KEY,
      "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"What is the theme?\"}],"
      "\"response_format\":{\"type\":\"%s\"}}" },
};

static const struct {
    const char *about;
    enum dialect dialect;
    const char *rule; // or NULL
    const char *model, *format, *key;
    const char *word; // of the fault
    double retry_after;
} judged[] = {
    { "an answer", NATIVE, NULL, "qwen-plus", "text", NULL, "none", 0 },
    { "an answer", COMPATIBLE, NULL, "qwen-plus", "text", NULL, "none", 0 },
    { "an answer", OPENAI, NULL, "gpt-4o-mini", "text", NULL, "none", 0 },
    { "an answer in chunks", OPENAI, "chunked * 1", "gpt-4o-mini", "text", NULL, "none", 0 },
    { "one without a type", NATIVE, "untyped * 1", "qwen-plus", "text", NULL, "none", 0 },
    { "one that is zipped", NATIVE, "zipped * 1", "qwen-plus", "text", NULL, "none", 0 },
    { "a limit of requests", NATIVE, "status * 1 429 Throttling.RateQuota Retry-After:7",
      "qwen-plus", "text", NULL, "throttled_requests", 7 },
    { "of tokens", NATIVE, "status * 1 429 Throttling.AllocationQuota", "qwen-plus", "text", NULL,
      "throttled_tokens", 0 },
    { "of a burst", NATIVE, "status * 1 429 Throttling.BurstRate", "qwen-plus", "text", NULL,
      "throttled_burst", 0 },
    { "of tokens, in OpenAI's word", COMPATIBLE, "status * 1 429 insufficient_quota", "qwen-plus",
      "text", NULL, "throttled_tokens", 0 },
    { "of requests", COMPATIBLE, "status * 1 429 limit_requests", "qwen-plus", "text", NULL,
      "throttled_requests", 0 },
    { "an empty purse", OPENAI, "status * 1 429 insufficient_quota", "gpt-4o-mini", "text", NULL,
      "purse_empty", 0 },
    { "a limit of requests", OPENAI, "status * 1 429 rate_limit_exceeded retry-after-ms:1500",
      "gpt-4o-mini", "text", NULL, "throttled_requests", 1.5 },
    { "an overdue account", NATIVE, "status * 1 400 Arrearage", "qwen-plus", "text", NULL,
      "purse_empty", 0 },
    { "one under 200", NATIVE, "hidden * 1 Arrearage", "qwen-plus", "text", NULL, "purse_empty",
      0 },
    { "an error in an event", NATIVE, "event * 1 InvalidParameter", "qwen-plus", "text", NULL,
      "request_refused", 0 },
    { "a fault inside", NATIVE, "status * 1 500 InternalError", "qwen-plus", "text", NULL,
      "service_busy", 0 },
    { "no capacity", COMPATIBLE, "status * 1 503 ModelUnavailable", "qwen-plus", "text", NULL,
      "service_busy", 0 },
    { "a page of a proxy", OPENAI, "page * 1 502", "gpt-4o-mini", "text", NULL, "service_busy", 0 },
    { "the same under 200", OPENAI, "page * 1 200", "gpt-4o-mini", "text", NULL, "garbled_answer",
      0 },
    { "a part", NATIVE, "partial * 1", "qwen-plus", "text", NULL, "partial_answer", 0 },
    { "a wrong key", NATIVE, NULL, "qwen-plus", "text", "sk-other", "key_refused", 0 },
    { "a wrong key", COMPATIBLE, NULL, "qwen-plus", "text", "sk-other", "key_refused", 0 },
    { "a wrong key", OPENAI, NULL, "gpt-4o-mini", "text", "sk-other", "key_refused", 0 },
    { "a model that is not there", NATIVE, NULL, "qwen-9", "text", NULL, "no_such_model", 0 },
    { "a model that is not there", COMPATIBLE, NULL, "qwen-9", "text", NULL, "no_such_model", 0 },
    { "a model that is not there", OPENAI, NULL, "gpt-9", "text", NULL, "no_such_model", 0 },
    { "a model that is not bought", NATIVE, "status * 1 403 AccessDenied.Unpurchased", "qwen-plus",
      "text", NULL, "model_forbidden", 0 },
    { "no word of JSON", NATIVE, NULL, "qwen-plus", "json_object", NULL, "format_refused", 0 },
    { "a form that is refused", OPENAI, "strict * 1 any", "gpt-4o-mini", "json_object", NULL,
      "format_refused", 0 },
    { "what is not allowed", NATIVE, "say * 1 filter", "qwen-plus", "text", NULL, "content_refused",
      0 },
    { "what is not allowed", COMPATIBLE, "say * 1 filter", "qwen-plus", "text", NULL,
      "content_refused", 0 },
    { "more than is taken", NATIVE, "status * 1 413 RequestTooLargeError", "qwen-plus", "text",
      NULL, "request_too_large", 0 },
};

START_TEST(an_answer_is_what_its_service_means_by_it)
{
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    struct err err = ERR_INIT;
    struct fault fault;
    enum dialect d = judged[_i].dialect;
    if (judged[_i].rule != NULL)
        modeld_control(&modeld, judged[_i].rule);
    cleanup(free_ptr) char *before = xstrdup(dialects[d].body);
    char *model_at = strstr(before, "%s");
    *model_at = '\0';
    char *format_at = strstr(model_at + 2, "%s");
    *format_at = '\0';
    cleanup(free_ptr) char *body = xasprintf("%s%s%s%s%s", before, judged[_i].model, model_at + 2,
                                             judged[_i].format, format_at + 2);
    int r = post(dialects[d].path, judged[_i].key ? judged[_i].key : dialects[d].key, NULL, body,
                 &answer, &err);
    ck_assert_msg(r == 0, "%s: %s", judged[_i].about, err.text);
    const struct fault_answer seen = { .service = dialects[d].service,
                                       .head = &answer.head,
                                       .body = answer.body,
                                       .size = answer.body_size };
    fault_judge(&seen, time(NULL), &fault);
    ck_assert_msg(strcmp(fault_word(fault.kind), judged[_i].word) == 0, "%s: %s, not %s: %d %s",
                  judged[_i].about, fault_word(fault.kind), judged[_i].word, answer.head.status,
                  answer.body);
    ck_assert_msg(fabs(fault.retry_after - judged[_i].retry_after) < 0.01, "%s: %g",
                  judged[_i].about, fault.retry_after);
}
END_TEST

static const struct {
    const char *about, *rule, *id;
} broken[] = {
    { "a body that is cut", "cut * 1 20", "cut_off" },
    { "an answer that is lost", "lost * 1", "cut_off" },
    { "nothing", "mute * 1", "stalled" },
    { "a stall", "stall * 1 20", "stalled" },
};

START_TEST(an_answer_that_does_not_come_whole_is_none)
{
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    struct err err = ERR_INIT;
    modeld_control(&modeld, broken[_i].rule);
    int r = post(WIRE_DASHSCOPE_TEXT_PATH, MODELD_DASHSCOPE_KEY, NULL,
                 "{\"model\":\"qwen-plus\",\"input\":{\"messages\":[{\"role\":\"user\",\"content\":"
                 "\"Theme?\"}]},\"parameters\":{}}",
                 &answer, &err);
    ck_assert_msg(r < 0 && err.class == ERR_RETRY, "%s: %s", broken[_i].about, err.text);
    ck_assert_str_eq(err.id, broken[_i].id);
}
END_TEST

// ---- a video that is handed over

static int hand_over(const char *clip, int fd, char **ret_link, struct err *err)
{
    cleanup(free_ptr) char *address = modeld_address(&modeld, "");
    const struct handover handover = { .http = http,
                                       .address = address,
                                       .key = MODELD_DASHSCOPE_KEY,
                                       .credential = "dashscope-key",
                                       .model = "qwen3-vl-plus",
                                       .file_name = "0.mp4",
                                       .type = "video/mp4",
                                       .content = { .fd = fd, .size = media_size(clip) },
                                       .deadline_seconds = 20 };
    return handover_send(&handover, ret_link, err);
}

static int look(const char *model, const char *link, struct http_answer *answer, struct err *err)
{
    const struct wire_question question = { .model = model,
                                            .prompt = "What is it? Answer in JSON.",
                                            .video = link,
                                            .fps = 1,
                                            .temperature = NAN,
                                            .form = WIRE_JSON };
    cleanup(json_free) json_t *body = wire_dashscope_look(&question);
    cleanup(free_ptr) char *text = json_dumps(body, 0);
    return post(WIRE_DASHSCOPE_LOOK_PATH, MODELD_DASHSCOPE_KEY, WIRE_RESOLVE_FIELD, text, answer,
                err);
}

START_TEST(a_video_that_was_handed_over_is_looked_at_by_its_model_alone)
{
    const char *clip = MEDIA_CLIP(.name = "shown.mp4", .seconds = 6);
    cleanup(close_fd) int fd = media_open(clip);
    cleanup(free_ptr) char *link = NULL, *refused = modeld_refused(&modeld);
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    cleanup(http_answer_release) struct http_answer other = HTTP_ANSWER_INIT;
    struct err err = ERR_INIT;
    int r = hand_over(clip, fd, &link, &err);
    free(refused);
    refused = modeld_refused(&modeld);
    ck_assert_msg(r == 0, "%s; %s", err.text, refused);
    ck_assert_msg(look("qwen3-vl-plus", link, &answer, &err) == 0, "%s", err.text);
    ck_assert_msg(answer.head.status == 200, "%s", answer.body);
    ck_assert_msg(look("qwen-vl-max", link, &other, &err) == 0, "%s", err.text);
    ck_assert_int_eq(other.head.status, 400);
}
END_TEST

START_TEST(a_permission_that_expired_is_asked_for_once_more)
{
    const char *clip = MEDIA_CLIP(.name = "shown.mp4", .seconds = 6);
    cleanup(close_fd) int fd = media_open(clip);
    cleanup(free_ptr) char *link = NULL;
    struct err err = ERR_INIT;
    modeld_control(&modeld, _i == 0 ? "expired form 1" : "expired form *");
    int r = hand_over(clip, fd, &link, &err);
    ck_assert_msg((r == 0) == (_i == 0), "%s", err.text);
    ck_assert_uint_eq(modeld_count(&modeld, "policy"), 2);
    ck_assert_uint_eq(modeld_count(&modeld, "form"), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("models, part by part");
    TCase *tcase = tcase_create("parts");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, an_answer_is_what_its_service_means_by_it, 0,
                        (int)ARRAY_LEN(judged));
    tcase_add_loop_test(tcase, an_answer_that_does_not_come_whole_is_none, 0,
                        (int)ARRAY_LEN(broken));
    tcase_add_test(tcase, a_video_that_was_handed_over_is_looked_at_by_its_model_alone);
    tcase_add_loop_test(tcase, a_permission_that_expired_is_asked_for_once_more, 0, 2);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
