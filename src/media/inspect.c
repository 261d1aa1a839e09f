// Two readings of the same descriptor: one decodes the first pictures, one counts all packets.  A
// second opening is cheaper and surer than seeking back.

#include "media/inspect.h"
#include "base/text.h"
#include "media/keyframes.h"
#include "media/source.h"
#include <libavutil/avstring.h>
#include <libavutil/display.h>
#include <libavutil/pixdesc.h>
#include <math.h>
#include <stdio.h>

enum {
    LOOK_PICTURES = 12, // decoded to see interlacing; telecined film has one such picture in five
    MAX_PICTURES = 4 * 3600 * 120,
    PROGRESS_PACKETS = 256, // between two words on progress
};

// A shape of pixels beyond this is damage, not anamorphic film.
static const double MAX_ASPECT = 8;

struct scan {
    struct keyframes_picture *pictures; // in order of arrival
    size_t count, capacity;
    double last_length; // of the picture shown last
    // After settle_times():
    double *times; // of every shown picture, ascending
    size_t shown;
};

static void release_scan(struct scan *scan)
{
    free(scan->pictures);
    free(scan->times);
}

static void warn(struct probe *probe, const char *format, ...) PRINTF_LIKE(2, 3);

static void warn(struct probe *probe, const char *format, ...)
{
    char text[300];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (probe->warnings == NULL)
        probe->warnings = json_array();
    json_array_append_new(probe->warnings, json_string(text));
}

// ---- what the first pictures say

static void note_shape(struct probe *probe, struct source *source, AVFrame *frame)
{
    AVRational sar =
        av_guess_sample_aspect_ratio(source_format(source), source_video(source), frame);
    double ratio = sar.num > 0 && sar.den > 0 ? av_q2d(sar) : 1;
    if (ratio > MAX_ASPECT || ratio < 1 / MAX_ASPECT)
        ratio = 1;
    bool square = fabs(ratio - 1) < 1e-9;
    probe->sar_num = square ? 1 : sar.num;
    probe->sar_den = square ? 1 : sar.den;
    probe->coded_width = frame->width;
    probe->coded_height = frame->height;
    int width = (int)lrint(frame->width * ratio);
    if (width < 1)
        width = 1;
    bool upright = probe->rotation % 180 == 0;
    probe->width = upright ? width : frame->height;
    probe->height = upright ? frame->height : width;
}

static void note_rotation(struct probe *probe, struct source *source, const AVFrame *frame)
{
    const AVFrameSideData *data = av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
    size_t size = data != NULL ? data->size : 0;
    const uint8_t *matrix =
        data != NULL
            ? data->data
            : av_stream_get_side_data(source_video(source), AV_PKT_DATA_DISPLAYMATRIX, &size);
    if (matrix == NULL || size < 9 * sizeof(int32_t))
        return;
    double degrees = av_display_rotation_get((const int32_t *)(const void *)matrix);
    if (!isnan(degrees)) // counter-clockwise there, clockwise here
        probe->rotation = (((int)lrint(-degrees / 90) % 4 + 4) % 4) * 90;
}

static void note_pixels(struct probe *probe, struct source *source, const AVFrame *frame)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    enum AVColorTransferCharacteristic transfer = frame->color_trc;
    if (transfer == AVCOL_TRC_UNSPECIFIED)
        transfer = source_video(source)->codecpar->color_trc;
    probe->hdr = transfer == AVCOL_TRC_SMPTE2084 || transfer == AVCOL_TRC_ARIB_STD_B67;
    probe->bit_depth = desc != NULL ? desc->comp[0].depth : 8;
    (void)av_strlcpy(probe->pixel_format, desc != NULL ? desc->name : "",
                     sizeof probe->pixel_format);
}

static void note_tracks(struct probe *probe, struct source *source)
{
    AVStream *video = source_video(source), *audio = source_audio(source);
    const char *names = source_format(source)->iformat->name;
    (void)snprintf(probe->container, sizeof probe->container, "%.*s", (int)strcspn(names, ","),
                   names);
    probe->video_stream = video->index;
    (void)av_strlcpy(probe->codec, avcodec_get_name(video->codecpar->codec_id),
                     sizeof probe->codec);
    probe->has_audio = audio != NULL;
    if (audio == NULL)
        return;
    probe->audio_stream = audio->index;
    probe->audio_channels = audio->codecpar->ch_layout.nb_channels;
    probe->audio_rate = audio->codecpar->sample_rate;
    (void)av_strlcpy(probe->audio_codec, avcodec_get_name(audio->codecpar->codec_id),
                     sizeof probe->audio_codec);
}

