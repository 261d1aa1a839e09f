// What all programs of this folder have around their work.
#include "stages/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "spool/message.h"

void program_begin(void)
{
    // Run by hand, descriptor 3 may be free; then the first file opened would get the messages.
    for (int fd = 0; fd <= PROGRAM_MESSAGE_FD; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", O_RDWR); // the lowest free number, which is fd
    }
    (void)fcntl(PROGRAM_MESSAGE_FD, F_SETFD, FD_CLOEXEC);
    (void)signal(SIGPIPE, SIG_IGN);
}

int program_misused(const struct program *program)
{
    program->usage(stderr, program->context);
    return EX_USAGE;
}

int program_options(const struct program *program, int argc, char **argv,
                    struct program_options *ret_options, int *ret_status)
{
    int i = 1;
    *ret_options = (struct program_options){ .config = NULL };
    *ret_status = EX_OK;
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("%s (clipspool) %s\n", program->name, CLIPSPOOL_VERSION);
        return -ECANCELED;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        program->usage(stdout, program->context);
        return -ECANCELED;
    }
    // One that is last has no value: it is for the program itself to understand.
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--config") == 0)
            ret_options->config = argv[i + 1];
        else if (strcmp(argv[i], "--spool") == 0)
            ret_options->spool = argv[i + 1];
        else {
            *ret_status = program_misused(program);
            return -EINVAL;
        }
    }
    return i;
}

int program_settings(const struct program_options *options, struct settings *settings,
                     struct err *err)
{
    cleanup(config_report_release) struct config_report report = CONFIG_REPORT_INIT;
    int r = settings_load(options->config, settings, &report);
    if (r < 0 && err_is_passing(-r))
        return err_errno(err, -r, "read %s", options->config);
    if (r < 0) {
        const char *text = report.text ? report.text : "the configuration cannot be read";
        size_t length = strlen(text);
        length -= length > 0 && text[length - 1] == '\n';
        return err_set(err, ERR_CONFIG, "bad_configuration", "%.*s", (int)length, text);
    }
    if (options->spool) {
        free(settings->root);
        settings->root = xstrdup(options->spool);
    }
    return 0;
}

// The supervisor's descriptor is a pipe; run by hand, it is whatever program_begin found there.
static bool is_supervised(void)
{
    struct stat there;
    return fstat(PROGRAM_MESSAGE_FD, &there) == 0 && S_ISFIFO(there.st_mode);
}

int program_failed(const struct program *program, struct err *err)
{
    if (err->class == ERR_NONE)
        (void)err_set(err, ERR_BUG, "no_reason", "%s failed without saying why", program->name);
    message_write_error(PROGRAM_MESSAGE_FD, err);
    if (!is_supervised()) // who supervises logs it, once
        (void)fprintf(stderr, "%s: %s%s%s\n", program->name, err->text, *err->hint ? "\n" : "",
                      err->hint);
    return err_exit(err->class);
}
