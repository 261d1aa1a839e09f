// Reading the sound of a source to the sample; see sound.h.
//
//   decoded frames     |f1|f2|f3|      |f4|f5|           times from the container
//   queue            ..|RRRRRRRR|ssssss|RRRRR|           resampled runs, silence between
//   cursor                   ^ next frame to be read     counted from `origin`
//
// A run is sound whose frames follow each other; the resampler is emptied and started anew for
// each, so that its first sample lies where the run's first time says.
#include "media/sound.h"

#include "media/limiter.h"
#include <ebur128.h>
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <math.h>

// Decoders need some sound before they are right: AAC a frame, Opus 80 ms, MP3 its reservoir.
static const double lead_seconds = 0.25;
// Times may stray from the counted samples by this much before they are believed: more than the
// rounding and jitter of any container (FLV, Matroska: 1 ms), less than what is seen against lips.
static const double stray_seconds = 0.015;

// The reel's loudness (EBU R 128 s2 for streaming) and what may be done to reach it.
static const double target_lufs = -16;
static const double most_gain_db = 20;
// Room tone: raising it would only raise noise.
static const double silence_lufs = -60;
// True peaks must stay under -1.5 dBTP in the finished file; what AAC at the reel's bit rate adds
// to a limited peak was seen to stay under 1 dB.
static const double ceiling_dbtp = -3;

enum { BLOCK = 4096 }; // frames worked on at a time

struct sound_reader {
    struct source *source;
    AVFrame *frame;
    SwrContext *resampler; // NULL: no run
    enum AVSampleFormat format;
    AVChannelLayout layout;
    int rate;
    double run_start; // seconds of the source
    int64_t run_in;   // samples that went into the resampler

    double origin;
    int64_t cursor; // next frame to be read, from origin on
    float *queue;   // resampled frames
    size_t queued, capacity;
    int64_t queue_at; // of queue[0], from origin on
    bool ended, came;
};

static float *make_room(struct sound_reader *reader, size_t frames)
{
    size_t needed = reader->queued + frames;
    if (needed > reader->capacity) {
        reader->capacity = needed + needed / 2;
        reader->queue = xrealloc(reader->queue, reader->capacity, 2 * sizeof *reader->queue);
    }
    return reader->queue + 2 * reader->queued;
}

int sound_open(struct source *source, const struct probe *probe, struct sound_reader **ret_reader,
               struct err *err)
{
    if (!source_audio(source))
        return err_set(err, ERR_INPUT, "no_sound", "the source has no sound");
    source_set_start(source, probe->start_time);
    int r = source_decode(source, SOURCE_SOUND, 1, AVDISCARD_DEFAULT, err);
    if (r < 0)
        return r;
    struct sound_reader *reader = xcalloc(1, sizeof *reader);
    reader->source = source;
    (void)make_room(reader, BLOCK);
    reader->frame = av_frame_alloc();
    if (!reader->frame) {
        sound_free(&reader);
        return source_libav_error(err, AVERROR(ENOMEM), "no_memory", "decode sound");
    }
    *ret_reader = reader;
    return 0;
}

void sound_free(struct sound_reader **reader)
{
    struct sound_reader *r = *reader;
    if (!r)
        return;
    swr_free(&r->resampler);
    av_channel_layout_uninit(&r->layout);
    av_frame_free(&r->frame);
    free(r->queue);
    free(base_take(reader));
}

bool sound_came(const struct sound_reader *reader)
{
    return reader->came;
}

int sound_seek(struct sound_reader *reader, double origin, struct err *err)
{
    swr_free(&reader->resampler);
    av_frame_unref(reader->frame);
    reader->origin = origin;
    reader->cursor = reader->queue_at = 0;
    reader->queued = 0;
    reader->ended = false;
    int r = source_seek(reader->source, origin - lead_seconds, err);
    if (r < 0)
        reader->ended = true;
    return r;
}

// ---- the queue

