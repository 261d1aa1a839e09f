// A batch as the stages before leave it for render, with a plan of the test's own, and the outside
// judges of the reel that comes out.
#ifndef CLIPSPOOL_TESTS_RENDER_BATCH_H
#define CLIPSPOOL_TESTS_RENDER_BATCH_H

#include "tests/support/folder.h"

#include <jansson.h>

enum { RENDER_SOURCES = 16, RENDER_PIECES = 32 };

// Sound whose loudness tells where it is from: it swells ever faster.
#define RENDER_SWELL(rate, channels) \
    "aevalsrc=exprs='0.4*sin(2*PI*440*t)*abs(sin(2*PI*t*(0.4+0.3*t)))':s=" rate ":c=" channels

struct render_piece {
    int source;
    double start, end;
};

struct render_batch {
    struct folder folder; // the batch's
    const char *paths[RENDER_SOURCES];
    size_t count;
};

// Makes the batch of the files (up to NULL); `job`: text of job.conf, or NULL.
void render_batch_begin(struct render_batch *batch, const char *const *paths, const char *job);
// The same, and probes them.
void render_batch_make(struct render_batch *batch, const char *const *paths, const char *job);
void render_batch_plan(const struct render_batch *batch, const struct render_piece *pieces,
                       size_t count);
void render_batch_remove(struct render_batch *batch);

// Runs a stage on a source ("0") or the batch (NULL).  Gives its exit status, and what it said.
int render_batch_run(const struct render_batch *batch, const char *stage, const char *index,
                     char **ret_said);
void render_batch_must_run(const struct render_batch *batch, const char *stage, const char *index);

// The path of a file of the batch.  Gives a string.
char *render_batch_path(const struct render_batch *batch, const char *name);
// The numbers in the result of the render step.  The caller json_decref()s.
json_t *render_batch_numbers(const struct render_batch *batch);
// A member that is a string; "" where there is none.
const char *render_batch_word(const json_t *object, const char *key);

// ffmpeg decodes the reel and has nothing to say.
void render_batch_decodes(const struct render_batch *batch);

// What judges compare: the reel and, for each number in the plan, an original, all as paths.
struct render_case {
    const char *final;        // NULL: the batch's own
    const char *const *paths; // NULL: the batch's own
    const char *grey;         // the difference of pictures that is allowed; NULL: reelcheck's own
    const char *frames, *ms;  // likewise; NULL: 0.5 frames, 10 ms
};

// What reelcheck is given for an original.  It lets ffmpeg seek, which lands elsewhere in a
// container without an index, and which counts from the container's start, not from the first
// picture's; so of such a file it gets a lossless copy whose first picture and whose sound at that
// moment lie at 0.  Others as they are.  Borrowed, as media.h has it.
const char *render_batch_reference(const char *path);

// Runs reelcheck.  Gives its exit status and what it said; -1 where it is absent (which is said on
// stdout).
int render_batch_reelcheck(const struct render_batch *batch, const struct render_case *judged,
                           char **ret_said);
void render_batch_hold(const struct render_batch *batch, const struct render_case *judged);

// How many pictures of the reel are, bit for bit, the originals'.
struct render_untouched {
    int pictures, identical, misplaced, different, messages;
    bool is_even;
    char said[400]; // all of it, cut off
};
// Runs untouched.  False where it is absent.
bool render_batch_untouched(const struct render_batch *batch, const struct render_case *judged,
                            struct render_untouched *ret_found);

#endif
