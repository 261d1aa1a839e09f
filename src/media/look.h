// The reel's size, rate and colours, chosen from its material.  Pure arithmetic.
#ifndef CLIPSPOOL_LOOK_H
#define CLIPSPOOL_LOOK_H

#include "media/graph.h"

// What of a source matters here.
struct look_source {
    int width, height; // as displayed
    int fps_num, fps_den;
    bool is_bt709;  // says so of its colours
    double seconds; // of it in the reel
};

// What the user asked for.
struct look_wish {
    int width, height; // 0: the material's
    bool is_box;       // width and height are a box, on end for upright material, in which the
                       // material's shape is kept; else exactly that
    double fps;        // 0: the material's
};

struct look {
    struct graph_look picture;
    int fps_num, fps_den;
};

// The size and the rate of the majority, counted in seconds (of equals the first), as far as the
// wish leaves them open.  High definition is BT.709; smaller pictures keep the matrix of the
// majority, so that they need no conversion.
struct look look_choose(const struct look_source *sources, size_t count,
                        const struct look_wish *wish);

#endif
