// Pictures in the memory of a graphics device; see surface.h.
#include "media/surface.h"

#include <libavutil/hwcontext.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

// What the encoder refers to and what waits for it; drivers do not grow this later.
enum { HELD_PICTURES = 32 };

struct surface {
    AVBufferRef *device, *frames;
    struct SwsContext *interleave; // devices want the two colours of a sample side by side
    AVFrame *staged;
};

static int failed(int number, enum err_class class, const char *id, const char *doing,
                  struct err *err)
{
    char why[AV_ERROR_MAX_STRING_SIZE] = "";
    (void)av_strerror(number, why, sizeof why);
    return err_set(err, class, id, "%s: %s", doing, why);
}

bool surface_is_wanted(const char *encoder)
{
    size_t length = strlen(encoder);
    return length > 6 && strcmp(encoder + length - 6, "_vaapi") == 0;
}

static enum AVPixelFormat device_format(enum AVPixelFormat pixels)
{
    const AVPixFmtDescriptor *about = av_pix_fmt_desc_get(pixels);
    return about && about->comp[0].depth > 8 ? AV_PIX_FMT_P010 : AV_PIX_FMT_NV12;
}

// The pictures on the device, and the one on the way to it.
static int make_room(struct surface *surface, const AVCodecContext *encoder)
{
    surface->frames = av_hwframe_ctx_alloc(surface->device);
    surface->staged = av_frame_alloc();
    if (!surface->frames || !surface->staged)
        return AVERROR(ENOMEM);
    AVHWFramesContext *room = (AVHWFramesContext *)(void *)surface->frames->data;
    room->format = AV_PIX_FMT_VAAPI;
    room->sw_format = device_format(encoder->pix_fmt);
    room->width = encoder->width;
    room->height = encoder->height;
    room->initial_pool_size = HELD_PICTURES;
    surface->staged->format = room->sw_format;
    surface->staged->width = encoder->width;
    surface->staged->height = encoder->height;
    surface->interleave =
        sws_getContext(encoder->width, encoder->height, encoder->pix_fmt, encoder->width,
                       encoder->height, room->sw_format, SWS_POINT, NULL, NULL, NULL);
    int r = surface->interleave ? av_frame_get_buffer(surface->staged, 0) : AVERROR(ENOSYS);
    return r < 0 ? r : av_hwframe_ctx_init(surface->frames);
}

int surface_open(AVCodecContext *encoder, struct surface **ret_surface, struct err *err)
{
    struct surface *surface = xcalloc(1, sizeof *surface);
    int r = av_hwdevice_ctx_create(&surface->device, AV_HWDEVICE_TYPE_VAAPI, NULL, NULL, 0);
    if (r >= 0)
        r = make_room(surface, encoder);
    if (r >= 0) {
        encoder->hw_frames_ctx = av_buffer_ref(surface->frames);
        encoder->pix_fmt = AV_PIX_FMT_VAAPI;
        r = encoder->hw_frames_ctx ? 0 : AVERROR(ENOMEM);
    }
    if (r < 0) {
        surface_free(&surface);
        return failed(r, ERR_CONFIG, "no_encoder", "the graphics device cannot encode", err);
    }
    *ret_surface = surface;
    return 0;
}

int surface_put(struct surface *surface, const AVFrame *picture, AVFrame *there, struct err *err)
{
    AVFrame *staged = surface->staged;
    int r = av_frame_make_writable(staged);
    if (r >= 0)
        r = sws_scale(surface->interleave, (const uint8_t *const *)picture->data, picture->linesize,
                      0, picture->height, staged->data, staged->linesize);
    if (r >= 0)
        r = av_hwframe_get_buffer(surface->frames, there, 0);
    if (r >= 0)
        r = av_hwframe_transfer_data(there, staged, 0);
    if (r >= 0)
        r = av_frame_copy_props(there, picture);
    return r < 0 ? failed(r, ERR_BUG, "encode_failed", "hand a picture to the device", err) : 0;
}

void surface_free(struct surface **surface)
{
    struct surface *s = *surface;
    if (!s)
        return;
    av_frame_free(&s->staged);
    sws_freeContext(s->interleave);
    av_buffer_unref(&s->frames);
    av_buffer_unref(&s->device);
    free(base_take(surface));
}
