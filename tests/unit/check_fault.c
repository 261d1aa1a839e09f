// Every way in which a service of models misbehaves, and what is made of it.
#include "model/fault.h"

#include <check.h>
#include <math.h>

#define DS FAULT_DASHSCOPE
#define CM FAULT_COMPATIBLE
#define OA FAULT_OPENAI
#define MOST FAULT_MOST_TRIES
enum { NOW = 1763195400 }; // Sat, 15 Nov 2025 08:30:00 GMT

static struct answer head;

static void set_up(void)
{
    head = (struct answer)ANSWER_INIT;
}

static void tear_down(void)
{
    answer_release(&head);
}

static void add_line(const char *line)
{
    ck_assert_int_eq(answer_add_line(&head, line, strlen(line), NULL), 0);
}

static void judge(enum fault_service service, int status, const char *field, const char *body,
                  struct fault *fault)
{
    char *line = xasprintf("HTTP/1.1 %d x", status);
    add_line(line);
    if (field)
        add_line(field);
    free(line);
    struct fault_answer answer = { service, &head, body, strlen(body), false };
    fault_judge(&answer, NOW, fault);
}

#define NATIVE(code, text) "{\"code\":\"" code "\",\"message\":\"" text "\",\"request_id\":\"r1\"}"
#define NESTED(code, text)                                                 \
    "{\"error\":{\"code\":\"" code "\",\"param\":null,\"message\":\"" text \
    "\",\"type\":\"invalid_request_error\"},\"id\":\"c\",\"request_id\":\"r1\"}"
#define OPENAI(type, code, text)                                                                   \
    "{\"error\":{\"message\":\"" text "\",\"type\":\"" type "\",\"param\":null,\"code\":" code "}" \
    "}"
#define EVENT(status, code, text) \
    "id:1\nevent:error\n:HTTP_STATUS/" status "\ndata:" NATIVE(code, text) "\n\n"
#define TASK(rest) "{\"request_id\":\"r1\",\"output\":{\"task_id\":\"t\"," rest "}}"

