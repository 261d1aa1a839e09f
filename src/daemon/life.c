// From the queue to the end.
//
// The order of an end, so that a kill at any instant loses and doubles nothing: the last status
// first (it may be written again), what is left to do after the end (daemon/errands.h), then the
// one rename that takes the batch out of work/.  Found in
// work/ once more, an ended batch ends the same way again.
#include "daemon/life.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/adopt.h"
#include "daemon/errands.h"
#include "daemon/report.h"
#include "daemon/supervise.h"
#include "daemon/wishes.h"

// Batches of a priority that are open at a time.  More would only cost memory and descriptors: a
// machine has fewer slots than this.
enum { OPEN_BATCHES = 24 };
// The same with those that only wait for a time to come, or to be let out of work/: however many
// they are, the others go on.  Bounded, for each keeps two descriptors.
enum { MAX_OPEN_BATCHES = 96 };

// No retry waits longer than this, whatever the clock on the wall was set to meanwhile.
static const time_t longest_wait_seconds = 5000;

static void advance(struct service *service, struct live *live);

// ---- in and out of the open ones

static void link_live(struct service *service, struct live *live)
{
    live->next = service->open;
    if (live->next)
        live->next->previous = live;
    service->open = live;
    live->member->live = live;
    roster_set_state(&service->roster, live->member, MEMBER_OPEN);
}

static void unlink_live(struct service *service, struct live *live)
{
    *(live->previous ? &live->previous->next : &service->open) = live->next;
    if (live->next)
        live->next->previous = live->previous;
    live->member->live = NULL;
}

// Times on the wall, as kept on disk, become times of this boot.
static void set_due_times(const struct service *service, struct live *live)
{
    time_t now = time(NULL);
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        size_t places = stage_info[stage].per_source ? live->course.source_count : 1;
        for (size_t i = 0; i < places; i++) {
            int index = stage_info[stage].per_source ? (int)i : STEP_BATCH;
            struct course_place place = { stage, index };
            time_t wait = course_step(&live->course, place)->next_try - now;
            if (wait > longest_wait_seconds)
                wait = longest_wait_seconds;
            if (wait > 0)
                course_mark(&live->course, place)->due_us =
                    service_now(service) + (uint64_t)wait * 1000000;
        }
    }
}

static int open_member(struct service *service, struct member *member, struct live **ret_live,
                       struct err *err)
{
    int r = live_open(&service->spool, member, ret_live, err);
    if (r < 0)
        return r;
    (*ret_live)->service = service;
    set_due_times(service, *ret_live);
    link_live(service, *ret_live);
    wishes_watch(service, member);
    return 0;
}

void life_quarantine(struct service *service, struct member *member, const struct err *why)
{
    struct err err = ERR_INIT;
    log_line(LOG_ERR, LOG_EVENT_BATCH_QUARANTINED, &(struct log_about){ .batch = member->id },
             "moved to quarantine, it cannot be understood: %s", why->text);
    report_quarantine(service, member, why);
    if (spool_quarantine(&service->spool, member->id, why->text, &err) < 0)
        log_error((&(struct log_about){ .batch = member->id }), "left in work until a restart: %s",
                  err.text);
    roster_remove(&service->roster, member);
}

// ---- the end

// One source: its own error.  Several: what they have in common is that none is of use.
static void find_blame(struct live *live, struct course_place place)
{
    const struct step *step = course_step(&live->course, place);
    live->error_stage = place.stage;
    live->error_has_stage = true;
    live->error = step->error;
    if (place.index == STEP_BATCH || live->batch.source_count == 1)
        return;
    cleanup(free_ptr) char *source = live_source_name(live, place.index);
    live->error = (struct err)ERR_INIT;
    (void)err_set(&live->error, ERR_INPUT, "no_usable_source",
                  "none of the %zu videos can be used; %s: %s", live->batch.source_count, source,
                  step->error.text);
    (void)err_hint(&live->error, "%s", step->error.hint);
}

// "; 2 of 5 videos could not be used", or nothing.  The caller owns it.
static char *failed_sources(const struct live *live)
{
    size_t failed = 0, count = live->batch.source_count;
    for (size_t i = 0; i < count; i++)
        failed += course_source_failed(&live->course, i);
    return failed == 0 ? xstrdup("")
                       : xasprintf("; %zu of %zu videos could not be used", failed, count);
}

