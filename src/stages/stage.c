// What all stages do around their run().
//
// The result file is the whole checkpoint: written last, by the stage itself, so that a stage
// killed at any instruction before has simply not run.  The lock keeps a second copy of the same
// step away (one that outlived a killed supervisor for a moment, or one started by hand).
#include "stages/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/fs.h"
#include "base/text.h"
#include "spool/message.h"
#include "stages/confine.h"
#include "stages/program.h"

// Four lines a second are enough for any eye.
static const uint64_t progress_interval_us = 250000;

struct arguments {
    struct program_options options;
    const char *batchdir;
    int index;
};

static uint64_t monotonic_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

// ---- arguments

static void usage(FILE *stream, const void *context)
{
    const struct stage_info *info = context;
    (void)fprintf(stream,
                  "Usage: %s [--config FILE] [--spool DIR] BATCHDIR%s\n"
                  "Runs one stage of clipspool on a batch; clipspoold does this by itself.\n",
                  info->name, info->per_source ? " INDEX" : "");
}

static int parse_index(const char *text)
{
    char *end;
    errno = 0;
    long index = strtol(text, &end, 10);
    bool good = errno == 0 && end != text && !*end && index >= 0 && index < BATCH_MAX_SOURCES;
    return good ? (int)index : -EINVAL;
}

// Returns a negative where the arguments behind the options make no sense.
static int parse_arguments(int argc, char *const *argv, bool per_source,
                           struct arguments *arguments)
{
    arguments->index = STEP_BATCH;
    // An option without its value is no folder.
    if (argc != (per_source ? 2 : 1) || strncmp(argv[0], "--", 2) == 0)
        return -EINVAL;
    arguments->batchdir = argv[0];
    if (per_source)
        arguments->index = parse_index(argv[1]);
    return per_source && arguments->index < 0 ? -EINVAL : 0;
}

// ---- opening

static int open_batch(const struct arguments *arguments, struct stage_context *context,
                      struct err *err)
{
    int r = program_settings(&arguments->options, &context->settings, err);
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
    r = confine_stage(context, stage, err);
    if (r == 0)
        r = run(context, err);
    return r < 0 ? r : save_result(context, stage, &step, started, err);
}

int stage_main(int argc, char **argv, enum stage stage,
               int (*run)(struct stage_context *context, struct err *err))
{
    const struct stage_info *info = &stage_info[stage];
    const struct program program = { info->name, usage, info };
    struct arguments arguments;
    struct err err = ERR_INIT;
    int status;
    program_begin();
    int first = program_options(&program, argc, argv, &arguments.options, &status);
    if (first < 0)
        return status;
    if (parse_arguments(argc - first, argv + first, info->per_source, &arguments) < 0)
        return program_misused(&program);

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
    return r < 0 ? program_failed(&program, &err) : EXIT_SUCCESS;
}

// ---- for run()

void stage_progress(struct stage_context *context, double fraction)
{
    uint64_t now = monotonic_us();
    if (!(fraction > context->progress) || now - context->told_us < progress_interval_us)
        return;
    context->progress = fraction < 1 ? fraction : 1;
    context->told_us = now;
    message_write_progress(PROGRAM_MESSAGE_FD, context->progress);
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
    message_write_warning(PROGRAM_MESSAGE_FD, text);
}

int stage_check_source(struct stage_context *context, int fd, struct err *err)
{
    struct stat found;
    const struct batch_source *source = &context->batch.sources[context->index];
    if (fstat(fd, &found) < 0)
        return err_errno(err, errno, "look at the source");
    // A file of its own, as one that was downloaded, is nobody else's to change.
    bool is_shared = found.st_nlink > 1 || context->settings.accept_links;
    if (source->kind != SOURCE_LOCAL || source->modified_ns == 0 || !is_shared ||
        ((uint64_t)found.st_size == source->size_bytes &&
         batch_modified_ns(&found) == source->modified_ns))
        return 0;
    err_set(err, ERR_INPUT, "changed_after_claim",
            "the file was written to after the batch was taken");
    return err_hint(err, "drop it again when nothing writes to it any more");
}

static int open_unchecked(struct stage_context *context, struct err *err)
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

int stage_open_source(struct stage_context *context, struct err *err)
{
    cleanup(close_fd) int fd = open_unchecked(context, err);
    if (fd < 0)
        return fd;
    int r = stage_check_source(context, fd, err);
    return r < 0 ? r : take_fd(&fd);
}