static void drop_front(struct sound_reader *reader, size_t frames)
{
    reader->queued -= frames;
    reader->queue_at += (int64_t)frames;
    memmove(reader->queue, reader->queue + 2 * frames, reader->queued * 2 * sizeof *reader->queue);
}

// What lies before the cursor will not be asked for again.
static void drop_past(struct sound_reader *reader)
{
    int64_t past = reader->cursor - reader->queue_at;
    if (past > 0)
        drop_front(reader, past < (int64_t)reader->queued ? (size_t)past : reader->queued);
}

// ---- runs

static int resample(struct sound_reader *reader, const AVFrame *frame, struct err *err)
{
    int in = frame ? frame->nb_samples : 0;
    int most = swr_get_out_samples(reader->resampler, in);
    if (most < 0)
        most = 0;
    uint8_t *out = (uint8_t *)make_room(reader, (size_t)most);
    const uint8_t **planes = NULL; // what is const differs between libav's own types
    if (frame)
        memcpy(&planes, &frame->extended_data, sizeof planes);
    int got = swr_convert(reader->resampler, &out, most, planes, in);
    if (got == AVERROR(ENOMEM))
        return source_libav_error(err, got, "no_memory", "resample sound");
    if (got > 0)
        reader->queued += (size_t)got;
    reader->run_in += in;
    drop_past(reader);
    return 0;
}

static int end_run(struct sound_reader *reader, struct err *err)
{
    if (!reader->resampler)
        return 0;
    int r = resample(reader, NULL, err);
    swr_free(&reader->resampler);
    return r;
}

// Where nothing says which speakers the channels are for, the usual ones for their number; beyond
// those, the first two.
static void choose_layout(const AVFrame *frame, AVChannelLayout *layout)
{
    av_channel_layout_uninit(layout);
    bool known = frame->ch_layout.order == AV_CHANNEL_ORDER_NATIVE;
    if (!known || av_channel_layout_copy(layout, &frame->ch_layout) < 0)
        av_channel_layout_default(layout, frame->ch_layout.nb_channels);
}

static SwrContext *make_resampler(const AVFrame *frame, AVChannelLayout *layout)
{
    AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO;
    SwrContext *resampler = NULL;
    if (swr_alloc_set_opts2(&resampler, &stereo, AV_SAMPLE_FMT_FLT, SOUND_RATE, layout,
                            frame->format, frame->sample_rate, 0, NULL) < 0)
        return NULL;
    if (layout->order != AV_CHANNEL_ORDER_NATIVE) {
        double matrix[2 * 64] = { 0 };
        int channels = layout->nb_channels;
        matrix[0] = matrix[channels + 1] = 1;
        if (channels > 64 || swr_set_matrix(resampler, matrix, channels) < 0) {
            swr_free(&resampler);
            return NULL;
        }
    }
    if (swr_init(resampler) < 0)
        swr_free(&resampler);
    return resampler;
}

// Brings the queue's end to frame `at`: with silence, or by taking back what is too much.
static void lay_end(struct sound_reader *reader, int64_t at)
{
    if (at <= reader->cursor)
        at = reader->cursor;
    int64_t end = reader->queue_at + (int64_t)reader->queued;
    if (reader->queued == 0 || end < reader->cursor) {
        reader->queued = 0;
        reader->queue_at = end = reader->cursor;
    }
    if (at < end) {
        reader->queued -= (size_t)(end - at);
        return;
    }
    size_t gap = (size_t)(at - end);
    memset(make_room(reader, gap), 0, gap * 2 * sizeof *reader->queue);
    reader->queued += gap;
}

// Starts a run at the time of the frame just decoded.  Returns 1, or 0 if its sound cannot be used.
static int start_run(struct sound_reader *reader, double time, struct err *err)
{
    int r = end_run(reader, err);
    if (r < 0)
        return r;
    const AVFrame *frame = reader->frame;
    choose_layout(frame, &reader->layout);
    reader->resampler = make_resampler(frame, &reader->layout);
    if (!reader->resampler)
        return 0;
    reader->format = frame->format;
    reader->rate = frame->sample_rate;
    reader->run_start = time;
    reader->run_in = 0;
    int64_t at = llround((time - reader->origin) * SOUND_RATE);
    lay_end(reader, at);
    // What of the run lies before the cursor is resampled and dropped: queue_at may be negative.
    if (at < reader->cursor) {
        reader->queued = 0;
        reader->queue_at = at;
    }
    return 1;
}

