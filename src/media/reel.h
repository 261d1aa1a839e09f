// The reel: a plan and its originals become one file.
//
// Two passes.  The survey opens each source that the plan uses, learns its frame rate and measures
// the loudness of what is used of it.  Then the segments are laid one behind the other: pictures
// from one reader of the source, sound from another, so that neither waits for the other however a
// file is interleaved, and memory stays flat.  Segments whose picture cannot be decoded are left
// out with a warning.
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
    const char *preset; // of x264
    int crf;            // where bitrate is 0
    int64_t bitrate;    // bit/s
};

struct reel_order {
    const struct plan *plan;
    const struct reel_source *sources;
    size_t source_count;
    int64_t max_pixels; // limits of a source
    int max_streams;
    int width, height; // wished; 0: the material's
    bool is_box;       // look.h
    double fps;        // wished; 0: the material's
    struct reel_quality quality;
    const char *title; // or NULL

    void *context;
    void (*progress)(void *context, double fraction);
    void (*warn)(void *context, const char *sentence);
};

struct reel_result {
    double duration; // seconds
    int width, height;
    int64_t frames_copied, frames_encoded;
    uint64_t size_bytes;
    uint8_t *cover; // JPEG, owned; NULL if there could be none
    size_t cover_size;
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