// *ret_step: mean seconds between them, or 0.
static int look_at_pictures(struct probe *probe, struct source *source, AVFrame *frame,
                            double *ret_step, struct err *err)
{
    int pictures = 0, interlaced = 0, r = 0;
    double last = 0;
    while (pictures < LOOK_PICTURES && (r = source_frame(source, frame, err)) > 0) {
        if (pictures++ == 0) {
            note_rotation(probe, source, frame);
            note_shape(probe, source, frame);
            note_pixels(probe, source, frame);
        }
        interlaced += frame->interlaced_frame;
        last = source_frame_time(frame);
        av_frame_unref(frame);
    }
    if (r < 0)
        return r;
    if (pictures == 0)
        return err_set(err, ERR_INPUT, "undecodable", "no picture can be decoded");
    // Telecine marks two of five pictures; it is film.
    probe->interlaced = interlaced * 5 > pictures * 3;
    *ret_step = pictures > 1 ? last / (pictures - 1) : 0;
    return 0;
}

static int look(int fd, const struct inspect_rules *rules, struct probe *probe,
                double *ret_picture_step, struct err *err)
{
    cleanup(source_free) struct source *source = NULL;
    const struct source_limits limits = { rules->max_pixels, rules->max_streams };
    int r = source_open(fd, &limits, &source, err);
    if (r < 0)
        return r;
    note_tracks(probe, source);
    r = source_decode(source, SOURCE_PICTURE, 1, AVDISCARD_DEFAULT, err);
    if (r < 0)
        return r;
    probe->start_time = source_start(source);
    AVFrame *frame = av_frame_alloc();
    if (frame == NULL)
        return source_libav_error(err, AVERROR(ENOMEM), "memory", "look at the pictures");
    r = look_at_pictures(probe, source, frame, ret_picture_step, err);
    av_frame_free(&frame);
    return r;
}

// ---- what all packets say

static int add_packet(struct scan *scan, const struct keyframes *keyframes, const AVPacket *packet,
                      double tick, struct err *err)
{
    if ((packet->flags & AV_PKT_FLAG_DISCARD) || packet->size == 0)
        return 0; // outside of the edit list, or a repetition
    if (packet->pts == AV_NOPTS_VALUE && packet->dts == AV_NOPTS_VALUE)
        return 0; // belongs to the picture before
    if (scan->count == MAX_PICTURES)
        return err_set(err, ERR_INPUT, "too_many_pictures", "the video has more than %d pictures",
                       MAX_PICTURES);
    if (scan->count == scan->capacity) {
        scan->capacity = scan->capacity ? scan->capacity * 2 : 4096;
        scan->pictures = xrealloc(scan->pictures, scan->capacity, sizeof *scan->pictures);
    }
    scan->pictures[scan->count++] = (struct keyframes_picture){
        .pts = packet->pts != AV_NOPTS_VALUE ? (double)packet->pts * tick : NAN,
        .dts = packet->dts != AV_NOPTS_VALUE ? (double)packet->dts * tick : NAN,
        .kind = keyframes_look(keyframes, packet->data, (size_t)packet->size),
    };
    return 0;
}

static int read_packets(struct source *source, const struct inspect_rules *rules, struct scan *scan,
                        struct err *err)
{
    double tick = av_q2d(source_video(source)->time_base);
    int64_t size = avio_size(source_format(source)->pb), latest = INT64_MIN;
    AVPacket *packet = av_packet_alloc();
    struct keyframes keyframes;
    int r = 1;
    if (packet == NULL)
        return source_libav_error(err, AVERROR(ENOMEM), "memory", "read packets");
    keyframes_init(&keyframes, source_video(source)->codecpar);
    for (unsigned n = 0; r > 0 && (r = source_packet(source, packet, err)) > 0; n++) {
        int added = add_packet(scan, &keyframes, packet, tick, err);
        if (packet->pts > latest) {
            latest = packet->pts;
            scan->last_length = (double)packet->duration * tick;
        }
        if (rules->progress != NULL && n % PROGRESS_PACKETS == 0 && packet->pos > 0 && size > 0)
            rules->progress(rules->context, (double)packet->pos / (double)size);
        av_packet_unref(packet);
        r = added < 0 ? added : r;
    }
    av_packet_free(&packet);
    return r;
}

