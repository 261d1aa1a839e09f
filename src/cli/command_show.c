// list, status, watch: what the outbox says.  They only read, so they work without the service and
// for everybody who may look into the outbox.
#include "base/fs.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/follow.h"
#include "cli/interrupt.h"
#include "cli/meter.h"
#include "cli/place.h"
#include "cli/screen.h"
#include "spool/incoming.h"
#include "spool/waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>

enum {
    NAME_COLUMNS = 32,
    TAKING_MS = 2000, // of a batch by the service: some renames and syncs; and what one waits to be
                      // told of a wrong name
};

static int run_list(struct cli *cli, int argc, char **argv);
static int run_status(struct cli *cli, int argc, char **argv);
static int run_watch(struct cli *cli, int argc, char **argv);

const struct command command_list_all = {
    .name = "list",
    .summary = "all batches and how far they are",
    .usage = "usage: clipspool list [--names]\n"
             "Shows every batch of the spool, a line each.\n\n"
             "      --names         only the names, for scripts\n"
             "  -C, --config FILE   the service's configuration\n\n"
             "Exit status: 0; 71 or 77 the spool cannot be read; 78 the configuration is wrong.\n",
    .run = run_list,
};

const struct command command_status = {
    .name = "status",
    .summary = "one batch in detail",
    .usage = "usage: clipspool status [NAME] [--json]\n"
             "Shows a batch with each of its videos; without NAME, every batch.\n\n"
             "      --json          status.json as it is (with NAME)\n"
             "  -C, --config FILE   the service's configuration\n\n"
             "Exit status: 0; 65 its status.json is damaged; 66 there is no such batch; 71 or 77\n"
             "the spool cannot be read; 78 the configuration is wrong.\n",
    .run = run_status,
};

const struct command command_watch = {
    .name = "watch",
    .summary = "follow a batch until it is finished",
    .usage =
        "usage: clipspool watch NAME\n"
        "Shows the progress of a batch until its end, also if it was only just dropped, and\n"
        "prints the path of the reel.  Ctrl-C ends the watching, not the work.\n\n"
        "  -C, --config FILE   the service's configuration\n\n"
        "Exit status: 0 the reel is made; 1 the batch failed or was cancelled; 66 there is no\n"
        "such batch; 71 or 77 the spool cannot be read; 78 the configuration is wrong;\n"
        "130 interrupted.\n",
    .run = run_watch,
};

// ---- list

static void print_row(const char *name, const char *percent, const char *what)
{
    cleanup(free_ptr) char *safe = text_escape(name);
    cleanup(free_ptr) char *padded =
        screen_columns(safe) > NAME_COLUMNS ? xstrdup(safe) : screen_pad(safe, NAME_COLUMNS);
    printf("%s  %5s  %s\n", padded, percent, what);
}

static void print_batch(int outbox, const char *name)
{
    struct err err = ERR_INIT;
    cleanup(view_release) struct view view = VIEW_INIT;
    int r = view_load(outbox, name, &view, &err);
    if (r < 0) {
        print_row(name, "", r == -ENOENT ? "no status yet" : "its status.json cannot be read");
        return;
    }
    cleanup(free_ptr) char *activity = view_activity(&view), *left = view_remaining(&view);
    cleanup(free_ptr) char *what = xasprintf("%s%s%s", activity, *left ? ", " : "", left);
    cleanup(free_ptr) char *percent = xasprintf("%.0f %%", floor(view.progress));
    print_row(name, percent, what);
}

