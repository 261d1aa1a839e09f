// A very small copy of a picture, made straight from the decoder's planes: what the signals are
// measured on.  Private to src/media.
//
// A cell is the mean of all columns and four of the rows it covers: a fifth of a 1080p picture is
// read, none of it is written, and noise is still averaged away.
#ifndef CLIPSPOOL_THUMB_H
#define CLIPSPOOL_THUMB_H

#include "base/base.h"
#include <libavutil/frame.h>

enum { THUMB_SIDE = 96 }; // cells along the longer side

struct thumb {
    int width, height;   // cells of luma; chroma has half as many, rounded up
    int cwidth, cheight; // cells of chroma
    // Row after row without padding, 0..255 whatever the range and depth of the picture.
    uint8_t y[THUMB_SIDE * THUMB_SIDE];
    uint8_t u[THUMB_SIDE * THUMB_SIDE / 4], v[THUMB_SIDE * THUMB_SIDE / 4];
    // Mean difference of luma, 0..255, between pixels a thousandth of the width apart, before
    // anything was averaged.
    double gradient;
};

struct thumb_maker; // what is reused from picture to picture

struct thumb_maker *thumb_maker_new(void);
void thumb_maker_free(struct thumb_maker **maker);

// Fills *thumb from a decoded picture of any format.  Returns 0, or a negative for a format that
// cannot be read.
int thumb_make(struct thumb_maker *maker, const AVFrame *frame, struct thumb *thumb);

#endif
