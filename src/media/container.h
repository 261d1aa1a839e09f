// The bytes of a video file and the demuxer on top: everything that keeps a hostile file to itself.
// Private to src/media; source.h is what others use.
//
// The demuxer is chosen by content among a list, reads through our own AVIOContext on a descriptor
// that is already open, and may open nothing else.
#ifndef CLIPSPOOL_CONTAINER_H
#define CLIPSPOOL_CONTAINER_H

#include "base/err.h"
#include <libavformat/avformat.h>

struct container {
    int fd; // borrowed
    int64_t offset, size;
    int most;        // bytes read at a time; 0: as many as fit
    int io_error;    // errno of the first read that failed, or 0
    bool cut_off;    // the structure promises more bytes than there are
    AVIOContext *io; // owned
    AVFormatContext *format;
};

// Decoders that may run on foreign data, by libav's names with commas between.
extern const char container_decoders[];

// Recognises and opens the file and reads its headers.  Keeps fd open and uses it until
// container_release.  At most max_streams tracks.  *container must be zeroed; it must stay where it
// is.  Errors as in source_open.
int container_open(struct container *container, int fd, int max_streams, struct err *err);
// Looks into the tracks for what headers may not say, with decoders that obey max_pixels.  The
// same.
int container_look(struct container *container, int64_t max_pixels, struct err *err);
void container_release(struct container *container);

#endif
