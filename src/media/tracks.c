// Of the candidates the best rank wins: decodable before default before large; of equals the first.

#include "media/tracks.h"
#include <libavcodec/avcodec.h>

static const AVCodec *decoder_of(const AVStream *stream)
{
    return avcodec_find_decoder(stream->codecpar->codec_id);
}

// Higher is better; negative is not a candidate.
static int64_t rank_picture(const AVStream *stream)
{
    const AVCodecParameters *par = stream->codecpar;
    if (par->codec_type != AVMEDIA_TYPE_VIDEO ||
        (stream->disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS)))
        return -1;
    int64_t rank = (int64_t)par->width * par->height;
    if (stream->disposition & AV_DISPOSITION_DEFAULT)
        rank += INT64_C(1) << 40;
    if (decoder_of(stream) != NULL)
        rank += INT64_C(1) << 50;
    return rank;
}

static int64_t rank_sound(const AVStream *stream)
{
    const AVCodecParameters *par = stream->codecpar;
    if (par->codec_type != AVMEDIA_TYPE_AUDIO || decoder_of(stream) == NULL ||
        par->ch_layout.nb_channels <= 0 || par->sample_rate <= 0)
        return -1;
    return stream->disposition & AV_DISPOSITION_DEFAULT ? 2 : 1;
}

static int best_stream(const AVFormatContext *format, int64_t (*rank)(const AVStream *))
{
    int best = -1;
    int64_t best_rank = -1;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        int64_t r = rank(format->streams[i]);
        if (r > best_rank) {
            best = (int)i;
            best_rank = r;
        }
    }
    return best;
}

static int refuse_codec(const AVStream *video, struct err *err)
{
    const AVCodecParameters *par = video->codecpar;
    char tag[AV_FOURCC_MAX_STRING_SIZE];
    if (par->codec_id != AV_CODEC_ID_NONE)
        err_set(err, ERR_INPUT, "unsupported_codec", "the picture's codec, %s, cannot be decoded",
                avcodec_get_name(par->codec_id));
    else
        err_set(err, ERR_INPUT, "unsupported_codec", "the picture's codec, \"%s\", is not known",
                av_fourcc_make_string(tag, par->codec_tag));
    return err_hint(err, "Convert the video to MP4 with H.264 and AAC and drop that.");
}

int tracks_choose(const AVFormatContext *format, int64_t max_pixels, int *ret_video, int *ret_audio,
                  struct err *err)
{
    int index = best_stream(format, rank_picture);
    if (index < 0) {
        err_set(err, ERR_INPUT, "no_picture", "the file has no video track");
        return err_hint(err, "Only videos with a picture can be cut.");
    }
    const AVStream *video = format->streams[index];
    if (decoder_of(video) == NULL)
        return refuse_codec(video, err);
    int width = video->codecpar->width, height = video->codecpar->height;
    if ((int64_t)width * height > max_pixels) {
        err_set(err, ERR_INPUT, "bad_size",
                "the picture of %dx%d is larger than allowed (%lld pixels)", width, height,
                (long long)max_pixels);
        return err_hint(err, "Raise limits.max_pixels, or drop a smaller version.");
    }
    if (width < 2 || height < 2) {
        err_set(err, ERR_INPUT, "bad_size", "the picture of %dx%d has no area", width, height);
        return err_hint(err, "The file is empty or damaged; copy the original once more.");
    }
    *ret_video = index;
    *ret_audio = best_stream(format, rank_sound);
    return 0;
}
