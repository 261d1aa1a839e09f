// Question, key, kept answer; else hold, send, keep, settle.
#include "model/ask.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "base/text.h"
#include "model/endpoint.h"
#include "net/digest.h"
#include "net/secret.h"

enum {
    // An answer is some KiB.  Kept, with its text beside it and numbers written out, it is up to
    // five times that, which is to be less than ANSWERS_MAX_BYTES: it could not be read again.
    MAX_ANSWER_BYTES = 3 << 20,
    // Whoever asks the same question has the answer by then, or has failed.
    LOOK_SECONDS = 1,
    FORMAT_VERSION = 1, // of what is kept
};

struct asker {
    const struct model_settings *settings;
    struct endpoint endpoint;
    struct budget_price price;
    char *authorization; // a secret field, or NULL
    char *credential;
    struct purse purse;
    struct answers answers;
    struct gate *gate;
    int stop_fd;
    struct http *http;
    enum wire_form strictest; // that was not refused yet
};

// ---- opening

static void set_price(const struct model_settings *settings, struct asker *asker)
{
    struct model_price price = model_price_of(settings, asker->endpoint.model);
    asker->price = (struct budget_price){ .input = price.input,
                                          .output = price.output,
                                          .second = price.second,
                                          .margin = price.margin,
                                          .frame_tokens = (unsigned)price.frame_tokens };
}

int asker_open(const struct asker_order *order, struct asker **ret, struct err *err)
{
    struct asker *asker = xcalloc(1, sizeof *asker);
    int r = endpoint_set(order->settings, order->service, order->role, &asker->endpoint, err);
    if (r < 0) {
        free(asker);
        return r;
    }
    asker->settings = order->settings;
    asker->stop_fd = order->http->stop_fd;
    asker->gate = order->gate;
    asker->authorization = secret_bearer(order->key);
    asker->credential = xstrdup(order->credential != NULL ? order->credential : "(none)");
    asker->purse.order = (struct purse_order){ .settings = order->settings,
                                               .root = order->root,
                                               .batchdir = order->batchdir,
                                               .stop_fd = asker->stop_fd };
    asker->strictest = WIRE_SCHEMA;
    asker->http = http_new(order->http);
    answers_open(order->settings, order->batchdir, &asker->answers);
    set_price(order->settings, asker);
    *ret = asker;
    return 0;
}

void asker_close(struct asker **asker_pointer)
{
    struct asker *asker = TAKE(*asker_pointer);
    if (asker == NULL)
        return;
    endpoint_release(&asker->endpoint);
    secret_free(&asker->authorization);
    free(asker->credential);
    answers_close(&asker->answers);
    http_free(&asker->http);
    free(asker);
}

const char *asker_model(const struct asker *asker)
{
    return asker->endpoint.model;
}

enum fault_service asker_service(const struct asker *asker)
{
    return asker->endpoint.service;
}

int asker_room(struct asker *asker, struct budget_sum *ret, struct err *err)
{
    return purse_room(&asker->purse, time(NULL), ret, err);
}

void asker_price(const struct asker *asker, struct budget_price *ret)
{
    *ret = asker->price;
}

const struct purse *asker_purse(const struct asker *asker)
{
    return &asker->purse;
}

const struct answers *asker_answers(const struct asker *asker)
{
    return &asker->answers;
}

// ---- the key

static void put_parameters(const struct wire_question *question, json_t *json)
{
    json_put_text(json, "system", question->system);
    json_put_text(json, "prompt", question->prompt);
    json_put_flag(json, "video", question->video != NULL);
    json_put_int(json, "frames", (int64_t)question->frame_count);
    json_put_number(json, "fps", question->fps, 6);
    json_put_int(json, "max_pixels", (int64_t)question->max_pixels);
    json_put_flag(json, "coarse", question->coarse);
    json_put_int(json, "max_tokens", question->max_tokens);
    json_put_number(json, "temperature", question->temperature, 6);
    json_put_int(json, "form", question->form);
    json_put_text(json, "schema_name", question->schema_name);
    if (question->schema != NULL)
        json_put(json, "schema", json_deep_copy(question->schema));
}

// All that the answer depends on.  `key` has DIGEST_HEX_SIZE bytes.
static int make_key(const struct asker *asker, const struct ask *ask, char *key, struct err *err)
{
    struct digest digest;
    cleanup(json_free) json_t *json = json_object();
    json_put_text(json, "service", endpoint_word(&asker->endpoint));
    json_put_text(json, "address", asker->endpoint.address);
    json_put_text(json, "model", asker->endpoint.model);
    json_put_text(json, "content", ask->content);
    json_put_text(json, "prompt_version", ask->prompt_version);
    put_parameters(ask->question, json);
    cleanup(free_ptr) char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    if (text == NULL)
        base_out_of_memory();
    int r = digest_of(DIGEST_SHA256, text, strlen(text), &digest, err);
    if (r == 0)
        (void)digest_hex(&digest, key);
    return r;
}

