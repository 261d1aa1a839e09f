// Ledgers as files: what was written is read again, and what is damaged is never taken for little.
#include "spool/batch.h"
#include "spool/ledger.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define ID "00112233445566778899aabbccddeeff"

static struct folder folder; // a batch, and the spool

static void set_up(void)
{
    folder_make(&folder);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static struct ledger_call *add(struct ledger *ledger, char first)
{
    struct ledger_call *call = ledger_add(ledger);
    memcpy(call->id, ID, LEDGER_ID_SIZE);
    call->id[0] = first;
    call->key = xasprintf("key-%c", first);
    call->what = xstrdup("look");
    call->service = xstrdup("dashscope");
    call->model = xstrdup("qwen3-vl-plus");
    return call;
}

static void save(const struct ledger *ledger)
{
    struct err err = ERR_INIT;
    ck_assert_msg(ledger_save(folder.fd, ledger, &err) == 0, "%s", err.text);
}

static void load(struct ledger *ledger)
{
    struct err err = ERR_INIT;
    ck_assert_msg(ledger_load(folder.fd, ledger, &err) == 0, "%s", err.text);
}

static int open_ledger(void)
{
    struct err err = ERR_INIT;
    int fd = ledger_open_folder(folder.path, &err);
    ck_assert_msg(fd >= 0, "%s", err.text);
    return fd;
}

// ---- calls in memory

START_TEST(a_call_is_found_by_its_id_and_dropped_from_anywhere)
{
    for (char gone = 'a'; gone <= 'c'; gone++) {
        cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
        for (char first = 'a'; first <= 'c'; first++)
            (void)add(&ledger, first);
        char id[LEDGER_ID_SIZE] = ID;
        id[0] = gone;
        ledger_drop(&ledger, ledger_find(&ledger, id));
        ck_assert_uint_eq(ledger.count, 2);
        for (char first = 'a'; first <= 'c'; first++) {
            id[0] = first;
            const struct ledger_call *call = ledger_find(&ledger, id);
            ck_assert_int_eq(call != NULL, first != gone);
            ck_assert(call == NULL || call->key[4] == first);
        }
    }
}
END_TEST

// ---- a batch

START_TEST(where_there_is_no_file_nothing_was_asked)
{
    cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
    struct ledger_day day;
    load(&ledger);
    ck_assert_uint_eq(ledger.count, 0);
    cleanup(close_fd) int fd = open_ledger();
    ck_assert_int_eq(ledger_load_day(fd, &day, NULL), 0);
    ck_assert_int_eq(day.day, 0);
    ck_assert_uint_eq(day.used_tokens + day.used_cost + day.open_count, 0);
}
END_TEST

START_TEST(what_was_written_of_a_batch_is_read_again)
{
    cleanup(ledger_release) struct ledger before = LEDGER_INIT, after = LEDGER_INIT;
    struct ledger_call *call = add(&before, 'a');
    call->index = 7;
    call->held_tokens = 1000, call->held_cost = 2000;
    call->original_tokens = UINT64_MAX, call->original_cost = INT64_MAX - 1;
    call->asked_at = 1700000000;
    call = add(&before, 'b');
    ck_assert_int_lt(call->index, 0); // of the batch
    call->billed = true;
    call->billed_tokens = 0, call->billed_cost = UINT64_MAX;
    call->usage = json_pack("{s:i, s:{s:f}}", "input_tokens", 7, "details", "seconds", 1.5);
    call->asked_at = 1700000000, call->answered_at = 1700000009;
    call = add(&before, 'c');
    call->kept = true;
    free(call->model);
    call->model = xstrdup("\xff\"model");
    save(&before);
    load(&after);
    ck_assert_uint_eq(after.count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct ledger_call *a = &before.calls[i], *b = &after.calls[i];
        ck_assert_str_eq(a->id, b->id);
        ck_assert_str_eq(a->key, b->key);
        ck_assert_str_eq(a->what, b->what);
        ck_assert_str_eq(a->service, b->service);
        ck_assert_str_eq(i == 2 ? "\\xFF\"model" : a->model, b->model);
        ck_assert_int_eq(a->index, b->index);
        ck_assert_int_eq(a->kept, b->kept);
        ck_assert_int_eq(a->billed, b->billed);
        ck_assert_uint_eq(a->held_tokens, b->held_tokens);
        ck_assert_uint_eq(a->held_cost, b->held_cost);
        ck_assert_uint_eq(a->billed_tokens, b->billed_tokens);
        ck_assert_uint_eq(a->billed_cost, b->billed_cost);
        ck_assert_uint_eq(a->original_tokens, b->original_tokens);
        ck_assert_uint_eq(a->original_cost, b->original_cost);
        ck_assert_int_eq(a->asked_at, b->asked_at);
        ck_assert_int_eq(a->answered_at, b->answered_at);
        ck_assert((a->usage == NULL && b->usage == NULL) || json_equal(a->usage, b->usage));
    }
}
END_TEST

// A good ledger with one thing wrong: `good` becomes `bad`.
static const struct {
    const char *good, *bad;
    bool is_read; // it is not wrong
} calls[] = {
    { "", "", true },
    { "\"billed\": null", "\"billed\": {\"tokens\": 1, \"cost\": 2}", true },
    { "{\"calls\"", "{\"Calls\"", false },
    { "{\"calls\": [", "{\"calls\": [1, ", false },
    { "{\"calls\": [", "{\"calls\": [{}, ", false },
    { "}]}", "}]", false },
    { "\"" ID "\"", "\"0011\"", false },
    { "\"" ID "\"", "\"zz112233445566778899aabbccddeeff\"", false },
    { "\"" ID "\"", "null", false },
    { "\"key\": \"k\"", "\"key\": 1", false },
    { "\"index\": null", "\"index\": -1", false },
    { "\"index\": null", "\"index\": 1e9", false },
    { "\"kept\": false", "\"kept\": \"no\"", false },
    { "\"held\": {\"tokens\": 5, \"cost\": 6}", "\"held\": null", false },
    { "\"held\": {\"tokens\": 5, \"cost\": 6}", "\"held\": 5", false },
    { "\"held\": {\"tokens\": 5,", "\"held\": {", false },
    { "\"held\": {\"tokens\": 5,", "\"held\": {\"tokens\": null,", false },
    { "\"held\": {\"tokens\": 5,", "\"held\": {\"tokens\": -5,", false },
    { "\"held\": {\"tokens\": 5,", "\"held\": {\"tokens\": \"5\",", false },
    { "\"held\": {\"tokens\": 5,", "\"held\": {\"tokens\": 99999999999999999999,", false },
    { "\"billed\": null", "\"billed\": 0", false },
    { "\"billed\": null", "\"billed\": {}", false },
    { "\"billed\": null", "\"Billed\": null", false },
    { "\"2023-11-14T22:13:20Z\"", "\"yesterday\"", false },
};

static const char good_ledger[] =
    "{\"calls\": [{\"id\": \"" ID "\", \"key\": \"k\", \"what\": \"look\", \"index\": null, "
    "\"service\": \"openai\", \"model\": \"m\", \"kept\": false, "
    "\"held\": {\"tokens\": 5, \"cost\": 6}, \"billed\": null, "
    "\"original\": {\"tokens\": 0, \"cost\": 0}, \"usage\": null, "
    "\"asked_at\": \"2023-11-14T22:13:20Z\", \"answered_at\": null}]}";

// Gives the text with `good` replaced.
static char *spoilt(const char *text, const char *good, const char *bad)
{
    const char *at = strstr(text, good);
    ck_assert_msg(at != NULL, "%s", good);
    return xasprintf("%.*s%s%s", (int)(at - text), text, bad, at + strlen(good));
}

static void expect_damaged(int r, const struct err *err, const char *text)
{
    ck_assert_msg(r < 0, "believed: %s", text);
    ck_assert_int_eq((int)err->class, ERR_INPUT);
    ck_assert_msg(strcmp(err->id, "bad_ledger") == 0 || strcmp(err->id, "bad_json") == 0, "%s",
                  err->id);
}

START_TEST(a_damaged_ledger_is_told_and_never_taken_for_less)
{
    struct err err = ERR_INIT;
    cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
    cleanup(free_ptr) char *text = spoilt(good_ledger, calls[_i].good, calls[_i].bad);
    folder_put(&folder, BATCH_LEDGER, text);
    int r = ledger_load(folder.fd, &ledger, &err);
    if (calls[_i].is_read)
        ck_assert_msg(r == 0 && ledger.count == 1 && ledger.calls[0].held_cost == 6, "%s",
                      err.text);
    else
        expect_damaged(r, &err, text);
    ck_assert(r == 0 || ledger.count == 0);
}
END_TEST

START_TEST(a_ledger_that_was_cut_off_anywhere_is_told)
{
    for (size_t size = 0; size < strlen(good_ledger); size++) {
        struct err err = ERR_INIT;
        cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
        cleanup(free_ptr) char *text = xstrndup(good_ledger, size);
        folder_put(&folder, BATCH_LEDGER, text);
        expect_damaged(ledger_load(folder.fd, &ledger, &err), &err, text);
    }
}
END_TEST

START_TEST(as_many_calls_are_read_as_may_be_asked)
{
    for (size_t more = 0; more < 2; more++) {
        struct err err = ERR_INIT;
        cleanup(ledger_release) struct ledger before = LEDGER_INIT, after = LEDGER_INIT;
        for (size_t i = 0; i < LEDGER_MAX_CALLS + more; i++)
            (void)add(&before, 'a');
        save(&before);
        int r = ledger_load(folder.fd, &after, &err);
        ck_assert_msg(r == 0 ? more == 0 && after.count == before.count : more == 1, "%s",
                      err.text);
    }
}
END_TEST

// ---- a day

START_TEST(what_was_written_of_a_day_is_read_again)
{
    static struct ledger_day before, after;
    before = (struct ledger_day){ .day = 19675, .used_tokens = UINT64_MAX, .used_cost = 12 };
    for (size_t i = 0; i < LEDGER_MAX_OPEN; i++) {
        struct ledger_open *open = &before.open[before.open_count++];
        (void)snprintf(open->id, sizeof open->id, "%032zx", i);
        open->tokens = i, open->cost = 2 * i, open->asked_at = 1700000000 + (time_t)i;
    }
    cleanup(close_fd) int fd = open_ledger();
    ck_assert_int_eq(ledger_save_day(fd, &before, NULL), 0);
    ck_assert_int_eq(ledger_load_day(fd, &after, NULL), 0);
    ck_assert_int_eq(after.day, before.day);
    ck_assert_uint_eq(after.used_tokens, UINT64_MAX);
    ck_assert_uint_eq(after.used_cost, 12);
    ck_assert_uint_eq(after.open_count, LEDGER_MAX_OPEN);
    for (size_t i = 0; i < LEDGER_MAX_OPEN; i++) {
        ck_assert_str_eq(before.open[i].id, after.open[i].id);
        ck_assert_uint_eq(before.open[i].tokens, after.open[i].tokens);
        ck_assert_uint_eq(before.open[i].cost, after.open[i].cost);
        ck_assert_int_eq(before.open[i].asked_at, after.open[i].asked_at);
    }
}
END_TEST

static const char good_day[] =
    "{\"day\": 19675, \"used\": {\"tokens\": 5, \"cost\": 6}, \"open\": [{\"id\": \"" ID "\", "
    "\"held\": {\"tokens\": 7, \"cost\": 8}, \"asked_at\": \"2023-11-14T22:13:20Z\"}]}";

static const struct {
    const char *good, *bad;
    bool is_read;
} days[] = {
    { "", "", true },
    { "\"day\": 19675, ", "", false },
    { "\"day\": 19675", "\"day\": null", false },
    { "\"day\": 19675", "\"day\": -1", false },
    { "\"day\": 19675", "\"day\": \"today\"", false },
    { "\"used\": {", "\"Used\": {", false },
    { "\"used\": {\"tokens\": 5,", "\"used\": {", false },
    { "\"used\": {\"tokens\": 5,", "\"used\": {\"tokens\": -5,", false },
    { "\"open\"", "\"Open\"", false },
    { "\"open\": [", "\"open\": [1, ", false },
    { "\"" ID "\"", "\"\"", false },
    { "\"held\"", "\"Held\"", false },
    { "\"cost\": 8", "\"cost\": true", false },
    { "\"2023-11-14T22:13:20Z\"", "12", false },
    { "]}", "]", false },
};

START_TEST(a_damaged_day_is_told_and_never_taken_for_less)
{
    struct err err = ERR_INIT;
    struct ledger_day day;
    cleanup(close_fd) int fd = open_ledger();
    cleanup(free_ptr) char *text = spoilt(good_day, days[_i].good, days[_i].bad);
    folder_put(&folder, "ledger/day.json", text);
    int r = ledger_load_day(fd, &day, &err);
    if (days[_i].is_read)
        ck_assert_msg(r == 0 && day.used_cost == 6 && day.open_count == 1, "%s", err.text);
    else
        expect_damaged(r, &err, text);
}
END_TEST

START_TEST(more_open_calls_than_there_is_room_for_are_damage)
{
    struct err err = ERR_INIT;
    struct ledger_day day;
    cleanup(close_fd) int fd = open_ledger();
    cleanup(json_free) json_t *json = json_loads(good_day, 0, NULL);
    json_t *open = json_object_get(json, "open");
    while (json_array_size(open) <= LEDGER_MAX_OPEN)
        json_array_append_new(open, json_deep_copy(json_array_get(open, 0)));
    cleanup(free_ptr) char *text = json_dumps(json, 0);
    folder_put(&folder, "ledger/day.json", text);
    expect_damaged(ledger_load_day(fd, &day, &err), &err, "1001 calls");
}
END_TEST

// ---- the folder

START_TEST(the_folder_is_made_once_and_for_the_service_alone)
{
    struct stat st;
    for (int i = 0; i < 2; i++) {
        cleanup(close_fd) int fd = open_ledger();
        ck_assert_int_eq(fstat(fd, &st), 0);
        ck_assert_uint_eq(st.st_mode & 0777, 0700);
    }
    cleanup(free_ptr) char *names = folder_names(&folder, ".");
    ck_assert_str_eq(names, "ledger");
}
END_TEST

START_TEST(what_is_no_folder_is_not_used)
{
    struct err err = ERR_INIT;
    cleanup(free_ptr) char *nowhere = xasprintf("%s/not/there", folder.path);
    ck_assert_int_eq(ledger_open_folder(nowhere, &err), -ENOENT);
    ck_assert_msg(strstr(err.text, nowhere) != NULL, "%s", err.text);
    ck_assert_int_eq(symlinkat("/tmp", folder.fd, "ledger"), 0);
    ck_assert_int_lt(ledger_open_folder(folder.path, NULL), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ledger");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_call_is_found_by_its_id_and_dropped_from_anywhere);
    tcase_add_test(tcase, where_there_is_no_file_nothing_was_asked);
    tcase_add_test(tcase, what_was_written_of_a_batch_is_read_again);
    tcase_add_loop_test(tcase, a_damaged_ledger_is_told_and_never_taken_for_less, 0,
                        (int)ARRAY_LEN(calls));
    tcase_add_test(tcase, a_ledger_that_was_cut_off_anywhere_is_told);
    tcase_add_test(tcase, as_many_calls_are_read_as_may_be_asked);
    tcase_add_test(tcase, what_was_written_of_a_day_is_read_again);
    tcase_add_loop_test(tcase, a_damaged_day_is_told_and_never_taken_for_less, 0,
                        (int)ARRAY_LEN(days));
    tcase_add_test(tcase, more_open_calls_than_there_is_room_for_are_damage);
    tcase_add_test(tcase, the_folder_is_made_once_and_for_the_service_alone);
    tcase_add_test(tcase, what_is_no_folder_is_not_used);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
