// Conforming pictures; see graph.h.
//
// Two scalers are at work: swscale where only size and depth change (it is the faster one), zimg
// (zscale) where colours change, because swscale goes through 8-bit RGB for that.
#include "media/graph.h"

#include "media/source.h"
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/display.h>
#include <libavutil/mastering_display_metadata.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <math.h>
#include <stdio.h>

// Bars narrower than this share of the picture are filled instead.
static const double fill_share = 0.005;
// What becomes SDR white before highlights are rolled off.  Diffuse white of HDR material is at 203
// nits (ITU-R BT.2408); placed there, light greys melted into white on a photographed colour chart.
static const double hdr_white_nits = 300;
// Where nothing says how bright the brightest spot is: what nearly all material is graded for.
static const double hdr_usual_peak_nits = 1000;
struct graph {
    struct graph_look look;
    struct graph_turn turn;
    enum graph_deinterlace deinterlace; // GRAPH_PROGRESSIVE in a conforming graph
    struct graph_format format;         // the one it was built for
    bool ended;
    AVFilterGraph *filters; // NULL before the first picture
    AVFilterContext *in, *out;
};

// ---- geometry

struct graph_turn graph_turn_from_matrix(const int32_t matrix[9])
{
    double a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
    struct graph_turn turn = { .transpose = fabs(a) + fabs(d) < fabs(b) + fabs(c) };
    // x' = a x + c y, y' = b x + d y.
    turn.mirror_x = turn.transpose ? c < 0 : a < 0;
    turn.mirror_y = turn.transpose ? b < 0 : d < 0;
    return turn;
}

struct graph_turn graph_turn_from_degrees(int degrees)
{
    switch (((degrees % 360) + 360) % 360) {
    case 90:
        return (struct graph_turn){ .transpose = true, .mirror_x = true };
    case 180:
        return (struct graph_turn){ .mirror_x = true, .mirror_y = true };
    case 270:
        return (struct graph_turn){ .transpose = true, .mirror_y = true };
    default:
        return (struct graph_turn){ 0 };
    }
}

static int even(double size, int most)
{
    int rounded = 2 * (int)lround(size / 2);
    return rounded < 2 ? 2 : rounded > most ? most : rounded;
}

struct graph_fit graph_fit(const struct graph_look *look, double display_width,
                           double display_height)
{
    double across = look->width / display_width, down = look->height / display_height;
    double factor = fmin(across, down);
    struct graph_fit fit = { .width = look->width, .height = look->height };
    if (fabs(across / down - 1) > fill_share) {
        fit.width = even(display_width * factor, look->width);
        fit.height = even(display_height * factor, look->height);
    }
    fit.x = (look->width - fit.width) / 4 * 2;
    fit.y = (look->height - fit.height) / 4 * 2;
    return fit;
}

// ---- colour

static bool is_hdr(const struct graph_format *format)
{
    return format->transfer == AVCOL_TRC_SMPTE2084 || format->transfer == AVCOL_TRC_ARIB_STD_B67;
}

static double peak_of(const AVFrame *frame)
{
    const AVFrameSideData *light = av_frame_get_side_data(frame, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL);
    if (light)
        return ((const AVContentLightMetadata *)light->data)->MaxCLL;
    const AVFrameSideData *mastering =
        av_frame_get_side_data(frame, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA);
    if (!mastering)
        return 0;
    const AVMasteringDisplayMetadata *display = (const AVMasteringDisplayMetadata *)mastering->data;
    return display->has_luminance ? av_q2d(display->max_luminance) : 0;
}

// The same memory layout under the name that does not imply a range.
static enum AVPixelFormat without_range(enum AVPixelFormat pixels, enum AVColorRange *range)
{
    static const enum AVPixelFormat names[][2] = { { AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV420P },
                                                   { AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUV422P },
                                                   { AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUV444P },
                                                   { AV_PIX_FMT_YUVJ440P, AV_PIX_FMT_YUV440P },
                                                   { AV_PIX_FMT_YUVJ411P, AV_PIX_FMT_YUV411P } };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (pixels == names[i][0]) {
            *range = AVCOL_RANGE_JPEG;
            return names[i][1];
        }
    return pixels;
}

