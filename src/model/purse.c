#include "model/purse.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/fs.h"
#include "net/gate.h"

enum {
    DAY_SECONDS = 86400,
    // Of a request beyond its deadline: for what is done before and after.
    SLACK_SECONDS = 60,
};

// Who is at it syncs four times.
static const double look_seconds = 0.01;
enum { MOST_LOOKS = 6000 };

enum { BATCH, DAY, ACCOUNTS };

// Both accounts, locked.
struct books {
    int folder, lock;
    struct ledger ledger;
    struct ledger_day day;
    struct budget_account accounts[ACCOUNTS];
};

static void books_close(struct books *books)
{
    ledger_release(&books->ledger);
    close_fd(&books->lock);
    close_fd(&books->folder);
}

// ---- opening

static int wait_for_lock(const struct purse *purse, int folder, struct err *err)
{
    for (unsigned looks = 0; looks < MOST_LOOKS; looks++) {
        int lock = fs_lock(folder, LEDGER_LOCK, err);
        if (lock != -EAGAIN)
            return lock;
        int r = gate_pause(purse->order.stop_fd, look_seconds, err);
        if (r < 0)
            return r;
    }
    return err_set(err, ERR_RETRY, "ledger_busy",
                   "the ledger of %s is held by another process for more than %.0f s",
                   purse->order.root, MOST_LOOKS * look_seconds);
}

static struct budget_sum limit_of(int64_t tokens, double cost)
{
    return (struct budget_sum){ tokens > 0 ? (uint64_t)tokens : BUDGET_UNLIMITED,
                                cost > 0 ? budget_amount(cost) : BUDGET_UNLIMITED };
}

// Holding beyond all limits, and settling the same, stays beyond them.
static void add(struct budget_sum *to, uint64_t tokens, uint64_t cost)
{
    to->tokens = to->tokens > UINT64_MAX - tokens ? UINT64_MAX : to->tokens + tokens;
    to->cost = to->cost > UINT64_MAX - cost ? UINT64_MAX : to->cost + cost;
}

static void add_batch(const struct ledger *ledger, struct budget_account *account)
{
    for (size_t i = 0; i < ledger->count; i++) {
        const struct ledger_call *call = &ledger->calls[i];
        if (call->billed)
            add(&account->used, call->billed_tokens, call->billed_cost);
        else if (!call->kept)
            add(&account->held, call->held_tokens, call->held_cost);
    }
}

static void take_out(struct ledger_day *day, size_t i)
{
    day->open_count--;
    memmove(&day->open[i], &day->open[i + 1], (day->open_count - i) * sizeof day->open[0]);
}

// With another day what was used begins anew, and calls that cannot be under way any more are past.
static void turn(const struct model_settings *settings, struct ledger_day *day, time_t now)
{
    struct budget_account account = { .used = { day->used_tokens, day->used_cost } };
    int64_t before = day->day;
    budget_turn(&account, &day->day, now / DAY_SECONDS);
    if (day->day == before)
        return;
    day->used_tokens = account.used.tokens;
    day->used_cost = account.used.cost;
    double longest = settings->deadline_seconds + SLACK_SECONDS;
    for (size_t i = day->open_count; i-- > 0;)
        if (difftime(now, day->open[i].asked_at) > longest)
            take_out(day, i);
}

static void add_day(const struct ledger_day *day, struct budget_account *account)
{
    account->used = (struct budget_sum){ day->used_tokens, day->used_cost };
    for (size_t i = 0; i < day->open_count; i++)
        add(&account->held, day->open[i].tokens, day->open[i].cost);
}

static int books_open(const struct purse *purse, time_t now, struct books *books, struct err *err)
{
    const struct model_settings *settings = purse->order.settings;
    *books = (struct books){ .lock = -1, .ledger = LEDGER_INIT };
    books->folder = ledger_open_folder(purse->order.root, err);
    if (books->folder < 0)
        return books->folder;
    books->lock = wait_for_lock(purse, books->folder, err);
    if (books->lock < 0)
        return books->lock;
    int r = ledger_load(purse->order.batchdir, &books->ledger, err);
    if (r == 0)
        r = ledger_load_day(books->folder, &books->day, err);
    if (r < 0)
        return r;
    turn(settings, &books->day, now);
    books->accounts[BATCH].limit = limit_of(settings->job_tokens, settings->job_cost);
    books->accounts[DAY].limit = limit_of(settings->day_tokens, settings->day_cost);
    add_batch(&books->ledger, &books->accounts[BATCH]);
    add_day(&books->day, &books->accounts[DAY]);
    return 0;
}

static int books_save(const struct purse *purse, const struct books *books, struct err *err)
{
    int r = ledger_save_day(books->folder, &books->day, err);
    return r < 0 ? r : ledger_save(purse->order.batchdir, &books->ledger, err);
}

// ---- asking

int purse_room(const struct purse *purse, time_t now, struct budget_sum *ret, struct err *err)
{
    cleanup(books_close) struct books books;
    int r = books_open(purse, now, &books, err);
    if (r == 0)
        *ret = budget_room(books.accounts, ACCOUNTS);
    return r;
}

// ---- holding

static int draw_id(char ret_id[LEDGER_ID_SIZE], struct err *err)
{
    uint64_t random[2];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return err_errno(err, errno, "draw a random number");
    (void)snprintf(ret_id, LEDGER_ID_SIZE, "%016llx%016llx", (unsigned long long)random[0],
                   (unsigned long long)random[1]);
    return 0;
}

