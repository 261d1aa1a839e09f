// The loop and what happens in it by the clock and by signals.
#include "daemon/service.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sysexits.h>
#include <time.h>

#include "base/fs.h"
#include "base/landlock.h"
#include "base/log.h"
#include "daemon/adopt.h"
#include "daemon/errands.h"
#include "daemon/intake.h"
#include "daemon/life.h"
#include "daemon/notice.h"
#include "daemon/patrol.h"
#include "daemon/report.h"
#include "daemon/space.h"
#include "daemon/supervise.h"
#include "daemon/wishes.h"
#include "spool/calendar.h"
#include "spool/mount.h"
#include "spool/proxies.h"
#include "spool/throttle.h"

// Stages read this copy: a file that is being edited, or was refused, must not reach them.
#define ACCEPTED "accepted.conf"

enum { CONFIG_MAX_BYTES = 65536, PROGRAM_NICE = 5 };

static const uint64_t tick_us = 1000000;
// What expires is counted in days.
static const uint64_t expire_us = UINT64_C(3600) * 1000000;

uint64_t service_now(const struct service *service)
{
    uint64_t now = 0;
    (void)sd_event_now(service->event, CLOCK_MONOTONIC, &now);
    return now;
}

void service_need(int r)
{
    if (r >= 0 || r == -ESTALE) // the loop is over
        return;
    if (r == -ENOMEM)
        base_out_of_memory();
    log_error(NULL,
              "a timer or wake-up cannot be set, so that nothing here could keep its word: "
              "%s; the next start goes on",
              strerrordesc_np(-r));
    _exit(EX_OSERR);
}

void service_wake(struct service *service)
{
    if (service->pump)
        service_need(sd_event_source_set_enabled(service->pump, SD_EVENT_ONESHOT));
}

void service_arm(struct service *service, sd_event_source **source, uint64_t when_us,
                 sd_event_time_handler_t handler, void *context)
{
    int r;
    if (!*source) {
        r = sd_event_add_time(service->event, source, CLOCK_MONOTONIC, when_us, 1000, handler,
                              context);
    } else {
        r = sd_event_source_set_time(*source, when_us);
        if (r >= 0)
            r = sd_event_source_set_enabled(*source, SD_EVENT_ONESHOT);
    }
    service_need(r);
}

double service_chance(void)
{
    uint32_t bits = 0;
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != sizeof bits)
        bits = UINT32_MAX / 2;
    return bits / (double)UINT32_MAX;
}

int service_start(struct service *service, const char *name, char *first, char *second,
                  const struct executor_listener *listener, struct execution **ret_execution,
                  struct err *err)
{
    const struct child_limits limits = {
        .memory_bytes = (uint64_t)service->settings.stage_memory_bytes,
        .nice = PROGRAM_NICE,
    };
    cleanup(free_ptr) char *program = NULL;
    int r = settings_program(&service->settings, name, &program, err);
    if (r < 0)
        return r;
    // Named, not compound literals: one made in the block below would end with it.
    char config_option[] = "--config", spool_option[] = "--spool";
    char *argv[8];
    size_t argc = 0;
    argv[argc++] = program;
    if (service->accepted) {
        argv[argc++] = config_option;
        argv[argc++] = service->accepted;
    }
    argv[argc++] = spool_option;
    argv[argc++] = service->settings.root;
    argv[argc++] = first;
    argv[argc++] = second;
    argv[argc] = NULL;
    return service->executor.start(&service->executor, argv, &limits, listener, ret_execution, err);
}

unsigned service_slots(const struct settings *settings, enum slot_class slot)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    switch (slot) {
    case SLOT_CPU:
        if (settings->cpu_slots > 0)
            return (unsigned)settings->cpu_slots;
        // One more than there are processors: a step that waits, or ends alone, leaves none idle.
        return processors > 0 ? (unsigned)processors + 1 : 1;
    case SLOT_NET:
        return (unsigned)settings->net_slots;
    default:
        return (unsigned)settings->model_slots;
    }
}

