// A spool for the tests of clipspool, and its answers.  Stages are stand-ins, the daemon runs only
// if it is started.
#ifndef CLIPSPOOL_TESTS_CLI_FIXTURE_H
#define CLIPSPOOL_TESTS_CLI_FIXTURE_H

#include "tests/support/fake_stages.h"
#include "tests/support/spoken.h"
#include "tests/support/spool_fixture.h"
#include <check.h>

extern struct spool_fixture cli_fixture; // its configuration is written, its outbox is there
extern char *cli_program;                // the path of clipspool

// Runs clipspool with the fixture's configuration, in the fixture's folder.
#define CLI_SAY(spoken, ...) \
    SPOKEN_RUN(spoken, cli_fixture.folder.path, cli_program, "-C", cli_fixture.config, __VA_ARGS__)

void cli_assert_holds(const char *text, const char *part);
// Whatever was said, a terminal is not told to do anything.
void cli_assert_printable(const char *text);

// Makes outbox/NAME with this status.json (NULL: without one).
void cli_make_batch(const char *name, const char *status);
// Is there such a name in the fixture's folder?
bool cli_there(const char *name);
// The names in a folder of the fixture's folder, as folder_names.  Gives a string.
char *cli_names_in(const char *folder);

// main of a test program: a suite of one case on the fixture, to which `add` adds the tests.
int cli_main(int argc, char **argv, const char *name, void (*add)(TCase *tcase));

#endif
