// Whatever a service answers, it is judged, what is kept of its words is printable and without
// keys, and what is read of it is bounded by it.
#include "base/text.h"
#include "model/fault.h"
#include "model/wire_dashscope.h"
#include "model/wire_openai.h"

#include <ctype.h>
#include <math.h>

static void require(bool good)
{
    if (!good)
        abort();
}

static void check_words(const char *text)
{
    require(text_is_utf8(text, strlen(text)));
    for (const char *s = text; *s; s++)
        require((unsigned char)*s >= 0x20 && *s != 0x7F);
    for (const char *key = text; (key = strstr(key, "sk-")) != NULL; key += 3)
        require(!isalnum((unsigned char)key[3]));
}

static void check_fault(enum fault_service service, int status, const char *body, size_t size)
{
    cleanup(answer_release) struct answer head = ANSWER_INIT;
    cleanup(free_ptr) char *line = xasprintf("HTTP/1.1 %d x", status);
    require(answer_add_line(&head, line, strlen(line), NULL) == 0);
    struct fault_answer answer = { service, &head, body, size, false };
    struct fault fault;
    struct err err = ERR_INIT;
    fault_judge(&answer, 1763195400, &fault);
    require(fault.kind < FAULT_KINDS && fault.tries <= FAULT_MOST_TRIES);
    require(fault.kind != FAULT_NONE || (status >= 200 && status < 300));
    check_words(fault.code);
    check_words(fault.text);
    check_words(fault.request_id);
    if (fault.kind != FAULT_NONE)
        require(fault_error(&fault, "x", "y", &err) < 0 && err.class != ERR_NONE);
    double wait = fault_wait(&fault, 3, 0.5);
    require(wait >= 0 && wait <= 86400);
}

static void check_reading(int (*read)(const json_t *, struct wire_reply *, struct err *),
                          const char *body, size_t size)
{
    cleanup(json_free) json_t *json = json_loadb(body, size, 0, NULL);
    cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
    if (!json || read(json, &reply, NULL) < 0)
        return;
    require(reply.text && strlen(reply.text) <= size);
    require(reply.usage.total >= reply.usage.input && isfinite(reply.usage.seconds));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum fault_service services[] = { FAULT_DASHSCOPE, FAULT_COMPATIBLE,
                                                   FAULT_OPENAI };
    static const int statuses[] = { 200, 204, 301, 400, 401, 403, 404, 413, 429, 500, 503, 529 };
    if (size == 0)
        return 0;
    size_t choice = data[0];
    // A copy of its own size, so that a byte read beyond is seen.
    cleanup(free_ptr) char *body = xcalloc(size, 1);
    memcpy(body, data + 1, size - 1);
    body = xrealloc(body, size > 1 ? size - 1 : 1, 1);
    check_fault(services[choice % 3], statuses[choice / 3 % ARRAY_LEN(statuses)], body, size - 1);
    check_reading(wire_dashscope_read, body, size - 1);
    check_reading(wire_openai_read, body, size - 1);
    return 0;
}
