// The pictures of one source as the reel shows them; see picture.h.
#include "media/picture.h"

#include "media/timeline.h"
#include <libavutil/pixdesc.h>
#include <math.h>

// Before a segment pictures are decoded only because others refer to them.  What nobody refers to
// is left out until this many pictures before the start: decoders hold back up to 16 to put them in
// order, and one a thread.
enum { LEAD_PICTURES = 32 };
// Pictures of more lines are high definition.
enum { SD_LINES = 576 };
// bwdif looks at the pictures around; half a second has some at any rate in use.
static const double deinterlace_lead = 0.5;

struct picture {
    struct source *source;
    const struct probe *probe;
    struct picture_wish wish;
    double source_fps;
    struct cadence cadence;
    struct graph *deinterlace; // NULL for progressive material
    struct graph *conform;
    AVFrame *decoded, *current, *next, *conformed;
    bool has_current, has_next, is_conformed, ended;
    double last_end; // of the last picture of the source, once it ended
};

// ---- opening

static struct graph_turn turn_of(struct source *source, const struct probe *probe)
{
    size_t size = 0;
    const uint8_t *matrix =
        av_stream_get_side_data(source_video(source), AV_PKT_DATA_DISPLAYMATRIX, &size);
    int32_t numbers[9];
    if (!matrix || size < sizeof numbers)
        return graph_turn_from_degrees(probe->rotation);
    memcpy(numbers, matrix, sizeof numbers);
    return graph_turn_from_matrix(numbers);
}

double picture_rate(struct source *source, const struct probe *probe, int *ret_num, int *ret_den)
{
    double average = probe->fps_den > 0 ? (double)probe->fps_num / probe->fps_den : 0;
    AVRational declared = source_video(source)->r_frame_rate;
    // Interlaced streams declare fields.
    double declared_fps =
        declared.den > 0 && !probe->interlaced ? (double)declared.num / declared.den : 0;
    timeline_rate(average, declared_fps, probe->variable_rate, ret_num, ret_den);
    return (double)*ret_num / *ret_den;
}

double picture_bytes(enum AVPixelFormat pixels, int width, int height)
{
    const AVPixFmtDescriptor *described = av_pix_fmt_desc_get(pixels);
    double bits = described ? av_get_padded_bits_per_pixel(described) : 3 * 16;
    return bits / 8 * width * height;
}

int picture_open(struct source *source, const struct probe *probe, const struct picture_wish *wish,
                 struct picture **ret_picture, struct err *err)
{
    struct picture *picture = xcalloc(1, sizeof *picture);
    picture->source = source;
    picture->probe = probe;
    picture->wish = *wish;
    int num, den;
    picture->source_fps = picture_rate(source, probe, &num, &den);
    source_set_start(source, probe->start_time);
    int r = source_decode(source, SOURCE_PICTURE, wish->threads, AVDISCARD_DEFAULT, err);
    picture->decoded = av_frame_alloc();
    picture->current = av_frame_alloc();
    picture->next = av_frame_alloc();
    picture->conformed = av_frame_alloc();
    if (r >= 0 && !(picture->decoded && picture->current && picture->next && picture->conformed))
        r = source_libav_error(err, AVERROR(ENOMEM), "no_memory", "decode pictures");
    if (r < 0) {
        picture_free(&picture);
        return r;
    }
    if (!wish->as_coded)
        picture->conform = graph_new_conform(&wish->look, turn_of(source, probe));
    *ret_picture = picture;
    return 0;
}

void picture_free(struct picture **picture)
{
    struct picture *p = *picture;
    if (!p)
        return;
    graph_free(&p->deinterlace);
    graph_free(&p->conform);
    av_frame_free(&p->decoded);
    av_frame_free(&p->current);
    av_frame_free(&p->next);
    av_frame_free(&p->conformed);
    free(base_take(picture));
}

const struct probe *picture_probe(const struct picture *picture)
{
    return picture->probe;
}

// ---- decoding

static double lead_seconds(const struct picture *picture)
{
    return fmax(1, LEAD_PICTURES / picture->source_fps);
}

// The last key frame that is known at or before `start`, where decoding will begin.
static double key_before(const struct probe *probe, double start)
{
    double key = probe->all_key_frames ? start : 0;
    for (size_t i = 0; i < probe->key_frame_count && probe->key_frames[i] <= start; i++)
        key = probe->key_frames[i];
    return key;
}

int picture_start(struct picture *picture, double start, double end, struct err *err)
{
    av_frame_unref(picture->current);
    av_frame_unref(picture->next);
    av_frame_unref(picture->conformed);
    graph_free(&picture->deinterlace);
    picture->has_current = picture->has_next = picture->is_conformed = picture->ended = false;
    picture->last_end = 0;
    cadence_init(&picture->cadence, start, end, picture->source_fps, picture->wish.reel_fps);
    AVCodecContext *decoder = source_decoder(picture->source, SOURCE_PICTURE);
    bool far = start - key_before(picture->probe, start) > 2 * lead_seconds(picture);
    decoder->skip_frame = far && !picture->probe->interlaced ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
    double lead = picture->probe->interlaced ? deinterlace_lead : 0;
    return source_seek(picture->source, fmax(start - lead, 0), err);
}

static double duration_of(const struct picture *picture, const AVFrame *frame)
{
    double told = (double)frame->pkt_duration * av_q2d(frame->time_base);
    return told > 0 ? told : 1 / picture->source_fps;
}

