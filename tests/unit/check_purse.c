// Two accounts on disk: nothing is held beyond a limit by however many at a time, nothing is billed
// twice, and what may have been billed stays held.
#include "base/fs.h"
#include "model/purse.h"
#include "spool/batch.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { DAY = 86400, BATCHES = 4, MOST = 1000, BILL = 700, DEADLINE = 20 };

static struct folder folder; // the spool; batches are "0" to "3" in it
static struct model_settings settings;
static struct purse purses[BATCHES];
static const struct budget_sum most = { MOST, 2 * MOST }, bill = { BILL, 2 * BILL };
static const time_t midnight = (time_t)19675 * DAY; // in UTC
static time_t now;

static void set_up(void)
{
    folder_make_in_memory(&folder);
    settings = (struct model_settings){ .deadline_seconds = DEADLINE };
    now = midnight + 3600;
    for (int i = 0; i < BATCHES; i++) {
        const char name[] = { (char)('0' + i), '\0' };
        ck_assert_int_eq(mkdirat(folder.fd, name, 0700), 0);
        purses[i].order = (struct purse_order){
            .settings = &settings,
            .root = folder.path,
            .batchdir = openat(folder.fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        };
    }
}

static void tear_down(void)
{
    for (int i = 0; i < BATCHES; i++)
        close_fd(&purses[i].order.batchdir);
    folder_remove(&folder);
}

static struct purse_call call_of(const char *key)
{
    return (struct purse_call){ .key = key,
                                .what = "look",
                                .service = "openai",
                                .model = "m",
                                .index = 3,
                                .most = most,
                                .original = { 5, 6 } };
}

static int try_hold(int batch, char *id, struct err *err)
{
    const struct purse_call call = call_of("k");
    return purse_hold(&purses[batch], &call, now, id, err);
}

static void hold(int batch, char *id)
{
    struct err err = ERR_INIT;
    ck_assert_msg(try_hold(batch, id, &err) == 0, "%s", err.text);
}

static void settle(int batch, const char *id)
{
    struct err err = ERR_INIT;
    ck_assert_msg(purse_settle(&purses[batch], id, &bill, NULL, now, &err) == 0, "%s", err.text);
}

static void drop(int batch, const char *id)
{
    struct err err = ERR_INIT;
    ck_assert_msg(purse_drop(&purses[batch], id, now, &err) == 0, "%s", err.text);
}

static void load(int batch, struct ledger *ledger)
{
    struct err err = ERR_INIT;
    ck_assert_msg(ledger_load(purses[batch].order.batchdir, ledger, &err) == 0, "%s", err.text);
}

static void load_day(struct ledger_day *day)
{
    cleanup(close_fd) int fd = ledger_open_folder(folder.path, NULL);
    ck_assert_int_eq(ledger_load_day(fd, day, NULL), 0);
}

static void save_day(const struct ledger_day *day)
{
    cleanup(close_fd) int fd = ledger_open_folder(folder.path, NULL);
    ck_assert_int_eq(ledger_save_day(fd, day, NULL), 0);
}

// How many calls are billed and held there.
static void expect_batch(int batch, uint64_t billed, uint64_t held)
{
    uint64_t is_billed = 0, is_held = 0;
    cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
    load(batch, &ledger);
    for (size_t i = 0; i < ledger.count; i++) {
        const struct ledger_call *call = &ledger.calls[i];
        ck_assert_uint_eq(call->held_cost, 2 * call->held_tokens);
        ck_assert_uint_eq(call->billed_cost, 2 * call->billed_tokens);
        is_billed += call->billed ? call->billed_tokens : 0;
        is_held += call->billed || call->kept ? 0 : call->held_tokens;
    }
    ck_assert_uint_eq(is_billed, billed * BILL);
    ck_assert_uint_eq(is_held, held * MOST);
}

static void expect_day(uint64_t billed, uint64_t held)
{
    struct ledger_day day;
    uint64_t is_held = 0;
    load_day(&day);
    for (size_t i = 0; i < day.open_count; i++)
        is_held += day.open[i].tokens;
    ck_assert_uint_eq(day.used_tokens, billed * BILL);
    ck_assert_uint_eq(day.used_cost, 2 * billed * BILL);
    ck_assert_uint_eq(is_held, held * MOST);
}

static void expect_room(int batch, uint64_t tokens, uint64_t cost)
{
    struct err err = ERR_INIT;
    struct budget_sum room;
    ck_assert_msg(purse_room(&purses[batch], now, &room, &err) == 0, "%s", err.text);
    ck_assert_uint_eq(room.tokens, tokens);
    ck_assert_uint_eq(room.cost, cost);
}

// ---- one call

START_TEST(what_a_call_may_cost_is_held_in_both_accounts_and_replaced_by_its_bill)
{
    char id[LEDGER_ID_SIZE], other[LEDGER_ID_SIZE];
    hold(0, id);
    ck_assert_uint_eq(strlen(id), LEDGER_ID_SIZE - 1);
    expect_batch(0, 0, 1);
    expect_day(0, 1);
    hold(0, other);
    ck_assert_str_ne(id, other);
    settle(0, id);
    expect_batch(0, 1, 1);
    expect_day(1, 1);
    expect_batch(1, 0, 0); // of another one
}
END_TEST

START_TEST(what_is_known_of_a_call_is_written_down)
{
    char id[LEDGER_ID_SIZE];
    cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
    cleanup(json_free) json_t *usage = json_pack("{s:i}", "input_tokens", 7);
    hold(0, id);
    now += 9;
    ck_assert_int_eq(purse_settle(&purses[0], id, &bill, usage, now, NULL), 0);
    load(0, &ledger);
    const struct ledger_call *call = ledger_find(&ledger, id);
    ck_assert_str_eq(call->key, "k");
    ck_assert_str_eq(call->what, "look");
    ck_assert_str_eq(call->service, "openai");
    ck_assert_str_eq(call->model, "m");
    ck_assert_int_eq(call->index, 3);
    ck_assert_uint_eq(call->original_tokens, 5);
    ck_assert_uint_eq(call->original_cost, 6);
    ck_assert_uint_eq(call->held_tokens, MOST); // stays, for comparing
    ck_assert_int_eq(call->asked_at, now - 9);
    ck_assert_int_eq(call->answered_at, now);
    ck_assert(json_equal(call->usage, usage));
}
END_TEST

START_TEST(a_usage_of_many_words_is_not_written_down_but_billed)
{
    char id[LEDGER_ID_SIZE], words[LEDGER_MAX_USAGE + 1];
    cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
    memset(words, 'x', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    cleanup(json_free) json_t *usage = json_pack("{s:i, s:s}", "input_tokens", 7, "words", words);
    hold(0, id);
    ck_assert_int_eq(purse_settle(&purses[0], id, &bill, usage, now, NULL), 0);
    load(0, &ledger);
    ck_assert_ptr_null(ledger.calls[0].usage);
    expect_batch(0, 1, 0);
}
END_TEST

START_TEST(settling_twice_changes_nothing)
{
    char id[LEDGER_ID_SIZE];
    static const struct budget_sum more = { 5 * BILL, 10 * BILL };
    hold(0, id);
    settle(0, id);
    settle(0, id);
    ck_assert_int_eq(purse_settle(&purses[0], id, &more, NULL, now + 1, NULL), 0);
    expect_batch(0, 1, 0);
    expect_day(1, 0);
}
END_TEST

START_TEST(what_was_never_held_is_not_settled_nor_dropped)
{
    char id[LEDGER_ID_SIZE];
    hold(0, id);
    id[5] = id[5] == 'a' ? 'b' : 'a';
    settle(0, id);
    drop(0, id);
    expect_batch(0, 0, 1);
    expect_day(0, 1);
}
END_TEST

START_TEST(a_call_of_another_batch_is_settled_in_the_day_and_by_itself_later)
{
    char id[LEDGER_ID_SIZE];
    hold(0, id);
    settle(1, id); // found its answer
    expect_batch(0, 0, 1);
    expect_batch(1, 0, 0);
    expect_day(1, 0);
    settle(0, id);
    expect_batch(0, 1, 0);
    expect_day(1, 0);
}
END_TEST

START_TEST(what_was_dropped_was_never_held_and_what_was_billed_is_not_dropped)
{
    char ids[3][LEDGER_ID_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        hold(0, ids[i]);
    settle(0, ids[0]);
    for (int twice = 0; twice < 2; twice++) {
        drop(0, ids[0]);
        drop(0, ids[1]);
        expect_batch(0, 1, 1);
        expect_day(1, 1);
    }
}
END_TEST

START_TEST(a_bill_beyond_what_was_held_leaves_no_room)
{
    char id[LEDGER_ID_SIZE];
    static const struct budget_sum dear = { 50 * BILL, 100 * BILL };
    settings.job_tokens = 10 * MOST;
    hold(0, id);
    ck_assert_int_eq(purse_settle(&purses[0], id, &dear, NULL, now, NULL), 0);
    expect_room(0, 0, BUDGET_UNLIMITED);
    ck_assert_int_lt(try_hold(0, id, NULL), 0);
    hold(1, id); // has an account of its own
}
END_TEST

// ---- limits

static const struct {
    const char *name;
    int64_t job_tokens, day_tokens;
    double job_cost, day_cost; // a call holds 2000 billionths
    int batch0, batch1;        // that many calls are held, one batch after the other; 3 are tried
} limits[] = {
    { "no limit", 0, 0, 0, 0, 3, 3 },
    { "tokens of a batch", 2 * MOST, 0, 0, 0, 2, 2 },
    { "one too few", 2 * MOST - 1, 0, 0, 0, 1, 1 },
    { "tokens of a day", 0, 2 * MOST, 0, 0, 2, 0 },
    { "one too few", 0, 4 * MOST - 1, 0, 0, 3, 0 },
    { "money of a batch", 0, 0, 4.5e-6, 0, 2, 2 },
    { "money of a day", 0, 0, 0, 8.5e-6, 3, 1 },
    { "the least of all", 2 * MOST, 5 * MOST, 8.5e-6, 6.5e-6, 2, 1 },
    { "less than anything", 0, 0, 1e-12, 0, 0, 0 },
};

START_TEST(nothing_is_held_beyond_a_limit_of_tokens_or_money_of_a_batch_or_a_day)
{
    settings.job_tokens = limits[_i].job_tokens;
    settings.day_tokens = limits[_i].day_tokens;
    settings.job_cost = limits[_i].job_cost;
    settings.day_cost = limits[_i].day_cost;
    const int due[] = { limits[_i].batch0, limits[_i].batch1 };
    for (int batch = 0; batch < 2; batch++) {
        int held = 0;
        for (int i = 0; i < 3; i++) {
            char id[LEDGER_ID_SIZE];
            struct err err = ERR_INIT;
            int r = try_hold(batch, id, &err);
            ck_assert_msg(r == 0 || strcmp(err.id, "over_budget") == 0, "%s", err.text);
            ck_assert(r == 0 || err.class == ERR_INPUT);
            held += r == 0;
        }
        ck_assert_msg(held == due[batch], "%s: %d", limits[_i].name, held);
        expect_batch(batch, 0, (uint64_t)held);
    }
    expect_day(0, (uint64_t)due[0] + (uint64_t)due[1]);
}
END_TEST

START_TEST(the_room_is_that_of_the_account_that_has_least)
{
    char id[LEDGER_ID_SIZE];
    expect_room(0, BUDGET_UNLIMITED, BUDGET_UNLIMITED);
    settings.job_tokens = 3 * MOST;
    settings.day_tokens = 4 * MOST;
    settings.day_cost = 1e-5;
    expect_room(0, 3 * MOST, 10000);
    hold(0, id);
    expect_room(0, 2 * MOST, 8000);
    expect_room(1, 3 * MOST, 8000);
    hold(1, id);
    expect_room(0, 2 * MOST, 6000);
    settle(1, id);
    expect_room(1, 3 * MOST - BILL, 8000 - 2 * BILL);
}
END_TEST

START_TEST(what_cannot_be_worked_out_is_held_only_where_there_is_no_limit)
{
    char id[LEDGER_ID_SIZE];
    struct purse_call call = call_of("k");
    call.most = (struct budget_sum){ UINT64_MAX, UINT64_MAX };
    ck_assert_int_eq(purse_hold(&purses[0], &call, now, id, NULL), 0);
    hold(0, id); // sums do not wrap around
    expect_room(0, BUDGET_UNLIMITED, BUDGET_UNLIMITED);
    settings.day_tokens = 9 * MOST;
    expect_room(0, 0, BUDGET_UNLIMITED);
    ck_assert_int_lt(try_hold(1, id, NULL), 0);
}
END_TEST

START_TEST(a_batch_that_asked_very_often_asks_no_more)
{
    char id[LEDGER_ID_SIZE];
    struct err err = ERR_INIT;
    cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
    hold(0, id);
    load(0, &ledger);
    for (size_t i = 1; i < LEDGER_MAX_CALLS; i++) {
        struct ledger_call *call = ledger_add(&ledger);
        memcpy(call->id, id, sizeof id);
        call->id[0] = call->id[0] == 'a' ? 'b' : 'a';
        call->kept = true;
    }
    ck_assert_int_eq(ledger_save(purses[0].order.batchdir, &ledger, NULL), 0);
    ck_assert_int_lt(try_hold(0, id, &err), 0);
    ck_assert_str_eq(err.id, "too_many_calls");
    ck_assert_int_eq((int)err.class, ERR_INPUT);
    const struct purse_call call = call_of("another");
    ck_assert_int_eq(purse_note_kept(&purses[0], &call, now, NULL), 0); // costs nothing
    expect_day(0, 1);
    hold(1, id);
}
END_TEST

START_TEST(of_very_many_open_calls_the_oldest_count_as_billed)
{
    struct ledger_day day = { .day = now / DAY };
    char id[LEDGER_ID_SIZE];
    while (day.open_count < LEDGER_MAX_OPEN) {
        struct ledger_open *open = &day.open[day.open_count];
        *open = (struct ledger_open){ .tokens = day.open_count, .cost = 1, .asked_at = now };
        (void)snprintf(open->id, sizeof open->id, "%032zx", day.open_count++);
    }
    day.open[0].tokens = 5555;
    save_day(&day);
    hold(0, id);
    load_day(&day);
    ck_assert_uint_eq(day.open_count, LEDGER_MAX_OPEN);
    ck_assert_uint_eq(day.used_tokens, 5555);
    ck_assert_uint_eq(day.used_cost, 1);
    ck_assert_uint_eq(day.open[0].tokens, 1);
    ck_assert_str_eq(day.open[LEDGER_MAX_OPEN - 1].id, id);
}
END_TEST

// ---- days

START_TEST(a_day_begins_at_midnight_in_utc_and_a_batch_does_not)
{
    char id[LEDGER_ID_SIZE];
    settings.day_tokens = 2 * MOST;
    settings.job_tokens = 5 * MOST;
    now = midnight - 1;
    hold(0, id);
    settle(0, id);
    expect_room(0, 2 * MOST - BILL, BUDGET_UNLIMITED);
    now = midnight;
    expect_room(0, 2 * MOST, BUDGET_UNLIMITED);
    hold(0, id);
    expect_room(0, MOST, BUDGET_UNLIMITED);
    expect_batch(0, 1, 1);
    now = midnight + DAY - 1;
    expect_room(0, MOST, BUDGET_UNLIMITED);
}
END_TEST

static const struct {
    const char *name;
    time_t before, after; // seconds from midnight
    bool stays;
} nights[] = {
    { "under way at midnight", -10, 10, true },
    { "as long as its deadline and a minute", -40, DEADLINE + 60 - 40, true },
    { "longer than it can be under way", -40, DEADLINE + 60 - 40 + 1, false },
    { "another day", -10, 3 * DAY, false },
    { "however long, on the same day", 10, DAY - 10, true },
};

START_TEST(a_call_without_an_answer_is_held_until_its_day_and_its_deadline_are_over)
{
    char id[LEDGER_ID_SIZE], next[LEDGER_ID_SIZE];
    now = midnight + nights[_i].before;
    hold(0, id);
    now = midnight + nights[_i].after;
    hold(1, next);
    expect_day(0, nights[_i].stays ? 2 : 1);
    expect_batch(0, 0, 1); // in its batch for good
}
END_TEST

START_TEST(a_call_of_yesterday_is_billed_today)
{
    char id[LEDGER_ID_SIZE];
    now = midnight - 5;
    hold(0, id);
    now = midnight + 5;
    settle(0, id);
    expect_batch(0, 1, 0);
    expect_day(1, 0);
}
END_TEST

START_TEST(a_clock_that_is_set_back_by_a_day_brings_nothing_back)
{
    char id[LEDGER_ID_SIZE];
    settings.day_tokens = MOST;
    hold(0, id);
    settle(0, id);
    now -= DAY;
    expect_room(0, MOST - BILL, BUDGET_UNLIMITED);
    now += DAY;
    expect_room(0, MOST - BILL, BUDGET_UNLIMITED);
    now += 400 * DAY; // and one that was far ahead blocks nothing for long
    hold(0, id);
    now -= 400 * DAY;
    expect_room(0, 0, BUDGET_UNLIMITED); // that call may still be under way
    settle(0, id);
    expect_room(0, MOST - BILL, BUDGET_UNLIMITED);
}
END_TEST

// ---- several at a time

// What all processes together hold and were billed, never more than the ledger has.
struct tally {
    _Atomic uint64_t tokens;
    _Atomic unsigned held, settled, dropped, left, refused;
};

enum { PROCESSES = 8, ROUNDS = 50, LIMIT = 60 * MOST };

static void spend(int process, struct tally *tally)
{
    for (int i = 0; i < ROUNDS; i++) {
        char id[LEDGER_ID_SIZE];
        struct err err = ERR_INIT;
        int batch = process % BATCHES;
        if (try_hold(batch, id, &err) < 0) {
            if (strcmp(err.id, "over_budget") != 0)
                _exit(2);
            tally->refused++;
            continue;
        }
        tally->held++;
        if (atomic_fetch_add(&tally->tokens, MOST) + MOST > LIMIT)
            _exit(3);
        if (i % 5 == 4 && i % 3 == 0) { // as if killed
            tally->left++;
        } else if (i % 3 == 0) {
            tally->tokens -= MOST;
            tally->dropped++;
            if (purse_drop(&purses[batch], id, now, &err) < 0)
                _exit(4);
        } else {
            tally->tokens -= MOST - BILL;
            tally->settled++;
            if (purse_settle(&purses[batch], id, &bill, NULL, now, &err) < 0)
                _exit(5);
        }
    }
    _exit(0);
}

START_TEST(however_many_ask_at_a_time_they_never_pass_a_limit_together)
{
    struct tally *tally =
        mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(tally, MAP_FAILED);
    settings.day_tokens = LIMIT;
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++)
        if ((pids[i] = fork()) == 0)
            spend(i, tally);
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert_msg(status == 0, "status %#x", (unsigned)status);
    }
    ck_assert_uint_eq(tally->held + tally->refused, PROCESSES * ROUNDS);
    ck_assert_uint_gt(tally->refused, 0); // the limit was reached
    ck_assert_uint_gt(tally->tokens + MOST, LIMIT);
    expect_day(tally->settled, tally->left);
    munmap(tally, sizeof *tally);
}
END_TEST

START_TEST(who_waits_for_others_ends_when_it_is_asked_to)
{
    int ends[2];
    char id[LEDGER_ID_SIZE];
    cleanup(close_fd) int fd = ledger_open_folder(folder.path, NULL);
    cleanup(close_fd) int lock = fs_lock(fd, LEDGER_LOCK, NULL);
    ck_assert_int_ge(lock, 0);
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq(write(ends[1], "", 1), 1);
    purses[0].order.stop_fd = ends[0];
    ck_assert_int_eq(try_hold(0, id, NULL), -ECANCELED);
    ck_assert_int_eq(purse_settle(&purses[0], id, &bill, NULL, now, NULL), -ECANCELED);
    close_fd(&lock);
    hold(0, id); // who need not wait is not stopped
    close(ends[0]);
    close(ends[1]);
}
END_TEST

// ---- damage

static const char *const damaged[] = { "0/ledger.json", "ledger/day.json" };

START_TEST(as_long_as_it_is_not_known_what_was_spent_nothing_is)
{
    char id[LEDGER_ID_SIZE], held[LEDGER_ID_SIZE];
    struct budget_sum room;
    const struct purse_call call = call_of("another");
    hold(0, held);
    folder_put(&folder, damaged[_i], "{}");
    struct err errs[5] = { ERR_INIT };
    ck_assert_int_lt(try_hold(0, id, &errs[0]), 0);
    ck_assert_int_lt(purse_room(&purses[0], now, &room, &errs[1]), 0);
    ck_assert_int_lt(purse_settle(&purses[0], held, &bill, NULL, now, &errs[2]), 0);
    ck_assert_int_lt(purse_drop(&purses[0], held, now, &errs[3]), 0);
    ck_assert_int_lt(purse_note_kept(&purses[0], &call, now, &errs[4]), 0);
    for (size_t i = 0; i < ARRAY_LEN(errs); i++) {
        ck_assert_str_eq(errs[i].id, "bad_ledger");
        ck_assert_int_eq((int)errs[i].class, ERR_INPUT);
    }
    cleanup(free_ptr) char *text = folder_get(&folder, damaged[_i]);
    ck_assert_str_eq(text, "{}"); // it is left to whoever looks into it
    cleanup(free_ptr) char *names = folder_names(&folder, "ledger");
    ck_assert_str_eq(names, "day.json lock");
    bool others = try_hold(1, id, NULL) == 0; // a batch's own damage is its own
    ck_assert_int_eq(others, _i == 0);
}
END_TEST

// ---- kept answers

START_TEST(a_kept_answer_is_noted_once_and_costs_nothing)
{
    char id[LEDGER_ID_SIZE];
    settings.job_tokens = 9 * MOST;
    const struct purse_call asked = call_of("k"), found = call_of("another");
    struct purse_call elsewhere = call_of("another"), otherwise = call_of("another");
    elsewhere.index = 4;
    otherwise.what = "repair";
    hold(0, id);
    const struct {
        const struct purse_call *call;
        size_t count; // of what stands in the ledger then
    } rows[] = {
        { &found, 2 },     { &found, 2 }, { &elsewhere, 3 },
        { &elsewhere, 3 }, { &asked, 4 }, { &otherwise, 5 }, // that one is not answered yet
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
        ck_assert_int_eq(purse_note_kept(&purses[0], rows[i].call, now, NULL), 0);
        load(0, &ledger);
        ck_assert_msg(ledger.count == rows[i].count, "row %zu: %zu", i, ledger.count);
    }
    expect_batch(0, 0, 1);
    expect_day(0, 1);
    expect_room(0, 8 * MOST, BUDGET_UNLIMITED);
}
END_TEST

START_TEST(an_answer_that_was_paid_for_here_is_not_noted_as_kept)
{
    char id[LEDGER_ID_SIZE];
    cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
    const struct purse_call call = call_of("k");
    hold(0, id);
    settle(0, id);
    ck_assert_int_eq(purse_note_kept(&purses[0], &call, now, NULL), 0);
    load(0, &ledger);
    ck_assert_uint_eq(ledger.count, 1);
    ck_assert(!ledger.calls[0].kept);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("purse");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, what_a_call_may_cost_is_held_in_both_accounts_and_replaced_by_its_bill);
    tcase_add_test(tcase, what_is_known_of_a_call_is_written_down);
    tcase_add_test(tcase, a_usage_of_many_words_is_not_written_down_but_billed);
    tcase_add_test(tcase, settling_twice_changes_nothing);
    tcase_add_test(tcase, what_was_never_held_is_not_settled_nor_dropped);
    tcase_add_test(tcase, a_call_of_another_batch_is_settled_in_the_day_and_by_itself_later);
    tcase_add_test(tcase, what_was_dropped_was_never_held_and_what_was_billed_is_not_dropped);
    tcase_add_test(tcase, a_bill_beyond_what_was_held_leaves_no_room);
    tcase_add_loop_test(tcase,
                        nothing_is_held_beyond_a_limit_of_tokens_or_money_of_a_batch_or_a_day, 0,
                        (int)ARRAY_LEN(limits));
    tcase_add_test(tcase, the_room_is_that_of_the_account_that_has_least);
    tcase_add_test(tcase, what_cannot_be_worked_out_is_held_only_where_there_is_no_limit);
    tcase_add_test(tcase, a_batch_that_asked_very_often_asks_no_more);
    tcase_add_test(tcase, of_very_many_open_calls_the_oldest_count_as_billed);
    tcase_add_test(tcase, a_day_begins_at_midnight_in_utc_and_a_batch_does_not);
    tcase_add_loop_test(tcase,
                        a_call_without_an_answer_is_held_until_its_day_and_its_deadline_are_over, 0,
                        (int)ARRAY_LEN(nights));
    tcase_add_test(tcase, a_call_of_yesterday_is_billed_today);
    tcase_add_test(tcase, a_clock_that_is_set_back_by_a_day_brings_nothing_back);
    tcase_add_test(tcase, however_many_ask_at_a_time_they_never_pass_a_limit_together);
    tcase_add_test(tcase, who_waits_for_others_ends_when_it_is_asked_to);
    tcase_add_loop_test(tcase, as_long_as_it_is_not_known_what_was_spent_nothing_is, 0,
                        (int)ARRAY_LEN(damaged));
    tcase_add_test(tcase, a_kept_answer_is_noted_once_and_costs_nothing);
    tcase_add_test(tcase, an_answer_that_was_paid_for_here_is_not_noted_as_kept);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
