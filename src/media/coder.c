// Encoders of pictures; see coder.h.
#include "media/coder.h"

#include "media/source.h"
#include "media/surface.h"
#include <libavutil/opt.h>
#include <math.h>
#include <stdio.h>

enum {
    // Each frame thread holds pictures of its own, 25 MB at 1080p.
    MOST_THREADS = 8,
    // Where the quality of x264 ends, and that of VP9 and AV1.
    X264_SCALE = 51,
    WEB_SCALE = 63,
    // Pictures waiting to be looked at ahead, in pixels: ten of 1080p.  With x264's own choice, up
    // to 40 pictures, the stage would need twice the memory for a gain of a few percent in size.
    LOOKAHEAD_PIXELS = 10 * 1920 * 1088,
};

// How far x264's presets look ahead, in pictures.
static const struct {
    const char *preset;
    int pictures;
} lookaheads[] = {
    { "ultrafast", 0 }, { "superfast", 0 }, { "veryfast", 10 }, { "faster", 20 }, { "fast", 30 },
};
enum { USUAL_LOOKAHEAD = 40 };

struct coder {
    AVCodecContext *encoder;
    AVPacket *packet;
    AVFrame *frame; // a picture on its way into the encoder
    enum AVPixelFormat pixels;
    struct surface *surface; // where it takes its pictures from; NULL: from us
    coder_out *out;
    void *context;
};

static int failed(int number, const char *doing, struct err *err)
{
    if (number == AVERROR(ENOMEM))
        return source_libav_error(err, number, "no_memory", "%s", doing);
    char why[AV_ERROR_MAX_STRING_SIZE] = "";
    (void)av_strerror(number, why, sizeof why);
    return err_set(err, ERR_BUG, "encode_failed", "%s: %s", doing, why);
}

static bool is(const struct coder_wish *wish, const char *encoder)
{
    return strcmp(wish->encoder, encoder) == 0;
}

// ---- settings

static void set_rate(AVCodecContext *video, const struct coder_wish *wish)
{
    if (!wish->bitrate) {
        // x264 and x265 know crf, the hardware encoders a constant quantiser of about that scale.
        bool is_web = is(wish, "libvpx-vp9") || is(wish, "libaom-av1");
        (void)av_opt_set_double(video->priv_data, "crf",
                                is_web ? round(wish->crf * WEB_SCALE / X264_SCALE) : wish->crf, 0);
        (void)av_opt_set_double(video->priv_data, "cq", wish->crf, 0);
        video->global_quality = (int)wish->crf;
        video->rc_max_rate = wish->peak;
        video->rc_buffer_size = (int)(2 * wish->peak < INT32_MAX ? 2 * wish->peak : INT32_MAX);
        return;
    }
    video->bit_rate = wish->bitrate;
    video->rc_max_rate = wish->bitrate + wish->bitrate / 2;
    video->rc_buffer_size = (int)(2 * wish->bitrate < INT32_MAX ? 2 * wish->bitrate : INT32_MAX);
}

static int lookahead(const struct coder_wish *wish)
{
    int pictures = USUAL_LOOKAHEAD;
    for (size_t i = 0; i < ARRAY_LEN(lookaheads); i++)
        if (wish->preset && strcmp(lookaheads[i].preset, wish->preset) == 0)
            pictures = lookaheads[i].pictures;
    if (wish->lookahead > 0 && wish->lookahead < pictures)
        pictures = wish->lookahead;
    int64_t fits = LOOKAHEAD_PIXELS / ((int64_t)wish->width * wish->height);
    if (fits < 10)
        fits = 10;
    return fits < pictures ? (int)fits : pictures;
}

// The fastest presets drop the 8x8 transform and with it the High profile.  A thread for the
// lookahead alone would hold pictures for itself; ours has nothing better to do meanwhile, but
// where there are several, two share each picture of it, which holds none.
static void set_x264(AVCodecContext *video, const struct coder_wish *wish)
{
    bool is_high = wish->profile && strcmp(wish->profile, "high") == 0;
    cleanup(free_ptr) char *more =
        xasprintf("%ssync-lookahead=0:rc-lookahead=%d%s%s", is_high ? "8x8dct=1:" : "",
                  lookahead(wish), wish->threads > 1 ? ":lookahead-threads=2" : "",
                  wish->reorder == 1 ? ":b-pyramid=none" : "");
    (void)av_opt_set(video->priv_data, "x264-params", more, 0);
    if (wish->profile)
        (void)av_opt_set(video->priv_data, "profile", wish->profile, 0);
    // A forced key frame is a place to cut: nothing after refers to before.
    (void)av_opt_set(video->priv_data, "forced-idr", "1", 0);
}

