// status.json, the public face of a batch (docs/status.schema.json).  Plain data and its JSON; the
// daemon fills it.
#ifndef CLIPSPOOL_STATUS_H
#define CLIPSPOOL_STATUS_H

#include "spool/batch.h"
#include "spool/step.h"

enum status_word {
    STATUS_QUEUED,
    STATUS_PREPARING,
    STATUS_DOWNLOADING,
    STATUS_COMPRESSING,
    STATUS_UPLOADING_TEMP,
    STATUS_ANALYZING,
    STATUS_GENERATING_PLAN,
    STATUS_AWAITING_REVIEW,
    STATUS_CLIPPING,
    STATUS_MERGING,
    STATUS_UPLOADING_FINAL,
    STATUS_CLEANUP,
    STATUS_COMPLETED,
    STATUS_FAILED,
    STATUS_CANCELLED,
    STATUS_COUNT
};
extern const char *const status_words[STATUS_COUNT];
// Completed, failed or cancelled: nothing follows but by a wish.
bool status_is_final(enum status_word word);

// Everything status.json says, gathered from the batch directory and the moment.  All pointers
// borrowed.
struct status {
    const struct batch *batch;
    enum status_word word;
    double progress;                // 0..100
    const char *stage;              // the stage at work, or NULL
    const char *waiting_for;        // why nothing happens now, in words, or NULL
    double remaining_seconds;       // negative: unknown
    time_t now, completed_at;       // completed_at 0: not yet
    const struct step *steps;       // status_step(): [stage][index], see below
    const struct step *batch_steps; // [STAGE_COUNT]
    double processing_seconds;
    const struct err *error; // of the whole batch, or NULL
    const char *error_stage; // where it arose, or NULL
    const char *currency;    // that prices of models are configured in, or NULL
};

// What became of the wish to tell somebody the end (job.conf webhook), as status.json has it.
struct status_webhook {
    const char *url;    // as of remote_from_link; only its host is shown
    const char *status; // "pending", "delivered", "failed"
    unsigned attempts;
    time_t next_try;     // 0: none is due
    const char *message; // why it is not delivered; or NULL
};

// Steps of sources lie at steps[stage * source_count + index].
static inline const struct step *status_step(const struct status *status, enum stage stage,
                                             size_t index)
{
    return &status->steps[(size_t)stage * status->batch->source_count + index];
}

// The document.  Facts of a source come from the numbers its steps reported: probe's duration,
// width, height, fps; compress's compressed_bytes and profile; render's duration, size_bytes,
// width, height, frames_copied, frames_encoded; publish's url, url_expires_at, bucket, key.  Reads
// plan.json of the open batch directory once the plan step is done, and its ledger
// (spool/receipt.h).  A step runs when it has started, has not ended and is open.  Gives a
// reference.
json_t *status_to_json(const struct status *status, int batchdir);

// Writes it as status.json into the open outbox folder, replaced whole.
int status_write(const struct status *status, int batchdir, int outboxdir, struct err *err);

// Reads the status.json that lies in the folder NAME of the outbox, as far as it is that of the
// batch `id`.  Gives *ret_text (free), *ret_size bytes and a NUL.  Returns 0; -ENOENT without
// setting err where people have taken it away or put something else there; or another negative.
int status_read(int outbox, const char *name, const char *id, char **ret_text, size_t *ret_size,
                struct err *err);

// Tells, in the status.json that lies in the folder NAME of the outbox, what became of the webhook
// of the batch `id`, which has ended.  Returns 0; 1: the folder is gone or another batch's, which
// is left alone; or a negative, with err set: it may be told later.
int status_tell_webhook(int outbox, const char *name, const char *id,
                        const struct status_webhook *webhook, struct err *err);

#endif
