// What people are told that models cost: sums that are the ledger's, and no saving that is not.
#include "model/budget.h"
#include "spool/batch.h"
#include "spool/receipt.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>

static struct ledger ledger;

static void set_up(void)
{
    ledger = (struct ledger)LEDGER_INIT;
}

static void tear_down(void)
{
    ledger_release(&ledger);
}

static struct ledger_call *add(const char *what, int index)
{
    struct ledger_call *call = ledger_add(&ledger);
    (void)snprintf(call->id, sizeof call->id, "%032zu", ledger.count);
    call->key = xstrdup("key");
    call->what = xstrdup(what);
    call->service = xstrdup("dashscope");
    call->model = xstrdup("qwen3-vl-plus");
    call->index = index;
    return call;
}

static void estimate(struct ledger_call *call, uint64_t original, uint64_t held)
{
    call->original_tokens = original;
    call->held_tokens = held;
    call->held_cost = held * 1000; // a millionth of the unit a token
}

static void bill(struct ledger_call *call, uint64_t tokens)
{
    call->billed = true;
    call->billed_tokens = tokens;
    call->billed_cost = call->held_cost > 0 ? tokens * 1000 : 0;
}

static json_t *receipt(void)
{
    return receipt_to_json(&ledger, "CNY");
}

static double number(const json_t *json, const char *key)
{
    return json_number(json, key, -1e30, 1e30, NAN, NULL);
}

static json_int_t count(const json_t *json, const char *key)
{
    return json_integer_value(json_object_get(json, key));
}

static void assert_null(const json_t *json, const char *key)
{
    ck_assert_msg(json_is_null(json_object_get(json, key)), "%s is not null", key);
}

// ---- sums

START_TEST(who_asked_nobody_has_no_receipt)
{
    cleanup(json_free) json_t *json = receipt();
    ck_assert(json_is_null(json));
}
END_TEST

START_TEST(what_was_billed_is_what_was_used)
{
    struct ledger_call *look = add("look", 1);
    estimate(look, 10000, 8000);
    bill(look, 7000);
    look = add("clips", STEP_BATCH);
    estimate(look, 2000, 2000);
    bill(look, 500);
    cleanup(json_free) json_t *json = receipt();
    ck_assert_int_eq(count(json, "tokens_estimated_original"), 12000);
    ck_assert_int_eq(count(json, "tokens_estimated_proxy"), 10000);
    ck_assert_int_eq(count(json, "tokens_used"), 7500);
    ck_assert_double_eq(number(json, "savings"), 0.1667);
    ck_assert_double_eq(number(json, "cost"), 0.0075);
    ck_assert_double_eq(number(json, "cost_at_most"), 0.0075);
    ck_assert_str_eq(json_text(json, "currency", "", NULL), "CNY");
    const json_t *calls = json_object_get(json, "calls"), *first = json_array_get(calls, 0);
    ck_assert_uint_eq(json_array_size(calls), 2);
    ck_assert_str_eq(json_text(first, "what", "", NULL), "look");
    ck_assert_str_eq(json_text(first, "model", "", NULL), "qwen3-vl-plus");
    ck_assert_int_eq(count(first, "index"), 1);
    ck_assert_int_eq(count(first, "tokens"), 7000);
    ck_assert_double_eq(number(first, "cost"), 0.007);
    assert_null(json_array_get(calls, 1), "index");
}
END_TEST

START_TEST(a_call_whose_answer_never_came_may_have_cost_all_that_is_held)
{
    struct ledger_call *call = add("look", 0);
    estimate(call, 10000, 8000);
    call = add("look", 0); // asked again
    estimate(call, 10000, 8000);
    bill(call, 7000);
    cleanup(json_free) json_t *json = receipt();
    // The question is one, and estimated once.
    ck_assert_int_eq(count(json, "tokens_estimated_proxy"), 8000);
    ck_assert_int_eq(count(json, "tokens_used"), 7000);
    ck_assert_double_eq(number(json, "cost"), 0.007);
    ck_assert_double_eq(number(json, "cost_at_most"), 0.015);
    const json_t *lost = json_array_get(json_object_get(json, "calls"), 0);
    assert_null(lost, "tokens");
    assert_null(lost, "cost");
}
END_TEST

