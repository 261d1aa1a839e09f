// Demux and decode of one file: which tracks, where second 0 is, seeking that can be relied on.
//
// Second 0 needs the first picture decoded.  The packets read for that are kept and handed out
// again, so that nothing has to be sought back to: containers without an index cannot be trusted
// with that.  After a seek the first decoded frame is held against the wish, and where it lies
// behind it the seek is repeated further back, at last from the beginning:
//
//     key frame            wish
//   ------K-----------------|--K-------    container lands on the second K: its time is behind the
//         ^ 2nd try            ^ 1st       wish, so again, from a second earlier, then four...

#include "media/source.h"
#include "media/clock.h"
#include "media/complaints.h"
#include "media/container.h"
#include "media/tracks.h"
#include <errno.h>
#include <libavutil/opt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    // How far the first picture may be.  A stream whose first key frame comes later than that is
    // not worth waiting for.
    START_PACKETS = 20000,
    START_BYTES = 64 << 20,
    HELD_FRAMES = 4096,  // sound before the first picture after a seek
    READ_FAILURES = 100, // in a row; then the rest of the file is given up
    SOUND_BYTES = 8192,  // read at a time of sound among pictures; more would mostly be theirs
};

// Plans carry milliseconds: a picture that is later than the wish by less than that is the one
// meant.
static const double SEEK_TOLERANCE = 0.001;

enum { PICTURE, SOUND, KINDS };

struct track {
    int stream; // -1: none
    AVCodecContext *decoder;
    struct clock clock;
    bool drained;
};

struct source {
    struct container container;
    AVFormatContext *format; // the container's
    struct source_limits limits;
    struct track track[KINDS];
    int want;
    source_choice *choice; // NULL: every picture
    void *choice_context;
    bool start_known, untouched;
    double start;

    AVPacket *packet;
    AVPacket **ahead; // read before their time, while second 0 was sought
    size_t ahead_count, ahead_next;
    AVFrame **held; // decoded while a seek was checked
    size_t held_count, held_next;

    bool seeking;
    bool to_key; // pictures are passed over up to the next key frame
    double wish;
    bool at_end, last_was_short;
    unsigned failures, damage, flagged; // flagged: pictures and sound handed out as damaged
    atomic_uint made_up;                // pictures with made-up parts, whether flagged or not
};

// ---- errors

int source_libav_error(struct err *err, int number, const char *id, const char *format, ...)
{
    char what[256], why[AV_ERROR_MAX_STRING_SIZE] = "";
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    enum err_class class = ERR_INPUT;
    switch (number) {
    case AVERROR(ENOMEM):
    case AVERROR(EMFILE):
    case AVERROR(EAGAIN):
        class = ERR_SYSTEM;
        break;
    case AVERROR(EIO):
    case AVERROR(ENOSPC):
    case AVERROR(EDQUOT):
    case AVERROR(EFBIG):
    case AVERROR(EROFS):
        class = ERR_IO;
        break;
    case AVERROR_BUG:
    case AVERROR_BUG2:
        class = ERR_BUG;
        break;
    default:
        break;
    }
    (void)av_strerror(number, why, sizeof why);
    bool first = err != NULL && err->class == ERR_NONE;
    err_set(err, class, id, "%s: %s", what, why);
    if (first)
        err->code = number;
    return number;
}

static int no_memory(struct err *err)
{
    return source_libav_error(err, AVERROR(ENOMEM), "memory", "decode the file");
}

// ---- life

int source_open(int fd, const struct source_limits *limits, struct source **ret_source,
                struct err *err)
{
    struct source *source = xcalloc(1, sizeof *source);
    source->limits = *limits;
    source->track[PICTURE].stream = source->track[SOUND].stream = -1;
    source->untouched = true;
    int r = container_open(&source->container, fd, limits->max_streams, err);
    if (r >= 0 && !limits->trusts_headers)
        r = container_look(&source->container, limits->max_pixels, err);
    if (r >= 0) {
        source->format = source->container.format;
        source->packet = av_packet_alloc();
        r = source->packet == NULL
                ? no_memory(err)
                : tracks_choose(source->format, limits->max_pixels, &source->track[PICTURE].stream,
                                &source->track[SOUND].stream, err);
    }
    if (r < 0) {
        source_free(&source);
        return r;
    }
    *ret_source = source;
    return 0;
}

