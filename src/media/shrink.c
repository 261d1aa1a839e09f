#include "media/shrink.h"
#include "media/source.h"
#include <errno.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

enum { TILE = 16 }; // samples a side; turned piecewise to stay in the cache

struct shrink {
    struct shrink_wish wish;
    struct SwsContext *scaler;
    int width, height, format; // that the scaler was made for
    bool full_range;
    AVFrame *scaled, *turned; // turned is used only if there is a rotation
    AVFrame *field;           // a view of the input
};

struct shrink *shrink_new(const struct shrink_wish *wish)
{
    struct shrink *shrink = xcalloc(1, sizeof *shrink);
    shrink->wish = *wish;
    return shrink;
}

void shrink_free(struct shrink **shrink)
{
    if (*shrink == NULL)
        return;
    sws_freeContext((*shrink)->scaler);
    av_frame_free(&(*shrink)->scaled);
    av_frame_free(&(*shrink)->turned);
    av_frame_free(&(*shrink)->field);
    free(base_take(shrink));
}

static AVFrame *new_picture(int width, int height)
{
    AVFrame *frame = av_frame_alloc();
    if (frame == NULL)
        return NULL;
    frame->format = AV_PIX_FMT_YUV420P;
    frame->width = width;
    frame->height = height;
    if (av_frame_get_buffer(frame, 0) < 0)
        av_frame_free(&frame);
    return frame;
}

static int make_pictures(struct shrink *shrink, struct err *err)
{
    bool lying = shrink->wish.rotation % 180 != 0;
    if (shrink->scaled == NULL)
        shrink->scaled = new_picture(lying ? shrink->wish.height : shrink->wish.width,
                                     lying ? shrink->wish.width : shrink->wish.height);
    if (shrink->turned == NULL && shrink->wish.rotation != 0)
        shrink->turned = new_picture(shrink->wish.width, shrink->wish.height);
    if (shrink->field == NULL)
        shrink->field = av_frame_alloc();
    if (shrink->scaled == NULL || shrink->field == NULL ||
        (shrink->wish.rotation != 0 && shrink->turned == NULL))
        return source_libav_error(err, AVERROR(ENOMEM), "memory", "scale a picture");
    return 0;
}

// ---- scaling

static bool is_full_range(const AVFrame *frame)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    return frame->color_range == AVCOL_RANGE_JPEG ||
           (desc != NULL && strncmp(desc->name, "yuvj", 4) == 0);
}

static int make_scaler(struct shrink *shrink, const AVFrame *in, struct err *err)
{
    bool full = is_full_range(in);
    if (shrink->scaler != NULL && shrink->width == in->width && shrink->height == in->height &&
        shrink->format == in->format && shrink->full_range == full)
        return 0;
    sws_freeContext(shrink->scaler);
    // Bilinear in swscale widens with the factor, so it averages when it shrinks.
    shrink->scaler =
        sws_getContext(in->width, in->height, in->format, shrink->scaled->width,
                       shrink->scaled->height, AV_PIX_FMT_YUV420P, SWS_BILINEAR, NULL, NULL, NULL);
    if (shrink->scaler == NULL) {
        const char *name = av_get_pix_fmt_name(in->format);
        return err_set(err, ERR_INPUT, "picture_format", "pictures in the format %s cannot be used",
                       name != NULL ? name : "that nobody knows");
    }
    int matrix = shrink->wish.matrix == AVCOL_SPC_BT709 ? SWS_CS_ITU709 : SWS_CS_ITU601;
    const int *table = sws_getCoefficients(matrix);
    (void)sws_setColorspaceDetails(shrink->scaler, table, full, table, 0, 0, 1 << 16, 1 << 16);
    shrink->width = in->width;
    shrink->height = in->height;
    shrink->format = in->format;
    shrink->full_range = full;
    return 0;
}

// Every second row from the first on: a field, as a picture of half the height.
static int take_field(struct shrink *shrink, const AVFrame *frame)
{
    av_frame_unref(shrink->field);
    int r = av_frame_ref(shrink->field, frame);
    if (r < 0)
        return r;
    shrink->field->height /= 2;
    for (int i = 0; i < AV_NUM_DATA_POINTERS; i++)
        shrink->field->linesize[i] *= 2;
    return 0;
}

// ---- turning

static void turn_tile(const uint8_t *in, ptrdiff_t in_stride, uint8_t *out, ptrdiff_t x_step,
                      ptrdiff_t y_step, int width, int height)
{
    for (int y = 0; y < height; y++, in += in_stride, out += y_step)
        for (int x = 0; x < width; x++)
            out[x * x_step] = in[x];
}

// A step right or down in the input is a step of x_step or y_step bytes in the output.
static void turn_plane(const AVFrame *in, AVFrame *out, int plane, int rotation)
{
    int width = plane ? in->width / 2 : in->width, height = plane ? in->height / 2 : in->height;
    ptrdiff_t stride = out->linesize[plane], x_step, y_step;
    uint8_t *first = out->data[plane]; // where the input's first sample goes
    if (rotation == 90) {
        x_step = stride;
        y_step = -1;
        first += height - 1;
    } else if (rotation == 180) {
        x_step = -1;
        y_step = -stride;
        first += (height - 1) * stride + width - 1;
    } else {
        x_step = -stride;
        y_step = 1;
        first += (width - 1) * stride;
    }
    for (int y = 0; y < height; y += TILE)
        for (int x = 0; x < width; x += TILE)
            turn_tile(in->data[plane] + y * in->linesize[plane] + x, in->linesize[plane],
                      first + x * x_step + y * y_step, x_step, y_step,
                      width - x < TILE ? width - x : TILE, height - y < TILE ? height - y : TILE);
}

int shrink_make(struct shrink *shrink, const AVFrame *frame, AVFrame **ret_frame, struct err *err)
{
    const AVFrame *in = frame;
    int r = make_pictures(shrink, err);
    if (r < 0)
        return r;
    if (shrink->wish.interlaced && frame->height >= 4 && take_field(shrink, frame) >= 0)
        in = shrink->field;
    r = make_scaler(shrink, in, err);
    if (r < 0)
        return r;
    r = sws_scale(shrink->scaler, (const uint8_t *const *)in->data, in->linesize, 0, in->height,
                  shrink->scaled->data, shrink->scaled->linesize);
    av_frame_unref(shrink->field);
    if (r < 0)
        return source_libav_error(err, r, "picture_format", "scale a picture");
    *ret_frame = shrink->scaled;
    if (shrink->wish.rotation == 0)
        return 0;
    for (int plane = 0; plane < 3; plane++)
        turn_plane(shrink->scaled, shrink->turned, plane, shrink->wish.rotation);
    *ret_frame = shrink->turned;
    return 0;
}
