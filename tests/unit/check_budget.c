// Bills, accounts, and a thousand random batches that never pass their budget.
#include "model/budget.h"

#include "tests/support/invented.h"
#include <check.h>
#include <math.h>

#define NONE BUDGET_UNLIMITED

static const struct {
    const char *name;
    struct budget_price price;
    uint64_t input, output;
    double seconds;
    uint64_t cost;
} bills[] = {
    { "a million each", { .input = 3, .output = 9 }, 1000000, 1000000, 0, 12000000000 },
    { "one token", { .input = 0.8 }, 1, 0, 0, 800 },
    { "part of a billionth is one", { .input = 0.0001 }, 1, 0, 0, 1 },
    { "sound", { .second = 0.00008 }, 0, 0, 61, 4880000 },
    { "free", { 0 }, 5000, 5000, 100, 0 },
    { "a negative price", { .input = -1, .output = 100 }, 5, 5, 0, UINT64_MAX },
    { "a price that is no number", { .output = NAN }, 5, 5, 0, UINT64_MAX },
    { "beyond 64 bits", { .input = 1e12 }, UINT64_MAX / 2, 0, 0, UINT64_MAX },
};

START_TEST(a_bill_is_tokens_and_seconds_at_their_price)
{
    struct budget_sum bill =
        budget_bill(&bills[_i].price, bills[_i].input, bills[_i].output, bills[_i].seconds);
    ck_assert_msg(bill.cost == bills[_i].cost, "%s: %lu", bills[_i].name, (unsigned long)bill.cost);
    ck_assert(bill.tokens == bills[_i].input + bills[_i].output);
}
END_TEST

static const struct {
    double units;
    uint64_t amount;
} amounts[] = {
    { 1, 1000000000 }, { 0.1, 100000000 }, { 0, 0 },        { -5, 0 },
    { NAN, 0 },        { INFINITY, NONE }, { 1e300, NONE }, { 1e-12, 0 },
};

START_TEST(an_amount_is_whole_billionths)
{
    ck_assert(budget_amount(amounts[_i].units) == amounts[_i].amount);
}
END_TEST

START_TEST(what_is_held_is_not_there_for_others_and_what_is_billed_stays)
{
    struct budget_account accounts[] = { { .limit = { 100, NONE } }, { .limit = { NONE, 50 } } };
    struct err err = ERR_INIT;
    struct budget_sum call = { 60, 30 }, billed = { 10, 20 }, room;
    ck_assert_int_eq(budget_hold(accounts, 2, &call, &err), 0);
    ck_assert_int_lt(budget_hold(accounts, 2, &call, &err), 0);
    ck_assert_str_eq(err.id, "over_budget");
    room = budget_room(accounts, 2);
    ck_assert(room.tokens == 40 && room.cost == 20);
    budget_settle(accounts, 2, &call, &billed);
    room = budget_room(accounts, 2);
    ck_assert(room.tokens == 90 && room.cost == 30);
    ck_assert_int_eq(budget_hold(accounts, 2, &call, NULL), 0);
    budget_settle(accounts, 2, &call, &(struct budget_sum){ 0 });
    ck_assert(budget_room(accounts, 2).tokens == 90);
}
END_TEST

START_TEST(nothing_is_held_anywhere_if_one_account_has_no_room)
{
    struct budget_account accounts[] = { { .limit = { 100, 100 } }, { .limit = { 5, 100 } } };
    ck_assert_int_lt(budget_hold(accounts, 2, &(struct budget_sum){ 6, 0 }, NULL), 0);
    ck_assert(accounts[0].held.tokens == 0 && accounts[1].held.tokens == 0);
}
END_TEST

START_TEST(a_service_that_bills_more_than_was_held_ends_it)
{
    struct budget_account account = { .limit = { 100, 100 } };
    struct budget_sum call = { 50, 50 };
    ck_assert_int_eq(budget_hold(&account, 1, &call, NULL), 0);
    budget_settle(&account, 1, &call, &(struct budget_sum){ 120, UINT64_MAX });
    ck_assert(budget_room(&account, 1).tokens == 0 && budget_room(&account, 1).cost == 0);
    ck_assert_int_lt(budget_hold(&account, 1, &(struct budget_sum){ 1, 0 }, NULL), 0);
}
END_TEST

