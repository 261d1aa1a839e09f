// Arguments and signals of a program that does an errand.
#include "stages/errand_main.h"

#include <errno.h>
#include <stdio.h>

#include "base/text.h"
#include "net/secret.h"
#include "spool/batch.h"
#include "spool/throttle.h"
#include "stages/confine.h"
#include "stages/program.h"
#include "stages/stop.h"

static void usage(FILE *stream, const void *context)
{
    const struct errand_program *program = context;
    (void)fprintf(stream, "Usage: %s [--config FILE] [--spool DIR] %s\n%s; %s.\n", program->name,
                  program->run == NULL      ? "--check"
                  : program->check          ? "[ID | --check]"
                  : program->id_is_optional ? "[ID]"
                                            : "ID",
                  program->summary,
                  program->run != NULL ? "clipspoold does this by itself"
                                       : "clipspool doctor asks for this");
}

// What is behind the options: an id, --check, or nothing.  Returns a negative for what it must not
// be.
static int parse_arguments(int argc, char *const *argv, const struct errand_program *program,
                           const char **ret_batch, bool *ret_check)
{
    *ret_check = argc == 1 && program->check && strcmp(argv[0], "--check") == 0;
    *ret_batch = argc == 1 && !*ret_check ? argv[0] : NULL;
    if (argc > 1 || (argc == 0 && !program->id_is_optional) ||
        (program->run == NULL && !*ret_check))
        return -EINVAL;
    return *ret_batch && !batch_is_id(*ret_batch) ? -EINVAL : 0;
}

// ---- for the doctor

static void say(const char *word, const char *name, const char *text)
{
    // A line each, whatever others have put into it.
    cleanup(free_ptr) char *safe = text_escape(text);
    (void)printf("%s %s%s%s\n", word, name, *safe != '\0' ? ": " : "", safe);
}

void errand_tell(const char *name, const char *text, const struct err *why)
{
    cleanup(free_ptr) char *hint = text_escape(why->hint);
    if (why->class == ERR_NONE)
        say("ok", name, text);
    else if (throttle_had_no_turn(why))
        say("waits", name, why->text);
    else {
        say("problem", name, why->text);
        (void)printf("hint %s\n", hint);
    }
}

void errand_tell_unknown(const char *name, const char *why)
{
    say("unknown", name, why);
}

// ---- all

int errand_main(int argc, char **argv, const struct errand_program *program)
{
    const struct program common = { program->name, usage, program };
    struct program_options options;
    struct errand_context context = { .credentials = getenv("CREDENTIALS_DIRECTORY") };
    struct err err = ERR_INIT;
    bool check;
    int status;
    program_begin();
    secret_guard_process();
    int first = program_options(&common, argc, argv, &options, &status);
    if (first < 0)
        return status;
    if (parse_arguments(argc - first, argv + first, program, &context.batch, &check) < 0)
        return program_misused(&common);
    int r = program_settings(&options, &context.settings, &err);
    if (r == 0)
        r = context.stop_fd = stop_catch(&err);
    if (r >= 0)
        r = confine_errand(&context.settings, &err);
    if (r >= 0)
        r = check ? program->check(&context, &err) : program->run(&context, &err);
    if (r == -ECANCELED)
        stop_end(context.stop_fd);
    settings_release(&context.settings);
    return r < 0 ? program_failed(&common, &err) : EXIT_SUCCESS;
}
