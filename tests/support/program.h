// Running programs from tests: those just built, and those of the machine.
#ifndef CLIPSPOOL_TESTS_PROGRAM_H
#define CLIPSPOOL_TESTS_PROGRAM_H

#include <stdbool.h>

// The path of a program in the folder this test was built in ("bin/clipspool").  Gives a string.
char *program_built(const char *name);

// Runs argv (argv[0] looked up in PATH, the list ends with NULL) and waits for it.  Its stdout and
// stderr together come back in *ret_output (a string, free), NULL to throw them away.  Returns its
// exit status, or 128 + the signal.
int program_run(const char *const *argv, char **ret_output);
#define PROGRAM_RUN(ret_output, ...) \
    program_run((const char *const[]){ __VA_ARGS__, NULL }, ret_output)

// Also where the test is root: no program that it runs from here on reads what it may not.  Returns
// false where that cannot be had.
bool program_obey_permissions(void);

// The path of the script that holds a reel against its plan (CLIPSPOOL_REELCHECK, else
// ../shared/tools/reelcheck beside the working directory).  NULL, with a line beginning SKIP on
// stdout, where there is none.
const char *program_reelcheck(void);
// Likewise of the one that tells how much of a reel is the originals, bit for bit
// (CLIPSPOOL_UNTOUCHED, else ../shared/tools/untouched).
const char *program_untouched(void);

#endif
