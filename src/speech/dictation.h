// All that is said in a source, written down by the recogniser of this machine.
#ifndef CLIPSPOOL_DICTATION_H
#define CLIPSPOOL_DICTATION_H

#include "speech/recogniser.h"
#include "speech/utterances.h"
#include "speech/wave.h"

struct dictation {
    struct recogniser *recogniser;
    const struct wave *wave;
    const struct utterance *utterances;
    size_t count;
    double duration;                                  // of the source, seconds
    void (*progress)(void *context, double fraction); // or NULL
    void *context;
};

// Hears one utterance after the other; *transcript is INIT and is settled.  Borrows.  Memory
// follows the longest utterance and what was said.
int dictation_take(const struct dictation *dictation, struct transcript *transcript,
                   struct err *err);

#endif