static const struct {
    enum fault_service service;
    int status;
    const char *body;
    enum fault_kind kind;
    unsigned tries;
} rows[] = {
    // What is well.
    { DS, 200, "{\"output\":{\"choices\":[]},\"usage\":{},\"request_id\":\"r1\"}", FAULT_NONE, 0 },
    { CM, 200, "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}", FAULT_NONE, 0 },
    { OA, 200, "{\"choices\":[{\"message\":{\"content\":\"error\"}}],\"error\":null}", FAULT_NONE,
      0 },
    { DS, 200, TASK("\"task_status\":\"PENDING\""), FAULT_NONE, 0 },
    { DS, 200,
      TASK("\"task_status\":\"SUCCEEDED\",\"results\":[{\"subtask_status\":\"SUCCEEDED\"}]"),
      FAULT_NONE, 0 },
    { DS, 200, "id:1\nevent:result\n:HTTP_STATUS/200\ndata:{\"output\":{}}\n\n", FAULT_NONE, 0 },
    { OA, 200, "data: {\"choices\":[]}\n\ndata: [DONE]\n\n", FAULT_NONE, 0 },
    // The request.
    { DS, 400, NATIVE("InvalidParameter", "x"), FAULT_REQUEST, 0 },
    { CM, 400, NESTED("invalid_parameter_error", "<400> InternalError.Algo.InvalidParameter: x"),
      FAULT_REQUEST, 0 },
    { DS, 400, NATIVE("UnsupportedOperation", "x"), FAULT_REQUEST, 0 },
    { DS, 400, NATIVE("InvalidURL", "x"), FAULT_MEDIA, 0 },
    { DS, 400, NATIVE("InvalidFile.DownloadFailed", "x"), FAULT_MEDIA, 0 },
    { DS, 400, NATIVE("InvalidParameter.DataInspection", "Unable to download the media"),
      FAULT_MEDIA, 0 },
    { CM, 400,
      NESTED("invalid_parameter_error", "<400> Unable to download the media resource during x"),
      FAULT_MEDIA, 0 },
    { DS, 500, NATIVE("InternalError.Algo", "missing Content-Length of multimodal url"),
      FAULT_MEDIA, 0 },
    { DS, 400, NATIVE("DataInspectionFailed", "x"), FAULT_CONTENT, 0 },
    { CM, 400, NESTED("data_inspection_failed", "x"), FAULT_CONTENT, 0 },
    { DS, 400, NATIVE("IPInfringementSuspect", "x"), FAULT_CONTENT, 0 },
    { CM, 400,
      NESTED("invalid_parameter_error", "'messages' must contain the word 'json' in some "
                                        "form, to use 'response_format' of type"),
      FAULT_FORMAT, 0 },
    { OA, 400,
      OPENAI("invalid_request_error", "null",
             "Invalid parameter: 'response_format' of type 'json_schema' is not supported"),
      FAULT_FORMAT, 0 },
    { DS, 400, NATIVE("ClientDisconnect", "x"), FAULT_BUSY, 3 },
    { DS, 413, NATIVE("RequestTooLargeError", "x"), FAULT_TOO_LARGE, 0 },
    { OA, 413, "<html>413 Request Entity Too Large</html>", FAULT_TOO_LARGE, 0 },
    { OA, 400, OPENAI("invalid_request_error", "\"context_length_exceeded\"", "x"), FAULT_TOO_LARGE,
      0 },
    { DS, 400, NATIVE("InvalidParameter", "Range of input length should be [1, 129024]"),
      FAULT_TOO_LARGE, 0 },
    // Who asks.
    { DS, 401, NATIVE("InvalidApiKey", "Invalid API-key provided."), FAULT_KEY, 0 },
    { CM, 401, NESTED("invalid_api_key", "x"), FAULT_KEY, 0 },
    { DS, 401, NATIVE("NOT AUTHORIZED", "x"), FAULT_KEY, 0 },
    { OA, 401, OPENAI("invalid_request_error", "\"invalid_api_key\"", "x"), FAULT_KEY, 0 },
    { OA, 401, "", FAULT_KEY, 0 },
    { DS, 403, NATIVE("AccessDenied", "x"), FAULT_FORBIDDEN, 0 },
    { DS, 403, NATIVE("AccessDenied.Unpurchased", "x"), FAULT_FORBIDDEN, 0 },
    { DS, 403, NATIVE("Model.AccessDenied", "x"), FAULT_FORBIDDEN, 0 },
    { DS, 403, NATIVE("Workspace.AccessDenied", "x"), FAULT_FORBIDDEN, 0 },
    { DS, 403, "<Error><Code>AccessDenied</Code><Message>Policy expired</Message></Error>",
      FAULT_EXPIRED, 1 },
    { DS, 404, NATIVE("ModelNotFound", "x"), FAULT_NOT_THERE, 0 },
    { CM, 404, NESTED("model_not_found", "x"), FAULT_NOT_THERE, 0 },
    { CM, 404, NESTED("model_not_supported", "x"), FAULT_NOT_THERE, 0 },
    { DS, 404, NATIVE("WorkSpaceNotFound", "x"), FAULT_NOT_THERE, 0 },
    { OA, 404, "{\"error\":\"model 'llava' not found, try pulling it first\"}", FAULT_NOT_THERE,
      0 },
    { OA, 404, "404 page not found", FAULT_NOT_THERE, 0 },
    { OA, 301, "", FAULT_NOT_THERE, 0 },
    // Limits a minute against an empty purse: the same word, two meanings.
    { DS, 429, NATIVE("Throttling", "Requests rate limit exceeded, please try again later."),
      FAULT_REQUESTS, MOST },
    { DS, 429, NATIVE("Throttling.RateQuota", "x"), FAULT_REQUESTS, MOST },
    { DS, 429, NATIVE("LimitRequests", "x"), FAULT_REQUESTS, MOST },
    { CM, 429, NESTED("limit_requests", "You exceeded your current requests list."), FAULT_REQUESTS,
      MOST },
    { DS, 429, NATIVE("Throttling.BurstRate", "x"), FAULT_BURST, MOST },
    { CM, 429, NESTED("limit_burst_rate", "Request rate increased too quickly."), FAULT_BURST,
      MOST },
    { DS, 429, NATIVE("Throttling.AllocationQuota", "x"), FAULT_TOKENS, MOST },
    { DS, 429, NATIVE("Throttling", "Allocated quota exceeded, please increase your quota limit."),
      FAULT_TOKENS, MOST },
    { CM, 429, NESTED("insufficient_quota", "You exceeded your current quota"), FAULT_TOKENS,
      MOST },
    { DS, 429, NATIVE("insufficient_quota", "x"), FAULT_TOKENS, MOST },
    { OA, 429,
      OPENAI("insufficient_quota", "\"insufficient_quota\"",
             "You exceeded your current quota, please check your plan"),
      FAULT_PURSE, 0 },
    { OA, 429, OPENAI("insufficient_quota", "null", "x"), FAULT_PURSE, 0 },
    { OA, 429, OPENAI("x", "\"credit_balance_exhausted\"", "x"), FAULT_PURSE, 0 },
    { OA, 429, OPENAI("x", "\"organization_spend_limit_exceeded\"", "x"), FAULT_PURSE, 0 },
    { OA, 429, OPENAI("x", "\"project_spend_limit_exceeded\"", "x"), FAULT_PURSE, 0 },
    { OA, 429, OPENAI("x", "\"organization_usage_limit_exceeded\"", "x"), FAULT_PURSE, 0 },
    { OA, 429,
      OPENAI("requests", "\"rate_limit_exceeded\"", "Rate limit reached on requests per min (RPM)"),
      FAULT_REQUESTS, MOST },
    { OA, 429,
      OPENAI("tokens", "\"rate_limit_exceeded\"",
             "Rate limit reached on tokens per min (TPM): Limit 30000"),
      FAULT_TOKENS, MOST },
    { OA, 429, OPENAI("x", "\"slow_down\"", "x"), FAULT_BURST, MOST },
    { OA, 429, "", FAULT_REQUESTS, MOST },
    { DS, 429, NATIVE("CommodityNotPurchased", "x"), FAULT_PURSE, 0 },
    { DS, 429, NATIVE("PrepaidBillOverdue", "x"), FAULT_PURSE, 0 },
    { DS, 429, NATIVE("PostpaidBillOverdue", "x"), FAULT_PURSE, 0 },
    { DS, 400, NATIVE("Arrearage", "x"), FAULT_PURSE, 0 },
    { CM, 400, NESTED("Arrearage", "x"), FAULT_PURSE, 0 },
    { DS, 403, NATIVE("AllocationQuota.FreeTierOnly", "x"), FAULT_PURSE, 0 },
    // The service.
    { DS, 500, NATIVE("InternalError", "x"), FAULT_BUSY, 3 },
    { CM, 500, NESTED("internal_error", "x"), FAULT_BUSY, 3 },
    { DS, 500, NATIVE("InternalError.Algo", "x"), FAULT_BUSY, 3 },
    { DS, 500, NATIVE("InternalError.Timeout", "x"), FAULT_BUSY, 1 },
    { DS, 500, NATIVE("RequestTimeOut", "x"), FAULT_BUSY, 1 },
    { DS, 500, NATIVE("SystemError", "x"), FAULT_BUSY, 3 },
    { DS, 500, NATIVE("ModelServiceFailed", "x"), FAULT_BUSY, 3 },
    { DS, 503, NATIVE("ModelServingError", "x"), FAULT_BUSY, MOST },
    { DS, 503, NATIVE("ModelUnavailable", "x"), FAULT_BUSY, MOST },
    { OA, 503, "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":\"x\"}}",
      FAULT_BUSY, MOST },
    { OA, 502, "<html>Bad Gateway</html>", FAULT_BUSY, MOST },
    { OA, 504, "", FAULT_BUSY, MOST },
    { OA, 408, "", FAULT_BUSY, MOST },
    { OA, 409, "", FAULT_BUSY, MOST },
    { OA, 529, "", FAULT_BUSY, 1 },
    // Errors under 200.
    { DS, 200, NATIVE("InvalidApiKey", "x"), FAULT_KEY, 0 },
    { OA, 200, OPENAI("insufficient_quota", "null", "x"), FAULT_PURSE, 0 },
    { OA, 200, "{\"error\":\"unexpected EOF\"}", FAULT_BUSY, 1 },
    { DS, 200, EVENT("400", "InvalidParameter", "x"), FAULT_REQUEST, 0 },
    { DS, 200, EVENT("429", "Throttling.AllocationQuota", "x"), FAULT_TOKENS, MOST },
    { DS, 200, EVENT("503", "Whatever", "x"), FAULT_BUSY, MOST },
    { DS, 200, "event:result\ndata:{\"output\":{}}\n\n" EVENT("500", "InternalError", "x"),
      FAULT_BUSY, 3 },
    { DS, 200, "event:error\n:HTTP_STATUS/401\ndata:oops\n\n", FAULT_KEY, 0 },
    { OA, 200, "data: {\"error\":{\"message\":\"x\",\"code\":\"rate_limit_exceeded\"}}\n\n",
      FAULT_REQUESTS, MOST },
    { OA, 503, "data: {\"choices\":[]}\n\n", FAULT_BUSY, MOST },
    // Tasks.
    { DS, 200, TASK("\"task_status\":\"UNKNOWN\""), FAULT_TASK_LOST, 1 },
    { DS, 200, TASK("\"task_status\":\"CANCELED\""), FAULT_TASK_LOST, 1 },
    { DS, 200,
      TASK("\"task_status\":\"FAILED\",\"code\":\"InvalidFile.DownloadFailed\","
           "\"message\":\"x\""),
      FAULT_MEDIA, 0 },
    { DS, 200, TASK("\"task_status\":\"FAILED\",\"code\":\"InternalError.Timeout\""), FAULT_BUSY,
      1 },
    { DS, 200, TASK("\"task_status\":\"FAILED\""), FAULT_BUSY, 1 },
    { DS, 200,
      TASK("\"task_status\":\"SUCCEEDED\",\"results\":[{\"subtask_status\":\"FAILED\","
           "\"code\":\"FILE_403_FORBIDDEN\",\"message\":\"x\"}]"),
      FAULT_MEDIA, 0 },
    { DS, 200,
      TASK("\"task_status\":\"SUCCEEDED\",\"results\":[{\"url\":\"u\"},"
           "{\"code\":\"InternalError\",\"message\":\"x\"}]"),
      FAULT_BUSY, 3 },
    // What is no answer.
    { DS, 200, "{\"output\":{\"choices\":[{\"message\":{\"content\":[{\"te", FAULT_GARBLED, 3 },
    { OA, 200, "", FAULT_GARBLED, 3 },
    { OA, 200, "<html>Log in to the hotel's network</html>", FAULT_GARBLED, 3 },
    { OA, 200, "[]", FAULT_GARBLED, 3 },
    { OA, 200, "\"ok\"", FAULT_GARBLED, 3 },
    { OA, 204, "", FAULT_GARBLED, 3 },
    { OA, 400, "{\"error\":{}}", FAULT_REQUEST, 0 },
    { OA, 400, "{\"error\":null,\"code\":5,\"message\":7}", FAULT_REQUEST, 0 },
    { OA, 422, "{\"detail\":[{\"msg\":\"field required\"}]}", FAULT_REQUEST, 0 },
};