static void report_finished(struct live *live)
{
    const struct course_place publish = { STAGE_PUBLISH, STEP_BATCH };
    const json_t *facts = course_step(&live->course, publish)->numbers;
    const char *bucket = json_text(facts, "bucket", NULL, NULL);
    bool is_here = live->batch.storage != STORAGE_OSS;
    cleanup(free_ptr) char *without = failed_sources(live);
    if (bucket == NULL)
        report_line(live, "finished: the reel is " BATCH_FINAL "%s", without);
    else
        report_line(live, "finished: the reel is %s%s in storage %s%s",
                    is_here ? BATCH_FINAL ", and " : "", json_text(facts, "key", "", NULL), bucket,
                    without);
}

// What was dropped does not get better by trying it again: its own remedy is said alone then.
static const char retry_hint[] = "; a file named retry in this folder starts it again";

static void tell_end(struct service *service, struct live *live)
{
    struct log_about where = { .batch = live->member->id };
    if (live->told)
        return;
    live->told = true;
    switch (live->end) {
    case STATUS_COMPLETED:
        log_line(LOG_NOTICE, LOG_EVENT_BATCH_COMPLETED, &where, "completed in %.0f s",
                 difftime(time(NULL), live->batch.created_at));
        report_finished(live);
        break;
    case STATUS_CANCELLED:
        log_line(LOG_NOTICE, LOG_EVENT_BATCH_CANCELLED, &where, "cancelled");
        report_line(live, "cancelled%s", retry_hint);
        break;
    default:
        log_line(LOG_ERR, LOG_EVENT_BATCH_FAILED, &where, "failed: %s", live->error.text);
        report_line(live, "failed: %s%s%s%s", live->error.text, *live->error.hint ? " - " : "",
                    live->error.hint, live->error.class == ERR_INPUT ? "" : retry_hint);
        service->failed = true;
    }
}

static void warn_end(struct live *live, const char *what, const struct err *err)
{
    if (!live->member->warned)
        log_warning((&(struct log_about){ .batch = live->member->id }),
                    "%s, trying again later: %s", what, err->text);
    live->member->warned = true;
}

static int leave_work(struct service *service, struct live *live, struct err *err)
{
    if (live->end == STATUS_COMPLETED)
        return spool_archive(&service->spool, live->member->id, live->member->outbox, err);
    return spool_set_aside(&service->spool, live->member->id, err);
}

// Ends the batch as far as the machine lets it; called again, it goes on.  The live is gone if all
// went well.
static void finish(struct service *service, struct live *live)
{
    struct err err = ERR_INIT;
    struct member *member = live->member;
    if (report_end(service, live, &err) < 0) {
        warn_end(live, "the last status cannot be written", &err);
        return;
    }
    tell_end(service, live);
    if (errands_write(service, live, &err) < 0) {
        warn_end(live, "what is left to do at its end cannot be written down", &err);
        return;
    }
    if (leave_work(service, live, &err) < 0) {
        warn_end(live, "the batch cannot leave work", &err);
        return;
    }
    bool completed = live->end == STATUS_COMPLETED;
    errands_begin(service, member->id);
    unlink_live(service, live);
    live_free(&live);
    if (completed) {
        roster_remove(&service->roster, member);
        return;
    }
    member->warned = false;
    roster_set_state(&service->roster, member, MEMBER_ASIDE);
    // Dropped while it ended, perhaps.  Not now: what is wished may end the batch again, and there
    // may be any number of wishes.
    wishes_look_later(service, member);
}

static void end(struct service *service, struct live *live, enum status_word word)
{
    live->ending = true;
    live->end = word;
    live->ended_at = time(NULL);
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        schedule_withdraw(&live->turns[slot]);
    finish(service, live);
}

// ---- going on

// Ends the batch if nothing is left to do.  Returns true if so; the live may be gone then.
static bool conclude(struct service *service, struct live *live)
{
    struct course_place place;
    if (live->running > 0)
        return live->cancelled;
    if (live->cancelled) {
        end(service, live, STATUS_CANCELLED);
        return true;
    }
    if (live->batch.error.class != ERR_NONE) {
        live->error = live->batch.error;
        end(service, live, STATUS_FAILED);
        return true;
    }
    switch (course_outcome(&live->course, &place)) {
    case COURSE_GOING:
        return false;
    case COURSE_COMPLETED:
        end(service, live, STATUS_COMPLETED);
        return true;
    case COURSE_FAILED:
        break;
    }
    find_blame(live, place);
    end(service, live, STATUS_FAILED);
    return true;
}

