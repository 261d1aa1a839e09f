// check: all that is wrong with a job.conf, at once; or a sample with every option there is.
#include "base/text.h"
#include "cli/command.h"
#include "cli/screen.h"

#include <stdio.h>
#include <unistd.h>

static int run(struct cli *cli, int argc, char **argv);

const struct command command_check = {
    .name = "check",
    .summary = "check a job.conf, or print a sample with every option",
    .usage = "usage: clipspool check [job.conf]\n"
             "Says everything that is wrong with a job.conf, with its lines and what is allowed.\n"
             "Without a file it prints a job.conf with every option and its default.\n\n"
             "  -C, --config FILE   the configuration of the service that is to take it\n\n"
             "Exit status: 0 nothing is wrong; 66 the file is not there; 78 something is wrong.\n",
    .run = run,
};

// What the service that would take the job has not: a bucket, or a model.  A configuration that
// cannot be read is not the job's fault.  Gives a string, NULL if nothing is missing.
static char *missing(const struct cli *cli, const struct job *job)
{
    cleanup(settings_release) struct settings settings = { 0 };
    cleanup(config_report_release) struct config_report report = CONFIG_REPORT_INIT;
    bool given = cli->config != NULL || access(COMMAND_CONFIG, F_OK) == 0;
    const char *path = cli->config != NULL ? cli->config : COMMAND_CONFIG;
    if (settings_load(given ? path : NULL, &settings, &report) < 0)
        return NULL;
    if (settings_storage(&settings, job->storage) < 0)
        return xasprintf("storage: \"%s\" needs a bucket, and the service has none",
                         job_storages[job->storage]);
    for (enum model_role role = 0; role < MODEL_ROLES; role++)
        if (model_choose(&settings.models, role, job_wish(job, role)) < 0)
            return xasprintf("analysis.%s: \"%s\" is not set up in the service", model_roles[role],
                             model_services[job_wish(job, role)]);
    return NULL;
}

static int run(struct cli *cli, int argc, char **argv)
{
    int first = command_options(cli, &command_check, argc, argv, NULL, 0);
    if (first < 0)
        return ~first;
    if (argc - first > 1)
        return command_misused(&command_check, "\"%s\" is one too many", argv[first + 1]);
    if (first == argc) {
        cleanup(free_ptr) char *sample = config_sample(
            job_options, job_option_count,
            "job.conf: put it into the folder you drop.  Every line may be left out.");
        fputs(sample, stdout);
        return 0;
    }
    cleanup(job_release) struct job job = { 0 };
    cleanup(free_ptr) char *text = NULL;
    int status = command_job(argv[first], &text, &job);
    cleanup(free_ptr) char *safe = screen_safe(argv[first]);
    if (status)
        return status;
    cleanup(free_ptr) char *lacks = missing(cli, &job);
    if (lacks != NULL) {
        fprintf(stderr, "%s: %s\n", safe, lacks);
        return err_exit(ERR_CONFIG);
    }
    printf("%s: nothing is wrong\n", safe);
    return 0;
}
