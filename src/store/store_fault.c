// Refusals of storage services: the code decides where it is known, else the status.

#include "store/store_fault.h"

#include "base/text.h"
#include "net/digest.h"
#include "store/xml.h"

#include <errno.h>
#include <stdio.h>

// ---- its words

static void keep(char *to, size_t size, const char *text)
{
    cleanup(free_ptr) char *escaped = text_escape_n(text, strnlen(text, size - 1));
    (void)snprintf(to, size, "%s", escaped);
}

static int take_element(void *context, const char *path, const char *text, struct err *err)
{
    struct store_fault *fault = context;
    (void)err;
    if (strcmp(path, "Error/Code") == 0)
        keep(fault->code, sizeof fault->code, text);
    else if (strcmp(path, "Error/Message") == 0)
        keep(fault->message, sizeof fault->message, text);
    else if (strcmp(path, "Error/RequestId") == 0)
        keep(fault->request_id, sizeof fault->request_id, text);
    return 0;
}

void store_fault_read(const struct http_answer *answer, struct store_fault *ret)
{
    uint8_t *decoded = NULL;
    size_t size = 0;
    const char *packed = answer_find(&answer->head, "x-oss-err");
    *ret = (struct store_fault){ .status = answer->head.status };
    // Words that cannot be read leave the status to speak.
    if (answer->body_size > 0)
        (void)xml_read(answer->body, answer->body_size, take_element, ret, NULL);
    else if (packed != NULL && digest_unbase64(packed, &decoded, &size) == 0)
        (void)xml_read((const char *)decoded, size, take_element, ret, NULL);
    free(decoded);
    const char *id = answer_find(&answer->head, "x-oss-request-id");
    id = id ? id : answer_find(&answer->head, "x-amz-request-id");
    if (*ret->request_id == '\0' && id != NULL)
        keep(ret->request_id, sizeof ret->request_id, id);
}

// ---- what they mean

enum meaning {
    NO_OBJECT,
    NO_BUCKET,
    ELSEWHERE,
    REFUSED,
    BUSY,
    CLOCK,
    DAMAGED,
    OTHER,
};

static enum meaning meaning_of_code(const char *code)
{
    static const struct {
        const char *code;
        enum meaning meaning;
    } known[] = {
        { "NoSuchKey", NO_OBJECT },
        { "NoSuchBucket", NO_BUCKET },
        { "PermanentRedirect", ELSEWHERE },
        { "TemporaryRedirect", ELSEWHERE },
        { "AuthorizationHeaderMalformed", ELSEWHERE }, // of S3: another region
        { "RequestTimeTooSkewed", CLOCK },
        { "BadDigest", DAMAGED },
        { "IncompleteBody", DAMAGED },
        // Of S3, with 400: temporary keys that are over.
        { "ExpiredToken", REFUSED },
        { "InvalidToken", REFUSED },
        { "TokenRefreshRequired", REFUSED },
        { "OperationAborted", BUSY }, // of S3, with 409: somebody else changes the same just now
        { "SlowDown", BUSY },
        { "ServiceBusy", BUSY },
        { "Throttling", BUSY },
        { "RequestTimeout", BUSY }, // of S3, with 400: the connection was idle
        { "InternalError", BUSY },
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(known[i].code, code) == 0)
            return known[i].meaning;
    return OTHER;
}

static enum meaning meaning_of_status(int status)
{
    if (status == 401 || status == 403)
        return REFUSED;
    if (status == 404)
        return NO_OBJECT;
    if (status == 408 || status == 429 || (status >= 500 && status != 501))
        return BUSY;
    return status >= 300 && status < 400 ? ELSEWHERE : OTHER;
}

// "SignatureDoesNotMatch: the message", or the status where it says nothing.  Gives a string.
static char *said(const struct store_fault *fault)
{
    char *text =
        *fault->code != '\0'
            ? xasprintf("%s%s%s", fault->code, *fault->message != '\0' ? ": " : "", fault->message)
            : xasprintf("HTTP status %d", fault->status);
    if (*fault->request_id == '\0')
        return text;
    char *with_id = xasprintf("%s (request %s)", text, fault->request_id);
    free(text);
    return with_id;
}

static int refuse(const struct store_words *words, const char *reason, struct err *err)
{
    (void)err_set(err, ERR_DENIED, "storage_refused", "the service refuses credential %s: %s",
                  words->credential, reason);
    return err_hint(err, "check the keys in credential %s, and what they may do in bucket %s",
                    words->credential, words->bucket);
}

static int busy(const struct answer *head, time_t now, const char *reason, struct err *err)
{
    int r = err_set(err, ERR_SERVICE, "storage_away", "the service cannot answer now: %s", reason);
    if (err != NULL)
        err->retry_after = answer_retry_after(head, now);
    return r;
}

int store_fault_judge(const struct store_fault *fault, const struct answer *head,
                      const struct store_words *words, time_t now, struct err *err)
{
    enum meaning meaning = meaning_of_code(fault->code);
    cleanup(free_ptr) char *reason = said(fault);
    if (meaning == OTHER)
        meaning = meaning_of_status(fault->status);
    // Of an upload, not of the object.
    if (strcmp(fault->code, "NoSuchUpload") == 0)
        meaning = OTHER;
    switch (meaning) {
    case NO_OBJECT:
        (void)err_set(err, ERR_INPUT, "no_object", "there is no such object: %s", reason);
        return -ENOENT;
    case NO_BUCKET:
        (void)err_set(err, ERR_CONFIG, "no_bucket", "there is no bucket %s: %s", words->bucket,
                      reason);
        return err_hint(err, "check bucket and endpoint in the configuration");
    case ELSEWHERE:
        (void)err_set(err, ERR_CONFIG, "wrong_endpoint",
                      "bucket %s is not at this endpoint or in this region: %s", words->bucket,
                      reason);
        return err_hint(err, "write the endpoint and region of the bucket into the configuration");
    case REFUSED:
        return refuse(words, reason, err);
    case CLOCK:
        (void)err_set(err, ERR_SERVICE, "clock", "this machine's clock is wrong: %s", reason);
        return err_hint(err, "have the clock set by a time server");
    case BUSY:
        return busy(head, now, reason, err);
    case DAMAGED:
        return err_set(err, ERR_RETRY, "damaged", "what arrived is not what was sent: %s", reason);
    case OTHER:
        break;
    }
    return err_set(err, ERR_INPUT, "storage_answer", "the service refuses the request: %s", reason);
}

bool store_fault_may_pass(const struct err *err)
{
    return strcmp(err->id, "storage_away") == 0 || strcmp(err->id, "damaged") == 0;
}

void store_fault_transport(struct err *err)
{
    bool is_ours = strcmp(err->id, "stopped") == 0 || strcmp(err->id, "changed") == 0;
    if (err->class == ERR_RETRY && !is_ours) {
        err->class = ERR_SERVICE;
        (void)snprintf(err->id, sizeof err->id, "storage_away");
    } else if (err->class == ERR_INPUT && strcmp(err->id, "bad_link") != 0) {
        err->class = ERR_SERVICE;
        if (strcmp(err->id, "bad_certificate") != 0)
            (void)snprintf(err->id, sizeof err->id, "bad_answer");
    }
}
