// The directories of the spool, and the only functions that move a batch between them.
//
//   incoming/  people write here          outbox/   people read here
//   work/<id>/ a batch being worked on    failed/<id>/ one that failed or was cancelled, kept whole
//   for `retry` archive/NAME/ originals of completed batches   quarantine/ what could not be
//   understood, with a reason
//
// Every transition is one rename, made durable; docs/SPOOL.md lists every state a crash can leave
// and what a start does. work, failed, archive and quarantine are on one file system (checked);
// incoming and outbox may be elsewhere.
#ifndef CLIPSPOOL_SPOOL_H
#define CLIPSPOOL_SPOOL_H

#include "spool/batch.h"
#include "spool/settings.h"

struct spool {
    int incoming, work, outbox, archive, failed,
        quarantine; // directory descriptors, -1 when closed
    int lock;
};
#define SPOOL_INIT                 \
    {                              \
        -1, -1, -1, -1, -1, -1, -1 \
    }

enum spool_open_flags {
    SPOOL_CREATE = 1 << 0, // make what is missing
    SPOOL_LOCK =
        1 << 1, // be its only daemon; fails with ERR_CONFIG id "spool_in_use" if another is
};
// Without either flag, private directories that we may not open stay -1: people look at the outbox.
// ERR_CONFIG: "no_spool" (something is missing), "spool_divided", "spool_in_use";
// with SPOOL_LOCK also "incoming_is_remote" (spool/mount.h).
int spool_open(const struct settings *settings, enum spool_open_flags flags, struct spool *spool,
               struct err *err);
void spool_release(struct spool *spool);

// Takes incoming/NAME (a folder or a loose file): makes work/<id>/ with claim.json, then one rename
// (or copy, sync, verify and remove across file systems, which takes as long as a copy takes).
// Gives the id.  Returns 0; 1: taken, but the original could not be removed and lies hidden in
// incoming; -ENOENT if it is gone, -EAGAIN if it changed meanwhile (both without setting err).
// What cannot be copied as it is (something in it may not be read, folders nest too deep) is taken
// too: batch_understand says why, and the original stays in incoming, hidden, for spool_retry.
int spool_claim(struct spool *spool, const char *name, time_t now, char **ret_id, struct err *err);
// What a look saw of it: still so after the rename, when nobody reaches it by its name any more?
struct spool_seen {
    uint64_t signature; // tree_signature with TREE_SIGN_MOVED
    bool is_committed;  // whoever has a file of it open for writing
    uint64_t bytes;     // of its files
};
// The same for those who must not be held up by a copy.  `seen` may be NULL; what is not as it was
// seen, or is being written to, is put back: -EAGAIN.  Where it would have to be copied (another
// file system, or a folder that we may not move), nothing has happened: -EXDEV without setting err,
// and spool_claim, called where it may take its time, does it.
int spool_claim_by_rename(struct spool *spool, const char *name, const struct spool_seen *seen,
                          time_t now, char **ret_id, struct err *err);

// Finishes or undoes what a crash left of a claim in work/<id>; for every id at start.  Returns 0:
// taken, ready to be understood or to go on; 1: nothing had been taken and the directory is gone;
// negative: machine trouble, or ERR_INPUT: it goes to quarantine.
int spool_recover(struct spool *spool, const char *id, struct err *err);
// The same for those who must not be held up by a copy: where one is to be made, -EXDEV without
// setting err, and spool_recover, called where it may take its time, does it.
int spool_recover_but_copy(struct spool *spool, const char *id, struct err *err);

// The name of the batch, from claim.json: that of the folder as dropped, of a loose file without
// its ending.  Gives bytes.
int spool_claimed_name(struct spool *spool, const char *id, char **ret_name, struct err *err);

// Chooses and makes the outbox folder: NAME, else NAME-2, NAME-3...; an existing one whose
// status.json carries `id`, or that is empty and belongs to our user, is the batch's own (a crash
// came between): write the first status.json before asking for another.  Gives its name.
int spool_take_outbox(struct spool *spool, const char *name, const char *id, char **ret_outbox,
                      struct err *err);

// Completed: originals to archive/OUTBOXNAME (or -2, -3), then the work directory is removed.  Safe
// to repeat.
int spool_archive(struct spool *spool, const char *id, const char *outbox, struct err *err);
// Failed or cancelled: work/<id> to failed/<id>, large intermediate files removed first (and the
// results of the steps that would have to make them again).  Safe to repeat.
int spool_set_aside(struct spool *spool, const char *id, struct err *err);
// Back from failed/<id> to work/<id>, with failed steps reset and a cancellation taken back.  A
// source that will never work (ERR_INPUT) is not tried again unless nothing else had failed; if one
// is, plan, render and publish are reset too.  A batch that was refused whole or in part is to be
// understood anew: its batch.json is gone.  Safe to repeat; -ENOENT if it is in neither.
int spool_retry(struct spool *spool, const char *id, struct err *err);
// A batch that came back holds this file from before the move until its batch.json is removed:
// spool_recover, by this function, finishes what a crash left between.  Nothing without the file.
#define SPOOL_ANEW "anew"
int spool_forget_refusal(int batchdir, struct err *err);
// work/<id> to quarantine/<id>, with reason.json.  Safe to repeat.
int spool_quarantine(struct spool *spool, const char *id, const char *reason, struct err *err);

// Removes work/<id>: gone with one rename for all who look, then for good.
int spool_remove(struct spool *spool, const char *id, struct err *err);
// Prefix of the originals of claims that copy, in incoming; the id follows.  Such a name is never a
// candidate.
#define SPOOL_HIDDEN ".clipspool-"

// Removes from archive and failed (with the originals that lie hidden in incoming for it) what has
// been there longer than settings->archive_days and failed_days, as far as those are not 0. Returns
// how many, or, when all others are done, the first trouble there was with one: that one is out of
// sight, and the next start tries again.
int spool_expire(struct spool *spool, const struct settings *settings, time_t now, struct err *err);

// NAME, NAME-2, NAME-3... for n = 1, 2, 3, not longer than a file name may be.  Gives a string.
char *spool_numbered(const char *name, unsigned n);

// The ids in work/ or failed/, in order of time.  As fs_list.
int spool_list(int dirfd, char ***ret_ids, struct err *err);

// A wish dropped into the outbox folder of a batch: a file named cancel, retry or approve (any
// ending, any case).  Gives the name of the file.  Returns which (cancel before others), 0 for none
// (also if the folder is gone), or a negative.
enum spool_wish { WISH_NONE, WISH_CANCEL, WISH_RETRY, WISH_APPROVE };
int spool_wish(struct spool *spool, const char *outbox, char **ret_file, struct err *err);
// Removes the file, once the wish is kept elsewhere.  One that cannot be removed must not be
// granted again.
int spool_wish_granted(struct spool *spool, const char *outbox, const char *file, struct err *err);

#endif
