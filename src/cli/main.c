// clipspool: looks the command up and runs it.
#include "cli/command.h"
#include "cli/screen.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>

static int overview(FILE *out)
{
    fputs("usage: clipspool [-C FILE] COMMAND ...\n"
          "Makes highlight reels from folders of videos.\n\n",
          out);
    for (size_t i = 0; command_list[i]; i++)
        fprintf(out, "  %-8s %s\n", command_list[i]->name, command_list[i]->summary);
    fputs("  help     how a command is used: clipspool help COMMAND\n\n"
          "  -C, --config FILE   the service's configuration (" COMMAND_CONFIG ")\n"
          "  -v, --verbose       say more\n"
          "      --version       print the version\n",
          out);
    return out == stdout ? 0 : COMMAND_USAGE;
}

static int unknown(const char *what, const char *name)
{
    cleanup(free_ptr) char *safe = screen_safe(name);
    fprintf(stderr, "clipspool: unknown %s \"%s\"; `clipspool help` lists them\n", what, safe);
    return COMMAND_USAGE;
}

static int help(int argc, char **argv)
{
    if (argc < 2)
        return overview(stdout);
    const struct command *command = command_find(argv[1]);
    if (!command)
        return unknown("command", argv[1]);
    fputs(command->usage, stdout);
    return 0;
}

// Options before the command, so that `alias reels='clipspool -C ~/reels.conf'` works.  Returns how
// many arguments were taken, or negative: the usage is wrong.
static int leading_options(struct cli *cli, int argc, char **argv)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        const char *word = argv[i];
        if (!strcmp(word, "-v") || !strcmp(word, "--verbose"))
            cli->verbose = true;
        else if ((!strcmp(word, "-C") || !strcmp(word, "--config")) && i + 1 < argc)
            cli->config = argv[++i];
        else if (!strncmp(word, "--config=", 9))
            cli->config = word + 9;
        else
            break;
    }
    return i;
}

// Every answer may be the last thing a script waits for: a full disk behind stdout is a failure.
static int finished(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("clipspool: the output could not be written\n", stderr);
        return status ? status : err_exit(ERR_IO);
    }
    return status;
}

int main(int argc, char **argv)
{
    // All our output is UTF-8 (text_escape makes it so) and widths are counted accordingly; numbers
    // and messages stay as they are in the C locale.
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    (void)signal(SIGPIPE, SIG_IGN); // a closed pager is an error of fflush, not a silent death

    struct cli cli = { 0 };
    int first = leading_options(&cli, argc, argv);
    if (first >= argc)
        return overview(stderr);
    const char *word = argv[first];
    if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
        puts("clipspool " CLIPSPOOL_VERSION);
        return finished(0);
    }
    if (!strcmp(word, "--help") || !strcmp(word, "-h"))
        return finished(overview(stdout));
    if (!strcmp(word, "help"))
        return finished(help(argc - first, argv + first));
    if (word[0] == '-')
        return unknown("option", word);
    const struct command *command = command_find(word);
    if (!command)
        return unknown("command", word);
    return finished(command->run(&cli, argc - first, argv + first));
}
