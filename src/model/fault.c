// Codes, texts and statuses to kinds.
#include "model/fault.h"

#include "base/json.h"
#include "base/text.h"
#include "model/sse.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>

enum { DASHSCOPE = FAULT_DASHSCOPE | FAULT_COMPATIBLE, ANY = DASHSCOPE | FAULT_OPENAI };

// Waiting for limits a minute is pointless for less than some seconds; an answer that takes more
// than a minute to be due is better asked for in another batch.
static const double first_wait = 1, first_wait_of_limits = 4, longest_wait = 60;

static const struct {
    const char *word;
    enum err_class class;
    const char *hint; // begins it; the name of the credential follows, or nothing if it ends in "."
} kinds[FAULT_KINDS] = {
    [FAULT_NONE] = { "none", ERR_NONE, NULL },
    [FAULT_BUSY] = { "service_busy", ERR_RETRY, NULL },
    [FAULT_REQUESTS] = { "throttled_requests", ERR_RETRY, NULL },
    [FAULT_TOKENS] = { "throttled_tokens", ERR_RETRY, NULL },
    [FAULT_BURST] = { "throttled_burst", ERR_RETRY, NULL },
    [FAULT_GARBLED] = { "garbled_answer", ERR_RETRY, NULL },
    [FAULT_PARTIAL] = { "partial_answer", ERR_RETRY, NULL },
    [FAULT_TASK_LOST] = { "task_lost", ERR_RETRY, NULL },
    [FAULT_EXPIRED] = { "upload_expired", ERR_RETRY, NULL },
    [FAULT_PURSE] = { "purse_empty", ERR_SERVICE, "pay the account of the credential " },
    [FAULT_KEY] = { "key_refused", ERR_DENIED,
                    "a key is good for one service and one region; check the credential " },
    [FAULT_FORBIDDEN] = { "model_forbidden", ERR_DENIED,
                          "have the model allowed for the account of the credential " },
    [FAULT_NOT_THERE] = { "no_such_model", ERR_CONFIG,
                          "check the model's name and the address in the configuration." },
    [FAULT_FORMAT] = { "format_refused", ERR_INPUT, NULL },
    [FAULT_REQUEST] = { "request_refused", ERR_INPUT, NULL },
    [FAULT_CONTENT] = { "content_refused", ERR_INPUT, NULL },
    [FAULT_MEDIA] = { "media_refused", ERR_INPUT, NULL },
    [FAULT_TOO_LARGE] = { "request_too_large", ERR_INPUT, NULL },
};

const char *fault_word(enum fault_kind kind)
{
    return kinds[kind].word;
}

// ---- the tables

enum match { CODE, CODE_BEGINS, TEXT };