static bool follows(const struct sound_reader *reader, double time)
{
    const AVFrame *frame = reader->frame;
    if (!reader->resampler || frame->format != reader->format || frame->sample_rate != reader->rate)
        return false;
    if (frame->ch_layout.nb_channels != reader->layout.nb_channels)
        return false;
    double counted = reader->run_start + (double)reader->run_in / reader->rate;
    return fabs(time - counted) < stray_seconds;
}

// Decodes one frame into the queue.  `horizon`: nothing behind this frame is needed now.
static int feed(struct sound_reader *reader, int64_t horizon, struct err *err)
{
    if (!reader->frame->buf[0]) {
        struct err problem = ERR_INIT;
        int kind = source_frame(reader->source, reader->frame, &problem);
        if (kind < 0 && problem.class != ERR_INPUT) {
            if (err)
                *err = problem;
            return kind;
        }
        if (kind <= 0) {
            reader->ended = true;
            return end_run(reader, err);
        }
    }
    double time = source_frame_time(reader->frame);
    bool usable = reader->frame->nb_samples > 0 && reader->frame->sample_rate > 0 &&
                  reader->frame->ch_layout.nb_channels > 0;
    int r = 1;
    if (usable && !follows(reader, time)) {
        // A gap can be as long as the file; the frame waits until its time has come.
        r = end_run(reader, err);
        if (r >= 0 && (time - reader->origin) * SOUND_RATE > (double)horizon) {
            lay_end(reader, horizon);
            return 0;
        }
        if (r >= 0)
            r = start_run(reader, time, err);
    }
    if (usable && r > 0) {
        r = resample(reader, reader->frame, err);
        reader->came = true;
    }
    av_frame_unref(reader->frame);
    return r < 0 ? r : 0;
}

int sound_read(struct sound_reader *reader, float *frames, size_t count, struct err *err)
{
    int64_t end = reader->cursor + (int64_t)count;
    while (!reader->ended && reader->queue_at + (int64_t)reader->queued < end) {
        int r = feed(reader, end, err);
        if (r < 0)
            return r;
    }
    if (reader->queue_at + (int64_t)reader->queued < end)
        lay_end(reader, end);
    drop_past(reader);
    memcpy(frames, reader->queue, count * 2 * sizeof *frames);
    reader->cursor = end;
    drop_past(reader);
    return 0;
}

// ---- loudness

struct sound_meter {
    ebur128_state *state;
    float block[2 * BLOCK];
};

struct sound_meter *sound_meter_new(void)
{
    struct sound_meter *meter = xcalloc(1, sizeof *meter);
    meter->state = ebur128_init(2, SOUND_RATE, EBUR128_MODE_I | EBUR128_MODE_HISTOGRAM);
    if (!meter->state)
        base_out_of_memory();
    return meter;
}

void sound_meter_free(struct sound_meter **meter)
{
    if (!*meter)
        return;
    ebur128_destroy(&(*meter)->state);
    free(base_take(meter));
}

int sound_meter_add(struct sound_meter *meter, struct sound_reader *reader, double start,
                    double seconds, struct err *err)
{
    int r = sound_seek(reader, start, err);
    int64_t left = llround(seconds * SOUND_RATE);
    while (r >= 0 && left > 0) {
        size_t count = left < BLOCK ? (size_t)left : BLOCK;
        r = sound_read(reader, meter->block, count, err);
        // Memory is all that it can lack, and half way it is of no more use.
        if (r >= 0 &&
            ebur128_add_frames_float(meter->state, meter->block, count) != EBUR128_SUCCESS)
            base_out_of_memory();
        left -= (int64_t)count;
    }
    return r;
}

