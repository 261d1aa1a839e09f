// The encoder of sound; see voice.h.
#include "media/voice.h"

#include "media/source.h"
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>

enum { USUAL_RATE = 48000, USUAL_CHANNELS = 2 };

// The usual is a quality, about 230 kbit/s.  Libav's encoder, told a rate, tries up to five times a
// frame for it, also where no more bits are of use, and takes three times as long.  Held against
// the threshold of hearing (noise to mask, in bands of half a Bark and windows of 5 and 43 ms, of
// three songs, a talk and three films): at this quality its noise lies above the threshold in about
// half as many moments as at 224 kbit/s, in as many in one of the songs, and in 1.4 % instead of
// 0.1 % in the talk.  Without temporal noise shaping it lies there in 2 to 8 % fewer yet, of two
// songs, a talk and a film, for 6 % less time.
static const double usual_quality = 2.5;

// From so many bits a channel on libav's fast search is used, which takes half the time of the
// usual one.  Held against the threshold of hearing (30 s each of three songs, a reading and a
// film): at 224 kbit/s its noise lies 0.4 to 6 dB lower than that of the usual search at 192 on
// average, and above the threshold in fewer moments but for the film; at 128 kbit/s the two are
// within 1 dB.
enum { FAST_BITRATE = 64000 };

struct voice {
    AVCodecContext *encoder;
    AVPacket *packet;
    AVFrame *pcm;    // being gathered for the encoder; nb_samples says how much of it is filled
    int64_t samples; // where the next of the encoder's frames begins
    voice_out *out;
    void *context;
};

static int failed(int number, struct err *err)
{
    if (number == AVERROR(ENOMEM))
        return source_libav_error(err, number, "no_memory", "encode sound");
    char why[AV_ERROR_MAX_STRING_SIZE] = "";
    (void)av_strerror(number, why, sizeof why);
    return err_set(err, ERR_BUG, "encode_failed", "encode sound: %s", why);
}

static int blank(struct voice *voice, struct err *err)
{
    av_frame_unref(voice->pcm);
    voice->pcm->format = AV_SAMPLE_FMT_FLTP;
    voice->pcm->sample_rate = voice->encoder->sample_rate;
    voice->pcm->nb_samples = voice->encoder->frame_size;
    int r = av_channel_layout_copy(&voice->pcm->ch_layout, &voice->encoder->ch_layout);
    if (r >= 0)
        r = av_frame_get_buffer(voice->pcm, 0);
    if (r < 0)
        return failed(r, err);
    voice->pcm->nb_samples = 0;
    return 0;
}

static int start(struct voice *voice, const struct voice_wish *wish, struct err *err)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_AAC);
    voice->encoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!voice->encoder)
        return failed(codec ? AVERROR(ENOMEM) : AVERROR_ENCODER_NOT_FOUND, err);
    AVCodecContext *encoder = voice->encoder;
    encoder->sample_rate = wish->rate ? wish->rate : USUAL_RATE;
    encoder->sample_fmt = AV_SAMPLE_FMT_FLTP;
    av_channel_layout_default(&encoder->ch_layout,
                              wish->channels ? wish->channels : USUAL_CHANNELS);
    encoder->bit_rate = wish->bitrate;
    if (!wish->bitrate) {
        encoder->flags |= AV_CODEC_FLAG_QSCALE;
        encoder->global_quality = (int)(usual_quality * FF_QP2LAMBDA);
        (void)av_opt_set_int(encoder->priv_data, "aac_tns", 0, 0);
    }
    encoder->time_base = (AVRational){ 1, encoder->sample_rate };
    encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (!wish->bitrate || wish->bitrate >= (int64_t)FAST_BITRATE * encoder->ch_layout.nb_channels)
        (void)av_opt_set(encoder->priv_data, "aac_coder", "fast", 0);
    int r = avcodec_open2(encoder, codec, NULL);
    return r < 0 ? failed(r, err) : blank(voice, err);
}

int voice_open(const struct voice_wish *wish, voice_out *out, void *context,
               struct voice **ret_voice, struct err *err)
{
    struct voice *voice = xcalloc(1, sizeof *voice);
    voice->out = out;
    voice->context = context;
    voice->samples = wish->first;
    voice->packet = av_packet_alloc();
    voice->pcm = av_frame_alloc();
    int r = voice->packet && voice->pcm ? start(voice, wish, err) : failed(AVERROR(ENOMEM), err);
    if (r < 0) {
        voice_free(&voice);
        return r;
    }
    *ret_voice = voice;
    return 0;
}

void voice_free(struct voice **voice)
{
    struct voice *v = *voice;
    if (!v)
        return;
    avcodec_free_context(&v->encoder);
    av_packet_free(&v->packet);
    av_frame_free(&v->pcm);
    free(base_take(voice));
}

const AVCodecContext *voice_context(const struct voice *voice)
{
    return voice->encoder;
}

static int encode(struct voice *voice, const AVFrame *frame, struct err *err)
{
    int r = avcodec_send_frame(voice->encoder, frame);
    if (r < 0)
        return failed(r, err);
    while ((r = avcodec_receive_packet(voice->encoder, voice->packet)) >= 0) {
        r = voice->out(voice->context, voice->packet, err);
        av_packet_unref(voice->packet);
        if (r < 0)
            return r;
    }
    return r == AVERROR(EAGAIN) || r == AVERROR_EOF ? 0 : failed(r, err);
}

static int flush(struct voice *voice, struct err *err)
{
    if (voice->pcm->nb_samples == 0)
        return 0;
    voice->pcm->pts = voice->samples;
    voice->samples += voice->pcm->nb_samples;
    int r = encode(voice, voice->pcm, err);
    return r < 0 ? r : blank(voice, err);
}

int voice_add(struct voice *voice, const float *frames, size_t count, struct err *err)
{
    int channels = voice->encoder->ch_layout.nb_channels;
    for (size_t i = 0; i < count; i++, frames += channels) {
        AVFrame *pcm = voice->pcm;
        for (int channel = 0; channel < channels; channel++)
            ((float *)(void *)pcm->data[channel])[pcm->nb_samples] = frames[channel];
        if (++pcm->nb_samples < voice->encoder->frame_size)
            continue;
        int r = flush(voice, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int voice_finish(struct voice *voice, struct err *err)
{
    int r = flush(voice, err);
    return r < 0 ? r : encode(voice, NULL, err);
}
