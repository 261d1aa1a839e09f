// Which pictures of a source stand for it, where a model is shown pictures instead of the video.
//
//   shots    |------ 0 ------|-- 1 --|----------------- 2 -----------------|
//   parts    |------ + ------|-- + --|-- + --|- + -|- + -|------- + -------|   more where more
//   moves
//
// A shot has one picture, and more the longer it is and the more moves in it; it is divided into
// parts in which equally much moves.  Of each part the sharpest picture near its middle is taken
// that lies in no transition.  Pure arithmetic; the same signals give the same pictures.
#ifndef CLIPSPOOL_FRAMESET_H
#define CLIPSPOOL_FRAMESET_H

#include "spool/analysis.h"
#include "spool/frames.h"
#include "spool/signals.h"

struct frameset_wish {
    size_t most;       // pictures, 1 to FRAMES_MAX
    double fps;        // pictures a second within a shot, at most
    double proxy_rate; // pictures a second of the proxy that they will be cut from; only what it
                       // shows is chosen (spool/slot.h)
};

enum { FRAMESET_LEAST = 4 }; // pictures of a source that has as many: what services call a video

// Adds pictures to the blank *ret (frames_release), but for their size.  Shots as shots_find has
// them, borrowed.  Where there are more shots than `most`, those with most in them have a picture:
// length times saliency.  Returns how many shots have none.
size_t frameset_choose(const struct signals *signals, const struct analysis_span *shots,
                       size_t shot_count, const struct frameset_wish *wish, struct frames *ret);

#endif