START_TEST(each_misbehaviour_is_what_it_is)
{
    struct fault fault;
    judge(rows[_i].service, rows[_i].status, NULL, rows[_i].body, &fault);
    ck_assert_msg(fault.kind == rows[_i].kind && fault.tries == rows[_i].tries,
                  "service %d, status %d, %s: %s, %u tries", rows[_i].service, rows[_i].status,
                  rows[_i].body, fault_word(fault.kind), fault.tries);
}
END_TEST

static const struct {
    const char *field;
    double seconds;
} waits[] = {
    { NULL, 0 },
    { "Retry-After: 7", 7 },
    { "Retry-After: Sat, 15 Nov 2025 08:31:30 GMT", 90 },
    { "Retry-After: soon", 0 },
    { "retry-after-ms: 1500", 1.5 },
    { "retry-after-ms: nan", 0 },
    { "retry-after-ms: -5", 0 },
};

START_TEST(what_the_service_asks_to_wait_is_waited)
{
    struct fault fault;
    judge(OA, 429, waits[_i].field, "", &fault);
    ck_assert(fabs(fault.retry_after - waits[_i].seconds) < 1e-9);
    if (waits[_i].seconds > 0)
        ck_assert(fault_wait(&fault, 1, 0.1) == waits[_i].seconds);
}
END_TEST

