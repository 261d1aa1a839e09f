// The finished file held against what went into it; see verify.h.
//
// Around a joint two groups of pictures are decoded.  Of the one that begins there the beginning,
// until no picture from before the joint can be referred to any more: what a decoder takes amiss
// shows up to there or never.  That is the first picture where it is the original's and lets
// nothing refer across.  The one that ends there whole if it was encoded, or if its slices had to
// be changed for the track; far from the joint pictures that nobody refers to are passed over: they
// cannot carry damage on.  Where its slices are the original's bit for bit, and nothing that they
// refer to can be missing, for it begins with its sync picture, that picture alone: the decoder
// comes to the joint with its parameter sets and pictures.  Nor that where those of both sides are
// the same and unchanged: there the decoder starts as after any seek in the original, and misses
// whatever is referred to across the joint.  A joint stands only once its picture has come out of a
// decoder: what could not be looked at is not taken for good.
//
//     sync          sync  joint=sync      sync
//   ---|--------------|======|=====---------|------
//                      decoded
//
// The packets are read and hashed by one worker while the others decode.
#include "media/verify.h"

#include "media/complaints.h"
#include "media/crew.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>

enum {
    CLOSE = 16, // packets from a joint within which every picture is decoded; a codec refers to as
                // many pictures at most
    SPARE = 2,  // where they are known to be fewer, decoded all the same
    WHY = 200,
};
// AAC ends on whole frames and its priming is cut by the edit list.
static const double sound_tolerance = 0.06;

struct span {
    size_t from, to; // packets in coding order; `from` is a sync picture
    size_t joint;    // the last one in it
};

// Along a span.
struct walk {
    const struct join *join;
    size_t at;      // the packet at hand
    bool has_joint; // there was one
    size_t joint;   // the last
};

struct verifier {
    const struct cuts *cuts;
    const struct join *join;
    int fd;
    bool has_sound;
    struct span *spans; // owned
    size_t span_count;
    bool *is_awaited; // by frame: the first of a strip, not decoded yet; a frame is of one span;
                      // owned
    _Atomic size_t next_span;
    _Atomic bool failed;
    pthread_mutex_t lock;
    char why[WHY];       // of what lies in the file
    char why_joint[WHY]; // guarded by lock: of a joint, the first reason
};

static int refuse(struct verifier *verifier, const char *format, ...) PRINTF_LIKE(2, 3);
static int refuse_joint(struct verifier *verifier, const char *format, ...) PRINTF_LIKE(2, 3);

static int refuse(struct verifier *verifier, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(verifier->why, WHY, format, arguments);
    va_end(arguments);
    atomic_store(&verifier->failed, true);
    return 0;
}

static int refuse_joint(struct verifier *verifier, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&verifier->lock);
    if (!verifier->why_joint[0])
        (void)vsnprintf(verifier->why_joint, WHY, format, arguments);
    pthread_mutex_unlock(&verifier->lock);
    va_end(arguments);
    atomic_store(&verifier->failed, true);
    return 0;
}

static double seconds_of(const struct verifier *verifier, int64_t frame)
{
    const struct look *look = &verifier->cuts->look;
    return (double)frame * look->fps_den / look->fps_num;
}

static int open_reel(const struct verifier *verifier, bool trusts_headers,
                     struct source **ret_source, struct err *err)
{
    const struct reel_order *order = verifier->cuts->footage->order;
    const struct source_limits limits = { .max_pixels = order->max_pixels,
                                          .max_streams = 8,
                                          .trusts_headers = trusts_headers };
    int r = source_open(verifier->fd, &limits, ret_source, err);
    if (r < 0)
        return r;
    source_set_start(*ret_source, 0);
    return source_decode(*ret_source, SOURCE_PICTURE, 1, AVDISCARD_DEFAULT, err);
}

// ---- what is there

// What was put in must itself be the whole reel, each frame once.
static int check_frames(struct verifier *verifier)
{
    const struct join *join = verifier->join;
    size_t frames = (size_t)cuts_frames(verifier->cuts);
    cleanup(free_ptr) bool *is_there = xcalloc(frames + 1, sizeof *is_there);
    for (size_t i = 0; i < join->count; i++) {
        int64_t frame = join->packets[i].frame;
        if (frame < 0 || (size_t)frame >= frames || is_there[frame])
            return refuse(verifier, "frame %lld is there twice or no part of it", (long long)frame);
        is_there[frame] = true;
    }
    for (size_t i = 0; i < frames; i++)
        if (!is_there[i])
            return refuse(verifier, "frame %zu is missing", i);
    return 1;
}