// ---- configuration

static int load_settings(const struct options *options, struct settings *settings,
                         struct config_report *report)
{
    int r = settings_load(options->config, settings, report);
    if (r < 0)
        return r;
    if (options->spool) {
        cleanup(free_ptr) char *root = realpath(options->spool, NULL);
        if (!root) {
            config_report_add(report, "--spool %s: %s", options->spool, strerrordesc_np(errno));
            return -EINVAL;
        }
        free(settings->root);
        settings->root = TAKE(root);
    }
    return 0;
}

static int read_text(const char *path, char **ret_text, size_t *ret_size, struct err *err)
{
    cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    cleanup(free_ptr) char *text = xcalloc(1, CONFIG_MAX_BYTES);
    ssize_t size = fd < 0 ? -1 : read(fd, text, CONFIG_MAX_BYTES);
    if (size < 0)
        return err_errno(err, errno, "read %s", path);
    *ret_text = TAKE(text);
    *ret_size = (size_t)size;
    return 0;
}

// The copy of the last run is as good, and needs no room on a full disk.
static bool holds_text(int root, const char *text, size_t size)
{
    cleanup(free_ptr) char *old = NULL;
    size_t old_size = 0;
    return fs_read(root, ACCEPTED, CONFIG_MAX_BYTES, &old, &old_size, NULL) == 0 && text &&
           old_size == size && memcmp(old, text, size) == 0;
}

static int keep_accepted(struct service *service, struct err *err)
{
    cleanup(free_ptr) char *text = NULL;
    size_t size = 0;
    if (!service->options->config)
        return 0;
    int r = read_text(service->options->config, &text, &size, err);
    if (r < 0)
        return r;
    assert(text != NULL); // or read_text fails
    cleanup(close_fd) int root = open(service->settings.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_errno(err, errno, "open %s", service->settings.root);
    if (!holds_text(root, text, size))
        r = fs_write_unsynced(root, ACCEPTED, text, size, err);
    if (r < 0)
        return r;
    free(service->accepted);
    service->accepted = xasprintf("%s/" ACCEPTED, service->settings.root);
    return 0;
}

static void release_holds(struct service *service)
{
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        service->held_us[stage] = 0;
        free(TAKE(service->held_why[stage]));
    }
    service->trouble_until_us = 0;
}

// Without their copy of the configuration, steps would do something else than was asked for.
static void hold_all(struct service *service, const struct err *why)
{
    service->unaccepted = true;
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        service->held_us[stage] = UINT64_MAX;
        free(service->held_why[stage]);
        service->held_why[stage] = xstrdup(why->text);
    }
}

// With --once there is nobody to make room meanwhile.
static int accept_or_hold(struct service *service, struct err *err)
{
    struct err why = ERR_INIT;
    int r = keep_accepted(service, &why);
    if (r == 0 || why.class != ERR_IO || service->options->once) {
        *err = why;
        return r;
    }
    hold_all(service, &why);
    log_line(LOG_ERR, LOG_EVENT_SPACE_LOW, NULL,
             "started, but no step runs until the configuration can be kept: %s", why.text);
    return 0;
}

static void accept_again(struct service *service)
{
    if (!service->unaccepted || keep_accepted(service, NULL) < 0)
        return;
    service->unaccepted = false;
    release_holds(service);
    log_notice(NULL, "the configuration is kept, going on");
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void refuse(const struct config_report *report)
{
    cleanup(free_ptr) char *lines = xstrdup(report->text ? report->text : "it cannot be read");
    char *rest = lines;
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (*line)
            log_line(LOG_ERR, LOG_EVENT_CONFIG_REFUSED, NULL,
                     "the new configuration is refused, the old one stays: %s", line);
    }
}