// What codecs from before high definition hold is BT.601 where they do not say otherwise.
static enum AVColorSpace matrix_of_codec(enum AVCodecID codec, int lines)
{
    switch (codec) {
    case AV_CODEC_ID_MPEG1VIDEO:
    case AV_CODEC_ID_MPEG2VIDEO:
    case AV_CODEC_ID_DVVIDEO:
    case AV_CODEC_ID_MJPEG:
    case AV_CODEC_ID_H263:
    case AV_CODEC_ID_FLV1:
        return lines <= SD_LINES ? AVCOL_SPC_SMPTE170M : AVCOL_SPC_UNSPECIFIED;
    default:
        return AVCOL_SPC_UNSPECIFIED;
    }
}

// The next picture as coded.  Returns 1, 0 at the end, or a negative.
static int decode(struct picture *picture, struct err *err)
{
    av_frame_unref(picture->decoded);
    int kind = source_frame(picture->source, picture->decoded, err);
    if (kind <= 0)
        return kind;
    double time = source_frame_time(picture->decoded);
    if (time >= picture->cadence.start - lead_seconds(picture))
        source_decoder(picture->source, SOURCE_PICTURE)->skip_frame = AVDISCARD_DEFAULT;
    picture->last_end = time + duration_of(picture, picture->decoded);
    if (picture->decoded->colorspace == AVCOL_SPC_UNSPECIFIED)
        picture->decoded->colorspace =
            matrix_of_codec(source_video(picture->source)->codecpar->codec_id,
                            picture->decoded->height);
    return 1;
}

static bool wants_deinterlacing(struct picture *picture)
{
    if (picture->deinterlace)
        return true;
    bool marked = picture->decoded->interlaced_frame;
    if (!picture->probe->interlaced && !marked)
        return false;
    picture->deinterlace =
        graph_new_deinterlace(picture->probe->interlaced ? GRAPH_ALL : GRAPH_MARKED_ONLY);
    return true;
}

// The next picture in *picture->next, whole.  Returns 1, 0 at the end, or a negative.
static int fetch(struct picture *picture, struct err *err)
{
    for (;;) {
        if (picture->deinterlace) {
            int r = graph_receive(picture->deinterlace, picture->next, err);
            if (r != 0 || picture->ended)
                return r;
        }
        int r = picture->ended ? 0 : decode(picture, err);
        if (r < 0)
            return r;
        picture->ended = r == 0;
        if (r == 0 && !picture->deinterlace)
            return 0;
        if (r > 0 && !wants_deinterlacing(picture)) {
            av_frame_move_ref(picture->next, picture->decoded);
            return 1;
        }
        bool early = r > 0 && source_frame_time(picture->decoded) <
                                  picture->cadence.start - deinterlace_lead;
        if (!early)
            r = graph_send(picture->deinterlace, r ? picture->decoded : NULL, err);
        if (r < 0)
            return r;
    }
}

// ---- choosing

// Is the picture at hand the one, whatever comes next?  At a constant rate that lies at least half
// a frame behind it, and need not be decoded to be known.
static bool is_settled(const struct picture *picture, double instant)
{
    return picture->has_current && !picture->probe->variable_rate &&
           !cadence_is_due(&picture->cadence, instant,
                           source_frame_time(picture->current) + 0.5 / picture->source_fps);
}

static int advance(struct picture *picture, double instant, struct err *err)
{
    for (;;) {
        if (!picture->has_next && is_settled(picture, instant))
            return 0;
        if (!picture->has_next) {
            int r = fetch(picture, err);
            if (r <= 0)
                return r;
            picture->has_next = true;
        }
        double begin = source_frame_time(picture->next);
        bool first = !picture->has_current && begin <= picture->cadence.end;
        if (!first && !cadence_is_due(&picture->cadence, instant, begin))
            return 0;
        av_frame_unref(picture->current);
        av_frame_move_ref(picture->current, picture->next);
        picture->has_current = true;
        picture->has_next = picture->is_conformed = false;
    }
}

static int conform(struct picture *picture, struct err *err)
{
    av_frame_unref(picture->conformed);
    if (picture->wish.as_coded) {
        if (av_frame_ref(picture->conformed, picture->current) < 0)
            return source_libav_error(err, AVERROR(ENOMEM), "no_memory", "decode pictures");
        picture->is_conformed = true;
        return 1;
    }
    int r = graph_send(picture->conform, picture->current, err);
    if (r >= 0)
        r = graph_receive(picture->conform, picture->conformed, err);
    if (r == 0)
        return err_set(err, ERR_BUG, "picture_lost", "a filter graph kept a picture to itself");
    picture->is_conformed = r > 0;
    return r;
}

int picture_at(struct picture *picture, double instant, AVFrame **ret_frame, struct err *err)
{
    int r = advance(picture, instant, err);
    if (r < 0 || !picture->has_current)
        return r;
    if (!picture->cadence.anchored_once)
        cadence_anchor(&picture->cadence, instant, source_frame_time(picture->current));
    if (!picture->is_conformed) {
        r = conform(picture, err);
        if (r < 0)
            return r;
    }
    *ret_frame = picture->conformed;
    return 1;
}

double picture_missing(const struct picture *picture, double instant)
{
    return picture->ended && !picture->has_next ? fmax(instant - picture->last_end, 0) : 0;
}