static int check_packet(struct verifier *verifier, struct source *source, const AVPacket *packet,
                        size_t i)
{
    const struct join *join = verifier->join;
    double base = av_q2d(source_video(source)->time_base);
    if (i >= join->count)
        return refuse(verifier, "it holds more pictures than were put in");
    const struct join_packet *listed = &join->packets[i];
    double time = (double)packet->pts * base, wanted = seconds_of(verifier, listed->frame);
    if (packet->pts == AV_NOPTS_VALUE || fabs(time - wanted) > seconds_of(verifier, 1) / 100)
        return refuse(verifier, "picture %lld is shown at %.3f s, not at %.3f s",
                      (long long)listed->frame, time, wanted);
    uint8_t hash[16];
    join_hash(packet->data, (size_t)packet->size, hash);
    if (memcmp(hash, listed->hash, sizeof hash) != 0)
        return refuse(verifier, "picture %lld is not %s", (long long)listed->frame,
                      listed->is_copied ? "the original's" : "what was encoded");
    return 1;
}

static int check_packets(struct verifier *verifier, struct source *source, struct err *err)
{
    AVPacket *packet = av_packet_alloc();
    int r =
        packet ? 0 : source_libav_error(err, AVERROR(ENOMEM), "no_memory", "read the reel back");
    size_t count = 0;
    int ok = 1;
    while (r >= 0 && ok > 0 && (r = source_packet(source, packet, err)) > 0) {
        assert(packet != NULL); // the analyser does not know that an error is negative
        ok = check_packet(verifier, source, packet, count++);
        av_packet_unref(packet);
    }
    if (r >= 0 && ok > 0 && count != verifier->join->count)
        ok = refuse(verifier, "it holds %zu pictures, not %zu", count, verifier->join->count);
    av_packet_free(&packet);
    return r < 0 ? r : ok;
}

static int check_sound(struct verifier *verifier, struct source *source)
{
    const AVStream *sound = source_audio(source);
    double end = seconds_of(verifier, cuts_frames(verifier->cuts));
    if (verifier->has_sound != (sound != NULL))
        return refuse(verifier, "its sound track is %s", sound ? "unexpected" : "missing");
    if (!sound)
        return 1;
    double base = av_q2d(sound->time_base);
    double first = sound->start_time == AV_NOPTS_VALUE ? 0 : (double)sound->start_time * base;
    double last = first + (double)sound->duration * base;
    if (fabs(first) > sound_tolerance / 2 || fabs(last - end) > sound_tolerance)
        return refuse(verifier, "its sound lies from %.3f to %.3f s, its pictures to %.3f s", first,
                      last, end);
    return 1;
}

static int check_contents(struct verifier *verifier, struct err *err)
{
    struct source *source = NULL;
    int r = open_reel(verifier, false, &source, err);
    if (r >= 0)
        r = check_packets(verifier, source, err);
    if (r > 0)
        r = check_sound(verifier, source);
    source_free(&source);
    return r < 0 ? r : 0;
}

// ---- joints

// Is the joint before packet i one between sync pictures of one stream?
static bool is_seam_of_one(const struct join *join, size_t i)
{
    const struct join_packet *before = &join->packets[i > 0 ? i - 1 : 0], *at = &join->packets[i];
    return at->is_sync && at->is_original && before->is_original && before->sets == at->sets;
}

// Two groups of pictures around each joint, or the one behind it, joined where they touch.
static void find_spans(struct verifier *verifier)
{
    const struct join *join = verifier->join;
    verifier->spans = xcalloc(join->count + 1, sizeof *verifier->spans);
    verifier->is_awaited = xcalloc(join->count + 1, sizeof *verifier->is_awaited);
    size_t last_sync = 0, open_to = 0;
    for (size_t i = 0; i < join->count; i++) {
        if (join->packets[i].is_joint) {
            verifier->is_awaited[join->packets[i].frame] = true; // below count: check_frames
            size_t from = is_seam_of_one(join, i) ? i : last_sync, to = i + 1;
            while (to < join->count && to < i + CLOSE && !join->packets[to].is_sync)
                to++;
            if (verifier->span_count > 0 && from < open_to)
                verifier->spans[verifier->span_count - 1].to = to;
            else
                verifier->spans[verifier->span_count++] = (struct span){ from, to, i };
            verifier->spans[verifier->span_count - 1].joint = i;
            open_to = to;
        }
        if (join->packets[i].is_sync)
            last_sync = i;
    }
}

