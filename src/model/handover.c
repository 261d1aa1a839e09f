// Handing over: a policy, a form, an address.
#include "model/handover.h"

#include "base/json.h"
#include "base/percent.h"
#include "base/text.h"
#include "model/fault.h"
#include "net/form.h"
#include "net/secret.h"
#include "store/store_fault.h"
#include <stdio.h>
#include <strings.h>

static const char who[] = "dashscope upload";

// What the service says about where to; all but key borrowed from the answer.
struct policy {
    json_t *json;
    const char *policy, *signature, *host, *id, *acl, *no_overwrite;
    char *key; // of the object
    uint64_t max_bytes;
};

static void policy_release(struct policy *policy)
{
    json_decref(policy->json);
    free(policy->key);
    *policy = (struct policy){ .json = NULL };
}

// ---- the policy

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (*text <= 0x20 || *text > 0x7E)
            return false;
    return true;
}

static int garbled(const char *what, struct err *err)
{
    return err_set(err, ERR_SERVICE, "garbled_answer",
                   "%s: the permission to upload that the service gave %s", who, what);
}

// To where the video may be sent: nowhere less safe than where the key was.
static int check_host(const struct handover *handover, const char *host, struct err *err)
{
    struct err reason = ERR_INIT;
    bool was_safe = strncasecmp(handover->address, "https:", 6) == 0;
    if (http_check_link(host, &reason) < 0)
        return garbled("names no address", err);
    if (was_safe && strncasecmp(host, "https:", 6) != 0)
        return garbled("leads from https to http, where anybody may read along", err);
    return 0;
}

static int read_policy(const struct handover *handover, struct policy *policy, struct err *err)
{
    const json_t *data = json_object_get(policy->json, "data");
    const char *bad = NULL;
    const struct {
        const char *name, **into;
        const char *fallback;
    } texts[] = {
        { "policy", &policy->policy, NULL },
        { "signature", &policy->signature, NULL },
        { "upload_host", &policy->host, NULL },
        { "oss_access_key_id", &policy->id, NULL },
        { "x_oss_object_acl", &policy->acl, "private" },
        { "x_oss_forbid_overwrite", &policy->no_overwrite, "true" },
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i].into = json_text(data, texts[i].name, texts[i].fallback, &bad);
        if (bad != NULL || *texts[i].into == NULL || !is_printable(*texts[i].into))
            return garbled("lacks a part", err);
    }
    const char *folder = json_text(data, "upload_dir", NULL, &bad);
    if (folder == NULL || !is_printable(folder))
        return garbled("names no folder", err);
    policy->key = xasprintf("%s/%s", folder, handover->file_name);
    double most = json_number(data, "max_file_size_mb", 0, 1e6, 1024, NULL);
    policy->max_bytes = (uint64_t)(most * (1 << 20));
    return check_host(handover, policy->host, err);
}

// Whatever is no success.
static int refused(const struct handover *handover, const struct http_answer *answer,
                   struct err *err)
{
    const struct fault_answer seen = {
        .service = FAULT_DASHSCOPE,
        .head = &answer->head,
        .body = answer->body,
        .size = answer->body_size,
    };
    struct fault fault;
    fault_judge(&seen, time(NULL), &fault);
    return fault.kind == FAULT_NONE ? 0 : fault_error(&fault, who, handover->credential, err);
}

static int get_policy(const struct handover *handover, struct policy *policy, struct err *err)
{
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    cleanup(secret_release) struct secret field = SECRET_INIT;
    cleanup(free_ptr) char *model = percent_encode(handover->model, "");
    cleanup(free_ptr) char *link =
        xasprintf("%s/api/v1/uploads?action=getPolicy&model=%s", handover->address, model);
    SECRET_ADD(&field, "Authorization: Bearer ", handover->key);
    const char *const fields[] = { field.text, "Accept: application/json", NULL };
    const struct http_request request = {
        .link = link,
        .fields = fields,
        .deadline_seconds = handover->deadline_seconds,
    };
    int r = http_do(handover->http, &request, &answer, err);
    if (r == 0)
        r = refused(handover, &answer, err);
    if (r < 0)
        return r;
    policy->json = json_loadb(answer.body ? answer.body : "", answer.body_size, 0, NULL);
    return read_policy(handover, policy, err);
}

// ---- the video

enum { SENT, EXPIRED = 1 };

// What the store said: XML of OSS.
static int judge(const struct handover *handover, const struct http_answer *answer, struct err *err)
{
    struct store_fault said;
    struct err reason = ERR_INIT;
    int status = answer->head.status;
    store_fault_read(answer, &said);
    // A connection that broke behind the last byte: what is there is what was sent.
    if ((status >= 200 && status < 300) || strcmp(said.code, "FileAlreadyExists") == 0)
        return SENT;
    if (strcasestr(said.message, "policy expired") != NULL)
        return EXPIRED;
    int r = refused(handover, answer, &reason);
    if (r < 0 && reason.class == ERR_RETRY) {
        if (err)
            *err = reason;
        return r;
    }
    return err_set(err, ERR_SERVICE, "upload_refused",
                   "%s: the store refuses the video (status %d, %s: %s)", who, status,
                   *said.code ? said.code : "no code", *said.message ? said.message : "no words");
}

// A form with the file last, and without our key.
static int post(const struct handover *handover, const struct policy *policy, struct err *err)
{
    const struct form_value values[] = {
        { "OSSAccessKeyId", policy->id },    { "Signature", policy->signature },
        { "policy", policy->policy },        { "key", policy->key },
        { "x-oss-object-acl", policy->acl }, { "x-oss-forbid-overwrite", policy->no_overwrite },
        { "success_action_status", "200" },  { "x-oss-content-type", handover->type },
    };
    const struct form_file file = { "file", handover->file_name, handover->type,
                                    handover->content };
    cleanup(form_release) struct form form = FORM_INIT;
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    int r = form_make(&form, values, ARRAY_LEN(values), &file, err);
    if (r < 0)
        return r;
    bool has_slash = text_ends_with(policy->host, "/");
    cleanup(free_ptr) char *link = xasprintf("%s%s", policy->host, has_slash ? "" : "/");
    const char *const fields[] = { form.field, NULL };
    const struct http_request request = {
        .method = "POST",
        .link = link,
        .fields = fields,
        .body = &form.body,
    };
    r = http_do(handover->http, &request, &answer, err);
    return r < 0 ? r : judge(handover, &answer, err);
}

static int too_large(const struct handover *handover, const struct policy *policy, struct err *err)
{
    return err_set(err, ERR_INPUT, "too_large_to_hand_over",
                   "%s: the video has %ju bytes, and the service takes %ju", who,
                   (uintmax_t)handover->content.size, (uintmax_t)policy->max_bytes);
}

int handover_send(const struct handover *handover, char **ret_link, struct err *err)
{
    for (unsigned tried = 0; tried < 2; tried++) {
        cleanup(policy_release) struct policy policy = { .json = NULL };
        int r = get_policy(handover, &policy, err);
        if (r == 0 && handover->content.size > policy.max_bytes)
            r = too_large(handover, &policy, err);
        if (r == 0)
            r = post(handover, &policy, err);
        if (r == SENT)
            *ret_link = xasprintf("oss://%s", policy.key);
        if (r != EXPIRED)
            return r;
    }
    return err_set(err, ERR_RETRY, "upload_expired",
                   "%s: the permission to upload was over before the video was there, twice", who);
}