static const struct {
    int64_t used_on, day, becomes;
    bool fresh;
} turns[] = {
    { 100, 100, 100, false }, { 100, 101, 101, true },  { 100, 99, 100, false },
    { 100, 98, 98, true },    { 9000, 100, 100, true },
};

START_TEST(a_day_begins_once)
{
    struct budget_account account = { .used = { 7, 7 }, .held = { 3, 3 } };
    int64_t day = turns[_i].used_on;
    budget_turn(&account, &day, turns[_i].day);
    ck_assert_int_eq(day, turns[_i].becomes);
    ck_assert_int_eq(account.used.tokens == 0, turns[_i].fresh);
    ck_assert_uint_eq(account.held.tokens, 3);
}
END_TEST

START_TEST(what_is_shared_leaves_what_is_kept_aside)
{
    struct budget_sum room = { 1000, NONE }, aside = { 100, 50 };
    struct budget_sum share = budget_share(&room, &aside, 3);
    ck_assert(share.tokens == 300 && share.cost == NONE);
    aside.tokens = 2000;
    ck_assert(budget_share(&room, &aside, 3).tokens == 0);
    ck_assert(budget_share(&room, &(struct budget_sum){ 0 }, 0).tokens == 1000);
}
END_TEST

// ---- what to send

static const struct budget_price cheap = { .input = 1, .output = 2, .margin = 1 };

// A minute of 1080p; the proxy has 640x360.
static struct budget_wish minute(enum budget_input input)
{
    return (struct budget_wish){ .rules = tokens_rules_of("qwen-vl-max"),
                                 .price = &cheap,
                                 .input = input,
                                 .original = { 1920, 1080, 1800, 30 },
                                 .sent = { 640, 360, 1800, 30 },
                                 .fps = 2,
                                 .least_fps = 0.5,
                                 .frames = 120,
                                 .least_frames = 10,
                                 .answer_tokens = 500 };
}

static const struct {
    const char *name;
    enum budget_input input;
    uint64_t tokens, cost; // of the room
    enum budget_step step;
    double fps;
    unsigned frames;
    uint64_t sent; // tokens
} choices[] = {
    { "no limit", BUDGET_VIDEO, NONE, NONE, BUDGET_AS_WISHED, 2, 120, 13702 },
    { "to the token", BUDGET_VIDEO, 13702, NONE, BUDGET_AS_WISHED, 2, 120, 13702 },
    { "a token less", BUDGET_VIDEO, 13701, NONE, BUDGET_LOWER_FPS, 1.7, 102, 11722 },
    { "to the billionth", BUDGET_VIDEO, NONE, 14202000, BUDGET_AS_WISHED, 2, 120, 13702 },
    { "a billionth less", BUDGET_VIDEO, NONE, 14201999, BUDGET_LOWER_FPS, 1.7, 102, 11722 },
    { "the least", BUDGET_VIDEO, 3802, NONE, BUDGET_LOWER_FPS, 0.5, 30, 3802 },
    { "less than the least", BUDGET_VIDEO, 3801, NONE, BUDGET_LOCAL, 0.5, 30, 3802 },
    { "nothing", BUDGET_VIDEO, 0, NONE, BUDGET_LOCAL, 0.5, 30, 3802 },
    { "all frames", BUDGET_FRAMES, NONE, NONE, BUDGET_AS_WISHED, 0, 120, 13702 },
    { "fewer frames", BUDGET_FRAMES, 13000, NONE, BUDGET_FEWER_FRAMES, 0, 108, 12382 },
    { "few frames", BUDGET_FRAMES, 1602, NONE, BUDGET_FEWER_FRAMES, 0, 10, 1602 },
    { "too few frames", BUDGET_FRAMES, 1601, NONE, BUDGET_LOCAL, 0, 10, 1602 },
};

