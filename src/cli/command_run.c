// run: a reel here and now, without a service.
//
// It is the service all the same: clipspoold --once works on a private spool and this command
// watches its outbox as `watch` would.  So there is one scheduler, and what is seen here is what
// the service does.
#include "base/fs.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/follow.h"
#include "cli/interrupt.h"
#include "cli/meter.h"
#include "cli/private.h"
#include "cli/screen.h"
#include "cli/worker.h"
#include "spool/incoming.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

enum {
    STOP_MS = 30000,      // for the steps to end at Ctrl-C; they get 20 s from the daemon
    NAME_MAX_BYTES = 200, // of a name made from a file's: room for "-reel-1000" below 255
    MAX_RESULTS = 9999,   // folders of one name in one place
};

static int run(struct cli *cli, int argc, char **argv);

const struct command command_run = {
    .name = "run",
    .summary = "make a reel from videos, here and now, without the service",
    .usage =
        "usage: clipspool run VIDEO... [-o DIR] [-c job.conf] [--name NAME]\n"
        "                     [--exact] [--keep]\n"
        "Makes a highlight reel from the videos, in the order given, and prints its path.\n"
        "The videos stay as they are.  Needs no service and no rights.\n\n"
        "  -o, --output DIR    put the folder with the results into DIR (the current folder)\n"
        "  -c, --job FILE      what is wanted, see clipspool-job(5)\n"
        "      --name NAME     name of the folder; else the first video's, with -reel\n"
        "      --exact         keep every segment where it was chosen, to the picture, though "
        "more\n"
        "                      has to be encoded then\n"
        "      --keep          keep the working folder, and say where it is\n"
        "  -C, --config FILE   take limits, slots and stages from this configuration\n"
        "  -v, --verbose       show what the workers say\n\n"
        "Exit status: 0 the reel is made (videos that failed, and a webhook that was not "
        "delivered,\n"
        "are named on stderr); 1 it could not be made; 64 wrong usage; 66 a video is not there;\n"
        "78 job.conf or FILE is wrong; 130 interrupted.\n",
    .run = run,
};

struct run_request {
    const char *output, *job, *name;
    bool exact, keep;
};

struct run { // one run of run
    struct cli *cli;
    struct run_request request;
    struct settings settings;
    char *name;     // of batch and result folder
    char **videos;  // absolute paths
    char *job_text; // or NULL
    bool job_orders;
    int output; // the folder for the results
    struct private spool;
    struct worker worker;
    struct view view;
    int interrupted; // the signal, or 0
};
#define RUN_INIT                                                                      \
    {                                                                                 \
        .output = -1, .spool = PRIVATE_INIT, .worker = WORKER_INIT, .view = VIEW_INIT \
    }

static void run_release(struct run *run)
{
    worker_release(&run->worker);
    view_release(&run->view);
    private_release(&run->spool);
    settings_release(&run->settings);
    fs_names_free(&run->videos);
    free_ptr(&run->name);
    free_ptr(&run->job_text);
    close_fd(&run->output);
}

// ---- what is asked

// The first video's name without its ending, cut where a character ends.
static char *name_from(const char *video)
{
    const char *slash = strrchr(video, '/'), *base = slash ? slash + 1 : video;
    const char *dot = strrchr(base, '.');
    size_t length = dot && dot > base ? (size_t)(dot - base) : strlen(base);
    if (length > NAME_MAX_BYTES)
        length = NAME_MAX_BYTES;
    while (length > 0 && (base[length] & 0xC0) == 0x80)
        length--;
    char *name = xasprintf("%.*s-reel", (int)length, base);
    if (incoming_name(name) == INCOMING_COUNTS)
        return name;
    free(name);
    return xstrdup("reel");
}

static int find_videos(struct run *run, char **paths, size_t count)
{
    run->videos = xcalloc(count + 1, sizeof *run->videos);
    for (size_t i = 0; i < count; i++) {
        struct stat st;
        run->videos[i] = realpath(paths[i], NULL);
        bool found = run->videos[i] && stat(run->videos[i], &st) == 0;
        int number = found ? EISDIR : errno;
        if (found && S_ISREG(st.st_mode))
            continue;
        cleanup(free_ptr) char *safe = screen_safe(paths[i]);
        fprintf(stderr, "clipspool: %s: %s\n", safe,
                found && !S_ISDIR(st.st_mode) ? "is not a file" : strerror(number));
        return COMMAND_NOT_FOUND;
    }
    return 0;
}

// A job.conf that is wrong is told at once, not after a daemon has started.
static int read_job(struct run *run)
{
    if (!run->request.job)
        return 0;
    struct job job = { 0 };
    int status = command_job(run->request.job, &run->job_text, &job);
    run->job_orders = job.source_count > 0;
    job_release(&job);
    return status;
}

