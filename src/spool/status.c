// status.json: every key always there, null when unknown, so that a reader needs no cases.

#include "spool/status.h"
#include "base/fs.h"
#include "base/text.h"
#include "spool/plan.h"
#include "spool/receipt.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>

enum { STATUS_VERSION = 1, MAX_WARNINGS = 50 };

const char *const status_words[STATUS_COUNT] = {
    [STATUS_QUEUED] = "queued",
    [STATUS_PREPARING] = "preparing",
    [STATUS_DOWNLOADING] = "downloading",
    [STATUS_COMPRESSING] = "compressing",
    [STATUS_UPLOADING_TEMP] = "uploading_temp",
    [STATUS_ANALYZING] = "analyzing",
    [STATUS_GENERATING_PLAN] = "generating_plan",
    [STATUS_AWAITING_REVIEW] = "awaiting_review",
    [STATUS_CLIPPING] = "clipping",
    [STATUS_MERGING] = "merging",
    [STATUS_UPLOADING_FINAL] = "uploading_final",
    [STATUS_CLEANUP] = "cleanup",
    [STATUS_COMPLETED] = "completed",
    [STATUS_FAILED] = "failed",
    [STATUS_CANCELLED] = "cancelled",
};

bool status_is_final(enum status_word word)
{
    return word == STATUS_COMPLETED || word == STATUS_FAILED || word == STATUS_CANCELLED;
}

// ---- values

static void put_name(json_t *json, const char *key, const char *bytes)
{
    cleanup(free_ptr) char *escaped = bytes ? text_escape(bytes) : NULL;
    json_put_text(json, key, escaped);
}

static void put_time(json_t *json, const char *key, time_t when)
{
    char text[TEXT_TIME_SIZE];
    json_put_text(json, key, when > 0 ? text_time(when, text) : NULL);
}

// A number that a step reported, or null.  What a stage says is foreign: it decodes hostile files.
static void put_reported(json_t *json, const char *key, const struct step *step, const char *from,
                         int decimals)
{
    double value = json_number(step->numbers, from, 0, 1e15, -1, NULL);
    if (value < 0)
        json_put(json, key, json_null());
    else if (decimals == 0)
        json_put_int(json, key, (int64_t)value);
    else
        json_put_number(json, key, value, decimals);
}

// ---- steps

static bool is_running(const struct step *step)
{
    return step->state == STEP_OPEN && step->started > 0 && step->ended == 0;
}

static bool is_over(const struct step *step)
{
    return step->state != STEP_OPEN;
}

// The step of a source at which it failed, or -1.
static int failed_stage(const struct status *status, size_t index)
{
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        if (stage_info[stage].per_source &&
            step_is_lost(status_step(status, (enum stage)stage, index), (enum stage)stage))
            return stage;
    return -1;
}

// The first stage a source has still to pass, or STAGE_COUNT.
static int open_stage(const struct status *status, size_t index)
{
    int stage = 0;
    while (stage < STAGE_COUNT &&
           (!stage_info[stage].per_source || !batch_has_stage(status->batch, (enum stage)stage) ||
            is_over(status_step(status, (enum stage)stage, index))))
        stage++;
    return stage;
}

static bool was_refused(const struct status *status, size_t index)
{
    return status->batch->sources[index].error.class != ERR_NONE;
}

static bool is_processed(const struct status *status, size_t index)
{
    return was_refused(status, index) || failed_stage(status, index) >= 0 ||
           open_stage(status, index) == STAGE_COUNT;
}

static enum status_word video_word(const struct status *status, size_t index)
{
    if (was_refused(status, index) || failed_stage(status, index) >= 0)
        return STATUS_FAILED;
    int stage = open_stage(status, index);
    if (stage == STAGE_COUNT)
        return STATUS_COMPLETED;
    if (status_is_final(status->word))
        return STATUS_CANCELLED; // the batch ended before its turn
    if (!is_running(status_step(status, (enum stage)stage, index)))
        return STATUS_QUEUED;
    if (stage == STAGE_FETCH && status->batch->sources[index].kind != SOURCE_LOCAL)
        return STATUS_DOWNLOADING;
    for (int word = 0; word < STATUS_COUNT; word++)
        if (strcmp(status_words[word], stage_info[stage].status) == 0)
            return (enum status_word)word;
    return STATUS_PREPARING;
}

// ---- videos