// The long ones come first, so that the last to be decoded are short.
static int longer_first(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    size_t long_x = x->to - x->from, long_y = y->to - y->from;
    return (long_y > long_x) - (long_y < long_x);
}

static bool is_close(const struct join *join, size_t i)
{
    size_t from = i > CLOSE ? i - CLOSE : 0, to = i + CLOSE < join->count ? i + CLOSE : join->count;
    for (size_t j = from; j < to; j++)
        if (join->packets[j].is_joint)
            return true;
    return false;
}

static int take_pictures(struct verifier *verifier, AVCodecContext *decoder, AVFrame *frame)
{
    assert(frame != NULL); // the analyser does not know that an error is negative
    while (avcodec_receive_frame(decoder, frame) >= 0) {
        bool is_damaged = frame->decode_error_flags != 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT);
        double time =
            frame->pts == AV_NOPTS_VALUE ? -1 : (double)frame->pts * av_q2d(decoder->pkt_timebase);
        int64_t number = llround(time / seconds_of(verifier, 1));
        av_frame_unref(frame);
        if (is_damaged)
            return refuse_joint(verifier, "the picture at %.3f s does not decode", time);
        if (number >= 0 && (size_t)number < verifier->join->count)
            verifier->is_awaited[number] = false;
    }
    return 1;
}

// After the last span: every joint was looked at.
static int check_joints(struct verifier *verifier)
{
    const struct join *join = verifier->join;
    for (size_t i = 0; i < join->count; i++)
        if (verifier->is_awaited[i])
            return refuse_joint(verifier, "no picture comes of the joint at %.3f s",
                                seconds_of(verifier, (int64_t)i));
    return 1;
}

// Can packet i, behind the joint, refer to nothing from before it any more?
static bool is_past(const struct join *join, const AVCodecContext *decoder, size_t joint, size_t i)
{
    const struct join_packet *at = &join->packets[joint];
    if (i >= joint + CLOSE || (i > joint && at->is_closed && at->is_original))
        return true;
    // Only of this codec the decoder tells how many pictures may be referred to.
    if (decoder->codec_id != AV_CODEC_ID_H264 || i <= joint)
        return false;
    size_t delay = (size_t)decoder->has_b_frames;
    return i > joint + (size_t)decoder->refs * (1 + delay) + delay + SPARE;
}

// Strips begin with sync pictures: what follows one that is not decoded is not decoded either, up
// to the next.
static bool is_looked_at(const struct walk *walk, const AVCodecContext *decoder)
{
    const struct join_packet *packet = &walk->join->packets[walk->at];
    return packet->is_sync || !packet->is_original ||
           (walk->has_joint && !is_past(walk->join, decoder, walk->joint, walk->at));
}

// Hands the packet at hand to the decoder.  Returns 1, or 0 if it is refused.
static int look_at(struct verifier *verifier, AVCodecContext *decoder, const struct walk *walk,
                   const AVPacket *packet, AVFrame *frame)
{
    if (!is_looked_at(walk, decoder))
        return 1;
    decoder->skip_frame = is_close(walk->join, walk->at) ? AVDISCARD_DEFAULT : AVDISCARD_NONREF;
    if (avcodec_send_packet(decoder, packet) < 0)
        return refuse_joint(verifier, "the picture at %.3f s does not decode",
                            seconds_of(verifier, walk->join->packets[walk->at].frame));
    return take_pictures(verifier, decoder, frame);
}

