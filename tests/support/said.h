// What is said in a recording, looked for in a transcript.
#ifndef CLIPSPOOL_TEST_SAID_H
#define CLIPSPOOL_TEST_SAID_H

#include "spool/transcript.h"

// Where the recogniser of this machine has its language; NULL, with a line beginning SKIP on
// stdout, where none is installed.
const char *said_language(void);

// The word, from `from` seconds on; NULL if it was not heard.  Borrowed.
const struct transcript_word *said_word(const struct transcript *transcript, const char *word,
                                        double from);

#endif
