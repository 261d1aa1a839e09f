// Reading the command line.
#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <syslog.h>

const char options_help[] =
    "Usage: clipspoold [OPTION]...\n"
    "Turns folders of videos in the spool's incoming folder into highlight reels in its outbox.\n"
    "\n"
    "  --config FILE     read this configuration (default: built-in defaults)\n"
    "  --spool DIR       use this spool instead of the configured spool.root\n"
    "  --check-config    check the configuration and leave\n"
    "  --once            work until nothing is left, then leave: 0, or 1 if a batch failed\n"
    "  --log-level N     error, warning, notice, info (default) or debug, or 3 to 7\n"
    "  --version, --help\n"
    "\n"
    "Exit status: 0 stopped as asked, 1 a batch failed (--once), 64 wrong usage,\n"
    "71 or 74 trouble with the machine, 78 wrong configuration or the spool is in use.\n";

static int parse_level(const char *text)
{
    static const struct {
        const char *name;
        int level;
    } levels[] = { { "error", LOG_ERR }, { "3", LOG_ERR },    { "warning", LOG_WARNING },
                   { "4", LOG_WARNING }, { "5", LOG_NOTICE }, { "notice", LOG_NOTICE },
                   { "info", LOG_INFO }, { "6", LOG_INFO },   { "debug", LOG_DEBUG },
                   { "7", LOG_DEBUG } };
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        if (strcmp(levels[i].name, text) == 0)
            return levels[i].level;
    }
    (void)fprintf(stderr,
                  "clipspoold: --log-level: \"%s\" is none of error, warning, notice, info, "
                  "debug, 3 to 7\n",
                  text);
    return -EINVAL;
}

static int take(int option, const char *value, struct options *options)
{
    switch (option) {
    case 'c':
        options->config = value;
        return 0;
    case 's':
        options->spool = value;
        return 0;
    case 'm':
        options->claim = value;
        return 0;
    case 'r':
        options->recover = value;
        return 0;
    case 'l':
        options->log_level = parse_level(value);
        return options->log_level < 0 ? -EINVAL : 0;
    case 'k':
        options->check_config = true;
        return 0;
    case 'o':
        options->once = true;
        return 0;
    case 'h':
        options->help = true;
        return 0;
    case 'v':
        options->version = true;
        return 0;
    default:
        return -EINVAL;
    }
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "spool", required_argument, NULL, 's' },
        { "log-level", required_argument, NULL, 'l' },
        { "check-config", no_argument, NULL, 'k' },
        { "claim", required_argument, NULL, 'm' },
        { "recover", required_argument, NULL, 'r' },
        { "once", no_argument, NULL, 'o' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },
        { 0 },
    };
    struct options options = { .log_level = LOG_INFO };
    int option;
    optind = 0; // glibc: from the beginning, also when called again
    while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
        if (take(option, optarg, &options) < 0)
            return -EINVAL;
    }
    if ((options.claim || options.recover) && !options.spool) {
        (void)fputs("clipspoold: --claim and --recover need --spool\n", stderr);
        return -EINVAL;
    }
    if (optind < argc) {
        (void)fprintf(stderr, "clipspoold: unexpected argument \"%s\"; see --help\n", argv[optind]);
        return -EINVAL;
    }
    *ret_options = options;
    return 0;
}