START_TEST(what_was_kept_costs_nothing_and_is_estimated_all_the_same)
{
    struct ledger_call *call = add("look", 0);
    estimate(call, 10000, 8000);
    call->kept = true;
    cleanup(json_free) json_t *json = receipt();
    ck_assert_int_eq(count(json, "tokens_estimated_original"), 10000);
    ck_assert_int_eq(count(json, "tokens_used"), 0);
    ck_assert_double_eq(number(json, "cost"), 0);
    ck_assert_double_eq(number(json, "cost_at_most"), 0);
    const json_t *kept = json_array_get(json_object_get(json, "calls"), 0);
    ck_assert(json_is_true(json_object_get(kept, "kept")));
    ck_assert_double_eq(number(kept, "cost"), 0);
}
END_TEST

START_TEST(without_a_price_no_cost_is_told_instead_of_none)
{
    struct ledger_call *call = add("look", 0);
    estimate(call, 10000, 8000);
    call->held_cost = 0;
    bill(call, 7000);
    cleanup(json_free) json_t *json = receipt();
    ck_assert_int_eq(count(json, "tokens_used"), 7000);
    assert_null(json, "cost");
    assert_null(json, "cost_at_most");
    assert_null(json_array_get(json_object_get(json, "calls"), 0), "cost");
}
END_TEST

static const struct {
    const char *name;
    uint64_t original, held;
    double savings; // NAN: null
} comparisons[] = {
    { "less was sent", 10000, 2500, 0.75 },
    { "as much", 10000, 10000, 0 },
    { "pictures that are dearer than the video", 10000, 12000, 0 },
    { "sound, which has no tokens", 0, 0, NAN },
    { "more than can be counted", UINT64_MAX, UINT64_MAX, 0 },
};

START_TEST(a_saving_is_a_part_of_what_the_originals_would_have_been)
{
    struct ledger_call *call = add("look", 0);
    estimate(call, comparisons[_i].original, comparisons[_i].held);
    bill(call, 1);
    cleanup(json_free) json_t *json = receipt();
    if (isnan(comparisons[_i].savings))
        assert_null(json, "savings");
    else
        ck_assert_msg(number(json, "savings") == comparisons[_i].savings, "%s: %f",
                      comparisons[_i].name, number(json, "savings"));
}
END_TEST

START_TEST(sums_without_end_stay_numbers)
{
    for (int i = 0; i < 3; i++) {
        struct ledger_call *call = add("look", 0);
        estimate(call, UINT64_MAX, UINT64_MAX);
        call->held_cost = UINT64_MAX;
        call->billed = i > 0;
        call->billed_tokens = call->billed_cost = UINT64_MAX;
    }
    cleanup(json_free) json_t *json = receipt();
    ck_assert_int_eq(count(json, "tokens_used"), INT64_MAX);
    ck_assert(isfinite(number(json, "cost")));
}
END_TEST

START_TEST(so_many_calls_are_listed_and_all_are_counted)
{
    for (int i = 0; i < RECEIPT_MAX_CALLS + 5; i++) {
        struct ledger_call *call = add("look", 0);
        estimate(call, 10, 10);
        bill(call, 10);
    }
    cleanup(json_free) json_t *json = receipt();
    ck_assert_uint_eq(json_array_size(json_object_get(json, "calls")), RECEIPT_MAX_CALLS);
    ck_assert_int_eq(count(json, "tokens_used"), 10 * (RECEIPT_MAX_CALLS + 5));
}
END_TEST

// ---- files

START_TEST(the_receipt_of_a_batch_is_that_of_its_ledger_or_an_error)
{
    struct folder folder;
    struct err err = ERR_INIT;
    json_t *json = NULL;
    folder_make(&folder);
    ck_assert_int_eq(receipt_read(folder.fd, NULL, &json, &err), 0);
    ck_assert(json_is_null(json));
    json_free(&json);
    bill(add("look", 0), 7);
    ck_assert_int_eq(ledger_save(folder.fd, &ledger, &err), 0);
    ck_assert_int_eq(receipt_read(folder.fd, NULL, &json, &err), 0);
    ck_assert_int_eq(count(json, "tokens_used"), 7);
    assert_null(json, "currency");
    json_free(&json);
    folder_put(&folder, BATCH_LEDGER, "{\"calls\":[{\"id\":7}]}");
    ck_assert_int_lt(receipt_read(folder.fd, NULL, &json, &err), 0);
    ck_assert_str_eq(err.id, "bad_ledger");
    ck_assert_ptr_null(json);
    folder_remove(&folder);
}
END_TEST

