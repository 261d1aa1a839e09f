// One video file, opened as hostile input: demux and decode.  Private to src/media: it speaks
// libav.
//
// The file is read through our own AVIOContext on a descriptor that is already open, with lists of
// allowed demuxers and decoders, nested opens refused, and limits on streams, pixels and probing,
// so that a playlist named .mp4 reaches nothing else (measured: with libav's defaults such a file
// opened its neighbours).
//
// Times: everything that leaves here counts from second 0, the first displayed picture
// (spool/probe.h).
#ifndef CLIPSPOOL_SOURCE_H
#define CLIPSPOOL_SOURCE_H

#include "base/err.h"
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

struct source_limits {
    int64_t max_pixels;
    int max_streams;
    bool trusts_headers; // that they say all of the tracks: in a file of our own, which is to be
                         // decoded; of H.264 up to twenty pictures are decoded otherwise
};

enum source_kind_of_frame { SOURCE_PICTURE = 1, SOURCE_SOUND = 2 }; // flags: may be or'ed in `want`

struct source;

// Keeps fd open and uses it until source_free (does not close it).  Finds the streams, chooses the
// video stream (not an attached picture; the default one, else the largest) and the audio stream
// (the default one that can be decoded, else the first that can).  Errors: ERR_INPUT with id
// empty_file, not_a_video (playlists and scripts too), incomplete_file (moov missing),
// damaged_file, no_picture (audio only), a_picture (still image), bad_size, too_many_streams,
// unsupported_codec.
int source_open(int fd, const struct source_limits *limits, struct source **ret_source,
                struct err *err);
void source_free(struct source **source);

AVFormatContext *source_format(struct source *source);
AVStream *source_video(struct source *source);
AVStream *source_audio(struct source *source); // NULL without sound

// Container time of second 0, known after source_decode or source_set_start.
double source_start(const struct source *source);
// From probe.json, before source_decode, to spare finding it again.
void source_set_start(struct source *source, double container_seconds);

// Opens the decoders of what is wanted; other streams are discarded by the demuxer.  Finds second 0
// if it was not set, by decoding the first picture (the packets read for it are handed out again).
// threads 0: libav's choice.  `skip` is AVDISCARD_NONREF to leave undecoded what nobody refers to,
// else AVDISCARD_DEFAULT.  May be called again to change what is wanted; seek after that.  Sound
// whose decoder cannot be opened is an error only if nothing else is wanted; else source_decoder()
// of it is NULL.  Errors: ERR_INPUT with id empty_track, undecodable, unsupported_codec.
int source_decode(struct source *source, int want, int threads, enum AVDiscard skip,
                  struct err *err);
AVCodecContext *source_decoder(struct source *source, enum source_kind_of_frame kind);

// Is this picture, shown `seconds` from second 0 on, to be decoded?
typedef bool source_choice(void *context, const AVPacket *packet, double seconds);
// Asked, in the order of decoding, for each picture whose time is known; leave out only what nobody
// refers to.  Keeps context.  NULL: every picture is decoded, as without this call.
void source_choose(struct source *source, source_choice *choice, void *context);

// Moves so that the next frames include all from `seconds` on (and some before).  Needs
// source_decode first.  The first source_frame after it checks where the container landed and goes
// further back where that is too late.
int source_seek(struct source *source, double seconds, struct err *err);

// The next decoded frame, pictures and sound as they lie in the file, each kind in order of
// presentation.  frame->pts is in frame->time_base and counts from second 0 (may be negative for
// sound before the first picture).  Damaged packets are skipped and counted. Returns the kind, 0 at
// the end of the file, or a negative.
int source_frame(struct source *source, AVFrame *frame, struct err *err);
double source_frame_time(const AVFrame *frame); // seconds

// The next undecoded packet of the wanted streams (for the packet scan of probe), its pts and dts
// in the stream's time base from second 0 on.  Not to be mixed with source_frame without a seek
// between.  Returns 1, 0 at the end, or a negative.
int source_packet(struct source *source, AVPacket *packet, struct err *err);

// Packets and frames that could not be decoded, or not whole.  Final at the end of the file:
// threads that decode ahead tell of damage when they find it.
unsigned source_damage(const struct source *source);
bool source_cut_off(const struct source *source); // the file ends before what its headers promise

// Turns a libav error into err (class ERR_INPUT for invalid data, ERR_IO for disk, ERR_SYSTEM for
// memory).  Returns number.
int source_libav_error(struct err *err, int number, const char *id, const char *format, ...)
    PRINTF_LIKE(4, 5);

#endif
