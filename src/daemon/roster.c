// The list of batches, their lines, and who owns which outbox folder.
#include "daemon/roster.h"
#include "daemon/carrier.h"

#include <assert.h>
#include <search.h>

static int compare_outbox(const void *a, const void *b)
{
    const struct member *left = a, *right = b;
    return strcmp(left->outbox, right->outbox);
}

struct member *roster_add(struct roster *roster, const char *id, enum member_state state)
{
    struct member *member = xcalloc(1, sizeof *member);
    member->id = xstrdup(id);
    member->state = state;
    roster->count[state]++;
    member->previous = roster->last;
    if (roster->last)
        roster->last->next = member;
    else
        roster->first = member;
    roster->last = member;
    return member;
}

void roster_forget_outbox(struct roster *roster, struct member *member)
{
    if (member->outbox)
        (void)tdelete(member, &roster->by_outbox, compare_outbox);
    free(TAKE(member->outbox));
}

void roster_remove(struct roster *roster, struct member *member)
{
    assert(!member->live && !member->queue_next);
    roster_forget_outbox(roster, member);
    if (member->state == MEMBER_OPEN)
        roster->open[member->priority]--;
    roster->count[member->state]--;
    if (member->previous)
        member->previous->next = member->next;
    else
        roster->first = member->next;
    if (member->next)
        member->next->previous = member->previous;
    else
        roster->last = member->previous;
    roster->watches -= member->watch != NULL;
    sd_event_source_disable_unref(member->watch);
    carrier_free(&member->carrier);
    free(member->id);
    free(member);
}

void roster_release(struct roster *roster)
{
    struct member *next;
    for (struct member *member = roster->first; member; member = next) {
        next = member->next;
        member->previous = member->queue_next = NULL;
        roster_remove(roster, member);
    }
}

void roster_set_state(struct roster *roster, struct member *member, enum member_state state)
{
    roster->count[member->state]--;
    roster->count[state]++;
    roster->open[member->priority] -= member->state == MEMBER_OPEN;
    roster->open[member->priority] += state == MEMBER_OPEN;
    member->state = state;
}

struct member *roster_find_outbox(const struct roster *roster, const char *outbox)
{
    struct member key = { .outbox = NULL };
    memcpy(&key.outbox, &outbox, sizeof outbox); // only compared
    struct member *const *found = tfind(&key, &roster->by_outbox, compare_outbox);
    return found ? *found : NULL;
}

void roster_set_outbox(struct roster *roster, struct member *member, char *outbox)
{
    roster_forget_outbox(roster, member);
    member->outbox = outbox;
    struct member *const *found = tsearch(member, &roster->by_outbox, compare_outbox);
    if (!found)
        base_out_of_memory();
    assert(*found == member);
}

void roster_queue(struct roster *roster, struct member *member)
{
    int priority = member->priority;
    member->queue_next = NULL;
    *(roster->queue_last[priority] ? &roster->queue_last[priority]->queue_next
                                   : &roster->queue_first[priority]) = member;
    roster->queue_last[priority] = member;
    roster_set_state(roster, member, MEMBER_QUEUED);
}

struct member *roster_dequeue(struct roster *roster, int priority)
{
    struct member *member = roster->queue_first[priority];
    if (!member)
        return NULL;
    roster->queue_first[priority] = member->queue_next;
    if (!member->queue_next)
        roster->queue_last[priority] = NULL;
    member->queue_next = NULL;
    return member;
}

void roster_unqueue(struct roster *roster, struct member *member)
{
    struct member *previous = NULL, *here = roster->queue_first[member->priority];
    while (here && here != member) {
        previous = here;
        here = here->queue_next;
    }
    if (!here)
        return;
    *(previous ? &previous->queue_next : &roster->queue_first[member->priority]) =
        member->queue_next;
    if (roster->queue_last[member->priority] == member)
        roster->queue_last[member->priority] = previous;
    member->queue_next = NULL;
}
