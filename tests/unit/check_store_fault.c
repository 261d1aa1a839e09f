// Refusals: which words are taken from them, and what they mean.
#include "store/store_fault.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>

static const struct store_words words = { "main-keys", "reels" };
static struct err err;
static struct http_answer answer;

static void set_up(void)
{
    err = (struct err)ERR_INIT;
    answer = (struct http_answer)HTTP_ANSWER_INIT;
}

static void tear_down(void)
{
    http_answer_release(&answer);
}

static void add_line(const char *line)
{
    ck_assert_int_eq(answer_add_line(&answer.head, line, strlen(line), NULL), 0);
}

static int judge(int status, const char *body)
{
    struct store_fault fault;
    cleanup(free_ptr) char *line = xasprintf("HTTP/1.1 %d X", status);
    add_line(line);
    answer.body = body ? xstrdup(body) : NULL;
    answer.body_size = body ? strlen(body) : 0;
    store_fault_read(&answer, &fault);
    return store_fault_judge(&fault, &answer.head, &words, 1000000000, &err);
}

#define CODE(code) "<Error><Code>" code "</Code><Message>as it says</Message></Error>"

static const struct {
    int status;
    const char *body;
    enum err_class class;
    const char *id, *text;
} table[] = {
    { 403, CODE("SignatureDoesNotMatch"), ERR_DENIED, "storage_refused", "credential main-keys" },
    { 403, CODE("InvalidAccessKeyId"), ERR_DENIED, "storage_refused", "InvalidAccessKeyId" },
    { 403, CODE("AccessDenied"), ERR_DENIED, "storage_refused", "as it says" },
    { 403, CODE("SecurityTokenExpired"), ERR_DENIED, "storage_refused", "main-keys" },
    { 400, CODE("ExpiredToken"), ERR_DENIED, "storage_refused", "ExpiredToken" },
    { 400, CODE("InvalidToken"), ERR_DENIED, "storage_refused", "main-keys" },
    { 400, CODE("TokenRefreshRequired"), ERR_DENIED, "storage_refused", "bucket reels" },
    { 403, NULL, ERR_DENIED, "storage_refused", "HTTP status 403" },
    { 401, "<html>", ERR_DENIED, "storage_refused", "HTTP status 401" },
    { 403, CODE("RequestTimeTooSkewed"), ERR_SERVICE, "clock", "clock" },
    { 404, CODE("NoSuchKey"), ERR_INPUT, "no_object", "no such object" },
    { 404, NULL, ERR_INPUT, "no_object", "404" },
    { 404, CODE("NoSuchBucket"), ERR_CONFIG, "no_bucket", "no bucket reels" },
    { 404, CODE("NoSuchUpload"), ERR_INPUT, "storage_answer", "NoSuchUpload" },
    { 301, CODE("PermanentRedirect"), ERR_CONFIG, "wrong_endpoint", "reels" },
    { 307, NULL, ERR_CONFIG, "wrong_endpoint", "307" },
    { 400, CODE("AuthorizationHeaderMalformed"), ERR_CONFIG, "wrong_endpoint", "region" },
    { 503, CODE("SlowDown"), ERR_SERVICE, "storage_away", "SlowDown" },
    { 429, NULL, ERR_SERVICE, "storage_away", "429" },
    { 500, CODE("InternalError"), ERR_SERVICE, "storage_away", "InternalError" },
    { 400, CODE("RequestTimeout"), ERR_SERVICE, "storage_away", "RequestTimeout" },
    { 409, CODE("OperationAborted"), ERR_SERVICE, "storage_away", "OperationAborted" },
    { 400, CODE("BadDigest"), ERR_RETRY, "damaged", "BadDigest" },
    { 400, CODE("InvalidArgument"), ERR_INPUT, "storage_answer", "InvalidArgument: as it says" },
    { 501, CODE("NotImplemented"), ERR_INPUT, "storage_answer", "NotImplemented" },
    { 405, NULL, ERR_INPUT, "storage_answer", "405" },
    { 403, "<!DOCTYPE a [<!ENTITY b \"NoSuchKey\">]>" CODE("&b;"), ERR_DENIED, "storage_refused",
      "HTTP status 403" },
};

START_TEST(the_code_decides_or_else_the_status)
{
    int r = judge(table[_i].status, table[_i].body);
    ck_assert_int_eq(r, strcmp(table[_i].id, "no_object") == 0 ? -ENOENT : -EINVAL);
    ck_assert_int_eq(err.class, table[_i].class);
    ck_assert_str_eq(err.id, table[_i].id);
    ck_assert_msg(strstr(err.text, table[_i].text) || strstr(err.hint, table[_i].text), "%s",
                  err.text);
}
END_TEST