START_TEST(the_most_that_fits_is_sent)
{
    struct budget_wish wish = minute(choices[_i].input);
    struct budget_sum room = { choices[_i].tokens, choices[_i].cost };
    struct budget_offer offer;
    budget_choose(&wish, &room, &offer);
    ck_assert_msg(offer.step == choices[_i].step && offer.sent.tokens == choices[_i].sent &&
                      offer.frames == choices[_i].frames,
                  "%s: step %d, %u frames, %lu tokens", choices[_i].name, offer.step, offer.frames,
                  (unsigned long)offer.sent.tokens);
    ck_assert(fabs(offer.fps - choices[_i].fps) < 1e-9);
    ck_assert_int_eq(offer.why[0] != 0, offer.step != BUDGET_AS_WISHED);
}
END_TEST

static const struct {
    const char *name;
    double fps, least_fps;
    unsigned frames, least_frames;
    enum budget_input input;
    uint64_t tokens; // of the room
    enum budget_step step;
    double becomes_fps;
    unsigned becomes_frames;
} edges[] = {
    { "no least rate", 2, 0, 0, 0, BUDGET_VIDEO, 1170, BUDGET_LOWER_FPS, 0.1, 6 },
    { "no least rate, too little", 2, 0, 0, 0, BUDGET_VIDEO, 1000, BUDGET_LOCAL, 0.1, 6 },
    { "no rate", 0, 0, 0, 0, BUDGET_VIDEO, NONE, BUDGET_LOCAL, 0, 120 },
    { "no least number", 0, 0, 9, 0, BUDGET_FRAMES, 800, BUDGET_FEWER_FRAMES, 0, 1 },
    { "three are pictures", 0, 0, 3, 0, BUDGET_FRAMES, NONE, BUDGET_AS_WISHED, 0, 3 },
    { "no frames", 0, 0, 0, 0, BUDGET_FRAMES, NONE, BUDGET_LOCAL, 0, 0 },
    { "fewer than the least", 0, 0, 5, 9, BUDGET_FRAMES, 10, BUDGET_LOCAL, 0, 5 },
};

START_TEST(nothing_is_asked_that_is_no_look)
{
    struct budget_wish wish = minute(edges[_i].input);
    struct budget_offer offer;
    wish.fps = edges[_i].fps;
    wish.least_fps = edges[_i].least_fps;
    wish.frames = edges[_i].frames;
    wish.least_frames = edges[_i].least_frames;
    budget_choose(&wish, &(struct budget_sum){ edges[_i].tokens, NONE }, &offer);
    ck_assert_msg(offer.step == edges[_i].step && offer.frames == edges[_i].becomes_frames &&
                      fabs(offer.fps - edges[_i].becomes_fps) < 1e-9,
                  "%s: step %d, %u frames, fps %g, %lu tokens", edges[_i].name, offer.step,
                  offer.frames, offer.fps, (unsigned long)offer.sent.tokens);
}
END_TEST

START_TEST(a_list_too_short_for_a_video_is_counted_as_pictures)
{
    struct budget_wish wish = minute(BUDGET_FRAMES);
    struct budget_offer offer;
    wish.frames = 3;
    budget_choose(&wish, &(struct budget_sum){ NONE, NONE }, &offer);
    ck_assert_uint_eq(offer.sent.tokens, 3 * (20 * 11 + 2) + 500);
}
END_TEST

START_TEST(why_less_is_sent_is_said_with_numbers)
{
    struct budget_wish wish = minute(BUDGET_VIDEO);
    struct budget_offer offer;
    budget_choose(&wish, &(struct budget_sum){ 12000, NONE }, &offer);
    ck_assert_str_eq(offer.why, "1.70 pictures a second instead of 2.00: it would be up to 13702 "
                                "tokens, and the budget has 12000");
    budget_choose(&wish, &(struct budget_sum){ NONE, 0 }, &offer);
    ck_assert_str_eq(offer.why,
                     "nothing is sent: it would be up to 0.0142, and the budget has 0.0000");
}
END_TEST