// ---- a question under way

struct asking {
    struct asker *asker;
    const struct ask *ask;
    char key[DIGEST_HEX_SIZE];
    char call[LEDGER_ID_SIZE]; // that is held; "" none
    struct wire_question question;
    char *link; // that was prepared for it; owned
    struct wire_reply *reply;
    double end;     // of patience; monotonic seconds
    unsigned tried; // sent and failed
};

static void asking_release(struct asking *asking)
{
    free(asking->link);
}

static double monotonic(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct purse_call call_of(const struct asking *asking)
{
    return (struct purse_call){ .key = asking->key,
                                .what = asking->ask->what,
                                .service = endpoint_word(&asking->asker->endpoint),
                                .model = asking->asker->endpoint.model,
                                .index = asking->ask->index,
                                .most = asking->ask->most,
                                .original = asking->ask->original };
}

// What was billed by the answer's own word; what it does not say is as much as it could be.
static struct budget_sum bill_of(const struct asking *asking, const struct wire_reply *reply)
{
    const struct wire_usage *usage = &reply->usage;
    if (!usage->known)
        return asking->ask->most;
    // A total beyond both is of thoughts, which are written.
    uint64_t output = usage->total > usage->input ? usage->total - usage->input : 0;
    output = output > usage->output ? output : usage->output;
    return budget_bill(&asking->asker->price, usage->input, output, usage->seconds);
}

static int settle(const struct asking *asking, const char *call, struct err *err)
{
    struct budget_sum bill = bill_of(asking, asking->reply);
    return purse_settle(&asking->asker->purse, call, &bill, asking->reply->raw_usage, time(NULL),
                        err);
}

// ---- kept answers

static json_t *to_keep(const struct asking *asking, const json_t *body)
{
    char now[TEXT_TIME_SIZE];
    const struct ask *ask = asking->ask;
    json_t *json = json_object(), *usage = asking->reply->raw_usage;
    json_put_int(json, "version", FORMAT_VERSION);
    json_put_text(json, "what", ask->what);
    json_put_text(json, "service", endpoint_word(&asking->asker->endpoint));
    json_put_text(json, "model", asking->asker->endpoint.model);
    json_put_text(json, "prompt_version", ask->prompt_version);
    json_put_text(json, "content", ask->content);
    json_put_text(json, "call", asking->call);
    json_put_text(json, "answered_at", text_time(time(NULL), now));
    json_put_text(json, "text", asking->reply->text);
    json_put(json, "usage", usage != NULL ? json_deep_copy(usage) : json_null());
    json_put(json, "body", json_deep_copy(body));
    return json;
}

// Returns 1 with the reply filled if the answer had been kept, 0 if not, or a negative.
static int take_kept(struct asking *asking, struct err *err)
{
    struct asker *asker = asking->asker;
    cleanup(json_free) json_t *kept = NULL;
    int r = answers_take(&asker->answers, asking->key, &kept, err);
    if (r <= 0)
        return r;
    // One that cannot be read any more is none.
    if (endpoint_read(&asker->endpoint, json_object_get(kept, "body"), asking->reply, NULL) < 0) {
        wire_reply_release(asking->reply);
        return 0;
    }
    // Who received it may have died before it was settled.
    const char *call = json_text(kept, "call", "", NULL);
    if (strlen(call) == LEDGER_ID_SIZE - 1)
        r = settle(asking, call, err);
    const struct purse_call noted = call_of(asking);
    if (r >= 0)
        r = purse_note_kept(&asker->purse, &noted, time(NULL), err);
    return r < 0 ? r : 1;
}

// ---- sending it once

// What came of a try.
struct outcome {
    int r;
    struct err err;
    struct fault fault; // for how often and after what time to try again
    bool may_be_billed;
};

static void fail(struct outcome *outcome, enum fault_kind kind, unsigned tries)
{
    outcome->fault = (struct fault){ .kind = kind, .tries = tries };
}

// No answer came, or not all of it: whether one was made is not known unless nobody was reached.
static void judge_transfer(struct outcome *outcome)
{
    static const struct {
        const char *id;
        enum fault_kind kind;
        unsigned tries;
        bool sent;
    } rows[] = {
        { "no_address", FAULT_BUSY, 3, false }, { "unreachable", FAULT_BUSY, 3, false },
        { "stalled", FAULT_BUSY, 1, true },     { "too_slow", FAULT_BUSY, 1, true },
        { "cut_off", FAULT_GARBLED, 3, true },  { "bad_answer", FAULT_GARBLED, 1, true },
    };
    fail(outcome, FAULT_REQUEST, 0);
    outcome->may_be_billed = outcome->r == -ECANCELED;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].id, outcome->err.id) != 0)
            continue;
        fail(outcome, rows[i].kind, rows[i].tries);
        outcome->may_be_billed = rows[i].sent;
    }
    if (strcmp(outcome->err.id, "answer_too_large") == 0)
        outcome->may_be_billed = true;
}

