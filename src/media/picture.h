// The pictures of one source as the reel shows them: sought, decoded, deinterlaced, chosen by time,
// conformed.  Private to src/media.
//
// Only two decoded pictures are held, and only pictures that are shown are conformed.
#ifndef CLIPSPOOL_PICTURE_H
#define CLIPSPOOL_PICTURE_H

#include "media/graph.h"
#include "media/source.h"
#include "spool/probe.h"

struct picture;

// What is asked of a source's pictures.
struct picture_wish {
    struct graph_look look;
    bool as_coded; // the decoder's pictures, neither turned nor conformed; look is not used
    double reel_fps;
    int threads; // of the decoder; 0: libav's choice
};

// Opens the decoder.  Keeps source (alone: nobody else may read from it) and probe.
int picture_open(struct source *source, const struct probe *probe, const struct picture_wish *wish,
                 struct picture **ret_picture, struct err *err);
void picture_free(struct picture **picture);

// Goes to the segment [start, end), seconds of the source.
int picture_start(struct picture *picture, double start, double end, struct err *err);

// The picture on the screen at `instant` (seconds of the source; never falling within a segment).
// Returns 1 and lends *ret_frame until the next call, or 0 if the segment has no picture at all, or
// a negative.
int picture_at(struct picture *picture, double instant, AVFrame **ret_frame, struct err *err);

// How many seconds `instant` lies behind the end of the last picture of the source; 0 while
// pictures come.
double picture_missing(const struct picture *picture, double instant);

// The facts it was opened with; borrowed.
const struct probe *picture_probe(const struct picture *picture);

// What a decoded picture takes in memory, about.  Samples that are not known take the most: two
// bytes each, none left out.
double picture_bytes(enum AVPixelFormat pixels, int width, int height);

// Pictures a second of the material, as timeline_rate sees it.
double picture_rate(struct source *source, const struct probe *probe, int *ret_num, int *ret_den);

#endif