// ---- the example of docs/MODELS.md

static const struct {
    const char *proxy; // as the page says
    struct tokens_video sent;
    uint64_t max_pixels;
    const char *pixels; // likewise
} examples[] = {
    { "1280x720", { 1280, 720, 900, 15 }, 230400, "230,400" },
    { "854x480", { 854, 480, 600, 10 }, 230400, "230,400" },
    { "1280x720", { 1280, 720, 900, 15 }, 655360, "655,360" },
    { "854x480", { 854, 480, 600, 10 }, 655360, "655,360" },
};

static char *contents(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s cannot be read; tests run in the top folder", path);
    ck_assert_int_gt(getdelim(&text, &size, '\0', file), 0);
    (void)fclose(file);
    return text;
}

static char *thousands(json_int_t value)
{
    return value < 1000
               ? xasprintf("%lld", (long long)value)
               : xasprintf("%lld,%03lld", (long long)value / 1000, (long long)value % 1000);
}

// A minute of 1080p at a picture a second, with a prompt of 600 tokens and an answer of up to 4096.
static void ask_example(const struct tokens_video *sent, uint64_t max_pixels)
{
    const struct budget_price price = { .input = 0.2, .output = 1.6, .margin = 1.25 };
    const struct budget_sum room = { BUDGET_UNLIMITED, BUDGET_UNLIMITED };
    const struct budget_wish wish = {
        .rules = tokens_rules_of("qwen3-vl-plus"),
        .price = &price,
        .input = BUDGET_VIDEO,
        .original = { 1920, 1080, 1800, 30 },
        .sent = *sent,
        .fps = 1,
        .least_fps = 1,
        .max_pixels = max_pixels,
        .prompt_tokens = 600,
        .answer_tokens = 4096,
    };
    struct budget_offer offer;
    budget_choose(&wish, &room, &offer);
    struct ledger_call *call = add("look", 0);
    call->original_tokens = offer.original.tokens;
    call->held_tokens = offer.sent.tokens;
    call->held_cost = offer.sent.cost;
    bill(call, 1);
}

START_TEST(the_example_of_the_page_is_what_the_formula_says)
{
    cleanup(free_ptr) char *page = contents("docs/MODELS.md");
    ask_example(&examples[_i].sent, examples[_i].max_pixels);
    cleanup(json_free) json_t *json = receipt();
    cleanup(free_ptr) char *original = thousands(count(json, "tokens_estimated_original"));
    cleanup(free_ptr) char *proxy = thousands(count(json, "tokens_estimated_proxy"));
    cleanup(free_ptr) char *row =
        xasprintf("| %s | %s | %s | %s | %g |\n", examples[_i].proxy, examples[_i].pixels, original,
                  proxy, number(json, "savings"));
    ck_assert_msg(strstr(page, row) != NULL, "docs/MODELS.md has no row %s", row);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("receipt");
    TCase *tcase = tcase_create("receipt");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, who_asked_nobody_has_no_receipt);
    tcase_add_test(tcase, what_was_billed_is_what_was_used);
    tcase_add_test(tcase, a_call_whose_answer_never_came_may_have_cost_all_that_is_held);
    tcase_add_test(tcase, what_was_kept_costs_nothing_and_is_estimated_all_the_same);
    tcase_add_test(tcase, without_a_price_no_cost_is_told_instead_of_none);
    tcase_add_loop_test(tcase, a_saving_is_a_part_of_what_the_originals_would_have_been, 0,
                        (int)ARRAY_LEN(comparisons));
    tcase_add_test(tcase, sums_without_end_stay_numbers);
    tcase_add_test(tcase, so_many_calls_are_listed_and_all_are_counted);
    tcase_add_test(tcase, the_receipt_of_a_batch_is_that_of_its_ledger_or_an_error);
    tcase_add_loop_test(tcase, the_example_of_the_page_is_what_the_formula_says, 0,
                        (int)ARRAY_LEN(examples));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
