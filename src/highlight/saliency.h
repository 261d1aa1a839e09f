// Saliency: how much each half second of a source stands out from the rest of the same source.
//
// Every trait is counted in robust deviations from the source's own median (robust.h), so that a
// loud camera does not beat a quiet one and a trait that hardly varies says nothing.
// docs/PLANNING.md has the traits, their weights and floors.
#ifndef CLIPSPOOL_SALIENCY_H
#define CLIPSPOOL_SALIENCY_H

#include "spool/analysis.h"
#include "spool/signals.h"

enum saliency_trait {
    TRAIT_MOTION,    // mean of signals_frame.motion at 25 pictures a second, without those of cuts
    TRAIT_LOUDNESS,  // mean LUFS
    TRAIT_ONSET,     // greatest signals_sound.onset
    TRAIT_SPEECH,    // share of time with speech (speech.h), 0..1
    TRAIT_SHARPNESS, // mean of signals_frame.sharpness
    TRAIT_COLOUR,    // mean of signals_frame.colour
    TRAIT_NOVELTY,   // 1 - likeness to the mean of the whole source
    TRAIT_COUNT
};

struct saliency_cell {
    float value[TRAIT_COUNT];     // as measured; NAN where there is nothing to measure
    float deviation[TRAIT_COUNT]; // robust deviations, -3..3; 0 where there is nothing to measure
    float brightness;             // mean, 0..1
    float score;                  // 0..1; 0.5 is what is usual in this source, 0 a black picture
    double sum;                   // of the scores of all cells before this one
};

#define SALIENCY_CELL_SECONDS 0.5

struct saliency {
    double duration;
    struct saliency_cell *cells; // owned; cell i covers [i, i + 1) * SALIENCY_CELL_SECONDS, and one
                                 // more for the last sum
    size_t count;                // at least 1 when the duration is above 0
};
#define SALIENCY_INIT \
    {                 \
        .count = 0    \
    }

// Borrows signals and shots (shots_find or an analysis); saliency_release frees.
void saliency_measure(const struct signals *signals, const struct analysis_span *shots,
                      size_t shot_count, struct saliency *saliency);
void saliency_release(struct saliency *saliency);

// Raises the score where an analysis has key moments, by a little: moments found in the same
// signals change little, those of a model that saw the pictures decide between equals.
void saliency_favour(struct saliency *saliency, const struct analysis_span *moments, size_t count);

// Mean score of [start, end) seconds, cells cut by an edge counting in part.  0 for nothing.
double saliency_score(const struct saliency *saliency, double start, double end);

// What a trait counts for in the score; all weights together are 1.
double saliency_weight(enum saliency_trait trait);

#endif
