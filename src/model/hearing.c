// Key, kept answer; else hold, submit, ask for the task, fetch, keep, settle.

#include "model/hearing.h"

#include "base/fs.h"
#include "base/text.h"
#include "model/fault.h"
#include "model/speech_reply.h"
#include "model/wire.h"
#include "net/digest.h"
#include "net/form.h"
#include "net/secret.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

enum {
    FORMAT_VERSION = 1,         // of what is kept
    MAX_RESULT_BYTES = 8 << 20, // four hours of words
    MAX_TASK_BYTES = 64 << 10,
    LOOK_SECONDS = 1, // whoever asks the same has the answer by then, or has failed
};

// Kept with numbers written out and a line each, it is up to five times as long, and must be read
// again.
static_assert(5 * MAX_RESULT_BYTES < ANSWERS_MAX_BYTES, "an answer that is kept can be read");

// As the vendor's own clients do it: a second at first, doubling.
static const double first_poll_seconds = 1, longest_poll_seconds = 5;

// A question under way.
struct hearing {
    const struct hearing_service *speech;
    const struct hearing_question *ask;
    const char *address, *model; // of the settings
    char *who;                   // "dashscope paraformer-v2"
    char *authorization;         // a secret field, or NULL
    char language[4];            // that they are told, of two or three letters; "" none
    char key[DIGEST_HEX_SIZE];
    char call[LEDGER_ID_SIZE];          // that is held; "" none
    char task[SPEECH_REPLY_MAX_ID + 1]; // that is under way; "" none
    bool was_lost;                      // a task was
    struct budget_price price;
    double end; // of patience; monotonic seconds
    // What came of it.
    json_t *body;   // as it came; owned
    json_t *usage;  // owned, or NULL
    double seconds; // that were billed; NAN: not said
};

static void hearing_release(struct hearing *hearing)
{
    free(hearing->who);
    secret_free(&hearing->authorization);
    json_free(&hearing->body);
    json_free(&hearing->usage);
}

static bool is_dashscope(const struct hearing *hearing)
{
    return hearing->speech->service == MODEL_DASHSCOPE;
}

static const char *service_word(const struct hearing *hearing)
{
    return model_services[hearing->speech->service];
}

