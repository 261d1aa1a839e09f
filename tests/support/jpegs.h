// JPEG files, looked into.
#ifndef CLIPSPOOL_TESTS_JPEGS_H
#define CLIPSPOOL_TESTS_JPEGS_H

#include <libavutil/frame.h>

// The picture in a file; aborts the test if it is none.  Gives a frame (av_frame_free).
AVFrame *jpegs_decode(const void *jpeg, size_t size);

#endif
