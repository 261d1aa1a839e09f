// The command line of clipspoold.
#ifndef CLIPSPOOL_OPTIONS_H
#define CLIPSPOOL_OPTIONS_H

#include "base/base.h"

struct options {
    const char *config, *spool;  // borrowed from argv; NULL when not given
    const char *claim, *recover; // the daemon itself starts it so, see carrier.h
    bool check_config, once, help, version;
    int log_level; // syslog priority
};

// Returns 0, or -EINVAL after writing what is wrong to stderr.
int options_parse(int argc, char **argv, struct options *ret_options);
extern const char options_help[];

#endif
