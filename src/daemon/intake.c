// From events to looks to claims.
//
// A claim costs a few milliseconds of syncs and many may settle at once, so each has a turn of the
// loop of its own, behind everything else.  Looks cost time in proportion to what lies in incoming;
// under a storm of events they are spaced so that they never take more than a fifth of it.
#include "daemon/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/adopt.h"
#include "daemon/carrier.h"
#include "daemon/space.h"
#include "daemon/verifier.h"
#include "spool/incoming.h"
#include "spool/waiting.h"

// The folders whose inside is watched, for `.ready` to be seen at once.  Others are seen by the
// scan.
enum { MAX_FOLDERS = 256, MAX_LISTED = 100000 };

static const uint64_t shortest_pause_us = 20000;
// How soon what could not be taken for want of space or after trouble is looked at again.
static const uint64_t hold_us = 2000000;

struct folder {
    struct intake *intake;
    char *name;
    sd_event_source *watch;
    struct folder *next;
};

struct intake {
    struct service *service;
    struct incoming *incoming;
    sd_event_source *root, *look, *claim;
    struct folder *folders;
    unsigned folder_count;
    uint64_t looked_us, cost_us; // when the last look ended and how long it took
    uint64_t look_us;            // when the next one is armed for; UINT64_MAX: none is
    unsigned failures;           // claims in a row that went wrong
    bool claiming, again, stopped;
    bool lacks_room;           // some batch, since the last look
    struct waiting waiting;    // since the last look
    bool warned;               // that nobody can be told what waits
    uint32_t left_cookie;      // of the last rename away from a name that is a candidate's
    struct carrier *carrier;   // a claim across file systems under way, or NULL
    char *carried;             // what it carries
    struct verifier *verifier; // of a folder with a manifest, or NULL
};

static uint64_t clock_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int on_look(sd_event_source *source, uint64_t when, void *data);

// Arms the next look, unless an earlier one is armed.
static void look_at(struct intake *intake, uint64_t when_us)
{
    if (intake->stopped || when_us >= intake->look_us)
        return;
    intake->look_us = when_us;
    service_arm(intake->service, &intake->look, when_us, on_look, intake);
}

void intake_wake(struct intake *intake)
{
    uint64_t pause = 4 * intake->cost_us;
    if (pause < shortest_pause_us)
        pause = shortest_pause_us;
    uint64_t earliest = intake->looked_us + pause, now = clock_us();
    look_at(intake, earliest > now ? earliest : now);
}

// ---- folders in incoming

static void drop_folder(struct intake *intake, struct folder **link)
{
    struct folder *folder = *link;
    *link = folder->next;
    intake->folder_count--;
    sd_event_source_disable_unref(folder->watch);
    free(folder->name);
    free(folder);
}

static void drop_folder_named(struct intake *intake, const char *name)
{
    for (struct folder **link = &intake->folders; *link; link = &(*link)->next) {
        if (strcmp((*link)->name, name) == 0) {
            drop_folder(intake, link);
            return;
        }
    }
}

static int on_folder_event(sd_event_source *source, const struct inotify_event *event, void *data)
{
    (void)source;
    struct folder *folder = data;
    struct intake *intake = folder->intake;
    intake_wake(intake);
    if (event->mask & (IN_IGNORED | IN_MOVE_SELF | IN_DELETE_SELF))
        drop_folder_named(intake, folder->name);
    return 0;
}

static void add_folder(struct intake *intake, const char *name)
{
    struct service *service = intake->service;
    if (intake->folder_count >= MAX_FOLDERS)
        return;
    drop_folder_named(intake, name); // another folder may have the name now
    cleanup(close_fd) int fd = fs_open(service->spool.incoming, name, O_PATH | O_DIRECTORY);
    if (fd < 0)
        return; // a file, or gone
    struct folder *folder = xcalloc(1, sizeof *folder);
    folder->intake = intake;
    folder->name = xstrdup(name);
    folder->next = intake->folders;
    intake->folders = folder;
    intake->folder_count++;
    if (sd_event_add_inotify_fd(service->event, &folder->watch, fd,
                                IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_MOVE_SELF |
                                    IN_DELETE_SELF | IN_ONLYDIR,
                                on_folder_event, folder) < 0)
        drop_folder(intake, &intake->folders); // out of watches: the scan has to do
}

