// The finished file; see sink.h.
//
// The muxer writes through our own AVIOContext, so that a full disk is known as one; for its second
// pass, which moves the index to the front, it asks to open the file again and gets a second reader
// on the same descriptor.
#include "media/sink.h"

#include "media/source.h"
#include <errno.h>
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <stdio.h>

enum {
    SOUND_RATE = 48000,
    SOUND_BIT_RATE = 192000,
    IO_BUFFER = 1 << 16,
    // Each frame thread holds pictures of its own, 25 MB at 1080p.
    MOST_THREADS = 8,
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

struct sink {
    int fd;
    int io_error; // errno of the first failed write, or 0
    AVFormatContext *format;
    AVCodecContext *video, *sound;
    AVPacket *packet;
    AVFrame *frame; // a picture on its way into the encoder
    AVFrame *pcm;   // sound being gathered for the encoder
    int64_t pictures, samples;
    bool header_written;
};

// ---- bytes

static int write_bytes(void *opaque, uint8_t *data, int size)
{
    struct sink *sink = opaque;
    int done = 0;
    while (done < size) {
        ssize_t n = write(sink->fd, data + done, (size_t)(size - done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            sink->io_error = sink->io_error ? sink->io_error : errno;
            return AVERROR(errno);
        }
        done += (int)n;
    }
    return size;
}

static int64_t seek_bytes(void *opaque, int64_t offset, int whence)
{
    struct sink *sink = opaque;
    if (whence & AVSEEK_SIZE) {
        off_t here = lseek(sink->fd, 0, SEEK_CUR), size = lseek(sink->fd, 0, SEEK_END);
        (void)lseek(sink->fd, here, SEEK_SET);
        return size;
    }
    off_t at = lseek(sink->fd, offset, whence & ~AVSEEK_FORCE);
    return at < 0 ? AVERROR(errno) : at;
}

// The second reader has a position of its own.
struct reader {
    int fd;
    int64_t at;
};

static int read_again(void *opaque, uint8_t *data, int size)
{
    struct reader *reader = opaque;
    ssize_t n;
    do
        n = pread(reader->fd, data, (size_t)size, reader->at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return AVERROR(errno);
    reader->at += n;
    return n ? (int)n : AVERROR_EOF;
}

static int64_t seek_again(void *opaque, int64_t offset, int whence)
{
    struct reader *reader = opaque;
    if (whence != SEEK_SET)
        return AVERROR(ENOSYS);
    return reader->at = offset;
}

static int open_again(AVFormatContext *format, AVIOContext **ret_io, const char *url, int flags,
                      AVDictionary **options)
{
    (void)url;
    (void)options;
    if (flags & AVIO_FLAG_WRITE)
        return AVERROR(EPERM); // one file, this one
    const struct sink *sink = format->opaque;
    struct reader *reader = xcalloc(1, sizeof *reader);
    reader->fd = sink->fd;
    uint8_t *buffer = av_malloc(IO_BUFFER);
    if (buffer)
        *ret_io = avio_alloc_context(buffer, IO_BUFFER, 0, reader, read_again, NULL, seek_again);
    if (buffer && *ret_io)
        return 0;
    av_free(buffer);
    free(reader);
    return AVERROR(ENOMEM);
}

static int close_again(AVFormatContext *format, AVIOContext *io)
{
    (void)format;
    free(io->opaque);
    av_free(io->buffer);
    avio_context_free(&io);
    return 0;
}

// ---- opening

static int failed(const struct sink *sink, int number, const char *doing, struct err *err)
{
    if (sink->io_error)
        return err_errno(err, sink->io_error, "write the reel");
    if (number == AVERROR(ENOMEM))
        return source_libav_error(err, number, "no_memory", "%s", doing);
    char why[AV_ERROR_MAX_STRING_SIZE] = "";
    (void)av_strerror(number, why, sizeof why);
    return err_set(err, ERR_BUG, "encode_failed", "%s: %s", doing, why);
}

static void set_rate(AVCodecContext *video, const struct sink_wish *wish)
{
    if (!wish->bitrate) {
        (void)av_opt_set_double(video->priv_data, "crf", wish->crf, 0);
        video->rc_max_rate = wish->peak;
        video->rc_buffer_size = (int)(2 * wish->peak < INT32_MAX ? 2 * wish->peak : INT32_MAX);
        return;
    }
    video->bit_rate = wish->bitrate;
    video->rc_max_rate = wish->bitrate + wish->bitrate / 2;
    video->rc_buffer_size = (int)(2 * wish->bitrate < INT32_MAX ? 2 * wish->bitrate : INT32_MAX);
}

static int lookahead(const struct sink_wish *wish)
{
    int pictures = USUAL_LOOKAHEAD;
    for (size_t i = 0; i < ARRAY_LEN(lookaheads); i++)
        if (strcmp(lookaheads[i].preset, wish->preset) == 0)
            pictures = lookaheads[i].pictures;
    int64_t fits = LOOKAHEAD_PIXELS / ((int64_t)wish->look.width * wish->look.height);
    if (fits < 10)
        fits = 10;
    return fits < pictures ? (int)fits : pictures;
}

static void set_x264(AVCodecContext *video, const struct sink_wish *wish)
{
    (void)av_opt_set(video->priv_data, "preset", wish->preset, 0);
    if (!wish->as_preset)
        (void)av_opt_set(video->priv_data, "profile", "high", 0);
    // A forced key frame is a place to cut: nothing after refers to before.
    (void)av_opt_set(video->priv_data, "forced-idr", "1", 0);
    // The fastest presets drop the 8x8 transform and with it the High profile.  A thread for the
    // lookahead alone would hold pictures for itself; ours has nothing better to do meanwhile.
    cleanup(free_ptr) char *more = xasprintf("%ssync-lookahead=0:rc-lookahead=%d",
                                             wish->as_preset ? "" : "8x8dct=1:", lookahead(wish));
    (void)av_opt_set(video->priv_data, "x264-params", more, 0);
}

static int open_video(struct sink *sink, const struct sink_wish *wish, struct err *err)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    sink->video = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!sink->video)
        return failed(sink, codec ? AVERROR(ENOMEM) : AVERROR_ENCODER_NOT_FOUND,
                      "start the H.264 encoder", err);
    AVCodecContext *video = sink->video;
    bool hd = wish->look.matrix == AVCOL_SPC_BT709;
    video->width = wish->look.width;
    video->height = wish->look.height;
    video->pix_fmt = AV_PIX_FMT_YUV420P;
    video->sample_aspect_ratio = (AVRational){ 1, 1 };
    video->time_base = (AVRational){ wish->fps_den, wish->fps_num };
    video->framerate = (AVRational){ wish->fps_num, wish->fps_den };
    video->colorspace = wish->look.matrix;
    video->color_range = AVCOL_RANGE_MPEG;
    video->color_primaries = hd ? AVCOL_PRI_BT709 : AVCOL_PRI_SMPTE170M;
    video->color_trc = hd ? AVCOL_TRC_BT709 : AVCOL_TRC_SMPTE170M;
    video->chroma_sample_location = AVCHROMA_LOC_LEFT;
    video->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    video->thread_count = processors < 1              ? 1
                          : processors > MOST_THREADS ? MOST_THREADS
                                                      : (int)processors;
    set_x264(video, wish);
    set_rate(video, wish);
    int r = avcodec_open2(video, codec, NULL);
    return r < 0 ? failed(sink, r, "start the H.264 encoder", err) : 0;
}

static int blank_pcm(struct sink *sink, struct err *err)
{
    av_frame_unref(sink->pcm);
    sink->pcm->format = AV_SAMPLE_FMT_FLTP;
    sink->pcm->sample_rate = sink->sound->sample_rate;
    sink->pcm->nb_samples = sink->sound->frame_size;
    int r = av_channel_layout_copy(&sink->pcm->ch_layout, &sink->sound->ch_layout);
    if (r >= 0)
        r = av_frame_get_buffer(sink->pcm, 0);
    if (r < 0)
        return failed(sink, r, "encode sound", err);
    sink->pcm->nb_samples = 0; // how much of it is filled
    return 0;
}

static int open_sound(struct sink *sink, const struct sink_wish *wish, struct err *err)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_AAC);
    sink->sound = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!sink->sound)
        return failed(sink, codec ? AVERROR(ENOMEM) : AVERROR_ENCODER_NOT_FOUND,
                      "start the AAC encoder", err);
    AVCodecContext *sound = sink->sound;
    sound->sample_rate = wish->sound_rate ? wish->sound_rate : SOUND_RATE;
    sound->sample_fmt = AV_SAMPLE_FMT_FLTP;
    av_channel_layout_default(&sound->ch_layout, wish->sound_channels ? wish->sound_channels : 2);
    sound->bit_rate = wish->sound_bitrate ? wish->sound_bitrate : SOUND_BIT_RATE;
    sound->time_base = (AVRational){ 1, sound->sample_rate };
    sound->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    int r = avcodec_open2(sound, codec, NULL);
    return r < 0 ? failed(sink, r, "start the AAC encoder", err) : blank_pcm(sink, err);
}

