// Every batch the daemon knows, small; the few that are worked on are open (live.h).
//
// A thousand batches may lie in work/; each costs a few hundred bytes until its turn comes.
#ifndef CLIPSPOOL_ROSTER_H
#define CLIPSPOOL_ROSTER_H

#include "daemon/schedule.h"
#include <systemd/sd-event.h>
#include <time.h>

enum member_state {
    MEMBER_NEW,    // in work/, not understood yet (or that was not possible yet)
    MEMBER_QUEUED, // in work/, understood, waiting to be opened
    MEMBER_OPEN,   // in work/, with a struct live
    MEMBER_ASIDE   // in failed/, watched for the wish to retry
};

struct carrier;
struct live;
struct service;

struct member {
    enum member_state state;
    char *id;                       // owned
    char *outbox;                   // owned; NULL while it is new
    int priority;                   // enum job_priority
    struct live *live;              // owned; NULL unless open
    struct member *next, *previous; // in the roster
    struct member *queue_next;      // in the line of queued ones
    struct service *service;        // borrowed, for the watch and the carrier
    struct carrier *carrier;        // owned; copies it over from another file system now, or NULL
    sd_event_source *watch;         // of its outbox folder, or NULL
    struct timespec looked;         // the folder's time at the last look for a wish
    bool look_due;                  // a wish may lie there, to be looked for in a later turn
    bool warned;                    // its trouble was logged
    bool deaf;                      // a wish in its folder cannot be removed
};

struct roster {
    struct member *first, *last; // by age
    size_t count[MEMBER_ASIDE + 1];
    size_t open[SCHEDULE_PRIORITIES];
    struct member *queue_first[SCHEDULE_PRIORITIES], *queue_last[SCHEDULE_PRIORITIES];
    void *by_outbox;  // tsearch tree
    unsigned watches; // members with a watch
};

// Adds a batch; borrows id.  Returns it; the roster owns it.
struct member *roster_add(struct roster *roster, const char *id, enum member_state state);
// Removes and frees it; its live must be closed and it must not be queued.
void roster_remove(struct roster *roster, struct member *member);
void roster_release(struct roster *roster);

// The only way to change a state: the counts of the roster follow.
void roster_set_state(struct roster *roster, struct member *member, enum member_state state);

// The member whose outbox folder has this name, or NULL.
struct member *roster_find_outbox(const struct roster *roster, const char *outbox);
// Names its outbox folder (takes outbox), which must be no other member's.
void roster_set_outbox(struct roster *roster, struct member *member, char *outbox);
void roster_forget_outbox(struct roster *roster, struct member *member);

// The line of queued ones of a priority: to its end, from its head (NULL: empty).
void roster_queue(struct roster *roster, struct member *member);
struct member *roster_dequeue(struct roster *roster, int priority);
// Takes one out of the middle of its line (a cancelled one; walks the line).
void roster_unqueue(struct roster *roster, struct member *member);

#endif
