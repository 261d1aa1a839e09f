// A file on a descriptor as an AVFormatContext that can reach nothing but that descriptor.
//
// Measured with libav's defaults: an HLS playlist or a concat script named .mp4 opened its
// neighbours, and 200 tracks were accepted.  Here the format comes from our list or the file is
// refused, nested opens answer EPERM, and probing, tracks and pixels are bounded.

#include "media/container.h"
#include "media/source.h"
#include <assert.h>
#include <errno.h>
#include <libavutil/avstring.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/opt.h>
#include <sys/stat.h>

enum {
    IO_BUFFER = 64 * 1024,
    RECOGNISE_BYTES = 1 << 20,
    // Enough for a transport stream whose first key frame is seconds away; more only costs time on
    // files that are damaged anyway.
    PROBE_BYTES = 16 << 20,
    PROBE_SECONDS = 10,
    MAX_BOXES = 100000, // top-level boxes of a fragmented file of some hours
};

// No allocation inside libav is larger: a 64-megapixel picture of 16 bits and three planes.
static const size_t MAX_ALLOCATION = 512U << 20;

static const char demuxers[] = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,live_flv,asf,asf_o,"
                               "mpeg,mpegts,ogg,rm,mxf,mpegvideo,m4v";

const char container_decoders[] =
    "h264,hevc,vp8,vp9,libdav1d,av1,mpeg1video,mpeg2video,mpegvideo,mpeg4,msmpeg4,msmpeg4v1,"
    "msmpeg4v2,wmv1,wmv2,wmv3,vc1,flv,vp6,vp6f,vp6a,h263,h263p,h263i,theora,vp3,prores,dnxhd,"
    "cfhd,mjpeg,dvvideo,rv10,rv20,rv30,rv40,svq1,svq3,ffv1,huffyuv,ffvhuff,rawvideo,"
    "aac,aac_latm,mp3float,mp3,mp2float,mp2,mp1float,mp1,ac3,eac3,dca,truehd,mlp,opus,vorbis,"
    "flac,alac,amrnb,amrwb,wmav1,wmav2,wmapro,wmavoice,wmalossless,cook,sipr,real_144,real_288,"
    "atrac3,qdm2,speex,nellymoser,gsm,gsm_ms,adpcm_ima_wav,adpcm_ima_qt,adpcm_ms,adpcm_swf,"
    "adpcm_yamaha,pcm_alaw,pcm_mulaw,pcm_bluray,pcm_dvd,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,"
    "pcm_u16le,pcm_u16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,"
    "pcm_f64be,s302m";

// What a refused file is, by the name of the demuxer that knows it.
static const char playlists[] = "hls,concat,dash,imf,sdp,rtsp,sap,webm_dash_manifest,image2,"
                                "image2pipe,lavfi,ffmetadata,redspark";
static const char pictures[] = "gif,apng,ico,fits,mjpeg_2000";
static const char sounds[] = "mp3,wav,flac,aac,ac3,eac3,aiff,amr,ape,au,caf,dts,tta,w64,wv,mpc,"
                             "mpc8,alac,tak,dsf,voc,loas";

// ---- bytes

static int read_bytes(void *opaque, uint8_t *buffer, int size)
{
    struct container *container = opaque;
    ssize_t got;
    if (container->most > 0 && size > container->most)
        size = container->most;
    do {
        got = pread(container->fd, buffer, (size_t)size, container->offset);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        if (container->io_error == 0)
            container->io_error = errno;
        return AVERROR(errno);
    }
    if (got == 0)
        return AVERROR_EOF;
    container->offset += got;
    return (int)got;
}

static int64_t seek_bytes(void *opaque, int64_t offset, int whence)
{
    struct container *container = opaque;
    int64_t base;
    switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE:
        return container->size;
    case SEEK_SET:
        base = 0;
        break;
    case SEEK_CUR:
        base = container->offset;
        break;
    case SEEK_END:
        base = container->size;
        break;
    default:
        return AVERROR(EINVAL);
    }
    if (__builtin_add_overflow(base, offset, &base) || base < 0)
        return AVERROR(EINVAL);
    container->offset = base;
    return base;
}

static bool read_at(const struct container *container, int64_t offset, void *buffer, size_t size)
{
    return pread(container->fd, buffer, size, offset) == (ssize_t)size;
}