static int on_wake(sd_event_source *source, uint64_t when, void *data)
{
    (void)source, (void)when;
    struct live *live = data;
    struct service *service = live->service;
    advance(service, live);
    service_wake(service);
    return 0;
}

static void stand_in_line(struct service *service, struct live *live)
{
    uint64_t now = service_now(service);
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        struct course_place place;
        if (course_next(&live->course, (enum slot_class)slot, service->held_us, now, &place))
            schedule_offer(&service->schedule, &live->turns[slot]);
    }
    uint64_t wake = course_wake(&live->course, service->held_us, now);
    if (wake != UINT64_MAX)
        service_arm(service, &live->wake, wake, on_wake, live);
}

static void advance(struct service *service, struct live *live)
{
    if (live->ending) {
        finish(service, live);
        return;
    }
    if (service->stopping || conclude(service, live))
        return;
    stand_in_line(service, live);
    // The first one waits until what can be started is: two syncs, and all that people want to know
    // is that it has begun.
    if (live->reported_us > 0)
        report_status(service, live);
    else
        live->dirty = true;
}

static void report_first(struct service *service)
{
    for (struct live *live = service->open; live; live = live->next) {
        if (live->dirty && live->reported_us == 0)
            report_status(service, live);
    }
}

void life_advance_all(struct service *service)
{
    struct live *next;
    for (struct live *live = service->open; live; live = next) {
        next = live->next;
        advance(service, live);
    }
    service_wake(service);
}

void life_step_ended(struct service *service, struct live *live)
{
    advance(service, live);
    service_wake(service);
}

// ---- the queue

// A step of it runs or could.
static bool is_busy(const struct service *service, const struct live *live)
{
    if (live->running > 0 || live->ending)
        return !live->ending;
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        struct course_place place;
        if (course_next(&live->course, (enum slot_class)slot, service->held_us,
                        service_now(service), &place))
            return true;
    }
    return false;
}

static bool has_room(const struct service *service, int priority)
{
    size_t busy = 0;
    if (service->roster.open[priority] >= MAX_OPEN_BATCHES)
        return false;
    for (const struct live *live = service->open; live; live = live->next)
        busy += live->member->priority == priority && is_busy(service, live);
    return busy < OPEN_BATCHES;
}

static void close_live(struct service *service, struct live *live)
{
    unlink_live(service, live);
    live_free(&live);
}

// "notes.txt, a.pdf and 3 more": what lies in the folder and is not used.  The caller owns it.
static char *unused_files(const struct live *live)
{
    enum { NAMED = 10 };
    char **paths = live->batch.ignored;
    cleanup(free_ptr) char *names = xstrdup("");
    size_t count = 0;
    for (; paths && paths[count]; count++) {
        if (count >= NAMED)
            continue;
        cleanup(free_ptr) char *before = names, *safe = text_escape(paths[count]);
        names = xasprintf("%s%s%s", before, count ? ", " : "", safe);
    }
    return count > NAMED ? xasprintf("%s and %zu more", names, count - NAMED) : TAKE(names);
}

static void greet(struct live *live)
{
    size_t count = live->batch.source_count;
    if (course_begun(&live->course) || live->batch.error.class != ERR_NONE)
        return;
    report_line(live, "taken: %zu video%s", count, count == 1 ? "" : "s");
    cleanup(free_ptr) char *unused = unused_files(live);
    if (*unused)
        report_line(live, "not used: %s", unused);
    for (size_t i = 0; count > 1 && i < count; i++) { // a single one is told at the end
        const struct err *why = &live->batch.sources[i].error;
        if (why->class != ERR_NONE)
            report_line(live, "%s%s%s", why->text, *why->hint ? " - " : "", why->hint);
    }
}

int life_enter(struct service *service, struct member *member, struct err *err)
{
    bool room = has_room(service, member->priority);
    struct live *live = NULL;
    int r = open_member(service, member, &live, err);
    if (r < 0)
        return r;
    member->warned = false;
    greet(live);
    if (room || live->cancelled || live->batch.error.class != ERR_NONE) {
        advance(service, live);
    } else {
        report_status(service, live);
        close_live(service, live);
        roster_queue(&service->roster, member);
    }
    service_wake(service);
    return 0;
}

