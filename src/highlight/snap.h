// Where a segment may begin and end: shot cuts, pauses of speech, quiet points, on whole pictures.
//
//      speech   ....######........#######################....
//      cuts            |                       |
//      points     s   (|)   se se              |se       se      s: may start, e: may end there
//
// A start is on a key frame where one is near enough, so that the renderer can copy from there
// (keys.h): key frames are starts of their own, and a start between them costs more.  Ends are not
// moved for that: any picture can end a copy.
//
// Where it is known what is said (a transcript), stretches of speech are sentences, and within them
// only the gaps between words are points.
//
// Rules: a boundary lies never inside a word, never inside a stretch of speech when a pause is
// within 1.5 s, and leaves never a sliver of another shot (less than 0.8 s, or of a short shot less
// than half of it, at least 0.4 s).  Where a rule leaves nothing within reach the nearest picture
// is taken; second 0 and the end of the source are always allowed.
#ifndef CLIPSPOOL_SNAP_H
#define CLIPSPOOL_SNAP_H

#include "highlight/keys.h"
#include "spool/analysis.h"
#include "spool/signals.h"
#include "spool/transcript.h"

enum snap_kind {
    SNAP_EDGE,
    SNAP_CUT,
    SNAP_SENTENCE, // between sentences
    SNAP_PAUSE,
    SNAP_QUIET,
    SNAP_WORD, // between words of a sentence
    SNAP_PLAIN
};

struct snap_point {
    double start; // as the beginning of a segment: the time of a measured picture or, to the
                  // microsecond, of a key frame
    double end;   // as its end: the same, but at a cut no picture of the next shot is let in even
                  // where not every picture was measured
    double cost;  // 0..1, on the scale of scores: how much worse than a shot cut
    double start_cost; // the same as the beginning of a segment: more where no key frame is
    enum snap_kind kind;
    bool may_start, may_end;
    bool on_key; // its start is a key frame
    bool yields; // a key frame that may start instead is within reach
};

struct snap_speech {
    // A sentence; or a stretch of voice, where pauses below 0.2 s are part of it.  Touching
    // sentences are shortened, so that a picture lies between them.
    double start, end;
    bool is_sentence;
};

struct snap {
    double duration;              // of the source
    struct snap_point *points;    // ascending; owned
    size_t count;                 // at least 2: the edges
    struct snap_speech *speeches; // ascending; owned
    size_t speech_count;
    struct snap_speech *words; // ascending, shortened likewise; owned
    size_t word_count;
};
#define SNAP_INIT     \
    {                 \
        .duration = 0 \
    }

struct snap_source {
    const struct signals *signals;     // all borrowed
    const struct analysis_span *shots; // from second 0 on, touching
    size_t shot_count;
    const struct transcript *transcript; // settled; NULL: not known what is said
    double duration;                     // seconds, probed; what was measured beyond is left out
    double picture_seconds;              // between two pictures; 0: as measured
    struct keys keys;
};

// Finds the points of a source.  snap_release frees.
void snap_prepare(const struct snap_source *source, struct snap *snap);
void snap_release(struct snap *snap);

// The start on a key frame nearest to `time` and at most `within` away, or NULL.
const struct snap_point *snap_key_near(const struct snap *snap, double time, double within);

// Moves a segment that was chosen by other means (a model, the fallback) to good points at most
// `reach` seconds away, further only to leave speech or a sliver.  Kept as it is if it would become
// shorter than `least`; it becomes longer than `most` only if it was.
void snap_segment(const struct snap *snap, double reach, double least, double most, double *start,
                  double *end);

// The first point whose time is not below `time` (snap->count if there is none).
size_t snap_from(const struct snap *snap, double time);

#endif
