// One pass: every picture is measured where the decoder put it; those that are due go on, scaled,
// into the encoder.  Choosing comes before scaling, for at 10 of 30 pictures a second that saves
// two thirds of it (measured: 6.8 s instead of 8.0 for a minute of 1080p).

#include "media/proxy.h"
#include "media/shrink.h"
#include "media/sink.h"
#include "media/skim.h"
#include "media/soundtrack.h"
#include "media/source.h"
#include "media/watch.h"
#include "media/wav.h"
#include "spool/slot.h"
#include <math.h>

// No proxy needs a higher peak than its source's rate, but headers of tiny files lie.
static const int64_t LEAST_PEAK = 100000;

// The presets are ours to choose; all else is promised.  Measured on 5 to 10 s of an animated film
// in 1080p, each at its profile's size, rate, CRF and peak: bytes, SSIM, seconds of processor time.
//
//   aggressive    ultrafast  674 k  .9178  1.02   superfast 543 k .9631 1.18   veryfast 410 k .9639
//                 1.30: superfast is smaller and far better for a twelfth more of the whole time
//   balanced      fast       986 k  .9806  3.62   faster 1006 k .9798 3.14: larger and worse; fast
//   conservative  medium    2163 k  .9730  12.6   fast 2158 k .9729 11.2   faster 2156 k .9711  9.7
//                 veryfast  2134 k  .9682   7.6: fast is as good as medium, since pictures in
//                 waiting are few here (sink.c)
static const struct proxy_profile profiles[] = {
    [PROFILE_AGGRESSIVE] = { "aggressive", "superfast", 480, 10, 500000, 64000, 22050, 28 },
    [PROFILE_BALANCED] = { "balanced", "fast", 720, 15, 1500000, 128000, 44100, 23 },
    [PROFILE_CONSERVATIVE] = { "conservative", "fast", 1080, 24, 3000000, 192000, 44100, 20 },
};

const struct proxy_profile *proxy_profile(enum job_profile profile, double duration)
{
    if (profile == PROFILE_DYNAMIC)
        profile = duration < 180   ? PROFILE_CONSERVATIVE
                  : duration < 420 ? PROFILE_BALANCED
                                   : PROFILE_AGGRESSIVE;
    return &profiles[profile];
}

// Raised with every change that makes other proxies or signals of the same source.
enum { PROXY_VERSION = 2 };

char *proxy_recipe(const struct proxy_profile *profile, const struct probe *probe)
{
    return xasprintf("%s %d %d | %s %s %d %d %lld %lld %d %d | %d %d %d %d %d %d %lld | %.9g %.9g",
                     CLIPSPOOL_VERSION, PROXY_VERSION, SIGNALS_VERSION, profile->name,
                     profile->preset, profile->height, profile->fps, (long long)profile->peak_rate,
                     (long long)profile->sound_bitrate, profile->sound_rate, profile->crf,
                     probe->width, probe->height, probe->rotation, probe->interlaced,
                     probe->fps_num, probe->fps_den, (long long)probe->bit_rate, probe->duration,
                     probe->start_time);
}

struct proxy {
    const struct proxy_wish *wish;
    struct source *source;
    struct sink *sink;
    struct shrink *shrink;
    struct watch *watch;
    struct skim *skim;             // NULL: all pictures are decoded
    struct soundtrack *soundtrack; // NULL without sound
    AVFrame *frame;                // as decoded
    AVFrame *held;                 // shown from held_slot on, until the next one is known
    int64_t held_slot, slots;      // slots: of the whole proxy
    bool holding;
    struct proxy_result result;
};

static void release(struct proxy *proxy)
{
    source_free(&proxy->source);
    sink_free(&proxy->sink);
    shrink_free(&proxy->shrink);
    watch_free(&proxy->watch);
    skim_free(&proxy->skim);
    soundtrack_free(&proxy->soundtrack);
    av_frame_free(&proxy->frame);
    av_frame_free(&proxy->held);
}

// ---- what the proxy is to be

static int even(double value)
{
    int whole = (int)floor(value / 2 + 1e-6) * 2;
    return whole < 2 ? 2 : whole;
}

