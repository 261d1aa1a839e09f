// What one decode of a source yields besides the proxy: signals.json.  Plain data; src/media
// measures, src/highlight reads.
//
// The file is one JSON object of small-integer arrays; docs/SIGNALS.md has the table of scales.
// Times as in probe.h.
#ifndef CLIPSPOOL_SIGNALS_H
#define CLIPSPOOL_SIGNALS_H

#include "base/err.h"

enum { SIGNALS_VERSION = 1, SIGNALS_BINS = 32, SIGNALS_SOUND_HZ = 20, SIGNALS_LIKENESS_HZ = 4 };

struct signals_frame {
    float time; // seconds
    float cut;  // 0..1: how unlike the previous picture (1: nothing in common), the raw score of a
                // hard cut
    float motion;     // 0..1: mean difference to the previous picture after the global brightness
                      // change is taken out
    float brightness; // 0..1: mean luma
    float sharpness;  // 0..1: mean gradient
    float colour;     // 0..1: colourfulness (Hasler and Suesstrunk's measure, scaled)
};

struct signals_sound { // each 1/SIGNALS_SOUND_HZ second, from second 0 on
    float loudness;    // LUFS, EBU R128 momentary (400 ms window ending here), not below -70
    float peak;        // dBFS, not below -90
    float speech;      // dB: energy in 300..3400 Hz relative to all, 0 is all of it, not below -60
    float onset;       // 0..1: positive spectral flux, normalised
    bool voice;        // the decision of the voice activity detector
};

struct signals {
    double duration;
    double frame_rate; // pictures measured a second (below the source's if some were not decoded)
    struct signals_frame *frames; // owned
    size_t frame_count;
    uint8_t (*likeness)[SIGNALS_BINS]; // colour histograms (HSV-like, each sums to about 255),
                                       // SIGNALS_LIKENESS_HZ a second; owned
    size_t likeness_count;
    bool has_sound;
    struct signals_sound *sounds; // owned
    size_t sound_count;
    double integrated_lufs, true_peak_db; // of the whole source; -70 and -90 when silent
};
#define SIGNALS_INIT  \
    {                 \
        .duration = 0 \
    }

// At most 4 hours at 120 pictures a second are read; a damaged or foreign file is ERR_INPUT
// "bad_signals".
int signals_save(int sourcedir, const struct signals *signals, struct err *err);
int signals_load(int sourcedir, struct signals *signals, struct err *err);
void signals_release(struct signals *signals);

#endif
