// Arguments, configuration, signals and the last words of a program that does an errand.
#include "stages/errand_main.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sysexits.h>

#include "provider/secret.h"
#include "spool/batch.h"
#include "spool/message.h"
#include "stages/stop.h"

enum { MESSAGE_FD = 3 };

struct arguments {
    const char *config, *spool, *batch;
    bool check;
};

static int usage(const struct errand_program *program, FILE *stream)
{
    (void)fprintf(
        stream, "Usage: %s [--config FILE] [--spool DIR] %s\n%s; clipspoold does this by itself.\n",
        program->name,
        program->check            ? "[ID | --check]"
        : program->id_is_optional ? "[ID]"
                                  : "ID",
        program->summary);
    return stream == stdout ? EX_OK : EX_USAGE;
}

static int parse_arguments(int argc, char **argv, const struct errand_program *program,
                           struct arguments *ret_arguments)
{
    struct arguments arguments = { .config = NULL };
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0;
         i += 2) { // one that is last is no option
        if (strcmp(argv[i], "--config") == 0)
            arguments.config = argv[i + 1];
        else if (strcmp(argv[i], "--spool") == 0)
            arguments.spool = argv[i + 1];
        else
            return -EINVAL;
    }
    arguments.check = argc - i == 1 && program->check && strcmp(argv[i], "--check") == 0;
    if (arguments.check)
        i++;
    if (argc - i > 1 || (argc == i && !program->id_is_optional))
        return -EINVAL;
    arguments.batch = argv[i];
    if (arguments.batch && !batch_is_id(arguments.batch))
        return -EINVAL;
    *ret_arguments = arguments;
    return 0;
}

static int load_settings(const struct arguments *arguments, struct settings *settings,
                         struct err *err)
{
    cleanup(config_report_release) struct config_report report = CONFIG_REPORT_INIT;
    if (settings_load(arguments->config, settings, &report) < 0)
        return err_set(err, ERR_CONFIG, "bad_configuration", "%s",
                       report.text ? report.text : "the configuration cannot be read");
    if (arguments->spool) {
        free(settings->root);
        settings->root = xstrdup(arguments->spool);
    }
    return 0;
}

// Run by hand, descriptor 3 may be free; then the first file opened would get the last words.
static void occupy_descriptors(void)
{
    for (int fd = 0; fd <= MESSAGE_FD; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", O_RDWR); // the lowest free number, which is fd
    }
    (void)fcntl(MESSAGE_FD, F_SETFD, FD_CLOEXEC);
    (void)signal(SIGPIPE, SIG_IGN);
}

static int fail(const struct errand_program *program, const struct err *err)
{
    message_write_error(MESSAGE_FD, err);
    (void)fprintf(stderr, "%s: %s%s%s\n", program->name, err->text, *err->hint ? "\n" : "",
                  err->hint);
    return err_exit(err->class);
}

int errand_main(int argc, char **argv, const struct errand_program *program)
{
    struct arguments arguments;
    struct err err = ERR_INIT;
    occupy_descriptors();
    secret_guard_process();
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("%s (clipspool) %s\n", program->name, CLIPSPOOL_VERSION);
        return EX_OK;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(program, stdout);
    if (parse_arguments(argc, argv, program, &arguments) < 0)
        return usage(program, stderr);
    struct errand_context context = { .batch = arguments.batch,
                                      .credentials = getenv("CREDENTIALS_DIRECTORY") };
    int r = load_settings(&arguments, &context.settings, &err);
    if (r == 0)
        r = context.stop_fd = stop_catch(&err);
    if (r >= 0)
        r = arguments.check ? program->check(&context, &err) : program->run(&context, &err);
    if (r == -ECANCELED)
        stop_end(context.stop_fd);
    settings_release(&context.settings);
    return r < 0 ? fail(program, &err) : EX_OK;
}
