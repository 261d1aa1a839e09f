// Where everything lies in the reel: plain arithmetic, no libav.
//
// The reel's clock is the plan's: segment k begins at T(k), the exact sum of the durations before
// it.  Pictures change on the frame grid, so segment k owns the frames from round(T(k) fps) to
// round(T(k+1) fps): nothing drifts however many segments there are.  At reel time t a segment
// shows and plays the source at source_us + (t - T(k)); sound does so to the sample, pictures to
// the nearest picture.
//
//   reel time   |T(k)                          |T(k+1)
//   frames    ..|.f...f...f...f...f...f...f...f|..     first_frame is within half a frame of T(k)
//   source      |start                         |end
//
// A source picture belongs to the segment [start, end) if it begins less than about half a frame
// before start and not as near before end: a cut laid on the first picture of a shot shows nothing
// of the shot before, whatever was lost in rounding times to milliseconds.
#ifndef CLIPSPOOL_TIMELINE_H
#define CLIPSPOOL_TIMELINE_H

#include "base/base.h"

enum { TIMELINE_SAMPLE_RATE = 48000 };

struct timeline {
    int fps_num, fps_den;
    int64_t end_us; // of all segments added so far
};

struct timeline_segment {
    int64_t source_us;   // start in the source, from its second 0
    int64_t duration_us; // as planned
    int64_t start_us;    // T(k)
    int64_t first_frame, frames;
    int64_t first_sample, samples;
};

// The place of source seconds [start, end) if it came next; changes nothing.  frames may be 0 for a
// segment shorter than a frame.
void timeline_place(const struct timeline *timeline, double start, double end,
                    struct timeline_segment *ret_segment);
// Takes a placed segment into the reel.
void timeline_add(struct timeline *timeline, const struct timeline_segment *segment);

// Source seconds that frame n (0 is the segment's first) shows, before choosing a picture; up to
// half a frame before the segment's start.
double timeline_instant(const struct timeline *timeline, const struct timeline_segment *segment,
                        int64_t n);
// Source seconds of the segment's first sample.
double timeline_sound_origin(const struct timeline_segment *segment);
// The sample that begins together with a frame of the reel.
int64_t timeline_sample(const struct timeline *timeline, int64_t frame);

// Which pictures of a source a segment shows.
//
// Where one rate is a multiple of the other, the distance of the first picture from its instant is
// kept, so that times rounded to milliseconds cannot make pictures flip over the middle: at equal
// rates every picture is shown once.
struct cadence {
    double start, end;  // of the segment, seconds of the source
    double frame;       // of the faster of source and reel, seconds
    double output;      // a frame of the reel, seconds
    double shift;       // of all instants, seconds
    bool keeps_phase;   // one rate is a multiple of the other
    bool anchored_once; // the first picture was taken
};
void cadence_init(struct cadence *cadence, double start, double end, double source_fps,
                  double reel_fps);
// True if the picture that begins at `begin` is on the screen at `instant`, or was before.
// The picture to show is the last one that is due.
bool cadence_is_due(const struct cadence *cadence, double instant, double begin);
// To be told of the first picture shown and its instant.
void cadence_anchor(struct cadence *cadence, double instant, double begin);

// The frame rate of a reel whose material is at `average` (and, where the container declares one,
// `declared`, else 0) pictures a second: a rate in common use, kept exact, at most 60.  Variable
// rates take the next one above, at least 24, so that no picture is lost.
void timeline_rate(double average, double declared, bool is_variable, int *ret_num, int *ret_den);

#endif
