// Running steps.
//
//   event \ run   | going             | asked to end (SIGTERM sent)  | dropped (ours: stop, cancel)
//   --------------+-------------------+------------------------------+-----------------------------
//   soft deadline | ask, count        | -                            | -
//   hard deadline | kill, count       | kill                         | kill
//   drop          | ask, not counted  | not counted                  | -
//   exit          | judge             | judge as "took too long"     | give the attempt back
//
// An attempt is written down, as interrupted, before it starts; whatever becomes of the daemon,
// the next one knows of it.
#include "daemon/supervise.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/text.h"
#include "daemon/life.h"
#include "daemon/outcome.h"
#include "daemon/report.h"

// Warnings of a run that are passed on: they end in files for people.
enum { MAX_WARNINGS = 20 };
// Above the daemon, so that a busy machine still answers.
// A program that could not even be started is looked for again after this.
static const double start_failed_seconds = 30;

struct run {
    struct service *service;
    struct live *live;
    struct course_place place;
    struct execution *execution;
    sd_event_source *soft, *hard;
    uint64_t begun_us;
    bool late;    // it passed its soft deadline
    bool dropped; // we ended it; it did nothing wrong
    bool explained;
    unsigned warnings;      // that it gave
    struct err told;        // what it said on descriptor 3
    char last_printed[300]; // the last line on its stderr
    struct run *next, *previous;
};

static void run_free(struct run **run_pointer)
{
    struct run *run = TAKE(*run_pointer);
    if (!run)
        return;
    sd_event_source_disable_unref(run->soft);
    sd_event_source_disable_unref(run->hard);
    if (run->execution)
        run->service->executor.release(&run->execution);
    free(run);
}

static struct log_about about(const struct live *live, struct course_place place,
                              const char *source)
{
    return (struct log_about){
        .batch = live->member->id,
        .stage = stage_info[place.stage].name,
        .source = *source ? source : NULL,
        .attempt = course_step(&live->course, place)->attempts,
    };
}

// ---- what follows from an end

// Writes the attempts down.  That it fails while the machine is in trouble is no news; the attempt
// then counts once too often, which is the careful side.
static void save_try(struct live *live, struct course_place place)
{
    (void)step_save_try(live->batchdir, place.stage, place.index, course_step(&live->course, place),
                        NULL);
}

// What hinders every step of it.
static void hold_stage(struct service *service, enum stage stage, uint64_t until_us,
                       const struct err *err)
{
    service->held_us[stage] = until_us;
    free(service->held_why[stage]);
    service->held_why[stage] = xstrdup(err->text);
    log_line(LOG_ERR, LOG_EVENT_STAGE_HELD, &(struct log_about){ .stage = stage_info[stage].name },
             "%s rests%s: %s. %s", stage_info[stage].name,
             until_us == UINT64_MAX ? " until the configuration is loaded again" : "", err->text,
             err->hint);
}

static void fail_step(struct live *live, struct course_place place, const struct err *err)
{
    struct step *step = course_step(&live->course, place);
    cleanup(free_ptr) char *source = live_source_name(live, place.index);
    struct log_about where = about(live, place, source);
    struct err trouble = ERR_INIT;
    step->state = STEP_FAILED;
    step->error = *err;
    step->ended = time(NULL);
    step->next_try = 0;
    cleanup(free_ptr) char *what =
        xasprintf("%s%s%s failed: %s%s%s", stage_info[place.stage].name, *source ? " of " : "",
                  source, err->text, *err->hint ? " - " : "", err->hint);
    log_line(LOG_WARNING, LOG_EVENT_STEP_FAILED, &where, "%s", what);
    report_line(live, "%s", what);
    report_event(live, place, "failed", err->text);
    // Not written, it is found out once more after a restart.
    if (step_save(live->batchdir, place.stage, place.index, step, &trouble) < 0)
        log_warning(&where, "the result cannot be written, going on: %s", trouble.text);
}