START_TEST(the_saving_is_against_the_original_at_the_same_rate_and_pixels)
{
    struct budget_wish wish = minute(BUDGET_VIDEO);
    struct budget_sum room = { NONE, NONE };
    struct budget_offer offer;
    budget_choose(&wish, &room, &offer);
    ck_assert_uint_eq(offer.original.tokens, 35642 + 500);
    // Encoded again at a size that is fitted into the same pixels: nothing is saved.
    wish.sent = (struct tokens_video){ 1280, 720, 1800, 30 };
    budget_choose(&wish, &room, &offer);
    ck_assert_uint_eq(offer.original.tokens, offer.sent.tokens);
    // Asking for fewer pixels does not make the file's saving greater.
    wish.max_pixels = 640 * 352;
    wish.sent = (struct tokens_video){ 640, 360, 1800, 30 };
    budget_choose(&wish, &room, &offer);
    ck_assert_uint_le(offer.original.tokens, offer.sent.tokens);
    wish = minute(BUDGET_FRAMES);
    budget_choose(&wish, &room, &offer);
    ck_assert_uint_le(offer.original.tokens, offer.sent.tokens);
}
END_TEST

START_TEST(of_a_model_whose_arithmetic_is_not_known_no_saving_is_told)
{
    const enum budget_input inputs[] = { BUDGET_VIDEO, BUDGET_FRAMES };
    struct budget_sum room = { NONE, NONE };
    for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
        struct budget_wish wish = minute(inputs[i]);
        struct budget_offer offer;
        wish.rules = NULL;
        wish.sent.width = 640;
        wish.sent.height = 360;
        budget_choose(&wish, &room, &offer);
        ck_assert_uint_gt(offer.sent.tokens, 0);
        ck_assert_uint_eq(offer.original.tokens, offer.sent.tokens);
        ck_assert_uint_eq(offer.original.cost, offer.sent.cost);
    }
}
END_TEST

START_TEST(a_service_that_counts_pictures_is_asked_for_as_many_as_fit)
{
    struct budget_price price = { .input = 1, .frame_tokens = 85 };
    struct budget_wish wish = minute(BUDGET_FRAMES);
    struct budget_offer offer;
    wish.price = &price;
    wish.rules = NULL;
    budget_choose(&wish, &(struct budget_sum){ NONE, NONE }, &offer);
    ck_assert_uint_eq(offer.sent.tokens, 120 * 85 + 500);
    budget_choose(&wish, &(struct budget_sum){ 5000, NONE }, &offer);
    ck_assert_int_eq(offer.step, BUDGET_FEWER_FRAMES);
    ck_assert(offer.sent.tokens <= 5000 && offer.frames >= 40);
    // Nobody said what a picture costs: it is not taken for free.
    price.frame_tokens = 0;
    budget_choose(&wish, &(struct budget_sum){ NONE, NONE }, &offer);
    ck_assert_uint_gt(offer.sent.tokens, 120 * 200);
}
END_TEST

// ---- a thousand batches

static uint64_t seed;

static double between(double low, double high)
{
    return invent_number(&seed, low, high);
}

static bool chance(double of_one)
{
    return between(0, 1) < of_one;
}

static struct budget_price random_price(void)
{
    return (struct budget_price){ .input = chance(0.1) ? 0 : pow(10, between(-2, 2)),
                                  .output = chance(0.1) ? 0 : pow(10, between(-2, 2)),
                                  .margin = chance(0.3) ? 0 : between(1, 1.5),
                                  .frame_tokens = chance(0.3) ? (unsigned)between(50, 3000) : 0 };
}

