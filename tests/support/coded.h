// Coded pictures in memory: read from a file, written to one, and decoded to a hash each, with
// whatever FFmpeg has to say about it counted.
#ifndef CLIPSPOOL_TEST_CODED_H
#define CLIPSPOOL_TEST_CODED_H

#include "base/base.h"

#include <libavcodec/avcodec.h>

enum { CODED_MAX = 600 };

// The video track of a file.
struct coded {
    AVCodecParameters *parameters; // with extradata
    AVRational time_base;
    AVPacket *packets[CODED_MAX];
    size_t count;
};

// Each aborts the test if FFmpeg refuses.
void coded_load(const char *path, struct coded *ret_coded);
// Adds a picture with `data` (copied); takes times and flags of `like`, `shift` ticks later.
void coded_add(struct coded *coded, const uint8_t *data, size_t size, const AVPacket *like,
               int64_t shift);
void coded_set_extradata(AVCodecParameters *parameters, const uint8_t *data, size_t size);
// Writes an MP4 file.
void coded_write(const struct coded *coded, const char *path);
void coded_release(struct coded *coded);

// What a decoder gives, in the order of display.
struct decoded {
    uint8_t hashes[CODED_MAX][16]; // of size, format and every byte of the picture
    int64_t pts[CODED_MAX];
    size_t count;
    int messages; // warnings and errors
    char said[400];
};
void coded_decode(const struct coded *coded, struct decoded *ret_decoded);

#endif