// ---- structure: does the file end before it says it does?

struct boxes {
    bool movie, still, beyond_end;
};

static bool is_still_brand(uint32_t brand)
{
    static const uint32_t brands[] = { MKBETAG('h', 'e', 'i', 'c'), MKBETAG('h', 'e', 'i', 'x'),
                                       MKBETAG('m', 'i', 'f', '1'), MKBETAG('a', 'v', 'i', 'f') };
    for (size_t i = 0; i < ARRAY_LEN(brands); i++)
        if (brands[i] == brand)
            return true;
    return false;
}

// What else lies behind the last box (a padding, the log of a camera, a signature) was never part
// of the video, however its first bytes read as a size.
static bool is_box(uint32_t type)
{
    static const uint32_t types[] = {
        MKBETAG('f', 't', 'y', 'p'), MKBETAG('s', 't', 'y', 'p'), MKBETAG('m', 'o', 'o', 'v'),
        MKBETAG('m', 'o', 'o', 'f'), MKBETAG('m', 'd', 'a', 't'), MKBETAG('m', 'f', 'r', 'a'),
        MKBETAG('s', 'i', 'd', 'x'), MKBETAG('f', 'r', 'e', 'e'), MKBETAG('s', 'k', 'i', 'p'),
        MKBETAG('w', 'i', 'd', 'e'), MKBETAG('u', 'u', 'i', 'd'), MKBETAG('m', 'e', 't', 'a'),
    };
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (types[i] == type)
            return true;
    return false;
}

// Walks the top-level boxes of an ISO base media file.
static struct boxes walk_boxes(const struct container *container)
{
    struct boxes found = { .movie = false };
    bool media = false, fragments = false;
    int64_t at = 0;
    uint8_t head[16];
    for (int i = 0; i < MAX_BOXES && at < container->size; i++) {
        memset(head, 0, sizeof head);
        if (!read_at(container, at, head, 8)) {
            // Too little for a box is left; only a fragment may have been one.
            found.beyond_end = fragments || !found.movie || !media;
            break;
        }
        uint64_t size = AV_RB32(head);
        uint32_t type = AV_RB32(head + 4);
        (void)read_at(container, at + 8, head + 8, 8);
        if (size == 1)
            size = AV_RB64(head + 8);
        else if (size == 0)
            size = (uint64_t)(container->size - at);
        if (size < 8 || size > INT64_MAX / 2)
            break;
        bool whole = at + (int64_t)size <= container->size;
        if (type == MKBETAG('m', 'o', 'o', 'v') && whole)
            found.movie = true;
        if (type == MKBETAG('f', 't', 'y', 'p'))
            found.still = is_still_brand(AV_RB32(head + 8));
        media = media || type == MKBETAG('m', 'd', 'a', 't');
        fragments = fragments || type == MKBETAG('m', 'o', 'o', 'f');
        if (!whole)
            found.beyond_end = is_box(type) || !found.movie || !media;
        at += (int64_t)size;
    }
    return found;
}

// The variable-length number of EBML at `at`; its own length goes to *ret_length.  -1: unknown size
// or none there.
static int64_t ebml_size(const struct container *container, int64_t at, int *ret_length)
{
    uint8_t bytes[8] = { 0 };
    if (!read_at(container, at, bytes, 1) || bytes[0] == 0)
        return -1;
    int length = __builtin_clz(bytes[0]) - 23; // leading zeros of the byte, plus one
    if (!read_at(container, at, bytes, (size_t)length))
        return -1;
    uint64_t value = bytes[0] & (0xffU >> length);
    for (int i = 1; i < length; i++)
        value = value << 8 | bytes[i];
    *ret_length = length;
    return value == (UINT64_C(1) << (7 * length)) - 1 ? -1 : (int64_t)value;
}

static bool matroska_is_cut_off(const struct container *container)
{
    int length = 0;
    int64_t header = ebml_size(container, 4, &length);
    if (header < 0 || header > container->size)
        return false;
    int64_t segment = 4 + length + header;
    uint8_t id[4];
    if (!read_at(container, segment, id, sizeof id) || AV_RB32(id) != 0x18538067)
        return false;
    int64_t size = ebml_size(container, segment + 4, &length);
    return size >= 0 && segment + 4 + length + size > container->size;
}

