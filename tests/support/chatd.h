// A model on loopback that says what it is told to (tests/support/chatd.py), as servers of one's
// own speak, and without a key.
#ifndef CLIPSPOOL_TESTS_CHATD_H
#define CLIPSPOOL_TESTS_CHATD_H

#include "tests/support/folder.h"
#include "tests/support/server.h"

struct chatd {
    struct server process;
    struct folder folder;
    unsigned port;
};

// Starts it with what it answers to the first questions, in order, up to NULL; the last is said to
// all that follow.  "503 words" is an answer of that status, anything else is said.
void chatd_start(struct chatd *chatd, const char *const *answers);
void chatd_stop(struct chatd *chatd);

// How many questions came.
unsigned chatd_count(const struct chatd *chatd);

// The body of a question, from 1 on.  Gives a string.
char *chatd_asked(const struct chatd *chatd, unsigned number);

#endif