static const struct {
    enum fault_service service;
    const char *field, *body;
    int status;
    unsigned tries;
} advice[] = {
    { OA, "x-should-retry: false", "", 503, 0 },    { OA, "x-should-retry: true", "", 400, 1 },
    { OA, "x-should-retry: true", "", 401, 0 },     { OA, "x-should-retry: true", "{}", 200, 0 },
    { DS, "x-should-retry: false", "", 503, MOST },
};

START_TEST(advice_of_openai_is_obeyed_but_no_key_is_tried_twice)
{
    struct fault fault;
    judge(advice[_i].service, advice[_i].status, advice[_i].field, advice[_i].body, &fault);
    ck_assert_uint_eq(fault.tries, advice[_i].tries);
}
END_TEST

START_TEST(a_partial_answer_and_one_that_was_cut_are_not_taken_for_whole)
{
    struct fault fault;
    judge(DS, 200, "x-dashscope-partialresponse: true", "{\"output\":{}}", &fault);
    ck_assert_int_eq(fault.kind, FAULT_PARTIAL);
    struct fault_answer cut = { OA, &head, "{\"choices\":[]}", 14, true };
    fault_judge(&cut, NOW, &fault);
    ck_assert_int_eq(fault.kind, FAULT_GARBLED);
}
END_TEST

