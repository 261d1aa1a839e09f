// What all stages do around their run().
//
// The result file is the whole checkpoint: written last, by the stage itself, so that a stage
// killed at any instruction before has simply not run.  The lock keeps a second copy of the same
// step away (one that outlived a killed supervisor for a moment, or one started by hand).
#include "stages/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sysexits.h>
#include <time.h>

#include "base/fs.h"
#include "base/text.h"
#include "spool/message.h"

enum { MESSAGE_FD = 3 };

// Four lines a second are enough for any eye.
static const uint64_t progress_interval_us = 250000;

struct arguments {
    const char *config, *spool, *batchdir;
    int index;
};

static uint64_t monotonic_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

// Run by hand, descriptor 3 may be free; then the first file opened would get the progress lines.
static void occupy_descriptors(void)
{
    for (int fd = 0; fd <= MESSAGE_FD; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", O_RDWR); // the lowest free number, which is fd
    }
    (void)fcntl(MESSAGE_FD, F_SETFD, FD_CLOEXEC);
    (void)signal(SIGPIPE, SIG_IGN); // a reader that went away must not end the work
}

// ---- arguments

static int usage(enum stage stage, FILE *stream)
{
    (void)fprintf(stream,
                  "Usage: %s [--config FILE] [--spool DIR] BATCHDIR%s\n"
                  "Runs one stage of clipspool on a batch; clipspoold does this by itself.\n",
                  stage_info[stage].name, stage_info[stage].per_source ? " INDEX" : "");
    return stream == stdout ? EX_OK : EX_USAGE;
}

static int parse_index(const char *text)
{
    char *end;
    errno = 0;
    long index = strtol(text, &end, 10);
    bool good = errno == 0 && end != text && !*end && index >= 0 && index < BATCH_MAX_SOURCES;
    return good ? (int)index : -EINVAL;
}

// Returns a negative where the arguments make no sense.
static int parse_arguments(int argc, char **argv, bool per_source, struct arguments *ret_arguments)
{
    struct arguments arguments = { .index = STEP_BATCH };
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--config") == 0)
            arguments.config = argv[i + 1];
        else if (strcmp(argv[i], "--spool") == 0)
            arguments.spool = argv[i + 1];
        else
            return -EINVAL;
    }
    if (argc - i != (per_source ? 2 : 1))
        return -EINVAL;
    arguments.batchdir = argv[i];
    if (per_source)
        arguments.index = parse_index(argv[i + 1]);
    if (per_source && arguments.index < 0)
        return -EINVAL;
    *ret_arguments = arguments;
    return 0;
}

// ---- opening

static int load_settings(const struct arguments *arguments, struct settings *settings,
                         struct err *err)
{
    cleanup(config_report_release) struct config_report report = CONFIG_REPORT_INIT;
    int r = settings_load(arguments->config, settings, &report);
    if (r < 0)
        return err_set(err, ERR_CONFIG, "bad_configuration", "%s",
                       report.text ? report.text : "the configuration cannot be read");
    if (arguments->spool) {
        free(settings->root);
        settings->root = xstrdup(arguments->spool);
    }
    return 0;
}

