// The cover; see cover.h.
#include "media/cover.h"

#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <math.h>

enum {
    CANDIDATES = 7,
    QUALITY = 3, // of MJPEG's 2 to 31: no blocks to be seen, about a bit a pixel
};
static const double reach_seconds = 1;

double cover_sharpness(const AVFrame *picture)
{
    uint64_t sum = 0;
    for (int y = 1; y + 1 < picture->height; y++) {
        const uint8_t *row = picture->data[0] + (ptrdiff_t)y * picture->linesize[0];
        const uint8_t *above = row - picture->linesize[0], *below = row + picture->linesize[0];
        for (int x = 1; x + 1 < picture->width; x++)
            sum += (uint64_t)abs(4 * row[x] - row[x - 1] - row[x + 1] - above[x] - below[x]);
    }
    return (double)sum / ((double)picture->width * picture->height);
}

// The picture as JPEG files mean it: BT.601, full range.
static int to_jpeg_colours(const AVFrame *picture, AVFrame *jpeg)
{
    jpeg->format = AV_PIX_FMT_YUVJ420P;
    jpeg->width = picture->width;
    jpeg->height = picture->height;
    int r = av_frame_get_buffer(jpeg, 0);
    if (r < 0)
        return r;
    struct SwsContext *scaler =
        sws_getContext(picture->width, picture->height, picture->format, jpeg->width, jpeg->height,
                       jpeg->format, SWS_BICUBIC | SWS_ACCURATE_RND, NULL, NULL, NULL);
    if (!scaler)
        return AVERROR(ENOMEM);
    int from = picture->colorspace == AVCOL_SPC_BT709 ? SWS_CS_ITU709 : SWS_CS_ITU601;
    (void)sws_setColorspaceDetails(scaler, sws_getCoefficients(from), 0,
                                   sws_getCoefficients(SWS_CS_ITU601), 1, 0, 1 << 16, 1 << 16);
    r = sws_scale(scaler, (const uint8_t *const *)picture->data, picture->linesize, 0,
                  picture->height, jpeg->data, jpeg->linesize);
    sws_freeContext(scaler);
    return r < 0 ? r : 0;
}

static int encode(const AVFrame *jpeg, AVPacket *packet)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    AVCodecContext *encoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!encoder)
        return codec ? AVERROR(ENOMEM) : AVERROR_ENCODER_NOT_FOUND;
    encoder->width = jpeg->width;
    encoder->height = jpeg->height;
    encoder->pix_fmt = jpeg->format;
    encoder->color_range = AVCOL_RANGE_JPEG;
    encoder->time_base = (AVRational){ 1, 25 };
    encoder->flags |= AV_CODEC_FLAG_QSCALE;
    encoder->global_quality = QUALITY * FF_QP2LAMBDA;
    int r = avcodec_open2(encoder, codec, NULL);
    if (r >= 0)
        r = avcodec_send_frame(encoder, jpeg);
    if (r >= 0)
        r = avcodec_send_frame(encoder, NULL);
    if (r >= 0)
        r = avcodec_receive_packet(encoder, packet);
    avcodec_free_context(&encoder);
    return r;
}

static int write_jpeg(const AVFrame *picture, uint8_t **ret_jpeg, size_t *ret_size, struct err *err)
{
    AVFrame *jpeg = av_frame_alloc();
    AVPacket *packet = av_packet_alloc();
    int r = jpeg && packet ? to_jpeg_colours(picture, jpeg) : AVERROR(ENOMEM);
    if (r >= 0) {
        jpeg->quality = QUALITY * FF_QP2LAMBDA;
        r = encode(jpeg, packet);
    }
    if (r >= 0) {
        *ret_size = (size_t)packet->size;
        *ret_jpeg = xcalloc(*ret_size, 1);
        memcpy(*ret_jpeg, packet->data, *ret_size);
    }
    av_packet_free(&packet);
    av_frame_free(&jpeg);
    return r < 0 ? source_libav_error(err, r, "no_cover", "encode the cover") : 0;
}

// The sharpest candidate in *best.  Returns 1, 0 if there was none, or a negative.
static int choose(struct picture *picture, double start, double end, AVFrame *best, struct err *err)
{
    double middle = (start + end) / 2, reach = fmin(reach_seconds, (end - start) * 0.4);
    double sharpest = -1;
    int r = picture_start(picture, middle - reach, end, err);
    for (int i = 0; r >= 0 && i < CANDIDATES; i++) {
        AVFrame *candidate = NULL;
        double instant = middle + reach * (2.0 * i / (CANDIDATES - 1) - 1);
        r = picture_at(picture, instant, &candidate, err);
        if (r <= 0)
            break;
        double sharpness = cover_sharpness(candidate);
        if (sharpness <= sharpest)
            continue;
        sharpest = sharpness;
        av_frame_unref(best);
        r = av_frame_ref(best, candidate);
    }
    return r < 0 ? r : sharpest >= 0;
}

int cover_make(struct picture *picture, double start, double end, uint8_t **ret_jpeg,
               size_t *ret_size, struct err *err)
{
    AVFrame *best = av_frame_alloc();
    if (!best)
        return source_libav_error(err, AVERROR(ENOMEM), "no_memory", "choose the cover");
    int r = choose(picture, start, end, best, err);
    if (r == 0)
        r = err_set(err, ERR_INPUT, "no_cover",
                    "none of the pictures for the cover can be decoded");
    if (r > 0)
        r = write_jpeg(best, ret_jpeg, ret_size, err);
    av_frame_free(&best);
    return r;
}
