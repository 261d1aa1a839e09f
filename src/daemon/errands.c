// Running errands.
//
//   on disk                                         then
//   ------------------------------------------------+------------------------------------------
//   written, its batch in work/                      not begun, and written anew at its end
//   attempts and interrupted one higher than before  it runs, or the daemon died in it: at once
//   next_try                                         waits
//   told in status.json, still there                 run once more, under the same name
//
// What became of an attempt is settled with the disk: told in status.json, and when nothing is left
// to do the errand removed.  What the disk is in the way of is settled later.
#include "daemon/errands.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/report.h"
#include "spool/errand.h"
#include "spool/throttle.h"

// However many batches ended together: each costs a process, which mostly waits.
enum { MAX_RUNNING = 4, MAX_LISTED = 1000000 };

// Of what is due long after the programs' own deadlines.
static const double margin_seconds = 30, sweep_seconds = 1800;
// The disk was in the way.
static const uint64_t trouble_us = 30000000;
static const double longest_wait_seconds = 604800;

struct news {
    const char *word;     // of struct status_webhook; NULL: there is none
    char *line;           // for batch.log
    struct errand errand; // as it was then
};

struct task { // an errand whose time has come or will come
    struct errands *errands;
    struct task *next;
    enum errand_kind kind;
    char *batch;
    uint64_t due_us;
    bool is_administrators; // what it failed for last is in the configuration
    bool warned;
    struct news news;            // that status.json does not say yet
    bool is_over;                // it is not run any more, only settled
    uint64_t settled_us;         // when to settle it again; 0: it is
    struct execution *execution; // while it runs
    sd_event_source *hard;
    bool late, explained;
    struct err told;
    char printed[300]; // the last line
};

struct errands {
    struct service *service;
    int folder;
    struct task *first;
    unsigned running;
    sd_event_source *timer;
};

static void pump(struct errands *errands);

// ---- the list

static void news_release(struct news *news)
{
    free(news->line);
    errand_release(&news->errand);
    *news = (struct news){ .word = NULL };
}

static void task_free(struct task **task_pointer)
{
    struct task *task = TAKE(*task_pointer);
    if (!task)
        return;
    sd_event_source_disable_unref(task->hard);
    if (task->execution) {
        task->errands->running--;
        task->errands->service->executor.release(&task->execution);
    }
    news_release(&task->news);
    free(task->batch);
    free(task);
}

static struct task *find(const struct errands *errands, enum errand_kind kind, const char *batch)
{
    struct task *task = errands->first;
    while (task && (task->kind != kind || strcmp(task->batch, batch) != 0))
        task = task->next;
    return task;
}

static void forget(struct task *task)
{
    struct task **place = &task->errands->first;
    while (*place != task)
        place = &(*place)->next;
    *place = task->next;
    task_free(&task);
}

static void add(struct errands *errands, enum errand_kind kind, const char *batch, uint64_t due_us)
{
    if (find(errands, kind, batch))
        return;
    struct task *task = xcalloc(1, sizeof *task);
    *task = (struct task){ .errands = errands, .kind = kind, .due_us = due_us };
    task->batch = xstrdup(batch);
    task->next = errands->first;
    errands->first = task;
}

static int on_timer(sd_event_source *source, uint64_t when, void *data)
{
    struct errands *errands = data;
    (void)source, (void)when;
    pump(errands);
    service_wake(errands->service); // nothing may be left
    return 0;
}

static bool may_run(const struct task *task)
{
    return !task->execution && !task->is_over && task->errands->running < MAX_RUNNING;
}

// Sets the timer to what comes next.
static void arm(struct errands *errands)
{
    uint64_t due = UINT64_MAX;
    for (const struct task *task = errands->first; task; task = task->next) {
        if (may_run(task) && task->due_us < due)
            due = task->due_us;
        if (task->settled_us > 0 && task->settled_us < due)
            due = task->settled_us;
    }
    if (due != UINT64_MAX)
        service_arm(errands->service, &errands->timer, due, on_timer, errands);
}

static struct log_about about(const struct task *task, const struct errand *errand)
{
    return (struct log_about){ .batch = task->batch,
                               .stage = errand_info[task->kind].program,
                               .attempt = errand->attempts };
}

// ---- what became of it