static int open_batch(const struct arguments *arguments, struct stage_context *context,
                      struct err *err)
{
    int r = load_settings(arguments, &context->settings, err);
    if (r < 0)
        return r;
    context->batchdir = open(arguments->batchdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (context->batchdir < 0)
        return err_errno(err, errno, "open the batch directory %s", arguments->batchdir);
    r = batch_load(context->batchdir, &context->batch, err);
    if (r == -ENOENT)
        return err_set(err, ERR_BUG, "no_batch", "%s holds no " BATCH_FILE, arguments->batchdir);
    return r;
}

static int open_source(struct stage_context *context, struct err *err)
{
    if (context->index == STEP_BATCH)
        return 0;
    if ((size_t)context->index >= context->batch.source_count)
        return err_set(err, ERR_BUG, "no_source", "the batch has %zu sources, there is no index %d",
                       context->batch.source_count, context->index);
    const struct err *refused = &context->batch.sources[context->index].error;
    if (refused->class != ERR_NONE) {
        *err = *refused;
        return refused->code;
    }
    context->sourcedir = batch_open_source(context->batchdir, context->index, err);
    return context->sourcedir < 0 ? context->sourcedir : 0;
}

static void release_context(struct stage_context *context)
{
    settings_release(&context->settings);
    batch_release(&context->batch);
    close_fd(&context->batchdir);
    close_fd(&context->sourcedir);
    json_free(&context->numbers);
    json_free(&context->warnings);
}

// ---- the step

// Makes steps/ if it is missing and locks the step in it.  Returns the lock's descriptor.
static int lock_step(int batchdir, enum stage stage, int index, struct err *err)
{
    int r = fs_mkdir(batchdir, BATCH_STEPS, 0750, err);
    if (r < 0)
        return r;
    cleanup(free_ptr) char *name =
        index == STEP_BATCH ? xasprintf(BATCH_STEPS "/%s.lock", stage_info[stage].name)
                            : xasprintf(BATCH_STEPS "/%s.%d.lock", stage_info[stage].name, index);
    int lock = fs_lock(batchdir, name, err);
    if (lock == -EAGAIN)
        return err_set(err, ERR_RETRY, "step_busy", "another process is at work on this step");
    return lock;
}

static int save_result(struct stage_context *context, enum stage stage, struct step *step,
                       time_t started, struct err *err)
{
    struct step result = {
        .state = STEP_DONE,
        .attempts = step->attempts ? step->attempts : 1,
        .interrupted = step->interrupted,
        .started = started,
        .ended = time(NULL),
        .numbers = context->numbers,
        .warnings = json_array_size(context->warnings) ? context->warnings : NULL,
    };
    return step_save(context->batchdir, stage, context->index, &result, err);
}

// A step that failed for good stays failed: its own error is told again.
static int ended_before(const struct step *step, struct err *err)
{
    if (step->state == STEP_DONE)
        return 0;
    *err = step->error;
    return step->error.code;
}

static int run_step(struct stage_context *context, enum stage stage,
                    int (*run)(struct stage_context *, struct err *), struct err *err)
{
    cleanup(step_release) struct step step = STEP_INIT;
    cleanup(close_fd) int lock = lock_step(context->batchdir, stage, context->index, err);
    if (lock < 0)
        return lock;
    // Looked at under the lock: the other process may just have written it.
    int r = step_load(context->batchdir, stage, context->index, &step, err);
    if (r < 0)
        return r;
    if (step.state != STEP_OPEN)
        return ended_before(&step, err);
    time_t started = time(NULL);
    r = open_source(context, err);
    if (r < 0)
        return r;
    r = run(context, err);
    return r < 0 ? r : save_result(context, stage, &step, started, err);
}

static int report_failure(enum stage stage, struct err *err)
{
    if (err->class == ERR_NONE)
        (void)err_set(err, ERR_BUG, "no_reason", "%s failed without saying why",
                      stage_info[stage].name);
    message_write_error(MESSAGE_FD, err);
    (void)fprintf(stderr, "%s: %s%s%s\n", stage_info[stage].name, err->text, *err->hint ? "\n" : "",
                  err->hint);
    return err_exit(err->class);
}

int stage_main(int argc, char **argv, enum stage stage,
               int (*run)(struct stage_context *context, struct err *err))
{
    struct arguments arguments;
    struct err err = ERR_INIT;
    occupy_descriptors();
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("%s (clipspool) %s\n", stage_info[stage].name, CLIPSPOOL_VERSION);
        return EX_OK;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stage, stdout);
    if (parse_arguments(argc, argv, stage_info[stage].per_source, &arguments) < 0)
        return usage(stage, stderr);

    cleanup(release_context) struct stage_context context = {
        .batchdir = -1,
        .sourcedir = -1,
        .index = arguments.index,
        .numbers = json_object(),
        .warnings = json_array(),
    };
    int r = open_batch(&arguments, &context, &err);
    if (r == 0)
        r = run_step(&context, stage, run, &err);
    return r < 0 ? report_failure(stage, &err) : EX_OK;
}

// ---- for run()

void stage_progress(struct stage_context *context, double fraction)
{
    uint64_t now = monotonic_us();
    if (!(fraction > context->progress) || now - context->told_us < progress_interval_us)
        return;
    context->progress = fraction < 1 ? fraction : 1;
    context->told_us = now;
    message_write_progress(MESSAGE_FD, context->progress);
}

// A thousand warnings help nobody; a hostile file could cause millions.
enum { MAX_WARNINGS = 20 };

void stage_warn(struct stage_context *context, const char *format, ...)
{
    if (json_array_size(context->warnings) >= MAX_WARNINGS)
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_t *sentence = json_string(text);
    if (!sentence) { // bytes that are not UTF-8, or one cut at the end
        cleanup(free_ptr) char *escaped = text_escape(text);
        sentence = json_string(escaped);
    }
    size_t i;
    json_t *said;
    json_array_foreach(context->warnings, i, said)
    {
        if (json_equal(said, sentence)) { // a second attempt meets what the first one met
            json_decref(sentence);
            return;
        }
    }
    (void)json_array_append_new(context->warnings, sentence);
    message_write_warning(MESSAGE_FD, text);
}

int stage_open_source(struct stage_context *context, struct err *err)
{
    struct stat found;
    if (!context->settings.accept_links)
        return fs_open_file(context->sourcedir, SOURCE_FILE, &found, err);
    cleanup(close_fd) int fd =
        openat(context->sourcedir, SOURCE_FILE, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_errno(err, errno, "open the source");
    if (fstat(fd, &found) < 0)
        return err_errno(err, errno, "look at the source");
    if (!S_ISREG(found.st_mode))
        return err_set(err, ERR_INPUT, "not_a_file", "the source is not a regular file");
    return take_fd(&fd);
}