static int compare_times(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Program streams give a time of presentation to some pictures only.  Then all take their time of
// decoding, moved so that the first picture shown is at 0: sorted, these are the same times.
static void fill_times(struct scan *scan)
{
    double origin = NAN, least = INFINITY;
    bool missing = false;
    for (size_t i = 0; i < scan->count; i++) {
        const struct keyframes_picture *picture = &scan->pictures[i];
        missing |= isnan(picture->pts);
        if (fabs(picture->pts) < 1e-6)
            origin = picture->dts;
        least = fmin(least, picture->dts); // passes over NAN
    }
    if (!missing)
        return;
    if (isnan(origin))
        origin = least;
    for (size_t i = 0; i < scan->count; i++) {
        struct keyframes_picture *picture = &scan->pictures[i];
        if (!isnan(picture->dts))
            picture->pts = picture->dts - origin;
    }
}

// Leaves out every time that follows another closer than `least`.
static void thin_out(struct scan *scan, double least)
{
    size_t kept = 1;
    for (size_t i = 1; i < scan->shown; i++)
        if (scan->times[i] - scan->times[kept - 1] >= least)
            scan->times[kept++] = scan->times[i];
    scan->shown = kept;
}

// picture_step: seconds between the pictures that were decoded, or 0.
static void settle_times(const struct probe *probe, struct scan *scan, double picture_step)
{
    fill_times(scan);
    scan->times = xcalloc(scan->count + 1, sizeof *scan->times);
    for (size_t i = 0; i < scan->count; i++) {
        double time = scan->pictures[i].pts;
        if (isnan(time) || time < -1e-4)
            continue;
        time = fmax(time, 0);
        scan->times[scan->shown++] = time;
    }
    qsort(scan->times, scan->shown, sizeof *scan->times, compare_times);
    if (scan->shown < 2)
        return;
    // Two fields in two packets are one picture.
    double step = (scan->times[scan->shown - 1] - scan->times[0]) / (double)(scan->shown - 1);
    if (probe->interlaced && fabs(picture_step / step - 2) < 0.2)
        thin_out(scan, picture_step * 0.75);
    // Hidden reference pictures of these codecs may come as packets of their own.
    if (strcmp(probe->codec, "vp9") == 0 || strcmp(probe->codec, "vp8") == 0)
        thin_out(scan, step * 0.25);
}

// Steps between the shown pictures, sorted.  Gives an array of shown - 1.
static double *sorted_steps(const struct scan *scan)
{
    double *steps = xcalloc(scan->shown, sizeof *steps);
    for (size_t i = 0; i + 1 < scan->shown; i++)
        steps[i] = scan->times[i + 1] - scan->times[i];
    qsort(steps, scan->shown - 1, sizeof *steps, compare_times);
    return steps;
}

// Decides whether the rate is variable, and gives the usual step: the mean of those near the
// median.
static bool judge_steps(const double *steps, size_t count, double tick, double *ret_usual)
{
    double median = steps[count / 2], slack = fmax(median * 0.1, tick * 1.5), sum = 0;
    size_t usual = 0;
    for (size_t i = 0; i < count; i++) {
        if (fabs(steps[i] - median) <= slack) {
            sum += steps[i];
            usual++;
        }
    }
    *ret_usual = sum / (double)usual;
    return (count - usual) * 100 > count; // a lost picture now and then is still a constant rate
}

// The rate as a fraction that people know, if it is near one.
static AVRational tidy_rate(double rate, const AVStream *video)
{
    static const AVRational known[] = {
        { 24000, 1001 }, { 24, 1 }, { 25, 1 },        { 30000, 1001 }, { 30, 1 },
        { 48, 1 },       { 50, 1 }, { 60000, 1001 },  { 60, 1 },       { 15, 1 },
        { 12, 1 },       { 10, 1 }, { 120000, 1001 }, { 120, 1 },
    };
    const AVRational claimed[] = { video->r_frame_rate, video->avg_frame_rate };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (fabs(av_q2d(known[i]) / rate - 1) < 0.0004)
            return known[i];
    for (size_t i = 0; i < ARRAY_LEN(claimed); i++)
        if (claimed[i].num > 0 && claimed[i].den > 0 && claimed[i].den <= 1001 &&
            fabs(av_q2d(claimed[i]) / rate - 1) < 0.002)
            return claimed[i];
    return av_d2q(fmin(fmax(rate, 0.01), 1000), 100000);
}

static void note_rate(struct probe *probe, const struct scan *scan, const AVStream *video)
{
    double tick = av_q2d(video->time_base), step = scan->last_length;
    double span = scan->times[scan->shown - 1] - scan->times[0];
    if (scan->shown > 1 && span > 0) {
        double *steps = sorted_steps(scan);
        probe->variable_rate = judge_steps(steps, scan->shown - 1, tick, &step);
        free(steps);
        if (probe->variable_rate || !(step > 0))
            step = span / (double)(scan->shown - 1);
    }
    if (!(step > 0))
        step = 0.04;
    // The last picture lasts as long as its packet says, unless that is absurd beside the others.
    double last =
        scan->last_length > step / 2 && scan->last_length < step * 4 ? scan->last_length : step;
    probe->duration = scan->times[scan->shown - 1] + last;
    AVRational fps = tidy_rate(1 / step, video);
    probe->fps_num = fps.num;
    probe->fps_den = fps.den;
}

static void note_doubts(struct probe *probe, struct source *source)
{
    AVStream *video = source_video(source);
    double promised = video->duration != AV_NOPTS_VALUE
                          ? (double)video->duration * av_q2d(video->time_base)
                          : (double)source_format(source)->duration / AV_TIME_BASE;
    char is[TEXT_TIME_SIZE], said[TEXT_TIME_SIZE];
    text_clock(probe->duration, is);
    bool short_of = promised > probe->duration * 1.1 + 1;
    if (source_cut_off(source) || (short_of && source_damage(source) > 0))
        warn(probe, "the file is cut off after %s (%.1f s); what is there is used", is,
             probe->duration);
    else if (short_of)
        warn(probe, "the file claims to last %s, but holds pictures for %.1f s only",
             promised < 1e8 ? text_clock(promised, said) : "for ever", probe->duration);
    else if (source_damage(source) > 0)
        warn(probe, "%u places of the file cannot be read; they are passed over",
             source_damage(source));
}

static int scan_packets(int fd, const struct inspect_rules *rules, double picture_step,
                        struct probe *probe, struct err *err)
{
    cleanup(source_free) struct source *source = NULL;
    cleanup(release_scan) struct scan scan = { .times = NULL };
    const struct source_limits limits = { rules->max_pixels, rules->max_streams };
    int r = source_open(fd, &limits, &source, err);
    if (r < 0)
        return r;
    source_set_start(source, probe->start_time);
    r = source_decode(source, SOURCE_PICTURE, 1, AVDISCARD_DEFAULT, err);
    if (r < 0)
        return r;
    r = read_packets(source, rules, &scan, err);
    if (r < 0)
        return r;
    settle_times(probe, &scan, picture_step);
    if (scan.shown == 0)
        return err_set(err, ERR_INPUT, "empty_track", "the video track holds no pictures");
    probe->frames = (int64_t)scan.shown;
    keyframes_note(scan.pictures, scan.count, probe);
    note_rate(probe, &scan, source_video(source));
    int64_t size = avio_size(source_format(source)->pb);
    probe->size_bytes = size > 0 ? (uint64_t)size : 0;
    probe->bit_rate = (int64_t)((double)probe->size_bytes * 8 / probe->duration);
    note_doubts(probe, source);
    return 0;
}

int inspect_file(int fd, const struct inspect_rules *rules, struct probe *ret_probe,
                 struct err *err)
{
    struct probe probe = PROBE_INIT;
    double picture_step = 0;
    int r = look(fd, rules, &probe, &picture_step, err);
    if (r >= 0)
        r = scan_packets(fd, rules, picture_step, &probe, err);
    if (r < 0) {
        probe_release(&probe);
        return r;
    }
    *ret_probe = probe;
    return 0;
}
