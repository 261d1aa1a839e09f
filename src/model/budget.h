// What a call to a model may cost, decided before it is made.
//
// An account has a limit, what was billed, and what is held for calls whose bill is not there yet;
// a job has one, a day has one, and a call is made only if both still have room for the most it can
// cost.  So calls that run side by side cannot pass a limit together, and one that was killed stays
// held until somebody knows better.  What does not fit is made smaller: fewer pictures first, then
// nothing is sent at all.
//
// The most a call can cost is its estimate (model/tokens.h) times the margin of the model, and
// the longest answer it is allowed.  A service that bills more than that passes a limit once;
// afterwards there is no room for anything.
#ifndef CLIPSPOOL_BUDGET_H
#define CLIPSPOOL_BUDGET_H

#include "base/err.h"
#include "model/tokens.h"

#define BUDGET_UNLIMITED UINT64_MAX

struct budget_sum {
    uint64_t tokens;
    uint64_t cost; // billionths of the unit that the configured prices are in
};

// What a model costs; configuration.  A price that is negative or no number is beyond every limit.
struct budget_price {
    double input, output;  // a million tokens
    double second;         // a second of sound
    double margin;         // a bill may be that many times the estimate of the input; at least 1
    unsigned frame_tokens; // of each picture, where a service counts pictures and not squares, or 0
};

// An amount of the configured unit as billionths, rounded down; one that is negative or no number
// is 0, infinite is BUDGET_UNLIMITED.
uint64_t budget_amount(double units);

// What is billed for that, rounded up; beyond every limit if it is out of range.
struct budget_sum budget_bill(const struct budget_price *price, uint64_t input_tokens,
                              uint64_t output_tokens, double sound_seconds);

// ---- accounts

struct budget_account {
    struct budget_sum limit; // BUDGET_UNLIMITED each: none
    struct budget_sum used;  // billed
    struct budget_sum held;  // for calls under way
};

// What is left in the one that has least, of tokens and of money each.
struct budget_sum budget_room(const struct budget_account *accounts, size_t count);

// Holds the sum in all accounts, or in none.  Returns 0 or a negative with ERR_INPUT "over_budget".
int budget_hold(struct budget_account *accounts, size_t count, const struct budget_sum *sum,
                struct err *err);

// The bill for what was held is there; all zero for a call that was never made.
void budget_settle(struct budget_account *accounts, size_t count, const struct budget_sum *held,
                   const struct budget_sum *billed);

// Begins the account of another day.  `day` counts whole days since 1970 in UTC; *account_day is
// the one it was used on and becomes `day`.  A clock that goes back by a day does not bring back
// what was spent; one that was far ahead does not block the account for years.
void budget_turn(struct budget_account *account, int64_t *account_day, int64_t day);

// The part of `room` for the next of `parts` calls that share it, when `aside` is kept for what
// comes after them.  What one leaves goes to the next ones.
struct budget_sum budget_share(const struct budget_sum *room, const struct budget_sum *aside,
                               unsigned parts);

// ---- what to send of a video

enum budget_input { BUDGET_VIDEO, BUDGET_FRAMES };

struct budget_wish {
    const struct tokens_rules *rules; // NULL: of a model whose arithmetic is not known
    const struct budget_price *price;
    enum budget_input input;
    struct tokens_video original;
    struct tokens_video sent; // the proxy; of a list of frames their size counts
    double fps, least_fps; // BUDGET_VIDEO: pictures a second, and with how few it is still worth it
    unsigned frames, least_frames; // BUDGET_FRAMES likewise
    uint64_t max_pixels;           // asked of the service for each picture; 0: its own limit
    uint64_t prompt_tokens;
    uint64_t answer_tokens; // the longest answer that the request allows
};

enum budget_step { BUDGET_AS_WISHED, BUDGET_LOWER_FPS, BUDGET_FEWER_FRAMES, BUDGET_LOCAL };

struct budget_offer {
    enum budget_step step;
    double fps;      // BUDGET_VIDEO
    unsigned frames; // that the model sees
    // The most that what is sent can cost, and what the original would at the same rate and number
    // of pixels (of a model whose arithmetic is not known: the same).  Of BUDGET_LOCAL: at the
    // least that was worth it.
    struct budget_sum sent, original;
    char why[240]; // a sentence if it is not as wished, else empty
};

// The most of the wish that fits into `room`; never a look at nothing, nor a rate below 0.1, which
// services refuse.  Both limits are kept, also where a model counts
// fewer tokens for more pictures.
void budget_choose(const struct budget_wish *wish, const struct budget_sum *room,
                   struct budget_offer *ret);

// True if the sum is within the room.
bool budget_fits(const struct budget_sum *sum, const struct budget_sum *room);

#endif
