// How many tokens a vision model bills for a video, a list of frames or a picture, before it is
// sent.
//
// The arithmetic is the one that Model Studio documents for its Qwen models: pictures are sampled
// from the video, each is fitted into a number of pixels and cut into squares of FACTOR pixels, and
// two pictures that follow each other are one layer of tokens.  So neither codec nor bit rate
// counts, nor a frame size above what a picture is fitted into; rate, duration and pixels do.
//
// It is an estimate, by the vendor's own word: what an answer says was used is the truth.  One
// answer of a real service is known to agree (3586 tokens).  Servers of one's own that run the same
// models sample otherwise and add tokens for times: do not use it for those.
#ifndef CLIPSPOOL_TOKENS_H
#define CLIPSPOOL_TOKENS_H

#include "base/base.h"

// What a model does to what it is shown.
struct tokens_rules {
    unsigned factor;         // the side of a square, pixels: 32, or 28 of older models
    unsigned most_frames;    // that it samples from a video
    uint64_t frame_pixels;   // into which a picture of a video is fitted
    uint64_t video_pixels;   // into which all pictures of a video are
    uint64_t picture_pixels; // into which a picture of its own is
    unsigned longest;        // seconds of a video that it takes
};

// The rules of a model by the beginning of its name, as documented; NULL for one that is not known.
const struct tokens_rules *tokens_rules_of(const char *model);

struct tokens_video {
    unsigned width, height; // as shown
    double frames;          // in all
    double fps;             // of the file
};

// What is left of a video in the model.
struct tokens_view {
    unsigned frames, width, height;
    uint64_t tokens;
};

// A video of which `fps` pictures a second are sampled (0: the service's default, 2), each fitted
// into max_pixels if that is less than what the rules have (0: theirs).  Never more than the rules
// have, and at least four pictures where it has four.  All of *ret is 0 if the video has no extent
// in time or space.
void tokens_of_video(const struct tokens_rules *rules, const struct tokens_video *video, double fps,
                     uint64_t max_pixels, struct tokens_view *ret);

// A list of `frames` pictures of one size sent as a video.  Counted as a video is; the one recorded
// call, of a 28 pixel model, cost two tokens less.
void tokens_of_frames(const struct tokens_rules *rules, unsigned frames, unsigned width,
                      unsigned height, struct tokens_view *ret);

// A picture sent as such.
uint64_t tokens_of_picture(const struct tokens_rules *rules, unsigned width, unsigned height);

// At most what a text of `length` bytes costs, for budgets: a token for each digit, mark and
// character beyond ASCII, one for every three letters of a word.  About twice what prose is billed,
// and right for lists of times, which such models read digit by digit.
uint64_t tokens_of_text(const char *text, size_t length);

#endif