static void retry_step(struct service *service, struct live *live, struct course_place place,
                       const struct err *err, const struct outcome *outcome)
{
    struct step *step = course_step(&live->course, place);
    cleanup(free_ptr) char *source = live_source_name(live, place.index);
    struct log_about where = about(live, place, source);
    step->error = *err;
    step->ended = time(NULL);
    step->next_try = step->ended + (time_t)outcome->wait_seconds;
    course_mark(&live->course, place)->due_us =
        service_now(service) + (uint64_t)(outcome->wait_seconds * 1e6);
    cleanup(free_ptr) char *when =
        outcome->action == OUTCOME_HOLD_RELOAD
            ? xstrdup("trying again when the configuration is loaded again")
            : xasprintf("trying again in %.0f s", outcome->wait_seconds);
    cleanup(free_ptr) char *what =
        xasprintf("%s%s%s: %s; %s%s%s", stage_info[place.stage].name, *source ? " of " : "", source,
                  err->text, when, *err->hint ? " - " : "", err->hint);
    log_line(LOG_WARNING, LOG_EVENT_STEP_RETRY, &where, "%s", what);
    report_line(live, "%s", what);
    report_event(live, place, "retry", err->text);
    if (!outcome->counted)
        step->attempts--;
    save_try(live, place);
}

// Only now is known how much there was to download; what was probed is for the steps to come.
static void learn(struct service *service, struct live *live, struct course_place place,
                  double took)
{
    bool is_download = live_downloads(live, place);
    if (is_download)
        live_measure(live, place.index);
    double material = live_material(live, place);
    if (is_download)
        progress_learn_download(&service->rates, material, took);
    else
        progress_learn(&service->rates, place.stage, material, took);
    if (place.stage == STAGE_PROBE)
        live_measure(live, place.index);
}

static void finish_step(struct service *service, struct live *live, struct course_place place,
                        uint64_t begun_us)
{
    double took = begun_us ? (double)(service_now(service) - begun_us) / 1e6 : 0;
    cleanup(free_ptr) char *source = live_source_name(live, place.index);
    struct log_about where = about(live, place, source);
    learn(service, live, place, took);
    service->trouble_until_us = 0;
    log_info(&where, "%s%s%s done in %.2f s", stage_info[place.stage].name, *source ? " of " : "",
             source, took);
    report_line(live, "%s%s%s done in %.1f s", stage_info[place.stage].name, *source ? " of " : "",
                source, took);
    report_event(live, place, "done", NULL);
}

// Loads the result that the step left.  Returns true if it did what it should.
static bool load_result(struct live *live, struct course_place place, struct err *err)
{
    cleanup(step_release) struct step loaded = STEP_INIT;
    if (step_load(live->batchdir, place.stage, place.index, &loaded, err) < 0)
        return false;
    if (loaded.state != STEP_DONE)
        (void)err_set(err, ERR_BUG, "no_result", "%s ended well but left no result%s",
                      stage_info[place.stage].name,
                      loaded.state == STEP_FAILED ? " of its work" : "");
    if (loaded.state != STEP_DONE)
        return false;
    struct step *step = course_step(&live->course, place);
    step_release(step);
    *step = loaded;
    loaded = (struct step)STEP_INIT;
    return true;
}

static void follow(struct service *service, struct live *live, struct course_place place,
                   const struct err *err)
{
    struct step *step = course_step(&live->course, place);
    struct course_mark *mark = course_mark(&live->course, place);
    bool machine = err->class == ERR_IO || err->class == ERR_SYSTEM || err->class == ERR_RETRY;
    mark->troubles = machine ? mark->troubles + 1 : 0;
    struct outcome_facts facts = {
        .err = err,
        .failures = step->attempts - step->interrupted,
        .troubles = mark->troubles,
        .rules = &service->settings.stage[place.stage],
        .once = service->options->once,
        .chance = service_chance(),
    };
    struct outcome outcome = outcome_judge(&facts);
    uint64_t until = service_now(service) + (uint64_t)(outcome.wait_seconds * 1e6);
    if (outcome.trouble)
        service->trouble_until_us = until;
    if (outcome.action == OUTCOME_HOLD_RELOAD)
        hold_stage(service, place.stage, UINT64_MAX, err);
    if (outcome.action == OUTCOME_FAIL)
        fail_step(live, place, err);
    else if (outcome.action != OUTCOME_DONE)
        retry_step(service, live, place, err, &outcome);
}

// ---- a run and its end

// Others that run now may leave it room the next time.
static void explain_memory(const struct run *run, struct err *err)
{
    (void)err_set(err, ERR_RETRY, "out_of_memory", "%s needed more memory than there is for it",
                  stage_info[run->place.stage].name);
    (void)err_hint(err, "give the service more (limits.stage_memory_bytes, and MemoryMax= of its "
                        "unit), or let it do less at a time (slots.cpu)");
}

