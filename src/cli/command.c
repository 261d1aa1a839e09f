// Options, configuration and error reports, the same for every command.
#include "cli/command.h"
#include "base/text.h"
#include "cli/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

enum { MAX_OPTIONS = 12, FIRST_LONG = 256 };

const struct command *const command_list[] = {
    &command_run,    &command_submit, &command_list_all, &command_status, &command_watch,
    &command_cancel, &command_retry,  &command_check,    &command_doctor, NULL,
};

const struct command *command_find(const char *name)
{
    for (size_t i = 0; command_list[i]; i++)
        if (!strcmp(command_list[i]->name, name))
            return command_list[i];
    return NULL;
}

int command_misused(const struct command *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    cleanup(free_ptr) char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    cleanup(free_ptr) char *safe = screen_safe(text ? text : "");
    fprintf(stderr, "clipspool %s: %s\nTry `clipspool help %s`.\n", command->name, safe,
            command->name);
    return COMMAND_USAGE;
}

int command_fail(const struct err *err)
{
    cleanup(free_ptr) char *text = screen_safe(err->text), *hint = screen_safe(err->hint);
    fprintf(stderr, "clipspool: %s\n", text);
    if (*hint)
        fprintf(stderr, "  %s\n", hint);
    return err_exit(err->class ? err->class : ERR_BUG);
}

static size_t long_options(const struct command_option *options, size_t count,
                           struct option *ret_long, char *ret_short)
{
    char *s = ret_short;
    *s++ = ':'; // getopt says nothing itself: it would print foreign bytes raw
    for (size_t i = 0; i < count; i++) {
        ret_long[i] = (struct option){
            .name = options[i].name,
            .has_arg = options[i].value ? required_argument : no_argument,
            .val = FIRST_LONG + (int)i,
        };
        if (options[i].letter) {
            *s++ = options[i].letter;
            if (options[i].value)
                *s++ = ':';
        }
    }
    *s = '\0';
    ret_long[count] = (struct option){ 0 };
    return count;
}

static const struct command_option *chosen(const struct command_option *options, size_t count,
                                           int choice)
{
    for (size_t i = 0; i < count; i++)
        if (choice == FIRST_LONG + (int)i || (options[i].letter && choice == options[i].letter))
            return &options[i];
    return NULL;
}

int command_options(struct cli *cli, const struct command *command, int argc, char **argv,
                    const struct command_option *options, size_t count)
{
    bool help = false;
    struct command_option all[MAX_OPTIONS] = {
        { 'C', "config", .value = &cli->config },
        { 'v', "verbose", .flag = &cli->verbose },
        { 'h', "help", .flag = &help },
    };
    size_t total = 3;
    for (size_t i = 0; i < count && total < MAX_OPTIONS; i++)
        all[total++] = options[i];

    struct option longs[MAX_OPTIONS + 1];
    char shorts[2 * MAX_OPTIONS + 2];
    long_options(all, total, longs, shorts);
    optind = 0; // start anew, whatever was parsed before
    for (int choice; (choice = getopt_long(argc, argv, shorts, longs, NULL)) >= 0;) {
        const struct command_option *option = chosen(all, total, choice);
        const char *word = argv[optind > 1 ? optind - 1 : 1];
        if (!option && choice == ':')
            return ~command_misused(command, "%s needs a value", word);
        if (!option)
            return ~command_misused(command, "unknown option %s", word);
        if (option->value)
            *option->value = optarg;
        else if (option->flag)
            *option->flag = true;
    }
    if (help) {
        fputs(command->usage, stdout);
        return ~0;
    }
    return optind;
}

int64_t command_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int command_settings(const struct cli *cli, struct settings *settings, int *ret_exit)
{
    const char *path = cli->config ? cli->config : COMMAND_CONFIG;
    if (!cli->config && access(path, F_OK) < 0 && errno == ENOENT)
        path = NULL;
    cleanup(config_report_release) struct config_report report = CONFIG_REPORT_INIT;
    int r = settings_load(path, settings, &report);
    if (r < 0) {
        cleanup(free_ptr) char *text = screen_safe_lines(report.text ? report.text : "");
        fprintf(stderr, "clipspool: the configuration cannot be used\n%s\n", text);
        *ret_exit = err_exit(ERR_CONFIG);
    }
    return r;
}

// A person's own file may be a link; what it is a link to must be a file.
static int read_text(const char *path, char **ret_text, struct err *err)
{
    cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(err, errno, "%s", path);
    if (!S_ISREG(st.st_mode) || st.st_size > JOB_MAX_BYTES)
        return err_set(err, ERR_CONFIG, "not_a_job", "%s: is not a file of at most %d bytes", path,
                       JOB_MAX_BYTES);
    cleanup(free_ptr) char *text = xcalloc(JOB_MAX_BYTES + 1, 1);
    ssize_t length = read(fd, text, JOB_MAX_BYTES);
    if (length < 0)
        return err_errno(err, errno, "%s", path);
    if (memchr(text, '\0', (size_t)length))
        return err_set(err, ERR_CONFIG, "not_a_job", "%s: holds a NUL byte, so it is not a text",
                       path);
    *ret_text = TAKE(text);
    return 0;
}

int command_job(const char *path, char **ret_text, struct job *job)
{
    struct err err = ERR_INIT;
    cleanup(free_ptr) char *text = NULL;
    if (read_text(path, &text, &err) < 0) {
        (void)command_fail(&err);
        return err.code == -ENOENT ? COMMAND_NOT_FOUND : err_exit(err.class);
    }
    cleanup(config_report_release) struct config_report report = CONFIG_REPORT_INIT;
    cleanup(free_ptr) char *name = text_escape(path);
    if (job_parse(name, text, job, &report) < 0) {
        cleanup(free_ptr) char *lines = screen_safe_lines(report.text ? report.text : "");
        fprintf(stderr, "%s\n", lines);
        return err_exit(ERR_CONFIG);
    }
    *ret_text = TAKE(text);
    return 0;
}
