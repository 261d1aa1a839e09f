// Waits for the changes of one batch's status.json.  The outbox is watched for the folder to
// appear, the folder for the file to be replaced; a watch is always set before the file is read, so
// that no change falls between.
#include "cli/follow.h"

#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>

enum { EVENT_BYTES = 4096 }; // at a time; which file they are about is not asked

static int watch(const struct follow *follow, const char *name, uint32_t mask)
{
    // The open directory, not its path: what is watched is what is read, also after a move.
    cleanup(free_ptr) char *path = xasprintf("/proc/self/fd/%d/%s", follow->outboxdir, name);
    return inotify_add_watch(follow->notify, path, mask);
}

void follow_open(struct follow *follow, int outboxdir, const char *name)
{
    *follow = (struct follow)FOLLOW_INIT;
    follow->outboxdir = outboxdir;
    follow->name = name;
    follow->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (follow->notify >= 0)
        (void)watch(follow, ".", IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
}

void follow_close(struct follow *follow)
{
    close_fd(&follow->notify);
}

int follow_fd(const struct follow *follow)
{
    return follow->notify;
}

// Which file changed does not matter, only that one did; a folder that went away is looked for
// anew.
void follow_drain(struct follow *follow)
{
    char buffer[EVENT_BYTES] __attribute__((aligned(__alignof__(struct inotify_event))));
    for (;;) {
        ssize_t n = read(follow->notify, buffer, sizeof buffer);
        if (n <= 0)
            return;
        for (char *at = buffer; at < buffer + n;) {
            const struct inotify_event *event = (const void *)at;
            if ((event->mask & IN_IGNORED) && event->wd == follow->watch)
                follow->watch = -1;
            at += sizeof *event + event->len;
        }
    }
}

int follow_look(struct follow *follow, struct view *view, struct err *err)
{
    if (follow->notify >= 0) {
        follow_drain(follow);
        if (follow->watch < 0)
            follow->watch = watch(follow, follow->name,
                                  IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE |
                                      IN_ONLYDIR | IN_DONT_FOLLOW);
    }
    struct view fresh = VIEW_INIT;
    int r = view_load(follow->outboxdir, follow->name, &fresh, err);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    view_release(view);
    *view = fresh;
    return 1;
}
