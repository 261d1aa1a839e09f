// Writes down what is said, on this machine: PocketSphinx behind four functions.
//
// It hears one utterance at a time, whole, so that nothing it decides waits for what comes later
// and memory follows the longest utterance.  What it hears in music or noise are words too, with
// little confidence; who asks it shows it only what sounds like speech.
#ifndef CLIPSPOOL_RECOGNISER_H
#define CLIPSPOOL_RECOGNISER_H

#include "spool/transcript.h"

struct recogniser;

// Opens a language: a folder that holds a folder with `mdef` (how it sounds), a file *.lm.bin or
// *.lm (what follows what) and one *.dict (how words sound), as Debian installs them.  Returns 0 or
// a negative: ERR_CONFIG "no_recogniser" if there is no such language.
int recogniser_open(const char *folder, struct recogniser **ret, struct err *err);
void recogniser_close(struct recogniser **recogniser);

// "en" of ".../en-us".  Borrowed.
const char *recogniser_language(const struct recogniser *recogniser);

// Whether a language tag of RFC 5646 ("en-GB") is of that language; what nothing is known of (NULL,
// "") is.
bool recogniser_hears(const struct recogniser *recogniser, const char *tag);

// Adds what is said in an utterance (samples as of wave.h) that begins at `start` seconds: a
// sentence wherever the speaker pauses.  Words have times to a hundredth of a second.  Borrows
// samples.  Returns 0, also if nothing is understood, or ERR_BUG "recogniser".
int recogniser_hear(struct recogniser *recogniser, const int16_t *samples, size_t count,
                    double start, struct transcript *transcript, struct err *err);

#endif
