// Encoders of pictures.  Private to src/media.
//
// Two uses: a whole picture track under the promised settings, and the pictures between copied
// ones, which must be what the copied ones are: size, samples, colours, profile.  What comes out
// begins with a key frame that nothing after it looks behind.
#ifndef CLIPSPOOL_CODER_H
#define CLIPSPOOL_CODER_H

#include "base/err.h"
#include <libavcodec/avcodec.h>

struct coder_wish {
    const char *encoder; // libav's name: "libx264", "libx265", "h264_vaapi"...
    int width, height;
    enum AVPixelFormat pixels;
    AVRational aspect; // of a sample; 0: square
    enum AVColorSpace matrix;
    enum AVColorRange range;
    enum AVColorPrimaries primaries;
    enum AVColorTransferCharacteristic transfer;
    enum AVChromaLocation chroma;
    int fps_num, fps_den;
    const char *preset;  // of x264 and x265
    const char *profile; // of the encoder; NULL: its own choice
    double crf;          // used where bitrate is 0
    int64_t bitrate;     // bit/s on average, peaks bounded; 0: by crf
    int64_t peak;        // with crf: bit/s that two seconds never pass; 0: unbounded
    int lookahead;       // most pictures waiting to be looked at; 0: the preset's
    int threads;         // 0: a thread a processor, at most 8
    int reorder; // most pictures shown later than they are coded: 0, 1; -1: the encoder's choice
};

struct coder;

// Takes a coded picture, its pts and dts in frames; may take its data away.
typedef int coder_out(void *context, AVPacket *packet, struct err *err);

// Keeps context.  ERR_CONFIG "no_encoder" if there is no such encoder or it cannot be started.
int coder_open(const struct coder_wish *wish, coder_out *out, void *context,
               struct coder **ret_coder, struct err *err);
void coder_free(struct coder **coder);

// The next picture, numbered from `first` on in the order shown; borrowed.  `is_sync` forces a key
// frame.  ERR_BUG "wrong_picture" if it is not of the wished size and format.
int coder_picture(struct coder *coder, const AVFrame *picture, int64_t number, bool is_sync,
                  struct err *err);
int coder_finish(struct coder *coder, struct err *err);

// The track that results; borrowed.  Extradata as the encoder gives it.
const AVCodecContext *coder_context(const struct coder *coder);

#endif