static int add_stream(struct sink *sink, const AVCodecContext *encoder, struct err *err)
{
    AVStream *stream = avformat_new_stream(sink->format, NULL);
    int r = stream ? avcodec_parameters_from_context(stream->codecpar, encoder) : AVERROR(ENOMEM);
    if (r < 0)
        return failed(sink, r, "describe the reel", err);
    stream->time_base = encoder->time_base;
    if (encoder->codec_type == AVMEDIA_TYPE_VIDEO) {
        stream->avg_frame_rate = stream->r_frame_rate = encoder->framerate;
        stream->sample_aspect_ratio = encoder->sample_aspect_ratio;
    }
    return 0;
}

static int open_format(struct sink *sink, const struct sink_wish *wish, struct err *err)
{
    int r = avformat_alloc_output_context2(&sink->format, NULL, "mp4", NULL);
    uint8_t *buffer = r < 0 ? NULL : av_malloc(IO_BUFFER);
    if (!buffer)
        return failed(sink, AVERROR(ENOMEM), "start the reel", err);
    AVFormatContext *format = sink->format;
    format->pb = avio_alloc_context(buffer, IO_BUFFER, 1, sink, NULL, write_bytes, seek_bytes);
    if (!format->pb) {
        av_free(buffer);
        return failed(sink, AVERROR(ENOMEM), "start the reel", err);
    }
    format->flags |= AVFMT_FLAG_CUSTOM_IO;
    format->opaque = sink;
    format->io_open = open_again;
    format->io_close2 = close_again;
    if (wish->title && wish->title[0])
        (void)av_dict_set(&format->metadata, "title", wish->title, 0);
    return 0;
}