static void judge_answer(const struct asking *asking, const struct http_answer *answer,
                         struct outcome *outcome)
{
    const struct asker *asker = asking->asker;
    const struct fault_answer judged = { .service = asker->endpoint.service,
                                         .head = &answer->head,
                                         .body = answer->body,
                                         .size = answer->body_size };
    fault_judge(&judged, time(NULL), &outcome->fault);
    if (outcome->fault.kind == FAULT_NONE)
        return;
    // What is refused is not billed; what was made in part may be, and what a proxy in between did
    // not wait for.
    outcome->may_be_billed = outcome->fault.kind == FAULT_GARBLED ||
                             outcome->fault.kind == FAULT_PARTIAL || answer->head.status == 504;
    outcome->r =
        fault_error(&outcome->fault, asker->endpoint.who, asker->credential, &outcome->err);
}

// Keeps what came before anything else happens with it.
static void accept_answer(struct asking *asking, const struct http_answer *answer,
                          struct outcome *outcome)
{
    struct asker *asker = asking->asker;
    cleanup(json_free) json_t *body = NULL;
    if (json_parse(answer->body, answer->body_size, &body, NULL) < 0 ||
        endpoint_read(&asker->endpoint, body, asking->reply, NULL) < 0) {
        wire_reply_release(asking->reply);
        fail(outcome, FAULT_GARBLED, 3);
        outcome->fault.status = answer->head.status;
        outcome->may_be_billed = true;
        outcome->r =
            fault_error(&outcome->fault, asker->endpoint.who, asker->credential, &outcome->err);
        return;
    }
    cleanup(json_free) json_t *kept = to_keep(asking, body);
    outcome->r = answers_keep(&asker->answers, asking->key, kept, time(NULL), &outcome->err);
    outcome->may_be_billed = true; // also if it is lost here
}

static void send_body(struct asking *asking, const char *body, struct outcome *outcome)
{
    struct asker *asker = asking->asker;
    const struct http_body sent = { .data = body, .size = strlen(body) };
    const char *fields[5] = { "Content-Type: application/json", "Accept: application/json" };
    size_t count = 2;
    if (asker->authorization != NULL)
        fields[count++] = asker->authorization;
    if (wire_needs_resolving(&asking->question))
        fields[count++] = WIRE_RESOLVE_FIELD;
    cleanup(free_ptr) char *link = endpoint_link(&asker->endpoint, &asking->question);
    double deadline = fmin(asker->settings->deadline_seconds, asking->end - monotonic());
    deadline = fmax(deadline, 0.1);
    const struct http_request request = { .method = "POST",
                                          .link = link,
                                          .fields = fields,
                                          .body = &sent,
                                          .max_body_bytes = MAX_ANSWER_BYTES,
                                          .deadline_seconds = deadline,
                                          .patience_seconds = deadline };
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    outcome->r = http_do(asker->http, &request, &answer, &outcome->err);
    if (outcome->r < 0)
        judge_transfer(outcome);
    else
        judge_answer(asking, &answer, outcome);
    if (outcome->r == 0)
        accept_answer(asking, &answer, outcome);
}

// A link that is made on demand.
static int prepare_link(struct asking *asking, struct err *err)
{
    const struct ask *ask = asking->ask;
    if (ask->give_link == NULL || asking->link != NULL)
        return 0;
    int r = ask->give_link(ask->context, &asking->link, err);
    if (r == 0)
        asking->question.video = asking->link;
    return r;
}

static void send_in_turn(struct asking *asking, struct outcome *outcome)
{
    struct asker *asker = asking->asker;
    asking->question.form = asking->ask->question->form < asker->strictest
                                ? asking->ask->question->form
                                : asker->strictest;
    cleanup(json_free) json_t *json = endpoint_body(&asker->endpoint, &asking->question);
    cleanup(free_ptr) char *body = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15));
    if (body == NULL)
        base_out_of_memory();
    outcome->r = gate_enter(asker->gate, &outcome->err);
    if (outcome->r < 0)
        return;
    send_body(asking, body, outcome);
    gate_leave(asker->gate, &outcome->err);
}

