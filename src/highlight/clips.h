// Clips: the stretches of a source that would make good segments, before any choice between them.
//
// Around each anchor (a peak of saliency, and every few seconds between) all pairs of points where
// a segment may begin and end are weighed, and the best pair is a clip.  So every clip keeps the
// rules of snap.h by construction and nothing has to be moved later.
#ifndef CLIPSPOOL_CLIPS_H
#define CLIPSPOOL_CLIPS_H

#include "highlight/likeness.h"
#include "highlight/saliency.h"
#include "highlight/snap.h"

struct clip {
    size_t source;        // as given
    double start, end;    // seconds of the source
    double score;         // mean saliency, 0..1
    double worth;         // score less the costs of its boundaries and of an unwanted length
    struct likeness look; // mean colours
    double alike;         // 0..1: likeness to the likest segment already chosen; for choice.c
    const char *label;    // what part of the reel it is, or NULL; for choice.c
};

struct clip_source {
    size_t index;
    double duration;
    const struct signals *signals; // all borrowed
    const struct saliency *saliency;
    const struct snap *snap;
    double reach; // of key frames
};

struct clip_lengths {
    double least, wanted, most; // seconds, ascending; a source shorter than `least` is taken whole
    bool fixed; // least and most were asked for so near to each other that hardly two points fit
};

struct clip_list {
    struct clip *clips; // owned
    size_t count, capacity;
};
#define CLIP_LIST_INIT \
    {                  \
        .count = 0     \
    }

// Adds the clips of the source whose anchors lie in [from, until) seconds, ascending by start, none
// twice; for the whole source at least one.  A boundary breaks the rules of snap.h only where no
// pair of points of the whole source has an allowed length.
void clips_find(const struct clip_source *source, const struct clip_lengths *lengths, double from,
                double until, struct clip_list *list);
void clips_add(struct clip_list *list, const struct clip *clip); // copies
void clips_release(struct clip_list *list);

// The clip of exactly [start, end).
struct clip clips_make(const struct clip_source *source, double start, double end);

#endif
