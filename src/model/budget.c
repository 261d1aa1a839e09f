// Budgets: bills in whole billionths, accounts that hold before they pay, the largest look that
// fits.
#include "model/budget.h"

#include <math.h>
#include <stdio.h>

static const double billionths = 1e9;

// A list that is shorter is sent as pictures, each a layer by itself (model/wire_dashscope.h); a
// lower rate is refused.
enum { LEAST_OF_LIST = 4 };
static const double lowest_fps = 0.1;

// Of a billionth: what 0.00008 times 61 is too much by.
static const double rounding = 1e-3;

// From here on a double may be beyond 64 bits.
static const double most = 0x1p63;

uint64_t budget_amount(double units)
{
    if (isinf(units) && units > 0)
        return BUDGET_UNLIMITED;
    if (!(units > 0))
        return 0;
    double amount = floor(units * billionths);
    return amount < most ? (uint64_t)amount : BUDGET_UNLIMITED;
}

static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t take(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static struct budget_sum add_sums(struct budget_sum a, struct budget_sum b)
{
    return (struct budget_sum){ add(a.tokens, b.tokens), add(a.cost, b.cost) };
}

static struct budget_sum take_sums(struct budget_sum a, struct budget_sum b)
{
    return (struct budget_sum){ take(a.tokens, b.tokens), take(a.cost, b.cost) };
}

struct budget_sum budget_bill(const struct budget_price *price, uint64_t input_tokens,
                              uint64_t output_tokens, double sound_seconds)
{
    struct budget_sum bill = { add(input_tokens, output_tokens), UINT64_MAX };
    // Prices are of a million tokens: a thousand billionths a token.
    double cost = (double)input_tokens * price->input * 1e3 +
                  (double)output_tokens * price->output * 1e3 +
                  sound_seconds * price->second * billionths;
    bool sound = price->input >= 0 && price->output >= 0 && price->second >= 0;
    if (sound && cost >= 0 && cost < most)
        bill.cost = (uint64_t)ceil(fmax(cost - rounding, 0));
    return bill;
}

// ---- accounts

bool budget_fits(const struct budget_sum *sum, const struct budget_sum *room)
{
    // An amount that could not be worked out fits nowhere, unless there is no limit.
    bool tokens = room->tokens == BUDGET_UNLIMITED || sum->tokens <= room->tokens;
    bool cost = room->cost == BUDGET_UNLIMITED || sum->cost <= room->cost;
    return tokens && cost;
}

static uint64_t left(uint64_t limit, uint64_t used, uint64_t held)
{
    return limit == BUDGET_UNLIMITED ? limit : take(take(limit, used), held);
}

struct budget_sum budget_room(const struct budget_account *accounts, size_t count)
{
    struct budget_sum room = { BUDGET_UNLIMITED, BUDGET_UNLIMITED };
    for (size_t i = 0; i < count; i++) {
        const struct budget_account *account = &accounts[i];
        uint64_t tokens = left(account->limit.tokens, account->used.tokens, account->held.tokens);
        uint64_t cost = left(account->limit.cost, account->used.cost, account->held.cost);
        room.tokens = tokens < room.tokens ? tokens : room.tokens;
        room.cost = cost < room.cost ? cost : room.cost;
    }
    return room;
}

int budget_hold(struct budget_account *accounts, size_t count, const struct budget_sum *sum,
                struct err *err)
{
    struct budget_sum room = budget_room(accounts, count);
    if (!budget_fits(sum, &room))
        return err_set(err, ERR_INPUT, "over_budget",
                       "a call of up to %.6g tokens and %.6g in money does not fit into what is "
                       "left of the budget, %.6g tokens and %.6g in money",
                       (double)sum->tokens, (double)sum->cost / billionths, (double)room.tokens,
                       (double)room.cost / billionths);
    for (size_t i = 0; i < count; i++)
        accounts[i].held = add_sums(accounts[i].held, *sum);
    return 0;
}

void budget_settle(struct budget_account *accounts, size_t count, const struct budget_sum *held,
                   const struct budget_sum *billed)
{
    for (size_t i = 0; i < count; i++) {
        accounts[i].held = take_sums(accounts[i].held, *held);
        accounts[i].used = add_sums(accounts[i].used, *billed);
    }
}

void budget_turn(struct budget_account *account, int64_t *account_day, int64_t day)
{
    if (day == *account_day || day == *account_day - 1)
        return;
    // What is held now will be billed today.
    account->used = (struct budget_sum){ 0 };
    *account_day = day;
}

static uint64_t part(uint64_t room, uint64_t aside, unsigned parts)
{
    return room == BUDGET_UNLIMITED ? room : take(room, aside) / (parts > 0 ? parts : 1);
}

struct budget_sum budget_share(const struct budget_sum *room, const struct budget_sum *aside,
                               unsigned parts)
{
    return (struct budget_sum){ part(room->tokens, aside->tokens, parts),
                                part(room->cost, aside->cost, parts) };
}

// ---- what to send of a video

static uint64_t with_margin(const struct budget_price *price, uint64_t tokens)
{
    double margin = price->margin > 1 ? price->margin : 1;
    double more = ceil((double)tokens * margin);
    return more < most ? (uint64_t)more : UINT64_MAX;
}

// A model nobody told us about is taken for one of the dearest known: squares of 28 pixels, and
// every picture by itself.
static uint64_t by_picture(const struct budget_price *price, unsigned frames, unsigned width,
                           unsigned height)
{
    uint64_t each = price->frame_tokens;
    if (each == 0)
        each = tokens_of_picture(tokens_rules_of("qwen2.5-vl"), width, height);
    return frames * each;
}

// How many pictures a model would take from a video whose arithmetic is not known.
static unsigned pictures(const struct tokens_video *video, double fps)
{
    double frames = video->fps > 0 ? video->frames / video->fps * fps : 0;
    return frames >= 1 ? (unsigned)fmin(ceil(frames), 1e6) : 1;
}

static uint64_t look_at_video(const struct budget_wish *wish, const struct tokens_video *video,
                              double fps, uint64_t max_pixels, unsigned *ret_frames)
{
    if (wish->rules == NULL || wish->price->frame_tokens > 0) {
        *ret_frames = pictures(video, fps);
        return by_picture(wish->price, *ret_frames, video->width, video->height);
    }
    struct tokens_view view;
    tokens_of_video(wish->rules, video, fps, max_pixels, &view);
    *ret_frames = view.frames;
    return view.tokens;
}

static struct budget_sum whole_call(const struct budget_wish *wish, uint64_t look_tokens)
{
    uint64_t input = with_margin(wish->price, add(look_tokens, wish->prompt_tokens));
    return budget_bill(wish->price, input, wish->answer_tokens, 0);
}

// Of a model whose arithmetic is not known no saving is known either.
static struct budget_sum original_of(const struct budget_wish *wish, double fps,
                                     uint64_t max_pixels, const struct budget_offer *offer)
{
    unsigned unused;
    if (wish->rules == NULL || wish->price->frame_tokens > 0)
        return offer->sent;
    return whole_call(wish, look_at_video(wish, &wish->original, fps, max_pixels, &unused));
}

static void offer_video(const struct budget_wish *wish, double fps, struct budget_offer *offer)
{
    offer->fps = fps;
    offer->sent =
        whole_call(wish, look_at_video(wish, &wish->sent, fps, wish->max_pixels, &offer->frames));
    offer->original = original_of(wish, fps, wish->max_pixels, offer);
}

static void offer_frames(const struct budget_wish *wish, unsigned frames,
                         struct budget_offer *offer)
{
    const struct tokens_video *picture = &wish->sent, *original = &wish->original;
    uint64_t tokens;
    if (wish->rules == NULL || wish->price->frame_tokens > 0) {
        tokens = by_picture(wish->price, frames, picture->width, picture->height);
    } else if (frames < LEAST_OF_LIST) {
        tokens = frames * tokens_of_picture(wish->rules, picture->width, picture->height);
    } else {
        struct tokens_view view;
        tokens_of_frames(wish->rules, frames, picture->width, picture->height, &view);
        tokens = view.tokens;
    }
    offer->frames = frames;
    offer->sent = whole_call(wish, tokens);
    // As many pictures of the original, of as many pixels.
    double fps = original->frames > 0 ? frames * original->fps / original->frames : 0;
    offer->original = original_of(wish, fps, (uint64_t)picture->width * picture->height, offer);
}

// Rates are said with two decimals, and worked out as they are said.
static double lower_fps(double fps, double least)
{
    double next = floor(fps * 0.85 * 100) / 100;
    return next > least ? next : least;
}

static unsigned fewer_frames(unsigned frames, unsigned least)
{
    unsigned next = (unsigned)(frames * 0.9);
    next = next < frames ? next : frames - 1;
    return next > least ? next : least;
}

static void say_why(const struct budget_wish *wish, const struct budget_sum *wished,
                    const struct budget_sum *room, struct budget_offer *offer)
{
    bool money = room->cost != BUDGET_UNLIMITED && wished->cost > room->cost;
    double asked = money ? (double)wished->cost / billionths : (double)wished->tokens;
    double have = money ? (double)room->cost / billionths : (double)room->tokens;
    char instead[80];
    if (offer->step == BUDGET_LOCAL)
        snprintf(instead, sizeof instead, "nothing is sent");
    else if (offer->step == BUDGET_LOWER_FPS)
        snprintf(instead, sizeof instead, "%.2f pictures a second instead of %.2f", offer->fps,
                 wish->fps);
    else
        snprintf(instead, sizeof instead, "%u pictures instead of %u", offer->frames, wish->frames);
    snprintf(offer->why, sizeof offer->why, "%s: it would be up to %.*f%s, and the budget has %.*f",
             instead, money ? 4 : 0, asked, money ? "" : " tokens", money ? 4 : 0, have);
}

void budget_choose(const struct budget_wish *wish, const struct budget_sum *room,
                   struct budget_offer *ret)
{
    bool video = wish->input == BUDGET_VIDEO;
    double fps = wish->fps, least_fps = fmin(fmax(wish->least_fps, lowest_fps), fps);
    unsigned frames = wish->frames, least_frames = wish->least_frames > 1 ? wish->least_frames : 1;
    struct budget_sum wished = { 0 };
    *ret = (struct budget_offer){ .step = BUDGET_AS_WISHED };
    for (;;) {
        if (video)
            offer_video(wish, fps, ret);
        else
            offer_frames(wish, frames, ret);
        wished = ret->step == BUDGET_AS_WISHED ? ret->sent : wished;
        bool anything = video ? fps > 0 : frames > 0;
        if (anything && budget_fits(&ret->sent, room))
            break;
        if (video ? !(fps > least_fps) : frames <= least_frames) {
            ret->step = BUDGET_LOCAL;
            break;
        }
        fps = lower_fps(fps, least_fps);
        frames = fewer_frames(frames, least_frames);
        ret->step = video ? BUDGET_LOWER_FPS : BUDGET_FEWER_FRAMES;
    }
    if (ret->step != BUDGET_AS_WISHED)
        say_why(wish, &wished, room, ret);
}