START_TEST(the_id_of_the_request_comes_from_the_body_or_the_head)
{
    struct fault fault;
    judge(DS, 500, "X-Request-Id: r2", NATIVE("InternalError", "x"), &fault);
    ck_assert_str_eq(fault.request_id, "r1");
    judge(OA, 500, "X-Request-Id: r2", "", &fault);
    ck_assert_str_eq(fault.request_id, "r2");
}
END_TEST

START_TEST(words_of_others_are_printable_short_and_without_keys)
{
    struct fault fault;
    char filler[1001];
    memset(filler, 'x', 1000);
    filler[1000] = 0;
    char *body =
        xasprintf(OPENAI("x", "\"a\\u0007b\"", "Incorrect API key sk-proj-AbC_12: %s"), filler);
    judge(OA, 401, NULL, body, &fault);
    ck_assert_str_eq(fault.code, "a\\x07b");
    ck_assert_ptr_null(strstr(fault.text, "AbC"));
    ck_assert_ptr_nonnull(strstr(fault.text, "Incorrect API key sk-*"));
    ck_assert_uint_lt(strlen(fault.text), sizeof fault.text);
    free(body);
}
END_TEST

static const struct {
    enum fault_service service;
    int status;
    const char *body;
    enum err_class class;
    const char *id, *hint; // part of it
} errors[] = {
    { DS, 401, NATIVE("InvalidApiKey", "x"), ERR_DENIED, "key_refused", "dashscope-key" },
    { DS, 400, NATIVE("Arrearage", "x"), ERR_SERVICE, "purse_empty", "dashscope-key" },
    { DS, 403, NATIVE("AccessDenied", "x"), ERR_DENIED, "model_forbidden", "dashscope-key" },
    { DS, 404, NATIVE("ModelNotFound", "x"), ERR_CONFIG, "no_such_model", "configuration" },
    { DS, 503, "", ERR_RETRY, "service_busy", "" },
    { DS, 429, NATIVE("Throttling.RateQuota", "x"), ERR_RETRY, "throttled_requests", "" },
    { DS, 400, NATIVE("InvalidParameter", "x"), ERR_INPUT, "request_refused", "" },
};

