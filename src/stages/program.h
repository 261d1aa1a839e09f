// What all programs of this folder do before and after their work, be it a step or an errand.
//
// PROGRAM [--config FILE] [--spool DIR] ...   --help and --version anywhere alone.  Descriptor 3
// takes messages (spool/message.h), stderr is for people, the exit status is a sysexits code.
#ifndef CLIPSPOOL_PROGRAM_H
#define CLIPSPOOL_PROGRAM_H

#include "base/err.h"
#include "spool/settings.h"
#include <stdio.h>

enum { PROGRAM_MESSAGE_FD = 3 };

struct program {
    const char *name;
    void (*usage)(FILE *stream, const void *context); // the lines of --help
    const void *context;
};

struct program_options {
    const char *config, *spool; // NULL: not given; borrowed from argv
};

// Makes sure that no file of ours is opened under a number that means something, and that a reader
// who went away does not end the work.  First of all.
void program_begin(void);

// Answers --help and --version, and reads the options.  Returns the index of the first argument
// behind them, or a negative: the program is to end with *ret_status.
int program_options(const struct program *program, int argc, char **argv,
                    struct program_options *ret_options, int *ret_status);

// The arguments make no sense: says how it is used.  Returns the exit status.
int program_misused(const struct program *program);

// The settings that the options name.  ERR_CONFIG "bad_configuration" lists all that is wrong;
// a file that cannot be read at this moment (err_is_passing) is ERR_IO or ERR_SYSTEM.
int program_settings(const struct program_options *options, struct settings *settings,
                     struct err *err);

// Its last words, to the supervisor or, without one, to people.  Returns the exit status.
int program_failed(const struct program *program, struct err *err);

#endif
