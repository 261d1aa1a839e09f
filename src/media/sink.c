// The proxy's file: encoders and MP4 in one; see sink.h.
#include "media/sink.h"

#include "media/coder.h"
#include "media/mp4.h"
#include "media/source.h"
#include "media/voice.h"

struct sink {
    struct coder *coder;
    struct voice *voice;
    struct mp4 *mp4;
    int64_t pictures;
};

static int put_picture(void *context, AVPacket *packet, struct err *err)
{
    struct sink *sink = context;
    return mp4_write(sink->mp4, MP4_PICTURE, packet, err);
}

static int put_sound(void *context, AVPacket *packet, struct err *err)
{
    struct sink *sink = context;
    return mp4_write(sink->mp4, MP4_SOUND, packet, err);
}

static int open_coder(struct sink *sink, const struct sink_wish *wish, struct err *err)
{
    bool hd = wish->look.matrix == AVCOL_SPC_BT709;
    const struct coder_wish pictures = {
        .encoder = "libx264",
        .width = wish->look.width,
        .height = wish->look.height,
        .pixels = AV_PIX_FMT_YUV420P,
        .aspect = { 1, 1 },
        .matrix = wish->look.matrix,
        .range = AVCOL_RANGE_MPEG,
        .primaries = hd ? AVCOL_PRI_BT709 : AVCOL_PRI_SMPTE170M,
        .transfer = hd ? AVCOL_TRC_BT709 : AVCOL_TRC_SMPTE170M,
        .chroma = AVCHROMA_LOC_LEFT,
        .fps_num = wish->fps_num,
        .fps_den = wish->fps_den,
        .preset = wish->preset,
        .profile = wish->as_preset ? NULL : "high",
        .crf = wish->crf,
        .bitrate = wish->bitrate,
        .peak = wish->peak,
        .reorder = -1,
    };
    return coder_open(&pictures, put_picture, sink, &sink->coder, err);
}

static int open_voice(struct sink *sink, const struct sink_wish *wish, struct err *err)
{
    const struct voice_wish sound = { .rate = wish->sound_rate,
                                      .channels = wish->sound_channels,
                                      .bitrate = wish->sound_bitrate };
    return voice_open(&sound, put_sound, sink, &sink->voice, err);
}

static int open_mp4(struct sink *sink, int fd, const struct sink_wish *wish, struct err *err)
{
    AVCodecParameters *picture = avcodec_parameters_alloc(), *sound = avcodec_parameters_alloc();
    int r = picture && sound ? avcodec_parameters_from_context(picture, coder_context(sink->coder))
                             : AVERROR(ENOMEM);
    if (r >= 0 && sink->voice)
        r = avcodec_parameters_from_context(sound, voice_context(sink->voice));
    const struct mp4_wish file = { .picture = picture,
                                   .sound = sink->voice ? sound : NULL,
                                   .fps_num = wish->fps_num,
                                   .fps_den = wish->fps_den,
                                   .title = wish->title };
    r = r < 0 ? source_libav_error(err, r, "no_memory", "describe the file")
              : mp4_open(fd, &file, &sink->mp4, err);
    avcodec_parameters_free(&picture);
    avcodec_parameters_free(&sound);
    return r;
}

int sink_open(int fd, const struct sink_wish *wish, struct sink **ret_sink, struct err *err)
{
    struct sink *sink = xcalloc(1, sizeof *sink);
    int r = open_coder(sink, wish, err);
    if (r >= 0 && wish->sound)
        r = open_voice(sink, wish, err);
    if (r >= 0)
        r = open_mp4(sink, fd, wish, err);
    if (r < 0) {
        sink_free(&sink);
        return r;
    }
    *ret_sink = sink;
    return 0;
}

void sink_free(struct sink **sink)
{
    struct sink *s = *sink;
    if (!s)
        return;
    coder_free(&s->coder);
    voice_free(&s->voice);
    mp4_free(&s->mp4);
    free(base_take(sink));
}

int sink_picture(struct sink *sink, const AVFrame *picture, bool starts_segment, struct err *err)
{
    return coder_picture(sink->coder, picture, sink->pictures++, starts_segment, err);
}

int sink_sound(struct sink *sink, const float *frames, size_t count, struct err *err)
{
    return voice_add(sink->voice, frames, count, err);
}

int sink_chapter(struct sink *sink, int64_t first, int64_t end, const char *title, struct err *err)
{
    return mp4_chapter(sink->mp4, first, end, title, err);
}

int sink_finish(struct sink *sink, struct err *err)
{
    int r = coder_finish(sink->coder, err);
    if (r >= 0 && sink->voice)
        r = voice_finish(sink->voice, err);
    return r < 0 ? r : mp4_finish(sink->mp4, err);
}

int64_t sink_pictures(const struct sink *sink)
{
    return sink->pictures;
}
