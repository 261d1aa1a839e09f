// Sums over a ledger.
#include "spool/receipt.h"

#include <math.h>

static const double billionths = 1e9;

struct sums {
    uint64_t original, proxy, used; // tokens
    uint64_t cost, at_most;
    bool has_price;
};

static void add(uint64_t *to, uint64_t value)
{
    *to = *to > UINT64_MAX - value ? UINT64_MAX : *to + value;
}

static bool is_answered(const struct ledger_call *call)
{
    return call->kept || call->billed;
}

static bool has_price(const struct ledger_call *call)
{
    return call->held_cost > 0 || call->billed_cost > 0;
}

static void add_call(struct sums *sums, const struct ledger_call *call)
{
    if (is_answered(call)) {
        add(&sums->original, call->original_tokens);
        add(&sums->proxy, call->held_tokens);
    }
    if (call->billed) {
        add(&sums->used, call->billed_tokens);
        add(&sums->cost, call->billed_cost);
    }
    // What was kept is asked for nothing, whatever it would cost.
    if (!call->kept)
        add(&sums->at_most, call->billed ? call->billed_cost : call->held_cost);
    sums->has_price |= call->kept || has_price(call);
}

static void put_tokens(json_t *json, const char *key, uint64_t tokens)
{
    json_put_int(json, key, tokens > INT64_MAX ? INT64_MAX : (int64_t)tokens);
}

static void put_money(json_t *json, const char *key, uint64_t cost, bool is_known)
{
    json_put_number(json, key, is_known ? (double)cost / billionths : NAN, 9);
}

// A list of pictures may be counted dearer than the video they are from; that saves nothing.
static double savings(const struct sums *sums)
{
    if (sums->original == 0)
        return NAN;
    return fmax(0, 1 - (double)sums->proxy / (double)sums->original);
}

static json_t *call_to_json(const struct ledger_call *call)
{
    json_t *json = json_object();
    json_put_text(json, "what", call->what);
    json_put(json, "index", call->index >= 0 ? json_integer(call->index) : json_null());
    json_put_text(json, "service", call->service);
    json_put_text(json, "model", call->model);
    json_put_flag(json, "kept", call->kept);
    if (is_answered(call))
        put_tokens(json, "tokens", call->billed_tokens);
    else
        json_put(json, "tokens", json_null());
    put_money(json, "cost", call->billed_cost,
              is_answered(call) && (call->kept || has_price(call)));
    return json;
}

json_t *receipt_to_json(const struct ledger *ledger, const char *currency)
{
    struct sums sums = { 0 };
    if (ledger->count == 0)
        return json_null();
    json_t *json = json_object(), *calls = json_array();
    for (size_t i = 0; i < ledger->count; i++) {
        add_call(&sums, &ledger->calls[i]);
        if (i < RECEIPT_MAX_CALLS)
            (void)json_array_append_new(calls, call_to_json(&ledger->calls[i]));
    }
    put_tokens(json, "tokens_estimated_original", sums.original);
    put_tokens(json, "tokens_estimated_proxy", sums.proxy);
    put_tokens(json, "tokens_used", sums.used);
    json_put_number(json, "savings", savings(&sums), 4);
    put_money(json, "cost", sums.cost, sums.has_price);
    put_money(json, "cost_at_most", sums.at_most, sums.has_price);
    json_put_text(json, "currency", currency);
    json_put(json, "calls", calls);
    return json;
}

int receipt_read(int batchdir, const char *currency, json_t **ret, struct err *err)
{
    cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
    int r = ledger_load(batchdir, &ledger, err);
    if (r == 0)
        *ret = receipt_to_json(&ledger, currency);
    return r;
}
