// What is said in a reel, as subtitles on the reel's own time line.  Pure.
//
//   source      |   ask not what your country | can do for you |      a sentence, its words
//   reel            |not what your country|                           what of it a segment shows
//   cue             |not what your country    |                       at least a second to read
//
// A cue has at most two lines of 42 columns (a character of Chinese is two wide), begins with its
// first word and lasts 1 to 7 s; no two overlap, none shows what another segment says.  One is
// shorter than a second only where the next follows sooner, or the reel ends.
#ifndef CLIPSPOOL_SUBTITLES_H
#define CLIPSPOOL_SUBTITLES_H

#include "spool/plan.h"
#include "spool/transcript.h"

enum { SUBTITLES_COLUMNS = 42, SUBTITLES_LINES = 2 };

struct subtitles_cue {
    double start, end; // seconds of the reel
    char *text;        // UTF-8, lines parted by \n; owned
};

struct subtitles {
    struct subtitles_cue *cues; // in order; owned
    size_t count;
};
#define SUBTITLES_INIT \
    {                  \
        .count = 0     \
    }

// Fills the empty *ret from what lies where in the reel, in its order, and the settled transcripts
// of the sources (by video_index; one without sentences says nothing).  A word belongs to the
// segment that its middle is in.  Borrows.
void subtitles_make(const struct plan_place *places, size_t place_count,
                    const struct transcript *transcripts, size_t source_count,
                    struct subtitles *ret);
void subtitles_release(struct subtitles *subtitles);

// The files: SubRip and WebVTT.  What would be markup in them is none.  Give strings.
char *subtitles_to_srt(const struct subtitles *subtitles);
char *subtitles_to_vtt(const struct subtitles *subtitles);

#endif