static void explain_exit(const struct run *run, int wait_status, struct err *err)
{
    char how[CHILD_TEXT_SIZE];
    const char *name = stage_info[run->place.stage].name;
    if (run->late) {
        (void)err_set(err, ERR_RETRY, "took_too_long", "%s took longer than %.0f s and was ended",
                      name, run->service->settings.stage[run->place.stage].soft_seconds);
        return;
    }
    if (WIFSIGNALED(wait_status)) {
        if (run->service->executor.ran_out(run->execution)) {
            explain_memory(run, err);
            return;
        }
        (void)err_set(err, ERR_BUG, "crashed", "%s was %s", name, child_describe(wait_status, how));
        (void)err_hint(err, "the journal has what it printed; please report it with the video");
        return;
    }
    enum err_class class = err_from_exit(WEXITSTATUS(wait_status));
    if (run->explained && class != ERR_NONE) {
        *err = run->told;
        err->class = class; // the exit status is the protocol
    } else if (class != ERR_NONE) {
        (void)err_set(err, class, "no_reason", "%s ended with %s%s%s", name,
                      child_describe(wait_status, how), *run->last_printed ? ": " : "",
                      run->last_printed);
    }
}

// The result is a stage's last act and lasts: with it the work is done, however the process ended.
static void judge_end(const struct run *run, int wait_status, struct err *err)
{
    struct err no_result = ERR_INIT;
    if (load_result(run->live, run->place, &no_result))
        return;
    explain_exit(run, wait_status, err);
    if (err->class == ERR_NONE)
        *err = no_result;
}

static void detach(struct run *run)
{
    struct live *live = run->live;
    course_mark(&live->course, run->place)->running = false;
    *(run->previous ? &run->previous->next : &live->runs) = run->next;
    if (run->next)
        run->next->previous = run->previous;
    live->running--;
    run->service->running--;
    schedule_give_back(&run->service->schedule, live->course.slots[run->place.stage]);
}

static void on_ended(void *context, int wait_status)
{
    cleanup(run_free) struct run *run = context;
    struct service *service = run->service;
    struct live *live = run->live;
    struct step *step = course_step(&live->course, run->place);
    struct err err = ERR_INIT;
    detach(run);
    step->interrupted--; // it ended by itself, or at our word
    judge_end(run, wait_status, &err);
    if (err.class == ERR_NONE && step->state == STEP_DONE) {
        finish_step(service, live, run->place, run->begun_us);
    } else if (run->dropped) {
        step->attempts--;
        save_try(live, run->place);
    } else {
        follow(service, live, run->place, &err);
    }
    life_step_ended(service, live);
}

// What is too much is said once and dropped: a broken stage must not fill the disk.
static void pass_on_warning(struct run *run, const char *text)
{
    cleanup(free_ptr) char *source = live_source_name(run->live, run->place.index);
    struct log_about where = about(run->live, run->place, source);
    if (run->warnings > MAX_WARNINGS)
        return;
    if (run->warnings++ == MAX_WARNINGS)
        text = "there are more warnings, which are left out";
    log_info(&where, "%s: %s", stage_info[run->place.stage].name, text);
    report_line(run->live, "%s%s%s: %s", stage_info[run->place.stage].name, *source ? " of " : "",
                source, text);
    report_event(run->live, run->place, "warning", text);
}

static void on_said(void *context, const struct message *message)
{
    struct run *run = context;
    struct course_mark *mark = course_mark(&run->live->course, run->place);
    switch (message->kind) {
    case MESSAGE_PROGRESS:
        if (message->progress > mark->fraction)
            mark->fraction = message->progress;
        break;
    case MESSAGE_WARNING:
        pass_on_warning(run, message->error.text);
        break;
    case MESSAGE_ERROR:
        run->told = message->error;
        run->explained = true;
        break;
    }
}

static void on_printed(void *context, const char *line)
{
    struct run *run = context;
    cleanup(free_ptr) char *source = live_source_name(run->live, run->place.index);
    struct log_about where = about(run->live, run->place, source);
    (void)snprintf(run->last_printed, sizeof run->last_printed, "%s", line);
    log_info(&where, "%s", line);
}

static int on_soft_deadline(sd_event_source *source, uint64_t when, void *context)
{
    (void)source, (void)when;
    struct run *run = context;
    run->late = true;
    run->service->executor.kill(run->execution, SIGTERM);
    return 0;
}

static int on_hard_deadline(sd_event_source *source, uint64_t when, void *context)
{
    (void)source, (void)when;
    struct run *run = context;
    run->late = true;
    run->service->executor.kill(run->execution, SIGKILL);
    return 0;
}

