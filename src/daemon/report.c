// Writing what a batch tells.
#include "daemon/report.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/space.h"
#include "spool/page.h"
#include "spool/throttle.h"

// status.json is durable, so it costs two syncs: not more often than this unless its word changed.
static const uint64_t status_interval_us = 900000;
static const uint64_t word_interval_us = 100000;

enum { LOG_LINE = 2048 };

// True while a download has begun and not ended; one that failed and waits is one too.
static bool is_downloading(const struct live *live)
{
    for (size_t i = 0; i < live->course.source_count; i++) {
        struct course_place place = { STAGE_FETCH, (int)i };
        if (live_downloads(live, place) && !course_settled(&live->course, place) &&
            course_step(&live->course, place)->attempts > 0)
            return true;
    }
    return false;
}

static enum status_word word_of(const struct live *live)
{
    if (live->ending)
        return live->end;
    if (live->running == 0 && !course_begun(&live->course))
        return STATUS_QUEUED;
    if (is_downloading(live))
        return STATUS_DOWNLOADING;
    const char *name = stage_info[course_front(&live->course)].status;
    for (enum status_word word = 0; word < STATUS_COUNT; word++) {
        if (strcmp(status_words[word], name) == 0)
            return word;
    }
    return STATUS_PREPARING;
}

// The first stage of which a step runs.
static const char *stage_at_work(const struct live *live)
{
    const struct course_mark *marks = live->course.marks;
    size_t sources = live->course.source_count;
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        if (marks[STAGE_COUNT * sources + stage].running)
            return stage_info[stage].name;
        for (size_t i = 0; i < sources; i++) {
            if (marks[(size_t)stage * sources + i].running)
                return stage_info[stage].name;
        }
    }
    return NULL;
}

// ---- why nothing happens

// "storage oss-main, next try 12:31:05".
static char *why_service_rests(const struct step *step)
{
    char clock[TEXT_TIME_SIZE];
    struct tm local;
    cleanup(free_ptr) char *name = throttle_away_name(&step->error);
    if (!name || !localtime_r(&step->next_try, &local))
        return NULL;
    (void)strftime(clock, sizeof clock, "%H:%M:%S", &local);
    return xasprintf("%s, next try %s", name, clock);
}

static char *why_step_waits(const struct service *service, const struct live *live,
                            struct course_place place)
{
    const struct step *step = course_step(&live->course, place);
    const struct course_mark *mark = course_mark(&live->course, place);
    uint64_t now = service_now(service);
    if (service->held_us[place.stage] > now)
        return xasprintf("%s rests: %s", stage_info[place.stage].name,
                         service->held_why[place.stage] ? service->held_why[place.stage] : "");
    if (mark->due_us <= now || step->error.class == ERR_NONE)
        return NULL;
    char *away = why_service_rests(step);
    if (away)
        return away;
    cleanup(free_ptr) char *source = live_source_name(live, place.index);
    return xasprintf("%s%s%s is tried again in %.0f s: %s", stage_info[place.stage].name,
                     *source ? " of " : "", source, ceil((double)(mark->due_us - now) / 1e6),
                     step->error.text);
}

static char *why_waiting(const struct service *service, const struct live *live)
{
    if (live->running > 0 || live->ending)
        return NULL;
    if (service->stopping)
        return xstrdup("the service is stopping; work goes on at its next start");
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        size_t places = stage_info[stage].per_source ? live->course.source_count : 1;
        for (size_t i = 0; i < places; i++) {
            int index = stage_info[stage].per_source ? (int)i : STEP_BATCH;
            struct course_place place = { stage, index };
            char *why =
                course_settled(&live->course, place) ? NULL : why_step_waits(service, live, place);
            if (why)
                return why;
        }
    }
    // With nobody at work there is nothing to wait for: the next step is about to start.
    return service->running > 0 ? xstrdup("a free slot; other batches are being worked on") : NULL;
}

// ---- status.json

static double percent(const struct service *service, struct live *live, double *ret_remaining)
{
    struct progress_view view = {
        .course = &live->course,
        .rates = &service->rates,
        .material = live->material,
        .elsewhere = live->elsewhere,
        .reel_seconds = live_reel_seconds(live),
        .side_by_side = service->schedule.slots[SLOT_CPU],
        .now_us = service_now(service),
    };
    bool begun = live->running > 0 || course_begun(&live->course);
    *ret_remaining = begun && live->course.source_count > 0 ? progress_remaining(&view) : -1;
    if (live->course.source_count > 0)
        live->percent = fmax(live->percent, progress_percent(&view));
    return live->percent;
}

static void fill_end(struct status *status, const struct live *live)
{
    status->progress = live->end == STATUS_COMPLETED ? 100 : live->percent;
    status->remaining_seconds = 0;
    status->completed_at = live->ended_at;
    status->error = live->error.class != ERR_NONE ? &live->error : NULL;
    status->error_stage =
        status->error && live->error_has_stage ? stage_info[live->error_stage].name : NULL;
}

static struct status gather(const struct service *service, struct live *live)
{
    struct status status = {
        .batch = &live->batch,
        .word = word_of(live),
        .stage = stage_at_work(live),
        .now = time(NULL),
        .steps = live->course.steps,
        .batch_steps = live->course.batch_steps,
        .currency = service->settings.models.currency,
    };
    status.processing_seconds = fmax(0, difftime(status.now, live->batch.created_at));
    status.progress = percent(service, live, &status.remaining_seconds);
    if (live->ending)
        fill_end(&status, live);
    return status;
}