static int open_output(struct run *run)
{
    const char *path = run->request.output ? run->request.output : ".";
    struct err err = ERR_INIT;
    if (mkdir(path, 0777) < 0 && errno != EEXIST) {
        err_errno(&err, errno, "make the folder %s", path);
        return command_fail(&err);
    }
    run->output = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run->output < 0) {
        err_errno(&err, errno, "open the folder %s", path);
        return command_fail(&err);
    }
    return 0;
}

static int understand(struct run *run, int argc, char **argv)
{
    struct run_request *request = &run->request;
    const struct command_option options[] = {
        { 'o', "output", .value = &request->output }, { 'c', "job", .value = &request->job },
        { 0, "name", .value = &request->name },       { 0, "exact", .flag = &request->exact },
        { 0, "keep", .flag = &request->keep },
    };
    int first = command_options(run->cli, &command_run, argc, argv, options, ARRAY_LEN(options));
    if (first < 0)
        return first;
    if (first == argc)
        return ~command_misused(&command_run, "which videos?");
    const char *name = request->name;
    if (name && (!*name || strchr(name, '/') || strlen(name) > NAME_MAX_BYTES ||
                 incoming_name(name) != INCOMING_COUNTS))
        return ~command_misused(&command_run, "\"%s\" cannot be the name of a folder", name);
    int status = find_videos(run, argv + first, (size_t)(argc - first));
    if (!status)
        status = read_job(run);
    if (!status)
        status = open_output(run);
    run->name = name ? xstrdup(name) : name_from(argv[first]);
    return status ? ~status : 0;
}

// ---- the work

// Beside the result if links can be made there; a USB stick, for one, has none.
static int make_spool(struct run *run, struct err *err)
{
    size_t count = 0;
    while (run->videos[count])
        count++;
    struct private_batch batch = {
        .name = run->name,
        .videos = (const char *const *)run->videos,
        .video_count = count,
        .job_text = run->job_text,
        .job_orders = run->job_orders,
        .settings = &run->settings,
    };
    const char *output = run->request.output ? run->request.output : ".";
    struct err first = ERR_INIT;
    int r = private_open(&run->spool, output, &batch, &first);
    if (r != -EPERM && r != -EOPNOTSUPP) {
        if (r < 0)
            *err = first;
        return r;
    }
    const char *other = getenv("TMPDIR");
    return private_open(&run->spool, other && *other ? other : "/var/tmp", &batch, err);
}

static int start(struct run *run, struct err *err)
{
    cleanup(free_ptr) char *program = worker_program("sbin/clipspoold");
    if (!program)
        return err_set(err, ERR_SYSTEM, "no_daemon", "where this program lies cannot be read");
    char *argv[] = { program,
                     (char[]){ "--once" },
                     (char[]){ "--config" },
                     run->spool.config,
                     (char[]){ "--spool" },
                     run->spool.path,
                     NULL };
    return worker_start(&run->worker, argv, run->cli->verbose, err);
}

// The first Ctrl-C asks the work to stop, the second insists.
static void interrupt(struct run *run, int signal_number, struct meter *meter)
{
    meter_clear(meter);
    if (run->interrupted)
        child_kill(&run->worker.child, SIGKILL);
    else {
        fputs("stopping\n", stderr);
        child_kill(&run->worker.child, SIGTERM);
    }
    run->interrupted = signal_number;
}

// Until the daemon has ended.  A status that cannot be read is passed over: the next one is whole.
static void attend(struct run *run, struct meter *meter, int signals)
{
    struct follow follow;
    follow_open(&follow, run->spool.outbox, run->name);
    while (!run->worker.ended) {
        struct pollfd fds[] = {
            { .fd = signals, .events = POLLIN },
            { .fd = follow_fd(&follow), .events = POLLIN },
            { .fd = run->worker.child.message_fd, .events = POLLIN },
            { .fd = run->worker.pidfd, .events = POLLIN },
        };
        (void)poll(fds, ARRAY_LEN(fds), FOLLOW_POLL_MS);
        int signal_number = interrupt_taken(signals);
        if (signal_number)
            interrupt(run, signal_number, meter);
        if (run->cli->verbose)
            meter_clear(meter);
        worker_look(&run->worker);
        if (follow_look(&follow, &run->view, NULL) == 1 && !run->interrupted)
            meter_show(meter, &run->view, command_now_us());
        if (run->interrupted && !run->worker.ended)
            worker_finish(&run->worker, STOP_MS);
    }
    (void)follow_look(&follow, &run->view, NULL);
    follow_close(&follow);
}

// ---- the result