START_TEST(what_only_waiting_mends_is_tried_again)
{
    static const char *const passing[] = { "storage_away", "damaged" };
    (void)judge(table[_i].status, table[_i].body);
    bool may_pass = false;
    for (size_t i = 0; i < ARRAY_LEN(passing); i++)
        may_pass = may_pass || strcmp(table[_i].id, passing[i]) == 0;
    ck_assert_int_eq(store_fault_may_pass(&err), may_pass);
}
END_TEST

START_TEST(a_head_has_its_words_in_a_header)
{
    add_line("HTTP/1.1 404 X");
    // <Error><Code>NoSuchBucket</Code></Error>
    add_line("x-oss-err: PEVycm9yPjxDb2RlPk5vU3VjaEJ1Y2tldDwvQ29kZT48L0Vycm9yPg==");
    struct store_fault fault;
    store_fault_read(&answer, &fault);
    ck_assert_str_eq(fault.code, "NoSuchBucket");
    ck_assert_int_eq(fault.status, 404);
}
END_TEST

START_TEST(the_number_of_the_request_and_the_wait_are_passed_on)
{
    add_line("HTTP/1.1 503 X");
    add_line("Retry-After: 77");
    add_line("x-amz-request-id: 4442587FB7D0A2F9");
    struct store_fault fault;
    store_fault_read(&answer, &fault);
    ck_assert_int_lt(store_fault_judge(&fault, &answer.head, &words, 1000000000, &err), 0);
    ck_assert_uint_eq(err.retry_after, 77);
    ck_assert_ptr_nonnull(strstr(err.text, "(request 4442587FB7D0A2F9)"));
}
END_TEST

START_TEST(words_of_strangers_are_cut_and_escaped)
{
    cleanup(free_ptr) char *much = xcalloc(5001, 1);
    memset(much, 'm', 5000);
    cleanup(free_ptr) char *body =
        xasprintf("<Error><Code>Odd</Code><Message>&#x1B;&#x9B;[31m%s</Message></Error>", much);
    (void)judge(400, body);
    ck_assert_str_eq(err.id, "storage_answer"); // an escape is not even XML
    ck_assert_ptr_null(strchr(err.text, 0x1B));
    err_clear(&err);
    cleanup(free_ptr) char *line =
        xasprintf("<Error><Code>Odd</Code><Message>one\ntwo\xE2\x80\xAE%s</Message></Error>", much);
    http_answer_release(&answer);
    (void)judge(400, line);
    ck_assert_ptr_null(strchr(err.text, '\n'));
    ck_assert_ptr_null(strstr(err.text, "\xE2\x80\xAE"));
    ck_assert_ptr_nonnull(strstr(err.text, "Odd: one\\x0Atwo"));
    ck_assert_uint_lt(strlen(err.text), 400);
}
END_TEST

static const struct {
    enum err_class class;
    const char *id;
    enum err_class becomes;
    const char *becomes_id;
} transports[] = {
    { ERR_RETRY, "stopped", ERR_RETRY, "stopped" },
    { ERR_RETRY, "changed", ERR_RETRY, "changed" },
    { ERR_RETRY, "cut_off", ERR_SERVICE, "storage_away" },
    { ERR_RETRY, "unreachable", ERR_SERVICE, "storage_away" },
    { ERR_INPUT, "bad_answer", ERR_SERVICE, "bad_answer" },
    { ERR_INPUT, "answer_too_large", ERR_SERVICE, "bad_answer" },
    { ERR_INPUT, "bad_certificate", ERR_SERVICE, "bad_certificate" },
    { ERR_INPUT, "bad_link", ERR_INPUT, "bad_link" },
    { ERR_CONFIG, "bad_ca_file", ERR_CONFIG, "bad_ca_file" },
    { ERR_IO, "io", ERR_IO, "io" },
};

START_TEST(a_transport_that_fails_is_a_service_that_is_away)
{
    (void)err_set(&err, transports[_i].class, transports[_i].id, "x");
    store_fault_transport(&err);
    ck_assert_int_eq(err.class, transports[_i].becomes);
    ck_assert_str_eq(err.id, transports[_i].becomes_id);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_fault");
    TCase *tcase = tcase_create("store_fault");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, the_code_decides_or_else_the_status, 0, (int)ARRAY_LEN(table));
    tcase_add_loop_test(tcase, what_only_waiting_mends_is_tried_again, 0, (int)ARRAY_LEN(table));
    tcase_add_test(tcase, a_head_has_its_words_in_a_header);
    tcase_add_test(tcase, the_number_of_the_request_and_the_wait_are_passed_on);
    tcase_add_test(tcase, words_of_strangers_are_cut_and_escaped);
    tcase_add_loop_test(tcase, a_transport_that_fails_is_a_service_that_is_away, 0,
                        (int)ARRAY_LEN(transports));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