static void open_queued(struct service *service, int priority)
{
    while (has_room(service, priority)) {
        struct member *member = roster_dequeue(&service->roster, priority);
        struct live *live = NULL;
        struct err err = ERR_INIT;
        if (!member)
            return;
        if (open_member(service, member, &live, &err) == 0) {
            advance(service, live);
        } else if (err.class == ERR_INPUT) {
            life_quarantine(service, member, &err);
        } else {
            roster_set_state(&service->roster, member, MEMBER_NEW); // tried again at the next scan
            return;
        }
    }
}

void life_pump(struct service *service)
{
    struct schedule_turn *turn;
    if (service->stopping)
        return;
    for (int priority = SCHEDULE_PRIORITIES - 1; priority >= 0; priority--)
        open_queued(service, priority);
    while ((turn = schedule_next(&service->schedule))) {
        struct live *live = turn->owner;
        struct course_place place;
        if (!course_next(&live->course, turn->slot, service->held_us, service_now(service), &place))
            continue;
        // To the end of the line before the start, which may end the whole batch.
        schedule_offer(&service->schedule, turn);
        supervise_start(service, live, place);
    }
    report_first(service);
}

void life_close_all(struct service *service)
{
    while (service->open) {
        struct live *live = service->open;
        if (live->dirty && !live->ending)
            report_status(service, live);
        close_live(service, live);
    }
}

// ---- wishes

// The file goes once the wish is kept.  One that stays would be granted for ever: then the folder
// is looked at no more.
static void forget_wish(struct service *service, struct member *member, const char *file)
{
    struct err err = ERR_INIT;
    if (spool_wish_granted(&service->spool, member->outbox, file, &err) == 0)
        return;
    member->deaf = true;
    log_warning((&(struct log_about){ .batch = member->id }),
                "wishes for it are not heard any more, the last one cannot be removed: %s",
                err.text);
}

// Whoever drops a wish looks into the outbox, not into the journal.
static void answer_wish(struct service *service, struct member *member, const char *answer)
{
    cleanup(close_fd) int outbox = fs_open_dir(service->spool.outbox, member->outbox, NULL);
    log_notice((&(struct log_about){ .batch = member->id }), "%s", answer);
    report_append(outbox, answer);
}

static void cancel_live(struct service *service, struct live *live, const char *file)
{
    struct err err = ERR_INIT;
    // Not written, the wish ends with this process; it is granted all the same.
    if (fs_write(live->batchdir, BATCH_CANCEL, "", 0, &err) < 0)
        log_warning((&(struct log_about){ .batch = live->member->id }),
                    "the wish to cancel cannot be kept, cancelling now: %s", err.text);
    forget_wish(service, live->member, file);
    live->cancelled = true;
    supervise_drop(service, live);
    advance(service, live);
    service_wake(service);
}

static void open_to_cancel(struct service *service, struct member *member)
{
    struct live *live = NULL;
    struct err err = ERR_INIT;
    roster_unqueue(&service->roster, member);
    if (open_member(service, member, &live, &err) == 0)
        return;
    roster_queue(&service->roster, member);
    log_warning((&(struct log_about){ .batch = member->id }), "cannot be cancelled now: %s",
                err.text);
}

void life_cancel(struct service *service, struct member *member, const char *file)
{
    if (member->state == MEMBER_QUEUED)
        open_to_cancel(service, member);
    struct live *live = member->live;
    if (live && !live->ending && !live->cancelled)
        cancel_live(service, live, file);
    else if (member->state != MEMBER_QUEUED) // else it is heard at the next look
        forget_wish(service, member, file);
}

void life_retry(struct service *service, struct member *member, const char *file)
{
    struct err err = ERR_INIT;
    struct log_about where = { .batch = member->id };
    if (member->state != MEMBER_ASIDE) {
        answer_wish(service, member, "nothing to try again: the batch has not failed");
        forget_wish(service, member, file);
        return;
    }
    if (spool_retry(&service->spool, member->id, &err) < 0) {
        log_warning(&where, "cannot be tried again: %s", err.text);
        forget_wish(service, member, file);
        return;
    }
    errands_drop(service,
                 member->id); // what was to be told of the earlier end is not the end any more
    forget_wish(service, member, file);
    answer_wish(service, member, "tried again as wished");
    roster_set_state(&service->roster, member, MEMBER_NEW);
    adopt_member(service, member);
}
