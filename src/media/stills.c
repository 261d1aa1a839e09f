#include "media/stills.h"

#include "media/jpeg.h"
#include "media/nal.h"
#include "media/source.h"
#include "spool/slot.h"
#include <math.h>

enum { AVCC_BYTES = 7 }; // of the decoder's configuration, up to the first parameter set
// A proxy is as large as its profile, whatever the source was.
static const struct source_limits limits = { .max_pixels = 1 << 24, .max_streams = 4 };

struct stills {
    const struct stills_wish *wish;
    const struct frames *frames;
    size_t next; // of them
    struct source *source;
    struct nal_stream units;
    AVFrame *frame, *shown; // shown: the last one decoded
    double shown_at;        // seconds
};

static void release(struct stills *stills)
{
    source_free(&stills->source);
    av_frame_free(&stills->frame);
    av_frame_free(&stills->shown);
}

// When the proxy shows it.
static double instant(const struct stills *stills, const struct frames_item *item)
{
    return fmax(slot_of(item->time, stills->wish->rate), 0) / stills->wish->rate;
}

// Is it one of those to come, or one that others refer to?  Of all to come, because a decoder is
// handed pictures some time before it hands them out.
static bool wants(void *context, const AVPacket *packet, double seconds)
{
    const struct stills *stills = context;
    double half = 0.5 / stills->wish->rate;
    if (nal_classify(&stills->units, packet->data, (size_t)packet->size) != NAL_DISPOSABLE)
        return true;
    for (size_t i = stills->next; i < stills->frames->count; i++) {
        double away = instant(stills, &stills->frames->items[i]) - seconds;
        if (away > -half)
            return away < half;
    }
    return false;
}

static void leave_out(struct stills *stills)
{
    const AVCodecParameters *video = source_video(stills->source)->codecpar;
    if (video->codec_id != AV_CODEC_ID_H264 || video->extradata_size < AVCC_BYTES)
        return;
    stills->units =
        (struct nal_stream){ .codec = NAL_H264, .length_size = (video->extradata[4] & 3) + 1 };
    source_choose(stills->source, wants, stills);
}

static int open_proxy(struct stills *stills, struct err *err)
{
    stills->shown_at = -1;
    stills->frame = av_frame_alloc();
    stills->shown = av_frame_alloc();
    if (!stills->frame || !stills->shown)
        return source_libav_error(err, AVERROR(ENOMEM), "no_memory", "decode the proxy");
    int r = source_open(stills->wish->proxy_fd, &limits, &stills->source, err);
    if (r >= 0)
        r = source_decode(stills->source, SOURCE_PICTURE, 0, AVDISCARD_DEFAULT, err);
    if (r >= 0)
        leave_out(stills);
    return r;
}

static int even(double value)
{
    int whole = (int)floor(value / 2 + 1e-6) * 2;
    return whole < 2 ? 2 : whole;
}

static void choose_size(struct stills *stills, struct frames *frames)
{
    const AVCodecParameters *video = source_video(stills->source)->codecpar;
    double pixels = (double)video->width * video->height;
    double scale = fmin(sqrt((double)stills->wish->max_pixels / pixels), 1);
    frames->width = even(video->width * scale);
    frames->height = even(video->height * scale);
}

// The time of the last key frame at or before `seconds`.
static double key_before(struct stills *stills, double seconds)
{
    AVStream *video = source_video(stills->source);
    double start = source_start(stills->source);
    int64_t at = llrint((seconds + start) / av_q2d(video->time_base));
    int index = av_index_search_timestamp(video, at, AVSEEK_FLAG_BACKWARD);
    const AVIndexEntry *entry = index < 0 ? NULL : avformat_index_get_entry(video, index);
    return entry ? (double)entry->timestamp * av_q2d(video->time_base) - start : 0;
}

// Decodes until the picture of the slot at `seconds` is shown, or the last one there is.
static int go_to(struct stills *stills, double seconds, struct err *err)
{
    double slot = 1 / stills->wish->rate;
    double key = key_before(stills, seconds);
    if (key > stills->shown_at + slot / 2) {
        int r = source_seek(stills->source, seconds, err);
        if (r < 0)
            return r;
        stills->shown_at = key - slot; // or earlier
    }
    while (stills->shown_at < seconds - slot / 2) {
        int kind = source_frame(stills->source, stills->frame, err);
        if (kind <= 0)
            return kind;
        stills->shown_at = source_frame_time(stills->frame);
        av_frame_unref(stills->shown);
        av_frame_move_ref(stills->shown, stills->frame);
    }
    return 0;
}

static int make_one(struct stills *stills, const struct frames_item *item, struct err *err)
{
    cleanup(free_ptr) uint8_t *jpeg = NULL;
    const struct frames *frames = stills->frames;
    size_t size = 0;
    int r = go_to(stills, instant(stills, item), err);
    if (r >= 0 && stills->shown->width < 1)
        return err_set(err, ERR_BUG, "no_still", "the proxy has no picture at %.3f s", item->time);
    if (r >= 0)
        r = jpeg_make(stills->shown, frames->width, frames->height, "no_still", &jpeg, &size, err);
    return r < 0 ? r : stills->wish->out(stills->wish->context, item, jpeg, size, err);
}

int stills_make(const struct stills_wish *wish, struct frames *frames, struct err *err)
{
    cleanup(release) struct stills stills = { .wish = wish, .frames = frames };
    int r = open_proxy(&stills, err);
    if (r < 0)
        return r;
    choose_size(&stills, frames);
    for (; stills.next < frames->count && r >= 0; stills.next++)
        r = make_one(&stills, &frames->items[stills.next], err);
    return r;
}