// What came while nobody watched.
static void add_all_folders(struct intake *intake)
{
    cleanup(fs_names_free) char **names = NULL;
    if (fs_list(intake->service->spool.incoming, MAX_LISTED, &names, NULL) < 0)
        return;
    for (size_t i = 0; names[i]; i++)
        add_folder(intake, names[i]);
}

// ---- claims

// What must stay free when a batch of so many bytes is taken.
static struct space_wish wish_for(const struct service *service, uint64_t bytes)
{
    struct space_wish wish = { .min_percent = service->settings.min_free_percent,
                               .min_batches = service->settings.min_free_batches,
                               .largest_bytes = bytes };
    for (const struct live *live = service->open; live; live = live->next) {
        uint64_t own = live_bytes(live);
        wish.largest_bytes = own > wish.largest_bytes ? own : wish.largest_bytes;
        wish.held_bytes += live_unwritten(live);
    }
    return wish;
}

enum leave { LEAVE_GIVEN, LEAVE_NOT_THIS, LEAVE_NOTHING };

// Whether a batch of so many bytes can be taken now.  One that is too large for the disk holds up
// none that is not.
static enum leave may_take(struct intake *intake, const char *name, uint64_t bytes)
{
    struct service *service = intake->service;
    struct space space;
    if (service->trouble_until_us > service_now(service)) {
        intake->lacks_room = service->space_low; // still, for all we know
        return LEAVE_NOTHING;
    }
    if (space_look(service->spool.work, &space, NULL) < 0)
        return LEAVE_GIVEN; // the claim itself will say what is wrong
    const struct space_wish wish = wish_for(service, bytes), any = wish_for(service, 0);
    cleanup(free_ptr) char *why = space_lack(&space, &wish), *shown = text_escape(name);
    cleanup(free_ptr) char *why_any = why ? space_lack(&space, &any) : NULL;
    if (!why)
        return LEAVE_GIVEN;
    if (!service->space_low)
        log_line(LOG_WARNING, LOG_EVENT_SPACE_LOW, NULL, "%s waits for room: %s", shown, why);
    waiting_add(&intake->waiting, name, why);
    while (why_any && (name = incoming_next(intake->incoming))) // as all behind it
        waiting_add(&intake->waiting, name, why_any);
    intake->lacks_room = service->space_low = true;
    return why_any ? LEAVE_NOTHING : LEAVE_NOT_THIS;
}

static void forget_lack(struct intake *intake)
{
    if (intake->service->space_low && !intake->lacks_room) {
        log_notice(NULL, "nothing waits for room any more");
        intake->service->space_low = false;
    }
    intake->lacks_room = false;
}

// What nobody can be told is in the journal all the same.
static void tell_waiting(struct intake *intake)
{
    struct err err = ERR_INIT;
    if (waiting_tell(&intake->waiting, intake->service->spool.outbox, &err) < 0 && !intake->warned)
        log_warning(NULL, "the outbox cannot say what waits in incoming: %s", err.text);
    intake->warned = err.class != ERR_NONE;
}

static void stop_claiming(struct intake *intake)
{
    intake->claiming = false;
    tell_waiting(intake);
    (void)sd_event_source_set_enabled(intake->claim, SD_EVENT_OFF);
    forget_lack(intake);
    if (intake->again)
        intake_wake(intake);
    intake->again = false;
    service_wake(intake->service); // with --once, this may have been the last
}

// What could not be taken is tried again ever more rarely: it may be for ever.
static void claimed(struct intake *intake, const char *name, bool good)
{
    if (good) {
        intake->failures = 0;
        intake->again = true; // to forget what is gone
        return;
    }
    add_folder(intake, name);
    look_at(intake, clock_us() + (hold_us << (intake->failures < 5 ? intake->failures++ : 5)));
}

