// Which tracks of a file are its picture and its sound.  Private to src/media.
#ifndef CLIPSPOOL_TRACKS_H
#define CLIPSPOOL_TRACKS_H

#include "base/err.h"
#include <libavformat/avformat.h>

// The picture: no attached one; the default track, else the largest.  The sound: the default track
// that can be decoded, else the first that can; -1 if there is none.  Errors, all ERR_INPUT:
// no_picture, unsupported_codec, bad_size.
int tracks_choose(const AVFormatContext *format, int64_t max_pixels, int *ret_video, int *ret_audio,
                  struct err *err);

#endif
