// One batch on disk: the names inside work/<id>/ and the request as understood.  docs/SPOOL.md is
// the specification.
#ifndef CLIPSPOOL_BATCH_H
#define CLIPSPOOL_BATCH_H

#include "spool/job.h"
#include "spool/remote.h"
#include "spool/step.h"
#include <sys/stat.h>
#include <time.h>

// ---- every name inside a batch directory
#define BATCH_CLAIM "claim.json"     // written before anything is taken: where it came from
#define BATCH_FILE "batch.json"      // the request as understood; never changes
#define BATCH_IN "in"                // what was dropped, as dropped
#define BATCH_REFUSED "refused.json" // instead of in: why what was dropped cannot be copied
#define BATCH_STEPS "steps"          // results of steps
#define BATCH_LOG "log.jsonl"
#define BATCH_PLAN "plan.json"
#define BATCH_ANALYSIS "analysis.json" // all sources' analyses together
#define BATCH_FINAL "final.mp4"
#define BATCH_COVER "cover.jpg"
#define BATCH_PREVIEW "preview.mp4" // cut from the proxies
#define BATCH_LEDGER "ledger.json"  // what models were asked and what it costs
#define BATCH_ANSWERS "answers"     // what they answered, where it is kept nowhere else
#define BATCH_RECEIPT "receipt.json"
#define BATCH_SRT "final.srt" // what is said in the reel, on its own time line
#define BATCH_VTT "final.vtt"
#define BATCH_SCRATCH "render"   // of a running render, only ever as render.tmp
#define BATCH_CANCEL "cancelled" // the user's wish, made durable
// ---- inside the directory of a source, work/<id>/<index>/
#define SOURCE_FILE "source"
#define SOURCE_PART "source.part" // of a download under way: kept over kills, docs/SPOOL.md
#define SOURCE_PROBE "probe.json"
#define SOURCE_PROXY "proxy.mp4"
#define SOURCE_AUDIO "audio.wav"
#define SOURCE_SIGNALS "signals.json"
#define SOURCE_UPLOAD "upload.json"   // where the proxy is in the bucket
#define SOURCE_FRAMES "frames"        // a folder: the frame set that a model may be shown
#define SOURCE_HEARING "hearing.json" // of a transcript: what a service is at work on
#define SOURCE_TRANSCRIPT "transcript.json"
#define SOURCE_LOOK "look.json" // what of it a model is shown, once that is decided
#define SOURCE_ANALYSIS "analysis.json"

enum {
    BATCH_MAX_SOURCES = 100, // of any configuration; bounds every array of sources
};

enum source_kind { SOURCE_LOCAL, SOURCE_URL, SOURCE_OSS };

// Ids of errors that batch_understand gives.  A source: symlink hard_link fifo socket device
// not_a_file unreadable empty_file too_large incomplete_file not_in_manifest, and of descriptors
// bad_descriptor bad_link too_many_links.  The batch: bad_job_conf unknown_source no_videos
// too_many_sources too_many_entries too_deep unreadable bad_manifest missing_file.
struct batch_source {
    char *file; // bytes of the name inside in/ (a path with '/' where folders were dropped in the
                // folder)
    unsigned part; // which video of this file, from 0: a descriptor may name several
    enum source_kind kind;
    struct remote remote; // where the video is, if it is elsewhere and was not refused; else empty
    int profile;          // enum job_profile, resolved (the job's if there was no override)
    uint64_t size_bytes;  // 0 while it is elsewhere: nobody knows
    int64_t modified_ns;  // when its contents last changed, since 1970; likewise
    struct err error; // refused when the batch was taken (link, FIFO, too large...); class ERR_NONE
                      // if fine
};

struct batch {
    char *id;     // sorts by time: 20261122T041500Z-trip-3f2a; [A-Za-z0-9-] only
    char *name;   // as dropped, bytes
    char *outbox; // name of its folder in the outbox, bytes
    time_t created_at;
    struct job job;
    // Decided once, when it was understood: a configuration that changes meanwhile moves nothing.
    int storage;  // STORAGE_LOCAL, STORAGE_OSS or STORAGE_HYBRID
    char *bucket; // where its objects go, by name in the configuration; NULL if it is local
    int roles[MODEL_ROLES]; // who does it: enum model_service, decided likewise
    struct batch_source *sources;
    size_t source_count;
    struct err error; // the whole batch was refused (job.conf malformed, no videos, too many): it
                      // fails at once
    char **ignored;   // NULL-terminated names kept but not used
};
#define BATCH_INIT                               \
    {                                            \
        .roles = { [MODEL_SPEECH] = MODEL_NONE } \
    }

// Understands what lies in `in/` of the open batch directory, job.conf included: finds, checks and
// orders the sources. Never fails for what users did (that goes to batch->error and source errors),
// only for machine trouble.  With BATCH_REFUSED there is no `in`, and that is the batch's error.
// `accept_links`, limits: from settings.  Fills all but outbox.
struct settings;
int batch_understand(int batchdir, const char *id, const char *name, time_t now,
                     const struct settings *settings, struct batch *batch, struct err *err);

// Whether the batch goes through the stage at all: upload is only for those with a bucket that are
// shown to somebody elsewhere, transcribe for those whose speech somebody writes down.
bool batch_has_stage(const struct batch *batch, enum stage stage);

// The class of slots that a step of that stage takes: what this machine does instead of a service
// computes.
enum slot_class batch_slot(const struct batch *batch, enum stage stage);

// st_mtim as batch_source keeps it: equal for equal times, whatever they are.
int64_t batch_modified_ns(const struct stat *st);

// Writes batch.json, whole and synced.  Returns 0 or a negative.
int batch_save(int batchdir, const struct batch *batch, struct err *err);
// Returns 0, -ENOENT if there is no batch.json yet, or another negative: ERR_INPUT "bad_batch" or
// "bad_json" for a damaged one.
int batch_load(int batchdir, struct batch *batch, struct err *err);
void batch_release(struct batch *batch);

// Opens (making it if needed) the directory of a source inside the open batch directory.  Returns a
// descriptor.
int batch_open_source(int batchdir, int index, struct err *err);

// What people know it by: the path in what was dropped; of a video elsewhere its file name if it
// has one, else where it is, without what may be a permission.  Escaped.  Gives a string.
char *batch_source_name(const struct batch_source *source);

// True for a file name whose ending is one of a video's, or of a descriptor's (*ret_kind).
bool batch_is_source_name(const char *name, enum source_kind *ret_kind);

// True for an id as spool_claim makes them: nothing that could leave a directory or a line.
bool batch_is_id(const char *id);

#endif
