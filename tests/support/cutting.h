// A reel on the bench of the cutting room: each of its steps can be taken, looked at and spoilt
// alone, where reel_render takes them all.
#ifndef CLIPSPOOL_TESTS_CUTTING_H
#define CLIPSPOOL_TESTS_CUTTING_H

#include "media/join.h"
#include "tests/support/folder.h"

enum { CUTTING_SOURCES = 4 };

struct cutting {
    struct folder folder;
    int fd, scratch_fd; // of the reel, which is cutting_path; of the shelf
    struct probe probes[CUTTING_SOURCES];
    struct reel_source sources[CUTTING_SOURCES];
    struct plan plan;
    struct reel_order order;
    struct footage footage;
    struct shelf shelf;
    struct cuts cuts;
    char why[400]; // of cuts_lay
    struct dub dub;
    AVCodecParameters *coded; // of the encoded strips; NULL: there are none
    struct join join;
    _Atomic int64_t frames_done;
    _Atomic double dub_done;
    unsigned warnings;
    char warned[1000]; // all of them, a line each
};

void cutting_open(struct cutting *cutting);
void cutting_close(struct cutting *cutting);

// The file becomes source number `index`; it is probed.
void cutting_use(struct cutting *cutting, int index, const char *path);
// A segment, seconds of the source.
void cutting_cut(struct cutting *cutting, int index, double start, double end);

// The steps, each asserted to go well; a step takes those before it that were not taken.
void cutting_lay(struct cutting *cutting, bool copy); // footage_open, cuts_lay
void cutting_encode(struct cutting *cutting);         // strips_make
void cutting_dub(struct cutting *cutting);            // dub_make
void cutting_join(struct cutting *cutting);           // join_make

// The same, failing as it may.
int cutting_try_join(struct cutting *cutting, struct err *err);

// The path of the reel; borrowed.
const char *cutting_path(struct cutting *cutting);

// The strips as text: "e" encoded, "c" copied, "o" copied with an open start, then the first frame
// of the reel and the number of frames: "e0+6 c6+14".  Borrowed until the next call.
const char *cutting_strips(const struct cutting *cutting);

#endif