static struct budget_wish random_wish(const struct budget_price *price)
{
    static const char *const names[] = { "qwen-vl-max", "qwen3-vl-plus", "qwen2.5-vl", "other" };
    double seconds = pow(10, between(0, 3.6)), fps = between(10, 60);
    struct budget_wish wish = {
        .rules = tokens_rules_of(names[(int)between(0, 4)]),
        .price = price,
        .input = chance(0.5) ? BUDGET_VIDEO : BUDGET_FRAMES,
        .original = { (unsigned)between(16, 4000), (unsigned)between(16, 4000),
                      floor(seconds * fps), fps },
        .fps = between(0.5, 4),
        .frames = (unsigned)between(1, 400),
        .max_pixels = chance(0.5) ? (uint64_t)between(1000, 1e6) : 0,
        .prompt_tokens = (uint64_t)between(0, 8000),
        .answer_tokens = (uint64_t)between(1, 4000),
    };
    wish.sent = wish.original;
    wish.sent.width = wish.sent.width / 2 + 1;
    wish.sent.height = wish.sent.height / 2 + 1;
    wish.least_fps = wish.fps * between(0.02, 0.5);
    wish.least_frames = (unsigned)(wish.frames * between(0, 0.5));
    return wish;
}

// What the service makes of a call, by its own arithmetic.
static uint64_t billed_input(const struct budget_wish *wish, const struct budget_offer *offer)
{
    struct tokens_view view;
    if (wish->price->frame_tokens > 0)
        return (uint64_t)offer->frames * wish->price->frame_tokens + wish->prompt_tokens;
    if (wish->rules == NULL)
        return offer->frames * tokens_of_picture(tokens_rules_of("qwen2.5-vl"), wish->sent.width,
                                                 wish->sent.height);
    if (wish->input == BUDGET_FRAMES && offer->frames < 4)
        return offer->frames * tokens_of_picture(wish->rules, wish->sent.width, wish->sent.height) +
               wish->prompt_tokens;
    if (wish->input == BUDGET_VIDEO)
        tokens_of_video(wish->rules, &wish->sent, offer->fps, wish->max_pixels, &view);
    else
        tokens_of_frames(wish->rules, offer->frames, wish->sent.width, wish->sent.height, &view);
    return view.tokens + wish->prompt_tokens;
}

// The till: what was really paid, added up without the accounts.
struct till {
    long double tokens, money;
};

static void pay(struct till *till, const struct budget_price *price, uint64_t in, uint64_t out)
{
    till->tokens += (long double)in + (long double)out;
    till->money += ((long double)in * price->input + (long double)out * price->output) / 1e6L;
}

static void assert_within(const struct till *till, const struct budget_account *account)
{
    if (account->limit.tokens != NONE)
        ck_assert(till->tokens <= (long double)account->limit.tokens);
    if (account->limit.cost != NONE)
        ck_assert(till->money <= (long double)account->limit.cost / 1e9L);
}

struct call {
    struct budget_sum held;
    uint64_t in, out;
};

// Asks for a source.  Returns the call if one is made, held and not yet billed.
static bool begin_call(struct budget_account *accounts, const struct budget_wish *wish,
                       unsigned parts, unsigned *steps, struct call *ret)
{
    struct budget_sum room = budget_room(accounts, 2), aside = { 0 };
    struct budget_sum share = budget_share(&room, &aside, parts);
    struct budget_offer offer;
    budget_choose(wish, &share, &offer);
    steps[offer.step]++;
    if (offer.step == BUDGET_LOCAL)
        return false;
    ck_assert_int_eq(budget_hold(accounts, 2, &offer.sent, NULL), 0);
    double margin = fmax(wish->price->margin, 1);
    ret->held = offer.sent;
    ret->in = (uint64_t)((double)billed_input(wish, &offer) * between(0.5, margin));
    ret->out = (uint64_t)between(0, (double)wish->answer_tokens + 0.999);
    return true;
}