static void on_carried(void *context, const char *id)
{
    struct intake *intake = context;
    cleanup(free_ptr) char *name = TAKE(intake->carried);
    if (id)
        adopt_claimed(intake->service, id, name);
    else
        adopt_strays(intake->service);
    claimed(intake, name, id != NULL);
    carrier_free(&intake->carrier);
    if (!intake->stopped)
        service_need(sd_event_source_set_enabled(intake->claim, SD_EVENT_ON));
}

// Claims go on when it is over.
static void carry(struct intake *intake, const char *name)
{
    struct err err = ERR_INIT;
    if (carrier_start(intake->service, name, on_carried, intake, &intake->carrier, &err) < 0) {
        log_warning(NULL, "nothing can be brought over from incoming, trying again later: %s",
                    err.text);
        claimed(intake, name, false);
        return;
    }
    intake->carried = xstrdup(name);
    (void)sd_event_source_set_enabled(intake->claim, SD_EVENT_OFF);
}

static int on_claim(sd_event_source *source, void *data)
{
    (void)source;
    struct intake *intake = data;
    const char *name = intake->stopped ? NULL : incoming_next(intake->incoming);
    struct spool_seen seen = { 0 };
    bool is_seen = name && incoming_seen(intake->incoming, &seen);
    enum leave leave = name ? may_take(intake, name, seen.bytes) : LEAVE_NOTHING;
    if (name && leave != LEAVE_GIVEN)
        look_at(intake, clock_us() + hold_us);
    if (leave == LEAVE_NOT_THIS)
        return 0;
    if (leave == LEAVE_NOTHING) {
        stop_claiming(intake);
        return 0;
    }
    cleanup(free_ptr) char *own = xstrdup(name);
    drop_folder_named(intake, own); // its events are not ours any more
    int r = carrier_is_needed(&intake->service->spool)
                ? -EXDEV
                : adopt_take(intake->service, own, is_seen ? &seen : NULL);
    if (r == -EXDEV) // also a folder that we may read but not move
        carry(intake, own);
    else
        claimed(intake, own, r == 0 || r == -EAGAIN); // in motion again: it settles anew
    return 0;
}

// ---- folders with a manifest

static void on_verified(void *context, enum verdict verdict, const char *why)
{
    struct intake *intake = context;
    cleanup(free_ptr) char *name = xstrdup(verifier_name(intake->verifier));
    cleanup(free_ptr) char *shown = text_escape(name);
    verifier_free(&intake->verifier);
    if (verdict == VERDICT_UNKNOWN) {
        log_warning(NULL, "%s cannot be held against its SHA256SUMS, trying again later: %s", shown,
                    why);
        look_at(intake, clock_us() + hold_us);
    } else {
        incoming_verified(intake->incoming, name, verdict == VERDICT_GOOD ? NULL : why);
        intake_wake(intake);
    }
    service_wake(intake->service);
}

// One at a time: they read the same disk.
static void verify_next(struct intake *intake)
{
    struct err err = ERR_INIT;
    const char *name =
        intake->verifier || intake->stopped ? NULL : incoming_to_verify(intake->incoming);
    if (!name ||
        verifier_start(intake->service, name, on_verified, intake, &intake->verifier, &err) == 0)
        return;
    log_warning(NULL, "nothing can be held against its SHA256SUMS, trying again later: %s",
                err.text);
    look_at(intake, clock_us() + hold_us);
}

// ---- looks

static void tell_stuck(struct intake *intake, uint64_t now_us)
{
    size_t position = 0;
    const char *name, *why;
    while ((why = incoming_complaint(intake->incoming, now_us)))
        log_warning(NULL, "waiting in incoming: %s", why);
    waiting_clear(&intake->waiting);
    while (incoming_stuck(intake->incoming, &position, &name, &why))
        waiting_add(&intake->waiting, name, why);
}

