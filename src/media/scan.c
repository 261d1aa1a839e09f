// Coded pictures of a part of a source; see scan.h.
#include "media/scan.h"

#include "media/packets.h"
#include <math.h>

enum { MOST_PICTURES = 1 << 17 }; // half an hour at 60 a second
static const double tolerance = 0.001;

static double time_of(struct source *source, const AVPacket *packet)
{
    return packet->pts == AV_NOPTS_VALUE
               ? NAN
               : (double)packet->pts * av_q2d(source_video(source)->time_base);
}

static double coding_time_of(struct source *source, const AVPacket *packet)
{
    return packet->dts == AV_NOPTS_VALUE
               ? -HUGE_VAL
               : (double)packet->dts * av_q2d(source_video(source)->time_base);
}

// Returns 1 with the next packet of pictures, 0 at the end, or a negative.
static int next_packet(struct source *source, AVPacket *packet, struct err *err)
{
    for (;;) {
        av_packet_unref(packet);
        int r = source_packet(source, packet, err);
        if (r <= 0 || packet->stream_index == source_video(source)->index)
            return r;
    }
}

// Moves so that the next packet is a sync picture at or before `start`, and reads it.
static int land(struct source *source, const struct nal_stream *units, double start,
                AVPacket *packet, struct err *err)
{
    for (double back = 0;; back = back > 0 ? 4 * back : 0.5) {
        bool beginning = start - back <= 0;
        int r = source_seek(source, fmax(start - back, 0), err);
        while (r >= 0 && (r = next_packet(source, packet, err)) > 0) {
            enum nal_picture kind = packets_classify(units, packet->data, (size_t)packet->size);
            if (kind == NAL_SYNC || kind == NAL_SYNC_OPEN)
                break;
            if (!beginning && time_of(source, packet) > start + tolerance)
                break;
        }
        if (r <= 0 || beginning || time_of(source, packet) <= start + tolerance)
            return r;
    }
}

static void add(struct scan *scan, struct source *source, const struct nal_stream *units,
                const AVPacket *packet)
{
    struct coded_picture picture = {
        .time = time_of(source, packet),
        .kind = packet->flags & AV_PKT_FLAG_CORRUPT
                    ? NAL_NO_PICTURE
                    : packets_classify(units, packet->data, (size_t)packet->size),
    };
    if (scan->count == scan->capacity) {
        scan->capacity = scan->capacity ? 2 * scan->capacity : 256;
        scan->pictures = xrealloc(scan->pictures, scan->capacity, sizeof *scan->pictures);
    }
    scan->is_timed = scan->is_timed && !isnan(picture.time);
    scan->pictures[scan->count++] = picture;
}

int scan_read(struct source *source, const struct nal_stream *units, double start, double end,
              struct scan *ret_scan, struct err *err)
{
    AVPacket *packet = av_packet_alloc();
    if (!packet)
        return source_libav_error(err, AVERROR(ENOMEM), "no_memory", "read the file");
    *ret_scan = (struct scan){ .is_timed = true };
    int r = land(source, units, start, packet, err);
    // Nothing is shown before it is decoded: behind the end in coding time there is nothing more.
    while (r > 0 && coding_time_of(source, packet) < end) {
        add(ret_scan, source, units, packet);
        if (ret_scan->count >= MOST_PICTURES)
            ret_scan->is_timed = false;
        if (!ret_scan->is_timed)
            break;
        r = next_packet(source, packet, err);
    }
    av_packet_free(&packet);
    return r < 0 ? r : 0;
}

void scan_release(struct scan *scan)
{
    free(base_take(&scan->pictures));
    scan->count = scan->capacity = 0;
}

static int changed(struct err *err)
{
    return err_set(err, ERR_RETRY, "changed", "the file gives other pictures than before");
}

int scan_replay(struct source *source, const struct scan *scan, size_t from, size_t to,
                scan_out *out, void *context, struct err *err)
{
    AVPacket *packet = av_packet_alloc();
    if (!packet)
        return source_libav_error(err, AVERROR(ENOMEM), "no_memory", "read the file");
    double first = scan->pictures[from].time;
    int r;
    for (double back = 0;; back = back > 0 ? 4 * back : 0.5) {
        bool beginning = first - back <= 0;
        r = source_seek(source, fmax(first - back, 0), err);
        while (r >= 0 && (r = next_packet(source, packet, err)) > 0)
            if (time_of(source, packet) == first || coding_time_of(source, packet) > first)
                break;
        if (r < 0 || beginning || (r > 0 && time_of(source, packet) == first))
            break;
    }
    for (size_t i = from; r >= 0 && i < to; i++) {
        if (r == 0 || time_of(source, packet) != scan->pictures[i].time)
            r = changed(err);
        if (r >= 0)
            r = out(context, i, packet, err);
        if (r >= 0 && i + 1 < to)
            r = next_packet(source, packet, err);
    }
    av_packet_free(&packet);
    return r < 0 ? r : 0;
}
