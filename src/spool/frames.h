// The frame set of a source: single pictures that a model may be shown instead of the video.
//
//   frames/frames.json    {version, width, height, frames: [{file, time, shot}]}
//   frames/0001.jpg ...   all of one size, upright, as they look on a screen
//
// Plain data.  highlight/frameset.h chooses the times, media/stills.h makes the pictures; the
// folder appears whole or not at all.  Times as in probe.h.
#ifndef CLIPSPOOL_FRAMES_H
#define CLIPSPOOL_FRAMES_H

#include "base/json.h"

#define FRAMES_INDEX "frames.json"

enum {
    FRAMES_VERSION = 1,
    FRAMES_MAX = 512,            // pictures in a set
    FRAMES_MAX_SIDE = 16384,     // of a picture, in pixels
    FRAMES_MAX_FILE = 16 << 20,  // bytes of a picture
    FRAMES_MAX_INDEX = 256 << 10 // bytes of frames.json
};

struct frames_item {
    char *file;  // name in the folder: four digits and .jpg
    double time; // seconds of the source
    int shot;    // of which shot, from 0, as shots_find counts them
};

struct frames {
    struct frames_item *items; // in order of time
    size_t count;
    int width, height; // of every picture, even
};
#define FRAMES_INIT   \
    {                 \
        .items = NULL \
    }

// Reads frames/frames.json of a source.  Gives *ret (frames_release).  Returns 0; -ENOENT: there is
// no set; ERR_INPUT "bad_frames" or "bad_json" for a damaged one: more than FRAMES_MAX, a name that
// is no such name, times that do not rise, a size that is none.
int frames_load(int sourcedir, struct frames *ret, struct err *err);

// Reads a picture of the set; gives *ret_jpeg (free).  ERR_INPUT "bad_frames" if it is missing or
// no JPEG file.
int frames_read(int sourcedir, const struct frames_item *item, char **ret_jpeg, size_t *ret_size,
                struct err *err);

// Writes frames.json into the folder that holds the pictures.
int frames_save(int framesdir, const struct frames *frames, struct err *err);

// Adds an entry at the end and names its file; time must be greater than the last one's.  The entry
// is lent until the next call.
const struct frames_item *frames_add(struct frames *frames, double time, int shot);

void frames_release(struct frames *frames);

// As above, of a document.  Borrow json; frames_to_json gives a reference.
int frames_from_json(const json_t *json, struct frames *ret, struct err *err);
json_t *frames_to_json(const struct frames *frames);

#endif