START_TEST(an_error_says_who_what_and_which_credential)
{
    struct fault fault;
    struct err err = ERR_INIT;
    judge(errors[_i].service, errors[_i].status, "Retry-After: 3", errors[_i].body, &fault);
    ck_assert_int_lt(fault_error(&fault, "dashscope qwen-vl-max", "dashscope-key", &err), 0);
    ck_assert_int_eq(err.class, errors[_i].class);
    ck_assert_str_eq(err.id, errors[_i].id);
    ck_assert(strncmp(err.text, "dashscope qwen-vl-max: ", 23) == 0);
    ck_assert_ptr_nonnull(strstr(err.hint, errors[_i].hint));
    ck_assert_uint_eq(err.retry_after, err.class == ERR_RETRY ? 3 : 0);
}
END_TEST

START_TEST(what_passes_but_may_not_be_tried_again_is_the_services_trouble)
{
    struct fault fault = { .kind = FAULT_BUSY, .status = 500, .tries = 0 };
    struct err err = ERR_INIT;
    ck_assert_int_lt(fault_error(&fault, "x", "y", &err), 0);
    ck_assert_int_eq(err.class, ERR_SERVICE);
}
END_TEST

START_TEST(waits_double_to_a_minute_and_never_meet)
{
    struct fault busy = { .kind = FAULT_BUSY }, limit = { .kind = FAULT_TOKENS };
    ck_assert(fault_wait(&busy, 1, 1) == 1 && fault_wait(&busy, 2, 1) == 2);
    ck_assert(fault_wait(&busy, 3, 0.5) == 2 && fault_wait(&busy, 4, 0) == 0);
    ck_assert(fault_wait(&limit, 1, 1) == 4 && fault_wait(&limit, 5, 1) == 60);
    ck_assert(fault_wait(&busy, UINT32_MAX, 1) == 60);
    ck_assert(fault_wait(&busy, 0, NAN) <= 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fault");
    TCase *tcase = tcase_create("fault");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, each_misbehaviour_is_what_it_is, 0, (int)ARRAY_LEN(rows));
    tcase_add_loop_test(tcase, what_the_service_asks_to_wait_is_waited, 0, (int)ARRAY_LEN(waits));
    tcase_add_loop_test(tcase, advice_of_openai_is_obeyed_but_no_key_is_tried_twice, 0,
                        (int)ARRAY_LEN(advice));
    tcase_add_test(tcase, a_partial_answer_and_one_that_was_cut_are_not_taken_for_whole);
    tcase_add_test(tcase, the_id_of_the_request_comes_from_the_body_or_the_head);
    tcase_add_test(tcase, words_of_others_are_printable_short_and_without_keys);
    tcase_add_loop_test(tcase, an_error_says_who_what_and_which_credential, 0,
                        (int)ARRAY_LEN(errors));
    tcase_add_test(tcase, what_passes_but_may_not_be_tried_again_is_the_services_trouble);
    tcase_add_test(tcase, waits_double_to_a_minute_and_never_meet);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
