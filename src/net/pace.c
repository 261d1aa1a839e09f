// One window at a time; nothing of earlier ones is kept.

#include "net/pace.h"

#include <math.h>

void pace_begin(struct pace *pace, const struct pace_rules *rules, uint64_t now_us)
{
    *pace = (struct pace){ .rules = *rules };
    if (rules->deadline_seconds > 0)
        pace->deadline_us = now_us + (uint64_t)(rules->deadline_seconds * 1e6);
}

void pace_connecting(struct pace *pace)
{
    pace->connected = false;
}

void pace_connected(struct pace *pace, uint64_t now_us, uint64_t moved)
{
    pace->connected = true;
    pace->window_us = now_us;
    pace->window_moved = moved;
}

double pace_window_seconds(const struct pace_rules *rules)
{
    return fmax(rules->stall_seconds, rules->patience_seconds);
}

static bool is_stalled(struct pace *pace, uint64_t now_us, uint64_t moved)
{
    const struct pace_rules *rules = &pace->rules;
    double seconds = pace_window_seconds(rules);
    if (rules->stall_seconds <= 0 || !pace->connected)
        return false;
    double due = fmax(rules->stall_bytes_per_second * seconds, 1);
    if ((double)(moved - pace->window_moved) >= due) {
        pace->window_us = now_us;
        pace->window_moved = moved;
        return false;
    }
    return (double)(now_us - pace->window_us) >= seconds * 1e6;
}

enum pace_verdict pace_judge(struct pace *pace, uint64_t now_us, uint64_t moved)
{
    if (is_stalled(pace, now_us, moved))
        return PACE_STALLED;
    return pace->deadline_us != 0 && now_us >= pace->deadline_us ? PACE_LATE : PACE_GOOD;
}