static double monotonic(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double chance(void)
{
    unsigned random = UINT32_MAX / 2;
    // Of no consequence if it fails: many that wait for the same then come back together.
    (void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
    return (double)random / UINT32_MAX;
}

// ---- money

static struct purse_call call_of(const struct hearing *hearing)
{
    double seconds = hearing->ask->seconds;
    struct budget_sum original = budget_bill(&hearing->price, 0, 0, seconds);
    return (struct purse_call){ .key = hearing->key,
                                .what = "speech",
                                .service = service_word(hearing),
                                .model = hearing->model,
                                .index = hearing->ask->index,
                                .most = budget_bill(&hearing->price, 0, 0,
                                                    seconds * fmax(hearing->price.margin, 1)),
                                .original = original };
}

static int hold(struct hearing *hearing, struct err *err)
{
    const struct purse_call call = call_of(hearing);
    if (hearing->call[0] != '\0')
        return 0;
    return purse_hold(hearing->speech->purse, &call, time(NULL), hearing->call, err);
}

static int settle(const struct hearing *hearing, const char *call, struct err *err)
{
    double seconds = isnan(hearing->seconds) ? hearing->ask->seconds : hearing->seconds;
    struct budget_sum bill = budget_bill(&hearing->price, 0, 0, seconds);
    return purse_settle(hearing->speech->purse, call, &bill, hearing->usage, time(NULL), err);
}

// ---- one request

// What came of it.
struct trial {
    int r;
    struct err err;
    struct fault fault;
    bool may_be_billed; // if it was one that costs
    bool is_over;       // a task is, without what was asked for: asking again tells the same
};

// No answer came, or not all of it: whether one was made is not known unless nobody was reached.
static void judge_transfer(struct trial *trial)
{
    bool is_unsent =
        strcmp(trial->err.id, "no_address") == 0 || strcmp(trial->err.id, "unreachable") == 0;
    bool may_pass = trial->err.class == ERR_RETRY && trial->r != -ECANCELED;
    trial->fault = (struct fault){ .kind = FAULT_BUSY, .tries = !may_pass ? 0 : is_unsent ? 3 : 1 };
    trial->may_be_billed = !is_unsent;
}

static bool tells_task(const struct http_answer *answer)
{
    cleanup(json_free) json_t *json = NULL;
    if (answer->body == NULL || json_parse(answer->body, answer->body_size, &json, NULL) < 0)
        return false;
    const json_t *output = json_object_get(json, "output");
    return json_is_string(json_object_get(output, "task_status"));
}

static void judge_answer(const struct hearing *hearing, const struct http_answer *answer,
                         struct trial *trial)
{
    const struct fault_answer judged = {
        .service = is_dashscope(hearing) ? FAULT_DASHSCOPE : FAULT_OPENAI,
        .head = &answer->head,
        .body = answer->body,
        .size = answer->body_size,
    };
    fault_judge(&judged, time(NULL), &trial->fault);
    if (trial->fault.kind == FAULT_NONE)
        return;
    trial->is_over = tells_task(answer);
    // Also what a proxy in between did not wait for.
    trial->may_be_billed = trial->fault.kind == FAULT_GARBLED ||
                           trial->fault.kind == FAULT_PARTIAL || answer->head.status == 504;
    trial->r = fault_error(&trial->fault, hearing->who, hearing->speech->credential, &trial->err);
}

static void try_once(const struct hearing *hearing, struct http_request *request,
                     struct http_answer *answer, struct trial *trial)
{
    const struct hearing_service *speech = hearing->speech;
    double left = fmax(hearing->end - monotonic(), 0.1);
    request->deadline_seconds = fmin(speech->settings->deadline_seconds, left);
    request->patience_seconds = request->deadline_seconds;
    *trial = (struct trial){ .fault = { .kind = FAULT_REQUEST } };
    trial->r = gate_enter(speech->gate, &trial->err);
    if (trial->r < 0)
        return;
    trial->r = http_do(speech->http, request, answer, &trial->err);
    if (trial->r < 0)
        judge_transfer(trial);
    else
        judge_answer(hearing, answer, trial);
    gate_leave(speech->gate, &trial->err);
}

// The same again can help, and there is time.  Returns the seconds to wait, or a negative number.
static double again(const struct hearing *hearing, const struct trial *trial, unsigned tried)
{
    if (trial->r == -ECANCELED || trial->is_over || tried > trial->fault.tries)
        return -1;
    double seconds = fault_wait(&trial->fault, tried, chance());
    return monotonic() + seconds < hearing->end ? seconds : -1;
}

// Sends it until there is an answer without a fault.  One that costs holds money anew after each
// try that may have been billed.  *trial is the last one.
static int request_patiently(struct hearing *hearing, struct http_request *request, bool costs,
                             struct http_answer *answer, struct trial *trial, struct err *err)
{
    struct err before = ERR_INIT;
    for (unsigned tried = 1;; tried++) {
        int r = costs ? hold(hearing, err) : 0;
        if (r < 0)
            return r;
        try_once(hearing, request, answer, trial);
        if (trial->r == 0)
            return 0;
        if (costs && trial->may_be_billed)
            hearing->call[0] = '\0';
        bool is_final = gate_stand_by(&before, &trial->err);
        double seconds = is_final ? -1 : again(hearing, trial, tried);
        if (seconds < 0) {
            if (err && err->class == ERR_NONE)
                *err = trial->err;
            return trial->r;
        }
        before = trial->err;
        http_answer_release(answer);
        r = gate_pause(hearing->speech->stop_fd, seconds, err);
        if (r < 0)
            return r;
    }
}

static int parse(const struct hearing *hearing, const struct http_answer *answer, json_t **ret,
                 struct err *err)
{
    if (answer->body != NULL && json_parse(answer->body, answer->body_size, ret, NULL) == 0)
        return 0;
    return err_set(err, ERR_SERVICE, "garbled_answer", "%s: the answer is no JSON", hearing->who);
}

// ---- DashScope: the task on disk

static int save_task(const struct hearing *hearing, struct err *err)
{
    char now[TEXT_TIME_SIZE];
    cleanup(json_free) json_t *json = json_object();
    json_put_int(json, "version", FORMAT_VERSION);
    json_put_text(json, "key", hearing->key);
    json_put_text(json, "call", hearing->call);
    json_put_text(json, "task", hearing->task);
    json_put_flag(json, "was_lost", hearing->was_lost);
    json_put_text(json, "submitted_at", text_time(time(NULL), now));
    return json_write(hearing->ask->sourcedir, hearing->ask->task_file, json, err);
}

// One of another sound, or damaged, is none.
static int load_task(struct hearing *hearing, struct err *err)
{
    struct err problem = ERR_INIT;
    cleanup(json_free) json_t *json = NULL;
    int r = json_read(hearing->ask->sourcedir, hearing->ask->task_file, MAX_TASK_BYTES, &json,
                      &problem);
    if (r < 0 && r != -ENOENT && problem.class != ERR_INPUT && err)
        *err = problem;
    if (r < 0)
        return r == -ENOENT || problem.class == ERR_INPUT ? 0 : r;
    const char *task = json_text(json, "task", "", NULL), *call = json_text(json, "call", "", NULL);
    if (strcmp(json_text(json, "key", "", NULL), hearing->key) != 0 ||
        strlen(task) > SPEECH_REPLY_MAX_ID ||
        strspn(task, "-_0123456789abcdefghijklmnopqrstuvwxyz"
                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(task))
        return 0;
    (void)snprintf(hearing->task, sizeof hearing->task, "%s", task);
    if (strlen(call) == LEDGER_ID_SIZE - 1)
        memcpy(hearing->call, call, LEDGER_ID_SIZE);
    hearing->was_lost = json_flag(json, "was_lost", false, NULL);
    return 0;
}

// ---- DashScope: submitting and asking

static bool knows_one_file(const struct hearing *hearing)
{
    return hearing->model != NULL && strncmp(hearing->model, "qwen", 4) == 0;
}

// Of "pt-BR" the "pt": regions are unknown to them.  DashScope takes it for two families of models
// and refuses, or passes over, what is said to others.
static void choose_language(struct hearing *hearing)
{
    const char *spoken = hearing->ask->spoken;
    size_t length = spoken ? strcspn(spoken, "-_") : 0;
    bool is_taken = !is_dashscope(hearing) || knows_one_file(hearing) ||
                    strcmp(hearing->model, "paraformer-v2") == 0;
    for (size_t i = 0; is_taken && length < sizeof hearing->language && i < length; i++)
        hearing->language[i] = (char)tolower((unsigned char)spoken[i]);
}

static void put_language(const struct hearing *hearing, json_t *parameters)
{
    if (*hearing->language && knows_one_file(hearing))
        json_put_text(parameters, "language", hearing->language);
    else if (*hearing->language)
        json_put(parameters, "language_hints", json_pack("[s]", hearing->language));
}

static json_t *task_body(const struct hearing *hearing, const char *link)
{
    json_t *json = json_object(), *input = json_object(), *parameters = json_object();
    json_put_text(json, "model", hearing->model);
    if (knows_one_file(hearing)) {
        json_put_text(input, "file_url", link);
        json_put_flag(parameters, "enable_words", true);
    } else {
        json_put(input, "file_urls", json_pack("[s]", link));
        json_put_flag(parameters, "timestamp_alignment_enabled", true);
    }
    json_put(parameters, "channel_id", json_pack("[i]", 0));
    put_language(hearing, parameters);
    json_put(json, "input", input);
    json_put(json, "parameters", parameters);
    return json;
}

static int submit(struct hearing *hearing, struct err *err)
{
    cleanup(secret_free) char *link = NULL;
    cleanup(json_free) json_t *told = NULL;
    cleanup(speech_task_release) struct speech_task task = SPEECH_TASK_INIT;
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    cleanup(free_ptr) char *address =
        xasprintf("%s/api/v1/services/audio/asr/transcription", hearing->address);
    int r = hearing->ask->give_link(hearing->ask->context, &link, err);
    if (r < 0)
        return r;
    cleanup(json_free) json_t *json = task_body(hearing, link);
    cleanup(secret_free) char *text = json_dumps(json, JSON_COMPACT);
    if (text == NULL)
        base_out_of_memory();
    const struct http_body body = { .data = text, .size = strlen(text) };
    const char *fields[] = { "Content-Type: application/json", "X-DashScope-Async: enable",
                             hearing->authorization, NULL, NULL };
    if (strncmp(link, "oss://", 6) == 0)
        fields[fields[2] ? 3 : 2] = WIRE_RESOLVE_FIELD;
    struct http_request request = {
        .method = "POST", .link = address, .fields = fields, .body = &body
    };
    struct trial trial = { .r = 0 };
    r = request_patiently(hearing, &request, true, &answer, &trial, err);
    r = r < 0 ? r : parse(hearing, &answer, &told, err);
    r = r < 0 ? r : speech_reply_task(told, &task, err);
    if (r < 0)
        return r;
    memcpy(hearing->task, task.id, sizeof hearing->task);
    return save_task(hearing, err);
}

// Asks once.  Returns 1 when it is over with *task filled, 0 if it is not, or a negative; *trial
// tells whether it is over without a result.
static int poll_once(struct hearing *hearing, struct speech_task *task, struct trial *trial,
                     struct err *err)
{
    cleanup(json_free) json_t *told = NULL;
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    cleanup(free_ptr) char *address =
        xasprintf("%s/api/v1/tasks/%s", hearing->address, hearing->task);
    const char *fields[] = { "Accept: application/json", hearing->authorization, NULL };
    struct http_request request = { .link = address, .fields = fields };
    int r = request_patiently(hearing, &request, false, &answer, trial, err);
    r = r < 0 ? r : parse(hearing, &answer, &told, err);
    r = r < 0 ? r : speech_reply_task(told, task, err);
    return r < 0 ? r : task->is_over;
}

// It is of no use any more.  What it cost is not known if nobody knows it, and nothing if it
// failed.
static int forget_task(struct hearing *hearing, const struct trial *trial, struct err *err)
{
    if (trial->fault.kind == FAULT_TASK_LOST)
        hearing->call[0] = '\0';
    hearing->task[0] = '\0';
    return fs_remove(hearing->ask->sourcedir, hearing->ask->task_file, err);
}

// Returns 1 when the task is over, 0 if another is to be submitted, or a negative.
static int await_task(struct hearing *hearing, struct speech_task *task, struct err *err)
{
    for (double wait = first_poll_seconds;; wait = fmin(2 * wait, longest_poll_seconds)) {
        struct trial trial = { .r = 0 };
        struct err problem = ERR_INIT;
        speech_task_release(task);
        int r = poll_once(hearing, task, &trial, &problem);
        if (r > 0)
            return r;
        bool may_pass = trial.is_over && trial.fault.tries > 0 && !hearing->was_lost;
        if (trial.is_over && forget_task(hearing, &trial, err) < 0)
            return -EIO;
        if (may_pass)
            return 0;
        if (r < 0) {
            if (err)
                *err = problem;
            return r;
        }
        if (monotonic() + wait > hearing->end)
            return err_set(err, ERR_RETRY, "slow_service",
                           "%s is still at work on what is said; it is asked again later",
                           hearing->who);
        r = gate_pause(hearing->speech->stop_fd, wait, err);
        if (r < 0)
            return r;
    }
}

// The result lies at an address of its own, which is given a permission and not our key.  Where the
// service is spoken to in secret, so is that.
static int fetch_result(struct hearing *hearing, const struct speech_task *task, struct err *err)
{
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    bool is_secret = strncmp(hearing->address, "https://", 8) == 0;
    bool is_open = strncmp(task->link, "http://", 7) == 0;
    cleanup(secret_free) char *link =
        is_secret && is_open ? xasprintf("https://%s", task->link + 7) : xstrdup(task->link);
    struct http_request request = { .link = link, .max_body_bytes = MAX_RESULT_BYTES };
    struct trial trial = { .r = 0 };
    int r = request_patiently(hearing, &request, false, &answer, &trial, err);
    return r < 0 ? r : parse(hearing, &answer, &hearing->body, err);
}

static int ask_dashscope(struct hearing *hearing, struct err *err)
{
    cleanup(speech_task_release) struct speech_task task = SPEECH_TASK_INIT;
    int r = load_task(hearing, err);
    while (r == 0) {
        if (hearing->task[0] == '\0')
            r = submit(hearing, err);
        r = r < 0 ? r : await_task(hearing, &task, err);
        if (r != 0)
            break;
        hearing->was_lost = true;
    }
    if (r < 0)
        return r;
    hearing->seconds = task.seconds;
    hearing->usage = TAKE(task.usage);
    return fetch_result(hearing, &task, err);
}

// ---- OpenAI

static int ask_openai(struct hearing *hearing, struct err *err)
{
    const struct form_value values[] = {
        { "model", hearing->model },
        { "response_format", "verbose_json" },
        { "timestamp_granularities[]", "word" },
        { "timestamp_granularities[]", "segment" },
        { "language", hearing->language }, // last: left out if there is none
    };
    size_t count = ARRAY_LEN(values) - (*hearing->language ? 0 : 1);
    const struct form_file file = { "file", "audio.wav", "audio/wav", hearing->ask->sound };
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    cleanup(free_ptr) char *address = xasprintf("%s/audio/transcriptions", hearing->address);
    cleanup(form_release) struct form form = FORM_INIT;
    int r = form_make(&form, values, count, &file, err);
    if (r < 0)
        return r;
    const char *fields[] = { form.field, "Accept: application/json", hearing->authorization, NULL };
    struct http_request request = { .method = "POST",
                                    .link = address,
                                    .fields = fields,
                                    .body = &form.body,
                                    .max_body_bytes = MAX_RESULT_BYTES };
    struct trial trial = { .r = 0 };
    r = request_patiently(hearing, &request, true, &answer, &trial, err);
    r = r < 0 ? r : parse(hearing, &answer, &hearing->body, err);
    if (r < 0)
        return r;
    const json_t *usage = json_object_get(hearing->body, "usage");
    hearing->seconds = json_number(usage, "seconds", 0, 1e6, NAN, NULL);
    if (json_is_object(usage))
        hearing->usage = json_deep_copy(usage);
    return 0;
}

// ---- kept answers

static int make_key(struct hearing *hearing, struct err *err)
{
    struct digest digest;
    cleanup(json_free) json_t *json = json_object();
    json_put_text(json, "what", "speech");
    json_put_text(json, "service", service_word(hearing));
    json_put_text(json, "address", hearing->address);
    json_put_text(json, "model", hearing->model);
    json_put_text(json, "content", hearing->ask->content);
    if (*hearing->language)
        json_put_text(json, "language", hearing->language);
    cleanup(free_ptr) char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    if (text == NULL)
        base_out_of_memory();
    int r = digest_of(DIGEST_SHA256, text, strlen(text), &digest, err);
    if (r == 0)
        (void)digest_hex(&digest, hearing->key);
    return r;
}

static int read_body(const struct hearing *hearing, const json_t *body, struct transcript *ret,
                     struct err *err)
{
    double seconds = hearing->ask->seconds;
    int r = is_dashscope(hearing) ? speech_reply_dashscope(body, seconds, ret, err)
                                  : speech_reply_openai(body, seconds, ret, err);
    if (r == 0)
        ret->provider = xstrdup(service_word(hearing));
    return r < 0 ? err_prefix(err, "%s", hearing->who) : 0;
}

// Returns 1 if it had been kept, 0 if not, or a negative.
static int take_kept(struct hearing *hearing, struct transcript *ret, struct err *err)
{
    cleanup(json_free) json_t *kept = NULL;
    int r = answers_take(hearing->speech->answers, hearing->key, &kept, err);
    if (r <= 0)
        return r;
    if (read_body(hearing, json_object_get(kept, "body"), ret, NULL) < 0) {
        transcript_release(ret);
        return 0; // one that cannot be read any more is none
    }
    // Who received it may have died before it was settled.
    const char *call = json_text(kept, "call", "", NULL);
    hearing->seconds = json_number(kept, "seconds", 0, 1e6, NAN, NULL);
    hearing->usage = json_incref(json_object_get(kept, "usage"));
    if (strlen(call) == LEDGER_ID_SIZE - 1)
        r = settle(hearing, call, err);
    const struct purse_call noted = call_of(hearing);
    if (r >= 0)
        r = purse_note_kept(hearing->speech->purse, &noted, time(NULL), err);
    return r < 0 ? r : 1;
}

// Keeps what came before anything else happens with it.
static int keep(const struct hearing *hearing, struct err *err)
{
    char now[TEXT_TIME_SIZE];
    cleanup(json_free) json_t *json = json_object();
    json_put_int(json, "version", FORMAT_VERSION);
    json_put_text(json, "what", "speech");
    json_put_text(json, "service", service_word(hearing));
    json_put_text(json, "model", hearing->model);
    json_put_text(json, "content", hearing->ask->content);
    json_put_text(json, "call", hearing->call);
    json_put_text(json, "answered_at", text_time(time(NULL), now));
    json_put_number(json, "seconds", hearing->seconds, 3);
    json_put(json, "usage", hearing->usage ? json_incref(hearing->usage) : json_null());
    json_put(json, "body", json_incref(hearing->body));
    return answers_keep(hearing->speech->answers, hearing->key, json, time(NULL), err);
}

// ---- asking

// What nobody pays for does not stay held; a task that is under way may be paid for.
static int let_go(const struct hearing *hearing, int r)
{
    if (hearing->call[0] != '\0' && hearing->task[0] == '\0')
        (void)purse_drop(hearing->speech->purse, hearing->call, time(NULL), NULL);
    return r;
}

static int ask_service(struct hearing *hearing, struct transcript *ret, struct err *err)
{
    int r = is_dashscope(hearing) ? ask_dashscope(hearing, err) : ask_openai(hearing, err);
    if (r < 0)
        return let_go(hearing, r);
    r = keep(hearing, err);
    if (r == 0 && hearing->call[0] != '\0')
        r = settle(hearing, hearing->call, err);
    if (r == 0 && is_dashscope(hearing))
        r = fs_remove(hearing->ask->sourcedir, hearing->ask->task_file, err);
    return r < 0 ? r : read_body(hearing, hearing->body, ret, err);
}

// Waits until nobody else asks the same.  Returns 0 with a claim, 1 with the answer that the other
// one got, or a negative.
static int claim(struct hearing *hearing, struct transcript *ret, int *ret_claim, struct err *err)
{
    for (;;) {
        int r = take_kept(hearing, ret, err);
        if (r != 0)
            return r;
        *ret_claim = answers_claim(hearing->speech->answers, hearing->key, err);
        if (*ret_claim != -EAGAIN)
            return *ret_claim < 0 ? *ret_claim : take_kept(hearing, ret, err);
        if (monotonic() > hearing->end)
            return err_set(err, ERR_RETRY, "asked_already",
                           "%s: the same is being asked by another process", hearing->who);
        r = gate_pause(hearing->speech->stop_fd, LOOK_SECONDS, err);
        if (r < 0)
            return r;
    }
}

static int begin(struct hearing *hearing, struct err *err)
{
    const struct hearing_service *speech = hearing->speech;
    const struct model_place *place = model_place(speech->settings, speech->service);
    if (place == NULL || place->address == NULL || place->models[MODEL_SPEECH] == NULL)
        return err_set(err, ERR_CONFIG, "no_model", "%s has no model for speech",
                       service_word(hearing));
    struct model_price price = model_price_of(speech->settings, place->models[MODEL_SPEECH]);
    hearing->address = place->address;
    hearing->model = place->models[MODEL_SPEECH];
    hearing->who = xasprintf("%s %s", service_word(hearing), hearing->model);
    hearing->authorization = secret_bearer(speech->key);
    choose_language(hearing);
    hearing->price = (struct budget_price){ .second = price.second, .margin = price.margin };
    return make_key(hearing, err);
}

int hearing_ask(const struct hearing_service *speech, const struct hearing_question *ask,
                struct transcript *ret, struct err *err)
{
    cleanup(close_fd) int claimed = -1;
    cleanup(hearing_release) struct hearing hearing = {
        .speech = speech,
        .ask = ask,
        .seconds = NAN,
        .end = monotonic() + speech->settings->patience_seconds,
    };
    int r = begin(&hearing, err);
    if (r == 0)
        r = claim(&hearing, ret, &claimed, err);
    if (r == 0)
        r = ask_service(&hearing, ret, err);
    if (r < 0)
        transcript_release(ret);
    return r;
}
