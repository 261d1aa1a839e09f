// Watching outbox folders.
//
// An event only says that a look may be worth while; a look by the clock finds what no event
// announced (network file systems announce nothing).
#include "daemon/wishes.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/log.h"
#include "daemon/life.h"

// Of the 8192 that Debian allows a user by default, for all his programs.
enum { MAX_WATCHES = 1024 };

// status.json is replaced here every second; such events must cost nothing.
static bool may_be_wish(const char *name)
{
    static const char *const words[] = { "cancel", "retry", "approve" };
    size_t length = strcspn(name, ".");
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strlen(words[i]) == length && strncasecmp(words[i], name, length) == 0)
            return true;
    }
    return false;
}

static void unwatch(struct service *service, struct member *member)
{
    if (!member->watch)
        return;
    service->roster.watches--;
    member->watch = sd_event_source_disable_unref(member->watch);
}

static int on_event(sd_event_source *source, const struct inotify_event *event, void *data)
{
    struct service *service = NULL;
    struct member *member = data;
    (void)source;
    service = member->service;
    if (event->mask & (IN_IGNORED | IN_UNMOUNT))
        unwatch(service, member);
    else if (event->mask & IN_Q_OVERFLOW || (event->len > 0 && may_be_wish(event->name)))
        wishes_look(service, member);
    return 0;
}

void wishes_watch(struct service *service, struct member *member)
{
    if (member->watch || !member->outbox || service->roster.watches >= MAX_WATCHES)
        return;
    cleanup(close_fd) int fd = fs_open(service->spool.outbox, member->outbox, O_PATH | O_DIRECTORY);
    member->service = service;
    if (fd < 0 ||
        sd_event_add_inotify_fd(service->event, &member->watch, fd,
                                IN_CREATE | IN_MOVED_TO | IN_ONLYDIR, on_event, member) < 0)
        return; // out of watches, or no folder: the look by the clock has to do
    service->roster.watches++;
}

void wishes_look(struct service *service, struct member *member)
{
    struct stat folder;
    cleanup(free_ptr) char *file = NULL;
    if (!member->outbox || member->deaf)
        return;
    if (fstatat(service->spool.outbox, member->outbox, &folder, AT_SYMLINK_NOFOLLOW) == 0)
        member->looked = folder.st_mtim;
    switch (spool_wish(&service->spool, member->outbox, &file, NULL)) {
    case WISH_CANCEL:
        life_cancel(service, member, file);
        break;
    case WISH_RETRY:
        life_retry(service, member, file);
        break;
    case WISH_APPROVE:
        log_info((&(struct log_about){ .batch = member->id }), "nothing waits for an approval");
        (void)spool_wish_granted(&service->spool, member->outbox, file, NULL);
        break;
    default:
        break;
    }
}

void wishes_look_later(struct service *service, struct member *member)
{
    member->look_due = true;
    service->look_due = true;
    service_wake(service);
}

void wishes_look_due(struct service *service)
{
    struct member *next;
    if (!service->look_due)
        return;
    service->look_due = false;
    for (struct member *member = service->roster.first; member; member = next) {
        bool due = member->look_due;
        next = member->next;
        member->look_due = false;
        if (due)
            wishes_look(service, member);
    }
}

void wishes_look_all(struct service *service)
{
    struct member *next;
    for (struct member *member = service->roster.first; member; member = next) {
        struct stat folder;
        next = member->next;
        if (!member->outbox ||
            fstatat(service->spool.outbox, member->outbox, &folder, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        wishes_watch(service, member);
        if (folder.st_mtim.tv_sec != member->looked.tv_sec ||
            folder.st_mtim.tv_nsec != member->looked.tv_nsec)
            wishes_look(service, member);
    }
}