// Every picture that x265 has in hand costs twice what x264's costs.  Two B pictures that nobody
// refers to, five pictures ahead (as far as its fastest preset looks, and more than pictures may be
// reordered), take 94 MB less at 1080p than its veryfast does, at the same size for 0.2 dB of SSIM.
enum { X265_LOOKAHEAD = 5, X265_B_PICTURES = 2 };

static int lookahead_x265(const struct coder_wish *wish)
{
    int pictures = lookahead(wish);
    if (wish->reorder != 0 || pictures > X265_LOOKAHEAD)
        return X265_LOOKAHEAD;
    return pictures < 1 ? 1 : pictures;
}

// x265 keeps a pool of threads for each encoder unless told otherwise, and talks.  Blocks of 32 in
// place of 64 take 8 MB less at 1080p and a tenth less time, for 2 % in size and 0.1 dB of SSIM.
// Where nothing is looked at ahead, weighing one picture against another gains nothing and takes
// 4 MB.
static void set_x265(AVCodecContext *video, const struct coder_wish *wish)
{
    cleanup(free_ptr) char *more = xasprintf(
        "log-level=error:open-gop=0:rc-lookahead=%d:frame-threads=1:b-pyramid=0:ctu=32%s%s",
        lookahead_x265(wish), wish->threads == 1 ? ":pools=none" : "",
        wish->reorder == 0 ? ":weightp=0" : "");
    (void)av_opt_set(video->priv_data, "x265-params", more, 0);
    if (wish->reorder < 0)
        video->max_b_frames = X265_B_PICTURES;
    if (wish->profile)
        (void)av_opt_set(video->priv_data, "profile", wish->profile, 0);
    (void)av_opt_set(video->priv_data, "forced-idr", "1", 0);
}

// Both code pictures one by one, in the order shown: what is held back to look ahead would be shown
// by packets of their own.  Presets of x264 mean nothing to them; this is about what its fastest
// cost.
static void set_vp9(AVCodecContext *video)
{
    (void)av_opt_set(video->priv_data, "deadline", "good", 0);
    (void)av_opt_set_int(video->priv_data, "cpu-used", 5, 0);
    (void)av_opt_set_int(video->priv_data, "auto-alt-ref", 0, 0);
    (void)av_opt_set_int(video->priv_data, "lag-in-frames", 0, 0);
    (void)av_opt_set_int(video->priv_data, "row-mt", 1, 0);
}

static void set_av1(AVCodecContext *video)
{
    (void)av_opt_set(video->priv_data, "usage", "realtime", 0);
    (void)av_opt_set_int(video->priv_data, "cpu-used", 8, 0);
    (void)av_opt_set_int(video->priv_data, "lag-in-frames", 0, 0);
    (void)av_opt_set_int(video->priv_data, "row-mt", 1, 0);
}

static void set_picture(AVCodecContext *video, const struct coder_wish *wish)
{
    video->width = wish->width;
    video->height = wish->height;
    video->pix_fmt = wish->pixels;
    video->sample_aspect_ratio = wish->aspect;
    video->time_base = (AVRational){ wish->fps_den, wish->fps_num };
    video->framerate = (AVRational){ wish->fps_num, wish->fps_den };
    video->colorspace = wish->matrix;
    video->color_range = wish->range;
    video->color_primaries = wish->primaries;
    video->color_trc = wish->transfer;
    video->chroma_sample_location = wish->chroma;
    video->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (wish->reorder >= 0)
        video->max_b_frames = wish->reorder ? 2 : 0;
}

static int threads_of(const struct coder_wish *wish)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (wish->threads > 0)
        return wish->threads;
    return processors < 1 ? 1 : processors > MOST_THREADS ? MOST_THREADS : (int)processors;
}

