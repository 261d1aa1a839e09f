// What coded pictures must agree in to stand in one track untouched.  Private to src/media.
#ifndef CLIPSPOOL_FORMAT_H
#define CLIPSPOOL_FORMAT_H

#include "media/coder.h"
#include "media/nal.h"
#include "media/source.h"
#include "spool/probe.h"

struct format {
    enum nal_codec codec;
    int width, height; // as coded
    enum AVPixelFormat pixels;
    AVRational aspect; // of a sample
    enum AVColorSpace matrix;
    enum AVColorRange range;
    enum AVColorPrimaries primaries;
    enum AVColorTransferCharacteristic transfer;
    enum AVChromaLocation chroma;
    bool is_turned;
    int32_t turn[9];      // the display matrix, where is_turned
    int profile;          // libav's number
    bool reorders;        // pictures are coded in another order than shown
    int fps_num, fps_den; // as picture_rate has it
};

// Reads the format of an opened source.  Returns NULL, or why its pictures cannot be copied ("it is
// interlaced"), a constant.
const char *format_read(struct source *source, const struct probe *probe,
                        struct format *ret_format);

// Pictures of both can stand in one track: all but profile, reordering and the place of chroma
// samples, which the parameter sets of each say, are equal.
bool format_equal(const struct format *a, const struct format *b);

// libav's number of the codec.
enum AVCodecID format_codec(const struct format *format);

// Other material can be conformed to it without loss of what matters: 8 bits 4:2:0, upright,
// square, limited range, SDR.
bool format_is_plain(const struct format *format);

// The encoder's wish for pictures that are to stand beside such; quality, threads and encoder are
// left open.
struct coder_wish format_coder(const struct format *format);

#endif
