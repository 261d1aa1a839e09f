// The finished file: an MP4 whose index comes first, with chapters.  Private to src/media.
//
// One picture track, one sound track or none.  Where the number of packets is known before, room
// for the index is left at the front and everything is written once; else it is moved there at the
// end, which writes everything twice.
#ifndef CLIPSPOOL_MP4_H
#define CLIPSPOOL_MP4_H

#include "base/err.h"
#include <libavcodec/codec_par.h>
#include <libavcodec/packet.h>

enum mp4_track { MP4_PICTURE, MP4_SOUND };

struct mp4_wish {
    const AVCodecParameters *picture, *sound; // borrowed; sound may be NULL
    int fps_num, fps_den;                     // picture times count frames
    const int32_t *matrix; // nine numbers: how players turn the picture (ISO 14496-12 8.2.2); NULL
    const char *title;     // of the file, UTF-8, or NULL; borrowed
    size_t packets;        // that will come at most; 0: not known
    size_t chapters;       // likewise; matters only where packets is known
};

struct mp4;

// Writes to fd, which must be empty, seekable and readable; keeps it, does not close it.
int mp4_open(int fd, const struct mp4_wish *wish, struct mp4 **ret_mp4, struct err *err);
void mp4_free(struct mp4 **mp4);

// The next packet of a track in decoding order; pts, dts and duration in frames (MP4_PICTURE) or
// samples (MP4_SOUND).  Takes the packet's data and leaves it blank.  Tracks are interleaved here.
int mp4_write(struct mp4 *mp4, enum mp4_track track, AVPacket *packet, struct err *err);
// The same where the caller interleaves: nothing is held back.
int mp4_write_now(struct mp4 *mp4, enum mp4_track track, AVPacket *packet, struct err *err);
// A chapter over pictures [first, end).
int mp4_chapter(struct mp4 *mp4, int64_t first, int64_t end, const char *title, struct err *err);
// Writes the index; after it the file is whole (not yet synced).
int mp4_finish(struct mp4 *mp4, struct err *err);

#endif