static void warn(struct task *task, const char *what, const struct err *err)
{
    if (!task->warned)
        log_warning((&(struct log_about){ .batch = task->batch }), "%s: %s", what, err->text);
    task->warned = true;
}

// In the folder of the outbox, as far as it is still the batch's.
static int tell(struct task *task, struct err *err)
{
    const struct news *news = &task->news;
    const struct errand *errand = &news->errand;
    int outbox = task->errands->service->spool.outbox;
    bool failed = errand->error.class != ERR_NONE;
    const struct status_webhook webhook = { .url = errand->url,
                                            .status = news->word,
                                            .attempts = errand->attempts,
                                            .next_try = errand->next_try,
                                            .message = failed ? errand->error.text : NULL };
    int r = status_tell_webhook(outbox, errand->outbox, errand->batch, &webhook, err);
    cleanup(close_fd) int folder = r == 0 ? fs_open_dir(outbox, errand->outbox, NULL) : -1;
    if (folder >= 0)
        report_append(folder, news->line);
    return r;
}

// Tells what there is to tell, then removes what is over.  The task may be gone then.
static void settle(struct task *task)
{
    struct err err = ERR_INIT;
    struct errands *errands = task->errands;
    task->settled_us = 0;
    if (task->news.word && tell(task, &err) >= 0)
        news_release(&task->news);
    if (err.class != ERR_NONE)
        warn(task, "status.json does not say yet what became of the webhook", &err);
    else if (task->is_over && errand_remove(errands->folder, task->kind, task->batch, &err) < 0)
        warn(task, "the errand is done, and cannot be removed yet", &err);
    // With --once nobody waits for the disk: what is left is seen to at the next start.
    if (task->is_over && (err.class == ERR_NONE || errands->service->options->once))
        forget(task);
    else if (err.class != ERR_NONE)
        task->settled_us = service_now(errands->service) + trouble_us;
}

// Takes the errand, as it is to be told, and the line.
static void came_of(struct task *task, struct errand *errand, const char *word, char *line)
{
    news_release(&task->news);
    if (task->kind == ERRAND_WEBHOOK) {
        task->news = (struct news){ .word = word, .line = line, .errand = *errand };
        *errand = (struct errand)ERRAND_INIT;
    } else {
        free(line);
    }
    settle(task);
}

static void succeed(struct task *task, struct errand *errand)
{
    struct log_about where = about(task, errand);
    errand->error = (struct err)ERR_INIT;
    errand->next_try = 0;
    if (task->kind == ERRAND_WEBHOOK)
        log_notice(&where, "the webhook is delivered");
    task->is_over = true;
    came_of(task, errand, "delivered", xstrdup("the webhook is delivered"));
}

static void give_up(struct task *task, struct errand *errand)
{
    struct log_about where = about(task, errand);
    const struct err *error = &errand->error;
    char *line =
        xasprintf("%s is given up after %u attempt%s: %s%s%s", errand_info[task->kind].kind,
                  errand->attempts, errand->attempts == 1 ? "" : "s", error->text,
                  *error->hint ? " - " : "", error->hint);
    log_line(LOG_ERR, LOG_EVENT_ERRAND_FAILED, &where, "%s", line);
    errand->next_try = 0;
    task->is_over = true;
    came_of(task, errand, "failed", line);
}

static void try_later(struct task *task, struct errand *errand, double seconds)
{
    struct err trouble = ERR_INIT;
    struct log_about where = about(task, errand);
    const struct err *error = &errand->error;
    char *line = xasprintf("%s: %s%s%s; trying again in %.0f s", errand_info[task->kind].kind,
                           error->text, *error->hint ? " - " : "", error->hint, seconds);
    errand->next_try = time(NULL) + 1 + (time_t)ceil(seconds); // of this second some is over
    task->due_us = service_now(task->errands->service) + (uint64_t)(seconds * 1e6);
    task->is_administrators = error->class == ERR_CONFIG || error->class == ERR_DENIED;
    log_warning(&where, "%s", line);
    // Not written, the attempt counts as one that was cut off, and comes sooner after a restart.
    if (errand_save(task->errands->folder, errand, &trouble) < 0)
        log_warning(&where, "this cannot be kept: %s", trouble.text);
    came_of(task, errand, "pending", line);
}