// ---- start

static int execute(struct run *run, struct err *err)
{
    struct service *service = run->service;
    cleanup(free_ptr) char *batchdir =
        xasprintf("%s/work/%s", service->settings.root, run->live->member->id);
    cleanup(free_ptr) char *index = xasprintf("%d", run->place.index);
    struct executor_listener listener = {
        .context = run, .said = on_said, .printed = on_printed, .ended = on_ended
    };
    return service_start(service, stage_info[run->place.stage].name, batchdir,
                         run->place.index == STEP_BATCH ? NULL : index, &listener, &run->execution,
                         err);
}

static void attach(struct run *run)
{
    struct service *service = run->service;
    struct live *live = run->live;
    struct course_mark *mark = course_mark(&live->course, run->place);
    const struct settings_stage *rules = &service->settings.stage[run->place.stage];
    run->begun_us = service_now(service);
    mark->running = true;
    mark->begun_us = run->begun_us;
    mark->fraction = 0;
    run->next = live->runs;
    if (run->next)
        run->next->previous = run;
    live->runs = run;
    live->running++;
    service->running++;
    schedule_take(&service->schedule, live->course.slots[run->place.stage]);
    service_arm(service, &run->soft, run->begun_us + (uint64_t)(rules->soft_seconds * 1e6),
                on_soft_deadline, run);
    service_arm(service, &run->hard, run->begun_us + (uint64_t)(rules->hard_seconds * 1e6),
                on_hard_deadline, run);
}

// Writes the attempt down before it begins.
static int note_attempt(struct live *live, struct course_place place, struct err *err)
{
    struct step *step = course_step(&live->course, place);
    step->attempts++;
    step->interrupted++;
    step->started = time(NULL);
    step->next_try = 0;
    int r = step_save_try(live->batchdir, place.stage, place.index, step, err);
    if (r < 0) {
        step->attempts--;
        step->interrupted--;
    }
    return r;
}

// It did not come to an attempt: nothing is counted, and nothing of the stage is tried for a while.
static void start_failed(struct service *service, struct live *live, struct course_place place,
                         struct err *err)
{
    struct step *step = course_step(&live->course, place);
    step->attempts--;
    step->interrupted--;
    save_try(live, place);
    if (service->options->once || err->class == ERR_IO) {
        step->attempts++;
        follow(service, live, place, err);
    } else {
        step->error = *err;
        hold_stage(service, place.stage,
                   service_now(service) + (uint64_t)(start_failed_seconds * 1e6), err);
    }
    life_step_ended(service, live);
}

void supervise_start(struct service *service, struct live *live, struct course_place place)
{
    struct err err = ERR_INIT;
    struct step *step = course_step(&live->course, place);
    if (step->interrupted >= OUTCOME_MAX_INTERRUPTED) {
        (void)err_set(&err, ERR_BUG, "interrupted_too_often",
                      "the service died %u times while %s was at work on it", step->interrupted,
                      stage_info[place.stage].name);
        fail_step(live, place, &err);
        life_step_ended(service, live);
        return;
    }
    if (note_attempt(live, place, &err) < 0) {
        step->attempts++; // follow() takes one off what is not counted
        follow(service, live, place, &err);
        life_step_ended(service, live);
        return;
    }
    cleanup(run_free) struct run *run = xcalloc(1, sizeof *run);
    *run = (struct run){ .service = service, .live = live, .place = place };
    if (execute(run, &err) < 0) {
        start_failed(service, live, place, &err);
        return;
    }
    attach(TAKE(run));
}

void supervise_look(struct service *service)
{
    for (struct live *live = service->open; live; live = live->next) {
        for (struct run *run = live->runs; run; run = run->next)
            service->executor.poll(run->execution);
    }
}

// ---- ending runs

void supervise_drop(struct service *service, struct live *live)
{
    for (struct run *run = live->runs; run; run = run->next) {
        run->dropped = true;
        service->executor.kill(run->execution, SIGTERM);
        service_arm(service, &run->hard,
                    service_now(service) + (uint64_t)(service->settings.stop_seconds * 1e6),
                    on_hard_deadline, run);
    }
}

void supervise_stop(struct service *service, int signal_number)
{
    for (struct live *live = service->open; live; live = live->next) {
        for (struct run *run = live->runs; run; run = run->next) {
            run->dropped = true;
            service->executor.kill(run->execution, signal_number);
        }
    }
}
