// JPEG files of decoded pictures.  Private to src/media.
#ifndef CLIPSPOOL_JPEG_H
#define CLIPSPOOL_JPEG_H

#include "base/err.h"
#include <libavutil/frame.h>

// Scales a picture of limited range, BT.709 if it says so and else BT.601, to width x height and
// gives it as files mean it, BT.601 of full range: *ret_jpeg (free), about 85 of what other
// programs call quality.  Errors: those of source_libav_error with `id`.
int jpeg_make(const AVFrame *picture, int width, int height, const char *id, uint8_t **ret_jpeg,
              size_t *ret_size, struct err *err);

#endif
