// What a text model is told about a batch: its videos in lines of plain text.
//
//   video 0: "beach.mp4", 312.4 s
//     summary: "two people play at the sea"
//     tags: "lively", "speech"
//     scene 0.0-40.5 (0.61): "a calm sea"
//     moment 12.0-14.5 (0.93): "someone jumps"
//     said 13.1-14.0: "look at that"
//     cuts at: 4.2 9.9 40.5
//
// A batch that is too long for one question is told in several windows: of whole videos each, or of
// a stretch of one video that is too long by itself.  Only where more windows would be needed than
// are allowed is anything left out, what is worth least first, and each video says how much.
//
// Names, summaries, reasons and what was said come from users, models and recognisers: they are put
// between quotes, on one line, without control characters, marks of direction or quotes of their
// own, and cut to a length.  Pure arithmetic; the same analyses give the same text.
#ifndef CLIPSPOOL_BRIEF_H
#define CLIPSPOOL_BRIEF_H

#include "spool/analysis.h"

enum {
    // A bound of tokens below this in a window, or below BRIEF_LEAST_SOURCE_TOKENS for each video
    // in all windows together, is raised to it: there must be room for every name.
    BRIEF_LEAST_TOKENS = 4000,
    BRIEF_LEAST_SOURCE_TOKENS = 500,
    BRIEF_MAX_LINES = 20000, // said, of a video; what follows is counted as left out
};

// Something that was said.
struct brief_line {
    double start, end; // seconds of the source
    const char *text;
};

// All borrowed.
struct brief_source {
    const char *name;                // of the file, as bytes
    double duration;                 // seconds; 0: it cannot be cut, and is not told
    const struct analysis *analysis; // not looked at if duration is 0
    const struct brief_line *lines;  // in order of time
    size_t line_count;
};

struct brief_window {
    char *text;        // owned
    double *durations; // of every source; 0: it is not told in this window.  Owned
    double start, end; // the stretch of the only video that is told; end 0: all of what is told
    size_t left_out;   // details
};

struct brief {
    struct brief_window *windows; // owned
    size_t count;                 // 0: there is no video to tell of
};
#define BRIEF_INIT \
    {              \
        .count = 0 \
    }

// How much may be said.
struct brief_bound {
    uint64_t tokens; // of a window, as of tokens_of_text
    size_t windows;  // at least 1
};

// Fills *ret, which is INIT or released.  Videos have the numbers of `sources`.  Borrows all.
void brief_make(const struct brief_source *sources, size_t count, const struct brief_bound *bound,
                struct brief *ret);
void brief_release(struct brief *brief);

// A text from outside as it is told: within quotes, at most max_bytes of it.  Gives a string.
char *brief_quote(const char *text, size_t max_bytes);

// The name of a file as it is told, without the quotes: what a model may call a video.  Gives a
// string.
char *brief_name(const char *name);

#endif