static int start(struct sink *sink, struct err *err)
{
    AVDictionary *options = NULL;
    (void)av_dict_set(&options, "movflags", "+faststart", 0);
    int r = avformat_write_header(sink->format, &options);
    av_dict_free(&options);
    if (r < 0)
        return failed(sink, r, "start the reel", err);
    sink->header_written = true;
    return 0;
}

int sink_open(int fd, const struct sink_wish *wish, struct sink **ret_sink, struct err *err)
{
    struct sink *sink = xcalloc(1, sizeof *sink);
    sink->fd = fd;
    sink->packet = av_packet_alloc();
    sink->frame = av_frame_alloc();
    sink->pcm = av_frame_alloc();
    if (!sink->packet || !sink->frame || !sink->pcm) {
        sink_free(&sink);
        return source_libav_error(err, AVERROR(ENOMEM), "no_memory", "start the reel");
    }
    int r = open_video(sink, wish, err);
    if (r >= 0 && wish->sound)
        r = open_sound(sink, wish, err);
    if (r >= 0)
        r = open_format(sink, wish, err);
    if (r >= 0)
        r = add_stream(sink, sink->video, err);
    if (r >= 0 && wish->sound)
        r = add_stream(sink, sink->sound, err);
    if (r >= 0)
        r = start(sink, err);
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
    if (s->format && s->format->pb) {
        av_freep(&s->format->pb->buffer);
        avio_context_free(&s->format->pb);
    }
    avformat_free_context(s->format);
    avcodec_free_context(&s->video);
    avcodec_free_context(&s->sound);
    av_packet_free(&s->packet);
    av_frame_free(&s->frame);
    av_frame_free(&s->pcm);
    free(base_take(sink));
}

// ---- encoding