static void forget_packets(struct source *source)
{
    for (size_t i = source->ahead_next; i < source->ahead_count; i++)
        av_packet_free(&source->ahead[i]);
    source->ahead_next = source->ahead_count = 0;
}

static void forget_frames(struct source *source)
{
    for (size_t i = source->held_next; i < source->held_count; i++)
        av_frame_free(&source->held[i]);
    source->held_next = source->held_count = 0;
}

void source_free(struct source **source_pointer)
{
    struct source *source = *source_pointer;
    if (source == NULL)
        return;
    forget_packets(source);
    forget_frames(source);
    free(source->ahead);
    free(source->held);
    for (int kind = 0; kind < KINDS; kind++)
        avcodec_free_context(&source->track[kind].decoder);
    av_packet_free(&source->packet);
    container_release(&source->container);
    free(source);
    *source_pointer = NULL;
}

AVFormatContext *source_format(struct source *source)
{
    return source->format;
}

static AVStream *stream_of(const struct source *source, int kind)
{
    int index = source->track[kind].stream;
    return index < 0 ? NULL : source->format->streams[index];
}

AVStream *source_video(struct source *source)
{
    return stream_of(source, PICTURE);
}

AVStream *source_audio(struct source *source)
{
    return stream_of(source, SOUND);
}

double source_start(const struct source *source)
{
    return source->start;
}

void source_set_start(struct source *source, double container_seconds)
{
    source->start = container_seconds;
    source->start_known = true;
}

unsigned source_damage(const struct source *source)
{
    unsigned made_up = atomic_load(&source->made_up);
    return source->damage + (made_up > source->flagged ? made_up : source->flagged);
}

bool source_cut_off(const struct source *source)
{
    return source->container.cut_off || (source->at_end && source->last_was_short);
}

// ---- packets

static bool is_wanted(const struct source *source, int stream)
{
    for (int kind = 0; kind < KINDS; kind++)
        if (stream == source->track[kind].stream && (source->want & (1 << kind)))
            return true;
    return false;
}

// The next packet of any track.  Returns 1, 0 at the end, or a negative.  A place in the file that
// cannot be read is passed over; a disk that cannot be read is an error.
static int read_any(struct source *source, AVPacket *packet, struct err *err)
{
    while (!source->at_end) {
        int r = av_read_frame(source->format, packet);
        if (r >= 0) {
            source->failures = 0;
            source->last_was_short = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
            return 1;
        }
        if (source->container.io_error != 0)
            return err_errno(err, source->container.io_error, "read the file");
        if (r == AVERROR(ENOMEM))
            return no_memory(err);
        if (r == AVERROR_EOF || ++source->failures >= READ_FAILURES)
            source->at_end = true;
        if (r != AVERROR_EOF)
            source->damage++;
    }
    return 0;
}

// The next packet of the wanted tracks, those read ahead first.
static int next_packet(struct source *source, AVPacket *packet, struct err *err)
{
    source->untouched = false;
    for (;;) {
        if (source->ahead_next < source->ahead_count) {
            AVPacket *first = source->ahead[source->ahead_next++];
            av_packet_move_ref(packet, first);
            av_packet_free(&first);
        } else {
            int r = read_any(source, packet, err);
            if (r <= 0)
                return r;
        }
        if (is_wanted(source, packet->stream_index))
            return 1;
        av_packet_unref(packet);
    }
}

static int keep_packet(struct source *source, const AVPacket *packet)
{
    if (source->ahead_count == START_PACKETS)
        return AVERROR(ENOBUFS);
    AVPacket *copy = av_packet_clone(packet);
    if (copy == NULL)
        return AVERROR(ENOMEM);
    if (source->ahead == NULL)
        source->ahead = xcalloc(START_PACKETS, sizeof(AVPacket *));
    source->ahead[source->ahead_count++] = copy;
    return 0;
}

