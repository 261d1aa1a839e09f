// The reel: a plan and its originals become one file.
//
//   footage   the originals, opened when needed; their looks and formats
//   cuts      where each segment lies in the reel; which of its pictures are copied, which encoded
//   strips    the encoded stretches, side by side on all processors, laid on a shelf
//   dub       the sound of the whole reel, once
//   join      strips, copied packets and sound into one file
//   verify    the file is read back: every copied picture is the original's, every joint decodes
//
// Pictures are copied where the originals agree in format with what the reel is to be, and where
// nothing else was asked for.  If that fails, or the result does not stand the verification, the
// reel is encoded whole and says why.  Segments whose picture cannot be decoded are left out with
// a warning.
#ifndef CLIPSPOOL_REEL_H
#define CLIPSPOOL_REEL_H

#include "base/err.h"
#include "spool/plan.h"
#include "spool/probe.h"

struct reel_source {
    int fd; // of the original, borrowed; -1: cannot be used
    const struct probe *probe;
    const char *name; // for people, printable
};

// How it is encoded.
struct reel_quality {
    const char *encoder; // libav's name; NULL: libx264
    const char *preset;  // of x264 and x265
    int crf;             // where bitrate is 0
    int64_t bitrate;     // bit/s
};

struct reel_order {
    const struct plan *plan;
    const struct reel_source *sources;
    size_t source_count;
    int64_t max_pixels; // limits of a source
    int max_streams;
    bool may_copy;     // coded pictures of the originals
    int width, height; // wished; 0: the material's
    bool is_box;       // look.h
    double fps;        // wished; 0: the material's
    struct reel_quality quality;
    const char *title; // or NULL
    int scratch_fd;    // an empty file open read-write, for what waits for its turn; borrowed

    void *context;
    void (*progress)(void *context, double fraction);  // from the caller's thread
    void (*warn)(void *context, const char *sentence); // from any thread, one at a time
};

struct reel_result {
    double duration; // seconds
    int width, height;
    int64_t frames_copied, frames_encoded;
    uint64_t size_bytes;
    uint8_t *cover; // JPEG, owned; NULL if there could be none
    size_t cover_size;
    struct plan_place *places; // of the segments that can be seen, in order; owned
    size_t place_count;
    char fallback[400]; // why nothing is copied though it was allowed, a sentence; or empty
};
#define REEL_RESULT_INIT \
    {                    \
        .duration = 0    \
    }
void reel_result_release(struct reel_result *result);

// Renders into the empty file open read-write as fd.  Borrows all.  ERR_INPUT "nothing_rendered" if
// no segment can be shown.
int reel_render(const struct reel_order *order, int fd, struct reel_result *ret_result,
                struct err *err);

#endif