static bool is_folder(int dir, const char *name)
{
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static int list_outbox(const struct settings *settings, bool names_only, struct err *err)
{
    cleanup(close_fd) int outbox = place_open_outbox(settings, err);
    if (outbox < 0)
        return outbox;
    cleanup(fs_names_free) char **names = NULL;
    int count = fs_list(outbox, PLACE_MAX_BATCHES, &names, err);
    for (int i = 0; i < count; i++) {
        if (names[i][0] == '.' || !is_folder(outbox, names[i]))
            continue;
        cleanup(free_ptr) char *safe = text_escape(names[i]);
        if (names_only)
            printf("%s\n", safe);
        else
            print_batch(outbox, names[i]);
    }
    return count;
}

// The outbox is open to everybody in the group.  Gives a string fit for a screen, or NULL.
static char *why_waiting(int outbox, const char *name)
{
    cleanup(free_ptr) char *why = waiting_find(outbox, name);
    return why ? screen_safe(why) : NULL;
}

static void print_arriving(int outbox, const char *name)
{
    cleanup(free_ptr) char *why = why_waiting(outbox, name);
    cleanup(free_ptr) char *what = why ? xasprintf("waits: %s", why) : xstrdup("arriving");
    print_row(name, "", what);
}

// Who may look at reels need not be allowed to look at what others drop: then there are none.
static void list_arriving(const struct settings *settings)
{
    cleanup(close_fd) int incoming = place_open_incoming(settings, NULL);
    cleanup(close_fd) int outbox = place_open_outbox(settings, NULL);
    cleanup(fs_names_free) char **names = NULL;
    int count = incoming < 0 ? 0 : fs_list(incoming, PLACE_MAX_BATCHES, &names, NULL);
    for (int i = 0; i < count; i++)
        if (incoming_name(names[i]) == INCOMING_COUNTS)
            print_arriving(outbox, names[i]);
}

// What a status.json says of the time that is left holds as long as somebody works.
static void warn_if_idle(const struct settings *settings)
{
    if (place_is_served(settings) == 0)
        fputs("No service is running on this spool; nothing will happen until one does.\n", stderr);
}

static int list(const struct settings *settings, bool names_only)
{
    struct err err = ERR_INIT;
    if (!names_only)
        list_arriving(settings);
    if (list_outbox(settings, names_only, &err) < 0)
        return command_fail(&err);
    if (!names_only)
        warn_if_idle(settings);
    return 0;
}

static int run_list(struct cli *cli, int argc, char **argv)
{
    bool names_only = false;
    const struct command_option options[] = { { 0, "names", .flag = &names_only } };
    int first = command_options(cli, &command_list_all, argc, argv, options, ARRAY_LEN(options));
    if (first < 0)
        return ~first;
    if (first < argc)
        return command_misused(&command_list_all, "\"%s\" is one too many", argv[first]);
    int status;
    cleanup(settings_release) struct settings settings = { 0 };
    if (command_settings(cli, &settings, &status) < 0)
        return status;
    return list(&settings, names_only);
}

// ---- status

static int print_json(int outbox, const char *name, struct err *err)
{
    size_t size;
    cleanup(free_ptr) char *data = NULL;
    cleanup(close_fd) int dir = fs_open_dir(outbox, name, err);
    int r = dir < 0 ? dir : fs_read(dir, "status.json", VIEW_MAX_BYTES, &data, &size, err);
    if (r == -ENOENT)
        return err_set(err, ERR_RETRY, "no_status", "the batch has no status.json yet");
    if (r >= 0)
        (void)fwrite(data, 1, size, stdout);
    return r;
}

// Returns 1 if there is still something to come.
static int print_status(int outbox, const char *name, struct err *err)
{
    cleanup(view_release) struct view view = VIEW_INIT;
    int r = view_load(outbox, name, &view, err);
    if (r == -ENOENT)
        return err_set(err, ERR_RETRY, "no_status", "the batch has no status.json yet");
    if (r < 0)
        return r;
    view_print(&view, name, stdout);
    return !view_is_final(&view);
}

// A batch that was dropped but not yet taken is in incoming only.
static bool is_arriving(const struct settings *settings, const char *typed, char **ret_name)
{
    cleanup(close_fd) int incoming = place_open_incoming(settings, NULL);
    return incoming >= 0 && place_find(incoming, typed, ret_name, NULL) == 0;
}

static void tell_arriving(int outbox, const char *name)
{
    cleanup(free_ptr) char *why = why_waiting(outbox, name), *safe = screen_safe(name);
    if (why)
        printf("%s: waits: %s\n", safe, why);
    else
        printf("%s: arriving; it is taken when nothing in it changes any more\n", safe);
}

static int status_of(const struct settings *settings, const char *typed, bool json)
{
    struct err err = ERR_INIT;
    cleanup(free_ptr) char *name = NULL;
    cleanup(close_fd) int outbox = place_open_outbox(settings, &err);
    if (outbox < 0)
        return command_fail(&err);
    if (place_find(outbox, typed, &name, &err) < 0) {
        cleanup(free_ptr) char *dropped = NULL;
        if (json || !is_arriving(settings, typed, &dropped)) {
            (void)command_fail(&err);
            return COMMAND_NOT_FOUND;
        }
        tell_arriving(outbox, dropped);
        warn_if_idle(settings);
        return 0;
    }
    int r = json ? print_json(outbox, name, &err) : print_status(outbox, name, &err);
    if (r > 0 && !json)
        warn_if_idle(settings);
    return r < 0 ? command_fail(&err) : 0;
}

static int run_status(struct cli *cli, int argc, char **argv)
{
    bool json = false;
    const struct command_option options[] = { { 0, "json", .flag = &json } };
    int first = command_options(cli, &command_status, argc, argv, options, ARRAY_LEN(options));
    if (first < 0)
        return ~first;
    if (argc - first > 1)
        return command_misused(&command_status, "\"%s\" is one too many", argv[first + 1]);
    if (json && first == argc)
        return command_misused(&command_status, "--json of which batch?");
    int status;
    cleanup(settings_release) struct settings settings = { 0 };
    if (command_settings(cli, &settings, &status) < 0)
        return status;
    return first < argc ? status_of(&settings, argv[first], json) : list(&settings, false);
}

// ---- watch

// The folder of the outbox that belongs to what was typed; a batch still in incoming will get the
// first name that is free.
static int find_folder(const struct settings *settings, int outbox, const char *typed,
                       char **ret_name, struct err *err)
{
    cleanup(free_ptr) char *dropped = NULL;
    cleanup(close_fd) int incoming = place_open_incoming(settings, NULL);
    if (incoming < 0 || place_find(incoming, typed, &dropped, NULL) < 0)
        return place_find(outbox, typed, ret_name, err);
    *ret_name = place_outbox_name(incoming, outbox, dropped);
    return 0;
}

// While a batch is being taken it is in neither folder.
static int folder_to_watch(const struct settings *settings, int outbox, const char *typed,
                           char **ret_name, struct err *err)
{
    cleanup(follow_close) struct follow follow = FOLLOW_INIT;
    follow_open(&follow, outbox, typed);
    int64_t deadline = command_now_us() / 1000 + TAKING_MS;
    for (;;) {
        int r = find_folder(settings, outbox, typed, ret_name, NULL);
        int64_t left = deadline - command_now_us() / 1000;
        if (!r || left <= 0)
            return r ? find_folder(settings, outbox, typed, ret_name, err) : 0;
        struct pollfd fd = { .fd = follow_fd(&follow), .events = POLLIN };
        (void)poll(&fd, 1, (int)left);
        follow_drain(&follow);
    }
}

static int ending(const struct settings *settings, const struct view *view, const char *name)
{
    if (view->word != STATUS_COMPLETED) {
        cleanup(free_ptr) char *safe = screen_safe(name), *activity = view_activity(view);
        fprintf(stderr, "%s: %s\n", safe, activity);
        (void)view_print_errors(view, stderr);
        return COMMAND_FAILED;
    }
    if (view_print_errors(view, stderr))
        fputs("The reel is made without these.\n", stderr);
    const json_t *final = json_object_get(view->json, "final");
    const char *url = json_text(final, "url", NULL, NULL);
    cleanup(free_ptr) char *outbox = settings_outbox(settings);
    cleanup(free_ptr) char *path = xasprintf("%s/%s/" BATCH_FINAL, outbox, name);
    bool is_here = json_text(final, "path", NULL, NULL) != NULL;
    screen_path(stdout, is_here || url == NULL ? path : url);
    return 0;
}

// Until the batch is final: returns 0; else the signal that ended the watching, or a negative.
static int attend(struct follow *follow, struct meter *meter, struct view *view, int signals)
{
    for (;;) {
        int r = follow_look(follow, view, NULL);
        if (r == 1) {
            meter_show(meter, view, command_now_us());
            if (view_is_final(view))
                return 0;
        }
        struct pollfd fds[] = { { .fd = signals, .events = POLLIN },
                                { .fd = follow_fd(follow), .events = POLLIN } };
        (void)poll(fds, ARRAY_LEN(fds), FOLLOW_POLL_MS);
        int signal_number = interrupt_taken(signals);
        if (signal_number)
            return signal_number;
    }
}

static int watch(const struct settings *settings, const char *typed)
{
    struct err err = ERR_INIT;
    cleanup(free_ptr) char *name = NULL;
    cleanup(close_fd) int outbox = place_open_outbox(settings, &err);
    if (outbox < 0)
        return command_fail(&err);
    if (folder_to_watch(settings, outbox, typed, &name, &err) < 0) {
        (void)command_fail(&err);
        return COMMAND_NOT_FOUND;
    }
    warn_if_idle(settings);
    cleanup(close_fd) int signals = interrupt_open();
    cleanup(follow_close) struct follow follow = FOLLOW_INIT;
    cleanup(meter_release) struct meter meter = METER_INIT;
    cleanup(view_release) struct view view = VIEW_INIT;
    follow_open(&follow, outbox, name);
    meter_open(&meter, stdout);
    int signal_number = attend(&follow, &meter, &view, signals);
    meter_clear(&meter);
    return signal_number ? COMMAND_INTERRUPTED + signal_number : ending(settings, &view, name);
}

static int run_watch(struct cli *cli, int argc, char **argv)
{
    int first = command_options(cli, &command_watch, argc, argv, NULL, 0);
    if (first < 0)
        return ~first;
    if (argc - first != 1)
        return command_misused(&command_watch, "which batch?");
    int status;
    cleanup(settings_release) struct settings settings = { 0 };
    if (command_settings(cli, &settings, &status) < 0)
        return status;
    return watch(&settings, argv[first]);
}
