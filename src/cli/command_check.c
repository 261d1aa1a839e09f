// check: all that is wrong with a job.conf, at once; or a sample with every option there is.
#include "base/text.h"
#include "cli/command.h"
#include "cli/screen.h"

#include <stdio.h>

static int run(struct cli *cli, int argc, char **argv);

const struct command command_check = {
    .name = "check",
    .summary = "check a job.conf, or print a sample with every option",
    .usage = "usage: clipspool check [job.conf]\n"
             "Says everything that is wrong with a job.conf, with its lines and what is allowed.\n"
             "Without a file it prints a job.conf with every option and its default.\n\n"
             "Exit status: 0 nothing is wrong; 66 the file is not there; 78 something is wrong.\n",
    .run = run,
};

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
    struct job job = { 0 };
    cleanup(free_ptr) char *text = NULL;
    int status = command_job(argv[first], &text, &job);
    job_release(&job);
    if (status)
        return status;
    cleanup(free_ptr) char *safe = screen_safe(argv[first]);
    printf("%s: nothing is wrong\n", safe);
    return 0;
}