// Sources are asked for side by side, and billed in the end, or never.
static void run_batch(struct budget_account *accounts, struct till *job, struct till *day,
                      unsigned *steps)
{
    struct budget_price price = random_price();
    struct call calls[10];
    size_t count = 0;
    unsigned sources = (unsigned)between(1, 11);
    for (unsigned i = 0; i < sources; i++) {
        struct budget_wish wish = random_wish(&price);
        count += begin_call(accounts, &wish, sources - i, steps, &calls[count]);
    }
    for (size_t i = 0; i < count; i++) {
        struct budget_sum nothing = { 0 };
        bool failed = chance(0.2);
        if (!failed) {
            pay(job, &price, calls[i].in, calls[i].out);
            pay(day, &price, calls[i].in, calls[i].out);
        }
        if (!failed && chance(0.05))
            continue; // killed before the bill was written down
        struct budget_sum bill = budget_bill(&price, calls[i].in, calls[i].out, 0);
        budget_settle(accounts, 2, &calls[i].held, failed ? &nothing : &bill);
    }
}

// Between what is too little for anything and what is too much for most.
static uint64_t random_limit(double digits, double most_digits)
{
    return chance(0.2) ? NONE : (uint64_t)pow(10, between(digits, most_digits));
}

START_TEST(a_thousand_random_batches_never_pass_their_budget)
{
    unsigned steps[4] = { 0 };
    double fullest = 0, fullest_day = 0;
    struct budget_account accounts[2] = { 0 };
    struct till day = { 0 };
    int64_t account_day = 0;
    seed = 20;
    for (int batch = 0; batch < 1000; batch++) {
        struct till job = { 0 };
        if (batch % 25 == 0) { // a day of its own
            budget_turn(&accounts[1], &account_day, batch + 1000);
            accounts[1].held = (struct budget_sum){ 0 };
            accounts[1].limit = (struct budget_sum){ random_limit(5, 7), random_limit(9, 11.5) };
            day = (struct till){ 0 };
        }
        accounts[0] = (struct budget_account){
            .limit = { random_limit(3.5, 6), random_limit(7, 11) },
        };
        run_batch(accounts, &job, &day, steps);
        assert_within(&job, &accounts[0]);
        assert_within(&day, &accounts[1]);
        if (accounts[0].limit.tokens != NONE)
            fullest = fmax(fullest, (double)job.tokens / (double)accounts[0].limit.tokens);
        if (accounts[1].limit.tokens != NONE)
            fullest_day = fmax(fullest_day, (double)day.tokens / (double)accounts[1].limit.tokens);
    }
    // It was not kept by never sending anything.
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        ck_assert_msg(steps[i] >= 200, "step %zu: %u times", i, steps[i]);
    ck_assert_msg(fullest > 0.9 && fullest_day > 0.9, "%.2f %.2f", fullest, fullest_day);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("budget");
    TCase *tcase = tcase_create("budget");
    tcase_add_loop_test(tcase, a_bill_is_tokens_and_seconds_at_their_price, 0,
                        (int)ARRAY_LEN(bills));
    tcase_add_loop_test(tcase, an_amount_is_whole_billionths, 0, (int)ARRAY_LEN(amounts));
    tcase_add_test(tcase, what_is_held_is_not_there_for_others_and_what_is_billed_stays);
    tcase_add_test(tcase, nothing_is_held_anywhere_if_one_account_has_no_room);
    tcase_add_test(tcase, a_service_that_bills_more_than_was_held_ends_it);
    tcase_add_loop_test(tcase, a_day_begins_once, 0, (int)ARRAY_LEN(turns));
    tcase_add_test(tcase, what_is_shared_leaves_what_is_kept_aside);
    tcase_add_loop_test(tcase, the_most_that_fits_is_sent, 0, (int)ARRAY_LEN(choices));
    tcase_add_loop_test(tcase, nothing_is_asked_that_is_no_look, 0, (int)ARRAY_LEN(edges));
    tcase_add_test(tcase, a_list_too_short_for_a_video_is_counted_as_pictures);
    tcase_add_test(tcase, why_less_is_sent_is_said_with_numbers);
    tcase_add_test(tcase, the_saving_is_against_the_original_at_the_same_rate_and_pixels);
    tcase_add_test(tcase, of_a_model_whose_arithmetic_is_not_known_no_saving_is_told);
    tcase_add_test(tcase, a_service_that_counts_pictures_is_asked_for_as_many_as_fit);
    tcase_add_test(tcase, a_thousand_random_batches_never_pass_their_budget);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