static void get_waits(const struct task *task, struct errand_waits *waits)
{
    *waits = errand_usual_waits;
    // The configuration was held against the same rules.
    if (task->kind == ERRAND_WEBHOOK)
        (void)errand_read_waits(task->errands->service->settings.webhook_wait_seconds, waits, NULL);
}

static void follow(struct task *task, struct errand *errand, const struct err *error)
{
    struct errand_waits waits;
    double seconds = 0;
    get_waits(task, &waits);
    const struct errand_facts facts = { .errand = errand,
                                        .error = error,
                                        .waits = &waits,
                                        .once = task->errands->service->options->once,
                                        .chance = service_chance() };
    errand->error = *error;
    errand->attempts -= throttle_had_no_turn(error) && errand->attempts > 0;
    switch (errand_judge(&facts, &seconds)) {
    case ERRAND_DONE:
        succeed(task, errand);
        break;
    case ERRAND_AGAIN:
        try_later(task, errand, seconds);
        break;
    case ERRAND_GIVEN_UP:
        give_up(task, errand);
        break;
    }
}

// ---- running

// Loads what is on disk.  Returns 0, or a negative after seeing to the task, which may be gone.
static int load(struct task *task, struct errand *errand)
{
    struct err err = ERR_INIT;
    struct errands *errands = task->errands;
    int r = errand_load(errands->folder, task->kind, task->batch, errand, &err);
    if (r == 0)
        return 0;
    if (r == -ENOENT) { // somebody removed it, who had the right to
        forget(task);
    } else if (err.class == ERR_INPUT) {
        log_error((&(struct log_about){ .batch = task->batch }),
                  "an errand is damaged, and left where it is: %s", err.text);
        forget(task);
    } else {
        task->due_us = service_now(errands->service) + trouble_us;
        warn(task, "an errand cannot be read, trying again later", &err);
    }
    return r;
}

static void explain(const struct task *task, int wait_status, struct err *err)
{
    char how[CHILD_TEXT_SIZE];
    const char *name = errand_info[task->kind].program;
    if (task->late) {
        (void)err_set(err, ERR_RETRY, "took_too_long", "%s took too long and was ended", name);
        return;
    }
    if (!WIFEXITED(wait_status)) {
        (void)err_set(err, ERR_BUG, "crashed", "%s was %s", name, child_describe(wait_status, how));
        return;
    }
    enum err_class class = err_from_exit(WEXITSTATUS(wait_status));
    if (task->explained && class != ERR_NONE) {
        *err = task->told;
        err->class = class; // the exit status is the protocol
    } else if (class != ERR_NONE) {
        (void)err_set(err, class, "no_reason", "%s ended with %s%s%s", name,
                      child_describe(wait_status, how), *task->printed ? ": " : "", task->printed);
    }
}

static void on_ended(void *context, int wait_status)
{
    struct task *task = context;
    struct errands *errands = task->errands;
    struct err error = ERR_INIT;
    cleanup(errand_release) struct errand errand = ERRAND_INIT;
    explain(task, wait_status, &error);
    errands->running--;
    errands->service->executor.release(&task->execution);
    task->hard = sd_event_source_disable_unref(task->hard);
    if (load(task, &errand) == 0) {
        errand.interrupted -= errand.interrupted > 0;
        follow(task, &errand, &error);
    }
    pump(errands);
    service_wake(errands->service);
}

static void on_said(void *context, const struct message *message)
{
    struct task *task = context;
    if (message->kind != MESSAGE_ERROR)
        return;
    task->told = message->error;
    task->explained = true;
}

static void on_printed(void *context, const char *line)
{
    struct task *task = context;
    (void)snprintf(task->printed, sizeof task->printed, "%s", line);
    log_debug((&(struct log_about){ .batch = task->batch }), "%s: %s",
              errand_info[task->kind].program, line);
}

static int on_hard_deadline(sd_event_source *source, uint64_t when, void *context)
{
    (void)source, (void)when;
    struct task *task = context;
    task->late = true;
    task->errands->service->executor.kill(task->execution, SIGKILL);
    return 0;
}

int errands_start_program(struct service *service, enum errand_kind kind, const char *batch,
                          const struct executor_listener *listener,
                          struct execution **ret_execution, struct err *err)
{
    cleanup(free_ptr) char *id = batch ? xstrdup(batch) : NULL;
    return service_start(service, errand_info[kind].program, id, NULL, listener, ret_execution,
                         err);
}

