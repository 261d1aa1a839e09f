// What a command of clipspool is, and what all of them share: options, configuration, exit status.
//
// A command is a descriptor; main.c only looks it up.  Adding one is a file and a line in
// command_list.
#ifndef CLIPSPOOL_COMMAND_H
#define CLIPSPOOL_COMMAND_H

#include "base/err.h"
#include "spool/job.h"
#include "spool/settings.h"

#define COMMAND_CONFIG "/etc/clipspool/clipspool.conf"

struct cli {            // what was said before the command
    const char *config; // -C FILE, or NULL: COMMAND_CONFIG if it is there, else defaults
    bool verbose;
};

struct command {
    const char *name, *summary;
    const char *usage; // everything `--help` prints
    // argv[0] is the name.  Returns the exit status of the program.
    int (*run)(struct cli *cli, int argc, char **argv);
};

extern const struct command
    *const command_list[]; // ends with NULL, in the order of `clipspool help`
// The command of that name, NULL if there is none.
const struct command *command_find(const char *name);

extern const struct command command_run, command_submit, command_status, command_list_all,
    command_watch, command_cancel, command_retry, command_check, command_doctor;

// Exit statuses besides those of err_exit().
enum {
    COMMAND_FAILED = 1, // the batch failed, the file has errors, the doctor found a problem
    COMMAND_USAGE = 64,
    COMMAND_NOT_FOUND = 66,   // no such batch, no such video
    COMMAND_NOT_RUNNING = 69, // the daemon did not answer
    COMMAND_INTERRUPTED = 128 // plus the signal
};

struct command_option { // one of `flag` and `value`
    char letter;        // 0: none
    const char *name;
    bool *flag;
    const char **value;
};

// Reads the options of a command, -C, -v and --help among them, wherever they stand, and moves the
// other arguments to the end of argv.  Returns the index of the first of those; or negative, and
// then ~result is the exit status to leave with (help was shown, or the usage was wrong and that
// was said).
int command_options(struct cli *cli, const struct command *command, int argc, char **argv,
                    const struct command_option *options, size_t count);

// Says on stderr what is wrong with the arguments and returns COMMAND_USAGE.
int command_misused(const struct command *command, const char *format, ...) PRINTF_LIKE(2, 3);

// Says the error and its remedy on stderr and returns its exit status.
int command_fail(const struct err *err);

// The monotonic clock.
int64_t command_now_us(void);

// The service's configuration: -C FILE, or the default place if it is there.  Fills the zeroed
// *settings (settings_release).  Returns 0; or negative, having said why, with *ret_exit set.
int command_settings(const struct cli *cli, struct settings *settings, int *ret_exit);

// Reads and checks the job.conf that a person names.  Gives *ret_text, fills the zeroed *job
// (job_release, also after a failure).  Returns 0; or the exit status, having said what is wrong.
int command_job(const char *path, char **ret_text, struct job *job);

#endif