static bool is_cut_off(const struct container *container, const char *format)
{
    uint8_t head[12];
    if (av_match_name("mov", format))
        return walk_boxes(container).beyond_end;
    if (av_match_name("matroska", format))
        return matroska_is_cut_off(container);
    if (av_match_name("avi", format) && read_at(container, 0, head, sizeof head))
        // Some writers count the padding byte, some leave a placeholder of all ones.
        return AV_RL32(head + 4) < 0x7fffffff &&
               (int64_t)AV_RL32(head + 4) + 8 > container->size + 1;
    if (av_match_name("mpegts", format))
        return container->size % 188 != 0 && container->size % 192 != 0 &&
               container->size % 204 != 0;
    return false;
}

// ---- recognising

static int refuse_format(const AVInputFormat *format, int score, struct err *err)
{
    const char *name = format != NULL ? format->name : "";
    if (format != NULL && av_match_list(name, playlists, ',') > 0) {
        err_set(err, ERR_INPUT, "not_a_video",
                "this is not a video but a list or script that names other files (%s)", name);
        return err_hint(err, "Drop the videos themselves; playlists and scripts are not followed.");
    }
    if (format != NULL &&
        (av_match_list(name, pictures, ',') > 0 || av_stristr(name, "_pipe") != NULL)) {
        err_set(err, ERR_INPUT, "a_picture", "this is a picture (%s), not a video", name);
        return err_hint(err, "Only videos can be cut; pictures are not used.");
    }
    // A low score is a guess: random bytes look like MP3 now and then.
    if (format != NULL && score > AVPROBE_SCORE_RETRY && av_match_list(name, sounds, ',') > 0) {
        err_set(err, ERR_INPUT, "no_picture", "this is a sound recording (%s) without any picture",
                name);
        return err_hint(err, "Only videos with a picture can be cut.");
    }
    err_set(err, ERR_INPUT, "not_a_video", "the contents are not those of a video file");
    return err_hint(err, "If it plays elsewhere, convert it to MP4 (H.264 and AAC) and drop that.");
}

// NULL, with err set, if it is none of ours.
static const AVInputFormat *recognise(struct container *container, struct err *err)
{
    const AVInputFormat *format = NULL;
    int score = av_probe_input_buffer2(container->io, &format, "", NULL, 0, RECOGNISE_BYTES);
    if (container->io_error != 0)
        (void)err_errno(err, container->io_error, "read the file");
    else if (score < 0 || format == NULL || av_match_list(format->name, demuxers, ',') <= 0)
        (void)refuse_format(format, score, err);
    else
        return format;
    return NULL;
}

// ---- opening

static int refuse_nested(AVFormatContext *format, AVIOContext **ret_io, const char *url, int flags,
                         AVDictionary **options)
{
    (void)format;
    (void)url;
    (void)flags;
    (void)options;
    *ret_io = NULL;
    return AVERROR(EPERM);
}

static int explain_open(const struct container *container, const AVInputFormat *input, int number,
                        int max_streams, struct err *err)
{
    if (container->io_error != 0)
        return err_errno(err, container->io_error, "read the file");
    if (av_match_name("mov", input->name)) {
        struct boxes boxes = walk_boxes(container);
        if (boxes.still) {
            err_set(err, ERR_INPUT, "a_picture", "this is a picture, not a video");
            return err_hint(err, "Only videos can be cut; pictures are not used.");
        }
        if (!boxes.movie) {
            err_set(err, ERR_INPUT, "incomplete_file",
                    "the file has no index (moov): its copy is not finished, was cut off, or the "
                    "recording was never closed");
            return err_hint(err, "Copy the original once more; if that is broken too, the camera "
                                 "or a repair tool may be able to restore it.");
        }
    }
    if (number == AVERROR(ENOMEM)) // what demuxers answer when a track more is refused
        return err_set(err, ERR_INPUT, "too_many_streams",
                       "the file has more than %d tracks, or asks for an absurd amount of memory",
                       max_streams);
    return source_libav_error(err, number, "damaged_file", "the headers cannot be read (%s)",
                              input->name);
}

