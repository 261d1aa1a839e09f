// Opening a batch, and small questions about an open one.
#include "daemon/live.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/text.h"
#include "daemon/progress.h"
#include "spool/probe.h"

// 3 Mbit/s of pictures and 192 kbit/s of sound (media/proxy.c), and what a container needs.
static const double PROXY_BYTES_A_SECOND = 420e3;

// status.json lies where people can write; it is read for one number only.

static int load_steps(struct live *live, struct err *err)
{
    struct course *course = &live->course;
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        int first = stage_info[stage].per_source ? 0 : STEP_BATCH;
        int end = stage_info[stage].per_source ? (int)course->source_count : STEP_BATCH + 1;
        for (int i = first; i < end; i++) {
            struct step *step = course_step(course, (struct course_place){ stage, i });
            int r = step_load(live->batchdir, stage, i, step, err);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

// A source that was refused when the batch was taken never gets past its first step.
static void apply_refusals(struct live *live)
{
    for (size_t i = 0; i < live->batch.source_count; i++) {
        struct step *step = course_step(&live->course, (struct course_place){ 0, (int)i });
        if (live->batch.sources[i].error.class == ERR_NONE)
            continue;
        step->state = STEP_FAILED;
        step->error = live->batch.sources[i].error;
    }
}

// Of what is elsewhere: a minute.  Weighs only until it is here.
static const uint64_t unknown_bytes = 90000000;

static double guess_seconds(const struct live *live, int index)
{
    const struct step *fetch =
        course_step(&live->course, (struct course_place){ STAGE_FETCH, index });
    if (!live->elsewhere[index])
        return progress_guess_seconds(live->batch.sources[index].size_bytes);
    int64_t size = json_int(fetch->numbers, "size_bytes", 1, INT64_MAX, 0, NULL);
    return progress_guess_seconds(size > 0 ? (uint64_t)size : unknown_bytes);
}

void live_measure(struct live *live, int index)
{
    live->material[index] = guess_seconds(live, index);
    cleanup(probe_release) struct probe probe = PROBE_INIT;
    cleanup(close_fd) int sourcedir = batch_open_source(live->batchdir, index, NULL);
    if (sourcedir >= 0 && probe_load(sourcedir, &probe, NULL) == 0 && probe.duration > 0)
        live->material[index] = probe.duration;
}

static void measure_all(struct live *live)
{
    live->material = xcalloc(live->batch.source_count + 1, sizeof *live->material);
    live->elsewhere = xcalloc(live->batch.source_count + 1, sizeof *live->elsewhere);
    for (size_t i = 0; i < live->batch.source_count; i++) {
        struct course_place probed = { STAGE_PROBE, (int)i };
        live->elsewhere[i] = live->batch.sources[i].kind != SOURCE_LOCAL;
        live->material[i] = guess_seconds(live, (int)i);
        if (course_step(&live->course, probed)->state == STEP_DONE)
            live_measure(live, (int)i);
    }
}

// What people were told before a restart: the progress must not fall behind it.
static void read_reported(struct live *live)
{
    cleanup(json_free) json_t *json = NULL;
    if (json_read(live->outboxdir, "status.json", STATUS_MAX_BYTES, &json, NULL) < 0)
        return;
    if (strcmp(json_text(json, "id", "", NULL), live->batch.id) != 0)
        return;
    live->percent = json_number(json, "progress", 0, 99, 0, NULL);
    const char *word = json_text(json, "status", "", NULL);
    for (enum status_word i = 0; i < STATUS_COUNT; i++)
        if (strcmp(status_words[i], word) == 0)
            live->reported = i;
}

// The open folder still has its name.
static bool is_in_place(const struct spool *spool, const struct live *live)
{
    struct stat own, named;
    return live->outboxdir >= 0 && fstat(live->outboxdir, &own) == 0 &&
           fstatat(spool->outbox, live->batch.outbox, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           own.st_ino == named.st_ino && own.st_dev == named.st_dev;
}

int live_outbox(struct spool *spool, struct live *live, struct err *err)
{
    if (is_in_place(spool, live))
        return live->outboxdir;
    close_fd(&live->outboxdir);
    // As a rule it is there, and lasts: made before batch.json was written.
    live->outboxdir = fs_open(spool->outbox, live->batch.outbox, O_RDONLY | O_DIRECTORY);
    if (live->outboxdir >= 0)
        return live->outboxdir;
    int r = fs_mkdir(spool->outbox, live->batch.outbox, 0770, err);
    if (r < 0)
        return r;
    live->outboxdir = fs_open_dir(spool->outbox, live->batch.outbox, err);
    return live->outboxdir;
}

static void init_turns(struct live *live)
{
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        live->turns[slot] = (struct schedule_turn){
            .owner = live,
            .slot = (enum slot_class)slot,
            .priority = live->batch.job.priority,
        };
    }
}

static unsigned stages_of(const struct batch *batch)
{
    unsigned stages = 0;
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++)
        stages |= batch_has_stage(batch, stage) ? 1U << stage : 0;
    return stages;
}

static int load(struct spool *spool, struct live *live, struct err *err)
{
    live->batchdir = fs_open_dir(spool->work, live->member->id, err);
    if (live->batchdir < 0)
        return live->batchdir;
    int r = batch_load(live->batchdir, &live->batch, err);
    if (r == -ENOENT)
        return err_set(err, ERR_INPUT, "no_batch", BATCH_FILE " is missing");
    if (r < 0)
        return r;
    if (!live->batch.outbox)
        return err_set(err, ERR_INPUT, "no_outbox", BATCH_FILE " names no outbox folder");
    course_init(&live->course, live->batch.source_count, stages_of(&live->batch));
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++)
        live->course.slots[stage] = batch_slot(&live->batch, stage);
    r = load_steps(live, err);
    if (r < 0)
        return r;
    apply_refusals(live);
    init_turns(live);
    live->cancelled = faccessat(live->batchdir, BATCH_CANCEL, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    live->dirty = true;
    return 0;
}

int live_open(struct spool *spool, struct member *member, struct live **ret_live, struct err *err)
{
    cleanup(live_free) struct live *live = xcalloc(1, sizeof *live);
    live->member = member;
    live->batchdir = live->outboxdir = -1;
    int r = load(spool, live, err);
    if (r < 0)
        return r;
    if (live_outbox(spool, live, NULL) >= 0) // else tried again when something is to be written
        read_reported(live);
    measure_all(live);
    *ret_live = TAKE(live);
    return 0;
}

void live_free(struct live **live_pointer)
{
    struct live *live = TAKE(*live_pointer);
    if (!live)
        return;
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        schedule_withdraw(&live->turns[slot]);
    sd_event_source_disable_unref(live->wake);
    course_release(&live->course);
    batch_release(&live->batch);
    close_fd(&live->batchdir);
    close_fd(&live->outboxdir);
    free(live->material);
    free(live->elsewhere);
    free(live);
}

bool live_downloads(const struct live *live, struct course_place place)
{
    return place.stage == STAGE_FETCH && place.index != STEP_BATCH && live->elsewhere[place.index];
}

double live_reel_seconds(const struct live *live)
{
    double all = 0;
    for (size_t i = 0; i < live->batch.source_count; i++)
        all += course_source_failed(&live->course, i) ? 0 : live->material[i];
    double target = live->batch.job.target_duration;
    return target > 0 ? fmin(target, all) : fmin(60, all / 5);
}

uint64_t live_bytes(const struct live *live)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < live->batch.source_count; i++)
        bytes += live->batch.sources[i].size_bytes;
    return bytes;
}

static bool is_settled(const struct live *live, enum stage stage, int index)
{
    return course_settled(&live->course, (struct course_place){ stage, index });
}

uint64_t live_unwritten(const struct live *live)
{
    double bytes = 0, seconds = 0;
    for (size_t i = 0; i < live->batch.source_count; i++) {
        seconds += live->material[i];
        if (!is_settled(live, STAGE_COMPRESS, (int)i))
            bytes += live->material[i] * PROXY_BYTES_A_SECOND;
    }
    if (seconds > 0 && !is_settled(live, STAGE_RENDER, STEP_BATCH))
        bytes += live_reel_seconds(live) / seconds * (double)live_bytes(live);
    return (uint64_t)bytes;
}

double live_material(const struct live *live, struct course_place place)
{
    if (place.index != STEP_BATCH)
        return live->material[place.index];
    if (place.stage > STAGE_PLAN)
        return live_reel_seconds(live);
    double all = 0;
    for (size_t i = 0; i < live->batch.source_count; i++)
        all += live->material[i];
    return all;
}

char *live_source_name(const struct live *live, int index)
{
    return index == STEP_BATCH ? xstrdup("") : batch_source_name(&live->batch.sources[index]);
}
