// notify: tells the address of a webhook how a batch ended, once.
//
// Standard Webhooks 1.0.0: the bytes of the errand's body are sent as they are, under the id that
// the errand has had from the beginning, with the time of this attempt, signed with the secret that
// the configuration names.  Only 2xx is success; whoever answers is not followed anywhere.
#include <errno.h>
#include <stdio.h>

#include "net/credential.h"
#include "net/http.h"
#include "net/secret.h"
#include "net/sign_webhook.h"
#include "spool/errand.h"
#include "spool/remote.h"
#include "stages/errand_main.h"
#include "stages/gates.h"

// What comes back is not read; a receiver that sends more than this is hung up on.
enum { MAX_ANSWER_BYTES = 64 * 1024 };

static int load_errand(const struct errand_context *context, struct errand *errand, struct err *err)
{
    cleanup(close_fd) int folder = errand_open(context->settings.root, err);
    if (folder < 0)
        return folder;
    int r = errand_load(folder, ERRAND_WEBHOOK, context->batch, errand, err);
    if (r == -ENOENT)
        return err_set(err, ERR_INPUT, "no_errand", "nobody is to be told of %s", context->batch);
    return r;
}

// ---- the request

static int sign(const struct errand_context *context, const struct errand *errand, time_t now,
                char **ret_signature, struct err *err)
{
    cleanup(secret_free) char *secret = NULL;
    if (context->settings.webhook_credential == NULL) {
        (void)err_set(err, ERR_CONFIG, "no_webhook_secret",
                      "webhooks are not sent: no secret is configured to sign them with");
        return err_hint(err, "an administrator sets webhook.credential in clipspool.conf");
    }
    int r = credential_load_secret(context->credentials, context->settings.webhook_credential,
                                   &secret, err);
    if (r < 0)
        return r;
    const struct sign_webhook message = {
        .id = errand->message, .timestamp = now, .body = errand->body, .size = strlen(errand->body)
    };
    return sign_webhook(secret, &message, ret_signature, err);
}

static int set_rules(const struct errand_context *context, struct http_rules *rules,
                     struct err *err)
{
    const struct settings *settings = &context->settings;
    *rules = (struct http_rules){ .allow_hosts = settings->webhook_allow_hosts,
                                  .ca_file = settings->ca_file,
                                  .connect_seconds = settings->connect_seconds,
                                  .stop_fd = context->stop_fd };
    return address_list_parse(settings->webhook_allow_networks, &rules->allow_networks, err);
}

static int ignore_begin(void *context, const struct answer *head, struct err *err)
{
    (void)context, (void)head, (void)err;
    return 0;
}

static int ignore_body(void *context, const char *data, size_t size, struct err *err)
{
    size_t *left = context;
    (void)data;
    if (size > *left)
        return err_set(err, ERR_INPUT, "answer_too_large", "the answer does not end");
    *left -= size;
    return 0;
}

// ---- the answer

static bool is_success(int status)
{
    return status >= 200 && status <= 299;
}

// A status line is all that counts: with 2xx it was taken, whatever became of the rest.
static int judge_answer(const struct answer *head, struct err *err)
{
    if (is_success(head->status))
        return 0;
    if (head->status == 410) {
        (void)err_set(err, ERR_INPUT, "webhook_gone",
                      "the address answers 410: it wants to be told no more");
        return err_hint(err, "take it out of job.conf");
    }
    bool is_redirect = head->status >= 300 && head->status <= 399;
    (void)err_set(err, ERR_RETRY, "webhook_refused", "the address answers with status %d%s",
                  head->status, is_redirect ? ", and is not followed elsewhere" : "");
    err->retry_after = answer_retry_after(head, time(NULL));
    return err_hint(err, is_redirect ? "write the final address into job.conf"
                                     : "the receiver's log says why it did not take it");
}

// A certificate, a name or an answer may be put right within hours: nothing but an address that is
// none ends this for good.
static int judge_failure(struct err *err)
{
    if (err->class == ERR_INPUT && strcmp(err->id, "bad_link") != 0)
        err->class = ERR_RETRY;
    if (strcmp(err->id, "address_refused") == 0) {
        *err->hint = '\0';
        (void)err_hint(err, "an administrator can name it in webhook.allow_hosts or "
                            "webhook.allow_networks");
    }
    return err->code;
}

static int post(const struct errand_context *context, const struct errand *errand,
                const char *const *fields, struct err *err)
{
    struct http_rules rules;
    int r = set_rules(context, &rules, err);
    if (r < 0)
        return r;
    size_t left = MAX_ANSWER_BYTES;
    const struct http_body body = { .data = errand->body, .size = strlen(errand->body) };
    const struct http_sink sink = { ignore_begin, ignore_body, &left };
    const struct http_request request = { .method = "POST",
                                          .link = errand->url,
                                          .fields = fields,
                                          .body = &body,
                                          .sink = &sink,
                                          .deadline_seconds =
                                              context->settings.webhook_deadline_seconds };
    cleanup(http_free) struct http *http = http_new(&rules);
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    r = http_do(http, &request, &answer, err);
    if (is_success(answer.head.status)) {
        err_clear(err);
        return 0;
    }
    if (r == -ECANCELED)
        return r;
    return r < 0 ? judge_failure(err) : judge_answer(&answer.head, err);
}

// One receiver may be told of many batches, and by any address below its host.
static int post_in_turn(const struct errand_context *context, const struct errand *errand,
                        const char *const *fields, struct err *err)
{
    cleanup(free_ptr) char *host = remote_show_host(errand->url);
    cleanup(free_ptr) char *name = xasprintf("webhook %s", host);
    cleanup(gate_free) struct gate *gate =
        gates_service(&context->settings, name, context->stop_fd);
    int r = gate_enter(gate, err);
    if (r < 0)
        return r;
    r = post(context, errand, fields, err);
    gate_leave(gate, err);
    return r < 0 && r != -ECANCELED ? err_prefix(err, "%s", host) : r;
}

static int run(struct errand_context *context, struct err *err)
{
    cleanup(errand_release) struct errand errand = ERRAND_INIT;
    cleanup(free_ptr) char *signature = NULL;
    time_t now = time(NULL);
    int r = load_errand(context, &errand, err);
    if (r == 0)
        r = sign(context, &errand, now, &signature, err);
    if (r < 0)
        return r;
    cleanup(free_ptr) char *id = xasprintf("webhook-id: %s", errand.message);
    cleanup(free_ptr) char *timestamp = xasprintf("webhook-timestamp: %jd", (intmax_t)now);
    cleanup(free_ptr) char *signed_with = xasprintf("webhook-signature: %s", signature);
    const char *const fields[] = { "Content-Type: application/json", id, timestamp, signed_with,
                                   NULL };
    return post_in_turn(context, &errand, fields, err);
}

int main(int argc, char **argv)
{
    static const struct errand_program program = {
        .name = "notify",
        .summary = "Tells the address in job.conf how the batch ended",
        .run = run,
    };
    return errand_main(argc, argv, &program);
}