static void open_call(struct ledger_day *day, const char *id, const struct budget_sum *sum,
                      time_t now)
{
    if (day->open_count == LEDGER_MAX_OPEN) {
        struct budget_sum used = { day->used_tokens, day->used_cost };
        add(&used, day->open[0].tokens, day->open[0].cost);
        day->used_tokens = used.tokens;
        day->used_cost = used.cost;
        take_out(day, 0);
    }
    struct ledger_open *call = &day->open[day->open_count++];
    *call = (struct ledger_open){ .tokens = sum->tokens, .cost = sum->cost, .asked_at = now };
    memcpy(call->id, id, LEDGER_ID_SIZE);
}

static struct ledger_call *write_down(struct ledger *ledger, const struct purse_call *call,
                                      const char *id, time_t now)
{
    struct ledger_call *to = ledger_add(ledger);
    memcpy(to->id, id, LEDGER_ID_SIZE);
    to->key = xstrdup(call->key);
    to->what = xstrdup(call->what);
    to->service = xstrdup(call->service);
    to->model = xstrdup(call->model);
    to->index = call->index;
    to->original_tokens = call->original.tokens;
    to->original_cost = call->original.cost;
    to->held_tokens = call->most.tokens;
    to->held_cost = call->most.cost;
    to->asked_at = now;
    return to;
}

static int check_count(const struct ledger *ledger, struct err *err)
{
    if (ledger->count < LEDGER_MAX_CALLS)
        return 0;
    return err_set(err, ERR_INPUT, "too_many_calls",
                   "models were asked %zu times for this batch, and are not asked any more",
                   ledger->count);
}

int purse_hold(const struct purse *purse, const struct purse_call *call, time_t now,
               char ret_id[LEDGER_ID_SIZE], struct err *err)
{
    cleanup(books_close) struct books books;
    int r = books_open(purse, now, &books, err);
    if (r == 0)
        r = check_count(&books.ledger, err);
    if (r == 0)
        r = budget_hold(books.accounts, ACCOUNTS, &call->most, err);
    if (r == 0)
        r = draw_id(ret_id, err);
    if (r < 0)
        return r;
    open_call(&books.day, ret_id, &call->most, now);
    (void)write_down(&books.ledger, call, ret_id, now);
    return books_save(purse, &books, err);
}

// ---- settling

// Returns whether it was open.
static bool close_call(struct ledger_day *day, const char *id, const struct budget_sum *billed)
{
    for (size_t i = 0; i < day->open_count; i++) {
        if (strcmp(day->open[i].id, id) != 0)
            continue;
        struct budget_sum used = { day->used_tokens, day->used_cost };
        add(&used, billed->tokens, billed->cost);
        day->used_tokens = used.tokens;
        day->used_cost = used.cost;
        take_out(day, i);
        return true;
    }
    return false;
}

static json_t *usage_to_keep(const json_t *usage)
{
    bool fits = usage != NULL && json_dumpb(usage, NULL, 0, JSON_INDENT(2)) <= LEDGER_MAX_USAGE;
    return fits ? json_deep_copy(usage) : NULL;
}

int purse_settle(const struct purse *purse, const char *id, const struct budget_sum *billed,
                 const json_t *usage, time_t now, struct err *err)
{
    cleanup(books_close) struct books books;
    int r = books_open(purse, now, &books, err);
    if (r < 0)
        return r;
    bool was_open = close_call(&books.day, id, billed);
    struct ledger_call *call = ledger_find(&books.ledger, id);
    if (call != NULL && !call->billed) {
        call->billed = true;
        call->billed_tokens = billed->tokens;
        call->billed_cost = billed->cost;
        json_decref(call->usage); // a file may say anything
        call->usage = usage_to_keep(usage);
        call->answered_at = now;
        was_open = true;
    }
    return was_open ? books_save(purse, &books, err) : 0;
}

int purse_drop(const struct purse *purse, const char *id, time_t now, struct err *err)
{
    static const struct budget_sum nothing = { 0 };
    cleanup(books_close) struct books books;
    int r = books_open(purse, now, &books, err);
    if (r < 0)
        return r;
    (void)close_call(&books.day, id, &nothing);
    struct ledger_call *call = ledger_find(&books.ledger, id);
    if (call != NULL && !call->billed)
        ledger_drop(&books.ledger, call);
    return books_save(purse, &books, err);
}

// ---- kept answers

static bool has_answer(const struct ledger *ledger, const struct purse_call *call)
{
    for (size_t i = 0; i < ledger->count; i++) {
        const struct ledger_call *known = &ledger->calls[i];
        if ((known->kept || known->billed) && known->index == call->index &&
            strcmp(known->key, call->key) == 0 && strcmp(known->what, call->what) == 0)
            return true;
    }
    return false;
}

int purse_note_kept(const struct purse *purse, const struct purse_call *call, time_t now,
                    struct err *err)
{
    char id[LEDGER_ID_SIZE];
    cleanup(books_close) struct books books;
    int r = books_open(purse, now, &books, err);
    // It costs nothing, so what does not fit is no reason to do without the answer.
    if (r < 0 || has_answer(&books.ledger, call) || books.ledger.count >= LEDGER_MAX_CALLS)
        return r;
    r = draw_id(id, err);
    if (r < 0)
        return r;
    struct ledger_call *to = write_down(&books.ledger, call, id, now);
    to->kept = true;
    to->answered_at = now;
    return ledger_save(purse->order.batchdir, &books.ledger, err);
}
