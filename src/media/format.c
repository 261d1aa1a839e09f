// Formats of coded pictures; see format.h.
#include "media/format.h"

#include "media/picture.h"
#include "media/webtrack.h"
#include <libavutil/pixdesc.h>

static const struct {
    enum AVCodecID codec;
    int profile;
    const char *name; // as x264 and x265 call it
} profiles[] = {
    { AV_CODEC_ID_H264, FF_PROFILE_H264_BASELINE, "baseline" },
    { AV_CODEC_ID_H264, FF_PROFILE_H264_CONSTRAINED_BASELINE, "baseline" },
    { AV_CODEC_ID_H264, FF_PROFILE_H264_MAIN, "main" },
    { AV_CODEC_ID_H264, FF_PROFILE_H264_HIGH, "high" },
    { AV_CODEC_ID_H264, FF_PROFILE_H264_HIGH_10, "high10" },
    { AV_CODEC_ID_H264, FF_PROFILE_H264_HIGH_422, "high422" },
    { AV_CODEC_ID_HEVC, FF_PROFILE_HEVC_MAIN, "main" },
    { AV_CODEC_ID_HEVC, FF_PROFILE_HEVC_MAIN_10, "main10" },
    // Those of the web follow from the samples.
    { AV_CODEC_ID_VP9, FF_PROFILE_VP9_0, "" },
    { AV_CODEC_ID_VP9, FF_PROFILE_VP9_2, "" },
    { AV_CODEC_ID_AV1, FF_PROFILE_AV1_MAIN, "" },
};

// By enum nal_codec.
static const struct {
    enum AVCodecID codec;
    const char *encoder;
} codecs[] = {
    [NAL_H264] = { AV_CODEC_ID_H264, "libx264" },
    [NAL_HEVC] = { AV_CODEC_ID_HEVC, "libx265" },
    [NAL_VP9] = { AV_CODEC_ID_VP9, "libvpx-vp9" },
    [NAL_AV1] = { AV_CODEC_ID_AV1, "libaom-av1" },
};

enum AVCodecID format_codec(const struct format *format)
{
    return codecs[format->codec].codec;
}

static bool find_codec(enum AVCodecID codec, enum nal_codec *ret_codec)
{
    for (size_t i = 0; i < ARRAY_LEN(codecs); i++)
        if (codecs[i].codec == codec) {
            *ret_codec = (enum nal_codec)i;
            return true;
        }
    return false;
}

// What their encoders take.
static bool has_odd_samples(const struct format *format)
{
    return webtrack_is_for(format->codec) && format->pixels != AV_PIX_FMT_YUV420P &&
           format->pixels != AV_PIX_FMT_YUV420P10;
}

static const char *profile_of(const struct format *format)
{
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++)
        if (profiles[i].codec == format_codec(format) && profiles[i].profile == format->profile)
            return profiles[i].name;
    return NULL;
}

static bool read_turn(struct source *source, int32_t turn[9])
{
    static const int32_t upright[9] = { 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30 };
    size_t size = 0;
    const uint8_t *matrix =
        av_stream_get_side_data(source_video(source), AV_PKT_DATA_DISPLAYMATRIX, &size);
    if (!matrix || size < sizeof upright || memcmp(matrix, upright, sizeof upright) == 0)
        return false;
    memcpy(turn, matrix, sizeof upright);
    return true;
}

const char *format_read(struct source *source, const struct probe *probe, struct format *ret_format)
{
    const AVCodecParameters *parameters = source_video(source)->codecpar;
    struct format format = {
        .width = parameters->width,
        .height = parameters->height,
        .pixels = parameters->format,
        // Not every container tells; then what is coded does.
        .aspect = av_guess_sample_aspect_ratio(source_format(source), source_video(source), NULL),
        .matrix = parameters->color_space,
        .range = parameters->color_range,
        .primaries = parameters->color_primaries,
        .transfer = parameters->color_trc,
        .chroma = parameters->chroma_location,
        .profile = parameters->profile,
        .reorders = parameters->video_delay > 0,
    };
    if (!find_codec(parameters->codec_id, &format.codec))
        return "only H.264, HEVC, VP9 and AV1 are copied";
    if (probe->interlaced || (parameters->field_order != AV_FIELD_UNKNOWN &&
                              parameters->field_order != AV_FIELD_PROGRESSIVE))
        return "it is interlaced";
    if ((parameters->extradata_size <= 0 && format.codec != NAL_VP9) ||
        parameters->format == AV_PIX_FMT_NONE)
        return "its parameter sets are not in its header";
    if (!profile_of(&format) || has_odd_samples(&format))
        return "its profile is not one that can be encoded beside it";
    if (format.aspect.num <= 0 || format.aspect.den <= 0)
        format.aspect = (AVRational){ 1, 1 };
    format.is_turned = read_turn(source, format.turn);
    (void)picture_rate(source, probe, &format.fps_num, &format.fps_den);
    *ret_format = format;
    return NULL;
}

bool format_equal(const struct format *a, const struct format *b)
{
    return a->codec == b->codec && a->width == b->width && a->height == b->height &&
           a->pixels == b->pixels && av_cmp_q(a->aspect, b->aspect) == 0 &&
           a->matrix == b->matrix && a->range == b->range && a->primaries == b->primaries &&
           a->transfer == b->transfer && a->is_turned == b->is_turned &&
           memcmp(a->turn, b->turn, sizeof a->turn) == 0 && a->fps_num == b->fps_num &&
           a->fps_den == b->fps_den;
}

bool format_is_plain(const struct format *format)
{
    return format->pixels == AV_PIX_FMT_YUV420P && format->range != AVCOL_RANGE_JPEG &&
           !format->is_turned && av_cmp_q(format->aspect, (AVRational){ 1, 1 }) == 0 &&
           format->width % 2 == 0 && format->height % 2 == 0 &&
           format->transfer != AVCOL_TRC_SMPTE2084 && format->transfer != AVCOL_TRC_ARIB_STD_B67 &&
           format->primaries != AVCOL_PRI_BT2020;
}

struct coder_wish format_coder(const struct format *format)
{
    return (struct coder_wish){
        .encoder = codecs[format->codec].encoder,
        .width = format->width,
        .height = format->height,
        .pixels = format->pixels,
        .aspect = format->aspect,
        .matrix = format->matrix,
        .range = format->range,
        .primaries = format->primaries,
        .transfer = format->transfer,
        .chroma = format->chroma,
        .fps_num = format->fps_num,
        .fps_den = format->fps_den,
        .profile = profile_of(format),
        // A decoder that has begun without reordering need not be ready for it.
        .reorder = format->reorders ? 1 : 0,
    };
}