// What an extra step failed of is no error of the video.
static void add_failure(json_t *list, const struct step *step, enum stage stage)
{
    if (step->state != STEP_FAILED || step_is_lost(step, stage))
        return;
    cleanup(free_ptr) char *sentence =
        xasprintf("%s failed: %s", stage_info[stage].name, step->error.text);
    cleanup(free_ptr) char *escaped = text_escape(sentence);
    (void)json_array_append_new(list, json_string(escaped));
}

static json_t *video_warnings(const struct status *status, size_t index)
{
    json_t *list = json_array();
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        if (!stage_info[stage].per_source)
            continue;
        const struct step *step = status_step(status, (enum stage)stage, index);
        add_failure(list, step, (enum stage)stage);
        const json_t *given = step->warnings;
        for (size_t i = 0; i < json_array_size(given) && json_array_size(list) < MAX_WARNINGS; i++)
            if (json_is_string(json_array_get(given, i)))
                (void)json_array_append(list, json_array_get(given, i));
    }
    return list;
}

static json_t *video_error(const struct status *status, size_t index)
{
    if (was_refused(status, index))
        return step_error_shown(&status->batch->sources[index].error, NULL, 0);
    int stage = failed_stage(status, index);
    if (stage < 0)
        return json_null();
    return step_error_json((enum stage)stage, status_step(status, (enum stage)stage, index));
}

// Of a video elsewhere nobody knows before it is here.  NAN: unknown.
static double size_of(const struct status *status, size_t index)
{
    const struct batch_source *source = &status->batch->sources[index];
    if (source->kind == SOURCE_LOCAL)
        return (double)source->size_bytes;
    const json_t *fetched = status_step(status, STAGE_FETCH, index)->numbers;
    return json_number(fetched, "size_bytes", 0, 1e15, NAN, NULL);
}

static void put_compression(json_t *json, const struct status *status, size_t index)
{
    const struct batch_source *source = &status->batch->sources[index];
    const struct step *step = status_step(status, STAGE_COMPRESS, index);
    json_put_text(json, "profile",
                  json_text(step->numbers, "profile", job_profiles[source->profile], NULL));
    put_reported(json, "compressed_bytes", step, "compressed_bytes", 0);
    double compressed = json_number(step->numbers, "compressed_bytes", 0, 1e15, NAN, NULL);
    double original = size_of(status, index);
    json_put_number(json, "compression_ratio", original > 0 ? compressed / original : NAN, 4);
}

static json_t *video_to_json(const struct status *status, size_t index)
{
    static const char *const kinds[] = { "local", "url", "oss" };
    const struct batch_source *source = &status->batch->sources[index];
    const struct step *probe = status_step(status, STAGE_PROBE, index);
    json_t *json = json_object();
    json_put_int(json, "index", (int64_t)index);
    cleanup(free_ptr) char *name = batch_source_name(source);
    json_put_text(json, "name", name);
    json_put_text(json, "source", kinds[source->kind]);
    json_put_text(json, "status", status_words[video_word(status, index)]);
    put_reported(json, "duration", probe, "duration", 3);
    put_reported(json, "width", probe, "width", 0);
    put_reported(json, "height", probe, "height", 0);
    put_reported(json, "fps", probe, "fps", 3);
    double size = size_of(status, index);
    json_put(json, "size_bytes", isfinite(size) ? json_integer((json_int_t)size) : json_null());
    put_compression(json, status, index);
    json_put(json, "warnings", video_warnings(status, index));
    json_put(json, "error", video_error(status, index));
    return json;
}

// ---- stages

// What the steps of one stage come to.
struct summary {
    size_t steps, done, failed, running;
    time_t started, ended; // first start, last end
};

static void add_step(struct summary *summary, const struct step *step)
{
    summary->steps++;
    summary->done += step->state == STEP_DONE;
    summary->failed += step->state == STEP_FAILED;
    summary->running += is_running(step);
    if (step->started > 0 && (summary->started == 0 || step->started < summary->started))
        summary->started = step->started;
    if (step->ended > summary->ended)
        summary->ended = step->ended;
}

static const char *summary_word(const struct summary *summary)
{
    if (summary->running > 0)
        return "running";
    if (summary->steps == 0 || summary->done + summary->failed < summary->steps)
        return summary->started > 0 && summary->done + summary->failed > 0 ? "running" : "pending";
    return summary->done > 0 ? "completed" : "failed";
}

