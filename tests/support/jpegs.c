#include "tests/support/jpegs.h"

#include <check.h>
#include <libavcodec/avcodec.h>

AVFrame *jpegs_decode(const void *jpeg, size_t size)
{
    AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_MJPEG));
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    ck_assert_int_eq(avcodec_open2(decoder, NULL, NULL), 0);
    ck_assert_int_eq(av_new_packet(packet, (int)size), 0);
    memcpy(packet->data, jpeg, size);
    ck_assert_int_eq(avcodec_send_packet(decoder, packet), 0);
    ck_assert_int_eq(avcodec_receive_frame(decoder, frame), 0);
    av_packet_free(&packet);
    avcodec_free_context(&decoder);
    return frame;
}
