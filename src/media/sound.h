// The sound of the reel: read from the sources to the sample, levelled, faded, limited.  Private to
// src/media.
//
// A reader gives the sound of one source as an unbroken line of samples whatever the file does:
// silence where there is none.  A line joins what readers give into the reel's sound.  All sound
// here is interleaved stereo float at 48 kHz; a frame is a pair of samples.
#ifndef CLIPSPOOL_SOUND_H
#define CLIPSPOOL_SOUND_H

#include "media/source.h"
#include "spool/probe.h"

enum {
    SOUND_RATE = 48000,
    SOUND_FADE = SOUND_RATE / 100, // 10 ms at every joint
};

// ---- reading a source

struct sound_reader;

// Opens the decoder of the source's sound.  Keeps source (alone) and probe.  ERR_INPUT if its sound
// cannot be decoded.
int sound_open(struct source *source, const struct probe *probe, struct sound_reader **ret_reader,
               struct err *err);
void sound_free(struct sound_reader **reader);

// The next frame read is the one at `origin`, seconds of the source (may be negative).
int sound_seek(struct sound_reader *reader, double origin, struct err *err);

// Fills `count` frames: silence before, between and behind what the source has.  Sound is laid
// where its times say, to the sample; within a run of sound samples are counted, so that times
// rounded to milliseconds do no harm, until they differ by 15 ms.  A negative is machine trouble;
// what is wrong with the file becomes silence.
int sound_read(struct sound_reader *reader, float *frames, size_t count, struct err *err);

// True if any sound was decoded since sound_open.
bool sound_came(const struct sound_reader *reader);

// ---- loudness

// Loudness of parts of a source, measured as EBU R 128 does.
struct sound_meter;
struct sound_meter *sound_meter_new(void);
void sound_meter_free(struct sound_meter **meter);
// Adds `seconds` of the source from `start` on.
int sound_meter_add(struct sound_meter *meter, struct sound_reader *reader, double start,
                    double seconds, struct err *err);
// Integrated loudness of all that was added, LUFS; -HUGE_VAL for silence or too little of it.
double sound_meter_loudness(struct sound_meter *meter);

// The factor that brings `loudness` to the reel's -16 LUFS, at most +20 dB; 1 for what is next to
// silence.
double sound_gain(double loudness);

// ---- the reel's line

struct sound_line;

// Takes the finished sound; negative on failure.
typedef int sound_out(void *context, const float *frames, size_t count, struct err *err);

// Keeps context.
struct sound_line *sound_line_new(sound_out *out, void *context);
void sound_line_free(struct sound_line **line);

// Begins a segment: sound from `reader` (borrowed until sound_line_end; NULL: silence) times
// `gain`.
void sound_line_begin(struct sound_line *line, struct sound_reader *reader, double gain);
// Goes on until the segment is at least `count` frames long; its last 10 ms stay back for the fade.
int sound_line_run(struct sound_line *line, int64_t count, struct err *err);
// Ends the segment at exactly `count` frames, at least as many as were run, with a fade.
int sound_line_end(struct sound_line *line, int64_t count, struct err *err);
// Gives out what the limiter still holds.
int sound_line_finish(struct sound_line *line, struct err *err);

#endif
