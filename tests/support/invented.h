// Invented signals: sources that nobody filmed, by seed, so that the arithmetic on signals can be
// tested without decoding anything.  The same recipe gives the same signals.
#ifndef CLIPSPOOL_TEST_INVENTED_H
#define CLIPSPOOL_TEST_INVENTED_H

#include "spool/signals.h"

struct invented {
    uint64_t seed;
    double seconds;
    double fps;          // 25
    double shot_seconds; // mean length of a shot; 0: one shot
    double gain_db;      // added to loudness and peak
    bool mute;           // no sound track
    bool wordless;       // sound, but nobody speaks
    bool flat;           // nothing varies at all
};

// Gives *ret_signals (signals_release) and, if ret_cuts is not NULL, the times of its cuts
// (free()) and their number.
void invent_signals(const struct invented *invented, struct signals *ret_signals, double **ret_cuts,
                    size_t *ret_count);

// A random number in [low, high) from a state that the caller starts with any value.
double invent_number(uint64_t *state, double low, double high);

// Sets frames[...] within [start, end) seconds to these values; NAN leaves what is there.
void invent_pictures(struct signals *signals, double start, double end, double motion,
                     double brightness);
// Sets sounds[...] within [start, end) seconds.
void invent_sound(struct signals *signals, double start, double end, double loudness, bool voice);

#endif