static int execute(struct task *task, struct err *err)
{
    const struct executor_listener listener = {
        .context = task, .said = on_said, .printed = on_printed, .ended = on_ended
    };
    return errands_start_program(task->errands->service, task->kind, task->batch, &listener,
                                 &task->execution, err);
}

static void attend(struct task *task)
{
    struct service *service = task->errands->service;
    double seconds = task->kind == ERRAND_WEBHOOK
                         ? service->settings.webhook_deadline_seconds + margin_seconds
                         : sweep_seconds;
    task->errands->running++;
    service_arm(service, &task->hard, service_now(service) + (uint64_t)(seconds * 1e6),
                on_hard_deadline, task);
}

// One that the daemon died in so often is its likely cause.
static bool is_harmful(struct task *task, struct errand *errand)
{
    if (errand->interrupted < ERRAND_MAX_INTERRUPTED)
        return false;
    err_clear(&errand->error);
    (void)err_set(&errand->error, ERR_BUG, "interrupted_too_often",
                  "the service died %u times while %s was at work on it", errand->interrupted,
                  errand_info[task->kind].program);
    give_up(task, errand);
    return true;
}

// The attempt is on disk before it begins.
static void start(struct task *task)
{
    struct err err = ERR_INIT;
    cleanup(errand_release) struct errand errand = ERRAND_INIT;
    struct errands *errands = task->errands;
    task->late = task->explained = false;
    task->printed[0] = '\0';
    if (load(task, &errand) < 0 || is_harmful(task, &errand))
        return;
    errand.attempts++;
    errand.interrupted++;
    errand.next_try = 0;
    if (errand_save(errands->folder, &errand, &err) < 0) {
        task->due_us = service_now(errands->service) + trouble_us;
        warn(task, "an errand has to wait", &err);
        return;
    }
    task->warned = false;
    if (execute(task, &err) < 0) {
        errand.interrupted--;
        follow(task, &errand, &err);
        return;
    }
    attend(task);
}

static void pump(struct errands *errands)
{
    struct task *next;
    uint64_t now = service_now(errands->service);
    if (errands->service->stopping)
        return;
    for (struct task *task = errands->first; task; task = next) {
        next = task->next;
        if (may_run(task) && task->due_us <= now)
            start(task);
        else if (task->settled_us > 0 && task->settled_us <= now)
            settle(task);
    }
    arm(errands);
}

// ---- from outside

int errands_open(struct service *service, struct err *err)
{
    int folder = errand_open(service->settings.root, err);
    if (folder < 0)
        return folder;
    service->errands = xcalloc(1, sizeof *service->errands);
    *service->errands = (struct errands){ .service = service, .folder = folder };
    return fs_remove_temporary(folder, err);
}

void errands_free(struct errands **errands_pointer)
{
    struct errands *errands = TAKE(*errands_pointer);
    if (!errands)
        return;
    while (errands->first)
        forget(errands->first);
    sd_event_source_disable_unref(errands->timer);
    close_fd(&errands->folder);
    free(errands);
}

// When an errand that was found is due, in the time of this boot.
static uint64_t due_time(struct errands *errands, enum errand_kind kind, const char *batch)
{
    uint64_t now = service_now(errands->service);
    cleanup(errand_release) struct errand errand = ERRAND_INIT;
    if (errand_load(errands->folder, kind, batch, &errand, NULL) < 0)
        return now; // said when it is to be run
    double wait = fmin(difftime(errand.next_try, time(NULL)), longest_wait_seconds);
    return errand.next_try > 0 && wait > 0 ? now + (uint64_t)(wait * 1e6) : now;
}

int errands_find(struct service *service, struct err *err)
{
    struct errands *errands = service->errands;
    cleanup(fs_names_free) char **names = NULL;
    int r = fs_list(errands->folder, MAX_LISTED, &names, err);
    if (r < 0)
        return r;
    for (size_t i = 0; names[i]; i++) {
        struct stat st;
        enum errand_kind kind;
        cleanup(free_ptr) char *batch = NULL;
        if (errand_parse_name(names[i], &kind, &batch) == 0 &&
            fstatat(service->spool.work, batch, &st, AT_SYMLINK_NOFOLLOW) < 0)
            add(errands, kind, batch, due_time(errands, kind, batch));
    }
    pump(errands);
    return 0;
}

