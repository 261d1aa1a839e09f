// The reel being made: what is chosen so far, and the ways of adding to it.  Private to
// src/highlight; select.c decides which shares a strategy gives to which part of the material.
//
//   materials end to end   |--- source 0 ---|-- source 1 --|------- source 3 -------|
//   a share                       [from ............ until)
//
// Greedy choice by worth with diversity: maximal marginal relevance (Carbonell and Goldstein 1998).
#ifndef CLIPSPOOL_CHOICE_H
#define CLIPSPOOL_CHOICE_H

#include "highlight/clips.h"
#include "spool/plan.h"

struct choice_material {
    int video_index; // in the plan
    struct clip_source source;
    struct saliency saliency; // owned, as is snap
    struct snap snap;
    double offset; // seconds of all materials before it
};

struct choice {
    struct choice_material *materials; // owned; only what can be cut
    size_t material_count;
    double seconds; // of all materials
    double target, least, most;
    struct clip_list chosen; // clip.source is a place in materials
    double total;            // seconds chosen
};
#define CHOICE_INIT  \
    {                \
        .seconds = 0 \
    }

struct choice_share {
    double from, until; // the part of the material, end to end; anchors of clips lie in it
    double goal;        // seconds of the whole reel when the share is filled
    double wanted;      // length of a segment
    bool at_least_one;  // choose one even if the goal is reached already
    const char *label;  // kept with the clips (keeps), or NULL
};

// Adds clips of the share until the goal is reached or nothing fits.
void choice_fill(struct choice *choice, const struct choice_share *share);

// Moves the edges of chosen clips outwards, point by point, while the total is below the target and
// no clip becomes longer than `most` or meets another.
void choice_stretch(struct choice *choice);

// Takes all of the material, in touching pieces of allowed length.
void choice_take_all(struct choice *choice);

// Orders the chosen by source and time and joins what touches and is not too long.
void choice_arrange(struct choice *choice);

void choice_release(struct choice *choice);

#endif