static void reload(struct service *service)
{
    cleanup(settings_release) struct settings fresh = { .root = NULL };
    cleanup(config_report_release) struct config_report report = CONFIG_REPORT_INIT;
    struct err err = ERR_INIT;
    const struct settings *old = &service->settings;
    bool good = load_settings(service->options, &fresh, &report) == 0;
    if (good && (!same_text(fresh.root, old->root) || !same_text(fresh.incoming, old->incoming) ||
                 !same_text(fresh.outbox, old->outbox))) {
        config_report_add(&report, "the folders of the spool only change with a restart");
        good = false;
    }
    if (good && mount_check(&fresh, service->spool.incoming, &err) < 0) {
        config_report_add(&report, "%s", err.text);
        good = false;
    }
    if (!good) {
        refuse(&report);
        return;
    }
    struct settings kept = service->settings;
    service->settings = fresh;
    fresh = kept; // released on the way out
    bool kept_copy = keep_accepted(service, &err) == 0;
    if (!kept_copy)
        log_warning(NULL, "stages go on with the old configuration: %s", err.text);
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        service->schedule.slots[slot] = service_slots(&service->settings, (enum slot_class)slot);
    release_holds(service);
    service->unaccepted = service->unaccepted && !kept_copy;
    if (service->unaccepted)
        hold_all(service, &err);
    service->expired_us = 0; // how long is kept may have changed
    log_line(LOG_NOTICE, LOG_EVENT_CONFIG_LOADED, NULL, "the configuration is loaded");
}

// ---- by the clock

// People are owed a status that was put off because the last one was so recent.  One that could not
// be written is left to the scan.
static bool owes_status(const struct service *service)
{
    for (const struct live *live = service->open; live; live = live->next) {
        if (live->dirty && !live->ending && !live->member->warned)
            return true;
    }
    return false;
}

static int on_tick(sd_event_source *source, uint64_t when, void *data)
{
    struct service *service = data;
    (void)source;
    supervise_look(service);
    for (struct live *live = service->open; live; live = live->next) {
        if (live->running > 0 || live->dirty)
            report_status(service, live);
    }
    notice_status(service);
    if ((service->running > 0 || owes_status(service)) && !service->stopping)
        service_arm(service, &service->tick, when + tick_us, on_tick, service);
    return 0;
}

static void start_ticking(struct service *service)
{
    int enabled = SD_EVENT_OFF;
    if (service->tick)
        (void)sd_event_source_get_enabled(service->tick, &enabled);
    if (enabled == SD_EVENT_OFF)
        service_arm(service, &service->tick, service_now(service) + tick_us, on_tick, service);
}