// Holds what it may cost, unless that of an earlier try is still held, and sends it.
static void try_once(struct asking *asking, struct outcome *outcome)
{
    const struct purse *purse = &asking->asker->purse;
    const struct purse_call call = call_of(asking);
    *outcome = (struct outcome){ .fault = { .kind = FAULT_REQUEST } };
    outcome->r = prepare_link(asking, &outcome->err);
    if (outcome->r == 0 && asking->call[0] == '\0')
        outcome->r = purse_hold(purse, &call, time(NULL), asking->call, &outcome->err);
    if (outcome->r == 0)
        send_in_turn(asking, outcome);
    // What may have been billed stays held for good: another try holds anew.
    if (outcome->r < 0 && outcome->may_be_billed)
        asking->call[0] = '\0';
}

// ---- trying again

static double chance(void)
{
    unsigned random = UINT32_MAX / 2;
    // Of no consequence if it fails: many that wait for the same then come back together.
    (void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
    return (double)random / UINT32_MAX;
}

// Asked less strictly from now on.  Returns false if there is nothing less strict.
static bool relax(struct asking *asking)
{
    if (asking->question.form == WIRE_PLAIN)
        return false;
    asking->asker->strictest = asking->question.form - 1;
    return true;
}

// Returns the seconds after which to try again, or a negative number if that is not to be.
static double again(struct asking *asking, const struct outcome *outcome)
{
    const struct fault *fault = &outcome->fault;
    if (fault->kind == FAULT_FORMAT)
        return relax(asking) ? 0 : -1;
    if (++asking->tried > fault->tries)
        return -1;
    if (fault->kind == FAULT_EXPIRED)
        free_ptr(&asking->link);
    double seconds = fault_wait(fault, asking->tried, chance());
    return monotonic() + seconds < asking->end ? seconds : -1;
}

// What nobody pays for does not stay held.
static int let_go(struct asking *asking, int r)
{
    if (asking->call[0] != '\0')
        (void)purse_drop(&asking->asker->purse, asking->call, time(NULL), NULL);
    return r;
}

static int pass_up(struct err *err, const struct outcome *outcome)
{
    if (err != NULL && err->class == ERR_NONE)
        *err = outcome->err;
    return outcome->r;
}

static int ask_service(struct asking *asking, struct err *err)
{
    struct err before = ERR_INIT;
    struct outcome outcome;
    for (;;) {
        try_once(asking, &outcome);
        if (outcome.r == 0)
            return settle(asking, asking->call, err);
        bool is_final = gate_stand_by(&before, &outcome.err) || outcome.r == -ECANCELED;
        double seconds = is_final ? -1 : again(asking, &outcome);
        if (seconds < 0)
            return let_go(asking, pass_up(err, &outcome));
        before = outcome.err;
        int r = gate_pause(asking->asker->stop_fd, seconds, err);
        if (r < 0)
            return let_go(asking, r);
    }
}

// ---- asking

// Waits until nobody else asks the same.  Returns a descriptor, or 0 and the reply filled with the
// answer that the other one got, or a negative.
static int claim(struct asking *asking, int *ret_claim, struct err *err)
{
    for (;;) {
        int r = take_kept(asking, err);
        if (r != 0)
            return r;
        *ret_claim = answers_claim(&asking->asker->answers, asking->key, err);
        if (*ret_claim != -EAGAIN)
            return *ret_claim < 0 ? *ret_claim : take_kept(asking, err);
        if (monotonic() > asking->end)
            return err_set(err, ERR_RETRY, "asked_already",
                           "%s: the same is being asked by another process",
                           asking->asker->endpoint.who);
        r = gate_pause(asking->asker->stop_fd, LOOK_SECONDS, err);
        if (r < 0)
            return r;
    }
}

int asker_ask(struct asker *asker, const struct ask *ask, struct wire_reply *reply, struct err *err)
{
    cleanup(asking_release) struct asking asking = {
        .asker = asker,
        .ask = ask,
        .question = *ask->question,
        .reply = reply,
        .end = monotonic() + asker->settings->patience_seconds,
    };
    cleanup(close_fd) int claimed = -1;
    int r = make_key(asker, ask, asking.key, err);
    if (r == 0)
        r = claim(&asking, &claimed, err);
    if (r == 0)
        r = ask_service(&asking, err);
    if (r < 0)
        wire_reply_release(reply);
    return r;
}