static int write_status(struct service *service, struct live *live, struct err *err)
{
    cleanup(free_ptr) char *waiting = why_waiting(service, live);
    struct status status = gather(service, live);
    status.waiting_for = waiting;
    int outboxdir = live_outbox(&service->spool, live, err);
    int r = outboxdir < 0 ? outboxdir : status_write(&status, live->batchdir, outboxdir, err);
    if (r == 0)
        live->reported = status.word;
    return r;
}

static void warn_once(struct live *live, const struct err *err)
{
    if (live->member->warned)
        return;
    live->member->warned = true;
    log_warning((&(struct log_about){ .batch = live->member->id }),
                "status.json cannot be written, work goes on: %s", err->text);
}

// On a full disk it is written into what is kept for it.
static int write_status_at_last(struct service *service, struct live *live, struct err *err)
{
    int r = write_status(service, live, err);
    if (r >= 0 || strcmp(err->id, "no_space") != 0 || !space_give(service->spool.work))
        return r;
    *err = (struct err)ERR_INIT;
    return write_status(service, live, err);
}

void report_status(struct service *service, struct live *live)
{
    struct err err = ERR_INIT;
    uint64_t now = service_now(service);
    uint64_t interval = word_of(live) != live->reported ? word_interval_us : status_interval_us;
    live->dirty = true;
    if (live->ending || (live->reported_us > 0 && now - live->reported_us < interval))
        return;
    live->reported_us = now;
    if (write_status_at_last(service, live, &err) < 0)
        warn_once(live, &err);
    else
        live->dirty = live->member->warned = false;
}

// Before the last status: who has seen that has the page, too.
static int write_page(struct service *service, struct live *live, struct err *err)
{
    cleanup(json_free) json_t *status = report_last(service, live);
    cleanup(free_ptr) char *page = page_from_status(status);
    int outboxdir = live_outbox(&service->spool, live, err);
    return outboxdir < 0 ? outboxdir : fs_write(outboxdir, PAGE_FILE, page, strlen(page), err);
}

int report_end(struct service *service, struct live *live, struct err *err)
{
    if (live->end == STATUS_COMPLETED && live->reported == live->end) // told before a restart
        return 0;
    int r = write_page(service, live, err);
    return r < 0 ? r : write_status_at_last(service, live, err);
}

json_t *report_last(const struct service *service, struct live *live)
{
    struct status status = gather(service, live);
    return status_to_json(&status, live->batchdir);
}

// ---- logs

void report_append(int outboxdir, const char *text)
{
    char clock[TEXT_TIME_SIZE], line[LOG_LINE + TEXT_TIME_SIZE];
    time_t now = time(NULL);
    struct tm local;
    if (outboxdir < 0 || !localtime_r(&now, &local))
        return;
    (void)strftime(clock, sizeof clock, "%Y-%m-%d %H:%M:%S", &local);
    int length = snprintf(line, sizeof line, "%s  %s\n", clock, text);
    (void)fs_append(outboxdir, "batch.log", line, (size_t)length, NULL);
}

void report_line(struct live *live, const char *format, ...)
{
    char text[LOG_LINE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    report_append(live_outbox(&live->service->spool, live, NULL), text);
}

void report_event(struct live *live, struct course_place place, const char *event, const char *text)
{
    char now[TEXT_TIME_SIZE];
    cleanup(json_free) json_t *json = json_object();
    json_put_text(json, "time", text_time(time(NULL), now));
    json_put_text(json, "event", event);
    json_put_text(json, "stage", stage_info[place.stage].name);
    if (place.index != STEP_BATCH)
        json_put_int(json, "source", place.index);
    json_put_int(json, "attempt", course_step(&live->course, place)->attempts);
    if (text)
        json_put_text(json, "text", text);
    cleanup(free_ptr) char *line = json_dumps(json, JSON_COMPACT);
    size_t length = line ? strlen(line) : 0;
    if (length == 0)
        return;
    line[length] = '\n'; // in place of the NUL: the length is known
    (void)fs_append(live->batchdir, BATCH_LOG, line, length + 1, NULL);
}

void report_quarantine(struct service *service, const struct member *member, const struct err *why)
{
    cleanup(batch_release) struct batch batch = BATCH_INIT;
    cleanup(course_release) struct course course = { .source_count = 0 };
    if (!member->outbox) // nobody knows where people look
        return;
    cleanup(close_fd) int outboxdir = fs_open_dir(service->spool.outbox, member->outbox, NULL);
    cleanup(close_fd) int batchdir = fs_open_dir(service->spool.work, member->id, NULL);
    if (outboxdir < 0)
        return;
    cleanup(free_ptr) char *text = xasprintf("failed: the batch cannot be understood: %s; what was "
                                             "dropped is kept in the quarantine of the spool",
                                             why->text);
    report_append(outboxdir, text);
    if (batchdir < 0 || batch_load(batchdir, &batch, NULL) < 0)
        return;
    course_init(&course, batch.source_count, COURSE_ALL_STAGES);
    struct status status = {
        .batch = &batch,
        .word = STATUS_FAILED,
        .now = time(NULL),
        .completed_at = time(NULL),
        .steps = course.steps,
        .batch_steps = course.batch_steps,
        .error = why,
    };
    status.processing_seconds = fmax(0, difftime(status.now, batch.created_at));
    (void)status_write(&status, batchdir, outboxdir, NULL); // the journal has it as well
}