struct graph_format graph_format_of(const AVFrame *frame)
{
    struct graph_format format = { .width = frame->width,
                                   .height = frame->height,
                                   .aspect = frame->sample_aspect_ratio,
                                   .matrix = frame->colorspace,
                                   .range = frame->color_range,
                                   .transfer = frame->color_trc,
                                   .primaries = frame->color_primaries };
    format.pixels = without_range(frame->format, &format.range);
    if (format.aspect.num <= 0 || format.aspect.den <= 0)
        format.aspect = (AVRational){ 1, 1 };
    if (is_hdr(&format))
        format.peak = peak_of(frame);
    return format;
}

static bool is_rgb(const struct graph_format *format)
{
    const AVPixFmtDescriptor *descriptor = av_pix_fmt_desc_get(format->pixels);
    return descriptor && (descriptor->flags & AV_PIX_FMT_FLAG_RGB);
}

// The matrix the picture was made with.  Where nobody says, it is taken to be the reel's: small
// pictures without a word are as often made from high definition as not, and a conversion that is
// wrong does the same harm as one that is missing.
static enum AVColorSpace matrix_of(const struct graph_format *format, const struct graph_look *look)
{
    switch (format->matrix) {
    case AVCOL_SPC_BT709:
    case AVCOL_SPC_SMPTE170M:
    case AVCOL_SPC_SMPTE240M:
    case AVCOL_SPC_FCC:
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return format->matrix;
    case AVCOL_SPC_BT470BG: // the same numbers under another name
        return AVCOL_SPC_SMPTE170M;
    default:
        break;
    }
    bool wide = is_hdr(format) || format->primaries == AVCOL_PRI_BT2020;
    return wide ? AVCOL_SPC_BT2020_NCL : look->matrix;
}

static const char *matrix_name(enum AVColorSpace matrix)
{
    return av_color_space_name(matrix);
}

static const char *range_name(const struct graph_format *format)
{
    return format->range == AVCOL_RANGE_JPEG ? "full" : "limited";
}

static bool is_wide_gamut(const struct graph_format *format)
{
    return format->primaries == AVCOL_PRI_BT2020 || format->matrix == AVCOL_SPC_BT2020_NCL;
}

// ---- the words of a graph

// Sizes are always given: where they are not, libavfilter 8 fills them in and crashes if there is
// no memory for it.

// Scales and changes matrix and range by zimg, which wants even sizes of 4:2:0 and planes.
static char *describe_colours(const struct graph_format *format, const struct graph_look *look,
                              struct graph_fit fit)
{
    const AVPixFmtDescriptor *pixels = av_pix_fmt_desc_get(format->pixels);
    bool subsampled = pixels && (pixels->log2_chroma_w || pixels->log2_chroma_h);
    const char *range = range_name(format);
    cleanup(free_ptr) char *odd =
        subsampled && ((format->width | format->height) & 1)
            ? xasprintf("scale=w=iw:h=ih:in_range=%s:out_range=%s,format=yuv444p,", range, range)
            : xstrdup("");
    // Only a wide gamut goes through linear light; between 601 and 709 primaries differ too
    // little to be worth it.
    const char *gamut =
        is_wide_gamut(format) ? ":pin=2020:p=709:tin=709:t=709" : ":pin=709:p=709:tin=709:t=709";
    return xasprintf("%szscale=w=%d:h=%d:f=bicubic:min=%s:rin=%s:m=%s:r=limited%s", odd, fit.width,
                     fit.height, matrix_name(matrix_of(format, look)), range,
                     matrix_name(look->matrix), gamut);
}

static char *describe_hdr(const struct graph_format *format, const struct graph_look *look,
                          struct graph_fit fit)
{
    double peak = format->peak > hdr_white_nits ? format->peak : hdr_usual_peak_nits;
    if (format->transfer == AVCOL_TRC_ARIB_STD_B67)
        peak = hdr_usual_peak_nits; // HLG is relative; this is its nominal display
    peak = fmin(peak, 10000) / hdr_white_nits;
    const char *transfer = av_color_transfer_name(format->transfer);
    // Scaled first: light is linearised in floating point, which is slow.
    return xasprintf("scale=w=%d:h=%d:flags=bicubic,format=yuv420p10le|yuv422p10le|yuv444p10le,"
                     "zscale=min=%s:rin=%s:pin=2020:tin=%s:t=linear:npl=%g:p=709,"
                     "format=gbrpf32le,tonemap=mobius:desat=0:peak=%.4f,"
                     "zscale=pin=709:tin=linear:t=709:p=709:m=%s:r=limited",
                     fit.width, fit.height, matrix_name(matrix_of(format, look)),
                     range_name(format), transfer, hdr_white_nits, peak, matrix_name(look->matrix));
}

