// The finished file; see mp4.h.
//
// The muxer writes through our own AVIOContext, so that a full disk is known as one; for its second
// pass, which moves the index to the front, it asks to open the file again and gets a second reader
// on the same descriptor.
#include "media/mp4.h"

#include "media/source.h"
#include <assert.h>
#include <errno.h>
#include <libavutil/display.h>
#include <stdio.h>

enum {
    IO_BUFFER = 1 << 16,
    // What a packet takes in the index at most: size 4, time 8, offset 8, key frame 4, and a chunk
    // of its own 20, which only one in several has.  The rest: parameter sets, names, heads of
    // tables.
    INDEX_PACKET_BYTES = 40,
    INDEX_REST_BYTES = 1 << 14,
    INDEX_CHAPTER_BYTES = 320,
    MOST_TITLE = 200, // bytes of a chapter's
};

struct mp4 {
    int fd;
    int io_error; // errno of the first failed write, or 0
    AVFormatContext *format;
    AVRational base[2]; // of the packets of each track
};

// ---- bytes

static int write_bytes(void *opaque, uint8_t *data, int size)
{
    struct mp4 *mp4 = opaque;
    int done = 0;
    while (done < size) {
        ssize_t n = write(mp4->fd, data + done, (size_t)(size - done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            mp4->io_error = mp4->io_error ? mp4->io_error : errno;
            return AVERROR(errno);
        }
        done += (int)n;
    }
    return size;
}

static int64_t seek_bytes(void *opaque, int64_t offset, int whence)
{
    struct mp4 *mp4 = opaque;
    if (whence & AVSEEK_SIZE) {
        off_t here = lseek(mp4->fd, 0, SEEK_CUR), size = lseek(mp4->fd, 0, SEEK_END);
        (void)lseek(mp4->fd, here, SEEK_SET);
        return size;
    }
    off_t at = lseek(mp4->fd, offset, whence & ~AVSEEK_FORCE);
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
    const struct mp4 *mp4 = format->opaque;
    struct reader *reader = xcalloc(1, sizeof *reader);
    reader->fd = mp4->fd;
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

static int failed(const struct mp4 *mp4, int number, const char *doing, struct err *err)
{
    if (mp4->io_error)
        return err_errno(err, mp4->io_error, "write the video");
    if (number == AVERROR(ENOMEM))
        return source_libav_error(err, number, "no_memory", "%s", doing);
    char why[AV_ERROR_MAX_STRING_SIZE] = "";
    (void)av_strerror(number, why, sizeof why);
    return err_set(err, ERR_BUG, "mux_failed", "%s: %s", doing, why);
}

static int open_format(struct mp4 *mp4, const struct mp4_wish *wish, struct err *err)
{
    int r = avformat_alloc_output_context2(&mp4->format, NULL, "mp4", NULL);
    uint8_t *buffer = r < 0 ? NULL : av_malloc(IO_BUFFER);
    if (!buffer)
        return failed(mp4, AVERROR(ENOMEM), "start the reel", err);
    AVFormatContext *format = mp4->format;
    format->pb = avio_alloc_context(buffer, IO_BUFFER, 1, mp4, NULL, write_bytes, seek_bytes);
    if (!format->pb) {
        av_free(buffer);
        return failed(mp4, AVERROR(ENOMEM), "start the reel", err);
    }
    format->flags |= AVFMT_FLAG_CUSTOM_IO;
    format->opaque = mp4;
    format->io_open = open_again;
    format->io_close2 = close_again;
    if (wish->title && wish->title[0])
        (void)av_dict_set(&format->metadata, "title", wish->title, 0);
    return 0;
}

static int add_track(struct mp4 *mp4, const AVCodecParameters *parameters, AVRational base,
                     AVStream **ret_stream, struct err *err)
{
    AVStream *stream = avformat_new_stream(mp4->format, NULL);
    int r = stream ? avcodec_parameters_copy(stream->codecpar, parameters) : AVERROR(ENOMEM);
    if (r < 0)
        return failed(mp4, r, "describe the reel", err);
    // The tag of another container means nothing here.  Players of one large maker take HEVC under
    // this tag only.
    bool is_hevc = parameters->codec_id == AV_CODEC_ID_HEVC;
    stream->codecpar->codec_tag = is_hevc ? MKTAG('h', 'v', 'c', '1') : 0;
    stream->time_base = base;
    *ret_stream = stream;
    return 0;
}

static int add_pictures(struct mp4 *mp4, const struct mp4_wish *wish, struct err *err)
{
    AVStream *stream = NULL;
    int r = add_track(mp4, wish->picture, mp4->base[MP4_PICTURE], &stream, err);
    if (r < 0)
        return r;
    assert(stream != NULL); // or add_track fails
    stream->avg_frame_rate = stream->r_frame_rate = (AVRational){ wish->fps_num, wish->fps_den };
    stream->sample_aspect_ratio = wish->picture->sample_aspect_ratio;
    if (!wish->matrix)
        return 0;
    uint8_t *matrix =
        av_stream_new_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, 9 * sizeof *wish->matrix);
    if (!matrix)
        return failed(mp4, AVERROR(ENOMEM), "describe the reel", err);
    memcpy(matrix, wish->matrix, 9 * sizeof *wish->matrix);
    return 0;
}

static int start(struct mp4 *mp4, const struct mp4_wish *wish, struct err *err)
{
    AVDictionary *options = NULL;
    uint64_t room = (uint64_t)wish->packets * INDEX_PACKET_BYTES + INDEX_REST_BYTES +
                    (uint64_t)wish->chapters * INDEX_CHAPTER_BYTES +
                    (uint64_t)wish->picture->extradata_size;
    if (wish->packets > 0 && room < INT32_MAX)
        (void)av_dict_set_int(&options, "moov_size", (int64_t)room, 0);
    else
        (void)av_dict_set(&options, "movflags", "+faststart", 0);
    int r = avformat_write_header(mp4->format, &options);
    av_dict_free(&options);
    return r < 0 ? failed(mp4, r, "start the reel", err) : 0;
}

int mp4_open(int fd, const struct mp4_wish *wish, struct mp4 **ret_mp4, struct err *err)
{
    struct mp4 *mp4 = xcalloc(1, sizeof *mp4);
    AVStream *sound;
    mp4->fd = fd;
    mp4->base[MP4_PICTURE] = (AVRational){ wish->fps_den, wish->fps_num };
    int r = open_format(mp4, wish, err);
    if (r >= 0)
        r = add_pictures(mp4, wish, err);
    if (r >= 0 && wish->sound) {
        mp4->base[MP4_SOUND] = (AVRational){ 1, wish->sound->sample_rate };
        r = add_track(mp4, wish->sound, mp4->base[MP4_SOUND], &sound, err);
    }
    if (r >= 0)
        r = start(mp4, wish, err);
    if (r < 0) {
        mp4_free(&mp4);
        return r;
    }
    *ret_mp4 = mp4;
    return 0;
}

void mp4_free(struct mp4 **mp4)
{
    struct mp4 *m = *mp4;
    if (!m)
        return;
    if (m->format && m->format->pb) {
        av_freep(&m->format->pb->buffer);
        avio_context_free(&m->format->pb);
    }
    avformat_free_context(m->format);
    free(base_take(mp4));
}

// ---- writing

static void prepare(const struct mp4 *mp4, enum mp4_track track, AVPacket *packet)
{
    const AVStream *stream = mp4->format->streams[track];
    packet->stream_index = stream->index;
    packet->pos = -1;
    av_packet_rescale_ts(packet, mp4->base[track], stream->time_base);
    packet->time_base = stream->time_base;
}

int mp4_write(struct mp4 *mp4, enum mp4_track track, AVPacket *packet, struct err *err)
{
    prepare(mp4, track, packet);
    int r = av_interleaved_write_frame(mp4->format, packet);
    return r < 0 ? failed(mp4, r, "write the video", err) : 0;
}

int mp4_write_now(struct mp4 *mp4, enum mp4_track track, AVPacket *packet, struct err *err)
{
    prepare(mp4, track, packet);
    int r = av_write_frame(mp4->format, packet);
    av_packet_unref(packet);
    return r < 0 ? failed(mp4, r, "write the video", err) : 0;
}

int mp4_chapter(struct mp4 *mp4, int64_t first, int64_t end, const char *title, struct err *err)
{
    AVFormatContext *format = mp4->format;
    AVChapter **grown = av_realloc_array(format->chapters, format->nb_chapters + 1, sizeof(void *));
    if (grown)
        format->chapters = grown;
    AVChapter *chapter = grown ? av_mallocz(sizeof *chapter) : NULL;
    if (!chapter)
        return failed(mp4, AVERROR(ENOMEM), "add a chapter", err);
    size_t length = strnlen(title, MOST_TITLE);
    while (length > 0 && ((unsigned char)title[length] & 0xc0) == 0x80) // within a character
        length--;
    char *text = xstrndup(title, length);
    chapter->id = (int64_t)format->nb_chapters + 1;
    chapter->time_base = (AVRational){ 1, 1000 };
    chapter->start = av_rescale_q(first, mp4->base[MP4_PICTURE], chapter->time_base);
    chapter->end = av_rescale_q(end, mp4->base[MP4_PICTURE], chapter->time_base);
    (void)av_dict_set(&chapter->metadata, "title", text, 0);
    free(text);
    format->chapters[format->nb_chapters++] = chapter;
    return 0;
}

int mp4_finish(struct mp4 *mp4, struct err *err)
{
    int r = av_write_trailer(mp4->format);
    if (r >= 0)
        r = mp4->format->pb->error;
    return r < 0 || mp4->io_error ? failed(mp4, r, "finish the reel", err) : 0;
}
