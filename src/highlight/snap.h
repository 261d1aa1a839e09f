// Where a segment may begin and end: shot cuts, pauses of speech, quiet points, on whole pictures.
//
//      speech   ....######........#######################....
//      cuts            |                       |
//      points     s   (|)   se se              |se       se      s: may start, e: may end there
//
// Rules: a boundary lies never inside a stretch of speech when a pause is within 1.5 s, and leaves
// never a sliver of another shot (less than 0.8 s, or of a short shot less than half of it, at
// least 0.4 s).  Where a rule leaves nothing within reach the nearest picture is taken; second 0
// and the end of the source are always allowed.
#ifndef CLIPSPOOL_SNAP_H
#define CLIPSPOOL_SNAP_H

#include "spool/analysis.h"
#include "spool/signals.h"

enum snap_kind { SNAP_EDGE, SNAP_CUT, SNAP_PAUSE, SNAP_QUIET, SNAP_PLAIN };

struct snap_point {
    double start; // as the beginning of a segment: the time of a measured picture
    double end;   // as its end: the same, but at a cut no picture of the next shot is let in even
                  // where not every picture was measured
    double cost;  // 0..1, on the scale of scores: how much worse than a shot cut
    enum snap_kind kind;
    bool may_start, may_end;
};

struct snap_speech {
    double start, end; // a stretch of voice; pauses below 0.2 s are part of it
};

struct snap {
    double duration;              // of the source
    struct snap_point *points;    // ascending; owned
    size_t count;                 // at least 2: the edges
    struct snap_speech *speeches; // ascending; owned
    size_t speech_count;
};
#define SNAP_INIT     \
    {                 \
        .duration = 0 \
    }

// Finds the points of a source that lasts `duration` seconds (probed; what was measured beyond is
// left out) and shows a picture every `picture_seconds` (0: as measured).  Borrows signals and
// shots; snap_release frees.
void snap_prepare(const struct signals *signals, const struct analysis_span *shots,
                  size_t shot_count, double duration, double picture_seconds, struct snap *snap);
void snap_release(struct snap *snap);

// Moves a segment that was chosen by other means (a model, the fallback) to good points at most
// `reach` seconds away, further only to leave speech or a sliver.  Kept as it is if it would become
// shorter than min_segment.  SNAP_REACH is the usual reach.
#define SNAP_REACH 0.6
void snap_segment(const struct snap *snap, double reach, double min_segment, double *start,
                  double *end);

// The first point whose time is not below `time` (snap->count if there is none).
size_t snap_from(const struct snap *snap, double time);

#endif