int source_packet(struct source *source, AVPacket *packet, struct err *err)
{
    int r = next_packet(source, packet, err);
    if (r <= 0)
        return r;
    const AVStream *stream = source->format->streams[packet->stream_index];
    int64_t start = llrint(source->start / av_q2d(stream->time_base));
    if (packet->pts != AV_NOPTS_VALUE)
        packet->pts -= start;
    if (packet->dts != AV_NOPTS_VALUE)
        packet->dts -= start;
    return 1;
}

// ---- decoders

static const AVCodec *decoder_of(const AVStream *stream)
{
    return avcodec_find_decoder(stream->codecpar->codec_id);
}

static int open_decoder(const struct source *source, int kind, int threads, enum AVDiscard skip,
                        atomic_uint *made_up, AVCodecContext **ret_decoder, struct err *err)
{
    const AVStream *stream = stream_of(source, kind);
    const AVCodec *codec = decoder_of(stream);
    AVCodecContext *decoder = avcodec_alloc_context3(codec);
    if (decoder == NULL)
        return no_memory(err);
    int r = avcodec_parameters_to_context(decoder, stream->codecpar);
    if (r >= 0) {
        decoder->pkt_timebase = stream->time_base;
        decoder->max_pixels = source->limits.max_pixels;
        decoder->codec_whitelist = av_strdup(container_decoders);
        decoder->thread_count = threads;
        if (kind == PICTURE)
            decoder->skip_frame = skip;
        complaints_count(decoder, made_up);
        r = avcodec_open2(decoder, codec, NULL);
    }
    if (r < 0) {
        avcodec_free_context(&decoder);
        return source_libav_error(err, r, "unsupported_codec", "the %s's codec, %s, cannot be used",
                                  kind == PICTURE ? "picture" : "sound",
                                  avcodec_get_name(stream->codecpar->codec_id));
    }
    *ret_decoder = decoder;
    return 0;
}

// Feeds a packet (NULL: the end) and takes the first frame that comes.  Returns 1 with its time.
static int try_for_start(struct source *source, AVCodecContext *decoder, const AVPacket *packet,
                         AVFrame *frame)
{
    (void)avcodec_send_packet(decoder, packet); // what is damaged here is counted when it is played
    if (avcodec_receive_frame(decoder, frame) < 0)
        return 0;
    const AVStream *video = source_video(source);
    int64_t pts = frame->best_effort_timestamp;
    if (pts == AV_NOPTS_VALUE)
        pts = video->start_time != AV_NOPTS_VALUE ? video->start_time : 0;
    source_set_start(source, (double)pts * av_q2d(video->time_base));
    av_frame_unref(frame);
    return 1;
}

static int refuse_start(unsigned packets, struct err *err)
{
    if (packets == 0)
        err_set(err, ERR_INPUT, "empty_track", "the video track holds no pictures");
    else
        err_set(err, ERR_INPUT, "undecodable", "none of the first %u pictures can be decoded",
                packets);
    return err_hint(err, "The file is damaged; copy the original once more.");
}

static int seek_first_picture(struct source *source, AVCodecContext *decoder, AVFrame *frame,
                              struct err *err)
{
    AVPacket *packet = source->packet;
    size_t bytes = 0;
    unsigned pictures = 0;
    while (bytes < START_BYTES) {
        int r = read_any(source, packet, err);
        if (r < 0)
            return r;
        if (r == 0)
            break;
        bool picture = packet->stream_index == source->track[PICTURE].stream;
        bool ours = picture || packet->stream_index == source->track[SOUND].stream;
        int kept = ours ? keep_packet(source, packet) : 0;
        bytes += (size_t)packet->size;
        pictures += picture;
        r = picture ? try_for_start(source, decoder, packet, frame) : 0;
        av_packet_unref(packet);
        if (kept == AVERROR(ENOMEM))
            return no_memory(err);
        if (r == 1)
            return 0;
        if (kept < 0)
            break;
    }
    return try_for_start(source, decoder, NULL, frame) ? 0 : refuse_start(pictures, err);
}

