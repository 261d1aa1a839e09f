// Conforming pictures: whatever a decoder gives becomes the reel's picture.  Private to src/media.
//
// In this order: deinterlaced, fitted into the reel's size in square pixels, turned upright, HDR
// mapped to SDR, colours in the reel's matrix and limited range, bars, 8 bits 4:2:0.  A libavfilter
// graph is built for the format of the first picture and built again when the format changes in
// midstream.
#ifndef CLIPSPOOL_GRAPH_H
#define CLIPSPOOL_GRAPH_H

#include "base/err.h"
#include <libavutil/frame.h>

// The picture wanted.
struct graph_look {
    int width, height;        // even
    enum AVColorSpace matrix; // AVCOL_SPC_BT709 or AVCOL_SPC_SMPTE170M
};

// How a coded picture is turned for display: transposed (rows become columns) first, then mirrored.
struct graph_turn {
    bool transpose, mirror_x, mirror_y;
};

// From the nine numbers of a display matrix (ISO 14496-12 8.2.2); odd angles go to the nearest
// quarter.
struct graph_turn graph_turn_from_matrix(const int32_t matrix[9]);
// From degrees clockwise, any multiple of 90.
struct graph_turn graph_turn_from_degrees(int degrees);

// Where the picture lies in the reel's: even numbers, centred.
struct graph_fit {
    int width, height, x, y;
};
// Fits a picture of display_width x display_height (square pixels, upright) into the look, keeping
// its aspect; a difference of aspect under half a percent is filled, for bars of a few lines look
// like a fault.
struct graph_fit graph_fit(const struct graph_look *look, double display_width,
                           double display_height);

// What of a picture decides how it is conformed.
struct graph_format {
    int width, height;
    enum AVPixelFormat pixels;
    AVRational aspect; // of a sample; 0: square
    enum AVColorSpace matrix;
    enum AVColorRange range;
    enum AVColorTransferCharacteristic transfer;
    enum AVColorPrimaries primaries;
    double peak; // of an HDR picture, nits; 0: not said
};
struct graph_format graph_format_of(const AVFrame *frame);
// The filters between buffersrc and buffersink that conform such pictures.  Gives a string.
char *graph_describe(const struct graph_format *format, struct graph_turn turn,
                     const struct graph_look *look);

enum graph_deinterlace { GRAPH_PROGRESSIVE, GRAPH_MARKED_ONLY, GRAPH_ALL };

struct graph;

// A graph that conforms: one picture out for each in.
struct graph *graph_new_conform(const struct graph_look *look, struct graph_turn turn);
// A graph that deinterlaces, one picture out for each in, a picture late.  A change of format in
// midstream costs it that picture.
struct graph *graph_new_deinterlace(enum graph_deinterlace which);
void graph_free(struct graph **graph);

// Borrows frame; NULL says there are no more.  Times go through unchanged.  ERR_INPUT
// "picture_format" if the format cannot be conformed.
int graph_send(struct graph *graph, const AVFrame *frame, struct err *err);
// Returns 1 and fills the blank *frame (its pts in its time_base), 0 if more input is needed or
// there are no more, or a negative.
int graph_receive(struct graph *graph, AVFrame *frame, struct err *err);

#endif