static void choose_shape(struct proxy_result *result, const struct probe *probe,
                         const struct proxy_profile *profile)
{
    result->height = even(probe->height < profile->height ? probe->height : profile->height);
    double width = (double)probe->width * result->height / probe->height;
    result->width = even(fmin(round(width / 2) * 2, probe->width));
    bool faster = (int64_t)probe->fps_num > (int64_t)profile->fps * probe->fps_den;
    result->fps_num = faster ? profile->fps : probe->fps_num;
    result->fps_den = faster ? 1 : probe->fps_den;
}

// The encoder knows these rates only; none above the source's, so that nothing is invented.
static int sound_rate(int source, int most)
{
    static const int rates[] = { 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000 };
    int limit = source > 0 && source < most ? source : most;
    for (size_t i = 0; i < ARRAY_LEN(rates); i++)
        if (rates[i] <= limit)
            return rates[i];
    return 8000;
}

static enum AVColorSpace matrix_of(const struct probe *probe)
{
    return probe->coded_height >= 720 || probe->coded_width >= 1280 ? AVCOL_SPC_BT709
                                                                    : AVCOL_SPC_SMPTE170M;
}

static int take_sound(void *context, const float *frames, size_t count, struct err *err)
{
    struct proxy *proxy = context;
    return sink_sound(proxy->sink, frames, count, err);
}

static int take_speech(void *context, const float *frames, size_t count, struct err *err)
{
    struct proxy *proxy = context;
    return wav_add(proxy->wish->speech, frames, count, err);
}

static int open_output(struct proxy *proxy, struct err *err)
{
    const struct probe *probe = proxy->wish->probe;
    const struct proxy_profile *profile = proxy->wish->profile;
    struct proxy_result *result = &proxy->result;
    AVCodecContext *sound = source_decoder(proxy->source, SOURCE_SOUND);
    int channels = probe->audio_channels == 1 ? 1 : 2;
    int64_t peak = probe->bit_rate < profile->peak_rate ? probe->bit_rate : profile->peak_rate;
    struct sink_wish wish = {
        .look = { result->width, result->height, matrix_of(probe) },
        .fps_num = result->fps_num,
        .fps_den = result->fps_den,
        .preset = profile->preset,
        .crf = profile->crf,
        .peak = peak < LEAST_PEAK ? LEAST_PEAK : peak,
        .as_preset = true,
        .sound = sound != NULL,
        .sound_rate = sound_rate(probe->audio_rate, profile->sound_rate),
        .sound_channels = channels,
        .sound_bitrate = profile->sound_bitrate * channels / 2,
    };
    const struct soundtrack_wish track = {
        .duration = probe->duration,
        .outlets = { { wish.sound_rate, channels, take_sound, proxy },
                     { WAV_RATE, 1, take_speech, proxy } },
        .outlet_count = proxy->wish->speech ? 2 : 1,
    };
    if (sound != NULL)
        proxy->soundtrack = soundtrack_new(&track);
    result->silent = probe->has_audio && sound == NULL;
    return sink_open(proxy->wish->proxy_fd, &wish, &proxy->sink, err);
}

static bool wants(void *context, const AVPacket *packet, double seconds)
{
    const struct proxy *proxy = context;
    return skim_wants(proxy->skim, packet, seconds);
}

// Of interlaced pictures a packet may hold one field only: then nothing can be left out.
static void open_skim(struct proxy *proxy)
{
    const struct probe *probe = proxy->wish->probe;
    const AVStream *video = source_video(proxy->source);
    if (proxy->wish->every_picture || probe->interlaced || probe->fps_num < 1)
        return;
    proxy->skim = skim_new(video->codecpar, video->time_base,
                           (double)proxy->result.fps_num / proxy->result.fps_den,
                           (double)probe->fps_den / probe->fps_num);
    if (proxy->skim != NULL)
        source_choose(proxy->source, wants, proxy);
}

static int open_input(struct proxy *proxy, struct err *err)
{
    const struct probe *probe = proxy->wish->probe;
    const struct source_limits limits = { proxy->wish->max_pixels, proxy->wish->max_streams };
    int r = source_open(proxy->wish->source_fd, &limits, &proxy->source, err);
    if (r < 0)
        return r;
    source_set_start(proxy->source, probe->start_time);
    r = source_decode(proxy->source, SOURCE_PICTURE | SOURCE_SOUND, 0, AVDISCARD_DEFAULT, err);
    if (r < 0)
        return r;
    // Blocking in pictures that nobody refers to is gone once they are small.
    if (proxy->result.height < probe->height)
        source_decoder(proxy->source, SOURCE_PICTURE)->skip_loop_filter = AVDISCARD_NONREF;
    open_skim(proxy);
    return 0;
}

