// When is a dropped batch complete?  The settle rule.
//
// No event proves it (measured: killed copies close their files too), so events only wake the scan,
// and a candidate is taken when its whole tree kept the same names, inodes, sizes and times over
// settle_seconds and at least three equal looks, holds no partial name, no file of it is open for
// writing here (read lease), and none is cut off or has a hole (spool/doubt.h; doubt_seconds
// without a change excuse it, and batch_understand refuses what is cut off); or when it contains
// `.ready` and holds no partial name.
//
// With intake.mode = "marker" none of this is believed: only `.ready`, and a rename that brought
// the whole folder.
#ifndef CLIPSPOOL_INCOMING_H
#define CLIPSPOOL_INCOMING_H

#include "spool/spool.h"

// Kinds of names: what a client is still writing, what systems leave lying about, and what counts.
enum incoming_name { INCOMING_COUNTS, INCOMING_PARTIAL, INCOMING_JUNK, INCOMING_READY };
enum incoming_name incoming_name(const char *name);

struct incoming; // the candidates and their last looks, in memory

struct incoming *incoming_new(void);
void incoming_free(struct incoming **incoming);

// Looks at everything in spool->incoming at monotonic time now_us.  Afterwards incoming_next()
// gives the settled ones, and *ret_next_look_us the time of the next look that could settle one
// (UINT64_MAX when nothing is pending).
int incoming_look(struct incoming *incoming, struct spool *spool, const struct settings *settings,
                  uint64_t now_us, uint64_t *ret_next_look_us, struct err *err);

// A folder was renamed to this name from elsewhere, or from a name that is no candidate: where only
// what is committed is taken, that commits it.  Counts for the folder that has the name now.
void incoming_renamed(struct incoming *incoming, struct spool *spool, const char *name);

// The first name whose SHA256SUMS is there with all its files, and that only has to be held against
// it, by whoever can; borrowed until the next look.  NULL: there is none.
const char *incoming_to_verify(struct incoming *incoming);
// What came of it, `why` in words, NULL if all is as it says: true of the tree as it was when its
// name was given.
void incoming_verified(struct incoming *incoming, const char *name, const char *why);

// The next settled name (borrowed until the next look), or NULL.  Each is given once a look; if it
// is still there at the next one it is judged anew.  One that nobody asks for stays settled.
const char *incoming_next(struct incoming *incoming);

// What the last look saw of the name that was just given.  False where it was not seen to its end,
// so that there is nothing to hold it against.
bool incoming_seen(const struct incoming *incoming, struct spool_seen *ret_seen);

// How many candidates are waiting, and for people why one of them waits: the first that is not
// whole, else the first ("trip: clip.mp4.part is still being written").  Gives a string or NULL.
size_t incoming_waiting(const struct incoming *incoming, char **ret_reason);

// Once for each candidate that no time alone will make good (it may not be read, is cut off or has
// a hole, or something in it has been open or unfinished for ten minutes without a change): why it
// waits.  Borrowed
// until the next look; NULL: no more of them.
const char *incoming_complaint(struct incoming *incoming, uint64_t now_us);

// All those of which incoming_complaint has told, and that wait still: *position is 0 at first and
// is moved on.  Returns false at the end; else *ret_name is the name and *ret_why why it waits, in
// words that follow it; both borrowed until the next look.
bool incoming_stuck(const struct incoming *incoming, size_t *position, const char **ret_name,
                    const char **ret_why);

#endif
