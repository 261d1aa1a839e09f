// The finished file: encoders and MP4.  Private to src/media.
//
// H.264 and AAC in an MP4 whose index comes first ("faststart"), with chapters.  Pictures come
// in the order shown, numbered from 0 at a constant rate; sound as an unbroken line of samples from
// 0.  The encoder's priming is written as an edit, so both begin at 0.
#ifndef CLIPSPOOL_SINK_H
#define CLIPSPOOL_SINK_H

#include "base/err.h"
#include "media/graph.h"

struct sink_wish {
    struct graph_look look;
    int fps_num, fps_den;
    const char *preset; // of x264; borrowed
    int crf;            // used where bitrate is 0
    int64_t bitrate;    // bit/s on average, peaks bounded; 0: by crf
    int64_t peak;       // with crf: bit/s that two seconds never pass; 0: unbounded
    bool sound;         // a sound track
    // Of the sound; 0: 48 kHz stereo at 192 kbit/s.
    int sound_rate, sound_channels;
    int64_t sound_bitrate;
    bool as_preset;    // what the preset gives, High profile or not
    const char *title; // of the file, UTF-8, or NULL; borrowed
};

struct sink;

// Writes to fd, which must be empty, seekable and readable; keeps it, does not close it.
int sink_open(int fd, const struct sink_wish *wish, struct sink **ret_sink, struct err *err);
void sink_free(struct sink **sink);

// The next picture, in the look (yuv420p); borrowed.  `starts_segment` puts a random access point
// here.
int sink_picture(struct sink *sink, const AVFrame *picture, bool starts_segment, struct err *err);
// The next `count` frames of interleaved sound.
int sink_sound(struct sink *sink, const float *frames, size_t count, struct err *err);
// A chapter over pictures [first, end).
int sink_chapter(struct sink *sink, int64_t first, int64_t end, const char *title, struct err *err);
// Writes what is left and the index; after it the file is whole (not yet synced).
int sink_finish(struct sink *sink, struct err *err);

int64_t sink_pictures(const struct sink *sink); // so far

#endif