// Size, depth and range only.
static char *describe_scale(const struct graph_format *format, const struct graph_look *look,
                            struct graph_fit fit)
{
    int spare_x = format->width - fit.width, spare_y = format->height - fit.height;
    bool square = format->aspect.num == format->aspect.den;
    const char *matrix = matrix_name(look->matrix);
    // An odd line more than fits is dropped rather than the whole picture resampled.
    if (square && spare_x >= 0 && spare_x <= 1 && spare_y >= 0 && spare_y <= 1) {
        char *cut =
            spare_x || spare_y ? xasprintf("crop=%d:%d:0:0,", fit.width, fit.height) : xstrdup("");
        char *whole =
            xasprintf("%sscale=w=iw:h=ih:in_range=%s:out_range=limited:in_color_matrix=%s:"
                      "out_color_matrix=%s",
                      cut, range_name(format), matrix, matrix);
        free(cut);
        return whole;
    }
    return xasprintf("scale=w=%d:h=%d:flags=bicubic:in_range=%s:out_range=limited:"
                     "in_color_matrix=%s:out_color_matrix=%s",
                     fit.width, fit.height, range_name(format), matrix, matrix);
}

static const char *turn_words(struct graph_turn turn)
{
    // [transpose][mirror_x][mirror_y]; libavfilter's transpose=clock is transposed, then mirrored
    // left to right.
    static const char *const words[2][2][2] = {
        { { "", "vflip," }, { "hflip,", "hflip,vflip," } },
        { { "transpose=cclock_flip,", "transpose=cclock," },
          { "transpose=clock,", "transpose=clock_flip," } },
    };
    return words[turn.transpose][turn.mirror_x][turn.mirror_y];
}

char *graph_describe(const struct graph_format *format, struct graph_turn turn,
                     const struct graph_look *look)
{
    double width = format->width * av_q2d(format->aspect), height = format->height;
    struct graph_fit fit =
        turn.transpose ? graph_fit(look, height, width) : graph_fit(look, width, height);
    struct graph_fit coded = fit; // before turning
    if (turn.transpose)
        coded = (struct graph_fit){ .width = fit.height, .height = fit.width };
    cleanup(free_ptr) char *picture = NULL;
    if (is_hdr(format))
        picture = describe_hdr(format, look, coded);
    else if (!is_rgb(format) && (matrix_of(format, look) != look->matrix || is_wide_gamut(format)))
        picture = describe_colours(format, look, coded);
    else
        picture = describe_scale(format, look, coded);
    cleanup(free_ptr) char *bars =
        fit.width == look->width && fit.height == look->height
            ? xstrdup("")
            : xasprintf(",pad=%d:%d:%d:%d", look->width, look->height, fit.x, fit.y);
    return xasprintf("%s,%sformat=yuv420p%s,setsar=1", picture, turn_words(turn), bars);
}

// ---- the graph

struct graph *graph_new_conform(const struct graph_look *look, struct graph_turn turn)
{
    struct graph *graph = xcalloc(1, sizeof *graph);
    graph->look = *look;
    graph->turn = turn;
    return graph;
}

struct graph *graph_new_deinterlace(enum graph_deinterlace which)
{
    struct graph *graph = xcalloc(1, sizeof *graph);
    graph->deinterlace = which;
    return graph;
}

void graph_free(struct graph **graph)
{
    if (!*graph)
        return;
    avfilter_graph_free(&(*graph)->filters);
    free(base_take(graph));
}

static int add_ends(struct graph *graph, const AVFrame *frame)
{
    graph->in = avfilter_graph_alloc_filter(graph->filters, avfilter_get_by_name("buffer"), "in");
    AVBufferSrcParameters *parameters = av_buffersrc_parameters_alloc();
    if (!graph->in || !parameters) {
        av_free(parameters);
        return AVERROR(ENOMEM);
    }
    parameters->format = graph->format.pixels;
    parameters->width = frame->width;
    parameters->height = frame->height;
    parameters->time_base = frame->time_base.num > 0 ? frame->time_base : AV_TIME_BASE_Q;
    parameters->sample_aspect_ratio = graph->format.aspect;
    int r = av_buffersrc_parameters_set(graph->in, parameters);
    av_free(parameters);
    if (r >= 0)
        r = avfilter_init_str(graph->in, NULL);
    if (r < 0)
        return r;
    return avfilter_graph_create_filter(&graph->out, avfilter_get_by_name("buffersink"), "out",
                                        NULL, NULL, graph->filters);
}