static json_t *stage_to_json(const struct status *status, enum stage stage)
{
    struct summary summary = { .steps = 0 };
    if (!stage_info[stage].per_source)
        add_step(&summary, &status->batch_steps[stage]);
    for (size_t i = 0; stage_info[stage].per_source && i < status->batch->source_count; i++)
        // What was refused, or failed before, never comes here.
        if (!was_refused(status, i) &&
            (failed_stage(status, i) < 0 || failed_stage(status, i) >= (int)stage))
            add_step(&summary, status_step(status, stage, i));

    time_t until = summary.running > 0 ? status->now : summary.ended;
    bool is_known = summary.started > 0 && until >= summary.started;
    json_t *json = json_object();
    json_put_text(json, "status", summary_word(&summary));
    json_put_int(json, "videos_done", (int64_t)summary.done);
    json_put_number(json, "duration_seconds", is_known ? difftime(until, summary.started) : NAN, 3);
    return json;
}

static json_t *stages_to_json(const struct status *status)
{
    json_t *json = json_object();
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        if (batch_has_stage(status->batch, (enum stage)stage))
            json_put(json, stage_info[stage].name, stage_to_json(status, (enum stage)stage));
    return json;
}

// ---- results

static json_t *plan_part(const struct status *status, int batchdir)
{
    if (status->batch_steps[STAGE_PLAN].state != STEP_DONE)
        return json_null();
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    return plan_load(batchdir, &plan, NULL) < 0 ? json_null() : plan_to_json(&plan);
}

// From the plan on until the reel takes its place.
static bool has_preview(const struct status *status)
{
    const struct step *preview = &status->batch_steps[STAGE_PREVIEW];
    return preview->state == STEP_DONE &&
           json_number(preview->numbers, "duration", 0, 1e9, -1, NULL) > 0 &&
           status->batch_steps[STAGE_PUBLISH].state != STEP_DONE;
}

// A word or sentence that the step reported, or null.
static void put_told(json_t *json, const char *key, const struct step *step)
{
    json_put_text(json, key, json_string_value(json_object_get(step->numbers, key)));
}

static json_t *final_part(const struct status *status)
{
    const struct step *render = &status->batch_steps[STAGE_RENDER];
    if (render->state != STEP_DONE)
        return json_null();
    json_t *json = json_object();
    const struct step *publish = &status->batch_steps[STAGE_PUBLISH];
    json_put_text(json, "path", status->batch->storage == STORAGE_OSS ? NULL : BATCH_FINAL);
    put_told(json, "url", publish);
    put_told(json, "url_expires_at", publish);
    put_told(json, "bucket", publish);
    put_told(json, "key", publish);
    put_reported(json, "duration", render, "duration", 3);
    put_reported(json, "size_bytes", render, "size_bytes", 0);
    put_reported(json, "width", render, "width", 0);
    put_reported(json, "height", render, "height", 0);
    put_reported(json, "frames_copied", render, "frames_copied", 0);
    put_reported(json, "frames_encoded", render, "frames_encoded", 0);
    put_told(json, "render_mode", render);
    put_told(json, "fallback_reason", render);
    return json;
}

static json_t *receipt_part(const struct status *status, int batchdir)
{
    json_t *json = NULL;
    return receipt_read(batchdir, status->currency, &json, NULL) < 0 ? json_null() : json;
}

static json_t *webhook_to_json(const struct status_webhook *webhook)
{
    json_t *json = json_object();
    cleanup(free_ptr) char *host = remote_show_host(webhook->url);
    json_put_text(json, "url", host);
    json_put_text(json, "status", webhook->status);
    json_put_int(json, "attempts", webhook->attempts);
    put_time(json, "next_try", webhook->next_try);
    json_put_text(json, "message", webhook->message);
    return json;
}

static json_t *webhook_part(const struct batch *batch)
{
    const char *url = batch->job.webhook;
    if (url == NULL || *url == '\0')
        return json_null();
    return webhook_to_json(&(struct status_webhook){ .url = url, .status = "pending" });
}

static json_t *whole_error(const struct status *status)
{
    if (status->error == NULL || status->error->class == ERR_NONE)
        return json_null();
    int stage = status->error_stage ? stage_from_name(status->error_stage) : -1;
    unsigned attempts =
        stage >= 0 && !stage_info[stage].per_source ? status->batch_steps[stage].attempts : 0;
    return step_error_shown(status->error, status->error_stage, attempts);
}

// ---- the document