static int open_all(struct proxy *proxy, struct err *err)
{
    const struct probe *probe = proxy->wish->probe;
    struct proxy_result *result = &proxy->result;
    choose_shape(result, probe, proxy->wish->profile);
    proxy->slots = llrint(probe->duration * result->fps_num / result->fps_den);
    if (proxy->slots < 1)
        proxy->slots = 1;
    const struct shrink_wish shrink = { result->width, result->height, probe->rotation,
                                        probe->interlaced, matrix_of(probe) };
    proxy->shrink = shrink_new(&shrink);
    proxy->watch = watch_new();
    proxy->frame = av_frame_alloc();
    proxy->held = av_frame_alloc();
    if (proxy->frame == NULL || proxy->held == NULL)
        return source_libav_error(err, AVERROR(ENOMEM), "memory", "decode the video");
    int r = open_input(proxy, err);
    return r < 0 ? r : open_output(proxy, err);
}

// ---- the pass

// Shows the held picture in every slot from its own up to `end`.
static int show_held(struct proxy *proxy, int64_t end, struct err *err)
{
    AVFrame *picture;
    if (!proxy->holding || proxy->held_slot >= end)
        return 0;
    int r = shrink_make(proxy->shrink, proxy->held, &picture, err);
    for (; r >= 0 && proxy->held_slot < end; proxy->held_slot++)
        r = sink_picture(proxy->sink, picture, false, err);
    return r;
}

static int take_picture(struct proxy *proxy, double seconds, struct err *err)
{
    const struct proxy_result *result = &proxy->result;
    watch_add(proxy->watch, proxy->frame, seconds);
    proxy->result.last_picture = seconds;
    double slot = slot_of(seconds, (double)result->fps_num / result->fps_den);
    int64_t due = (int64_t)fmin(fmax(slot, 0), (double)proxy->slots);
    if (!proxy->holding)
        due = 0; // the first picture is shown from the beginning
    int r = show_held(proxy, due, err);
    if (r < 0 || due == proxy->slots)
        return r;
    av_frame_unref(proxy->held);
    av_frame_move_ref(proxy->held, proxy->frame);
    proxy->held_slot = due;
    proxy->holding = true;
    return 0;
}

static int decode_all(struct proxy *proxy, struct err *err)
{
    double duration = proxy->wish->probe->duration;
    int kind;
    while ((kind = source_frame(proxy->source, proxy->frame, err)) > 0) {
        double seconds = source_frame_time(proxy->frame);
        int r = kind == SOURCE_PICTURE
                    ? take_picture(proxy, seconds, err)
                    : soundtrack_add(proxy->soundtrack, proxy->frame, seconds, err);
        av_frame_unref(proxy->frame);
        if (r < 0)
            return r;
        if (kind == SOURCE_PICTURE && proxy->wish->progress != NULL)
            proxy->wish->progress(proxy->wish->context, fmin(1, seconds / duration));
    }
    return kind;
}

static int finish(struct proxy *proxy, struct signals *signals, struct err *err)
{
    if (!proxy->holding)
        return err_set(err, ERR_INPUT, "undecodable", "no picture of the video can be decoded");
    int r = show_held(proxy, proxy->slots, err);
    if (r < 0)
        return r;
    signals->duration = proxy->wish->probe->duration;
    signals->integrated_lufs = -70;
    signals->true_peak_db = -90;
    watch_finish(proxy->watch, signals);
    if (proxy->soundtrack != NULL) {
        r = soundtrack_finish(proxy->soundtrack, signals, err);
        if (r < 0)
            return r;
        proxy->result.silent = r == 0;
    }
    proxy->result.frames = sink_pictures(proxy->sink);
    proxy->result.damage = source_damage(proxy->source);
    return sink_finish(proxy->sink, err);
}

int proxy_make(const struct proxy_wish *wish, struct signals *ret_signals,
               struct proxy_result *ret_result, struct err *err)
{
    cleanup(release) struct proxy proxy = { .wish = wish };
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    int r = open_all(&proxy, err);
    if (r >= 0)
        r = decode_all(&proxy, err);
    if (r >= 0)
        r = finish(&proxy, &signals, err);
    if (r < 0)
        return r;
    *ret_result = proxy.result;
    *ret_signals = signals;
    signals = (struct signals)SIGNALS_INIT;
    return 0;
}
