// Waits for the changes of one batch's status.json.
//
// The kernel tells about each change; besides, the file is looked at every few seconds, because a
// network file system tells nothing about what another machine wrote.
#ifndef CLIPSPOOL_FOLLOW_H
#define CLIPSPOOL_FOLLOW_H

#include "cli/view.h"

// How long a poll on follow_fd may last before follow_look is called anyway.
enum { FOLLOW_POLL_MS = 2000 };

struct follow {
    int outboxdir;    // borrowed
    const char *name; // borrowed: its folder in the outbox, which need not exist yet
    int notify;       // -1: the kernel has no watches left, only looking remains
    int watch;        // of the folder, -1 while it does not exist
};
#define FOLLOW_INIT                                \
    {                                              \
        .outboxdir = -1, .notify = -1, .watch = -1 \
    }

// Keeps both arguments.  Never fails: without watches it looks.
void follow_open(struct follow *follow, int outboxdir, const char *name);
void follow_close(struct follow *follow);

// For poll(); -1 is allowed there and never ready.
int follow_fd(const struct follow *follow);

// Takes what follow_fd has announced; follow_look does so itself.
void follow_drain(struct follow *follow);

// Reads what there is to read now.  Returns 1 and a fresh view in *view (which it releases first),
// 0 when there is no status.json yet, or a negative: it cannot be read.
int follow_look(struct follow *follow, struct view *view, struct err *err);

#endif
