#include "spool/ledger.h"

#include "base/fs.h"
#include "base/text.h"
#include "spool/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define FOLDER "ledger"
#define DAY "day.json"

// A call is a KiB, with what a service says of its use.
enum { MAX_BYTES = 32 << 20, MAX_INDEX = BATCH_MAX_SOURCES - 1 };

static void release_call(struct ledger_call *call)
{
    free(call->key);
    free(call->what);
    free(call->service);
    free(call->model);
    json_decref(call->usage);
}

void ledger_release(struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->count; i++)
        release_call(&ledger->calls[i]);
    free(ledger->calls);
    *ledger = (struct ledger)LEDGER_INIT;
}

struct ledger_call *ledger_add(struct ledger *ledger)
{
    ledger->calls = xrealloc(ledger->calls, ledger->count + 1, sizeof *ledger->calls);
    ledger->calls[ledger->count] = (struct ledger_call){ .index = STEP_BATCH };
    return &ledger->calls[ledger->count++];
}

void ledger_drop(struct ledger *ledger, struct ledger_call *call)
{
    size_t behind = (size_t)(ledger->calls + ledger->count - (call + 1));
    release_call(call);
    memmove(call, call + 1, behind * sizeof *call);
    ledger->count--;
}

struct ledger_call *ledger_find(const struct ledger *ledger, const char *id)
{
    for (size_t i = 0; i < ledger->count; i++)
        if (strcmp(ledger->calls[i].id, id) == 0)
            return &ledger->calls[i];
    return NULL;
}

// ---- sums and times

// Beyond what JSON's integers hold is beyond every limit, in memory and on disk.
static json_t *amount(uint64_t value)
{
    return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static json_t *sum_to_json(uint64_t tokens, uint64_t cost)
{
    json_t *json = json_object();
    json_put(json, "tokens", amount(tokens));
    json_put(json, "cost", amount(cost));
    return json;
}

// What is missing is not nothing.
static uint64_t read_amount(const json_t *json, const char *key, const char **bad)
{
    if (!json_is_integer(json_object_get(json, key)))
        *bad = key;
    int64_t value = json_int(json, key, 0, INT64_MAX, 0, bad);
    return value == INT64_MAX ? UINT64_MAX : (uint64_t)value;
}

static void read_sum(const json_t *json, uint64_t *ret_tokens, uint64_t *ret_cost, const char **bad)
{
    *ret_tokens = read_amount(json, "tokens", bad);
    *ret_cost = read_amount(json, "cost", bad);
}

static void put_time(json_t *object, const char *key, time_t when)
{
    char text[TEXT_TIME_SIZE];
    json_put_text(object, key, when != 0 ? text_time(when, text) : NULL);
}

static time_t read_time(const json_t *object, const char *key, const char **bad)
{
    const char *text = json_text(object, key, NULL, bad);
    time_t when = 0;
    if (text != NULL && text_time_parse(text, &when) < 0)
        *bad = key;
    return when;
}

static void read_id(const json_t *object, char *ret_id, const char **bad)
{
    const char *id = json_text(object, "id", "", bad);
    if (strlen(id) != LEDGER_ID_SIZE - 1 || strspn(id, "0123456789abcdef") != LEDGER_ID_SIZE - 1)
        *bad = "id";
    else
        memcpy(ret_id, id, LEDGER_ID_SIZE);
}

static int damaged(const char *name, const char *bad, struct err *err)
{
    (void)err_set(err, ERR_INPUT, "bad_ledger", "%s is damaged: %s", name, bad);
    return err_hint(err, "nothing more is asked of models as long as what was spent is not known");
}

// ---- a batch

static json_t *call_to_json(const struct ledger_call *call)
{
    json_t *json = json_object();
    json_put_text(json, "id", call->id);
    json_put_text(json, "key", call->key);
    json_put_text(json, "what", call->what);
    json_put(json, "index", call->index >= 0 ? json_integer(call->index) : json_null());
    json_put_text(json, "service", call->service);
    json_put_text(json, "model", call->model);
    json_put_flag(json, "kept", call->kept);
    json_put(json, "held", sum_to_json(call->held_tokens, call->held_cost));
    json_put(json, "billed",
             call->billed ? sum_to_json(call->billed_tokens, call->billed_cost) : json_null());
    json_put(json, "original", sum_to_json(call->original_tokens, call->original_cost));
    json_put(json, "usage", call->usage != NULL ? json_incref(call->usage) : json_null());
    put_time(json, "asked_at", call->asked_at);
    put_time(json, "answered_at", call->answered_at);
    return json;
}

static void read_call(const json_t *json, struct ledger_call *call, const char **bad)
{
    const json_t *billed = json_object_get(json, "billed"), *usage = json_object_get(json, "usage");
    if (!json_is_object(billed) && !json_is_null(billed))
        *bad = "billed";
    read_id(json, call->id, bad);
    call->key = xstrdup(json_text(json, "key", "", bad));
    call->what = xstrdup(json_text(json, "what", "", bad));
    call->index = (int)json_int(json, "index", 0, MAX_INDEX, STEP_BATCH, bad);
    call->service = xstrdup(json_text(json, "service", "", bad));
    call->model = xstrdup(json_text(json, "model", "", bad));
    call->kept = json_flag(json, "kept", false, bad);
    call->billed = json_is_object(billed);
    read_sum(json_object_get(json, "held"), &call->held_tokens, &call->held_cost, bad);
    if (call->billed)
        read_sum(billed, &call->billed_tokens, &call->billed_cost, bad);
    read_sum(json_object_get(json, "original"), &call->original_tokens, &call->original_cost, bad);
    call->usage = json_is_object(usage) ? json_deep_copy(usage) : NULL;
    call->asked_at = read_time(json, "asked_at", bad);
    call->answered_at = read_time(json, "answered_at", bad);
}

int ledger_load(int batchdir, struct ledger *ret, struct err *err)
{
    cleanup(json_free) json_t *json = NULL;
    const char *bad = NULL;
    size_t i;
    json_t *entry;
    int r = json_read(batchdir, BATCH_LEDGER, MAX_BYTES, &json, err);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    const json_t *calls = json_object_get(json, "calls");
    if (!json_is_array(calls) || json_array_size(calls) > LEDGER_MAX_CALLS)
        return damaged(BATCH_LEDGER, "calls", err);
    json_array_foreach(calls, i, entry)
    {
        read_call(entry, ledger_add(ret), &bad);
    }
    if (bad == NULL)
        return 0;
    ledger_release(ret);
    return damaged(BATCH_LEDGER, bad, err);
}

int ledger_save(int batchdir, const struct ledger *ledger, struct err *err)
{
    cleanup(json_free) json_t *json = json_object();
    json_t *calls = json_array();
    for (size_t i = 0; i < ledger->count; i++)
        json_array_append_new(calls, call_to_json(&ledger->calls[i]));
    json_put(json, "calls", calls);
    return json_write(batchdir, BATCH_LEDGER, json, err);
}

// ---- a day

int ledger_open_folder(const char *root, struct err *err)
{
    cleanup(close_fd) int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "open the spool %s", root);
    int r = fs_mkdir(fd, FOLDER, 0700, err);
    return r < 0 ? r : fs_open_dir(fd, FOLDER, err);
}