// The first that fits decides; so longer codes stand before those they begin with.  Case does not
// count.
static const struct rule {
    unsigned services;
    enum match match;
    const char *what;
    enum fault_kind kind;
    unsigned tries;
} rules[] = {
    { ANY, TEXT, "policy expired", FAULT_EXPIRED, 1 },
    // Money.
    { FAULT_OPENAI, CODE, "insufficient_quota", FAULT_PURSE, 0 },
    { FAULT_OPENAI, CODE, "credit_balance_exhausted", FAULT_PURSE, 0 },
    { FAULT_OPENAI, CODE, "organization_spend_limit_exceeded", FAULT_PURSE, 0 },
    { FAULT_OPENAI, CODE, "project_spend_limit_exceeded", FAULT_PURSE, 0 },
    { FAULT_OPENAI, CODE, "organization_usage_limit_exceeded", FAULT_PURSE, 0 },
    { FAULT_OPENAI, CODE, "billing_hard_limit_reached", FAULT_PURSE, 0 },
    { DASHSCOPE, CODE, "Arrearage", FAULT_PURSE, 0 },
    { DASHSCOPE, CODE, "CommodityNotPurchased", FAULT_PURSE, 0 },
    { DASHSCOPE, CODE, "PrepaidBillOverdue", FAULT_PURSE, 0 },
    { DASHSCOPE, CODE, "PostpaidBillOverdue", FAULT_PURSE, 0 },
    { DASHSCOPE, CODE, "AllocationQuota.FreeTierOnly", FAULT_PURSE, 0 },
    // Limits a minute.
    { DASHSCOPE, CODE, "insufficient_quota", FAULT_TOKENS, FAULT_MOST_TRIES },
    { DASHSCOPE, CODE, "Throttling.AllocationQuota", FAULT_TOKENS, FAULT_MOST_TRIES },
    { DASHSCOPE, CODE, "Throttling.BurstRate", FAULT_BURST, FAULT_MOST_TRIES },
    { DASHSCOPE, CODE, "limit_burst_rate", FAULT_BURST, FAULT_MOST_TRIES },
    { DASHSCOPE, CODE, "Throttling.RateQuota", FAULT_REQUESTS, FAULT_MOST_TRIES },
    { DASHSCOPE, CODE, "LimitRequests", FAULT_REQUESTS, FAULT_MOST_TRIES },
    { DASHSCOPE, CODE, "limit_requests", FAULT_REQUESTS, FAULT_MOST_TRIES },
    { DASHSCOPE, TEXT, "request rate increased too quickly", FAULT_BURST, FAULT_MOST_TRIES },
    { DASHSCOPE, TEXT, "requests rate limit exceeded", FAULT_REQUESTS, FAULT_MOST_TRIES },
    { DASHSCOPE, TEXT, "exceeded your current requests list", FAULT_REQUESTS, FAULT_MOST_TRIES },
    { DASHSCOPE, TEXT, "allocated quota exceeded", FAULT_TOKENS, FAULT_MOST_TRIES },
    { DASHSCOPE, TEXT, "exceeded your current quota", FAULT_TOKENS, FAULT_MOST_TRIES },
    { DASHSCOPE, CODE_BEGINS, "Throttling", FAULT_REQUESTS, FAULT_MOST_TRIES },
    { FAULT_OPENAI, TEXT, "tokens per min", FAULT_TOKENS, FAULT_MOST_TRIES },
    { FAULT_OPENAI, CODE, "rate_limit_exceeded", FAULT_REQUESTS, FAULT_MOST_TRIES },
    { FAULT_OPENAI, CODE, "slow_down", FAULT_BURST, FAULT_MOST_TRIES },
    // Who asks.
    { ANY, CODE, "InvalidApiKey", FAULT_KEY, 0 },
    { ANY, CODE, "invalid_api_key", FAULT_KEY, 0 },
    { DASHSCOPE, CODE, "NOT AUTHORIZED", FAULT_KEY, 0 },
    { DASHSCOPE, CODE_BEGINS, "AccessDenied", FAULT_FORBIDDEN, 0 },
    { DASHSCOPE, CODE, "Model.AccessDenied", FAULT_FORBIDDEN, 0 },
    { DASHSCOPE, CODE, "Workspace.AccessDenied", FAULT_FORBIDDEN, 0 },
    { ANY, CODE, "ModelNotFound", FAULT_NOT_THERE, 0 },
    { ANY, CODE, "model_not_found", FAULT_NOT_THERE, 0 },
    { ANY, CODE, "model_not_supported", FAULT_NOT_THERE, 0 },
    { DASHSCOPE, CODE, "WorkSpaceNotFound", FAULT_NOT_THERE, 0 },
    { DASHSCOPE, CODE, "NotFound", FAULT_NOT_THERE, 0 },
    // What is sent.  InvalidParameter.DataInspection is a video that could not be fetched.
    { DASHSCOPE, CODE, "InvalidParameter.DataInspection", FAULT_MEDIA, 0 },
    { ANY, CODE, "DataInspectionFailed", FAULT_CONTENT, 0 },
    { ANY, CODE, "data_inspection_failed", FAULT_CONTENT, 0 },
    { DASHSCOPE, CODE, "IPInfringementSuspect", FAULT_CONTENT, 0 },
    { FAULT_OPENAI, CODE, "content_policy_violation", FAULT_CONTENT, 0 },
    { FAULT_OPENAI, CODE, "content_filter", FAULT_CONTENT, 0 },
    { DASHSCOPE, CODE, "InvalidURL", FAULT_MEDIA, 0 },
    { DASHSCOPE, CODE_BEGINS, "InvalidURL.", FAULT_MEDIA, 0 },
    { DASHSCOPE, CODE_BEGINS, "InvalidFile", FAULT_MEDIA, 0 },
    { DASHSCOPE, CODE_BEGINS, "FILE_", FAULT_MEDIA, 0 },
    { DASHSCOPE, TEXT, "content-length", FAULT_MEDIA, 0 },
    { DASHSCOPE, TEXT, "download the media", FAULT_MEDIA, 0 },
    { FAULT_OPENAI, CODE, "invalid_image_url", FAULT_MEDIA, 0 },
    { FAULT_OPENAI, CODE, "invalid_image_format", FAULT_MEDIA, 0 },
    { ANY, CODE, "RequestTooLargeError", FAULT_TOO_LARGE, 0 },
    { ANY, CODE, "context_length_exceeded", FAULT_TOO_LARGE, 0 },
    { ANY, CODE, "string_above_max_length", FAULT_TOO_LARGE, 0 },
    { DASHSCOPE, TEXT, "range of input length", FAULT_TOO_LARGE, 0 },
    { ANY, TEXT, "response_format", FAULT_FORMAT, 0 },
    { ANY, TEXT, "json_schema", FAULT_FORMAT, 0 },
    { DASHSCOPE, CODE_BEGINS, "InvalidParameter", FAULT_REQUEST, 0 },
    { ANY, CODE, "invalid_parameter_error", FAULT_REQUEST, 0 },
    { DASHSCOPE, CODE, "UnsupportedOperation", FAULT_REQUEST, 0 },
    // The service itself.
    { DASHSCOPE, CODE, "InternalError.Timeout", FAULT_BUSY, 1 },
    { DASHSCOPE, CODE, "RequestTimeOut", FAULT_BUSY, 1 },
    { DASHSCOPE, CODE_BEGINS, "InternalError", FAULT_BUSY, 3 },
    { DASHSCOPE, CODE, "internal_error", FAULT_BUSY, 3 },
    { DASHSCOPE, CODE, "SystemError", FAULT_BUSY, 3 },
    { DASHSCOPE, CODE, "ModelServiceFailed", FAULT_BUSY, 3 },
    { DASHSCOPE, CODE, "ModelServingError", FAULT_BUSY, FAULT_MOST_TRIES },
    { DASHSCOPE, CODE, "ModelUnavailable", FAULT_BUSY, FAULT_MOST_TRIES },
    { DASHSCOPE, CODE, "ClientDisconnect", FAULT_BUSY, 3 },
};