double sound_meter_loudness(struct sound_meter *meter)
{
    double loudness = -HUGE_VAL;
    if (ebur128_loudness_global(meter->state, &loudness) != EBUR128_SUCCESS)
        return -HUGE_VAL;
    return loudness;
}

double sound_gain(double loudness)
{
    if (!(loudness > silence_lufs))
        return 1;
    return pow(10, fmin(target_lufs - loudness, most_gain_db) / 20);
}

// ---- the reel's line

struct sound_line {
    sound_out *out;
    void *context;
    struct limiter *limiter;
    size_t to_skip; // frames the limiter gives before the first one

    struct sound_reader *reader; // borrowed; NULL: silence
    float gain;
    int64_t made; // of the segment, the kept ones included
    size_t kept;  // at the front of block
    float block[2 * (SOUND_FADE + BLOCK)];
};

struct sound_line *sound_line_new(sound_out *out, void *context)
{
    struct sound_line *line = xcalloc(1, sizeof *line);
    line->out = out;
    line->context = context;
    line->limiter = limiter_new(pow(10, ceiling_dbtp / 20));
    line->to_skip = limiter_delay();
    return line;
}

void sound_line_free(struct sound_line **line)
{
    if (!*line)
        return;
    limiter_free(&(*line)->limiter);
    free(base_take(line));
}

void sound_line_begin(struct sound_line *line, struct sound_reader *reader, double gain)
{
    line->reader = reader;
    line->gain = (float)gain;
    line->made = 0;
    line->kept = 0;
}

// Limits and gives out `count` frames of its own.
static int give(struct sound_line *line, float *frames, size_t count, struct err *err)
{
    limiter_run(line->limiter, frames, count);
    size_t skip = line->to_skip < count ? line->to_skip : count;
    line->to_skip -= skip;
    return count > skip ? line->out(line->context, frames + 2 * skip, count - skip, err) : 0;
}

// Gain and the fade at the beginning.
static void shape(const struct sound_line *line, float *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t n = line->made + (int64_t)i;
        float factor = n < SOUND_FADE ? line->gain * (float)n / SOUND_FADE : line->gain;
        frames[2 * i] *= factor;
        frames[2 * i + 1] *= factor;
    }
}

static int make(struct sound_line *line, size_t count, struct err *err)
{
    float *fresh = line->block + 2 * line->kept;
    int r = 0;
    if (line->reader)
        r = sound_read(line->reader, fresh, count, err);
    else
        memset(fresh, 0, count * 2 * sizeof *fresh);
    if (r < 0)
        return r;
    shape(line, fresh, count);
    line->made += (int64_t)count;
    size_t all = line->kept + count;
    size_t ready = all > SOUND_FADE ? all - SOUND_FADE : 0;
    r = ready ? give(line, line->block, ready, err) : 0;
    line->kept = all - ready;
    memmove(line->block, line->block + 2 * ready, line->kept * 2 * sizeof *line->block);
    return r;
}

int sound_line_run(struct sound_line *line, int64_t count, struct err *err)
{
    int r = 0;
    while (r >= 0 && line->made < count) {
        int64_t left = count - line->made;
        r = make(line, left < BLOCK ? (size_t)left : BLOCK, err);
    }
    return r;
}

int sound_line_end(struct sound_line *line, int64_t count, struct err *err)
{
    int r = sound_line_run(line, count, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < line->kept; i++) {
        float factor = (float)(line->kept - 1 - i) / SOUND_FADE;
        line->block[2 * i] *= factor;
        line->block[2 * i + 1] *= factor;
    }
    line->reader = NULL;
    r = line->kept ? give(line, line->block, line->kept, err) : 0;
    line->kept = 0;
    return r;
}

int sound_line_finish(struct sound_line *line, struct err *err)
{
    memset(line->block, 0, sizeof line->block);
    return give(line, line->block, limiter_delay(), err);
}