static int on_look(sd_event_source *source, uint64_t when, void *data)
{
    (void)source, (void)when;
    struct intake *intake = data;
    struct service *service = intake->service;
    struct err err = ERR_INIT;
    uint64_t next_us = UINT64_MAX, begun_us = clock_us();
    intake->look_us = UINT64_MAX;
    if (intake->claiming) { // the names of the last look are still needed
        intake->again = true;
        return 0;
    }
    if (incoming_look(intake->incoming, &service->spool, &service->settings, begun_us, &next_us,
                      &err) < 0)
        log_warning(NULL, "incoming cannot be read, trying again later: %s", err.text);
    tell_stuck(intake, begun_us);
    intake->looked_us = clock_us();
    intake->cost_us = intake->looked_us - begun_us;
    verify_next(intake);
    if (next_us != UINT64_MAX)
        look_at(intake, next_us);
    intake->claiming = true;
    service_need(sd_event_source_set_enabled(intake->claim, SD_EVENT_ON));
    return 0;
}

// A rename commits a folder, but for one from a name that had been there for all to see: so are
// folders named that are made here and filled afterwards.
static void see_rename(struct intake *intake, const struct inotify_event *event)
{
    if (event->mask & IN_MOVED_FROM && incoming_name(event->name) == INCOMING_COUNTS)
        intake->left_cookie = event->cookie;
    else if (event->mask & IN_MOVED_TO && event->cookie != intake->left_cookie)
        incoming_renamed(intake->incoming, &intake->service->spool, event->name);
}

static int on_root_event(sd_event_source *source, const struct inotify_event *event, void *data)
{
    (void)source;
    struct intake *intake = data;
    if (event->mask & IN_ISDIR && event->len > 0)
        see_rename(intake, event);
    if (event->mask & IN_Q_OVERFLOW)
        add_all_folders(intake);
    else if (event->mask & IN_ISDIR && event->len > 0 && !(event->mask & IN_MOVED_FROM))
        add_folder(intake, event->name);
    intake_wake(intake);
    return 0;
}

static int watch_root(struct intake *intake)
{
    struct service *service = intake->service;
    return sd_event_add_inotify_fd(service->event, &intake->root, service->spool.incoming,
                                   IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE |
                                       IN_ONLYDIR,
                                   on_root_event, intake);
}

int intake_open(struct service *service, struct err *err)
{
    struct intake *intake = service->intake = xcalloc(1, sizeof *intake);
    intake->service = service;
    intake->incoming = incoming_new();
    intake->look_us = UINT64_MAX;
    int r = sd_event_add_defer(service->event, &intake->claim, on_claim, intake);
    if (r < 0)
        return err_errno(err, -r, "make an event source");
    (void)sd_event_source_set_priority(intake->claim, SD_EVENT_PRIORITY_IDLE);
    (void)sd_event_source_set_enabled(intake->claim, SD_EVENT_OFF);
    if (watch_root(intake) < 0)
        log_warning(NULL, "incoming cannot be watched, it is read every %g s",
                    service->settings.scan_seconds);
    add_all_folders(intake); // after the watch: what comes between is seen twice, not never
    intake_wake(intake);
    return 0;
}

void intake_free(struct intake **intake_pointer)
{
    struct intake *intake = TAKE(*intake_pointer);
    if (!intake)
        return;
    while (intake->folders)
        drop_folder(intake, &intake->folders);
    sd_event_source_disable_unref(intake->root);
    sd_event_source_disable_unref(intake->look);
    sd_event_source_disable_unref(intake->claim);
    carrier_free(&intake->carrier);
    verifier_free(&intake->verifier);
    free(intake->carried);
    incoming_free(&intake->incoming);
    waiting_release(&intake->waiting);
    free(intake);
}

void intake_stop(struct intake *intake)
{
    intake->stopped = true;
}

bool intake_is_empty(const struct intake *intake)
{
    return intake->looked_us > 0 && !intake->claiming && !intake->verifier &&
           intake->look_us == UINT64_MAX;
}

size_t intake_waiting(const struct intake *intake, char **ret_reason)
{
    return incoming_waiting(intake->incoming, ret_reason);
}
