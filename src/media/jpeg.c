#include "media/jpeg.h"

#include "media/source.h"
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>

enum { QUALITY = 3 }; // of MJPEG's 2 to 31: no blocks to be seen, about a bit a pixel

// For a picture of limited range to one of full range: it must know before it is made, or it takes
// two formats of one name for the same.
static struct SwsContext *new_scaler(const AVFrame *from, const AVFrame *to)
{
    struct SwsContext *scaler = sws_alloc_context();
    if (!scaler)
        return NULL;
    const struct {
        const char *name;
        int64_t value;
    } options[] = {
        { "srcw", from->width },
        { "srch", from->height },
        { "src_format", from->format },
        { "dstw", to->width },
        { "dsth", to->height },
        { "dst_format", to->format },
        { "src_range", 0 },
        { "dst_range", 1 },
        { "sws_flags", SWS_BICUBIC | SWS_ACCURATE_RND },
    };
    int r = 0;
    for (size_t i = 0; i < ARRAY_LEN(options) && r >= 0; i++)
        r = av_opt_set_int(scaler, options[i].name, options[i].value, 0);
    if (r < 0 || sws_init_context(scaler, NULL, NULL) < 0) {
        sws_freeContext(scaler);
        return NULL;
    }
    int matrix = from->colorspace == AVCOL_SPC_BT709 ? SWS_CS_ITU709 : SWS_CS_ITU601;
    (void)sws_setColorspaceDetails(scaler, sws_getCoefficients(matrix), 0,
                                   sws_getCoefficients(SWS_CS_ITU601), 1, 0, 1 << 16, 1 << 16);
    return scaler;
}

// The picture as JPEG files mean it.
static int to_jpeg_colours(const AVFrame *picture, AVFrame *jpeg)
{
    jpeg->format = AV_PIX_FMT_YUV420P;
    jpeg->color_range = AVCOL_RANGE_JPEG;
    int r = av_frame_get_buffer(jpeg, 0);
    if (r < 0)
        return r;
    struct SwsContext *scaler = new_scaler(picture, jpeg);
    if (!scaler)
        return AVERROR(ENOMEM);
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
    encoder->sample_aspect_ratio = (AVRational){ 1, 1 }; // with it the file says JFIF
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

int jpeg_make(const AVFrame *picture, int width, int height, const char *id, uint8_t **ret_jpeg,
              size_t *ret_size, struct err *err)
{
    AVFrame *jpeg = av_frame_alloc();
    AVPacket *packet = av_packet_alloc();
    int r = AVERROR(ENOMEM);
    if (jpeg && packet) {
        jpeg->width = width;
        jpeg->height = height;
        jpeg->quality = QUALITY * FF_QP2LAMBDA;
        r = to_jpeg_colours(picture, jpeg);
    }
    if (r >= 0)
        r = encode(jpeg, packet);
    if (r >= 0) {
        *ret_size = (size_t)packet->size;
        *ret_jpeg = xcalloc(*ret_size, 1);
        memcpy(*ret_jpeg, packet->data, *ret_size);
    }
    av_packet_free(&packet);
    av_frame_free(&jpeg);
    return r < 0 ? source_libav_error(err, r, id, "encode a JPEG picture") : 0;
}