// Time that nobody sets, and that goes on while the machine sleeps.
static double boot_seconds(void)
{
    struct timespec now = { 0 };
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// The date by which things expire.  Not kept on a full disk: better a jump is overlooked than that
// nothing makes room.
static time_t believed_now(struct service *service)
{
    struct err err = ERR_INIT;
    time_t now = time(NULL), believed = now;
    double boot = boot_seconds();
    double ran = service->calendar_seconds > 0 ? boot - service->calendar_seconds : -1;
    service->calendar_seconds = boot;
    cleanup(close_fd) int root = open(service->settings.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = calendar_look(root, now, ran, &believed, &err);
    if (r < 0)
        log_warning(NULL, "the date cannot be kept: %s", err.text);
    if (r == 1 && !service->clock_doubted)
        log_warning(NULL,
                    "the clock is %.1f days ahead of the time that has passed; nothing is removed "
                    "by it before the service has run with it for %d days",
                    difftime(now, believed) / 86400, CALENDAR_DOUBT_SECONDS / 86400);
    service->clock_doubted = r == 1;
    return believed;
}

// Removes what was kept long enough.
static void expire(struct service *service)
{
    struct err err = ERR_INIT;
    uint64_t now = service_now(service);
    const struct settings *settings = &service->settings;
    if (service->expired_us > 0 && now - service->expired_us < expire_us)
        return;
    service->expired_us = now;
    bool keeps_for_days = settings->archive_days > 0 || settings->failed_days > 0;
    int removed =
        keeps_for_days ? spool_expire(&service->spool, settings, believed_now(service), &err) : 0;
    if (removed < 0)
        log_warning(NULL, "what was kept long enough cannot be removed: %s", err.text);
    else if (removed > 0)
        log_info(NULL, "removed %d batches that were kept long enough", removed);
    if (proxies_expire(settings, believed_now(service), &err) < 0)
        log_warning(NULL, "proxies that are kept no longer cannot be removed: %s", err.text);
    throttle_expire(settings->root);
    adopt_forget_removed(service);
}

static int on_scan(sd_event_source *source, uint64_t when, void *data)
{
    struct service *service = data;
    (void)source, (void)when;
    if (service->stopping)
        return 0;
    accept_again(service);
    space_keep(service->spool.work);
    intake_wake(service->intake);
    wishes_look_all(service);
    adopt_again(service);
    life_advance_all(service);
    expire(service);
    notice_status(service);
    service_arm(service, &service->scan,
                service_now(service) + (uint64_t)(service->settings.scan_seconds * 1e6), on_scan,
                service);
    return 0;
}

// ---- the end

static bool nothing_left(const struct service *service)
{
    const struct roster *roster = &service->roster;
    return roster->count[MEMBER_NEW] + roster->count[MEMBER_QUEUED] + roster->count[MEMBER_OPEN] ==
               0 &&
           intake_is_empty(service->intake) && errands_are_done(service);
}

static int on_pump(sd_event_source *source, void *data)
{
    struct service *service = data;
    (void)source;
    if (!service->stopping)
        wishes_look_due(service);
    life_pump(service);
    if (service->stopping ? service->running == 0 : service->options->once && nothing_left(service))
        return sd_event_exit(service->event, service->failed ? EXIT_FAILURE : EXIT_SUCCESS);
    if (service->running > 0 || owes_status(service))
        start_ticking(service);
    if (service->running == 0)
        notice_status(service);
    return 0;
}

static int on_stop_timer(sd_event_source *source, uint64_t when, void *data)
{
    (void)source, (void)when;
    supervise_stop(data, SIGKILL);
    return 0;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
    struct service *service = data;
    double seconds = service->settings.stop_seconds;
    (void)source, (void)info;
    if (service->stopping) { // asked twice
        supervise_stop(service, SIGKILL);
        return 0;
    }
    service->stopping = true;
    service->failed = false; // what is not finished has not failed
    notice_stopping(seconds + 5);
    log_notice(NULL, "stopping; %u steps are asked to end and go on at the next start",
               service->running);
    intake_stop(service->intake);
    supervise_stop(service, SIGTERM);
    errands_stop(service);
    patrol_stop(service);
    service_arm(service, &service->stop_timer, service_now(service) + (uint64_t)(seconds * 1e6),
                on_stop_timer, service);
    service_wake(service);
    return 0;
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
    struct service *service = data;
    (void)source, (void)info;
    notice_reloading();
    reload(service);
    notice_ready();
    if (!service->stopping) {
        life_advance_all(service);
        intake_wake(service->intake);
        errands_try_again(service);
    }
    return 0;
}

// ---- opening

static int open_loop(struct service *service, struct err *err)
{
    static const int handled[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
    sigset_t mask;
    (void)sigemptyset(&mask);
    for (size_t i = 0; i < ARRAY_LEN(handled); i++)
        (void)sigaddset(&mask, handled[i]);
    (void)sigprocmask(SIG_BLOCK, &mask, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    int r = sd_event_new(&service->event);
    if (r >= 0)
        r = sd_event_add_signal(service->event, NULL, SIGTERM, on_stop, service);
    if (r >= 0)
        r = sd_event_add_signal(service->event, NULL, SIGINT, on_stop, service);
    if (r >= 0)
        r = sd_event_add_signal(service->event, NULL, SIGHUP, on_reload, service);
    if (r >= 0)
        r = sd_event_add_defer(service->event, &service->pump, on_pump, service);
    if (r >= 0)
        r = sd_event_set_watchdog(service->event, true);
    return r < 0 ? err_errno(err, -r, "make the event loop") : 0;
}

// Where systemd gives us none (clipspool run, a unit of one's own), the limits of processes stand
// alone.
static void open_cgroup(struct service *service)
{
    struct err err = ERR_INIT;
    cleanup(free_ptr) char *path = NULL;
    if (service->options->once || cgroup_find(&path) < 0)
        return;
    if (cgroup_open(&service->cgroup, path, &err) < 0)
        log_warning(NULL, "steps have no control groups of their own: %s", err.text);
}

static int open_work(struct service *service, struct err *err)
{
    unsigned slots[SLOT_COUNT];
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        slots[slot] = service_slots(&service->settings, (enum slot_class)slot);
    schedule_init(&service->schedule, slots);
    progress_rates_init(&service->rates);
    open_cgroup(service);
    executor_local(&service->executor, service->event, &service->cgroup);
    int r = errands_open(service, err);
    if (r == 0)
        r = adopt_all(service, err);
    if (r == 0)
        r = errands_find(service, err);
    if (r < 0)
        return r;
    patrol_open(service);
    wishes_look_all(service); // what was wished while nobody watched
    return intake_open(service, err);
}

int service_open(struct service *service, const struct options *options,
                 struct config_report *report, struct err *err)
{
    *service = (struct service){ .options = options, .spool = SPOOL_INIT, .cgroup = CGROUP_INIT };
    int r = load_settings(options, &service->settings, report);
    if (r < 0)
        return r;
    r = spool_open(&service->settings, SPOOL_CREATE | SPOOL_LOCK, &service->spool, err);
    if (r == 0)
        r = accept_or_hold(service, err);
    if (r == 0)
        r = open_loop(service, err);
    return r < 0 ? r : open_work(service, err);
}

// What stages will find, for this process is under the same filters.
static void tell_walls(const struct service *service)
{
    int version = landlock_version();
    if (version < 2)
        log_warning(NULL, "stages are kept from other files by the unit alone: Landlock %s",
                    version == 0 ? "is not there" : "is too old");
    else
        log_info(NULL, "stages keep to their batches by Landlock %d", version);
    if (service->cgroup.path)
        log_info(NULL, "each step has a control group of its own%s",
                 service->cgroup.has_memory ? "" : ", but the kernel counts no memory there");
}

int service_run(struct service *service)
{
    service_arm(service, &service->scan,
                service_now(service) + (uint64_t)(service->settings.scan_seconds * 1e6), on_scan,
                service);
    log_notice(NULL, "ready: %s", service->settings.root);
    tell_walls(service);
    notice_ready();
    notice_status(service);
    int r = sd_event_loop(service->event);
    if (r < 0)
        log_error(NULL, "the event loop failed: %s", strerrordesc_np(-r));
    return r < 0 ? EX_OSERR : r;
}

void service_release(struct service *service)
{
    intake_free(&service->intake);
    patrol_free(&service->patrol);
    errands_free(&service->errands);
    if (service->event)
        life_close_all(service);
    roster_release(&service->roster);
    release_holds(service);
    sd_event_source_disable_unref(service->pump);
    sd_event_source_disable_unref(service->tick);
    sd_event_source_disable_unref(service->scan);
    sd_event_source_disable_unref(service->stop_timer);
    sd_event_unref(service->event);
    cgroup_release(&service->cgroup);
    spool_release(&service->spool);
    settings_release(&service->settings);
    free(service->accepted);
    free(service->told_status);
}