// Sends a frame (NULL: no more) and muxes what comes out.
static int encode(struct sink *sink, AVCodecContext *encoder, const AVFrame *frame, struct err *err)
{
    int r = avcodec_send_frame(encoder, frame);
    if (r < 0)
        return failed(sink, r, "encode the reel", err);
    while ((r = avcodec_receive_packet(encoder, sink->packet)) >= 0) {
        AVStream *stream = sink->format->streams[encoder == sink->sound];
        if (encoder == sink->video)
            sink->packet->duration = 1;
        sink->packet->stream_index = stream->index;
        av_packet_rescale_ts(sink->packet, encoder->time_base, stream->time_base);
        r = av_interleaved_write_frame(sink->format, sink->packet);
        if (r < 0)
            return failed(sink, r, "write the reel", err);
    }
    return r == AVERROR(EAGAIN) || r == AVERROR_EOF ? 0 : failed(sink, r, "encode the reel", err);
}

int sink_picture(struct sink *sink, const AVFrame *picture, bool starts_segment, struct err *err)
{
    if (picture->width != sink->video->width || picture->height != sink->video->height ||
        picture->format != sink->video->pix_fmt)
        return err_set(err, ERR_BUG, "wrong_picture", "a picture of %dx%d for a reel of %dx%d",
                       picture->width, picture->height, sink->video->width, sink->video->height);
    av_frame_unref(sink->frame);
    int r = av_frame_ref(sink->frame, picture);
    if (r < 0)
        return failed(sink, r, "encode the reel", err);
    sink->frame->pts = sink->pictures++;
    sink->frame->pict_type = starts_segment ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    // What the source says of its light does not hold for the conformed picture.
    while (sink->frame->nb_side_data)
        av_frame_remove_side_data(sink->frame, sink->frame->side_data[0]->type);
    r = encode(sink, sink->video, sink->frame, err);
    av_frame_unref(sink->frame);
    return r;
}

static int encode_pcm(struct sink *sink, struct err *err)
{
    if (sink->pcm->nb_samples == 0)
        return 0;
    sink->pcm->pts = sink->samples;
    sink->samples += sink->pcm->nb_samples;
    int r = encode(sink, sink->sound, sink->pcm, err);
    return r < 0 ? r : blank_pcm(sink, err);
}

int sink_sound(struct sink *sink, const float *frames, size_t count, struct err *err)
{
    int channels = sink->sound->ch_layout.nb_channels;
    for (size_t i = 0; i < count; i++, frames += channels) {
        AVFrame *pcm = sink->pcm;
        for (int channel = 0; channel < channels; channel++)
            ((float *)(void *)pcm->data[channel])[pcm->nb_samples] = frames[channel];
        if (++pcm->nb_samples < sink->sound->frame_size)
            continue;
        int r = encode_pcm(sink, err);
        if (r < 0)
            return r;
    }
    return 0;
}

// ---- the end

int sink_chapter(struct sink *sink, int64_t first, int64_t end, const char *title, struct err *err)
{
    AVFormatContext *format = sink->format;
    AVChapter **grown = av_realloc_array(format->chapters, format->nb_chapters + 1, sizeof(void *));
    if (grown)
        format->chapters = grown;
    AVChapter *chapter = grown ? av_mallocz(sizeof *chapter) : NULL;
    if (!chapter)
        return failed(sink, AVERROR(ENOMEM), "add a chapter", err);
    chapter->id = (int64_t)format->nb_chapters + 1;
    chapter->time_base = (AVRational){ 1, 1000 };
    chapter->start = av_rescale_q(first, sink->video->time_base, chapter->time_base);
    chapter->end = av_rescale_q(end, sink->video->time_base, chapter->time_base);
    (void)av_dict_set(&chapter->metadata, "title", title, 0);
    format->chapters[format->nb_chapters++] = chapter;
    return 0;
}

int sink_finish(struct sink *sink, struct err *err)
{
    int r = encode(sink, sink->video, NULL, err);
    if (r >= 0 && sink->sound)
        r = encode_pcm(sink, err);
    if (r >= 0 && sink->sound)
        r = encode(sink, sink->sound, NULL, err);
    if (r < 0)
        return r;
    r = av_write_trailer(sink->format);
    if (r >= 0)
        r = sink->format->pb->error;
    return r < 0 || sink->io_error ? failed(sink, r, "finish the reel", err) : 0;
}

int64_t sink_pictures(const struct sink *sink)
{
    return sink->pictures;
}
