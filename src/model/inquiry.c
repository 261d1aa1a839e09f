// A small question, or a list.
#include "model/inquiry.h"

#include <errno.h>
#include <math.h>
#include <time.h>

#include "model/endpoint.h"
#include "net/secret.h"

enum {
    // Two letters are asked for; models that think first take some hundred tokens to get to them,
    // and some services refuse what is cut off before.
    ANSWER_TOKENS = 256,
    MAX_ANSWER_BYTES = 1 << 20, // of a list of models: some hundred KiB
};

// 64x64 pixels of grey: services refuse pictures of ten and less.
#define PICTURE                                                                                    \
    "data:image/png;base64,"                                                                       \
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAAAAACPAi4CAAAAKklEQVR42u3MQREAAAwCIPtnM5Qh9ttBANKjCAQCgUAg" \
    "EAgEAoFAIPgeDCKCwLUQIrrjAAAAAElFTkSuQmCC"

// ---- what is put right where

static bool is_transfer(const char *id)
{
    static const char *const ids[] = { "no_address", "unreachable",     "stalled",   "too_slow",
                                       "cut_off",    "bad_certificate", "bad_answer" };
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        if (strcmp(ids[i], id) == 0)
            return true;
    return false;
}

static int say_options(const struct inquiry *inquiry, int r, struct err *err)
{
    const char *service = model_services[inquiry->service], *role = model_roles[inquiry->role];
    if (err == NULL || r >= 0)
        return r;
    if (strcmp(err->id, "no_such_model") == 0) {
        err->hint[0] = '\0'; // that speaks of any model
        (void)err_hint(err, "check %s.%s_model and %s.address in clipspool.conf", service, role,
                       service);
    } else if (is_transfer(err->id)) {
        (void)err_hint(err,
                       "check %s.address in clipspool.conf, and that it can be reached from "
                       "here",
                       service);
    }
    return r;
}

// ---- the request

static int send_request(const struct inquiry *inquiry, const struct endpoint *endpoint,
                        enum fault_service judge, struct http_request request,
                        struct http_answer *answer, struct err *err)
{
    cleanup(secret_free) char *authorization = secret_bearer(inquiry->key);
    const char *const fields[] = { "Content-Type: application/json", "Accept: application/json",
                                   authorization, NULL };
    request.fields = request.body != NULL ? fields : fields + 1;
    request.max_body_bytes = MAX_ANSWER_BYTES;
    request.deadline_seconds = request.patience_seconds = inquiry->deadline_seconds;
    int r = http_do(inquiry->http, &request, answer, err);
    if (r < 0)
        return err_prefix(err, "%s", endpoint->who);
    const struct fault_answer judged = {
        .service = judge, .head = &answer->head, .body = answer->body, .size = answer->body_size
    };
    struct fault fault;
    fault_judge(&judged, time(NULL), &fault);
    if (fault.kind == FAULT_NONE)
        return 0;
    return fault_error(&fault, endpoint->who,
                       inquiry->credential != NULL ? inquiry->credential : "(none)", err);
}

// ---- who looks or plans

static int read_tokens(const struct inquiry *inquiry, const struct endpoint *endpoint,
                       const struct http_answer *answer, uint64_t *ret_tokens, struct err *err)
{
    cleanup(json_free) json_t *json = NULL;
    cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
    if (json_parse(answer->body, answer->body_size, &json, NULL) < 0 ||
        endpoint_read(endpoint, json, &reply, NULL) < 0) {
        (void)err_set(err, ERR_CONFIG, "garbled_answer", "%s: the answer is not as it should be",
                      endpoint->who);
        return err_hint(err, "check %s.address in clipspool.conf, and how it is spoken to (%s)",
                        model_services[inquiry->service],
                        inquiry->service == MODEL_OPENAI ? "openai.dialect"
                                                         : "dashscope.interface");
    }
    *ret_tokens = reply.usage.total;
    return 0;
}

static int ask_small(const struct inquiry *inquiry, const struct endpoint *endpoint,
                     uint64_t *ret_tokens, struct err *err)
{
    static const char *const pictures[] = { PICTURE };
    const struct wire_question question = {
        .prompt = "Reply with OK",
        .frames = pictures,
        .frame_count = inquiry->role == MODEL_VISION ? 1 : 0,
        .coarse = true,
        .max_tokens = ANSWER_TOKENS,
        .temperature = NAN,
        .form = WIRE_PLAIN,
    };
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    cleanup(json_free) json_t *json = endpoint_body(endpoint, &question);
    cleanup(free_ptr) char *link = endpoint_link(endpoint, &question);
    cleanup(free_ptr) char *text = json_dumps(json, JSON_COMPACT);
    if (text == NULL)
        base_out_of_memory();
    const struct http_body body = { .data = text, .size = strlen(text) };
    const struct http_request request = { .method = "POST", .link = link, .body = &body };
    int r = send_request(inquiry, endpoint, endpoint->service, request, &answer, err);
    return r < 0 ? r : read_tokens(inquiry, endpoint, &answer, ret_tokens, err);
}

// ---- who writes down what is said

static int ask_for_list(const struct inquiry *inquiry, const struct endpoint *endpoint,
                        struct err *err)
{
    bool is_openai = inquiry->service == MODEL_OPENAI;
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    cleanup(free_ptr) char *link =
        xasprintf("%s%s", endpoint->address,
                  is_openai ? "/models" : "/api/v1/tasks?page_no=1&page_size=1");
    const struct http_request request = { .link = link };
    return send_request(inquiry, endpoint, is_openai ? FAULT_OPENAI : FAULT_DASHSCOPE, request,
                        &answer, err);
}

int inquiry_ask(const struct inquiry *inquiry, uint64_t *ret_tokens, struct err *err)
{
    cleanup(endpoint_release) struct endpoint endpoint = ENDPOINT_INIT;
    *ret_tokens = 0;
    int r = endpoint_set(inquiry->settings, inquiry->service, inquiry->role, &endpoint, err);
    if (r < 0)
        return r;
    r = inquiry->role == MODEL_SPEECH ? ask_for_list(inquiry, &endpoint, err)
                                      : ask_small(inquiry, &endpoint, ret_tokens, err);
    return say_options(inquiry, r, err);
}
