// Speech: which of the voice in a source is somebody speaking.
//
// A detector of voice is deceived by whatever sings: flutes, strings, choirs.  But speech is made
// of syllables and music flows: from one twentieth of a second to the next the level of speech
// changes by 4 to 7 dB on average, that of music by 1 to 2 (after Scheirer and Slaney 1997, who
// used the same to tell them apart).
#ifndef CLIPSPOOL_SPEECH_H
#define CLIPSPOOL_SPEECH_H

#include "spool/signals.h"

// Gives an array of sound_count flags (free()): true where there is voice that sounds like speech.
// Singing with clear words passes for it.  Borrows.
bool *speech_mark(const struct signals *signals);

#endif
