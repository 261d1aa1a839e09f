// Reading the coded pictures of a part of a source without decoding them, and again to copy them.
// Private to src/media.
#ifndef CLIPSPOOL_SCAN_H
#define CLIPSPOOL_SCAN_H

#include "media/runs.h"
#include "media/source.h"

struct scan {
    struct coded_picture *pictures; // in decoding order, from a sync picture on; owned
    size_t count, capacity;
    bool is_timed; // each has a time of its own; else nothing can be copied
};

// Reads from the last sync picture at or before `start` (seconds of the source) to behind `end`.
// The source must have its pictures wanted (source_decode) and be nobody else's.  Fills the blank
// *ret_scan (scan_release). `most` pictures at most: a part with more is not timed.
int scan_read(struct source *source, const struct nal_stream *units, double start, double end,
              struct scan *ret_scan, struct err *err);
void scan_release(struct scan *scan);

// Takes what packet `index` of the scan holds; may take its data.
typedef int scan_out(void *context, size_t index, AVPacket *packet, struct err *err);
// Hands out packets [from, to) of an earlier scan once more, in decoding order.  ERR_RETRY
// "changed" if the file gives others than before.
int scan_replay(struct source *source, const struct scan *scan, size_t from, size_t to,
                scan_out *out, void *context, struct err *err);

#endif