// {"type": "batch.completed", and all that status.json says}.  Gives a string.
static char *webhook_body(struct service *service, struct live *live)
{
    cleanup(json_free) json_t *body = json_object();
    cleanup(json_free) json_t *status = report_last(service, live);
    cleanup(free_ptr) char *type = xasprintf("batch.%s", status_words[live->end]);
    json_put_text(body, "type", type);
    if (json_object_update(body, status) < 0)
        base_out_of_memory();
    char *text = json_dumps(body, JSON_COMPACT);
    if (!text)
        base_out_of_memory();
    return text;
}

static int write_webhook(struct service *service, struct live *live, struct err *err)
{
    const struct batch *batch = &live->batch;
    struct remote remote = REMOTE_INIT;
    int folder = service->errands->folder;
    // What is no link was refused when job.conf was read.
    if (!batch->job.webhook || !*batch->job.webhook ||
        remote_from_link(batch->job.webhook, &remote, NULL) < 0)
        return errand_remove(folder, ERRAND_WEBHOOK, batch->id, err);
    cleanup(errand_release) struct errand errand = { .kind = ERRAND_WEBHOOK };
    errand.batch = xstrdup(batch->id);
    errand.outbox = xstrdup(batch->outbox);
    errand.created = time(NULL);
    errand.message = errand_new_message(batch->id);
    errand.url = TAKE(remote.url);
    errand.body = webhook_body(service, live);
    remote_release(&remote);
    return errand_save(folder, &errand, err);
}

// Also of a batch that never came to its uploads: another one of its runs may have.
static int write_sweep(struct service *service, struct live *live, struct err *err)
{
    const struct batch *batch = &live->batch;
    int folder = service->errands->folder;
    if (batch->storage == STORAGE_LOCAL)
        return errand_remove(folder, ERRAND_SWEEP, batch->id, err);
    cleanup(errand_release) struct errand errand = { .kind = ERRAND_SWEEP };
    errand.batch = xstrdup(batch->id);
    errand.outbox = xstrdup(batch->outbox);
    errand.created = time(NULL);
    errand.bucket = xstrdup(batch->bucket);
    errand.completed = live->end == STATUS_COMPLETED;
    return errand_save(folder, &errand, err);
}

int errands_write(struct service *service, struct live *live, struct err *err)
{
    int r = write_webhook(service, live, err);
    return r < 0 ? r : write_sweep(service, live, err);
}

void errands_begin(struct service *service, const char *batch)
{
    struct errands *errands = service->errands;
    for (enum errand_kind kind = 0; kind < ERRAND_KINDS; kind++) {
        if (errand_exists(errands->folder, kind, batch))
            add(errands, kind, batch, service_now(service));
    }
    // Not from within the end of a batch: what fails at once would be told before it.
    service_arm(service, &errands->timer, service_now(service), on_timer, errands);
}

void errands_drop(struct service *service, const char *batch)
{
    for (enum errand_kind kind = 0; kind < ERRAND_KINDS; kind++) {
        struct task *task = find(service->errands, kind, batch);
        if (task)
            forget(task);
        (void)errand_remove(service->errands->folder, kind, batch, NULL);
    }
}

void errands_try_again(struct service *service)
{
    for (struct task *task = service->errands->first; task; task = task->next) {
        if (task->is_administrators)
            task->due_us = service_now(service);
        if (task->settled_us > 0)
            task->settled_us = service_now(service);
    }
    pump(service->errands);
}

// It did nothing wrong.  Not written, the attempt counts as one that was cut off.
static void give_attempt_back(const struct task *task)
{
    cleanup(errand_release) struct errand errand = ERRAND_INIT;
    int folder = task->errands->folder;
    if (errand_load(folder, task->kind, task->batch, &errand, NULL) < 0)
        return;
    errand.attempts -= errand.attempts > 0;
    errand.interrupted -= errand.interrupted > 0;
    (void)errand_save(folder, &errand, NULL);
}

void errands_stop(struct service *service)
{
    for (struct task *task = service->errands->first; task; task = task->next) {
        if (!task->execution)
            continue;
        service->errands->running--;
        task->hard = sd_event_source_disable_unref(task->hard);
        service->executor.release(&task->execution);
        give_attempt_back(task);
    }
}

bool errands_are_done(const struct service *service)
{
    return service->errands->first == NULL;
}