static int decode_span(struct verifier *verifier, struct source *source, const struct span *span,
                       AVPacket *packet, AVFrame *frame, struct err *err)
{
    const struct join *join = verifier->join;
    AVCodecContext *decoder = source_decoder(source, SOURCE_PICTURE);
    double first = seconds_of(verifier, join->packets[span->from].frame);
    double base = av_q2d(source_video(source)->time_base);
    int r = source_seek(source, first, err), ok = 1;
    struct walk walk = { .join = join, .at = span->from };
    bool begun = false;
    // What the decoder has to say comes from parsing and from what refers to what, not from
    // samples.
    decoder->skip_loop_filter = AVDISCARD_ALL;
    while (r >= 0 && ok > 0 && walk.at < span->to &&
           !is_past(join, decoder, span->joint, walk.at) &&
           (r = source_packet(source, packet, err)) > 0) {
        assert(packet != NULL &&
               frame != NULL); // the analyser does not know that an error is negative
        // The container may land earlier.
        begun = begun || fabs((double)packet->pts * base - first) < seconds_of(verifier, 1) / 2;
        if (begun) {
            if (join->packets[walk.at].is_joint) {
                walk.has_joint = true;
                walk.joint = walk.at;
            }
            ok = look_at(verifier, decoder, &walk, packet, frame);
            walk.at++;
        }
        av_packet_unref(packet);
    }
    if (r == 0 && ok > 0)
        ok = refuse_joint(verifier, "the joint at %.3f s cannot be reached",
                          seconds_of(verifier, join->packets[span->joint].frame));
    if (r >= 0 && ok > 0) {
        (void)avcodec_send_packet(decoder, NULL);
        ok = take_pictures(verifier, decoder, frame);
    }
    return r < 0 ? r : ok;
}

// Decodes span after span, as long as there are any.
static int check_spans(struct verifier *verifier, struct err *err)
{
    struct source *source = NULL;
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    int r = packet && frame
                ? open_reel(verifier, true, &source, err)
                : source_libav_error(err, AVERROR(ENOMEM), "no_memory", "read the reel back");
    size_t next;
    while (r >= 0 && !atomic_load(&verifier->failed) &&
           (next = atomic_fetch_add(&verifier->next_span, 1)) < verifier->span_count)
        r = decode_span(verifier, source, &verifier->spans[next], packet, frame, err);
    av_packet_free(&packet);
    av_frame_free(&frame);
    source_free(&source);
    return r < 0 ? r : 0;
}

// One piece looks at the packets; the others share the joints.
static int check_piece(void *context, size_t number, struct err *err)
{
    struct verifier *verifier = context;
    int r = number == 0 ? check_contents(verifier, err) : check_spans(verifier, err);
    if (r < 0)
        atomic_store(&verifier->failed, true);
    return r;
}

// Runs all checks.  Returns 1 if nothing is wrong, 0, or a negative.
static int check_all(struct verifier *verifier, unsigned workers, struct err *err)
{
    const struct crew_job job = { .work = check_piece, .context = verifier };
    struct err problem = ERR_INIT;
    find_spans(verifier);
    qsort(verifier->spans, verifier->span_count, sizeof *verifier->spans, longer_first);
    complaints_listen(); // nothing else of libav is at work then
    int r = crew_run(&job, 1 + workers, workers, &problem);
    char said[WHY];
    complaints_first(said, sizeof said);
    if (verifier->why[0])
        return 0;
    if (r < 0 && problem.class == ERR_INPUT) // it cannot even be opened
        return refuse(verifier, "it cannot be read back: %s", problem.text);
    if (r < 0) {
        *err = problem;
        return r;
    }
    if (said[0] && !verifier->why_joint[0])
        (void)refuse_joint(verifier, "at a joint its decoder says: %s", said);
    return !verifier->why_joint[0] && check_joints(verifier);
}

int verify_reel(const struct cuts *cuts, const struct join *join, bool has_sound, int fd,
                unsigned workers, char *ret_why, struct err *err)
{
    struct verifier verifier = { .cuts = cuts, .join = join, .fd = fd, .has_sound = has_sound };
    pthread_mutex_init(&verifier.lock, NULL);
    int r = check_frames(&verifier);
    if (r > 0)
        r = check_all(&verifier, workers, err);
    (void)snprintf(ret_why, WHY, "%s", verifier.why[0] ? verifier.why : verifier.why_joint);
    pthread_mutex_destroy(&verifier.lock);
    free(verifier.spans);
    free(verifier.is_awaited);
    return r;
}
