// Rings of turns.
#include "daemon/schedule.h"

#include <assert.h>

void schedule_init(struct schedule *schedule, const unsigned slots[SLOT_COUNT])
{
    *schedule = (struct schedule){ .busy = { 0 } };
    memcpy(schedule->slots, slots, sizeof schedule->slots);
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        for (int priority = 0; priority < SCHEDULE_PRIORITIES; priority++) {
            struct schedule_turn *head = &schedule->lines[slot][priority];
            head->next = head->previous = head;
        }
    }
}

void schedule_offer(struct schedule *schedule, struct schedule_turn *turn)
{
    if (turn->next)
        return;
    struct schedule_turn *head = &schedule->lines[turn->slot][turn->priority];
    turn->previous = head->previous;
    turn->next = head;
    head->previous->next = turn;
    head->previous = turn;
}

void schedule_withdraw(struct schedule_turn *turn)
{
    if (!turn->next)
        return;
    turn->previous->next = turn->next;
    turn->next->previous = turn->previous;
    turn->next = turn->previous = NULL;
}

struct schedule_turn *schedule_next(struct schedule *schedule)
{
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        if (schedule->busy[slot] >= schedule->slots[slot])
            continue;
        for (int priority = SCHEDULE_PRIORITIES - 1; priority >= 0; priority--) {
            struct schedule_turn *head = &schedule->lines[slot][priority];
            struct schedule_turn *turn = head->next;
            if (turn == head)
                continue;
            schedule_withdraw(turn);
            return turn;
        }
    }
    return NULL;
}

void schedule_take(struct schedule *schedule, enum slot_class slot)
{
    schedule->busy[slot]++;
}

void schedule_give_back(struct schedule *schedule, enum slot_class slot)
{
    assert(schedule->busy[slot] > 0);
    schedule->busy[slot]--;
}
