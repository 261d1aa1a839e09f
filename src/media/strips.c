// Encoding one stretch of the reel; see strips.h.
#include "media/strips.h"

// A source that ends this much before its segment ends the segment; less is bridged by its last
// picture.
static const double bridged_seconds = 0.5;

// Stretches beside copies are short and there are several at a time: there time and memory count
// more than size.  At the same CRF x264's superfast was seen to be better than veryfast (SSIM, on
// every material tried) in two thirds of the time, looking at no picture ahead, for half as much
// again in size.  x265 without B pictures, one picture ahead, gives the same SSIM for a fifth more
// in size and holds half the memory.
static const char quick_x264[] = "superfast";
enum { SHORT_LOOKAHEAD = 1 };

// What coders were seen to hold at 1080p, in pictures of the reel; what decoders were, with
// filters, from 1080p to 2160p, of 8 and 10 bits, in pictures of their source.
struct held {
    double pictures, more; // with one thread, with each thread more
};
static const struct held held_x264 = { 54, 9 }, held_x264_beside = { 28, 9 }, held_x265 = { 70, 1 },
                         held_x265_beside = { 28, 1 }, held_decoding = { 12, 3 };

struct coder_wish strips_coder(const struct cuts *cuts, const struct strips_wish *wish)
{
    bool hd = cuts->look.picture.matrix == AVCOL_SPC_BT709;
    const char *encoder = wish->encoder ? wish->encoder : STRIPS_USUAL_ENCODER;
    struct coder_wish coder = {
        .encoder = encoder,
        .width = cuts->look.picture.width,
        .height = cuts->look.picture.height,
        .pixels = AV_PIX_FMT_YUV420P,
        .aspect = { 1, 1 },
        .matrix = cuts->look.picture.matrix,
        .range = AVCOL_RANGE_MPEG,
        .primaries = hd ? AVCOL_PRI_BT709 : AVCOL_PRI_SMPTE170M,
        .transfer = hd ? AVCOL_TRC_BT709 : AVCOL_TRC_SMPTE170M,
        .chroma = AVCHROMA_LOC_LEFT,
        .fps_num = cuts->look.fps_num,
        .fps_den = cuts->look.fps_den,
        .profile = strstr(encoder, "264") ? "high" : "main",
        .reorder = -1,
    };
    if (cuts->copies)
        coder = format_coder(&cuts->format);
    coder.preset = wish->quality.preset;
    if (cuts->copies && cuts->format.codec == NAL_HEVC) {
        coder.lookahead = SHORT_LOOKAHEAD;
        coder.reorder = 0;
    } else if (cuts->copies) {
        coder.preset = quick_x264;
    }
    coder.crf = wish->quality.crf;
    coder.bitrate = wish->quality.bitrate;
    coder.threads = wish->threads;
    return coder;
}

struct lanes_load strips_load(const struct cuts *cuts, const struct strips_wish *wish)
{
    const struct coder_wish coder = strips_coder(cuts, wish);
    bool is_x265 = strstr(coder.encoder, "265");
    const struct held *coding = is_x265 ? &held_x265 : &held_x264;
    if (cuts->copies)
        coding = is_x265 ? &held_x265_beside : &held_x264_beside;
    const double more_decoded = is_x265 ? 0 : held_decoding.more; // decoder_threads
    double coded = cuts_picture_bytes(cuts), decoded = footage_picture_bytes(cuts->footage);
    return (struct lanes_load){
        .bytes = coding->pictures * coded + held_decoding.pictures * decoded,
        .more = coding->more * coded + more_decoded * decoded,
    };
}

// A picture takes x265 as long as ten take its decoder: several threads of that would hold pictures
// and wait.
static int decoder_threads(const struct coder_wish *coding, const struct strips_wish *wish)
{
    return strstr(coding->encoder, "265") ? 1 : wish->threads;
}

static int put(void *context, AVPacket *packet, struct err *err)
{
    struct strip *strip = context;
    return parcel_add(&strip->parcel, packet, err);
}