// Without a code or text that is known.
static const struct {
    int status;
    enum fault_kind kind;
    unsigned tries;
} statuses[] = {
    { 401, FAULT_KEY, 0 },
    { 402, FAULT_PURSE, 0 },
    { 403, FAULT_FORBIDDEN, 0 },
    { 404, FAULT_NOT_THERE, 0 },
    { 405, FAULT_NOT_THERE, 0 },
    { 408, FAULT_BUSY, FAULT_MOST_TRIES },
    { 409, FAULT_BUSY, FAULT_MOST_TRIES },
    { 413, FAULT_TOO_LARGE, 0 },
    { 425, FAULT_BUSY, FAULT_MOST_TRIES },
    { 429, FAULT_REQUESTS, FAULT_MOST_TRIES },
    { 500, FAULT_BUSY, 3 },
    { 501, FAULT_NOT_THERE, 0 },
    { 502, FAULT_BUSY, FAULT_MOST_TRIES },
    { 503, FAULT_BUSY, FAULT_MOST_TRIES },
    { 504, FAULT_BUSY, FAULT_MOST_TRIES },
};

static void set_kind(struct fault *fault, enum fault_kind kind, unsigned tries)
{
    fault->kind = kind;
    fault->tries = tries;
}

static bool applies(const struct rule *rule, const struct fault *fault, const char *type)
{
    if (rule->match == TEXT)
        return strcasestr(fault->text, rule->what) != NULL;
    size_t length = rule->match == CODE ? SIZE_MAX : strlen(rule->what);
    // OpenAI says some things in the type, and the code is null or of another word.
    return strncasecmp(fault->code, rule->what, length) == 0 ||
           (type && strncasecmp(type, rule->what, length) == 0);
}

static void judge_words(enum fault_service service, const char *type, struct fault *fault)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if ((rules[i].services & service) && applies(&rules[i], fault, type)) {
            set_kind(fault, rules[i].kind, rules[i].tries);
            return;
        }
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (statuses[i].status == fault->status) {
            set_kind(fault, statuses[i].kind, statuses[i].tries);
            return;
        }
    // An error under 200 that nobody knows may be a mood of the service.
    if (fault->status >= 500 || fault->status < 300)
        set_kind(fault, FAULT_BUSY, 1);
    else
        set_kind(fault, fault->status < 400 ? FAULT_NOT_THERE : FAULT_REQUEST, 0);
}