static int set_up(struct container *container, int max_streams, struct err *err)
{
    AVFormatContext *format = avformat_alloc_context();
    if (format == NULL)
        return source_libav_error(err, AVERROR(ENOMEM), "memory", "open a container");
    container->format = format;
    format->pb = container->io;
    format->flags |= AVFMT_FLAG_CUSTOM_IO;
    format->io_open = refuse_nested;
    format->probesize = PROBE_BYTES;
    format->max_analyze_duration = PROBE_SECONDS * (int64_t)AV_TIME_BASE;
    format->max_streams = max_streams;
    format->format_whitelist = av_strdup(demuxers);
    format->codec_whitelist = av_strdup(container_decoders);
    format->protocol_whitelist = av_strdup("none");
    if (!format->format_whitelist || !format->codec_whitelist || !format->protocol_whitelist)
        return source_libav_error(err, AVERROR(ENOMEM), "memory", "open a container");
    return 0;
}

static int read_headers(struct container *container, const AVInputFormat *input, int max_streams,
                        struct err *err)
{
    AVDictionary *options = NULL;
    if (av_match_name("mov", input->name)) {
        av_dict_set(&options, "enable_drefs", "0", 0);
        av_dict_set(&options, "use_absolute_path", "0", 0);
    }
    int r = avformat_open_input(&container->format, NULL, input, &options);
    av_dict_free(&options);
    return r < 0 ? explain_open(container, input, r, max_streams, err) : 0;
}

// A decoder that refuses a size takes it out of the track, which then looks as if it had none. What
// the headers said is put back, so that too large is not called empty.
struct said {
    int width, height;
};

static void restore_sizes(const AVFormatContext *format, const struct said *said, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        AVCodecParameters *par = format->streams[i]->codecpar;
        if (par->codec_type == AVMEDIA_TYPE_VIDEO && par->width == 0 && par->height == 0) {
            par->width = said[i].width;
            par->height = said[i].height;
        }
    }
}

int container_look(struct container *container, int64_t max_pixels, struct err *err)
{
    AVFormatContext *format = container->format;
    unsigned count = format->nb_streams; // headers named these; more may be found
    cleanup(free_ptr) struct said *said = xcalloc(count + 1, sizeof *said);
    for (unsigned i = 0; i < count; i++)
        said[i] = (struct said){ format->streams[i]->codecpar->width,
                                 format->streams[i]->codecpar->height };
    AVDictionary **options = xcalloc(count + 1, sizeof(AVDictionary *));
    for (unsigned i = 0; i < count; i++)
        av_dict_set_int(&options[i], "max_pixels", max_pixels, 0);
    int r = avformat_find_stream_info(format, options);
    for (unsigned i = 0; i < count; i++)
        av_dict_free(&options[i]);
    free(options);
    restore_sizes(format, said, count);
    if (container->io_error != 0)
        return err_errno(err, container->io_error, "read the file");
    if (r < 0)
        return source_libav_error(err, r, "damaged_file", "the tracks cannot be read");
    return 0;
}

int container_open(struct container *container, int fd, int max_streams, struct err *err)
{
    struct stat st;
    av_log_set_level(AV_LOG_QUIET); // what matters is said through err; the rest quotes the file
    av_max_alloc(MAX_ALLOCATION);
    container->fd = fd;
    if (fstat(fd, &st) < 0)
        return err_errno(err, errno, "look at the file");
    container->size = st.st_size;
    if (st.st_size == 0) {
        err_set(err, ERR_INPUT, "empty_file", "the file is empty (0 bytes)");
        return err_hint(err, "Copy the original once more.");
    }
    uint8_t *buffer = av_malloc(IO_BUFFER);
    if (buffer != NULL)
        container->io =
            avio_alloc_context(buffer, IO_BUFFER, 0, container, read_bytes, NULL, seek_bytes);
    if (container->io == NULL) {
        av_free(buffer);
        return source_libav_error(err, AVERROR(ENOMEM), "memory", "open the file");
    }
    const AVInputFormat *input = recognise(container, err);
    if (input == NULL)
        return err != NULL ? err->code : -EINVAL;
    assert(input != NULL); // recognise() names one or refuses
    container->cut_off = is_cut_off(container, input->name);
    int r = set_up(container, max_streams, err);
    return r < 0 ? r : read_headers(container, input, max_streams, err);
}

void container_release(struct container *container)
{
    avformat_close_input(&container->format);
    if (container->io != NULL)
        av_freep(&container->io->buffer);
    avio_context_free(&container->io);
}