// With one thread no picture is held back for the sake of others, so few packets are needed.
static int find_start(struct source *source, struct err *err)
{
    AVCodecContext *decoder = NULL;
    int r = open_decoder(source, PICTURE, 1, AVDISCARD_DEFAULT, NULL, &decoder, err);
    if (r < 0)
        return r;
    AVFrame *frame = av_frame_alloc();
    r = frame == NULL ? no_memory(err) : seek_first_picture(source, decoder, frame, err);
    av_frame_free(&frame);
    avcodec_free_context(&decoder);
    return r;
}

static void discard_unwanted(struct source *source)
{
    for (unsigned i = 0; i < source->format->nb_streams; i++) {
        bool wanted = is_wanted(source, (int)i) ||
                      (!source->start_known && (int)i == source->track[PICTURE].stream);
        source->format->streams[i]->discard = wanted ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    }
}

static void forget_times(struct source *source)
{
    for (int kind = 0; kind < KINDS; kind++) {
        source->track[kind].clock = (struct clock)CLOCK_INIT;
        source->track[kind].drained = false;
    }
}

// By its index a packet of sound is gone to without reading the pictures between.
static bool is_sound_picked(const struct source *source)
{
    return source->want == SOURCE_SOUND && source->track[PICTURE].stream >= 0 &&
           strncmp(source->format->iformat->name, "mov", 3) == 0;
}

int source_decode(struct source *source, int want, int threads, enum AVDiscard skip,
                  struct err *err)
{
    source->want = want;
    discard_unwanted(source);
    if (!source->start_known) {
        int r = find_start(source, err);
        if (r < 0)
            return r;
        discard_unwanted(source);
    }
    forget_times(source);
    forget_frames(source);
    for (int kind = 0; kind < KINDS; kind++) {
        struct track *track = &source->track[kind];
        avcodec_free_context(&track->decoder);
        if (!is_wanted(source, track->stream) || track->stream < 0)
            continue;
        // Pictures without their sound are better than nothing; the caller sees the missing
        // decoder.
        bool spare = kind == SOUND && (want & SOURCE_PICTURE);
        int r = open_decoder(source, kind, threads, skip, &source->made_up, &track->decoder,
                             spare ? NULL : err);
        if (r < 0 && !spare)
            return r;
        if (r < 0)
            source->want = SOURCE_PICTURE;
    }
    discard_unwanted(source);
    source->container.most = is_sound_picked(source) ? SOUND_BYTES : 0;
    return 0;
}

void source_choose(struct source *source, source_choice *choice, void *context)
{
    source->choice = choice;
    source->choice_context = context;
}

AVCodecContext *source_decoder(struct source *source, enum source_kind_of_frame kind)
{
    return source->track[kind == SOURCE_PICTURE ? PICTURE : SOUND].decoder;
}

// ---- frames

// Returns the kind with a frame, 0 when the decoder wants more, or a negative.
static int receive(struct source *source, int kind, AVFrame *frame, struct err *err)
{
    struct track *track = &source->track[kind];
    if (track->decoder == NULL || track->drained)
        return 0;
    for (int failures = 0; failures < READ_FAILURES; failures++) {
        int r = avcodec_receive_frame(track->decoder, frame);
        if (r >= 0) {
            if (frame->decode_error_flags != 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT))
                source->flagged++;
            clock_stamp(&track->clock, stream_of(source, kind), source->start, frame);
            if (kind == PICTURE) // the container's word on the shape of samples comes first
                frame->sample_aspect_ratio =
                    av_guess_sample_aspect_ratio(source_format(source), source_video(source),
                                                 frame);
            return 1 << kind;
        }
        if (r == AVERROR(ENOMEM))
            return no_memory(err);
        track->drained = r == AVERROR_EOF;
        if (r == AVERROR(EAGAIN) || r == AVERROR_EOF)
            return 0;
        source->damage++;
    }
    return 0;
}

