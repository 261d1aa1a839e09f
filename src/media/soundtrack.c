#include "media/soundtrack.h"
#include "media/source.h"
#include <errno.h>
#include <libswresample/swresample.h>
#include <math.h>

enum {
    MOST_CHANNELS = 8, // more are mixed to stereo
    SILENCE = 4096,    // frames at a time
    PIECE = 16384,     // frames resampled at a time
};

// Times that differ by less are rounding of the container, not gaps.
static const double JITTER_SECONDS = 0.03;

struct soundtrack {
    struct soundtrack_wish wish;
    int rate;               // of the line, the source's own; 0 until the first frame
    AVChannelLayout layout; // of the line
    SwrContext *to_line, *to_outlet[SOUNDTRACK_OUTLETS];
    int in_rate, in_format; // that to_line was made for
    AVChannelLayout in_layout;
    int64_t at, end; // frames of the line so far, and of all
    struct listen *listen;
    float *line, *resampled;
    size_t line_capacity, resampled_capacity; // samples
};

struct soundtrack *soundtrack_new(const struct soundtrack_wish *wish)
{
    struct soundtrack *soundtrack = xcalloc(1, sizeof *soundtrack);
    soundtrack->wish = *wish;
    return soundtrack;
}

void soundtrack_free(struct soundtrack **soundtrack_pointer)
{
    struct soundtrack *soundtrack = *soundtrack_pointer;
    if (soundtrack == NULL)
        return;
    swr_free(&soundtrack->to_line);
    for (size_t i = 0; i < SOUNDTRACK_OUTLETS; i++)
        swr_free(&soundtrack->to_outlet[i]);
    av_channel_layout_uninit(&soundtrack->layout);
    av_channel_layout_uninit(&soundtrack->in_layout);
    listen_free(&soundtrack->listen);
    free(soundtrack->line);
    free(soundtrack->resampled);
    free(base_take(soundtrack_pointer));
}

static float *reserve(float **buffer, size_t *capacity, size_t samples)
{
    if (*capacity < samples) {
        *buffer = xrealloc(*buffer, samples, sizeof **buffer);
        *capacity = samples;
    }
    return *buffer;
}

static int failed(int number, struct err *err)
{
    return source_libav_error(err, number, "sound_format", "convert the sound");
}

// ---- the line and its listeners

static int open_outlet(struct soundtrack *soundtrack, size_t index, int rate, struct err *err)
{
    const struct soundtrack_outlet *outlet = &soundtrack->wish.outlets[index];
    SwrContext **swr = &soundtrack->to_outlet[index];
    AVChannelLayout out = { 0 };
    av_channel_layout_default(&out, outlet->channels);
    int r = swr_alloc_set_opts2(swr, &out, AV_SAMPLE_FMT_FLT, outlet->rate, &soundtrack->layout,
                                AV_SAMPLE_FMT_FLT, rate, 0, NULL);
    if (r >= 0)
        r = swr_init(*swr);
    av_channel_layout_uninit(&out);
    return r < 0 ? failed(r, err) : 0;
}

static int open_line(struct soundtrack *soundtrack, int rate, const AVChannelLayout *layout,
                     struct err *err)
{
    int r = 0;
    if (layout->nb_channels > MOST_CHANNELS)
        av_channel_layout_default(&soundtrack->layout, 2);
    else if (layout->order == AV_CHANNEL_ORDER_UNSPEC || layout->nb_channels < 1)
        av_channel_layout_default(&soundtrack->layout,
                                  layout->nb_channels < 1 ? 1 : layout->nb_channels);
    else
        r = av_channel_layout_copy(&soundtrack->layout, layout);
    if (r < 0)
        return failed(r, err);
    for (size_t i = 0; i < soundtrack->wish.outlet_count && r >= 0; i++)
        r = open_outlet(soundtrack, i, rate, err);
    if (r < 0)
        return r;
    soundtrack->rate = rate;
    soundtrack->end = llrint(soundtrack->wish.duration * rate);
    soundtrack->listen = listen_new(rate, soundtrack->layout.nb_channels);
    return 0;
}

// frames NULL: what the resampler still holds.
static int feed_outlet(struct soundtrack *soundtrack, size_t index, const float *frames,
                       size_t count, struct err *err)
{
    const struct soundtrack_outlet *outlet = &soundtrack->wish.outlets[index];
    SwrContext *swr = soundtrack->to_outlet[index];
    int most = swr_get_out_samples(swr, (int)count);
    if (most < 0)
        return failed(most, err);
    float *out = reserve(&soundtrack->resampled, &soundtrack->resampled_capacity,
                         ((size_t)most + 1) * (size_t)outlet->channels);
    uint8_t *to[] = { (uint8_t *)out };
    const uint8_t *from[] = { (const uint8_t *)frames };
    int got = swr_convert(swr, to, most, frames != NULL ? from : NULL, (int)count);
    if (got < 0)
        return failed(got, err);
    return outlet->out(outlet->context, out, (size_t)got, err);
}

static int feed_outlets(struct soundtrack *soundtrack, const float *frames, size_t count,
                        struct err *err)
{
    int r = 0;
    for (size_t i = 0; i < soundtrack->wish.outlet_count && r >= 0; i++)
        r = feed_outlet(soundtrack, i, frames, count, err);
    return r;
}

