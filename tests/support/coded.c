#include "tests/support/coded.h"

#include <check.h>
#include <libavformat/avformat.h>
#include <libavutil/imgutils.h>
#include <libavutil/md5.h>
#include <libavutil/pixdesc.h>
#include <stdio.h>

static void require(int r, const char *what)
{
    if (r < 0)
        ck_abort_msg("%s: %s", what, av_err2str(r));
}

void coded_load(const char *path, struct coded *ret_coded)
{
    AVFormatContext *format = NULL;
    AVPacket *packet = av_packet_alloc();
    *ret_coded = (struct coded){ .parameters = avcodec_parameters_alloc() };
    require(avformat_open_input(&format, path, NULL, NULL), path);
    require(avformat_find_stream_info(format, NULL), path);
    int track = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    require(track, path);
    avcodec_parameters_copy(ret_coded->parameters, format->streams[track]->codecpar);
    ret_coded->time_base = format->streams[track]->time_base;
    for (; av_read_frame(format, packet) >= 0; av_packet_unref(packet))
        if (packet->stream_index == track)
            coded_add(ret_coded, packet->data, (size_t)packet->size, packet, 0);
    av_packet_free(&packet);
    avformat_close_input(&format);
    ck_assert_uint_gt(ret_coded->count, 0);
}

void coded_add(struct coded *coded, const uint8_t *data, size_t size, const AVPacket *like,
               int64_t shift)
{
    ck_assert_uint_lt(coded->count, CODED_MAX);
    AVPacket *packet = av_packet_alloc();
    require(av_new_packet(packet, (int)size), "packet");
    memcpy(packet->data, data, size);
    packet->flags = like->flags;
    packet->duration = like->duration;
    packet->pts = like->pts == AV_NOPTS_VALUE ? AV_NOPTS_VALUE : like->pts + shift;
    packet->dts = like->dts == AV_NOPTS_VALUE ? AV_NOPTS_VALUE : like->dts + shift;
    coded->packets[coded->count++] = packet;
}

void coded_set_extradata(AVCodecParameters *parameters, const uint8_t *data, size_t size)
{
    av_freep(&parameters->extradata);
    parameters->extradata = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
    memcpy(parameters->extradata, data, size);
    parameters->extradata_size = (int)size;
}

void coded_write(const struct coded *coded, const char *path)
{
    AVFormatContext *format = NULL;
    require(avformat_alloc_output_context2(&format, NULL, "mp4", path), path);
    AVStream *stream = avformat_new_stream(format, NULL);
    avcodec_parameters_copy(stream->codecpar, coded->parameters);
    stream->codecpar->codec_tag = 0;
    stream->time_base = coded->time_base;
    require(avio_open(&format->pb, path, AVIO_FLAG_WRITE), path);
    require(avformat_write_header(format, NULL), path);
    for (size_t i = 0; i < coded->count; i++) {
        AVPacket *packet = av_packet_clone(coded->packets[i]);
        packet->stream_index = 0;
        av_packet_rescale_ts(packet, coded->time_base, stream->time_base);
        require(av_interleaved_write_frame(format, packet), path);
        av_packet_free(&packet);
    }
    require(av_write_trailer(format), path);
    avio_closep(&format->pb);
    avformat_free_context(format);
}

void coded_release(struct coded *coded)
{
    avcodec_parameters_free(&coded->parameters);
    for (size_t i = 0; i < coded->count; i++)
        av_packet_free(&coded->packets[i]);
    coded->count = 0;
}

// The log callback has no pointer of its own; a test decodes one thing at a time.
static struct decoded *listening;

__attribute__((format(printf, 3, 0))) static void
listen_to_decoder(void *from, int level, const char *format, va_list arguments)
{
    (void)from;
    if (level > AV_LOG_WARNING)
        return;
    if (listening->messages++ == 0)
        (void)vsnprintf(listening->said, sizeof listening->said, format, arguments);
}

static void keep_hash(struct decoded *decoded, const AVFrame *frame)
{
    ck_assert_uint_lt(decoded->count, CODED_MAX);
    struct AVMD5 *md5 = av_md5_alloc();
    const int shape[] = { frame->width, frame->height, frame->format };
    av_md5_init(md5);
    av_md5_update(md5, (const uint8_t *)shape, sizeof shape);
    for (int plane = 0; plane < av_pix_fmt_count_planes(frame->format); plane++) {
        int width = av_image_get_linesize(frame->format, frame->width, plane);
        int height = plane == 0 ? frame->height : frame->height / 2;
        for (int y = 0; y < height; y++)
            av_md5_update(md5, frame->data[plane] + (ptrdiff_t)y * frame->linesize[plane], width);
    }
    av_md5_final(md5, decoded->hashes[decoded->count]);
    av_free(md5);
    decoded->pts[decoded->count++] = frame->pts;
}

void coded_decode(const struct coded *coded, struct decoded *ret_decoded)
{
    AVCodecContext *decoder =
        avcodec_alloc_context3(avcodec_find_decoder(coded->parameters->codec_id));
    AVFrame *frame = av_frame_alloc();
    *ret_decoded = (struct decoded){ .count = 0 };
    listening = ret_decoded;
    av_log_set_callback(listen_to_decoder);
    avcodec_parameters_to_context(decoder, coded->parameters);
    decoder->thread_count = 1;
    decoder->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
    require(avcodec_open2(decoder, NULL, NULL), "decoder");
    for (size_t i = 0; i <= coded->count; i++) {
        int r = avcodec_send_packet(decoder, i < coded->count ? coded->packets[i] : NULL);
        ret_decoded->messages += r < 0;
        for (; avcodec_receive_frame(decoder, frame) >= 0; av_frame_unref(frame))
            keep_hash(ret_decoded, frame);
    }
    av_log_set_callback(av_log_default_callback);
    av_frame_free(&frame);
    avcodec_free_context(&decoder);
}