static int start(struct coder *coder, const struct coder_wish *wish, struct err *err)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(wish->encoder);
    if (!codec)
        return err_set(err, ERR_CONFIG, "no_encoder", "there is no encoder %s", wish->encoder);
    coder->encoder = avcodec_alloc_context3(codec);
    if (!coder->encoder)
        return failed(AVERROR(ENOMEM), "start the encoder", err);
    set_picture(coder->encoder, wish);
    coder->encoder->thread_count = threads_of(wish);
    if (wish->preset)
        (void)av_opt_set(coder->encoder->priv_data, "preset", wish->preset, 0);
    if (is(wish, "libx264"))
        set_x264(coder->encoder, wish);
    else if (is(wish, "libx265"))
        set_x265(coder->encoder, wish);
    else if (is(wish, "libvpx-vp9"))
        set_vp9(coder->encoder);
    else if (is(wish, "libaom-av1"))
        set_av1(coder->encoder);
    set_rate(coder->encoder, wish);
    if (surface_is_wanted(wish->encoder)) {
        int opened = surface_open(coder->encoder, &coder->surface, err);
        if (opened < 0)
            return err_prefix(err, "the encoder %s cannot be started", wish->encoder);
    }
    int r = avcodec_open2(coder->encoder, codec, NULL);
    if (r < 0 && r != AVERROR(ENOMEM)) {
        char why[AV_ERROR_MAX_STRING_SIZE] = "";
        (void)av_strerror(r, why, sizeof why);
        return err_set(err, ERR_CONFIG, "no_encoder", "the encoder %s cannot be started: %s",
                       wish->encoder, why);
    }
    return r < 0 ? failed(r, "start the encoder", err) : 0;
}

int coder_open(const struct coder_wish *wish, coder_out *out, void *context,
               struct coder **ret_coder, struct err *err)
{
    struct coder *coder = xcalloc(1, sizeof *coder);
    coder->out = out;
    coder->context = context;
    coder->pixels = wish->pixels;
    coder->packet = av_packet_alloc();
    coder->frame = av_frame_alloc();
    int r = coder->packet && coder->frame ? start(coder, wish, err)
                                          : failed(AVERROR(ENOMEM), "start the encoder", err);
    if (r < 0) {
        coder_free(&coder);
        return r;
    }
    *ret_coder = coder;
    return 0;
}

void coder_free(struct coder **coder)
{
    struct coder *c = *coder;
    if (!c)
        return;
    avcodec_free_context(&c->encoder);
    surface_free(&c->surface);
    av_packet_free(&c->packet);
    av_frame_free(&c->frame);
    free(base_take(coder));
}

const AVCodecContext *coder_context(const struct coder *coder)
{
    return coder->encoder;
}

// ---- encoding

static int encode(struct coder *coder, const AVFrame *frame, struct err *err)
{
    int r = avcodec_send_frame(coder->encoder, frame);
    if (r < 0)
        return failed(r, "encode a picture", err);
    while ((r = avcodec_receive_packet(coder->encoder, coder->packet)) >= 0) {
        coder->packet->duration = 1;
        r = coder->out(coder->context, coder->packet, err);
        av_packet_unref(coder->packet);
        if (r < 0)
            return r;
    }
    return r == AVERROR(EAGAIN) || r == AVERROR_EOF ? 0 : failed(r, "encode a picture", err);
}

int coder_picture(struct coder *coder, const AVFrame *picture, int64_t number, bool is_sync,
                  struct err *err)
{
    const AVCodecContext *encoder = coder->encoder;
    if (picture->width != encoder->width || picture->height != encoder->height ||
        picture->format != coder->pixels)
        return err_set(err, ERR_BUG, "wrong_picture", "a picture of %dx%d for a reel of %dx%d",
                       picture->width, picture->height, encoder->width, encoder->height);
    av_frame_unref(coder->frame);
    int r = coder->surface ? surface_put(coder->surface, picture, coder->frame, err)
                           : av_frame_ref(coder->frame, picture);
    if (r < 0)
        return coder->surface ? r : failed(r, "encode a picture", err);
    coder->frame->pts = number;
    coder->frame->pict_type = is_sync ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    coder->frame->interlaced_frame = 0;
    // What the source says of its light does not hold for a conformed picture, and goes into the
    // track once where it does.
    while (coder->frame->nb_side_data)
        av_frame_remove_side_data(coder->frame, coder->frame->side_data[0]->type);
    r = encode(coder, coder->frame, err);
    av_frame_unref(coder->frame);
    return r;
}

int coder_finish(struct coder *coder, struct err *err)
{
    return encode(coder, NULL, err);
}