// At the end of the file: what the decoders still hold, pictures first.
static int drain(struct source *source, AVFrame *frame, struct err *err)
{
    for (int kind = 0; kind < KINDS; kind++) {
        struct track *track = &source->track[kind];
        if (track->decoder == NULL || track->drained)
            continue;
        (void)avcodec_send_packet(track->decoder, NULL); // a second time answers EOF: fine
        int r = receive(source, kind, frame, err);
        if (r != 0)
            return r;
        track->drained = true;
    }
    return 0;
}

// Pictures without a time are never left out, for nobody could say where they belong.
static bool is_chosen(const struct source *source, const AVPacket *packet)
{
    if (source->choice == NULL || packet->pts == AV_NOPTS_VALUE)
        return true;
    double tick = av_q2d(stream_of(source, PICTURE)->time_base);
    return source->choice(source->choice_context, packet,
                          (double)packet->pts * tick - source->start);
}

// These decoders show grey where what a picture refers to is missing and do not say so; others wait
// for a key frame themselves, or know of none.
static bool needs_key_frame(const struct source *source)
{
    enum AVCodecID codec = stream_of(source, PICTURE)->codecpar->codec_id;
    return codec == AV_CODEC_ID_HEVC || codec == AV_CODEC_ID_MPEG2VIDEO ||
           codec == AV_CODEC_ID_MPEG1VIDEO;
}

static bool is_passed_over(struct source *source, const AVPacket *packet)
{
    if (packet->stream_index != source->track[PICTURE].stream)
        return false;
    source->to_key = source->to_key && !(packet->flags & AV_PKT_FLAG_KEY);
    return source->to_key || !is_chosen(source, packet);
}

static int decode_next(struct source *source, AVFrame *frame, struct err *err)
{
    for (int kind = 0; kind < KINDS; kind++) {
        int r = receive(source, kind, frame, err);
        if (r != 0)
            return r;
    }
    for (;;) {
        int r = next_packet(source, source->packet, err);
        if (r < 0)
            return r;
        if (r == 0)
            return drain(source, frame, err);
        if (is_passed_over(source, source->packet)) {
            av_packet_unref(source->packet);
            continue;
        }
        int kind = source->packet->stream_index == source->track[PICTURE].stream ? PICTURE : SOUND;
        r = avcodec_send_packet(source->track[kind].decoder, source->packet);
        av_packet_unref(source->packet);
        if (r == AVERROR(ENOMEM))
            return no_memory(err);
        if (r < 0 && r != AVERROR(EAGAIN) && r != AVERROR_EOF)
            source->damage++;
        r = receive(source, kind, frame, err);
        if (r != 0)
            return r;
    }
}

double source_frame_time(const AVFrame *frame)
{
    return (double)frame->pts * av_q2d(frame->time_base);
}

// ---- seeking

static void forget_position(struct source *source)
{
    forget_packets(source);
    forget_frames(source);
    forget_times(source);
    for (int kind = 0; kind < KINDS; kind++)
        if (source->track[kind].decoder != NULL)
            avcodec_flush_buffers(source->track[kind].decoder);
    source->at_end = false;
    source->failures = 0;
}

static int leading_kind(const struct source *source)
{
    return source->want & SOURCE_PICTURE ? PICTURE : SOUND;
}

static int move_to_beginning(struct source *source, struct err *err)
{
    AVFormatContext *format = source->format;
    int index = source->track[leading_kind(source)].stream;
    // The index in ASF may be seconds off; time 0 alone is gone to without asking it.
    bool is_asf = strcmp(format->iformat->name, "asf") == 0;
    int r = is_asf ? av_seek_frame(format, index, 0, AVSEEK_FLAG_BACKWARD)
                   : avformat_seek_file(format, index, INT64_MIN, INT64_MIN / 2, INT64_MAX, 0);
    int64_t first = stream_of(source, leading_kind(source))->start_time;
    if (r < 0)
        r = av_seek_frame(format, index, first != AV_NOPTS_VALUE ? first : 0, AVSEEK_FLAG_BACKWARD);
    if (r < 0)
        r = av_seek_frame(format, -1, 0, AVSEEK_FLAG_BYTE);
    if (r < 0)
        return source_libav_error(err, r, "cannot_seek", "go back to the beginning of the file");
    return 0;
}

