// cancel and retry: a file dropped into the batch's folder of the outbox, as a person with a file
// manager would do it, and a short wait for the service to take it.
#include "base/fs.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/follow.h"
#include "cli/place.h"
#include "cli/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

// The service looks at once when it is told of the file and every scan_seconds otherwise; who waits
// longer than this for an answer wants to be told why.
enum { ANSWER_MS = 5000 };

static int run_cancel(struct cli *cli, int argc, char **argv);
static int run_retry(struct cli *cli, int argc, char **argv);

const struct command command_cancel = {
    .name = "cancel",
    .summary = "stop the work on a batch; its videos are kept",
    .usage =
        "usage: clipspool cancel NAME...\n"
        "Stops the work on batches.  Their videos are kept; `clipspool retry` takes them up "
        "again.\n"
        "The same as putting a file called cancel into their folders of the outbox.\n\n"
        "  -C, --config FILE   the service's configuration\n\n"
        "Exit status: 0 cancelled; 1 it was finished before; 66 there is no such batch; 69 the\n"
        "service did not answer within 5 s; 77 no permission; 78 the configuration is wrong.\n"
        "Of several that went wrong, that of the first.\n",
    .run = run_cancel,
};

const struct command command_retry = {
    .name = "retry",
    .summary = "work again on a batch that failed or was cancelled",
    .usage = "usage: clipspool retry NAME...\n"
             "Takes batches up again that failed or were cancelled; what was done before is kept.\n"
             "The same as putting a file called retry into their folders of the outbox.\n\n"
             "  -C, --config FILE   the service's configuration\n\n"
             "Exit status: 0 taken up again; 1 it did not fail; 66 there is no such batch; 69 the\n"
             "service did not answer within 5 s; 77 no permission; 78 the configuration is wrong.\n"
             "Of several that went wrong, that of the first.\n",
    .run = run_retry,
};

struct wish {
    const struct command *command;
    const char *file;
    bool of_final;     // a wish about batches that ended
    const char *moot;  // what to say when it makes no sense
    const char *taken; // what to say when it was taken
};

static const struct wish cancel_wish = {
    .command = &command_cancel,
    .file = "cancel",
    .of_final = false,
    .moot = "has ended already",
    .taken = "is being cancelled",
};
static const struct wish retry_wish = {
    .command = &command_retry,
    .file = "retry",
    .of_final = true,
    .moot = "has not failed",
    .taken = "is taken up again",
};

static bool makes_sense(const struct wish *wish, const struct view *view)
{
    if (!wish->of_final)
        return !view_is_final(view);
    return view->word == STATUS_FAILED || view->word == STATUS_CANCELLED;
}

// An empty file made in one step: the service may see and remove it at once.
static int drop(int dir, const char *file, struct err *err)
{
    cleanup(close_fd) int fd =
        openat(dir, file, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
               0660);
    if (fd >= 0)
        return 0;
    int number = errno;
    err_errno(err, number, "put the file \"%s\" into the folder of the batch", file);
    if (number == EACCES)
        err_hint(err, "Ask to be made a member of the group clipspool-users, then log in anew.");
    return -number;
}

static bool is_taken(const struct wish *wish, int dir, const struct view *view)
{
    struct stat st;
    bool gone = fstatat(dir, wish->file, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
    return gone && (!view->json || !makes_sense(wish, view));
}

// Until the file is gone and the status tells of it.  Returns whether that came in time.
static bool wait_until_taken(const struct wish *wish, struct follow *follow, int dir)
{
    cleanup(view_release) struct view view = VIEW_INIT;
    int64_t deadline = command_now_us() / 1000 + ANSWER_MS;
    for (int64_t left = ANSWER_MS; left > 0; left = deadline - command_now_us() / 1000) {
        if (follow_look(follow, &view, NULL) == 1 && is_taken(wish, dir, &view))
            return true;
        struct pollfd fd = { .fd = follow_fd(follow), .events = POLLIN };
        (void)poll(&fd, 1, (int)(left < FOLLOW_POLL_MS ? left : FOLLOW_POLL_MS));
    }
    return false;
}

static int utter(const struct wish *wish, const struct settings *settings, int outbox,
                 const char *name)
{
    struct err err = ERR_INIT;
    cleanup(free_ptr) char *safe = text_escape(name);
    cleanup(view_release) struct view view = VIEW_INIT;
    cleanup(follow_close) struct follow follow = FOLLOW_INIT;
    follow_open(&follow, outbox, name);
    // A damaged status is no reason to refuse: the service knows better and writes it anew.
    if (follow_look(&follow, &view, NULL) == 1 && !makes_sense(wish, &view)) {
        fprintf(stderr, "clipspool: %s %s\n", safe, wish->moot);
        return COMMAND_FAILED;
    }
    cleanup(close_fd) int dir = fs_open_dir(outbox, name, &err);
    if (dir < 0 || drop(dir, wish->file, &err) < 0)
        return command_fail(&err);
    if (wait_until_taken(wish, &follow, dir)) {
        printf("%s %s\n", safe, wish->taken);
        return 0;
    }
    if (place_is_served(settings) == 0)
        fputs("clipspool: no service is running on this spool; the wish is kept for it\n", stderr);
    else
        fputs("clipspool: the service has not answered yet; the wish is kept for it\n", stderr);
    return COMMAND_NOT_RUNNING;
}

static int utter_for(const struct wish *wish, const struct settings *settings, int outbox,
                     const char *typed)
{
    struct err err = ERR_INIT;
    cleanup(free_ptr) char *name = NULL;
    if (place_find(outbox, typed, &name, &err) == 0)
        return utter(wish, settings, outbox, name);
    (void)command_fail(&err);
    return COMMAND_NOT_FOUND;
}

static int run(const struct wish *wish, struct cli *cli, int argc, char **argv)
{
    int first = command_options(cli, wish->command, argc, argv, NULL, 0);
    if (first < 0)
        return ~first;
    if (first == argc)
        return command_misused(wish->command, "which batch?");
    int status = 0;
    cleanup(settings_release) struct settings settings = { 0 };
    if (command_settings(cli, &settings, &status) < 0)
        return status;
    struct err err = ERR_INIT;
    cleanup(close_fd) int outbox = place_open_outbox(&settings, &err);
    if (outbox < 0)
        return command_fail(&err);
    for (int i = first; i < argc; i++) {
        int one = utter_for(wish, &settings, outbox, argv[i]);
        status = status ? status : one;
    }
    return status;
}

static int run_cancel(struct cli *cli, int argc, char **argv)
{
    return run(&cancel_wish, cli, argc, argv);
}

static int run_retry(struct cli *cli, int argc, char **argv)
{
    return run(&retry_wish, cli, argc, argv);
}
