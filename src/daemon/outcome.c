// The policy of retries.
#include "daemon/outcome.h"

#include "spool/throttle.h"

#include <math.h>

// Space may come back at any moment and looking costs little; the longest wait is what a person
// who has just cleaned up will bear.
static const double trouble_first_seconds = 2, trouble_longest_seconds = 60;
static const double retry_longest_seconds = 3600;
static const double busy_seconds = 0.2, busy_longest_seconds = 30;

// Whatever stages.*.tries says: a decoder that died on a file will die on it again, and what killed
// it by chance (the kernel short of memory, a power dip) seldom comes three times in a row.
enum { CRASH_TRIES = 3 };
// Trouble that nobody can wait out, like a disk that cannot read one file, ends some time: with the
// waits above, after some eight minutes.
enum { TROUBLE_TRIES = 12 };

static double back_off(double first, unsigned times, double longest, double chance)
{
    double wait = first * pow(2, times > 1 ? fmin(times - 1, 30) : 0);
    return fmin(wait, longest) * (0.75 + 0.5 * chance);
}

static struct outcome fail(void)
{
    return (struct outcome){ .action = OUTCOME_FAIL, .counted = true };
}

static struct outcome judge_retry(const struct outcome_facts *facts, unsigned tries)
{
    if (facts->failures >= tries)
        return fail();
    double wait =
        back_off(facts->rules->wait_seconds, facts->failures, retry_longest_seconds, facts->chance);
    return (struct outcome){
        .action = OUTCOME_RETRY,
        .counted = true,
        // Not sooner than the service asked for; but no longer than we would ever wait.
        .wait_seconds = fmax(wait, fmin(facts->err->retry_after, retry_longest_seconds)),
    };
}

// What a person or the passing of time puts right, however long it takes.
static bool can_be_waited_out(const struct err *err)
{
    return strcmp(err->id, "no_space") == 0 || strcmp(err->id, "outbox_trouble") == 0;
}

static struct outcome judge_trouble(const struct outcome_facts *facts)
{
    bool publishing = strcmp(facts->err->id, "outbox_trouble") == 0;
    unsigned tries = facts->once ? (unsigned)facts->rules->tries : TROUBLE_TRIES;
    if (facts->troubles >= tries && (facts->once || !can_be_waited_out(facts->err)))
        return fail();
    return (struct outcome){
        .action = OUTCOME_RETRY,
        .wait_seconds = back_off(trouble_first_seconds, facts->troubles, trouble_longest_seconds,
                                 facts->chance),
        .trouble = !publishing, // the outbox's own trouble is no reason to take nothing in
    };
}

// It did not come to an attempt: the service is left alone, or asked by others (net/gate.h).
// Only this step waits, for others have to do with other services.  What ends it some time are the
// attempts of those who ask whether the service is back, and its own turn comes.
static struct outcome wait_for_turn(const struct outcome_facts *facts)
{
    double wait = fmin(facts->err->retry_after, retry_longest_seconds);
    return (struct outcome){
        .action = OUTCOME_RETRY,
        .wait_seconds = fmax(wait, 1) * (1 + 0.2 * facts->chance),
    };
}

// The service's gate keeps the others away, and only from that service: the stage goes on.
static struct outcome judge_later(const struct outcome_facts *facts)
{
    bool is_away = facts->err->class == ERR_SERVICE;
    if (throttle_had_no_turn(facts->err) && !(is_away && facts->once))
        return wait_for_turn(facts);
    if (strcmp(facts->err->id, "step_busy") != 0)
        return judge_retry(facts, (unsigned)facts->rules->tries);
    // The stage of a supervisor that was killed is about to die too.
    return (struct outcome){
        .action = OUTCOME_RETRY,
        .wait_seconds =
            back_off(busy_seconds, facts->troubles, busy_longest_seconds, facts->chance),
    };
}

struct outcome outcome_judge(const struct outcome_facts *facts)
{
    switch (facts->err->class) {
    case ERR_NONE:
        return (struct outcome){ .action = OUTCOME_DONE, .counted = true };
    case ERR_INPUT:
    case ERR_DENIED:
        return fail();
    case ERR_SYSTEM:
    case ERR_IO:
        return judge_trouble(facts);
    case ERR_SERVICE:
    case ERR_RETRY:
        return judge_later(facts);
    case ERR_CONFIG:
        if (facts->once)
            return fail();
        return (struct outcome){ .action = OUTCOME_HOLD_RELOAD };
    case ERR_BUG:
        break;
    }
    struct outcome outcome = judge_retry(facts, CRASH_TRIES);
    outcome.wait_seconds = 0; // waiting mends no bug
    return outcome;
}