static int link_between(struct graph *graph, const char *words)
{
    AVFilterInOut *inputs = avfilter_inout_alloc(), *outputs = avfilter_inout_alloc();
    int r = AVERROR(ENOMEM);
    if (inputs && outputs) {
        outputs->name = av_strdup("in");
        outputs->filter_ctx = graph->in;
        inputs->name = av_strdup("out");
        inputs->filter_ctx = graph->out;
        r = avfilter_graph_parse_ptr(graph->filters, words, &inputs, &outputs, NULL);
    }
    avfilter_inout_free(&inputs);
    avfilter_inout_free(&outputs);
    return r;
}

static char *words_of(const struct graph *graph)
{
    if (graph->deinterlace == GRAPH_PROGRESSIVE)
        return graph_describe(&graph->format, graph->turn, &graph->look);
    return xasprintf("bwdif=mode=send_frame:parity=auto:deint=%s",
                     graph->deinterlace == GRAPH_ALL ? "all" : "interlaced");
}

static int build(struct graph *graph, const AVFrame *frame, struct err *err)
{
    avfilter_graph_free(&graph->filters);
    graph->format = graph_format_of(frame);
    graph->filters = avfilter_graph_alloc();
    if (!graph->filters)
        return source_libav_error(err, AVERROR(ENOMEM), "no_memory", "make a filter graph");
    cleanup(free_ptr) char *words = words_of(graph);
    int r = add_ends(graph, frame);
    if (r >= 0)
        r = link_between(graph, words);
    if (r >= 0)
        r = avfilter_graph_config(graph->filters, NULL);
    if (r >= 0)
        return 0;
    avfilter_graph_free(&graph->filters);
    const char *name = av_get_pix_fmt_name(graph->format.pixels);
    return source_libav_error(err, r, "picture_format", "conform pictures of %dx%d in %s",
                              frame->width, frame->height, name ? name : "an unknown format");
}

static bool same_format(const struct graph_format *a, const struct graph_format *b)
{
    return a->width == b->width && a->height == b->height && a->pixels == b->pixels &&
           !av_cmp_q(a->aspect, b->aspect) && a->matrix == b->matrix && a->range == b->range &&
           a->transfer == b->transfer && a->primaries == b->primaries;
}

int graph_send(struct graph *graph, const AVFrame *frame, struct err *err)
{
    if (!frame) {
        if (!graph->filters || graph->ended)
            return 0;
        graph->ended = true;
        int r = av_buffersrc_add_frame_flags(graph->in, NULL, 0);
        return r < 0 ? source_libav_error(err, r, "picture_format", "end a filter graph") : 0;
    }
    struct graph_format format = graph_format_of(frame);
    if (!graph->filters || graph->ended || !same_format(&format, &graph->format)) {
        int r = build(graph, frame, err);
        if (r < 0)
            return r;
        graph->ended = false;
    }
    AVFrame *copy = av_frame_clone(frame);
    if (!copy)
        return source_libav_error(err, AVERROR(ENOMEM), "no_memory", "filter a picture");
    // What the graph was told; a picture that says otherwise would be converted behind our back.
    copy->format = format.pixels;
    copy->sample_aspect_ratio = format.aspect;
    copy->color_range = format.range;
    if (graph->deinterlace == GRAPH_PROGRESSIVE)
        copy->interlaced_frame = 0;
    int r = av_buffersrc_add_frame_flags(graph->in, copy, 0);
    av_frame_free(&copy);
    return r < 0 ? source_libav_error(err, r, "picture_format", "filter a picture") : 0;
}

int graph_receive(struct graph *graph, AVFrame *frame, struct err *err)
{
    if (!graph->filters)
        return 0;
    int r = av_buffersink_get_frame(graph->out, frame);
    if (r == AVERROR(EAGAIN) || r == AVERROR_EOF)
        return 0;
    if (r < 0)
        return source_libav_error(err, r, "picture_format", "filter a picture");
    frame->time_base = av_buffersink_get_time_base(graph->out);
    if (graph->deinterlace == GRAPH_PROGRESSIVE) {
        frame->colorspace = graph->look.matrix;
        frame->color_range = AVCOL_RANGE_MPEG;
        bool hd = graph->look.matrix == AVCOL_SPC_BT709;
        frame->color_primaries = hd ? AVCOL_PRI_BT709 : AVCOL_PRI_SMPTE170M;
        frame->color_trc = hd ? AVCOL_TRC_BT709 : AVCOL_TRC_SMPTE170M;
    }
    return 1;
}
