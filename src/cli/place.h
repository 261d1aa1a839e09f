// The folders of the spool as its users see them.  Nothing here needs the daemon's rights: only
// incoming and outbox are opened.
#ifndef CLIPSPOOL_PLACE_H
#define CLIPSPOOL_PLACE_H

#include "spool/settings.h"
#include "spool/spool.h"

enum { PLACE_MAX_BATCHES = 100000 }; // listed at most

// Descriptors of the folders, or a negative with a remedy in err.
int place_open_outbox(const struct settings *settings, struct err *err);
int place_open_incoming(const struct settings *settings, struct err *err);

// What a person typed as the name of a batch: the very bytes, or the escaped form that `list`
// shows.  Gives the bytes of the existing folder in `dir` (either directory).  Returns 0, or
// -ENOENT with err set.
int place_find(int dir, const char *typed, char **ret_name, struct err *err);

// A name no batch has in incoming or outbox: `name`, else name-2, name-3...  -1 for a directory
// that is not to be looked at.  Gives a string.
char *place_unused(int incoming, int outbox, const char *name);

// The folder of the outbox that a batch waiting in incoming under `name` will get if nothing else
// is taken before.  Gives a string.
char *place_outbox_name(int incoming, int outbox, const char *name);

// Is a daemon working on this spool?  1: yes, 0: no, negative: not to be found out by this user.
int place_is_served(const struct settings *settings);

#endif