// ---- what was said

// Foreign words for logs: printable, without what looks like a key.  `from` has
// most_bytes or ends before.
static void keep_n(char *to, size_t size, const char *from, size_t most_bytes)
{
    cleanup(free_ptr) char *shortened = xstrndup(from, most_bytes < size ? most_bytes : size);
    for (char *at = shortened; (at = strstr(at, "sk-")) != NULL;)
        for (at += 3; isalnum((unsigned char)*at) || (*at && strchr("-_*", *at)); at++)
            *at = '*';
    cleanup(free_ptr) char *escaped = text_escape(shortened);
    size_t length = strnlen(escaped, size - 1);
    while (length > 0 && (escaped[length] & 0xC0) == 0x80)
        length--;
    memcpy(to, escaped, length);
    to[length] = 0;
}

static void keep(char *to, size_t size, const char *from)
{
    if (from)
        keep_n(to, size, from, size);
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

// Takes code and message out of an object that has them.  Returns false if it says no error.
static bool take_words(const json_t *object, struct fault *fault)
{
    const json_t *code = json_object_get(object, "code");
    const char *message = text_at(object, "message");
    message = message ? message : text_at(object, "msg");
    char number[32] = "";
    if (json_is_integer(code)) // llama.cpp has the status there
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(code));
    const char *word = json_is_string(code) ? json_string_value(code) : number;
    if (!*word && !(message && *message))
        return false;
    keep(fault->code, sizeof fault->code, word);
    keep(fault->text, sizeof fault->text, message);
    return true;
}

// A task that is over without what was asked for.
static bool judge_task(const json_t *output, enum fault_service service, struct fault *fault)
{
    const char *status = text_at(output, "task_status");
    size_t i;
    json_t *result;
    if (!status)
        return false;
    if (strcmp(status, "UNKNOWN") == 0 || strcmp(status, "CANCELED") == 0) {
        set_kind(fault, FAULT_TASK_LOST, 1);
        return true;
    }
    if (strcmp(status, "FAILED") == 0) {
        (void)take_words(output, fault);
        judge_words(service, NULL, fault);
        return true;
    }
    // It succeeded if any part of it did.  One that asked for a single file has the first.
    json_array_foreach(json_object_get(output, "results"), i, result)
    {
        const char *part = text_at(result, "subtask_status");
        bool failed = part ? strcmp(part, "FAILED") == 0 : text_at(result, "code") != NULL;
        if (failed) {
            (void)take_words(result, fault);
            judge_words(service, NULL, fault);
            return true;
        }
    }
    return false;
}

static void judge_json(const json_t *json, enum fault_service service, struct fault *fault)
{
    const json_t *error = json_object_get(json, "error");
    const char *type = text_at(error, "type");
    keep(fault->request_id, sizeof fault->request_id, text_at(json, "request_id"));
    if (json_is_object(error)) {
        (void)take_words(error, fault);
        judge_words(service, type, fault);
    } else if (json_is_string(error)) { // Ollama
        keep(fault->text, sizeof fault->text, json_string_value(error));
        judge_words(service, NULL, fault);
    } else if (judge_task(json_object_get(json, "output"), service, fault)) {
        return;
    } else if (take_words(json, fault) || fault->status >= 300) {
        judge_words(service, type, fault);
    }
}

static bool judge_events(const struct fault_answer *answer, struct fault *fault)
{
    struct sse sse;
    cleanup(sse_event_release) struct sse_event event = SSE_EVENT_INIT;
    bool any = false, done = false;
    if (!sse_is(answer->body, answer->size))
        return false;
    sse_begin(&sse, answer->body, answer->size);
    while (!done && sse_next(&sse, &event) > 0) {
        cleanup(json_free) json_t *json = json_loads(event.data, 0, NULL);
        bool error = strcmp(event.name, "error") == 0 || event.status >= 400 ||
                     json_is_object(json_object_get(json, "error"));
        if (error) {
            fault->status = event.status ? event.status : fault->status;
            judge_json(json, answer->service, fault);
            if (fault->kind == FAULT_NONE)
                judge_words(answer->service, NULL, fault);
            done = true;
        }
        any = any || json != NULL;
        sse_event_release(&event);
    }
    return any || done;
}