static void put_head(json_t *json, const struct status *status)
{
    const struct batch *batch = status->batch;
    json_put_int(json, "schema", STATUS_VERSION);
    put_name(json, "batch", batch->name);
    json_put_text(json, "id", batch->id);
    json_put_text(json, "status", status_words[status->word]);
    double progress = isfinite(status->progress) ? status->progress : 0;
    json_put_number(json, "progress", fmin(fmax(progress, 0), 100), 1);
    json_put_text(json, "stage", status->stage);
    json_put_text(json, "waiting_for", status->waiting_for);
    json_put_number(json, "estimated_remaining_seconds",
                    status->remaining_seconds < 0 ? NAN : status->remaining_seconds, 0);
    put_time(json, "created_at", batch->created_at);
    put_time(json, "updated_at", status->now);
    put_time(json, "completed_at", status->completed_at);
}

json_t *status_to_json(const struct status *status, int batchdir)
{
    size_t count = status->batch->source_count, processed = 0;
    json_t *json = json_object(), *videos = json_array();
    for (size_t i = 0; i < count; i++) {
        processed += is_processed(status, i);
        (void)json_array_append_new(videos, video_to_json(status, i));
    }
    put_head(json, status);
    json_put_int(json, "total_videos", (int64_t)count);
    json_put_int(json, "processed_videos", (int64_t)processed);
    json_put(json, "videos", videos);
    json_put(json, "stages", stages_to_json(status));
    json_put(json, "clip_plan", plan_part(status, batchdir));
    json_put_text(json, "preview", has_preview(status) ? BATCH_PREVIEW : NULL);
    json_put(json, "final", final_part(status));
    json_put(json, "receipt", receipt_part(status, batchdir));
    json_put(json, "webhook", webhook_part(status->batch));
    json_put_number(json, "total_processing_seconds", status->processing_seconds, 3);
    json_put(json, "error", whole_error(status));
    return json;
}

int status_write(const struct status *status, int batchdir, int outboxdir, struct err *err)
{
    cleanup(json_free) json_t *json = status_to_json(status, batchdir);
    return json_write(outboxdir, "status.json", json, err);
}

// ---- after the end

// People may write there: it is read as anything of theirs.
enum { MAX_BYTES = 4 << 20 };

// The folder of that name; returns as status_read.
static int open_folder(int outbox, const char *name, struct err *err)
{
    int folder = fs_open(outbox, name, O_RDONLY | O_DIRECTORY);
    if (folder == -ENOENT || folder == -ENOTDIR || folder == -ELOOP)
        return -ENOENT;
    return folder < 0 ? fs_fail(err, -folder, "open folder", name) : folder;
}

// Gives *ret_json as well; what is damaged is not ours.
static int read_own(int folder, const char *id, char **ret_text, size_t *ret_size,
                    json_t **ret_json, struct err *err)
{
    struct err why = ERR_INIT;
    cleanup(free_ptr) char *text = NULL;
    cleanup(json_free) json_t *json = NULL;
    int r = fs_read(folder, "status.json", MAX_BYTES, &text, ret_size, &why);
    if (r < 0 && r != -ENOENT && r != -ELOOP && why.class != ERR_INPUT) {
        if (err)
            *err = why;
        return r;
    }
    json = r < 0 ? NULL : json_loadb(text, *ret_size, JSON_REJECT_DUPLICATES, NULL);
    if (strcmp(json_text(json, "id", "", NULL), id) != 0)
        return -ENOENT;
    *ret_text = TAKE(text);
    *ret_json = TAKE(json);
    return 0;
}

int status_read(int outbox, const char *name, const char *id, char **ret_text, size_t *ret_size,
                struct err *err)
{
    cleanup(json_free) json_t *json = NULL;
    cleanup(close_fd) int folder = open_folder(outbox, name, err);
    return folder < 0 ? folder : read_own(folder, id, ret_text, ret_size, &json, err);
}

int status_tell_webhook(int outbox, const char *name, const char *id,
                        const struct status_webhook *webhook, struct err *err)
{
    char now[TEXT_TIME_SIZE];
    size_t size = 0;
    cleanup(free_ptr) char *text = NULL;
    cleanup(json_free) json_t *json = NULL;
    cleanup(close_fd) int folder = open_folder(outbox, name, err);
    int r = folder < 0 ? folder : read_own(folder, id, &text, &size, &json, err);
    if (r < 0)
        return r == -ENOENT ? 1 : r;
    json_put(json, "webhook", webhook_to_json(webhook));
    json_put_text(json, "updated_at", text_time(time(NULL), now));
    return json_write(folder, "status.json", json, err);
}