int ledger_load_day(int folder, struct ledger_day *ret, struct err *err)
{
    cleanup(json_free) json_t *json = NULL;
    const char *bad = NULL;
    size_t i;
    json_t *entry;
    *ret = (struct ledger_day){ .day = 0 };
    int r = json_read(folder, DAY, MAX_BYTES, &json, err);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    const json_t *open = json_object_get(json, "open");
    if (!json_is_array(open) || json_array_size(open) > LEDGER_MAX_OPEN)
        return damaged(FOLDER "/" DAY, "open", err);
    ret->day = json_int(json, "day", 0, INT64_MAX, 0, &bad);
    if (!json_is_integer(json_object_get(json, "day")))
        bad = "day";
    read_sum(json_object_get(json, "used"), &ret->used_tokens, &ret->used_cost, &bad);
    json_array_foreach(open, i, entry)
    {
        struct ledger_open *call = &ret->open[ret->open_count++];
        read_id(entry, call->id, &bad);
        read_sum(json_object_get(entry, "held"), &call->tokens, &call->cost, &bad);
        call->asked_at = read_time(entry, "asked_at", &bad);
    }
    return bad != NULL ? damaged(FOLDER "/" DAY, bad, err) : 0;
}

int ledger_save_day(int folder, const struct ledger_day *day, struct err *err)
{
    cleanup(json_free) json_t *json = json_object();
    json_t *open = json_array();
    for (size_t i = 0; i < day->open_count; i++) {
        const struct ledger_open *call = &day->open[i];
        json_t *entry = json_object();
        json_put_text(entry, "id", call->id);
        json_put(entry, "held", sum_to_json(call->tokens, call->cost));
        put_time(entry, "asked_at", call->asked_at);
        json_array_append_new(open, entry);
    }
    json_put_int(json, "day", day->day);
    json_put(json, "used", sum_to_json(day->used_tokens, day->used_cost));
    json_put(json, "open", open);
    return json_write(folder, DAY, json, err);
}