// Neither JSON nor events: XML of a storage, HTML of a proxy, half of an answer, nothing.
static void judge_other(const struct fault_answer *answer, struct fault *fault)
{
    if (answer->size > 0)
        keep_n(fault->text, sizeof fault->text, answer->body, answer->size);
    if (fault->status < 200 || fault->status >= 300)
        judge_words(answer->service, NULL, fault);
    else
        set_kind(fault, FAULT_GARBLED, 3);
}

// Seconds, with the finer field of OpenAI first.
static double asked_wait(const struct answer *head, time_t now)
{
    const char *fine = answer_find(head, "retry-after-ms");
    char *end;
    double ms = fine ? strtod(fine, &end) : 0;
    if (fine && *fine && *end == 0 && ms > 0 && ms < 86400e3)
        return ms / 1000;
    return answer_retry_after(head, now);
}

// What OpenAI's own client obeys.  A key or a purse does not become good by trying.
static void obey_advice(const struct answer *head, struct fault *fault)
{
    const char *advice = answer_find(head, "x-should-retry");
    if (!advice || fault->kind == FAULT_NONE)
        return;
    if (strcasecmp(advice, "false") == 0)
        fault->tries = 0;
    bool final = fault->kind == FAULT_KEY || fault->kind == FAULT_PURSE;
    if (strcasecmp(advice, "true") == 0 && fault->tries == 0 && !final)
        fault->tries = 1;
}

void fault_judge(const struct fault_answer *answer, time_t now, struct fault *ret)
{
    const struct answer *head = answer->head;
    const char *partial = answer_find(head, "x-dashscope-partialresponse");
    *ret = (struct fault){ .status = head->status, .retry_after = asked_wait(head, now) };
    cleanup(json_free) json_t *json =
        json_loadb(answer->body ? answer->body : "", answer->size, 0, NULL);
    if (json_is_object(json))
        judge_json(json, answer->service, ret);
    else if (answer->size == 0 || !judge_events(answer, ret))
        judge_other(answer, ret);
    if (ret->kind == FAULT_NONE && (head->status < 200 || head->status >= 300))
        judge_words(answer->service, NULL, ret); // whatever it has for a body
    if (ret->kind == FAULT_NONE && answer->cut)
        set_kind(ret, FAULT_GARBLED, 3);
    if (ret->kind == FAULT_NONE && partial && strcasecmp(partial, "true") == 0)
        set_kind(ret, FAULT_PARTIAL, 1);
    if (!*ret->request_id)
        keep(ret->request_id, sizeof ret->request_id, answer_find(head, "x-request-id"));
    if (answer->service == FAULT_OPENAI)
        obey_advice(head, ret);
}

// ---- what to do about it

int fault_error(const struct fault *fault, const char *who, const char *credential, struct err *err)
{
    const char *word = kinds[fault->kind].word;
    enum err_class class = kinds[fault->kind].class;
    // What passes, but not for this request, is the service's trouble and no reason to wait.
    if (class == ERR_RETRY && fault->tries == 0)
        class = ERR_SERVICE;
    bool first = err && err->class == ERR_NONE;
    int r = err_set(err, class, word, "%s: %s (status %d%s%s)%s%s%s%s", who, word, fault->status,
                    *fault->code ? ", " : "", fault->code, *fault->text ? ": " : "", fault->text,
                    *fault->request_id ? "; request " : "", fault->request_id);
    if (first && class == ERR_RETRY)
        err->retry_after = (unsigned)ceil(fault->retry_after);
    const char *hint = kinds[fault->kind].hint;
    if (!hint)
        return r;
    bool whole = hint[strlen(hint) - 1] == '.';
    return err_hint(err, "%s%s", hint, whole ? "" : credential);
}

double fault_wait(const struct fault *fault, unsigned tried, double chance)
{
    bool limit =
        fault->kind == FAULT_REQUESTS || fault->kind == FAULT_TOKENS || fault->kind == FAULT_BURST;
    double wait = limit ? first_wait_of_limits : first_wait;
    if (fault->retry_after > 0)
        return fault->retry_after;
    for (unsigned i = 1; i < tried && wait < longest_wait; i++)
        wait *= 2;
    return fmin(wait, longest_wait) * fmin(fmax(chance, 0), 1);
}
