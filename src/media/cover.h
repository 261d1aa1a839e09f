// The cover: the sharpest of a few pictures around the middle of a segment, as JPEG.  Private to
// src/media.
#ifndef CLIPSPOOL_COVER_H
#define CLIPSPOOL_COVER_H

#include "media/picture.h"

// How sharp the luma of a picture is: the mean absolute difference of each sample from its
// neighbours.
double cover_sharpness(const AVFrame *picture);

// Chooses the sharpest of a few key frames of [start, end), or of pictures around its middle. Gives
// *ret_jpeg (free).  ERR_INPUT "no_cover" if none of them can be decoded.
int cover_make(struct picture *picture, double start, double end, uint8_t **ret_jpeg,
               size_t *ret_size, struct err *err);

#endif