// What the service makes is for its group; here it belongs to one person, whose umask says who may
// read.
static void open_up(int dir)
{
    mode_t mask = umask(0);
    (void)umask(mask);
    cleanup(fs_names_free) char **names = NULL;
    if (fs_list(dir, MAX_RESULTS, &names, NULL) < 0)
        return;
    // Where there are no modes there is nothing to open, and the results are there all the same.
    bool opened = fchmod(dir, 0777 & ~mask) == 0;
    for (char **name = names; opened && *name; name++)
        opened = fchmodat(dir, *name, 0666 & ~mask, 0) == 0;
}

// Gives the name the folder got.
static int hand_over(struct run *run, char **ret_name, struct err *err)
{
    int r = -EEXIST;
    cleanup(free_ptr) char *name = xstrdup(run->name);
    for (unsigned i = 2; i <= MAX_RESULTS; i++) {
        r = fs_move(run->spool.outbox, run->name, run->output, name, 0, err);
        struct stat st;
        if (r == -EXDEV)
            r = fstatat(run->output, name, &st, AT_SYMLINK_NOFOLLOW) == 0
                    ? -EEXIST
                    : fs_copy_tree(run->spool.outbox, run->name, run->output, name, MAX_RESULTS,
                                   UINT64_MAX, err);
        if (r != -EEXIST)
            break;
        free(name);
        name = xasprintf("%s-%u", run->name, i);
    }
    if (r == -EEXIST)
        return err_set(err, ERR_IO, "no_name", "there are too many folders called %s", run->name);
    if (r < 0)
        return r;
    cleanup(close_fd) int dir = fs_open_dir(run->output, name, err);
    if (dir < 0)
        return dir;
    open_up(dir);
    *ret_name = TAKE(name);
    return 0;
}

static char *reel_path(const struct run *run, const char *name)
{
    const char *output = run->request.output;
    if (!output || !strcmp(output, "."))
        return xasprintf("%s/" BATCH_FINAL, name);
    size_t length = strlen(output);
    return xasprintf("%s%s%s/" BATCH_FINAL, output, output[length - 1] == '/' ? "" : "/", name);
}

static void show_log(const struct run *run)
{
    if (run->cli->verbose || !run->worker.kept)
        return;
    cleanup(free_ptr) char *text = xstrndup(run->worker.kept, run->worker.length);
    cleanup(free_ptr) char *safe = screen_safe_lines(text);
    fprintf(stderr, "what the workers said:\n%s", safe);
}

static int failed(const struct run *run)
{
    char words[CHILD_TEXT_SIZE];
    if (view_is_final(&run->view)) {
        fputs("clipspool: no reel could be made\n", stderr);
        (void)view_print_errors(&run->view, stderr);
        (void)view_print_webhook(&run->view, "", stderr);
        return COMMAND_FAILED;
    }
    show_log(run);
    fprintf(stderr, "clipspool: the work ended too early (%s)\n",
            child_describe(run->worker.status, words));
    int status = WIFEXITED(run->worker.status) ? WEXITSTATUS(run->worker.status) : 0;
    return status ? status : err_exit(ERR_BUG);
}

static int finish(struct run *run)
{
    if (run->interrupted)
        return COMMAND_INTERRUPTED + run->interrupted;
    if (run->view.word != STATUS_COMPLETED || !run->view.json)
        return failed(run);
    struct err err = ERR_INIT;
    cleanup(free_ptr) char *name = NULL;
    if (hand_over(run, &name, &err) < 0) {
        run->request.keep = true; // the reel is in there
        return command_fail(&err);
    }
    if (view_print_errors(&run->view, stderr))
        fputs("The reel is made without these.\n", stderr);
    (void)view_print_webhook(&run->view, "", stderr);
    cleanup(free_ptr) char *path = reel_path(run, name);
    screen_path(stdout, path);
    return 0;
}

static int work(struct run *run)
{
    struct err err = ERR_INIT;
    cleanup(close_fd) int signals = interrupt_open();
    if (make_spool(run, &err) < 0)
        return command_fail(&err);
    if (start(run, &err) < 0) {
        private_remove(&run->spool);
        return command_fail(&err);
    }
    cleanup(meter_release) struct meter meter;
    meter_open(&meter, stderr);
    attend(run, &meter, signals);
    meter_clear(&meter);
    int status = finish(run);
    if (run->request.keep) {
        fputs("working folder: ", stderr);
        screen_path(stderr, run->spool.path);
    } else
        private_remove(&run->spool);
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    cleanup(run_release) struct run state = RUN_INIT;
    state.cli = cli;
    int r = understand(&state, argc, argv);
    if (r < 0)
        return ~r;
    if (cli->config) {
        int status;
        if (command_settings(cli, &state.settings, &status) < 0)
            return status;
    } else
        config_defaults(settings_options, settings_option_count, &state.settings);
    state.settings.plan_exact |= state.request.exact;
    return work(&state);
}