static int open_picture(const struct cuts *cuts, const struct strip *strip, int threads,
                        struct footage_picture *ret_picture, struct err *err)
{
    const struct cut *cut = &cuts->cuts[strip->cut];
    const struct picture_wish picture = {
        .look = cuts->look.picture,
        .as_coded = cuts_keep_format(cuts, cut->segment->video_index),
        .reel_fps = (double)cuts->look.fps_num / cuts->look.fps_den,
        .threads = threads,
    };
    int r = footage_picture(cuts->footage, cut->segment->video_index, &picture, ret_picture, err);
    if (r < 0)
        return r;
    r = picture_start(ret_picture->picture, cuts_begin(cuts, cut, strip->run.first),
                      cut->segment->end, err);
    if (r < 0)
        footage_close_picture(ret_picture);
    return r;
}

// Shows the frames of the strip to the coder.  Returns 0, 1 where the source ended before them, or
// a negative.
static int show(const struct cuts *cuts, const struct strip *strip, struct picture *picture,
                struct coder *coder, const struct strips_wish *wish, struct err *err)
{
    const struct cut *cut = &cuts->cuts[strip->cut];
    for (int64_t n = strip->run.first; n < strip->run.first + strip->run.count; n++) {
        double instant = cuts_instant(cuts, cut, n);
        AVFrame *frame = NULL;
        int r = picture_at(picture, instant, &frame, err);
        if (r == 0 || (r > 0 && picture_missing(picture, instant) > bridged_seconds))
            return 1;
        if (r >= 0)
            r = coder_picture(coder, frame, n, n == strip->run.first, err);
        if (r < 0)
            return r;
        atomic_fetch_add(wish->frames_done, 1);
    }
    return 0;
}

// What is missing is left out where everything is encoded; copied pictures behind it could not be.
static int judge(const struct cuts *cuts, const struct strip *strip, int r, struct err *problem,
                 struct err *err)
{
    const struct cut *cut = &cuts->cuts[strip->cut];
    if (r < 0 && !footage_is_to_blame(problem)) {
        *err = *problem;
        return r;
    }
    if (r == 0)
        return 0;
    if (cuts->copies)
        return err_set(err, ERR_INPUT, "short_strip", "a picture beside a cut cannot be decoded");
    const char *name = cuts->footage->order->sources[cut->segment->video_index].name;
    double shown = (double)(strip->run.first + (int64_t)strip->parcel.count) * cuts->look.fps_den /
                   cuts->look.fps_num;
    footage_warn(cuts->footage, "%s: of %.1f to %.1f s only %.1f s can be decoded%s", name,
                 cut->segment->start, cut->segment->end, shown,
                 shown > 0 ? "" : "; the segment is left out");
    return 0;
}

int strips_make(const struct cuts *cuts, struct strip *strip, const struct strips_wish *wish,
                AVCodecParameters *ret_parameters, struct err *err)
{
    struct err problem = ERR_INIT;
    struct footage_picture picture = { .source = NULL };
    struct coder *coder = NULL;
    const struct coder_wish coding = strips_coder(cuts, wish);
    parcel_init(&strip->parcel, wish->shelf);
    int r = coder_open(&coding, put, strip, &coder, &problem);
    if (r >= 0 && avcodec_parameters_from_context(ret_parameters, coder_context(coder)) < 0)
        r = source_libav_error(&problem, AVERROR(ENOMEM), "no_memory", "encode a picture");
    if (r >= 0)
        r = open_picture(cuts, strip, decoder_threads(&coding, wish), &picture, &problem);
    if (r >= 0)
        r = show(cuts, strip, picture.picture, coder, wish, &problem);
    if (coder && (r >= 0 || footage_is_to_blame(&problem))) {
        int finished = coder_finish(coder, r >= 0 ? &problem : NULL);
        r = r >= 0 && finished < 0 ? finished : r;
    }
    footage_close_picture(&picture);
    coder_free(&coder);
    return judge(cuts, strip, r, &problem, err);
}