static int feed(struct soundtrack *soundtrack, const float *frames, size_t count, struct err *err)
{
    while (count > 0) {
        size_t part = count < PIECE ? count : PIECE;
        if (soundtrack->listen != NULL)
            listen_add(soundtrack->listen, frames, part);
        int r = feed_outlets(soundtrack, frames, part, err);
        if (r < 0)
            return r;
        soundtrack->at += (int64_t)part;
        frames += part * (size_t)soundtrack->layout.nb_channels;
        count -= part;
    }
    return 0;
}

static int feed_silence(struct soundtrack *soundtrack, int64_t count, struct err *err)
{
    size_t channels = (size_t)soundtrack->layout.nb_channels;
    cleanup(free_ptr) float *zeros = xcalloc(SILENCE * channels, sizeof *zeros);
    int r = 0;
    while (r >= 0 && count > 0) {
        size_t part = count < SILENCE ? (size_t)count : SILENCE;
        r = feed(soundtrack, zeros, part, err);
        count -= (int64_t)part;
    }
    return r;
}

// ---- what the decoder gives

static int match_input(struct soundtrack *soundtrack, const AVFrame *frame, struct err *err)
{
    if (soundtrack->to_line != NULL && soundtrack->in_rate == frame->sample_rate &&
        soundtrack->in_format == frame->format &&
        av_channel_layout_compare(&soundtrack->in_layout, &frame->ch_layout) == 0)
        return 0;
    AVChannelLayout in = { 0 };
    if (frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
        av_channel_layout_default(&in, frame->ch_layout.nb_channels);
    else if (av_channel_layout_copy(&in, &frame->ch_layout) < 0)
        return failed(AVERROR(ENOMEM), err);
    swr_free(&soundtrack->to_line);
    int r = swr_alloc_set_opts2(&soundtrack->to_line, &soundtrack->layout, AV_SAMPLE_FMT_FLT,
                                soundtrack->rate, &in, frame->format, frame->sample_rate, 0, NULL);
    av_channel_layout_uninit(&in);
    if (r >= 0)
        r = swr_init(soundtrack->to_line);
    if (r >= 0)
        r = av_channel_layout_copy(&soundtrack->in_layout, &frame->ch_layout);
    if (r < 0)
        return failed(r, err);
    soundtrack->in_rate = frame->sample_rate;
    soundtrack->in_format = frame->format;
    return 0;
}

// Returns the number of frames now in soundtrack->line.
static int convert(struct soundtrack *soundtrack, const AVFrame *frame, struct err *err)
{
    int r = match_input(soundtrack, frame, err);
    if (r < 0)
        return r;
    int most = swr_get_out_samples(soundtrack->to_line, frame->nb_samples);
    if (most < 0)
        return failed(most, err);
    size_t channels = (size_t)soundtrack->layout.nb_channels;
    float *line =
        reserve(&soundtrack->line, &soundtrack->line_capacity, ((size_t)most + 1) * channels);
    uint8_t *to[] = { (uint8_t *)line };
    const uint8_t **from; // swr_convert only reads, but its type does not say so of the array
    memcpy(&from, &frame->extended_data, sizeof from);
    int got = swr_convert(soundtrack->to_line, to, most, from, frame->nb_samples);
    if (got < 0)
        return failed(got, err);
    for (size_t i = 0; i < (size_t)got * channels; i++)
        if (!(fabsf(line[i]) <= 64)) // damaged floats; the loudest honest overshoot is far below
            line[i] = 0;
    return got;
}

int soundtrack_add(struct soundtrack *soundtrack, const AVFrame *frame, double seconds,
                   struct err *err)
{
    if (frame->sample_rate < 1 || frame->ch_layout.nb_channels < 1 ||
        !(seconds < soundtrack->wish.duration))
        return 0;
    if (soundtrack->rate == 0) {
        int r = open_line(soundtrack, frame->sample_rate, &frame->ch_layout, err);
        if (r < 0)
            return r;
    }
    int count = convert(soundtrack, frame, err);
    if (count < 0)
        return count;
    int64_t start = llrint(fmax(seconds, -1e6) * soundtrack->rate), skip = 0, r = 0;
    int64_t off = start - soundtrack->at;
    if (soundtrack->at > 0 && llabs(off) <= llrint(JITTER_SECONDS * soundtrack->rate))
        off = 0;
    if (off > 0)
        r = feed_silence(soundtrack,
                         off < soundtrack->end - soundtrack->at ? off
                                                                : soundtrack->end - soundtrack->at,
                         err);
    else
        skip = -off;
    int64_t left = soundtrack->end - soundtrack->at;
    if (r < 0 || skip >= count || left <= 0)
        return (int)r;
    int64_t use = count - skip < left ? count - skip : left;
    return feed(soundtrack, soundtrack->line + skip * soundtrack->layout.nb_channels, (size_t)use,
                err);
}

int soundtrack_finish(struct soundtrack *soundtrack, struct signals *signals, struct err *err)
{
    bool came = soundtrack->rate != 0;
    if (!came) {
        AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
        int r = open_line(soundtrack, soundtrack->wish.outlets[0].rate, &mono, err);
        if (r < 0)
            return r;
    }
    int r = feed_silence(soundtrack, soundtrack->end - soundtrack->at, err);
    if (r >= 0)
        r = feed_outlets(soundtrack, NULL, 0, err);
    if (r < 0)
        return r;
    if (came && soundtrack->listen != NULL)
        listen_finish(soundtrack->listen, signals);
    return came;
}