// Moves the demuxer to somewhere before `seconds`, as the container sees it.  *ret_beginning: there
// is nothing before.
static int move(struct source *source, double seconds, bool *ret_beginning, struct err *err)
{
    const AVStream *stream = stream_of(source, leading_kind(source));
    int64_t ticks = llrint((source->start + seconds) / av_q2d(stream->time_base));
    forget_position(source);
    *ret_beginning = false;
    // A container without an index lands wherever the time fits.
    source->to_key = needs_key_frame(source);
    if (seconds > 0 &&
        av_seek_frame(source->format, stream->index, ticks, AVSEEK_FLAG_BACKWARD) >= 0)
        return 0;
    *ret_beginning = true;
    source->to_key = false;
    return move_to_beginning(source, err);
}

// Containers that keep each track's own index seek all of them; in the others sound that belongs to
// a picture may lie before it in the file.
static double seek_margin(const struct source *source)
{
    const char *name = source->format->iformat->name;
    bool indexed = strncmp(name, "mov", 3) == 0 || strncmp(name, "avi", 3) == 0;
    return source->want == (SOURCE_PICTURE | SOURCE_SOUND) && !indexed ? 0.5 : 0.0;
}

int source_seek(struct source *source, double seconds, struct err *err)
{
    if (source->untouched && seconds <= 0)
        return 0;
    bool beginning;
    source->untouched = false;
    int r = move(source, seconds - seek_margin(source), &beginning, err);
    if (r < 0)
        return r;
    source->seeking = !beginning;
    source->wish = seconds;
    return 0;
}

static int hold_frame(struct source *source, const AVFrame *frame, struct err *err)
{
    AVFrame *copy = av_frame_clone(frame);
    if (copy == NULL)
        return no_memory(err);
    if (source->held == NULL)
        source->held = xcalloc(HELD_FRAMES, sizeof(AVFrame *));
    source->held[source->held_count++] = copy;
    return 0;
}

// Decodes up to the first frame of the leading kind, keeping what comes.  Returns 1 with its time,
// 0 if none came.
static int first_after_seek(struct source *source, AVFrame *frame, double *ret_time,
                            struct err *err)
{
    int leading = 1 << leading_kind(source);
    while (source->held_count < HELD_FRAMES) {
        int kind = decode_next(source, frame, err);
        if (kind <= 0)
            return kind;
        double time = source_frame_time(frame);
        int r = hold_frame(source, frame, err);
        av_frame_unref(frame);
        if (r < 0)
            return r;
        if (kind == leading) {
            *ret_time = time;
            return 1;
        }
    }
    return 0;
}

static int settle(struct source *source, AVFrame *frame, struct err *err)
{
    bool beginning = false;
    source->seeking = false;
    for (double back = 1;; back *= 4) {
        double time = 0;
        int r = first_after_seek(source, frame, &time, err);
        if (r < 0 || beginning)
            return r;
        if (r == 1 && time <= source->wish + SEEK_TOLERANCE)
            return 0;
        r = move(source, source->wish - back, &beginning, err);
        if (r < 0)
            return r;
    }
}

int source_frame(struct source *source, AVFrame *frame, struct err *err)
{
    if (source->seeking) {
        int r = settle(source, frame, err);
        if (r < 0)
            return r;
    }
    if (source->held_next == source->held_count)
        return decode_next(source, frame, err);
    AVFrame *first = source->held[source->held_next++];
    av_frame_move_ref(frame, first);
    av_frame_free(&first);
    if (source->held_next == source->held_count)
        source->held_next = source->held_count = 0;
    return frame->nb_samples > 0 ? SOURCE_SOUND : SOURCE_PICTURE;
}
