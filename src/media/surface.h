// Pictures in the memory of a graphics device, where its encoder (VAAPI) takes them from.  Private
// to src/media.
#ifndef CLIPSPOOL_SURFACE_H
#define CLIPSPOOL_SURFACE_H

#include "base/err.h"
#include <libavcodec/avcodec.h>

struct surface; // a device and the pictures that it holds for one encoder

// True for an encoder, by libav's name, that takes its pictures from a device.
bool surface_is_wanted(const char *encoder);

// Opens the first graphics device for an encoder that is not open yet, whose size is set and whose
// pix_fmt is that of the pictures, 4:2:0 of 8 or 10 bits; it becomes the device's.  Gives
// *ret_surface (surface_free), which must live as long as the encoder.  ERR_CONFIG "no_encoder"
// if there is no device or it refuses.
int surface_open(AVCodecContext *encoder, struct surface **ret_surface, struct err *err);

// Copies a picture of that size and format to the device: *there, which is empty, gets a reference
// to it.  ERR_BUG "encode_failed".
int surface_put(struct surface *surface, const AVFrame *picture, AVFrame *there, struct err *err);

void surface_free(struct surface **surface);

#endif
